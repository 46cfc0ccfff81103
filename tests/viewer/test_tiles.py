"""Tiles of a film: sizes, overlap, what a pixel of a lower level covers, grey levels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mammomap.viewer.tiles import TILE, halved, levels_of, shown_values, write_pyramid


def read(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None and found.ndim == 2
    return found


@pytest.mark.parametrize(
    ("size", "levels"), [((4700, 3000), (10, 13)), ((1024, 900), (10, 10)), ((1025, 900), (10, 11)), ((64, 48), (6, 6))]
)
def test_levels_go_from_one_tile_to_native_pixels(size, levels):
    assert levels_of(*size) == levels
    assert max(size) / 2 ** (levels[1] - levels[0]) <= TILE


def test_tiles_put_together_are_the_film(tmp_path):
    rows, cols = 1500, 1301
    down, across = np.mgrid[:rows, :cols]
    film = (20_000 + 8 * down + 12 * across).astype(np.uint16)
    made = write_pyramid(film, tmp_path)
    picture, grey = shown_values(film)
    assert (made.lowest, made.highest) == (10, 11) and made.grey == grey == (int(film.min()), int(film.max()))
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.jpg")}
    assert names == {"thumb.jpg", "10/0_0.jpg", "11/0_0.jpg", "11/1_0.jpg", "11/0_1.jpg", "11/1_1.jpg"}
    assert read(tmp_path / "11/0_0.jpg").shape == (1025, 1025)
    assert read(tmp_path / "11/1_1.jpg").shape == (1500 - 1023, 1301 - 1023)
    last = read(tmp_path / "11/1_1.jpg").astype(int)
    assert np.abs(last - picture[1023:, 1023:]).max() <= 6
    low = read(tmp_path / "10/0_0.jpg").astype(int)
    assert low.shape == (750, 651)
    assert np.abs(low[:, :650] - picture[:, :1300].reshape(750, 2, 650, 2).mean(axis=(1, 3))).max() <= 6
    assert read(tmp_path / "thumb.jpg").shape == (96, 83)


def test_an_odd_edge_is_repeated_so_that_pixels_keep_their_places():
    picture = np.arange(15, dtype=np.uint8).reshape(3, 5) * 4
    half = halved(picture)
    assert half.shape == (2, 3)
    assert half[0, 0] == picture[:2, :2].mean() and half[1, 2] == picture[2, 4]


def test_the_grey_levels_span_the_film_and_no_more():
    film = np.array([[100, 4195], [2148, 100]], np.uint16)
    shown, grey = shown_values(film)
    assert grey == (100, 4195) and shown.tolist() == [[0, 255], [128, 0]]
    assert shown_values(np.full((2, 2), 7, np.uint16))[0].tolist() == [[0, 0], [0, 0]]
