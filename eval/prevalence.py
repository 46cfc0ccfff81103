"""What a score means where malignancy is rarer (or commoner) than in the judged set.

Sensitivity and specificity belong to the test; predictive values, probabilities and net benefit belong to the test
and the prevalence, and a set made for research is no population: none of them is given without a stated prevalence.
Assumed throughout: within each class the cases of the two populations are alike; a screening population's cancers
are smaller and its benign findings milder than a referral centre's, and no formula here knows that.

In: numbers or arrays that broadcast, e.g. resamples `(n_resamples,)`; prevalences strictly between 0 and 1. Out:
float64 of that shape, NaN where nobody is called (or everybody, for `npv`).

Papers: prior shift of probabilities: Saerens et al., Neural Comput 14 (2002); predictive values: Altman and Bland, BMJ
309 (1994); net benefit: Vickers and Elkin, Med Decis Making 26 (2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mammomap.eval.cases import checked


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per case at each threshold `(k,)`: by the score, and calling everybody; calling nobody is 0."""

    thresholds: NDArray[np.float64]
    net_benefit: NDArray[np.float64]
    call_all: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    prevalence: float


def shift(probabilities: ArrayLike, *, fitted_at: float, to: float) -> NDArray[np.float64]:
    """Probabilities that hold at prevalence `fitted_at`, moved to prevalence `to`: Bayes on the odds.

    Formula: odds * (to / (1 - to)) / (fitted_at / (1 - fitted_at)). Increasing, so no rank changes; 0 and 1 stay.

    Raises
    ------
    ValueError
        If a probability leaves [0, 1] or a prevalence is not strictly between 0 and 1.
    """
    p = _shares("probabilities", probabilities)
    up, down = _prevalence(to) / _prevalence(fitted_at), (1 - to) / (1 - fitted_at)
    return p * up / (p * up + (1 - p) * down)


def ppv(sensitivity: ArrayLike, specificity: ArrayLike, *, prevalence: float) -> NDArray[np.float64]:
    """The share of the called that are malignant, in [0, 1]; NaN where nobody is called. Errors as `shift`."""
    pi = _prevalence(prevalence)
    true = _shares("sensitivity", sensitivity) * pi
    false = (1 - _shares("specificity", specificity)) * (1 - pi)
    return _share(true, true + false)


def npv(sensitivity: ArrayLike, specificity: ArrayLike, *, prevalence: float) -> NDArray[np.float64]:
    """The share of the not called that are not malignant, in [0, 1]; NaN where all are called. Errors as `shift`."""
    pi = _prevalence(prevalence)
    true = _shares("specificity", specificity) * (1 - pi)
    missed = (1 - _shares("sensitivity", sensitivity)) * pi
    return _share(true, true + missed)


def net_benefit(
    sensitivity: ArrayLike, specificity: ArrayLike, threshold: ArrayLike, *, prevalence: float
) -> NDArray[np.float64]:
    """True positives per case less false positives, each of these weighing threshold / (1 - threshold).

    threshold: the probability from which on one would call, so it says how many needless calls one cancer is worth.
    At most the prevalence. Errors as `shift`, and if a threshold is not from 0 to below 1.
    """
    pi, t = _prevalence(prevalence), np.asarray(threshold, np.float64)
    if not ((t >= 0) & (t < 1)).all():
        raise ValueError(f"thresholds span {t.min()} to {t.max()}, wanted [0, 1)")
    false = (1 - _shares("specificity", specificity)) * (1 - pi)
    return _shares("sensitivity", sensitivity) * pi - false * t / (1 - t)


def decision_curve(
    labels: ArrayLike, probabilities: ArrayLike, thresholds: ArrayLike, *, prevalence: float
) -> DecisionCurve:
    """The net benefit of calling at or above each threshold, in a population of this prevalence.

    probabilities: such as hold at that prevalence (`shift`). Sensitivity and specificity are read from the cases and
    weighed by the prevalence. NaN if a class is absent. For resamples: `net_benefit` of `resamples.mean_bootstrap` of
    the calls, positives and negatives apart. Errors as `net_benefit` and `calibration.brier`.
    """
    y, p = checked(labels, probabilities, probability=True)
    t = np.atleast_1d(np.asarray(thresholds, np.float64))
    called = p >= t[:, None]
    sensitivity = _share(called[:, y].sum(axis=1), y.sum())
    specificity = _share((~called[:, ~y]).sum(axis=1), (~y).sum())
    benefit = net_benefit(sensitivity, specificity, t, prevalence=prevalence)
    call_all = net_benefit(1, 0, t, prevalence=prevalence)
    return DecisionCurve(t, benefit, call_all, sensitivity, specificity, prevalence)


def _prevalence(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError(f"prevalence is {value}, wanted between 0 and 1, neither of them")
    return float(value)


def _shares(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Numbers in [0, 1] or NaN."""
    found = np.asarray(values, np.float64)
    if ((found < 0) | (found > 1)).any():
        raise ValueError(f"{name}: {np.nanmin(found)} to {np.nanmax(found)}, wanted [0, 1]")
    return found


def _share(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), np.asarray(whole, np.float64))
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
