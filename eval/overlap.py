"""How well two outlines agree: Dice, IoU, precision and recall of pixels.

In: boolean masks of one shape, or a film's found mask and its lesions. Out: counts of pixels, and from them numbers in
[0, 1]. The empty cases, once and for all, surface distances (`surfaces`) included:

    truth   found    dice, iou, precision, recall     hausdorff 95, average distance
    empty   empty    NaN: nothing to agree about      NaN
    empty   some     0                                NaN: no distance to nothing
    some    empty    0                                NaN: no distance to nothing
    some    some     the formula                      the formula

NaN is left out of means and medians and counted beside them (`means.summary`).

Three ways to gather, each named where it is printed: per film (a film's false pixels anywhere count against it), per
lesion (what meets the lesion, `regions.lesion_pairs`; a lesion that nothing meets counts 0), and pooled: the counts of
all films are added first, so empty films neither help nor vanish, their false pixels count, and large lesions rule.
Masses and calcifications differ too much in size and outline to be gathered together: call once for each.

Papers: Dice, Ecology 26 (1945); Jaccard, New Phytol 11 (1912); the empty cases as an ambiguity of published figures:
Maier-Hein et al., Nat Methods 21 (2024).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammomap.eval.means import patient_sums
from mammomap.eval.regions import Region, film_pair, lesion_pairs

MEASURES = ("dice", "iou", "precision", "recall")
"""The properties of `OverlapCounts`."""


@dataclass(frozen=True)
class OverlapCounts:
    """Pixels in both masks, in the found one only, in the true one only. Counts add."""

    tp: int = 0
    fp: int = 0
    fn: int = 0

    def __add__(self, other: OverlapCounts) -> OverlapCounts:
        return OverlapCounts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def dice(self) -> float:
        """2 tp / (2 tp + fp + fn)."""
        return self._share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def iou(self) -> float:
        """tp / (tp + fp + fn)."""
        return self._share(self.tp, self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """tp / (tp + fp)."""
        return self._share(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """tp / (tp + fn)."""
        return self._share(self.tp, self.tp + self.fn)

    def _share(self, part: int, whole: int) -> float:
        if self.tp + self.fp + self.fn == 0:
            return float("nan")
        return part / whole if whole else 0.0


def overlap_counts(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> OverlapCounts:
    """Count the pixels of two masks.

    Raises
    ------
    ValueError
        If the masks are not boolean or not of one shape.
    """
    if truth.dtype != np.bool_ or found.dtype != np.bool_ or truth.shape != found.shape:
        raise ValueError(
            f"masks are {truth.dtype} {truth.shape} and {found.dtype} {found.shape}, wanted bool, one shape"
        )
    both = int(np.count_nonzero(truth & found))
    return OverlapCounts(both, int(np.count_nonzero(found)) - both, int(np.count_nonzero(truth)) - both)


def dice(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Dice of two masks, 2 |A and B| / (|A| + |B|), in [0, 1]; empty masks as in the table above."""
    return overlap_counts(truth, found).dice


@dataclass(frozen=True)
class FilmOverlap:
    """The counts of a whole film, and of each of its lesions in their order."""

    film: OverlapCounts
    lesions: tuple[OverlapCounts, ...]


def film_overlap(found: NDArray[np.bool_], lesions: Sequence[Region], ignored: Sequence[Region] = ()) -> FilmOverlap:
    """Overlap of a found mask, bool `(rows, cols)`, with the lesions of its film.

    ignored: regions whose pixels count for nothing where no lesion lies.

    Raises
    ------
    ValueError
        If `found` is not boolean with two axes, or a region leaves it.
    """
    film = overlap_counts(*film_pair(found, lesions, ignored))
    return FilmOverlap(film, tuple(overlap_counts(*pair) for pair in lesion_pairs(found, lesions, ignored)))


def pooled_bootstrap(
    counts: Sequence[OverlapCounts], patient: NDArray[np.integer], weights: NDArray[np.floating]
) -> dict[str, NDArray[np.float64]]:
    """Each of `MEASURES` of the added counts in each resample of patients, `(n_resamples,)`.

    patient: `(n,)` int, the patient of each count. weights: `(n_resamples, n_patients)`. NaN and 0 as in the table.

    Raises
    ------
    ValueError
        If counts, patients and weights do not go together.
    """
    tp, fp, fn = (
        patient_sums(np.array([getattr(c, name) for c in counts], np.float64), patient, weights)
        for name in ("tp", "fp", "fn")
    )
    drawn = [OverlapCounts(int(a), int(b), int(c)) for a, b, c in zip(tp, fp, fn, strict=True)]
    return {measure: np.array([getattr(one, measure) for one in drawn], np.float64) for measure in MEASURES}
