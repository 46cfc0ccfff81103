"""Figures that every film or lesion has one of: their mean and median, and resamples of the mean by patient.

In: values `(n,)`, NaN where a film or lesion has none. Out: both centres with the count of what had none, since a mean
of what remains says nothing of how much that is. Papers: as `intervals`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammomap.eval import resamples
from mammomap.eval.cases import checked_patients


@dataclass(frozen=True)
class Summary:
    """n: values. n_undefined: those that are NaN, which neither centre holds. Mean and median are NaN if all are."""

    n: int
    n_undefined: int
    mean: float
    median: float


def summary(values: ArrayLike) -> Summary:
    """Mean and median of what is defined.

    Raises
    ------
    ValueError
        If `values` has more than one axis.
    """
    drawn = np.asarray(values, np.float64)
    if drawn.ndim != 1:
        raise ValueError(f"values are {drawn.shape}, wanted one axis")
    kept = drawn[~np.isnan(drawn)]
    mean, median = (float(kept.mean()), float(np.median(kept))) if len(kept) else (float("nan"), float("nan"))
    return Summary(len(drawn), len(drawn) - len(kept), mean, median)


def mean_bootstrap(
    values: ArrayLike, patient: NDArray[np.integer], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The mean of each resample of patients, `(n_resamples,)`; NaN where one has no value.

    patient: `(n,)` int, the patient of each value. weights: `(n_resamples, n_patients)` of `patient_weights`.

    Raises
    ------
    ValueError
        If values, patients and weights do not go together.
    """
    drawn, patient = np.asarray(values, np.float64), np.asarray(patient)
    if drawn.ndim != 1 or patient.shape != drawn.shape:
        raise ValueError(f"values {drawn.shape} and patient {patient.shape}, wanted two arrays of one length")
    kept = ~np.isnan(drawn)
    return resamples.mean_bootstrap(drawn[kept], patient[kept], weights)


def patient_sums(
    values: NDArray[np.floating], patient: NDArray[np.integer], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The sum of values `(n,)` in each resample of their patients, `(n_resamples,)`; errors as `mean_bootstrap`."""
    woman, w = checked_patients(patient, len(values), weights)
    return w.astype(np.float64) @ np.bincount(woman, values, minlength=w.shape[1])
