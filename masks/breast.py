"""Where the breast lies on a film and which way it faces, by the pixels alone.

In: uint16 `(rows, cols)`. Out: the breast's box, its mask and its direction. Found at about 256 rows: Otsu's
threshold (lowered, since fat at the skin line is dark), largest connected part, holes closed. Laterality in the
header is not used: in CBIS-DDSM about a quarter of the films lie the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError

SEARCH_ROWS = 256
LEAST_SHARE, MOST_SHARE = 0.03, 0.97
"""A largest bright part below or above these shares of the film is no breast."""


@dataclass(frozen=True)
class Breast:
    """The breast on its film."""

    box: tuple[int, int, int, int]
    """Half-open (row0, col0, row1, col1) in pixels of the picture."""
    mask: NDArray[np.uint8]
    """1 inside, at about `SEARCH_ROWS` rows, covering the whole picture."""
    chest_wall_left: bool
    """True where the chest wall lies at low columns."""


def find_breast(picture: NDArray[np.uint16]) -> Breast:
    """The breast of a film.

    Raises
    ------
    ImageError
        If nothing on the film looks like a breast: too little or too much of it is bright.
    """
    rows, cols = picture.shape
    small_rows = min(rows, SEARCH_ROWS)
    small_cols = max(1, round(cols * small_rows / rows))
    small = cv2.resize(picture, (small_cols, small_rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small, [0.5, 99.5])
    if high <= low:
        raise ImageError("no breast found: the film is of one grey value")
    grey = np.clip((small - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    threshold = min(otsu * 0.5, 40.0)
    bright = (cv2.GaussianBlur(grey, (0, 0), 1.0) > threshold).astype(np.uint8)
    mask = _largest_part(_cut_off_rims(bright))
    share = float(mask.mean())
    if share < LEAST_SHARE:
        raise ImageError(f"no breast found: the largest bright part covers {share:.1%} of the film")
    if share > MOST_SHARE:
        raise ImageError(f"no breast found: the film is bright throughout ({share:.1%})")
    row0, col0, width, height = _bounds(mask)
    down, across = rows / small_rows, cols / small_cols
    box = (
        max(0, int(np.floor((row0 - 1) * down))),
        max(0, int(np.floor((col0 - 1) * across))),
        min(rows, int(np.ceil((row0 + height + 1) * down))),
        min(cols, int(np.ceil((col0 + width + 1) * across))),
    )
    return Breast(box=box, mask=mask, chest_wall_left=_chest_wall_left(mask))


def _cut_off_rims(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Sever thin bridges (film rim, tape, tags) between the breast and other bright things."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    return cv2.morphologyEx(bright, cv2.MORPH_OPEN, kernel).astype(np.uint8)


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
