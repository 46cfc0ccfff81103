"""Outlines of every kind: what is inside, what is drawn, which class stands on top."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammomap.errors import ImageError, TableError
from mammomap.masks.grid import Grid
from mammomap.masks.outlines import outline_of
from mammomap.masks.targets import classes_shown, draw_target, malignant_classes

SIZE = (100, 80)


def lesion(outline: str, **values) -> dict:
    row = {"image_id": "f", "lesion_id": "1", "kind": "mass", "pathology": "BENIGN", "outline": outline}
    row |= {"mask_path": None, "polygon": None, "row0": None, "col0": None, "row1": None, "col1": None}
    return row | values


def box(row0: float, col0: float, row1: float, col1: float, **values) -> dict:
    return lesion("box", row0=row0, col0=col0, row1=row1, col1=col1, **values)


def test_a_box_is_half_open_and_drawn_as_an_ellipse() -> None:
    outline = outline_of(box(10, 20, 30, 50), SIZE)
    corners = np.array([[10, 20], [29.9, 49.9], [30, 40], [20, 50], [9.9, 30]])
    assert outline.contains(corners).tolist() == [True, True, False, False, False]
    drawn = outline.on_film
    rows, cols = np.nonzero(drawn)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (10, 29, 20, 49)
    assert abs(drawn.sum() - np.pi / 4 * 20 * 30) < 12 and not drawn[10, 20]
    assert outline.approximate


def test_a_circle_is_judged_as_a_circle() -> None:
    outline = outline_of(lesion("circle", row0=16.5, col0=6.5, row1=24.5, col1=14.5), SIZE)
    assert outline.contains(np.array([[20, 10], [24, 10], [24.1, 10], [23, 13]])).tolist() == [True, True, False, False]


def test_a_polygon_holds_its_pixels() -> None:
    square = json.dumps([[10, 10], [10, 19], [19, 19], [19, 10]])
    outline = outline_of(lesion("polygon", polygon=square), SIZE)
    assert outline.on_film.sum() == 100 and not outline.approximate
    assert outline.contains(np.array([[10, 10], [14.4, 19.4], [20, 15]])).tolist() == [True, True, False]


def test_a_small_mask_is_scaled_to_its_film(tmp_path: Path) -> None:
    """0.87 of the film, as 78 masks of CBIS-DDSM are."""
    mask = np.zeros((87, 70), np.uint8)
    mask[43:53, 17:27] = 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    outline = outline_of(lesion("mask", mask_path=str(tmp_path / "m.png")), SIZE)
    rows, cols = np.nonzero(outline.on_film)
    assert abs(rows.mean() - 47.5 / 0.87) < 1 and abs(cols.mean() - 21.5 / 0.875) < 1
    grid = Grid.whole(*SIZE, rows=50, cols=40)
    true = 10 * 10 / (0.87 * 0.875)  # film pixels
    assert abs(outline.on_film.sum() - true) < 14 and abs(outline.on_grid(grid).sum() - true / 4) < 9


def test_masks_that_cannot_be_placed_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "flat.png"), np.zeros((100, 80), np.uint8))
    cv2.imwrite(str(tmp_path / "wide.png"), np.eye(90, 90, dtype=np.uint8) * 255)
    with pytest.raises(ImageError, match="empty"):
        _ = outline_of(lesion("mask", mask_path=str(tmp_path / "flat.png")), SIZE).on_film
    with pytest.raises(ImageError, match="proportions differ"):
        _ = outline_of(lesion("mask", mask_path=str(tmp_path / "wide.png")), SIZE).on_film


@pytest.mark.parametrize("polygon", ["", "[[1, 2]]", "no json", "[[1, 2, 3], [1, 2, 3], [1, 2, 3]]"])
def test_a_bad_polygon_is_refused(polygon: str) -> None:
    with pytest.raises(TableError, match="polygon"):
        outline_of(lesion("polygon", polygon=polygon), SIZE)


def test_targets_by_hand() -> None:
    """Four overlapping lesions: malignant over benign, calcification over mass; columns 0..4 of one row."""
    grid = Grid.whole(10, 50)
    lesions = [
        box(-5, 0, 15, 50, kind="mass", pathology="BENIGN"),
        box(-5, 10, 15, 50, kind="calcification", pathology="BENIGN"),
        box(-5, 20, 15, 50, kind="mass", pathology="MALIGNANT"),
        box(-5, 30, 15, 50, kind="calcification", pathology="MALIGNANT"),
    ]
    target = draw_target([outline_of(x, (10, 50)) for x in reversed(lesions)], grid)
    assert target[5, [5, 14, 24, 40]].tolist() == [3, 1, 4, 2]


def test_classes_that_a_set_can_show() -> None:
    assert classes_shown(["mass"]) == (0, 3, 4)
    assert classes_shown(["calcification", "mass"]) == (0, 1, 2, 3, 4)
    assert malignant_classes((0, 3, 4)) == (4,) and malignant_classes(range(5)) == (2, 4)
