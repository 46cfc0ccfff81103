"""Figures of a ranking, from counts: how many positives and negatives stand at or above each threshold.

In: tp and fp `(..., k + 1)`, whole numbers as float64; the last axis runs over the thresholds from infinity (nobody
is called: 0, 0) down to the lowest score (everybody). Equal scores enter together. Axes before the last are resamples:
the value and all its resamples come from the same lines. Out: `(...)`, NaN where a class is absent.

Papers: trapezium and its link to ranks: Bamber, J Math Psychol 12 (1975). Partial area and its scale: McClish, Med
Decis Making 9 (1989). Average precision as a sum of steps, since a straight line between two points of a
precision-recall curve promises too much: Davis and Goadrich, ICML (2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]


def area(tp: Counts, fp: Counts) -> NDArray[np.float64]:
    """Area under the ROC curve, in [0, 1]: sum of (step of fp) * (mean of tp at its ends) / (positives * negatives)."""
    return _of_both(tp, fp, (np.diff(fp) * (tp[..., 1:] + tp[..., :-1]) / 2).sum(-1) / _pairs(tp, fp))


def partial_area(tp: Counts, fp: Counts, max_fpr: float) -> NDArray[np.float64]:
    """Area over false positive rates 0 to `max_fpr`, on McClish's scale: 1 is perfect, 0.5 the diagonal; can be less.

    Formula: (1 + (A - m) / (M - m)) / 2, with A the area under straight lines between the points, m = max_fpr**2 / 2
    that of the diagonal and M = max_fpr that of a perfect curve. At `max_fpr` 1 it is `area`.

    Raises
    ------
    ValueError
        If `max_fpr` is not above 0 and at most 1.
    """
    if not 0 < max_fpr <= 1:
        raise ValueError(f"max_fpr is {max_fpr}, wanted above 0, at most 1")
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = fp / fp[..., -1:], tp / tp[..., -1:]
        width = np.diff(x)
        kept = np.clip(max_fpr - x[..., :-1], 0, width)
        share = np.divide(kept, width, out=np.zeros_like(width), where=width > 0)
        inside = (kept * (y[..., :-1] + share * np.diff(y) / 2)).sum(-1)
    lowest = max_fpr**2 / 2
    return _of_both(tp, fp, (1 + (inside - lowest) / (max_fpr - lowest)) / 2)


def precision_area(tp: Counts, fp: Counts) -> NDArray[np.float64]:
    """Average precision, in [0, 1]: sum of (step of recall) * (precision at its lower threshold); no interpolation."""
    called = tp + fp
    precision = np.divide(tp, called, out=np.zeros_like(called), where=called > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _of_both(tp, fp, (np.diff(tp) * precision[..., 1:]).sum(-1) / tp[..., -1])


def sensitivity_reached(tp: Counts, fp: Counts, specificity: float) -> NDArray[np.float64]:
    """The highest sensitivity at a specificity of at least this; in [0, 1], no interpolation.

    Raises
    ------
    ValueError
        If `specificity` leaves [0, 1].
    """
    if not 0 <= specificity <= 1:
        raise ValueError(f"specificity is {specificity}, wanted [0, 1]")
    negatives = fp[..., -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        allowed = (negatives - fp) / negatives >= specificity  # falls along the axis: its count is its length
        return _of_both(tp, fp, _at(tp, allowed.sum(-1) - 1) / tp[..., -1])


def specificity_reached(tp: Counts, fp: Counts, sensitivity: float) -> NDArray[np.float64]:
    """The highest specificity at a sensitivity of at least this; in [0, 1], no interpolation.

    Raises
    ------
    ValueError
        If `sensitivity` leaves [0, 1].
    """
    if not 0 <= sensitivity <= 1:
        raise ValueError(f"sensitivity is {sensitivity}, wanted [0, 1]")
    with np.errstate(invalid="ignore", divide="ignore"):
        reached = tp / tp[..., -1:] >= sensitivity
        return _of_both(tp, fp, (fp[..., -1] - _at(fp, reached.argmax(-1))) / fp[..., -1])


def _at(values: Counts, step: NDArray[np.int64]) -> NDArray[np.float64]:
    """The entry at one step of the last axis."""
    return np.take_along_axis(values, np.asarray(step)[..., None], axis=-1)[..., 0]


def _pairs(tp: Counts, fp: Counts) -> NDArray[np.float64]:
    """Positives times negatives; NaN where there are none, so that a division by it warns of nothing."""
    pairs = np.asarray(tp[..., -1] * fp[..., -1])
    return np.where(pairs > 0, pairs, np.nan)


def _of_both(tp: Counts, fp: Counts, value: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where((tp[..., -1] > 0) & (fp[..., -1] > 0), value, np.nan)
