"""Systems against each other on the same cases: paired differences, their p values, and ranks that hold jointly.

In: the value of each system and its resamples, all made with the same weights row by row, so that a hard resample is
hard for both. Higher is better: hand over a Brier score with its sign changed. Out: intervals of differences; p values,
and those after Holm's step-down for as many comparisons as were made; the place of each system.

A rank's interval counts the systems that are better or worse beyond doubt: rank 1 + (number significantly better) to
n - (number significantly worse), over all pairs, Holm's p below 1 - level. So all ranks together hold with the level's
probability, also where systems are equal; percentiles of resampled ranks do not.

Papers: Holm, Scand J Stat 6 (1979); joint intervals of ranks from tests: Al Mohamad et al., Biometrics 78 (2022);
why resampled ranks fail at ties: Xie, Singh and Zhang, J Am Stat Assoc 104 (2009).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from mammomap.eval.intervals import Interval, interval


@dataclass(frozen=True)
class Ranks:
    """Place of each system, `(n_systems,)` float64, 1 is best; equal values share the better place; NaN: no figure.

    low, high: the places that each may hold, jointly at `level`. n_comparisons: the pairs that Holm's p allows for.
    """

    rank: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    level: float
    n_comparisons: int
    method: str


def paired_difference(
    a_value: float,
    a_samples: ArrayLike,
    b_value: float,
    b_samples: ArrayLike,
    *,
    n_patients: int,
    carrying: int | None = None,
    level: float = 0.95,
) -> Interval:
    """The interval of a minus b, figures in [0, 1]. Both must come from the same weights, row by row.

    A resample where either has no figure is left out. Two figures at one bound differ by 0 in all resamples: the
    interval then reaches as far as either's own would. carrying: as in `intervals.interval`. The interval is for this
    pair alone: several comparisons want `holm`.

    Raises
    ------
    ValueError
        As `intervals.interval`, and if the two have different numbers of resamples.
    """
    a, b = np.asarray(a_samples, np.float64), np.asarray(b_samples, np.float64)
    if a.shape != b.shape:
        raise ValueError(f"resamples {a.shape} and {b.shape}, wanted the same draws for both")
    found = interval(
        a_value - b_value, a - b, n_patients=n_patients, carrying=carrying, bounds=(-1.0, 1.0), level=level
    )
    if a_value == b_value and a_value in (0, 1):
        alone = interval(a_value, a, n_patients=n_patients, carrying=carrying, level=level)
        reach = alone.high - alone.low
        return replace(found, low=-reach, high=reach, method=alone.method)
    return found


def difference_p(
    a_value: float,
    a_samples: ArrayLike,
    b_value: float,
    b_samples: ArrayLike,
    *,
    n_patients: int,
    carrying: int | None = None,
) -> float:
    """Two-sided p of no difference; below 0.05 where the 95 % interval of `paired_difference` leaves out 0.

    1 for figures that are equal in all resamples; NaN where there is no interval, or no spread to measure by.
    Errors as `paired_difference`.
    """
    n = n_patients if carrying is None else carrying
    found = paired_difference(a_value, a_samples, b_value, b_samples, n_patients=n_patients, carrying=carrying)
    samples = np.asarray(a_samples, np.float64) - np.asarray(b_samples, np.float64)
    if np.isnan(found.low):
        return float("nan")
    spread = float(np.nanstd(samples, ddof=1)) * np.sqrt(n / (n - 1))
    if spread == 0:
        return 1.0 if found.value == 0 else float("nan")
    return float(2 * student.sf(abs(found.value) / spread, n - 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Holm's p values `(m,)`: below a level, the chance of any false one among all m is below that level.

    Formula: sorted, p_k * (m - k + 1) for k = 1 to m, never falling, at most 1. NaN stays NaN and counts in m.

    Raises
    ------
    ValueError
        If there is more than one axis or a number leaves [0, 1].
    """
    p = np.asarray(p_values, np.float64)
    if p.ndim != 1 or ((p < 0) | (p > 1)).any():
        raise ValueError(f"p values {p.shape}, wanted one axis and numbers in [0, 1]")
    order = np.argsort(p, kind="stable")
    grown = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
    adjusted = np.empty(len(p))
    adjusted[order] = grown
    return adjusted


def ranks(
    values: ArrayLike, samples: ArrayLike, *, n_patients: int, carrying: int | None = None, level: float = 0.95
) -> Ranks:
    """The place of each system by its value `(n_systems,)`, resamples `(n_systems, n_resamples)`.

    A pair whose p is NaN is not told apart. Errors as `paired_difference`.
    """
    value, drawn = np.asarray(values, np.float64), np.asarray(samples, np.float64)
    if value.ndim != 1 or drawn.ndim != 2 or len(value) != len(drawn):
        raise ValueError(f"values {value.shape}, samples {drawn.shape}; wanted (n_systems,) and a row of each")
    known = np.flatnonzero(~np.isnan(value))
    pairs = list(combinations(known.tolist(), 2))
    p = holm(
        [
            difference_p(value[a], drawn[a], value[b], drawn[b], n_patients=n_patients, carrying=carrying)
            for a, b in pairs
        ]
    )
    rank, low, high = (np.full(len(value), np.nan) for _ in range(3))
    rank[known] = [1 + (value[known] > value[k]).sum() for k in known]
    low[known], high[known] = 1, len(known)
    for (a, b), chance in zip(pairs, p, strict=True):
        if chance < 1 - level:
            better, worse = (a, b) if value[a] > value[b] else (b, a)
            low[worse] += 1
            high[better] -= 1
    method = f"paired t of resamples by patient, Holm over {len(pairs)} comparisons"
    return Ranks(rank, low, high, level, len(pairs), method)
