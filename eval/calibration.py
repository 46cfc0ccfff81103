"""Are scores probabilities? Brier score, the calibration line, the expected calibration error and its bins.

In: labels `(n,)`, bool or 0 and 1, 1 = malignant; probabilities `(n,)` in [0, 1], each for the prevalence of the
cases at hand (`prevalence.shift` moves them there). Out: numbers, NaN where the data cannot give one; and their
resamples by patient, with patient `(n,)` and weights `(n_resamples, n_patients)` as in `resamples`.

Papers: Brier, Mon Weather Rev 78 (1950). Calibration line: Cox, Biometrika 45 (1958); the intercept at slope 1 beside
it: Van Calster et al., BMC Med 17 (2019). Expected calibration error on bins of equal count: Nguyen and O'Connor,
EMNLP (2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammomap.eval.cases import checked, checked_patients
from mammomap.eval.resamples import mean_bootstrap

_CLIP = 1e-6
_CACHE = 1 << 16  # numbers held at once


@dataclass(frozen=True)
class CalibrationLine:
    """logit(true rate) = intercept + slope * logit(stated probability); 0 and 1 if the statements are right.

    in_the_large: the intercept at slope 1; above 0 the statements are too low on the whole.
    """

    intercept: float
    slope: float
    in_the_large: float


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error and its bins `(k,)`, from low to high: cases, mean probability, observed rate."""

    value: float
    count: NDArray[np.int64]
    mean_probability: NDArray[np.float64]
    observed_rate: NDArray[np.float64]


@dataclass(frozen=True)
class CalibrationErrorResamples:
    """The error `(n_resamples,)` and the observed rate of each bin `(n_resamples, k)`, NaN where a bin is empty."""

    value: NDArray[np.float64]
    observed_rate: NDArray[np.float64]


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probability and label; in [0, 1], 0 is best; one class is fine; NaN without cases.

    Raises
    ------
    ValueError
        If arrays do not go together, labels are not 0 and 1, or a probability leaves [0, 1].
    """
    y, p = checked(labels, probabilities, probability=True)
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def brier_bootstrap(
    labels: ArrayLike, probabilities: ArrayLike, patient: ArrayLike, weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The Brier score of each resample. Errors as `brier`, and if patients and weights do not go together."""
    y, p = checked(labels, probabilities, probability=True)
    return mean_bootstrap((p - y) ** 2, patient, weights)


def calibration_line(labels: ArrayLike, probabilities: ArrayLike) -> CalibrationLine:
    """Intercept and slope of the logistic regression of the labels on the logit of the probabilities.

    Any real numbers. A slope below 1 means statements too extreme. Probabilities are kept 1e-6 away from 0 and 1.
    Intercept and slope are NaN where the likelihood has no maximum: one class, one probability for all, or a threshold
    that parts the classes; `in_the_large` is NaN with one class, and where no probability lies between 0 and 1.
    Errors as `brier`.
    """
    y, p = checked(labels, probabilities, probability=True)
    found = _lines(y, p, np.ones((1, len(y))))[0]
    return CalibrationLine(*(float(value) for value in found))


