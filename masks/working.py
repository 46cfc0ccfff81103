"""A film file brought to the working grid: read, find the breast, crop, mirror, scale. Used by every verb.

In: a path and the size of the original film. Out: uint16 `(rows, cols)`, the chest wall on the left, 0 outside the
breast and at least 1 inside, with the Grid that undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.breast import find_breast
from mammomap.masks.grid import Grid
from mammomap.masks.read import read_film


@dataclass(frozen=True)
class WorkingFilm:
    """A film on its working grid."""

    pixels: NDArray[np.uint16]
    """(rows, cols), 0 outside the breast."""
    grid: Grid


def working_film(
    picture: NDArray[np.uint16], rows: int, film_size: tuple[int, int] | None = None, name: str = ""
) -> WorkingFilm:
    """Bring a picture of a film to the working grid.

    Parameters
    ----------
    picture
        uint16 `(rows, cols)` of the whole film, possibly a reduced copy.
    rows
        Working height of the whole film; the crop gets its share of it.
    film_size
        `(rows, cols)` of the original film; the picture's own size if absent.

    Raises
    ------
    ImageError
        If no breast is found.
    """
    film_rows, film_cols = film_size or picture.shape
    try:
        breast = find_breast(picture)
    except ImageError as error:
        raise ImageError(f"{name}: {error}" if name else str(error)) from None
    down, across = film_rows / picture.shape[0], film_cols / picture.shape[1]
    row0, col0, row1, col1 = breast.box
    scale = rows / film_rows
    grid = Grid(
        film_rows=film_rows,
        film_cols=film_cols,
        row0=row0 * down,
        col0=col0 * across,
        row1=min(row1 * down, film_rows),
        col1=min(col1 * across, film_cols),
        mirrored=not breast.chest_wall_left,
        rows=max(1, round((row1 - row0) * down * scale)),
        cols=max(1, round((col1 - col0) * across * scale)),
    )
    pixels = grid.picture_to_working(picture)
    inside = grid.picture_to_working(breast.mask.astype(np.float32)) > 0.5
    return WorkingFilm(np.where(inside, np.maximum(pixels, 1), 0).astype(np.uint16), grid)


def read_working_film(path: Path, rows: int, film_size: tuple[int, int] | None = None) -> WorkingFilm:
    """`working_film` of a file; errors name the file.

    Raises
    ------
    ImageError
        If the file cannot be read as a film, or holds no breast.
    """
    return working_film(read_film(path), rows, film_size, path.name)
