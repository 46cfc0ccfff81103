"""Lesions found against lesion-free films marked: AFROC, and the area under it.

In: matched marks (`matching.match`), and which films are lesion-free. Out: the curve and its area with resamples by
patient. Each lesion has one score, that of its best hit; each lesion-free film has one, that of its highest mark;
what was never marked stands below every score. The area is the chance that a lesion outscores a lesion-free film,
ties half, in [0, 1]; it needs no choice of a rate. Without any mark it is 0.5, for everything ties. It is not 0.5 for
a random map, which finds few lesions and marks every film: there it is low.

Marks on films with lesions are never false positives here: that is what lesion-free films are for. A set without
them has no AFROC, and it is refused.

Papers: Chakraborty and Winter, Radiology 174 (1990); its area as a figure of merit: Chakraborty and Berbaum, Med Phys
31 (2004), the figure without a share for marks on films with lesions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammomap.eval.froc import mark_events
from mammomap.eval.images import auc, roc_curve
from mammomap.eval.matching import Matched
from mammomap.eval.resamples import auc_bootstrap


@dataclass(frozen=True)
class Afroc:
    """The curve from (0, 0) to (1, 1), a point for each distinct score and one for what was never marked.

    false_film_share: of the lesion-free films, those with a mark at or above the score. sensitivity: of the lesions.
    area: under the straight lines that join the points; NaN without lesions.
    """

    false_film_share: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    area: float
    n_lesions: int
    n_lesion_free: int


def afroc(matched: Matched) -> Afroc:
    """The AFROC curve of a set of films.

    Raises
    ------
    ValueError
        If no film is lesion-free, or as `froc.froc`.
    """
    lesion, film, _ = _scores(matched)
    labels, scores = np.repeat([1, 0], [len(lesion), len(film)]), np.concatenate([lesion, film])
    curve = roc_curve(labels, scores)
    return Afroc(curve.fpr, curve.tpr, auc(labels, scores), len(lesion), len(film))


def afroc_bootstrap(
    matched: Matched, film_patient: NDArray[np.integer], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """The area of each resample of patients, `(n_resamples,)`; NaN where one has no lesion or no lesion-free film.

    film_patient: `(n_films,)` int, the patient of each film. weights: `(n_resamples, n_patients)` of
    `intervals.patient_weights`.

    Raises
    ------
    ValueError
        As `afroc`, and if patients and weights do not go together.
    """
    lesion, film, free = _scores(matched)
    film_patient = np.asarray(film_patient)
    if film_patient.shape != matched.lesion_free.shape:
        raise ValueError(f"film_patient is {film_patient.shape}, wanted {matched.lesion_free.shape}")
    patient = np.concatenate([film_patient[matched.lesion_film], film_patient[free]])
    labels, scores = np.repeat([1, 0], [len(lesion), len(film)]), np.concatenate([lesion, film])
    return auc_bootstrap(labels, scores, patient, weights)


def _scores(matched: Matched) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The rank of each lesion and of each lesion-free film, 0 for what was never marked, and these films."""
    free = np.flatnonzero(matched.lesion_free)
    if not len(free):
        raise ValueError("AFROC needs films without lesions, and every film of this set has one; FROC does without")
    n_films = len(matched.lesion_free)
    if matched.lesion_free[matched.lesion_film].any():
        raise ValueError("a lesion-free film holds a lesion")
    events = mark_events(matched.marks, matched.lesion_film, n_films, matched.lesion_free)
    steps = len(events.thresholds)
    lesion = np.zeros(len(matched.lesion_film), np.int64)
    lesion[events.found_lesion] = steps - events.found_step
    film = np.zeros(n_films, np.int64)
    np.maximum.at(film, np.asarray(matched.marks.film)[events.false_mark], steps - events.false_step)
    return lesion, film[free], free
