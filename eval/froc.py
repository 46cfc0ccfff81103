"""Lesions found against false positives per film: FROC.

In: marks (candidates of a set of films) with scores, and which mark hits which lesion. Out: the curve, its readings
and their resamples by patient. Rule: a lesion counts once, at the best score among the marks that hit it; a mark
that hits no lesion is a false positive; a mark may hit several lesions. Nothing is assigned one to one, so neither
overlap nor order of marks can bend the curve. Films without lesions count in the films, and their marks are false.
Which mark hits which lesion is settled in `matching`.

Two denominators, never mixed: false positives per film over all films, or, where some films hold no lesion at all,
false positives on those films per such film (`fp_films`). The second does not depend on how many of the films are ill,
nor on marks beside an outline that is drawn too tight. Sensitivity is over all lesions both times.

Papers: Bunch et al., J Appl Photogr Eng 4 (1978); Chakraborty and Winter, Radiology 174 (1990); the mean sensitivity
over seven rates: Setio et al., Med Image Anal 42 (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FP_RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False positives per film at which the mean sensitivity reads the curve."""

_BLOCK = 1 << 22  # numbers in one block of resamples by marks


@dataclass(frozen=True)
class Marks:
    """What a reader or a map has marked on a set of films.

    film: `(n,)` int, the film that each mark stands on. score: `(n,)`, finite, higher is more suspicious; any scale.
    hit_mark, hit_lesion: `(k,)` int, one pair for each hit. ignored: `(n,)` bool or None: these marks are neither
    hits nor false positives, e.g. those in a lesion of a kind that is not asked for.
    """

    film: NDArray[np.integer]
    score: NDArray[np.floating]
    hit_mark: NDArray[np.integer]
    hit_lesion: NDArray[np.integer]
    ignored: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Froc:
    """The curve: one point for each distinct score, falling, with all marks at or above it.

    thresholds, sensitivity, fp_per_film: `(k,)` float64; the last two never fall. Sensitivity is NaN throughout
    where there are no lesions. n_films: all films. n_fp_films: the denominator of `fp_per_film`.
    """

    thresholds: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    fp_per_film: NDArray[np.float64]
    n_lesions: int
    n_films: int
    n_fp_films: int

    def at(self, fp: float) -> float:
        """The highest sensitivity with at most `fp` false positives per film; no interpolation.

        In [0, 1]; 0 if even the highest score brings more, NaN without lesions.
        """
        if self.n_lesions == 0:
            return float("nan")
        reached = int(np.searchsorted(self.fp_per_film, fp, side="right"))
        return float(self.sensitivity[reached - 1]) if reached else 0.0

    @property
    def mean_sensitivity(self) -> float:
        """The mean of `at` over `FP_RATES`; in [0, 1], NaN without lesions."""
        return float(np.mean([self.at(fp) for fp in FP_RATES]))


def froc(
    marks: Marks, lesion_film: NDArray[np.integer], n_films: int, *, fp_films: NDArray[np.bool_] | None = None
) -> Froc:
    """The FROC curve of one set of films.

    lesion_film: `(m,)` int, the film of each lesion. n_films: all films of the set, those without marks and without
    lesions included. fp_films: `(n_films,)` bool, the lesion-free films, if false positives shall count there alone.
    Equal scores enter together. Without marks the curve has no points and reads 0 everywhere.

    Raises
    ------
    ValueError
        If arrays do not go together, a number is out of range, a score is not finite, a hit joins two films, there
        are no films, or `fp_films` names none or one with a lesion.
    """
    lesion_film = np.asarray(lesion_film)
    counted = _fp_films(fp_films, lesion_film, n_films)
    events = mark_events(marks, lesion_film, n_films, counted)
    found = np.cumsum(np.bincount(events.found_step, minlength=len(events.thresholds)))
    false = np.cumsum(np.bincount(events.false_step, minlength=len(events.thresholds)))
    n_lesions = len(lesion_film)
    sensitivity = found / n_lesions if n_lesions else np.full(len(found), np.nan)
    denominator = int(np.count_nonzero(counted))
    return Froc(events.thresholds, sensitivity, false / denominator, n_lesions, n_films, denominator)


