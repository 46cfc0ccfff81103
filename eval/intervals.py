"""Intervals by patient: resample women, never images.

In: the patient of each case. Out: how often each woman is drawn in each resample; then, from a figure's resamples,
its interval. Films of one woman are alike, so resampling films would promise more than is known: doubling every film
of every woman must not narrow an interval, and here it does not.

Convention: women are drawn with replacement, as many as there are (of each stratum). The interval that the report
gives is `interval`: the standard deviation of the resamples on the scale of the logit, with Student's t. It was chosen
by simulation (`study/coverage.py`, table in `docs/metrics-images.md`): it covers in sets of 40 women, where
percentiles are too short. A figure at its bound (an AUC of 1, a sensitivity of 0) has no spread in its resamples,
though the truth may well lie elsewhere: there the interval is the exact binomial one of as many trials as women carry
the figure, each woman one trial however many films she has.

Papers: Efron, Ann Stat 7 (1979); resampling of clusters: Field and Welsh, J R Stat Soc B 69 (2007); Rutter, Acad
Radiol 7 (2000); the logit for areas near 1: Pepe, The Statistical Evaluation of Medical Tests (2003), 5.2; the exact
interval: Clopper and Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import t as student

_BLOCK = 1 << 16  # draws held at once
_NEAR = 1e-12  # a figure this near to its bound is at it


@dataclass(frozen=True)
class Interval:
    """A figure and its interval.

    level: how often such an interval should hold the truth. n_patients: women that were resampled. n_resamples:
    resamples that gave a figure. n_left_out: those that gave none (NaN: one class only, no lesion). method: how low
    and high were found, in words for the page; it begins with "none" where they are NaN, and says why.
    """

    value: float
    low: float
    high: float
    level: float
    n_patients: int
    n_resamples: int
    n_left_out: int
    method: str


def patient_weights(
    patient_index: NDArray[np.integer],
    n_resamples: int,
    seed: int,
    strata: NDArray | None = None,
) -> NDArray[np.float32]:
    """How often each patient is drawn in each resample, `(n_resamples, n_patients)`, whole numbers.

    patient_index: `(n_cases,)` int, the patient of each case; all numbers from 0 to n_patients - 1 occur. The draws
    depend on n_patients, seed and strata only, not on cases or their order. strata: `(n_patients,)`, a label for each
    patient, e.g. whether any of her cases is positive: then as many of each label are drawn as there are. Each row
    sums to n_patients.

    Raises
    ------
    ValueError
        If the numbers have gaps, there is no patient, or strata has another length.
    """
    index = np.asarray(patient_index)
    if index.ndim != 1 or not len(index) or not np.issubdtype(index.dtype, np.integer):
        raise ValueError(f"patient_index is {index.dtype} {index.shape}, wanted integers (n_cases,), at least one")
    seen = np.unique(index)
    n_patients = len(seen)
    if seen[0] != 0 or seen[-1] != n_patients - 1:
        raise ValueError(f"patients are numbered {seen[0]} to {seen[-1]} but are {n_patients}; wanted no gaps from 0")
    labels = np.zeros(n_patients, np.int64) if strata is None else np.asarray(strata)
    if labels.shape != (n_patients,):
        raise ValueError(f"strata is {labels.shape}, wanted one label for each of {n_patients} patients")
    rng = np.random.default_rng(seed)
    weights = np.zeros((n_resamples, n_patients), np.float32)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        n, block = len(members), max(1, _BLOCK // len(members))
        for start in range(0, n_resamples, block):
            rows = min(block, n_resamples - start)
            drawn = rng.integers(0, n, (rows, n)) + n * np.arange(rows)[:, None]
            times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)
            weights[start : start + rows, members] = times
    return weights


def interval(
    value: float,
    samples: ArrayLike,
    *,
    n_patients: int,
    carrying: int | None = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    level: float = 0.95,
) -> Interval:
    """The interval of a figure from its resamples by patient `(n_resamples,)`; NaN ones are left out and counted.

    carrying: women that carry the figure, at most n_patients: for a sensitivity or a mean those that have a case in
    it, for an AUC and its like `cases.women_carrying`. Its t has one degree of freedom less. None: unknown, taken as
    n_patients, and then a figure at a bound gets no interval. bounds: the range of the figure; (-1, 1) or None, a
    figure without bounds (a calibration slope), for an interval on the figure's own scale.

    A figure that is the same in all resamples without being at a bound gets an interval of no width, e.g. the AUC 0.5
    of a constant score: no resample of these women could give another.

    Raises
    ------
    ValueError
        If `samples` has more than one axis, `level` is not between 0 and 1, the value leaves its bounds, or carrying
        is more than n_patients.
    """
    kept, left_out = _kept(samples, level)
    n = n_patients if carrying is None else carrying
    shrunk = math.sqrt((n - 1) / n) if n > 1 else 1.0  # n draws from n women spread by this much less than n women
    spread = float(np.std(kept, ddof=1)) / shrunk if len(kept) > 1 else float("nan")
    low, high, method = _limits(value, spread, n_patients, carrying, bounds, level)
    if not method.startswith(("none", "exact")):
        method += ", bootstrap by patient"
    return Interval(float(value), low, high, level, int(n_patients), len(kept), left_out, method)


def interval_of_variance(
    value: float,
    variance: float,
    *,
    n_patients: int,
    carrying: int | None = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
    level: float = 0.95,
) -> Interval:
    """As `interval`, from a variance by formula (`clustered.delong`, `clustered.obuchowski`), with no resample.

    Errors as `interval`, and if the variance is negative.
    """
    if variance < 0 or not 0 < level < 1:
        raise ValueError(f"variance {variance}, level {level}; wanted at least 0, and a level between 0 and 1")
    low, high, method = _limits(value, math.sqrt(variance), n_patients, carrying, bounds, level)
    return Interval(float(value), low, high, level, int(n_patients), 0, 0, method)


def percentile_interval(value: float, samples: ArrayLike, *, n_patients: int, level: float = 0.95) -> Interval:
    """The plain percentiles of the resamples, for bands along a curve. Too short in small sets: see `interval`.

    Errors as `interval`.
    """
    kept, left_out = _kept(samples, level)
    low = high = float("nan")
    method = "none: no resample gives the figure"
    if len(kept) and not np.isnan(value):
        low, high = (float(q) for q in np.quantile(kept, [(1 - level) / 2, (1 + level) / 2]))
        method = "percentiles, bootstrap by patient"
    return Interval(float(value), low, high, level, int(n_patients), len(kept), left_out, method)


def _kept(samples: ArrayLike, level: float) -> tuple[NDArray[np.float64], int]:
    """The resamples that gave a figure, and how many did not."""
    drawn = np.asarray(samples, np.float64)
    if drawn.ndim != 1 or not 0 < level < 1:
        raise ValueError(f"samples {drawn.shape}, level {level}; wanted one axis and a level between 0 and 1")
    kept = drawn[~np.isnan(drawn)]
    return kept, len(drawn) - len(kept)


def _limits(
    value: float, spread: float, n_patients: int, carrying: int | None, bounds: tuple[float, float] | None, level: float
) -> tuple[float, float, str]:
    """Low, high and the method in words."""
    if carrying is not None and not 0 <= carrying <= n_patients:
        raise ValueError(f"{carrying} women carry the figure of {n_patients}")
    if bounds is not None and not np.isnan(value):
        if not bounds[0] - _NEAR <= value <= bounds[1] + _NEAR:
            raise ValueError(f"the figure is {value}, wanted {bounds[0]} to {bounds[1]}")
        value = next((bound for bound in bounds if abs(value - bound) <= _NEAR), value)
    none = float("nan")
    n = n_patients if carrying is None else carrying
    if np.isnan(value):
        return none, none, "none: the set does not give the figure"
    if n < 2:
        return none, none, f"none: {n} women carry the figure, too few"
    if bounds is not None and value in bounds:
        if carrying is None:
            return none, none, "none: the figure is at its bound"
        reach = (bounds[1] - bounds[0]) * (1 - ((1 - level) / 2) ** (1 / n))
        low, high = (value, value + reach) if value == bounds[0] else (value - reach, value)
        return low, high, f"exact binomial limit of {n} women, the figure being at its bound"
    if np.isnan(spread):
        return none, none, "none: fewer than two resamples give the figure"
    reach = float(student.ppf((1 + level) / 2, n - 1)) * spread
    if bounds != (0, 1):
        low, high = np.clip([value - reach, value + reach], *(bounds or (-np.inf, np.inf)))
        return float(low), float(high), "Student's t"
    half = reach / (value * (1 - value))
    return float(expit(logit(value) - half)), float(expit(logit(value) + half)), "Student's t on the logit"
