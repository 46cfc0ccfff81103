"""The way between film and working grid: exact for points, safe for labels, true for impulses."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mammomap.masks.grid import Grid


@st.composite
def grids(draw) -> Grid:
    film_rows, film_cols = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    row0, col0 = draw(st.integers(0, film_rows - 10)), draw(st.integers(0, film_cols - 10))
    row1, col1 = draw(st.integers(row0 + 5, film_rows)), draw(st.integers(col0 + 5, film_cols))
    return Grid(
        film_rows=film_rows,
        film_cols=film_cols,
        row0=row0,
        col0=col0,
        row1=row1,
        col1=col1,
        mirrored=draw(st.booleans()),
        rows=draw(st.integers(4, 200)),
        cols=draw(st.integers(4, 200)),
    )


@settings(deadline=None)
@given(grids(), st.lists(st.tuples(st.floats(-10, 310), st.floats(-10, 310)), min_size=1, max_size=5))
def test_points_come_back(grid: Grid, points: list) -> None:
    there = grid.to_working(np.array(points))
    assert np.allclose(grid.to_film(there), points, atol=1e-9)
    assert np.allclose(grid.to_working(grid.to_film(np.array(points))), points, atol=1e-9)


def test_points_by_hand() -> None:
    """A 100 x 80 film, crop rows 20..60 and cols 10..50 halved: film pixel (20.5, 10.5) is working pixel (0, 0)."""
    grid = Grid(film_rows=100, film_cols=80, row0=20, col0=10, row1=60, col1=50, mirrored=False, rows=20, cols=20)
    assert grid.to_working(np.array([[20.5, 10.5], [59.5, 49.5]])).tolist() == [[0.0, 0.0], [19.5, 19.5]]
    mirrored = Grid(film_rows=100, film_cols=80, row0=20, col0=10, row1=60, col1=50, mirrored=True, rows=20, cols=20)
    assert mirrored.to_working(np.array([[20.5, 10.5]])).tolist() == [[0.0, 19.0]]
    assert grid.working_rows_of_film == 50


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 39), st.integers(0, 29), st.booleans())
def test_an_impulse_comes_back_at_its_own_pixel(row: int, col: int, mirrored: bool) -> None:
    """At the film's own scale exactly, in whichever direction the breast lies."""
    film = np.zeros((60, 50), np.uint16)
    film[row + 8, col + 6] = 60_000
    grid = Grid(film_rows=60, film_cols=50, row0=8, col0=6, row1=48, col1=36, mirrored=mirrored, rows=40, cols=30)
    back = grid.to_film_picture(grid.picture_to_working(film))
    assert np.array_equal(back, film)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 119), st.integers(0, 89), st.booleans())
