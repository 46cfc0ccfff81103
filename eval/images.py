"""Scores of images against labels: how well they rank.

In: labels `(n,)`, bool or 0 and 1, 1 = malignant; scores `(n,)`, finite, higher is more suspicious. A case may be an
image, a breast or a woman: the caller says which. Out: numbers, NaN where a class is absent. No figure here changes
under an increasing transform of the scores. Whether scores are probabilities is asked in `calibration`, what they
mean in another population in `prevalence`; resamples by patient are made in `resamples`.

Papers: the area as a win rate: Bamber, J Math Psychol 12 (1975), Hanley and McNeil, Radiology 143 (1982); partial
area: McClish, Med Decis Making 9 (1989); precision and recall: Davis and Goadrich, ICML (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammomap.eval.cases import checked
from mammomap.eval.curves import area, partial_area, precision_area, sensitivity_reached, specificity_reached


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
class PrecisionRecall:
    """A point for each distinct score, thresholds falling, so recall never falls. `prevalence` is the chance line.

    precision, recall, thresholds: `(k,)` float64; recall is NaN without positives. Precision holds at the prevalence
    of these cases only: `prevalence.ppv` moves it.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    prevalence: float


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold (call at or above it) and what it gives on the cases that it was read from."""

    threshold: float
    sensitivity: float
    specificity: float


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: how often a positive scores above a negative, ties counted half.

    In [0, 1], 0.5 for scores that say nothing; NaN if a class is absent.

    Raises
    ------
    ValueError
        If arrays do not go together, labels are not 0 and 1, or a score is not finite.
    """
    return float(area(*counts(labels, scores)[1:]))


def partial_auc(labels: ArrayLike, scores: ArrayLike, max_fpr: float) -> float:
    """Area under the ROC curve over false positive rates 0 to `max_fpr`, on McClish's scale.

    1 is perfect, 0.5 the diagonal, whatever `max_fpr`; less than 0.5 is below the diagonal; NaN if a class is absent.
    Errors as `auc`, and if `max_fpr` is not above 0 and at most 1.
    """
    return float(partial_area(*counts(labels, scores)[1:], max_fpr))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Mean over the positives of the precision at the threshold that finds each; equal scores enter together.

    In (0, 1]; a constant score gives the prevalence, and so do random ones in large sets. It hangs on the prevalence
    of the cases: compare within one set only. NaN if a class is absent. Errors as `auc`.
    """
    return float(precision_area(*counts(labels, scores)[1:]))


def roc_curve(labels: ArrayLike, scores: ArrayLike) -> Roc:
    """The ROC curve, all distinct scores kept. Without cases it is the point (NaN, NaN). Errors as `auc`."""
    thresholds, tp, fp = counts(labels, scores)
    with np.errstate(invalid="ignore"):
        return Roc(fp / fp[-1], tp / tp[-1], thresholds)


def precision_recall_curve(labels: ArrayLike, scores: ArrayLike) -> PrecisionRecall:
    """The precision-recall curve, all distinct scores kept; no points without cases. Errors as `auc`."""
    thresholds, tp, fp = counts(labels, scores)
    cases = tp[-1] + fp[-1]
    with np.errstate(invalid="ignore"):
        recall = tp[1:] / tp[-1]
    return PrecisionRecall(
        tp[1:] / (tp[1:] + fp[1:]), recall, thresholds[1:], float(tp[-1] / cases) if cases else float("nan")
    )


def sensitivity_at_specificity(labels: ArrayLike, scores: ArrayLike, specificity: float) -> OperatingPoint:
    """The threshold with the highest sensitivity among those of at least this specificity; the highest of equal ones.

    Sensitivity in [0, 1]; it is 0 at threshold infinity (nobody called) if every score calls too many. All NaN if a
    class is absent. No interpolation. Errors as `auc`, and if `specificity` leaves [0, 1].
    """
    thresholds, tp, fp = counts(labels, scores)
    best = float(sensitivity_reached(tp, fp, specificity))
    return _point(thresholds, tp, fp, tp >= np.rint(best * tp[-1])) if np.isfinite(best) else _NOWHERE


def specificity_at_sensitivity(labels: ArrayLike, scores: ArrayLike, sensitivity: float) -> OperatingPoint:
    """The threshold with the highest specificity among those of at least this sensitivity; the highest of equal ones.

    Specificity in [0, 1]; it is 0 where all cases must be called. All NaN if a class is absent. No interpolation.
    Errors as `auc`, and if `sensitivity` leaves [0, 1].
    """
    thresholds, tp, fp = counts(labels, scores)
    if not np.isfinite(specificity_reached(tp, fp, sensitivity)):
        return _NOWHERE
    return _point(thresholds, tp, fp, tp / tp[-1] >= sensitivity)


def counts(
    labels: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Thresholds from infinity down the distinct scores, and the positives and negatives at or above each, `(k + 1,)`.

    What the functions of `curves` take. Errors as `auc`.
    """
    y, s = checked(labels, scores)
    falling, step = np.unique(-s, return_inverse=True)
    tp, fp = (np.bincount(step[of] + 1, minlength=len(falling) + 1).cumsum().astype(np.float64) for of in (y, ~y))
    return np.concatenate([[np.inf], -falling]), tp, fp


_NOWHERE = OperatingPoint(float("nan"), float("nan"), float("nan"))


def _point(
    thresholds: NDArray[np.float64], tp: NDArray[np.float64], fp: NDArray[np.float64], reached: NDArray[np.bool_]
) -> OperatingPoint:
    """The first threshold that has reached what was asked."""
    k = int(np.argmax(reached))
    return OperatingPoint(float(thresholds[k]), float(tp[k] / tp[-1]), float((fp[-1] - fp[k]) / fp[-1]))
