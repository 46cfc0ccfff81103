"""A film as tiles: JPEG pictures of at most 1,024 pixels a side, at full size and halved again and again.

In: uint16 `(rows, cols)` as `read_film` gives it. Out: FOLDER/<level>/<col>_<row>.jpg, FOLDER/thumb.jpg. The highest
level has the film's own pixels; one level down a pixel is the mean of two by two, so that pixel (r, c) covers film
pixels 2r, 2r + 1 and 2c, 2c + 1. The 256 grey levels go from the film's darkest to its brightest pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

TILE = 1024
OVERLAP = 1
"""Pixels that a tile shares with its neighbour beyond the border between them."""
QUALITY = 92
THUMB_ROWS = 96


@dataclass(frozen=True)
class Pyramid:
    """What there is of a film."""

    lowest: int
    """The level at which one tile holds the film."""
    highest: int
    """The level of the film's own pixels; scale 2 ** (level - highest)."""
    grey: tuple[int, int]
    """The film's values that became 0 and 255."""


def shown_values(film: NDArray[np.uint16]) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """The film in 256 grey levels, and the values that became 0 and 255."""
    low, high = int(film.min()), int(film.max())
    table = np.clip(np.rint((np.arange(65_536) - low) * (255 / max(1, high - low))), 0, 255).astype(np.uint8)
    return table[film], (low, high)


def levels_of(rows: int, cols: int) -> tuple[int, int]:
    """The lowest and the highest level of a film of this size."""
    highest = int(np.ceil(np.log2(max(rows, cols, 2))))
    lowest = highest
    while max(rows, cols) / 2 ** (highest - lowest) > TILE:
        lowest -= 1
    return lowest, highest


def halved(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Means of two by two pixels; an odd last row or column is repeated."""
    rows, cols = picture.shape
    even = cv2.copyMakeBorder(picture, 0, rows % 2, 0, cols % 2, cv2.BORDER_REPLICATE)
    half = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)


def write_pyramid(film: NDArray[np.uint16], folder: Path) -> Pyramid:
    """Write all tiles of a film into an empty folder."""
    picture, grey = shown_values(film)
    lowest, highest = levels_of(*picture.shape)
    for level in range(highest, lowest - 1, -1):
        _write_level(picture, folder / str(level))
        if level > lowest:
            picture = halved(picture)
    height = min(THUMB_ROWS, picture.shape[0])
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    thumb = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    (folder / "thumb.jpg").write_bytes(_jpeg(thumb))
    return Pyramid(lowest, highest, grey)


def _write_level(picture: NDArray[np.uint8], folder: Path) -> None:
    folder.mkdir(parents=True)
    rows, cols = picture.shape
    for down in range(0, rows, TILE):
        for across in range(0, cols, TILE):
            part = picture[
                max(0, down - OVERLAP) : down + TILE + OVERLAP, max(0, across - OVERLAP) : across + TILE + OVERLAP
            ]
            (folder / f"{across // TILE}_{down // TILE}.jpg").write_bytes(_jpeg(part))


def _jpeg(picture: NDArray) -> bytes:
    done, code = cv2.imencode(".jpg", np.ascontiguousarray(picture), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"a tile of {picture.shape} could not be written as JPEG")
    return code.tobytes()
