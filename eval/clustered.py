"""The variance of an AUC by formula, and the covariance of several systems' AUCs on the same cases.

In: labels `(n,)`; scores `(n,)` of one system or `(n, n_systems)`; the patient of each case, any names. Out: the AUCs
and their covariance. `intervals.interval_of_variance` makes intervals of them, and of differences: the variance of
a minus b is C[a, a] + C[b, b] - 2 C[a, b].

DeLong's holds where each patient has one score; two films of a woman are no two patients, so it refuses them.
Obuchowski's is for correlated cases of a patient, positives and negatives mixed as they come, and is DeLong's where
each patient has one. Papers: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); Obuchowski, Biometrics 53
(1997); placements by ranks: Sun and Xu, IEEE Signal Process Lett 21 (2014).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from mammomap.eval.cases import checked


@dataclass(frozen=True)
class AucCovariance:
    """auc `(n_systems,)` and covariance `(n_systems, n_systems)`, float64; all NaN where it cannot be given.

    That is: the AUC without a class, the covariance with fewer than two women on a side.
    """

    auc: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def difference(self, a: int, b: int) -> tuple[float, float]:
        """AUC of system a minus that of b, and its variance, never below 0."""
        c = self.covariance
        return float(self.auc[a] - self.auc[b]), max(0.0, float(c[a, a] + c[b, b] - 2 * c[a, b]))


def delong(labels: ArrayLike, scores: ArrayLike, patient: ArrayLike) -> AucCovariance:
    """DeLong's covariance; patients are independent and have one case each.

    Raises
    ------
    ValueError
        If a patient has more than one case, or as `obuchowski`.
    """
    names, cases = np.unique(np.asarray(patient), return_counts=True)
    if (cases > 1).any():
        raise ValueError(
            f"patient {names[cases > 1][0]} has {cases[cases > 1][0]} cases; DeLong wants one each, "
            "take obuchowski or resamples by patient"
        )
    return obuchowski(labels, scores, patient)


def obuchowski(labels: ArrayLike, scores: ArrayLike, patient: ArrayLike) -> AucCovariance:
    """Obuchowski's covariance; patients are independent, cases of one patient need not be.

    Formula: with V(x) the share of the other class that a case beats, summed over the cases of a woman and less
    their number times the AUC: d_i for her positives, e_i for her negatives; P positives of p women, N negatives of n
    women, k women. C = p/(p-1) sum d d' / P^2 + n/(n-1) sum e e' / N^2 + k/(k-1) sum (d e' + e d') / (P N).

    Raises
    ------
    ValueError
        As `images.auc`, for each system, and if patients are not as many as cases.
    """
    table = np.asarray(scores, np.float64)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2:
        raise ValueError(f"scores {table.shape}, wanted (n,) or (n, n_systems)")
    y = checked(labels, table[:, 0] if table.shape[1] else np.zeros(len(table)))[0]
    table = np.stack([checked(y, s)[1] for s in table.T], axis=1) if table.shape[1] else table
    women, woman = np.unique(np.asarray(patient), return_inverse=True)
    if woman.shape != y.shape:
        raise ValueError(f"patient {woman.shape}, wanted one for each of {len(y)} cases")
    k, systems = len(women), table.shape[1]
    positives, negatives = int(y.sum()), int((~y).sum())
    nothing = np.full((systems, systems), np.nan)
    if not positives or not negatives:
        return AucCovariance(np.full(systems, np.nan), nothing)
    ranks = rankdata(table, axis=0)
    beaten = (ranks[y] - rankdata(table[y], axis=0)) / negatives
    beats = 1 - (ranks[~y] - rankdata(table[~y], axis=0)) / positives
    auc = beaten.mean(axis=0)
    d, e = np.zeros((k, systems)), np.zeros((k, systems))
    np.add.at(d, woman[y], beaten - auc)
    np.add.at(e, woman[~y], beats - auc)
    p, n = len(np.unique(woman[y])), len(np.unique(woman[~y]))
    if p < 2 or n < 2:
        return AucCovariance(auc, nothing)
    covariance = (
        p / (p - 1) * (d.T @ d) / positives**2
        + n / (n - 1) * (e.T @ e) / negatives**2
        + k / (k - 1) * (d.T @ e + e.T @ d) / (positives * negatives)
    )
    return AucCovariance(auc, covariance)
