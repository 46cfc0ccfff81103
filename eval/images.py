"""Scores of images against labels: how well they rank, and whether they are probabilities.

In: labels `(n,)`, bool or 0 and 1, 1 = malignant; scores `(n,)`, finite, higher is more suspicious. A case may be an
image, a breast or a woman: the caller says which. Out: numbers, NaN where the data cannot give one.

Papers: the area as a win rate: Bamber, J Math Psychol 12 (1975), Hanley and McNeil, Radiology 143 (1982); its
resamples by patient: Rutter, Acad Radiol 7 (2000). Brier, Mon Weather Rev 78 (1950). Calibration line: Cox,
Biometrika 45 (1958). Expected calibration error on bins of equal count: Nguyen and O'Connor, EMNLP (2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import rankdata

_CLIP = 1e-6
_BLOCK = 1 << 22  # comparisons held at once


@dataclass(frozen=True)
class Roc:
    """The curve from (0, 0), threshold infinity, to (1, 1), the lowest score: a point for each distinct score.

    thresholds, fpr, tpr: `(k,)` float64; a case is called when its score is at or above the threshold. fpr is NaN
    without negatives, tpr without positives.
    """

    fpr: NDArray[np.float64]
    tpr: NDArray[np.float64]
    thresholds: NDArray[np.float64]


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (call at or above it) and what it gives on the cases that it was read from."""

    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True)
class CalibrationLine:
    """logit(true rate) = intercept + slope * logit(stated probability); 0 and 1 if the statements are right."""

    intercept: float
    slope: float