def froc_bootstrap(
    marks: Marks,
    lesion_film: NDArray[np.integer],
    film_patient: NDArray[np.integer],
    n_films: int,
    weights: NDArray[np.floating],
    fps: Sequence[float],
    *,
    fp_films: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """`Froc.at` for each resample of patients and each rate, `(n_resamples, len(fps))`.

    film_patient: `(n_films,)` int, the patient of each film. weights: `(n_resamples, n_patients)`, how often each
    patient was drawn (`intervals.patient_weights`); films, lesions and marks of a patient come with her, and films
    are counted anew. fp_films: as in `froc`. A resample without lesions, or without any film to count false positives
    on, gives NaN. Counts are exact below 2**24 lesions or marks. fps: any order, none negative.

    Formula: false marks and first hits stand by falling score; a resample's counts are running sums of the weights of
    their patients. The most false marks that a rate allows says how far down the curve is read, for all at once.

    Raises
    ------
    ValueError
        As `froc`, and if patients and weights do not go together.
    """
    lesion_film, film_patient = np.asarray(lesion_film), np.asarray(film_patient)
    if film_patient.shape != (n_films,) or weights.ndim != 2:
        raise ValueError(f"film_patient {film_patient.shape}, weights {weights.shape}; wanted {(n_films,)} and 2 axes")
    n_patients = weights.shape[1]
    if n_films and not (0 <= film_patient.min() and film_patient.max() < n_patients):
        raise ValueError(f"patients {film_patient.min()} to {film_patient.max()}, but weights for {n_patients}")
    if len(fps) and not min(fps) >= 0:
        raise ValueError(f"rates are {list(fps)}, wanted none below 0")
    counted = _fp_films(fp_films, lesion_film, n_films)
    events = mark_events(marks, lesion_film, n_films, counted)
    found, by_found = np.argsort(events.found_step), np.sort(events.found_step)
    false, by_false = np.argsort(events.false_step), np.sort(events.false_step)
    found_patient = film_patient[lesion_film[events.found_lesion[found]]]
    false_patient = film_patient[np.asarray(marks.film)[events.false_mark[false]]]
    # How many lesions and false marks each point of the curve has, the empty curve first.
    steps = np.arange(len(events.thresholds) + 1)
    found_at, false_at = np.searchsorted(by_found, steps), np.searchsorted(by_false, steps)
    lesions = np.bincount(film_patient[lesion_film], minlength=n_patients).astype(np.float64)
    films = np.bincount(film_patient[counted], minlength=n_patients).astype(np.float64)
    result = np.full((len(weights), len(fps)), np.nan)
    block = max(1, _BLOCK // (len(false) + len(found) + 1))
    for start in range(0, len(weights), block):
        w = np.asarray(weights[start : start + block], np.float32)
        n_lesions, n_counted = w.astype(np.float64) @ lesions, w.astype(np.float64) @ films
        usable = (n_lesions > 0) & (n_counted > 0)
        w, n_lesions, n_counted = w[usable], n_lesions[usable], n_counted[usable]
        tp, fp = _running(w, found_patient), _running(w, false_patient)
        most = _most_allowed(np.asarray(fps, np.float64), n_counted[:, None]).astype(np.float32)
        marked = np.array([np.searchsorted(*pair, side="right") for pair in zip(fp, most, strict=True)], np.int64) - 1
        point = np.searchsorted(false_at, marked.reshape(most.shape), side="right") - 1
        result[start : start + block][usable] = np.take_along_axis(tp, found_at[point], axis=1) / n_lesions[:, None]
    return result


@dataclass(frozen=True)
class MarkEvents:
    """Thresholds, falling, and the step of the threshold at which each lesion is found and each false mark enters.

    Lesions that are never found and marks that are no false positives are absent.
    """

    thresholds: NDArray[np.float64]
    found_lesion: NDArray[np.int64]
    found_step: NDArray[np.int64]
    false_mark: NDArray[np.int64]
    false_step: NDArray[np.int64]


def mark_events(
    marks: Marks, lesion_film: NDArray[np.integer], n_films: int, fp_films: NDArray[np.bool_]
) -> MarkEvents:
    """What FROC and AFROC count: checked, with false positives on `fp_films`, `(n_films,)` bool, alone.

    Raises
    ------
    ValueError
        As `froc`.
    """
    film, score = np.asarray(marks.film), np.asarray(marks.score, np.float64)
    hit_mark, hit_lesion = np.asarray(marks.hit_mark), np.asarray(marks.hit_lesion)
    ignored = np.zeros(len(film), bool) if marks.ignored is None else np.asarray(marks.ignored)
    n, n_lesions = len(film), len(lesion_film)
    if film.shape != (n,) or score.shape != (n,) or ignored.shape != (n,) or ignored.dtype != np.bool_:
        raise ValueError(f"marks: film {film.shape}, score {score.shape}, ignored {ignored.dtype} {ignored.shape}")
    if hit_mark.ndim != 1 or hit_mark.shape != hit_lesion.shape:
        raise ValueError(f"hits: hit_mark {hit_mark.shape}, hit_lesion {hit_lesion.shape}, wanted pairs")
    if not np.isfinite(score).all():
        raise ValueError("a score is not finite")
    for name, index, bound in (
        ("film of a mark", film, n_films),
        ("film of a lesion", lesion_film, n_films),
        ("mark of a hit", hit_mark, n),
        ("lesion of a hit", hit_lesion, n_lesions),
    ):
        if len(index) and not (np.issubdtype(index.dtype, np.integer) and 0 <= index.min() and index.max() < bound):
            raise ValueError(f"{name}: {index.dtype} {index.min()} to {index.max()}, wanted integers below {bound}")
    hit_mark, hit_lesion = hit_mark.astype(np.int64), hit_lesion.astype(np.int64)
    if (film[hit_mark] != lesion_film[hit_lesion]).any():
        raise ValueError("a hit joins a mark and a lesion of two films")
    rising, rank = np.unique(score[~ignored], return_inverse=True)
    step = np.full(n, len(rising), np.int64)  # ignored marks stay behind the last threshold
    step[~ignored] = len(rising) - 1 - rank
    first = np.full(n_lesions, len(rising), np.int64)
    np.minimum.at(first, hit_lesion, step[hit_mark])
    found = np.flatnonzero(first < len(rising))
    hits_any = np.zeros(n, bool)
    hits_any[hit_mark] = True
    false = np.flatnonzero(~hits_any & ~ignored & fp_films[film])
    return MarkEvents(rising[::-1].copy(), found, first[found], false, step[false])


def _fp_films(fp_films: NDArray[np.bool_] | None, lesion_film: NDArray[np.integer], n_films: int) -> NDArray[np.bool_]:
    """The films on which false positives count, `(n_films,)`; all of them where none are named."""
    if n_films < 1:
        raise ValueError("no films")
    if fp_films is None:
        return np.ones(n_films, bool)
    counted = np.asarray(fp_films)
    if counted.shape != (n_films,) or counted.dtype != np.bool_:
        raise ValueError(f"fp_films is {counted.dtype} {counted.shape}, wanted bool {(n_films,)}")
    if not counted.any():
        raise ValueError("fp_films names no film: this set has none without lesions, so count over all films")
    if counted[lesion_film[(lesion_film >= 0) & (lesion_film < n_films)]].any():
        raise ValueError("fp_films names a film that holds a lesion")
    return counted


def _running(weights: NDArray[np.float32], patient: NDArray[np.integer]) -> NDArray[np.float32]:
    """Running sums of the weights of a list of patients, `(n_resamples, len(patient) + 1)`, from 0."""
    sums = np.zeros((len(weights), len(patient) + 1), np.float32)
    np.cumsum(np.take(weights, patient, axis=1), axis=1, out=sums[:, 1:])
    return sums


def _most_allowed(rates: NDArray[np.float64], films: NDArray[np.float64]) -> NDArray[np.float64]:
    """The largest whole count whose quotient by `films` does not exceed the rate, in floating point as `Froc.at`."""
    count = np.floor(rates * films)
    count += (count + 1) / films <= rates
    return count - (count / films > rates)
