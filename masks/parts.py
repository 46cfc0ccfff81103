"""Masks of lesions as rows of the lesion table: the connected parts of a mask, and how each outline is written.

In: masks on a film's own pixels. Out: parts, and the outline columns of a row: a polygon where one drawn through the
border's pixels is the part exactly, else (it has holes, or several pieces) a picture beside the tables. Either way
the outline is the mask, pixel by pixel.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.masks.files import write_atomically
from mammomap.masks.outlines import Outline


@dataclass(frozen=True)
class Part:
    """A piece of a mask, cut out."""

    row0: int
    col0: int
    mask: NDArray[np.bool_]
    """(rows, cols) of the piece; its first pixel is (row0, col0) of the film."""

    @property
    def area(self) -> int:
        """In pixels of the film."""
        return int(self.mask.sum())


def parts_of(mask: NDArray[np.bool_]) -> list[Part]:
    """The parts of `mask` `(rows, cols)` that touch neither by side nor by corner, from top to bottom."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    parts = []
    for number, (left, top, width, height, _) in enumerate(stats[1:], start=1):
        piece = labels[top : top + height, left : left + width] == number
        parts.append(Part(int(top), int(left), piece))
    return sorted(parts, key=lambda part: (part.row0, part.col0))


def whole(mask: NDArray[np.bool_]) -> Part:
    """All of a mask, which must not be empty, as one part."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return Part(top, left, mask[top : top + height, left : left + width].copy())


def outline_columns(part: Part, film_size: tuple[int, int], picture: Path) -> dict:
    """The columns of the lesion table that hold the outline; `picture` is written only where a polygon cannot be it."""
    contours, _ = cv2.findContours(part.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    border = np.asarray(contours[0], int)[:, 0, ::-1]
    corners = np.concatenate([border, border[-1:].repeat(max(0, 3 - len(border)), axis=0)])
    rows, cols = part.mask.shape
    drawn = Outline("", "mass", False, "polygon", (rows, cols), points=corners.astype(np.float64))
    if len(contours) == 1 and np.array_equal(drawn.on_film, part.mask):
        return {"outline": "polygon", "polygon": json.dumps((corners + [part.row0, part.col0]).tolist())}
    film = np.zeros(film_size, np.uint8)
    film[part.row0 : part.row0 + rows, part.col0 : part.col0 + cols] = part.mask * np.uint8(255)
    content = cv2.imencode(".png", film)[1].tobytes()
    write_atomically(picture, lambda half: half.write_bytes(content))
    return {
        "outline": "mask",
        "mask_path": str(picture.resolve()),
        "mask_rows": film_size[0],
        "mask_cols": film_size[1],
        "mask_fit": "same size",
    }
