"""Where the breast lies on a film and which way it faces, by the pixels alone.

In: uint16 `(rows, cols)`. Out: the breast's box, its mask and its direction. Found at about 512 rows, which is 1/8 of a
large film: Otsu's threshold (lowered, since fat at the skin line is dark), what bright rims of the film add cut off,
thin bridges to tags and tape severed, largest connected part, holes closed, a margin of air around it. The pectoral
muscle stays. Laterality in the header is not used: in CBIS-DDSM about a quarter of the films lie the other way round.
Otsu's threshold: IEEE Trans Syst Man Cybern 9 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError

SEARCH_ROWS = 512
LEAST_SHARE, MOST_SHARE = 0.03, 0.97
"""A largest bright part below or above these shares of the film is no breast."""
MOST_AIR = 40.0
"""Grey value of 255 above which nothing is air."""
AIR_ENDS = 0.1
"""The air's peak ends where the histogram falls below this share of its height."""
AIR_LEAST, AIR_WIDEST = 0.01, 12
"""A peak of air holds at least this share of the film at one grey value, and ends within so many of 255."""
RIM = 0.04
"""Widest bright rim of a film that is taken off, as a share of its height."""
BRIDGE = 0.02
"""Widest bridge between the breast and other bright things that is severed, as a share of the height; the blur before
it widens what is very bright by about as much."""
MARGIN = 0.01
"""Air left around the breast, as a share of the film's height: skin is darker than any threshold in places."""


@dataclass(frozen=True)
class Breast:
    """The breast on its film."""

    box: tuple[int, int, int, int]
    """Half-open (row0, col0, row1, col1) in pixels of the picture."""
    mask: NDArray[np.uint8]
    """1 inside, at about `SEARCH_ROWS` rows, covering the whole picture."""
    chest_wall_left: bool
    """True where the chest wall lies at low columns."""


def find_breast(picture: NDArray[np.uint16], search_rows: int = SEARCH_ROWS) -> Breast:
    """The breast of a film. search_rows: at which height it is sought, at most the film's own.

    Raises
    ------
    ImageError
        If nothing on the film looks like a breast: too little or too much of it is bright.
    """
    rows, cols = picture.shape
    small_rows = min(rows, search_rows)
    small_cols = max(1, round(cols * small_rows / rows))
    skip = max(1, rows // small_rows // 2)  # of large films every fourth row and column will do
    every = np.ascontiguousarray(picture[::skip, ::skip])
    small = cv2.resize(every, (small_cols, small_rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small[::2, ::2], [0.5, 99.5])
    if high <= low:
        raise ImageError("no breast found: the film is of one grey value")
    grey = np.clip((small - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    grey = cv2.GaussianBlur(grey, (0, 0), small_rows / 256)
    bright = (grey > _above_air(grey)).astype(np.uint8)
    mask = _largest_part(_opened(_without_rims(bright)))
    share = float(mask.mean())
    if share < LEAST_SHARE:
        raise ImageError(f"no breast found: the largest bright part covers {share:.1%} of the film")
    if share > MOST_SHARE:
        raise ImageError(f"no breast found: the film is bright throughout ({share:.1%})")
    facing = _chest_wall_left(mask)
    mask = cv2.dilate(mask, _disc(MARGIN * small_rows)).astype(np.uint8)
    row0, col0, width, height = _bounds(mask)
    down, across = rows / small_rows, cols / small_cols
    box = (
        int(np.floor(row0 * down)),
        int(np.floor(col0 * across)),
        min(rows, int(np.ceil((row0 + height) * down))),
        min(cols, int(np.ceil((col0 + width) * across))),
    )
    return Breast(box=box, mask=mask, chest_wall_left=facing)


def _above_air(grey: NDArray[np.uint8]) -> float:
    """The grey value from which on a film holds no air, at most half of Otsu's threshold and `MOST_AIR`.

    Air is the brightest narrow peak of the histogram: a film on a black canvas has two, its own being the brighter. Fat
    makes a broad one. Without any, the highest of the dark values stands for it.
    """
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    most = min(otsu * 0.5, MOST_AIR)
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    dark = counts[: int(most) + 1]
    width = np.array([_width(counts[value:]) for value in range(len(dark))])
    around = np.pad(counts, 1)
    peaks = (dark >= around[: len(dark)]) & (dark >= around[2 : len(dark) + 2]) & (dark >= AIR_LEAST * grey.size)
    narrow = np.flatnonzero(peaks & (width <= AIR_WIDEST))
    air = int(narrow[-1]) if len(narrow) else int(np.argmax(dark))
    return min(most, air + 2.0 * width[air] + 2)


def _width(counts: NDArray[np.float64]) -> int:
    """How far from the first value the counts fall below `AIR_ENDS` of it."""
    below = np.flatnonzero(counts < AIR_ENDS * counts[0])
    return int(below[0]) if len(below) else len(counts)


def _without_rims(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Near each edge of the film, only what goes on inwards: a bright rim of the film ends there, the breast does not.

    In a band of `RIM` a pixel stays bright if the film is bright at the band's inner side, straight inwards or a
    band's width beside that.
    """
    band = max(1, round(RIM * len(bright)))
    if min(bright.shape) < 4 * band:
        return bright
    kept = bright.copy()
    for turns in range(4):
        turned, of = np.rot90(kept, turns), np.rot90(bright, turns)  # views: the edge is always the first rows
        inwards = cv2.dilate(np.ascontiguousarray(of[band : band + 1]), np.ones((1, 2 * band + 1), np.uint8))
        turned[:band] &= inwards
    return kept


def _opened(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sever thin bridges (rims, tape, tags) between the breast and other bright things; what crosses an edge stays."""
    kernel = _disc(BRIDGE * len(bright) / 2)
    reach = len(kernel) // 2
    wide = cv2.copyMakeBorder(bright, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    return cv2.morphologyEx(wide, cv2.MORPH_OPEN, kernel)[reach:-reach, reach:-reach].astype(np.uint8)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _largest_part(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest connected part with its holes filled; the film's edge counts as background."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(bright, connectivity=4)
    if count < 2:
        return np.zeros_like(bright)
    part = (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(part)
    cv2.drawContours(filled, contours, -1, 1, -1)
    return filled


def _bounds(mask: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """(row0, col0, width, height) of the mask."""
    col0, row0, width, height = cv2.boundingRect(mask)
    return row0, col0, width, height


def _chest_wall_left(mask: NDArray[np.uint8]) -> bool:
    """The chest wall is the straight, long side: the breast is tallest there and narrows towards the nipple."""
    row0, col0, width, height = _bounds(mask)
    heights = mask[row0 : row0 + height, col0 : col0 + width].sum(axis=0).astype(np.float64)
    third = max(1, width // 3)
    return bool(heights[:third].sum() >= heights[-third:].sum())
