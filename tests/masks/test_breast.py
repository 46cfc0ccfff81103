"""The breast among all else that is bright on a film; on the real sets its direction as a reader wrote it down."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from mammomap.errors import ImageError
from mammomap.masks.breast import find_breast
from mammomap.masks.index import index
from mammomap.masks.outlines import outlines_of
from mammomap.masks.read import read_film

SHAPE = (800, 520)
OFF_THE_FILM = ("mdb110", "mdb290")
"""Films of mini-MIAS whose circle reaches beyond the film onto the black around it."""
BY_EYE = Path(__file__).parents[2] / "study" / "chest_walls.csv"


def film_with(what: str = "", width: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A film with the chest wall on the left, and its breast; `what` is added to it."""
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    inside = ((rows - 400) / 300) ** 2 + (cols / 340) ** 2 < 1
    noise = np.random.default_rng(0).normal(0, 250, SHAPE)
    film = np.where(inside, 9_000 + 28_000 * (1 - cols / 340).clip(0, 1), 1_200) + noise
    if what == "muscle":
        inside = inside | ((rows + 1.6 * cols < 420) & (cols < 260))
        film = np.where(inside & (rows + 1.6 * cols < 420), 60_000, np.where(inside, np.maximum(film, 9_000), film))
    if "top" in what or "frame" in what:
        film[:width] = 62_000
    if "bottom" in what or "frame" in what:
        film[-width:] = 62_000
    if "left" in what or "frame" in what:
        film[:, :width] = 62_000
    if "right" in what or "frame" in what:
        film[:, -width:] = 62_000
    if what == "tag and tape":
        film[40:120, 400:500] = 62_000
        film[110:260, 408:411] = 62_000  # tape from the tag down and across to the skin
        film[257:260, 270:411] = 62_000
    if what == "leak":
        film += 1_500 * np.clip((cols - 300) / 220, 0, 1)
    if what == "canvas":
        film[:, :60], film[:, 450:] = 0, 0
        inside = inside & (cols >= 60)
    return film.clip(0, 65_535).astype(np.uint16), inside


def overlap(film: np.ndarray, inside: np.ndarray, search_rows: int = 512) -> float:
    """IoU of what is found with the breast and the margin of air around it."""
    mask = find_breast(film, search_rows).mask.astype(np.float32)
    found = cv2.resize(mask, SHAPE[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    wide = cv2.dilate(inside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))) > 0
    assert (found & inside).sum() >= 0.998 * inside.sum()
    assert (found & wide).sum() >= 0.985 * wide.sum()
    return float((found & wide).sum() / (found | wide).sum())


@pytest.mark.parametrize("width", [5, 12, 20])
@pytest.mark.parametrize("rim", ["top", "bottom", "left", "right", "top and bottom", "frame"])
def test_bright_rims_are_no_breast(rim: str, width: int) -> None:
    film, inside = film_with(rim, width)
    assert overlap(film, inside) > 0.93
    assert find_breast(film).chest_wall_left
    assert not find_breast(film[:, ::-1].copy()).chest_wall_left


@pytest.mark.parametrize("what", ["", "tag and tape", "leak", "canvas"])
def test_only_the_breast_is_found(what: str) -> None:
    assert overlap(*film_with(what)) > 0.93


def test_the_pectoral_muscle_stays() -> None:
    film, inside = film_with("muscle")
    assert overlap(film, inside) > 0.93
    assert find_breast(film).chest_wall_left


def test_fat_as_dark_as_a_tenth_of_the_glands_is_breast() -> None:
    """A digital film: air at 0, fat from 3 to 20 % of the brightest, darker towards the skin."""
    film, inside = film_with()
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    glands = ((rows - 420) / 120) ** 2 + ((cols - 220) / 70) ** 2 < 1
    fat = 2_000 + 11_000 * (1 - cols / 340).clip(0, 1) + np.random.default_rng(1).normal(0, 300, SHAPE)
    digital = np.where(glands, 60_000, np.where(inside, fat, 0)).astype(np.uint16)
    assert overlap(digital, inside) > 0.93


def test_a_coarse_search_finds_what_the_full_one_finds() -> None:
    film, _ = film_with("leak")
    large = cv2.resize(film, (SHAPE[1] * 5, SHAPE[0] * 5), interpolation=cv2.INTER_CUBIC)
    coarse, full = find_breast(large), find_breast(large, len(large))
    found = cv2.resize(coarse.mask.astype(np.float32), large.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    assert (found & (full.mask > 0)).sum() / (found | (full.mask > 0)).sum() > 0.99


def test_a_film_that_is_bright_all_over_is_refused() -> None:
    film = np.full(SHAPE, 50_000, np.uint16)
    film[:, :8] = 100
    with pytest.raises(ImageError, match="bright throughout"):
        find_breast(film)


def test_real_films_face_as_a_reader_says_and_no_lesion_is_cut(real_data: Path, tmp_path: Path) -> None:
    by_eye = pd.read_csv(BY_EYE, dtype=str)
    assert len(by_eye) >= 60 and set(by_eye["chest_wall"]) == {"left", "right"}
    for name, listed in by_eye.groupby("set"):
        tables, _ = index(real_data / str(name), tmp_path / str(name))
        films = tables.films.set_index("image_id").loc[listed["image_id"]]
        for film, wall in zip(films.itertuples(), listed["chest_wall"], strict=True):
            picture, size = read_film(Path(str(film.path))), (int(film.rows), int(film.cols))
            breast = find_breast(picture)
            assert breast.chest_wall_left == (wall == "left"), film.Index
            row0, col0, row1, col1 = np.array(breast.box) * np.tile(np.array(size) / picture.shape, 2)
            for outline in outlines_of(tables.lesions_of(film.Index), size) if film.Index not in OFF_THE_FILM else ():
                rows, cols = np.nonzero(outline.on_film)
                assert row0 <= rows.min() + 0.5 and rows.max() + 0.5 <= row1, film.Index
                assert col0 <= cols.min() + 0.5 and cols.max() + 0.5 <= col1, film.Index
