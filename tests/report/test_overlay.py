import io

import numpy as np
import pytest
from PIL import Image

from mammomap.report.overlay import BACKGROUND, BENIGN, COLOURS, GAP_PX, HEADER_PX, MALIGNANT, OPACITY, WHITE, overlay

ROWS, COLS = 120, 90
SQUARE = np.array([[20, 30], [20, 60], [50, 60], [50, 30]], float)


def panels(png: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The plain film and the overlay, `(rows, cols, 3)` each."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert picture.shape == (HEADER_PX + ROWS, 2 * COLS + GAP_PX, 3)
    assert (picture[HEADER_PX:, COLS : COLS + GAP_PX] == BACKGROUND).all()
    return picture[HEADER_PX:, :COLS], picture[HEADER_PX:, COLS + GAP_PX :]


@pytest.fixture
def film() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 1, (ROWS, COLS)).astype(np.float32)


def test_a_map_below_the_threshold_leaves_the_film_grey(film):
    left, right = panels(overlay(film, np.full_like(film, 0.49), [], threshold=0.5, title=""))
    grey = np.round(film * 255).astype(np.uint8)
    assert (left == grey[:, :, None]).all()
    assert (right == grey[:, :, None]).all()


def test_colour_begins_at_the_threshold_with_limits_0_to_1(film):
    lesion_map = np.zeros_like(film)
    lesion_map[70, 10], lesion_map[70, 11], lesion_map[70, 12] = 0.5, 0.499, 1.0
    left, right = panels(overlay(film, lesion_map, [], threshold=0.5, title=""))
    changed = np.argwhere((left != right).any(axis=2))
    assert changed.tolist() == [[70, 10], [70, 12]]
    for col, value in ((10, 128), (12, 255)):
        wanted = (1 - OPACITY) * left[70, col].astype(float) + OPACITY * COLOURS[value].astype(float)
        assert np.abs(right[70, col] - wanted).max() <= 0.5


@pytest.mark.parametrize(("malignant", "colour"), [(True, MALIGNANT), (False, BENIGN)])
def test_the_outline_stands_on_its_own_pixels(film, malignant, colour):
    left, right = panels(overlay(film, np.zeros_like(film), [(SQUARE, malignant, False)], threshold=0.5, title=""))
    drawn = np.zeros((ROWS, COLS), bool)
    drawn[20:51, 30:61] = True
    drawn[21:50, 31:60] = False
    assert (right[drawn] == colour).all()
    assert (right[~drawn] == left[~drawn]).all()


def test_an_approximate_outline_is_dashed(film):
    _, right = panels(overlay(film, np.zeros_like(film), [(SQUARE, True, True)], threshold=0.5, title=""))
    drawn = (right == MALIGNANT).all(axis=2)
    top = drawn[20, 30:61]
    assert 0.3 < top.mean() < 0.7
    assert not drawn[21:50, 31:60].any()


@pytest.mark.parametrize("approximate", [False, True])
def test_nothing_is_drawn_outside_the_film(film, approximate):
    around = (SQUARE - 40) * 4
    plain = overlay(film, np.zeros_like(film), [], threshold=0.5, title="")
    with_outline = overlay(film, np.zeros_like(film), [(around, True, approximate)], threshold=0.5, title="")
    first, second = (np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in (plain, with_outline))
    assert (first[:, : COLS + GAP_PX] == second[:, : COLS + GAP_PX]).all()
    changed_rows, changed_cols = np.nonzero((first != second).any(axis=2))
    assert changed_rows.min() == HEADER_PX and changed_rows.max() == HEADER_PX + 40  # the outline ends at (40, 80)
    assert changed_cols.min() == COLS + GAP_PX and changed_cols.max() == COLS + GAP_PX + 80


def test_the_scale_bar_has_its_length(film):
    dark = np.zeros_like(film)
    left, right = panels(overlay(dark, dark, [], threshold=0.5, title="", scale_mm_per_px=0.4))
    runs = (left[ROWS - 9] == WHITE).all(axis=1)
    assert runs.sum() in (10 / 0.4, 10 / 0.4 - 2)  # 25 px are 10 mm; with or without the bar's own border
    assert not right.any()
    assert not panels(overlay(dark, dark, [], threshold=0.5, title=""))[0].any()


def test_a_mark_stands_at_its_pixel(film):
    dark = np.zeros_like(film)
    left, right = panels(overlay(dark, dark, [], threshold=0.5, title="", marks=[(60.2, 39.8, 0.87)]))
    assert not left.any()
    assert (right[60, 36:45] == WHITE).all() and (right[56:65, 40] == WHITE).all()


def test_an_empty_outline_draws_nothing(film):
    left, right = panels(overlay(film, np.zeros_like(film), [(np.zeros((0, 2)), True, True)], threshold=0.5, title=""))
    assert (left == right).all()


def test_what_does_not_fit_is_refused(film):
    with pytest.raises(ValueError, match="one shape"):
        overlay(film, film[1:], [], threshold=0.5, title="")
    with pytest.raises(ValueError, match="film: .* wanted 0 to 1"):
        overlay(film * 2, film, [], threshold=0.5, title="")
    with pytest.raises(ValueError, match="map: .* wanted 0 to 1"):
        overlay(film, np.where(film > 0.5, np.nan, film), [], threshold=0.5, title="")