@dataclass(frozen=True)
class CalibrationError:
    """Expected calibration error and its bins `(k,)`, from low to high: cases, mean probability, observed rate."""

    value: float
    count: NDArray[np.int64]
    mean_probability: NDArray[np.float64]
    observed_rate: NDArray[np.float64]


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counted half.

    In [0, 1], 0.5 for scores that say nothing; NaN if a class is absent. Formula: (sum of the positives' mean ranks
    - p (p + 1) / 2) / (p n).

    Raises
    ------
    ValueError
        If arrays do not go together, labels are not 0 and 1, or a score is not finite.
    """
    y, s = _checked(labels, scores)
    p = int(y.sum())
    n = len(y) - p
    if not p or not n:
        return float("nan")
    return float((rankdata(s)[y].sum() - p * (p + 1) / 2) / (p * n))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> Roc:
    """The ROC curve, all distinct scores kept. Without cases it is the point (NaN, NaN). Errors as `auc`."""
    y, s = _checked(labels, scores)
    falling, rank = np.unique(-s, return_inverse=True)
    with np.errstate(invalid="ignore"):
        tpr, fpr = (
            np.concatenate([[0], np.cumsum(np.bincount(rank[of], minlength=len(falling)))]) / np.float64(of.sum())
            for of in (y, ~y)
        )
    return Roc(fpr, tpr, np.concatenate([[np.inf], -falling]))


def sensitivity_at_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> OperatingPoint:
    """The threshold with the highest sensitivity among those of at least this specificity; the highest of equal ones.

    Sensitivity in [0, 1]; it is 0 at threshold infinity (nobody called) if every score calls too many. All NaN if a
    class is absent. No interpolation. Errors as `auc`, and if `specificity` leaves [0, 1].
    """
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity is {specificity}, wanted [0, 1]")
    curve = roc_curve(labels, scores)
    if np.isnan(curve.fpr).any() or np.isnan(curve.tpr).any():
        return OperatingPoint(float("nan"), float("nan"), float("nan"))
    negatives = np.count_nonzero(~_checked(labels, scores)[0])
    true_negatives = negatives - np.rint(curve.fpr * negatives)
    allowed = np.flatnonzero(true_negatives / negatives >= specificity)
    best = allowed[np.argmax(curve.tpr[allowed])]
    return OperatingPoint(
        float(curve.thresholds[best]), float(curve.tpr[best]), float(true_negatives[best] / negatives)
    )


def auc_bootstrap(
    labels: ArrayLike, scores: ArrayLike, patient: NDArray[np.integer], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The AUC of each resample of patients, `(n_resamples,)`; NaN where a resample has one class only.

    patient: `(n,)` int, the patient of each case. weights: `(n_resamples, n_patients)` of `patient_weights`.
    Formula: w'U w / ((w'p) (w'n)), where U[a, b] counts the wins of a's positives over b's negatives, ties half, and
    p, n the positives and negatives of each patient.

    Raises
    ------
    ValueError
        As `auc`, and if patients and weights do not go together.
    """
    y, s = _checked(labels, scores)
    patient = np.asarray(patient)
    if patient.shape != y.shape or weights.ndim != 2:
        raise ValueError(f"patient is {patient.shape}, weights {weights.shape}; wanted {y.shape} and 2 axes")
    n_patients = weights.shape[1]
    if len(y) and not (0 <= patient.min() and patient.max() < n_patients):
        raise ValueError(f"patients {patient.min()} to {patient.max()}, but weights for {n_patients}")
    w = np.asarray(weights, np.float64)
    wins = _wins(s[y], patient[y], s[~y], patient[~y], n_patients)
    pairs = (w @ np.bincount(patient[y], minlength=n_patients)) * (w @ np.bincount(patient[~y], minlength=n_patients))
    won = ((w @ wins) * w).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(w), np.nan), where=pairs > 0)


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Mean squared distance of probability and label; in [0, 1], 0 is best; one class is fine; NaN without cases.

    Raises
    ------
    ValueError
        As `auc`, and if a probability leaves [0, 1].
    """
    y, p = _checked(labels, probabilities, probability=True)
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def calibration_line(labels: ArrayLike, probabilities: ArrayLike) -> CalibrationLine:
    """Intercept and slope of the logistic regression of the labels on the logit of the probabilities.

    Any real numbers. A slope below 1 means statements too extreme; given slope 1, an intercept above 0 means too low.
    Probabilities are kept 1e-6 away from 0 and 1. Both are NaN where the likelihood has no maximum: one class, one
    probability for all, or a threshold that parts the classes. Errors as `brier`.
    """
    y, p = _checked(labels, probabilities, probability=True)
    p = np.clip(p, _CLIP, 1 - _CLIP)
    x = np.log(p / (1 - p))
    if y.all() or not y.any() or x[y].min() >= x[~y].max() or x[y].max() <= x[~y].min():
        return CalibrationLine(float("nan"), float("nan"))
    design = np.stack([np.ones_like(x), x], axis=1)

    def loss(beta: NDArray[np.float64]) -> float:
        return float(np.logaddexp(0, np.where(y, -1, 1) * (design @ beta)).sum())

    beta = np.zeros(2)
    for _ in range(100):
        fitted = expit(design @ beta)
        slope = design.T @ (y - fitted)
        curvature = design.T @ (design * (fitted * (1 - fitted))[:, None])
        step = np.linalg.solve(curvature, slope)
        while loss(beta + step) > loss(beta) and np.abs(step).max() > 1e-12:
            step /= 2
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    return CalibrationLine(float(beta[0]), float(beta[1]))


def expected_calibration_error(labels: ArrayLike, probabilities: ArrayLike) -> CalibrationError:
    """Mean distance of stated and observed rate over ten bins of equal count, weighted by count.

    In [0, 1], 0 is best; NaN without cases. It is never 0 by chance: even for perfect statements it is of the order
    of sqrt(10 / n). Bins are tenths of the sorted cases; equal probabilities stay in one bin, that of the first of
    them, so bins may be uneven or fewer, and the order of cases does not matter. Errors as `brier`.
    """
    y, p = _checked(labels, probabilities, probability=True)
    n = len(y)
    tenth = np.searchsorted(np.sort(p), p, side="left") * 10 // max(n, 1)
    count = np.bincount(tenth, minlength=10)
    used = count > 0
    mean = np.bincount(tenth, p, 10)[used] / count[used]
    observed = np.bincount(tenth, y, 10)[used] / count[used]
    value = float((count[used] * np.abs(mean - observed)).sum() / n) if n else float("nan")
    return CalibrationError(value, count[used], mean, observed)


def _wins(
    positives: NDArray[np.float64],
    positive_patient: NDArray[np.integer],
    negatives: NDArray[np.float64],
    negative_patient: NDArray[np.integer],
    n_patients: int,
) -> NDArray[np.float64]:
    """The matrix U of `auc_bootstrap`, `(n_patients, n_patients)`."""
    wins = np.zeros((n_patients, n_patients))
    if not len(positives) or not len(negatives):
        return wins
    order = np.argsort(negative_patient, kind="stable")
    negatives, owner = negatives[order], negative_patient[order]
    owners, first = np.unique(owner, return_index=True)
    block = max(1, _BLOCK // len(negatives))
    for start in range(0, len(positives), block):
        score = positives[start : start + block, None]
        won = (score > negatives) + 0.5 * (score == negatives)
        by_owner = np.zeros((len(score), n_patients))
        by_owner[:, owners] = np.add.reduceat(won, first, axis=1)
        np.add.at(wins, positive_patient[start : start + block], by_owner)
    return wins


def _checked(
    labels: ArrayLike, scores: ArrayLike, probability: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels as bool and scores as float64, both `(n,)`."""
    y, s = np.asarray(labels), np.asarray(scores, np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise ValueError(f"labels {y.shape} and scores {s.shape}, wanted two arrays of one length")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("labels must be 0 and 1, or bool")
    if not np.isfinite(s).all():
        raise ValueError("a score is not finite")
    if probability and len(s) and not (s.min() >= 0 and s.max() <= 1):
        raise ValueError(f"probabilities span {s.min()} to {s.max()}, wanted [0, 1]")
    return y.astype(bool), s
