"""One lesion's outline, however it was given: is a point inside, what does it look like on a grid.

In: a row of the lesion table and the film's size. Out: masks on the film's own pixels or on a working grid. Boxes
and circles are drawn as ellipses, which only approximate a lesion; a point is judged in the true box or circle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import ImageError, TableError
from mammomap.masks.grid import Grid
from mammomap.masks.read import read_film
from mammomap.masks.tables import APPROXIMATE_OUTLINES

_EDGES = ("row0", "col0", "row1", "col1")


@dataclass(frozen=True)
class Outline:
    """One lesion on one film."""

    lesion_id: str
    kind: str
    malignant: bool
    shape: str
    """mask, polygon, box or circle"""
    film_size: tuple[int, int]
    box: tuple[float, float, float, float] | None = None
    """Half-open (row0, col0, row1, col1) in film pixels, for box and circle."""
    points: NDArray[np.float64] | None = None
    """(n, 2) row, col in film pixels, for polygon."""
    mask_path: Path | None = None
    ignored: bool = False
    """True where the lesion counts for nothing: void in the loss, neither hit nor false positive."""

    @property
    def approximate(self) -> bool:
        """True where the outline is not one (box, circle): overlap with it is no accuracy."""
        return self.shape in APPROXIMATE_OUTLINES

    @property
    def on_film(self) -> NDArray[np.bool_]:
        """The lesion on the film's own pixels, `(film_rows, film_cols)`."""
        row0, col0, part = self.part
        film = np.zeros(self.film_size, bool)
        film[row0 : row0 + part.shape[0], col0 : col0 + part.shape[1]] = part
        return film

    @cached_property
    def part(self) -> tuple[int, int, NDArray[np.bool_]]:
        """(row0, col0, mask): the lesion cut out of its film, and where that begins: all that is kept of a mask."""
        if self.shape == "mask":
            film = _resize_mask(self._read_mask(), self.film_size)
        else:
            film = self._drawn(self.film_size)
        col0, row0, width, height = cv2.boundingRect(film.astype(np.uint8))
        return row0, col0, film[row0 : row0 + height, col0 : col0 + width].copy()

    @property
    def centre(self) -> tuple[float, float]:
        """(row, col) of the middle of the outline's bounds, in film pixels."""
        if self.approximate:
            row0, col0, row1, col1 = self._box()
        else:
            row0, col0, part = self.part
            row1, col1 = row0 + part.shape[0], col0 + part.shape[1]
        return (row0 + row1 - 1) / 2, (col0 + col1 - 1) / 2

    def on_grid(self, grid: Grid) -> NDArray[np.bool_]:
        """The lesion on a working grid, `(grid.rows, grid.cols)`; never empty where any of it lies on the crop."""
        if self.shape == "mask":
            return grid.mask_to_working(self._read_mask())
        fine = [min(size, round(4 * scale * size)) for size, scale in zip(self.film_size, grid.scale, strict=True)]
        return grid.mask_to_working(self._drawn((fine[0], fine[1])))

    def contains(self, points: NDArray) -> NDArray[np.bool_]:
        """Which of the points `(n, 2)` (row, col in film pixels) lie in the lesion: in its mask or polygon, in its
        true box (half-open), or in its true circle."""
        points = np.asarray(points, np.float64).reshape(-1, 2)
        if self.shape == "box":
            row0, col0, row1, col1 = self._box()
            rows, cols = points.T
            return (rows >= row0) & (rows < row1) & (cols >= col0) & (cols < col1)
        if self.shape == "circle":
            row0, col0, row1, col1 = self._box()
            centre = np.array([(row0 + row1 - 1) / 2, (col0 + col1 - 1) / 2])
            return np.hypot(*(points - centre).T) <= (row1 - row0) / 2
        row0, col0, part = self.part
        nearest = np.rint(points).astype(int) - [row0, col0]
        rows, cols = nearest[:, 0], nearest[:, 1]
        inside = (rows >= 0) & (rows < part.shape[0]) & (cols >= 0) & (cols < part.shape[1])
        found = np.zeros(len(points), bool)
        found[inside] = part[rows[inside], cols[inside]]
        return found

    def _drawn(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Polygon or ellipse on a picture of `size` that covers the whole film."""
        down, across = size[0] / self.film_size[0], size[1] / self.film_size[1]
        if self.points is not None:
            fractional = 4  # bits behind the point that OpenCV's drawing takes
            corners = (self.points + 0.5) * [down, across] - 0.5
            fixed = np.rint(corners[:, ::-1] * (1 << fractional)).astype(np.int32)
            return cv2.fillPoly(np.zeros(size, np.uint8), [fixed], 1, cv2.LINE_8, fractional) > 0
        row0, col0, row1, col1 = self._box()
        rows, cols = np.ogrid[: size[0], : size[1]]
        height = (rows + 0.5 - (row0 + row1) / 2 * down) / ((row1 - row0) / 2 * down)
        width = (cols + 0.5 - (col0 + col1) / 2 * across) / ((col1 - col0) / 2 * across)
        return height**2 + width**2 <= 1

    def _box(self) -> tuple[float, float, float, float]:
        if self.box is None:
            raise TableError(f"lesion {self.lesion_id}: a {self.shape} without its bounds")
        return self.box

    def _read_mask(self) -> NDArray[np.bool_]:
        """The mask file at its own size: bright is lesion, halfway between 0 and the type's full range."""
        if self.mask_path is None:
            raise TableError(f"lesion {self.lesion_id}: outline 'mask' without mask_path")
        pixels = read_film(self.mask_path)
        top = int(pixels.max())
        mask = pixels > top // 2
        if top == 0 or mask.all():
            raise ImageError(f"{self.mask_path.name}: the mask is {'empty' if top == 0 else 'full'}")
        rows, cols = self.film_size
        if abs(mask.shape[0] / rows - mask.shape[1] / cols) > 0.02:
            raise ImageError(
                f"{self.mask_path.name}: mask of {mask.shape[0]} x {mask.shape[1]} on a film of {rows} x {cols}; "
                "the proportions differ, so where it lies is not known"
            )
        return mask


def _resize_mask(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Nearest neighbour: a mask of another size than its film is scaled, never padded or cropped."""
    if mask.shape == size:
        return mask
    return cv2.resize(mask.astype(np.uint8), (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT) > 0


def outline_of(lesion: Mapping[str, Any], film_size: tuple[int, int]) -> Outline:
    """The outline of one row of the lesion table, as a mapping; `film_size` is `(rows, cols)` of the original film.

    Raises
    ------
    TableError
        If what the outline's kind needs is absent from the row.
    """
    shape, name = lesion["outline"], f"{lesion['image_id']} lesion {lesion['lesion_id']}"
    box = tuple(float("nan") if pd.isna(lesion[edge]) else float(lesion[edge]) for edge in _EDGES)
    known = not any(np.isnan(box))
    if shape in APPROXIMATE_OUTLINES and not (known and box[0] < box[2] and box[1] < box[3]):
        raise TableError(f"{name}: a {shape} needs row0 < row1 and col0 < col1, got {box}")
    points = None
    if shape == "polygon":
        points = _polygon(name, lesion["polygon"])
    return Outline(
        lesion_id=str(lesion["lesion_id"]),
        kind=str(lesion["kind"]),
        malignant=lesion["pathology"] == "MALIGNANT",
        shape=str(shape),
        film_size=film_size,
        box=(box[0], box[1], box[2], box[3]) if known else None,
        points=points,
        mask_path=Path(str(lesion["mask_path"])) if shape == "mask" else None,
        ignored=lesion.get("role", "lesion") == "ignore",
    )


def _polygon(name: str, text: Any) -> NDArray[np.float64]:
    try:
        points = np.array(json.loads(str(text)), np.float64)
    except ValueError:
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise TableError(f"{name}: a polygon is a JSON list of three or more [row, col]")
    return points


def outlines_of(lesions: pd.DataFrame, film_size: tuple[int, int]) -> list[Outline]:
    """The outlines of one film's rows of the lesion table, in their order."""
    return [outline_of(row, film_size) for row in lesions.to_dict("records")]
