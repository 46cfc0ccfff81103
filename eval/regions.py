"""Lesions as small masks: each cut to its bounding box, so that nothing is worked out on a whole film of pixels.

In: boolean masks of films `(rows, cols)`. Out: regions, and pairs of true and found masks on their joint bounding box,
which overlap and surface distances are counted on. Regions of one film may lie over each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Region:
    """Pixels of a film: `mask`, bool `(h, w)`, begins at film pixel (row0, col0)."""

    row0: int
    col0: int
    mask: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.mask.dtype != np.bool_ or self.mask.ndim != 2 or min(self.row0, self.col0) < 0:
            raise ValueError(
                f"a region of {self.mask.dtype} {self.mask.shape} at ({self.row0}, {self.col0}), "
                "wanted bool (rows, cols) on the film"
            )

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Half-open (row0, col0, row1, col1) of the mask's array."""
        return self.row0, self.col0, self.row0 + self.mask.shape[0], self.col0 + self.mask.shape[1]

    @cached_property
    def area_px(self) -> int:
        """Pixels in the region."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def centre(self) -> tuple[float, float]:
        """The centroid, (row, col) in film pixels; NaN where the region is empty."""
        if not self.area_px:
            return float("nan"), float("nan")
        rows, cols = np.nonzero(self.mask)
        return self.row0 + float(rows.mean()), self.col0 + float(cols.mean())

    @property
    def diameter_px(self) -> float:
        """The diameter of the disc of equal area."""
        return float(2 * np.sqrt(self.area_px / np.pi))

    def contains(self, places: NDArray) -> NDArray[np.bool_]:
        """Which of the places `(n, 2)` (row, col in film pixels) have their nearest pixel in the region."""
        nearest = np.rint(np.asarray(places, np.float64).reshape(-1, 2)).astype(np.int64) - [self.row0, self.col0]
        rows, cols = nearest.T
        on_it = (rows >= 0) & (rows < self.mask.shape[0]) & (cols >= 0) & (cols < self.mask.shape[1])
        found = np.zeros(len(nearest), bool)
        found[on_it] = self.mask[rows[on_it], cols[on_it]]
        return found


def cut(mask: NDArray[np.bool_]) -> Region:
    """A film's mask cut to the bounding box of its pixels; an empty mask gives an empty region.

    Raises
    ------
    ValueError
        If the mask is not boolean with two axes.
    """
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise ValueError(f"the mask is {mask.dtype} {mask.shape}, wanted bool (rows, cols)")
    col0, row0, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return Region(row0, col0, mask[row0 : row0 + height, col0 : col0 + width].copy())


def union(regions: Sequence[Region]) -> Region:
    """All pixels of several regions, on their joint bounding box; empty where there are none."""
    boxes = np.array([region.box for region in regions if region.mask.size], np.int64).reshape(-1, 4)
    if not len(boxes):
        return Region(0, 0, np.zeros((0, 0), bool))
    row0, col0, row1, col1 = (int(edge) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)))
    return Region(row0, col0, painted(regions, (row0, col0, row1, col1)))


def painted(regions: Sequence[Region], box: tuple[int, int, int, int]) -> NDArray[np.bool_]:
    """What of the regions lies in a half-open box of the film, as a mask of the box."""
    row0, col0, row1, col1 = box
    picture = np.zeros((row1 - row0, col1 - col0), bool)
    for region in regions:
        top, left, bottom, right = region.box
        r0, c0, r1, c1 = max(top, row0), max(left, col0), min(bottom, row1), min(right, col1)
        if r0 < r1 and c0 < c1:
            picture[r0 - row0 : r1 - row0, c0 - col0 : c1 - col0] |= region.mask[
                r0 - top : r1 - top, c0 - left : c1 - left
            ]
    return picture


def check_on_film(regions: Sequence[Region], shape: tuple[int, ...]) -> None:
    """Raise `ValueError` if a region leaves a film of that shape."""
    for region in regions:
        if region.box[2] > shape[0] or region.box[3] > shape[1]:
            raise ValueError(f"a region in {region.box} leaves the film of {shape}")


def film_pair(
    found: NDArray[np.bool_], lesions: Sequence[Region], ignored: Sequence[Region] = ()
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(truth, found) of a whole film on their joint bounding box, both bool of one shape.

    found: bool `(rows, cols)`, the film's own pixels. ignored: regions that count for nothing; a pixel that also
    lies in a lesion counts.

    Raises
    ------
    ValueError
        If `found` is not boolean with two axes, or a region leaves it.
    """
    part = cut(found)
    check_on_film([*lesions, *ignored], found.shape)
    return _pair(union(lesions), part, ignored)


def lesion_pairs(
    found: NDArray[np.bool_], lesions: Sequence[Region], ignored: Sequence[Region] = ()
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(truth, found) of each lesion on their joint bounding box.

    What is found of a lesion are the connected parts (8 neighbours) of `found` that meet it, without the pixels of
    other lesions and of ignored regions: a part that spreads over two lesions is false for neither where it covers
    the other. Parts that meet no lesion are errors of the film alone. Errors as `film_pair`.
    """
    whole = cut(found)
    check_on_film([*lesions, *ignored], found.shape)
    if not whole.mask.size:
        return [_pair(lesion, whole, ()) for lesion in lesions]
    _, label, stats, _ = cv2.connectedComponentsWithStats(whole.mask.view(np.uint8))
    pairs = []
    for number, lesion in enumerate(lesions):
        mine = []
        for part in np.unique(label[painted([lesion], whole.box)]):
            col0, row0, width, height = (int(edge) for edge in stats[part, :4])
            mask = label[row0 : row0 + height, col0 : col0 + width] == part
            if part:
                mine.append(Region(whole.row0 + row0, whole.col0 + col0, mask))
        others = [other for place, other in enumerate(lesions) if place != number]
        pairs.append(_pair(lesion, union(mine), [*others, *ignored]))
    return pairs


def _pair(truth: Region, found: Region, void: Sequence[Region]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both masks on their joint bounding box, nothing found in `void` outside the truth."""
    box = union([truth, found]).box
    true = painted([truth], box)
    return true, painted([found], box) & ~(painted(void, box) & ~true)
