"""How well two outlines agree: Dice, IoU, precision and recall of pixels.

In: two boolean masks of one shape. Out: numbers in [0, 1]. The empty cases, once and for all:

    truth   found    dice, iou, precision, recall
    empty   empty    NaN: nothing to agree about; left out of means (`np.nanmean`)
    empty   some     0
    some    empty    0
    some    some     the formula

A pooled figure adds the counts of all films first (`OverlapCounts`), so empty films neither help nor vanish: their
false pixels count. Papers: Dice, Ecology 26 (1945); Jaccard, New Phytol 11 (1912); the empty cases as an
ambiguity of published figures: Maier-Hein et al., Nat Methods 21 (2024).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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


def iou(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks, in [0, 1]; empty masks as in the table above."""
    return overlap_counts(truth, found).iou


def precision_recall(truth: NDArray[np.bool_], found: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the found pixels that are true, share of the true pixels that are found; empty masks as above."""
    counts = overlap_counts(truth, found)
    return counts.precision, counts.recall