def calibration_bootstrap(
    labels: ArrayLike, probabilities: ArrayLike, patient: ArrayLike, weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Intercept, slope and intercept at slope 1 of each resample, `(n_resamples, 3)`. Errors as `brier_bootstrap`."""
    y, p = checked(labels, probabilities, probability=True)
    woman, w = checked_patients(patient, len(y), weights)
    block = max(1, _CACHE // max(1, len(y)))
    parts = [_lines(y, p, w[start : start + block, woman].astype(np.float64)) for start in range(0, len(w), block)]
    return np.concatenate(parts) if parts else np.empty((0, 3))


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> CalibrationError:
    """Mean distance of stated and observed rate over ten bins of equal count, weighted by count.

    In [0, 1], 0 is best; NaN without cases. It is never 0 by chance: even for perfect statements it is of the order
    of sqrt(10 / n). Bins are tenths of the sorted cases; equal probabilities stay in one bin, that of the first of
    them, so bins may be uneven or fewer, and the order of cases does not matter. Errors as `brier`.
    """
    y, p = checked(labels, probabilities, probability=True)
    tenth, n = _tenths(p), len(y)
    count = np.bincount(tenth, minlength=10)
    used = count > 0
    mean = np.bincount(tenth, p, 10)[used] / count[used]
    observed = np.bincount(tenth, y, 10)[used] / count[used]
    value = float((count[used] * np.abs(mean - observed)).sum() / n) if n else float("nan")
    return CalibrationError(value, count[used], mean, observed)


def calibration_error_bootstrap(
    labels: ArrayLike, probabilities: ArrayLike, patient: ArrayLike, weights: NDArray[np.floating]
) -> CalibrationErrorResamples:
    """The error and the observed rates of each resample, on the bins of the whole set.

    Resamples err further from 0 than the set itself, which errs further than the truth: their spread is of use
    (`intervals.interval`), their middle and percentiles are not. Errors as `brier_bootstrap`.
    """
    y, p = checked(labels, probabilities, probability=True)
    tenth = np.unique(_tenths(p), return_inverse=True)[1]
    inside = np.zeros((len(y), tenth.max(initial=-1) + 1))
    inside[np.arange(len(y)), tenth] = 1
    drawn, stated, seen = (
        mean_bootstrap(inside * values[:, None], patient, weights) for values in (np.ones(len(y)), p, y)
    )
    rate = np.divide(seen, drawn, out=np.full(seen.shape, np.nan), where=drawn > 0)
    return CalibrationErrorResamples(np.abs(stated - seen).sum(axis=1) if len(y) else np.full(len(drawn), np.nan), rate)


def _tenths(p: NDArray[np.float64]) -> NDArray[np.int64]:
    """The bin of each case, 0 to 9."""
    return np.searchsorted(np.sort(p), p, side="left") * 10 // max(len(p), 1)


def _lines(y: NDArray[np.bool_], p: NDArray[np.float64], w: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intercept, slope and intercept at slope 1 for each row of case weights `(b, n)`: `(b, 3)`."""
    between = (p > _CLIP) & (p < 1 - _CLIP)
    p = np.clip(p, _CLIP, 1 - _CLIP)
    x = np.log(p / (1 - p))
    drawn = w > 0
    (low_1, high_1), (low_0, high_0) = (
        (
            np.where(drawn[:, of], x[of], np.inf).min(axis=1, initial=np.inf),
            np.where(drawn[:, of], x[of], -np.inf).max(axis=1, initial=-np.inf),
        )
        for of in (y, ~y)
    )
    both = np.isfinite(low_1) & np.isfinite(low_0)
    mixed = both & (low_1 < high_0) & (high_1 > low_0)
    found = np.full((len(w), 3), np.nan)
    found[mixed, :2] = _logistic(np.stack([np.ones_like(x), x], axis=1), np.zeros_like(x), y, w[mixed])
    both &= drawn[:, between].any(axis=1)
    found[both, 2:] = _logistic(np.ones((len(x), 1)), x, y, w[both])
    return found


def _logistic(
    design: NDArray[np.float64], offset: NDArray[np.float64], y: NDArray[np.bool_], w: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients `(b, d)` of the likeliest logistic regression for each row of weights: Newton, steps halved."""
    squares = (design[:, :, None] * design[:, None, :]).reshape(len(design), design.shape[1] ** 2)

    def at(beta: NDArray[np.float64], w: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fitted rates and losses, with plain exp and log, which numpy does many times faster than expit."""
        logit = beta @ design.T + offset
        shrunk = np.exp(-np.abs(logit))
        loss = (w * (np.log(1 + shrunk) + np.maximum(np.where(y, -logit, logit), 0))).sum(axis=1)
        return np.where(logit >= 0, 1, shrunk) / (1 + shrunk), loss

    beta = np.zeros((len(w), design.shape[1]))
    fitted, loss = at(beta, w)
    for _ in range(100 if len(w) else 0):
        slope = (w * (y - fitted)) @ design
        curvature = ((w * fitted * (1 - fitted)) @ squares).reshape(*beta.shape, design.shape[1])
        step = np.linalg.solve(curvature, slope[..., None])[..., 0]
        fitted, new = at(beta + step, w)
        while (worse := (new > loss) & (np.abs(step).max(axis=1) > 1e-6)).any():  # smaller ones are lost in rounding
            step[worse] /= 2
            fitted[worse], new[worse] = at(beta[worse] + step[worse], w[worse])
        beta, loss = beta + step, new
        if np.abs(step).max() < 1e-10:
            break
    return beta
