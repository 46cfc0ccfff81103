"""Maps on disk: what is written is what is read, bit for bit, and lies where it did on pictures of any size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammomap.errors import ImageError
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap, on_picture, read_map, write_map


@pytest.fixture
def film_map() -> FilmMap:
    rng = np.random.default_rng(3)
    grid = Grid(film_rows=400, film_cols=300, row0=40, col0=100, row1=360, col1=300, mirrored=True, rows=80, cols=50)
    lesion, malignancy = rng.random((2, 80, 50), np.float32)
    return FilmMap(lesion, malignancy, rng.random((80, 50)) < 0.7, grid, 0.25, {"model": "r-1", "trained_for": {}})


def test_what_is_read_is_what_writing_returned(film_map: FilmMap, tmp_path: Path) -> None:
    told = write_map(tmp_path / "m.npz", film_map)
    read = read_map(tmp_path / "m.npz")
    for name in ("lesion", "malignancy", "breast"):
        assert np.array_equal(getattr(read, name), getattr(told, name))
        assert np.abs(getattr(read, name) - 1.0 * getattr(film_map, name)).max() <= 0.5 / 65_535 + 1e-7
    assert (read.grid, read.score, read.about) == (film_map.grid, 0.25, film_map.about)
    write_map(tmp_path / "again.npz", read)
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "m.npz").read_bytes()


def test_a_damaged_map_is_told(film_map: FilmMap, tmp_path: Path) -> None:
    write_map(tmp_path / "m.npz", film_map)
    whole = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "m.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="not a map"):
        read_map(tmp_path / "m.npz")


@pytest.mark.parametrize("size", [(400, 300), (200, 150), (1000, 750)])
def test_an_impulse_is_at_its_place_on_a_picture(film_map: FilmMap, size: tuple[int, int]) -> None:
    spot = np.zeros((80, 50), np.float32)
    spot[30:33, 10:13] = 1
    ((row, col),) = film_map.grid.to_film(np.array([[31, 11]]))
    shown = on_picture(replace(film_map, lesion=spot), "lesion", size)
    assert shown.shape == size
    scale = size[0] / 400
    wanted = [(row + 0.5) * scale - 0.5, (col + 0.5) * scale - 0.5]
    assert np.argwhere(shown > 0.5).mean(0) == pytest.approx(wanted, abs=0.51)
