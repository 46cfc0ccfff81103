"""Labels, scores and patients that go together, checked in one place.

A case may be an image, a breast or a woman: the caller says which. Labels `(n,)`, bool or 0 and 1, 1 = malignant;
scores `(n,)`, finite, higher is more suspicious; patient `(n,)`, the woman of each case, numbered from 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def checked(
    labels: ArrayLike, scores: ArrayLike, probability: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels as bool and scores as float64, both `(n,)`.

    Raises
    ------
    ValueError
        If arrays do not go together, labels are not 0 and 1, a score is not finite, or a probability leaves [0, 1].
    """
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


def checked_patients(
    patient: ArrayLike, n_cases: int, weights: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The patient of each case `(n_cases,)` and the weights `(n_resamples, n_patients)` of `patient_weights`.

    Raises
    ------
    ValueError
        If shapes differ from these, patients are not integers, or one is beyond the weights.
    """
    index, w = np.asarray(patient), np.asarray(weights, np.float32)
    if index.shape != (n_cases,) or w.ndim != 2:
        raise ValueError(f"patient is {index.shape}, weights {w.shape}; wanted {(n_cases,)} and 2 axes")
    if len(index):
        if not np.issubdtype(index.dtype, np.integer):
            raise ValueError(f"patient is {index.dtype}, wanted integers")
        if not (0 <= index.min() and index.max() < w.shape[1]):
            raise ValueError(f"patients {index.min()} to {index.max()}, but weights for {w.shape[1]}")
    return index.astype(np.int64), w


def women_carrying(labels: ArrayLike, patient: ArrayLike) -> int:
    """Women that carry a figure of both classes: those with a positive or those with a negative case, the fewer.

    What is known of an AUC hangs on the rarer side; `intervals.interval` takes this as `carrying`. Patients may have
    any names here. Errors as `checked`.
    """
    y, women = np.asarray(labels), np.asarray(patient)
    if women.shape != y.shape:
        raise ValueError(f"labels {y.shape} and patient {women.shape}, wanted one length")
    y, _ = checked(y, np.zeros(y.shape))
    return min(len(np.unique(women[y])), len(np.unique(women[~y])))
