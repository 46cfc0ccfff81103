"""Figures of images in every resample of patients, without a loop over resamples.

In: labels and scores `(n,)` as in `images`; patient `(n,)` int, the woman of each case; weights
`(n_resamples, n_patients)` of `intervals.patient_weights`, how often each woman is drawn: her cases come with her.
Out: `(n_resamples,)` float64, NaN where a resample cannot give the figure. With all weights 1 each is the figure
itself. The figures of two systems are paired if they are made with the same weights.

Papers: resamples of clusters for ROC figures: Rutter, Acad Radiol 7 (2000); Field and Welsh, J R Stat Soc B 69 (2007).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammomap.eval.cases import checked, checked_patients
from mammomap.eval.images import counts

_BLOCK = 1 << 22  # numbers held at once
_CACHE = 1 << 16
_EXACT = 1 << 23  # float32 holds every half below this


def auc_bootstrap(
    labels: ArrayLike, scores: ArrayLike, patient: ArrayLike, weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The AUC of each resample; NaN where it has one class only.

    Formula: w'U w / ((w'p) (w'n)), where U[a, b] counts the wins of a's positives over b's negatives, ties half, and
    p, n the positives and negatives of each patient.

    Raises
    ------
    ValueError
        As `images.auc`, and if patients and weights do not go together.
    """
    y, s = checked(labels, scores)
    woman, w = checked_patients(patient, len(y), weights)
    result = np.full(len(w), np.nan)
    if y.all() or not y.any():
        return result
    p, n = (np.bincount(woman[of], minlength=w.shape[1]).astype(np.float64) for of in (y, ~y))
    with_p, with_n = np.flatnonzero(p), np.flatnonzero(n)
    wins = _wins(*_by_woman(s[y], woman[y]), *_by_woman(s[~y], woman[~y]))
    if (w @ p.astype(np.float32)).max(initial=0) * n.max() < _EXACT:
        wins = wins.astype(np.float32)
    block = max(1, _CACHE // w.shape[1])
    for start in range(0, len(w), block):  # small enough to stay in the cache
        some = w[start : start + block]
        wp, wn = some[:, with_p].astype(wins.dtype), some[:, with_n].astype(np.float64)
        pairs = (wp @ p[with_p]) * (wn @ n[with_n])
        np.divide(((wp @ wins) * wn).sum(axis=1), pairs, out=result[start : start + block], where=pairs > 0)
    return result


def rank_bootstrap(
    figure: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]],
    labels: ArrayLike,
    scores: ArrayLike,
    patient: ArrayLike,
    weights: NDArray[np.floating],
) -> NDArray[np.float64]:
    """A figure of `curves` for each resample, e.g. `precision_area` or `partial(partial_area, max_fpr=0.2)`.

    figure: takes tp and fp `(b, k + 1)` and gives `(b,)`, or `(b, m)` for several figures from one pass.
    Formula: tp[b, t] = sum over women of weights[b, woman] * (her positives at or above t), likewise fp. Counts are
    exact below 2**24 cases. Errors as `auc_bootstrap`.
    """
    y, s = checked(labels, scores)
    woman, w = checked_patients(patient, len(y), weights)
    thresholds = counts(y, s)[0]
    step = np.searchsorted(-thresholds, -s)
    shape = (w.shape[1], len(thresholds))
    tp, fp = (
        np.bincount(woman[of] * shape[1] + step[of], minlength=shape[0] * shape[1])
        .reshape(shape)
        .cumsum(axis=1)
        .astype(np.float32)
        for of in (y, ~y)
    )
    block = max(1, _CACHE * 4 // len(thresholds))
    blocks = [w[start : start + block] for start in range(0, max(1, len(w)), block)]
    return np.concatenate([figure((b @ tp).astype(np.float64), (b @ fp).astype(np.float64)) for b in blocks])


def mean_bootstrap(values: ArrayLike, patient: ArrayLike, weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """The mean of the drawn cases' values, `(n_resamples,)`, or `(n_resamples, k)` of values `(n, k)`.

    For Brier scores, Dice, shares of lesions found, the sensitivity at a threshold chosen elsewhere (values: called or
    not, positives only). NaN where no case is drawn.

    Raises
    ------
    ValueError
        If values have another number of axes or are not finite, or patients and weights do not go together.
    """
    v = np.asarray(values, np.float64)
    if v.ndim not in (1, 2) or not np.isfinite(v).all():
        raise ValueError(f"values {v.shape}, wanted (n,) or (n, k), all finite")
    woman, w = checked_patients(patient, len(v), weights)
    drawn = w.astype(np.float64)
    sums = np.zeros((w.shape[1], *v.shape[1:]))
    np.add.at(sums, woman, v)
    n = drawn @ np.bincount(woman, minlength=w.shape[1])
    n = n.reshape(n.shape + (1,) * (v.ndim - 1))
    return np.divide(drawn @ sums, n, out=np.full((len(w), *v.shape[1:]), np.nan), where=n > 0)


def _by_woman(scores: NDArray[np.float64], woman: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The scores sorted by woman, and where each woman's begin."""
    order = np.argsort(woman, kind="stable")
    return scores[order], np.unique(woman[order], return_index=True)[1]


def _wins(
    positives: NDArray[np.float64],
    positive_first: NDArray[np.int64],
    negatives: NDArray[np.float64],
    negative_first: NDArray[np.int64],
) -> NDArray[np.float64]:
    """U of `auc_bootstrap` between the women that have positives and those that have negatives."""
    by_negatives = np.empty((len(positives), len(negative_first)))
    block = max(1, _BLOCK // len(negatives))
    for start in range(0, len(positives), block):
        score = positives[start : start + block, None]
        twice = (score > negatives).view(np.int8) + (score >= negatives).view(np.int8)
        by_negatives[start : start + block] = np.add.reduceat(twice, negative_first, axis=1, dtype=np.int32) / 2
    return np.add.reduceat(by_negatives, positive_first, axis=0)