def test_an_impulse_comes_back_within_its_working_pixel(row: int, col: int, mirrored: bool) -> None:
    film = np.zeros((150, 120), np.float32)
    film[row + 20, col + 10] = 1
    grid = Grid(film_rows=150, film_cols=120, row0=20, col0=10, row1=140, col1=100, mirrored=mirrored, rows=40, cols=30)
    back = grid.to_film_picture(grid.picture_to_working(film))
    found = np.unravel_index(int(back.argmax()), back.shape)
    assert ((found[0] - 20) // 3, (found[1] - 10) // 3) == (row // 3, col // 3)


@settings(max_examples=60, deadline=None)
@given(grids(), st.data())
def test_no_lesion_vanishes(grid: Grid, data: st.DataObject) -> None:
    mask = np.zeros((grid.film_rows, grid.film_cols), np.uint8)
    row = data.draw(st.integers(int(grid.row0), int(grid.row1) - 1))
    col = data.draw(st.integers(int(grid.col0), int(grid.col1) - 1))
    mask[row, col] = 255
    down, across = grid.scale
    if down <= 1 and across <= 1:
        assert grid.mask_to_working(mask).any()


def test_area_of_a_disc_survives_the_way_there_and_back() -> None:
    down, across = np.mgrid[:600, :500]
    disc = (down - 300) ** 2 + (across - 240) ** 2 <= 150**2
    grid = Grid(film_rows=600, film_cols=500, row0=50, col0=20, row1=550, col1=480, mirrored=True, rows=125, cols=115)
    back = grid.to_film_picture(grid.mask_to_working(disc).astype(np.float32)) >= 0.5
    assert abs(back.sum() / disc.sum() - 1) < 0.01


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
@example(93599511)
def test_a_large_mask_keeps_its_area(seed: int) -> None:
    """A disc of 30 and more working pixels anywhere, on a film 1 to 4 times finer down and across.

    Drawn by a seed, so that hardly ever a row of pixels is covered by half, which counts as lesion; the example, 1.4747
    by 1.4995 times finer, comes close to it and is 1.04 % too large, where draws spread by 0.15 %.
    """
    rng = np.random.default_rng(seed)
    share, _ = there_and_back(rng.uniform(30, 60), rng.uniform(1, 4, 2), rng.uniform(0, 1, 2))
    assert abs(share - 1) < 0.015


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_small_mask_keeps_its_outline(seed: int) -> None:
    """No pixel that comes or goes is farther than a working pixel from the outline, and none is lost altogether."""
    rng = np.random.default_rng(seed)
    share, farthest = there_and_back(rng.uniform(1, 30), rng.uniform(1, 4, 2), rng.uniform(0, 1, 2))
    assert share > 0 and farthest <= 1


def there_and_back(radius: float, coarse: np.ndarray, shift: np.ndarray) -> tuple[float, float]:
    """Area after over area before, and how far from the outline pixels differ, in working pixels."""
    side = int(2 * radius) + 12
    shape = (round(side * coarse[0]), round(side * coarse[1]))
    grid = Grid(
        film_rows=shape[0] + 9,
        film_cols=shape[1] + 7,
        row0=5,
        col0=3,
        row1=5 + shape[0],
        col1=3 + shape[1],
        mirrored=True,
        rows=side,
        cols=side,
    )
    film = np.stack(np.meshgrid(np.arange(grid.film_rows), np.arange(grid.film_cols), indexing="ij"), axis=-1)
    there = grid.to_working(film.reshape(-1, 2)).reshape(film.shape)
    away = np.hypot(*np.moveaxis(there - (side / 2 + shift), -1, 0)) - radius
    mask = away <= 0
    share = grid.to_film_picture(grid.mask_to_working(mask).astype(np.float32))
    back = share >= min(0.5, share.max())  # label-safe, as `mask_to_working` is
    return back.sum() / mask.sum(), float(np.abs(away[back != mask]).max(initial=0))


@settings(max_examples=40, deadline=None)
@given(st.floats(8, 31), st.floats(8, 23), st.floats(0.7, 4), st.floats(0.7, 4), st.booleans())
def test_a_map_comes_back_within_half_a_pixel(row: float, col: float, down: float, across: float, turned: bool) -> None:
    """A Gaussian on the working grid, to the film and back: its centre of mass stays."""
    shape = (round(40 * down), round(32 * across))
    grid = Grid(
        film_rows=shape[0] + 11,
        film_cols=shape[1] + 5,
        row0=7,
        col0=2,
        row1=7 + shape[0],
        col1=2 + shape[1],
        mirrored=turned,
        rows=40,
        cols=32,
    )
    rows, cols = np.mgrid[:40, :32]
    blob = np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 8).astype(np.float32)
    back = grid.picture_to_working(grid.to_film_picture(blob))
    centre = np.array([(back * rows).sum(), (back * cols).sum()]) / back.sum()
    before = np.array([(blob * rows).sum(), (blob * cols).sum()]) / blob.sum()
    assert np.abs(centre - before).max() < 0.5


def test_a_reduced_picture_stands_for_its_film() -> None:
    """A half-size copy gives the working film of the original."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 60_000, (60, 50)).astype(np.uint16)
    film = np.kron(small, np.ones((2, 2), np.uint16))
    grid = Grid(film_rows=120, film_cols=100, row0=20, col0=10, row1=100, col1=90, mirrored=True, rows=20, cols=20)
    assert np.abs(grid.picture_to_working(film).astype(int) - grid.picture_to_working(small)).max() <= 1


def test_a_window_is_a_part_of_the_whole() -> None:
    rng = np.random.default_rng(1)
    grid = Grid(film_rows=90, film_cols=70, row0=10, col0=5, row1=80, col1=66, mirrored=True, rows=33, cols=28)
    working = rng.random((33, 28)).astype(np.float32)
    whole = grid.to_film_picture(working)
    assert np.array_equal(grid.to_film_picture(working, (20, 30, 60, 69)), whole[20:60, 30:69])
    assert (whole[:9] == 0).all() and (whole[:, :4] == 0).all()


@settings(deadline=None)
@given(grids())
def test_a_grid_survives_json(grid: Grid) -> None:
    assert Grid.from_json(grid.json()) == grid


def test_a_crop_off_the_film_is_refused() -> None:
    with pytest.raises(ValueError, match="not a grid"):
        Grid(film_rows=10, film_cols=10, row0=0, col0=0, row1=11, col1=5, mirrored=False, rows=4, cols=4)
