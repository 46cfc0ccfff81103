"""How far two outlines lie apart: Hausdorff distance at 95 % and average surface distance.

In: two boolean masks of one shape and the pixel pitch of each axis. Out: lengths in the unit of the pitch: millimetres
for a pitch in millimetres, pixels for (1, 1). The outline is the polygon through the middles between neighbouring
pixels, one piece for each 2 x 2 block of pixels that is neither empty nor full; its distance is that of the block's
middle to the nearest middle of such a block of the other mask, and it weighs by its length. So a straight border that
is a pixel off is off by a pixel, and a fine staircase does not outweigh a straight line. What lies beyond the masks is
background: cutting both to their joint bounding box (`regions.film_pair`) changes nothing, and costs less.

Either mask empty: NaN. There is no distance to nothing, and any number in its place (the film's diagonal, say) would
be an opinion; whoever averages says how many had none (`means.summary`), and overlap counts them as 0.

Papers: Hausdorff 95 %: Huttenlocher et al., IEEE PAMI 15 (1993); pieces weighted by their length: Nikolov et al., J Med
Internet Res 23 (2021); average symmetric distance: Heimann et al., IEEE Trans Med Imaging 28 (2009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

SHARE = 0.95


@dataclass(frozen=True)
class SurfaceDistances:
    """hausdorff_95: the larger of the two distances that 95 % of an outline's length keep from the other outline.
    average: the mean distance over the length of both outlines. NaN if a mask is empty, 0 for equal masks."""

    hausdorff_95: float
    average: float


def surface_distances(
    truth: NDArray[np.bool_], found: NDArray[np.bool_], pitch: tuple[float, float] = (1.0, 1.0)
) -> SurfaceDistances:
    """Distances of the outlines of two masks; symmetric.

    truth, found: bool `(rows, cols)`. pitch: distance of rows and of columns.

    Raises
    ------
    ValueError
        If the masks are not boolean or not of one shape, or a pitch is not positive.
    """
    if truth.dtype != np.bool_ or found.dtype != np.bool_ or truth.shape != found.shape or truth.ndim != 2:
        raise ValueError(
            f"masks are {truth.dtype} {truth.shape} and {found.dtype} {found.shape}, wanted bool, one shape, two axes"
        )
    if len(pitch) != 2 or not all(0 < step < np.inf for step in pitch):
        raise ValueError(f"pitch is {pitch}, wanted two positive lengths")
    if not truth.any() or not found.any():
        return SurfaceDistances(float("nan"), float("nan"))
    (a, a_length), (b, b_length) = _pieces(truth, pitch), _pieces(found, pitch)
    a_away, b_away = np.asarray(KDTree(b).query(a)[0]), np.asarray(KDTree(a).query(b)[0])
    total = (a_away * a_length).sum() + (b_away * b_length).sum()
    return SurfaceDistances(
        max(_reached(a_away, a_length), _reached(b_away, b_length)), float(total / (a_length.sum() + b_length.sum()))
    )


def _pieces(mask: NDArray[np.bool_], pitch: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The outline's pieces: middles `(n, 2)` and lengths `(n,)`, in the unit of the pitch."""
    padded = np.pad(mask, 1).astype(np.uint8)
    code = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    rows, cols = np.nonzero((code > 0) & (code < 15))
    down, across = pitch
    corner = np.hypot(down, across) / 2
    length = np.full(16, corner)  # one pixel of the block, or all but one
    length[[0b0011, 0b1100]] = across  # a row of it
    length[[0b0101, 0b1010]] = down  # a column
    length[[0b1001, 0b0110]] = 2 * corner  # two pixels that touch by a corner
    return np.stack([rows * down, cols * across], axis=1), length[code[rows, cols]]


def _reached(away: NDArray[np.float64], length: NDArray[np.float64]) -> float:
    """The least distance that `SHARE` of the length does not exceed."""
    order = np.lexsort((length, away))
    kept = np.cumsum(length[order]) / length.sum()
    return float(away[order][min(int(np.searchsorted(kept, SHARE)), len(away) - 1)])
