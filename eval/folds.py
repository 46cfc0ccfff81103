"""One figure of a set whose folds were scored by different models.

Scores of two models stand on two scales: ranked together, a case of one fold is compared with one of another by
nothing but the models' offsets. Such scores are pooled only where each fold's were calibrated inside that fold, on
women that are not judged; else each fold gives its figure, and the mean of these is the set's.

In: a figure as it is resampled, `(labels, scores, patient, weights) -> (n_resamples,)`, e.g. `resamples.auc_bootstrap`
or `partial(rank_bootstrap, precision_area)`; labels, scores, patient `(n,)` as there; fold `(n,)`, a name for each
case. Draw weights with strata of fold and label, so that no resample lacks a class in a fold.

Paper: averaging or pooling the AUC over folds: Airola et al., Comput Stat Data Anal 55 (2011).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Resampled = Callable[[ArrayLike, ArrayLike, ArrayLike, NDArray[np.floating]], NDArray[np.float64]]


@dataclass(frozen=True)
class FoldFigure:
    """A figure over folds and its resamples; how says "pooled" or "mean of folds".

    folds, in sorted order, and in_folds `(n_folds,)`, the figure of each. A mean is NaN where a fold has no figure.
    """

    value: float
    samples: NDArray[np.float64]
    how: str
    folds: NDArray
    in_folds: NDArray[np.float64]


def pooled(
    figure: Resampled,
    labels: ArrayLike,
    scores: ArrayLike,
    patient: ArrayLike,
    fold: ArrayLike,
    weights: NDArray[np.floating],
    *,
    calibrated_in_folds: bool,
) -> FoldFigure:
    """The figure of all folds' cases ranked together.

    Raises
    ------
    ValueError
        If there are several folds and their scores were not calibrated inside each; if a woman is in two folds; if
        arrays do not go together.
    """
    each = fold_mean(figure, labels, scores, patient, fold, weights)
    if len(each.folds) > 1 and not calibrated_in_folds:
        raise ValueError(
            f"scores of {len(each.folds)} folds, not calibrated inside each, stand on as many scales; "
            "take the mean of the folds (fold_mean)"
        )
    ones = np.ones((1, np.shape(weights)[1]), np.float32)
    value = float(figure(labels, scores, patient, ones)[0])
    return FoldFigure(value, figure(labels, scores, patient, weights), "pooled", each.folds, each.in_folds)


def fold_mean(
    figure: Resampled,
    labels: ArrayLike,
    scores: ArrayLike,
    patient: ArrayLike,
    fold: ArrayLike,
    weights: NDArray[np.floating],
) -> FoldFigure:
    """The plain mean of the figure inside each fold. Errors as `pooled`, but for the first."""
    y, s, woman, part = (np.asarray(a) for a in (labels, scores, patient, fold))
    if not y.shape == s.shape == woman.shape == part.shape:
        raise ValueError(
            f"labels {y.shape}, scores {s.shape}, patient {woman.shape}, fold {part.shape}: not one length"
        )
    folds, number = np.unique(part, return_inverse=True)
    pairs = np.unique(np.stack([woman, number]), axis=1)[0]
    if len(twice := pairs[:-1][pairs[1:] == pairs[:-1]]):
        raise ValueError(f"patient {twice[0]} is in two folds")
    ones = np.ones((1, np.shape(weights)[1]), np.float32)
    values, samples = [], []
    for k in range(len(folds)):
        of = number == k
        values.append(figure(y[of], s[of], woman[of], ones)[0])
        samples.append(figure(y[of], s[of], woman[of], weights))
    if not len(folds):
        return FoldFigure(float("nan"), np.full(len(weights), np.nan), "mean of folds", folds, np.empty(0))
    return FoldFigure(
        float(np.mean(values)), np.mean(samples, axis=0), "mean of folds", folds, np.array(values, np.float64)
    )
