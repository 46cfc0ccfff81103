"""Pictures of films and sheets of examinations: an impulse stands where it is on the film, in every direction."""

import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mammomap.masks.mapfile import CANDIDATE_COLUMNS, FILM_COLUMNS, FilmMap, MapFolder, read_map_folder, write_map
from mammomap.masks.marker import is_our_picture
from mammomap.masks.working import read_working_film
from mammomap.report.film_pictures import ROWS, shown, write_pictures
from mammomap.report.overlay import GAP_PX, HEADER_PX
from mammomap.report.sheets import ROWS as SHEET_ROWS
from mammomap.report.sheets import hang, write_sheets
from mammomap.seg.candidates import candidate_rows

SPOT = (150, 60)
"""Where the impulse is on a film whose chest wall lies on the left."""
ABOUT = {
    "format": 2,
    "model": "r-1234",
    "trained_for": {"kinds": ["mass"], "imaging": "film", "detail_mm": None},
    "kinds_trained": ["mass"],
    "threshold": 0.2,
}


def film_pixels(chest_left: bool) -> np.ndarray:
    down, across = np.mgrid[:320, :220]
    film = np.where(((down - 160) / 130) ** 2 + (across / 160) ** 2 < 1, 20_000, 500).astype(np.uint16)
    film[SPOT[0] - 8 : SPOT[0] + 9, SPOT[1] - 8 : SPOT[1] + 9] = 60_000
    return film if chest_left else np.ascontiguousarray(film[:, ::-1])


@pytest.fixture
def examination(tmp_path: Path) -> tuple[MapFolder, dict[str, Path], dict[str, tuple[int, int]]]:
    """Three films of one woman, R MLO missing, R CC and L MLO lying the other way; where the impulse of each is."""
    rows, candidates, paths, places = [], [], {}, {}
    for side, view, chest_left in (("RIGHT", "CC", True), ("LEFT", "CC", True), ("LEFT", "MLO", False)):
        image_id = f"{side}{view}"
        paths[image_id] = tmp_path / f"{image_id}.png"
        cv2.imwrite(str(paths[image_id]), film_pixels(chest_left))
        places[image_id] = SPOT if chest_left else (SPOT[0], 219 - SPOT[1])
        working = read_working_film(paths[image_id], 160)
        spot = working.grid.to_working(np.array([places[image_id]]))[0]
        down, across = np.mgrid[: working.grid.rows, : working.grid.cols]
        lesion = np.exp(-((down - spot[0]) ** 2 + (across - spot[1]) ** 2) / 8).astype(np.float32)
        made = FilmMap(lesion, lesion, working.pixels > 0, working.grid)
        write_map(tmp_path / "out" / "maps" / f"{image_id}.npz", made)
        candidates += candidate_rows(image_id, made, 0.2)
        told = {"woman": "w", "exam": "e1", "side": side, "view": view, "rows": 320, "cols": 220, "spacing_mm": 0.2}
        more = {"status": "done", "map_max": 0.8, "findings": "1 mass candidate above 0.2; calcifications not searched"}
        rows.append({**dict.fromkeys(FILM_COLUMNS, ""), "image_id": image_id, **told, **more})
    films = pd.DataFrame(rows, columns=list(FILM_COLUMNS))
    return (
        MapFolder(tmp_path / "out", ABOUT, films, pd.DataFrame(candidates, columns=list(CANDIDATE_COLUMNS))),
        paths,
        places,
    )


def coloured(picture: np.ndarray) -> np.ndarray:
    """Mean place of the pixels that are not grey."""
    spread = picture.max(-1).astype(int) - picture.min(-1)
    return np.argwhere(spread > 30).mean(0)


def test_the_impulse_of_a_picture_is_at_its_own_pixel(examination) -> None:
    folder, paths, places = examination
    assert write_pictures(folder, paths) == 3
    for image_id, place in places.items():
        path = folder.folder / "pictures" / f"{image_id}.png"
        picture = np.asarray(Image.open(path).convert("RGB"))[HEADER_PX : HEADER_PX + 320]
        left, right = picture[:, :220], picture[:, 220 + GAP_PX :]
        assert np.argwhere(left[:300, :, 0] > 250).mean(0) == pytest.approx(place, abs=1.5)
        assert coloured(right) == pytest.approx(place, abs=3)
        assert (coloured(right) - place).round().tolist() == pytest.approx([0, 0], abs=2)
        assert is_our_picture(path)
    assert write_pictures(folder, paths) == 0


def test_a_large_film_is_reduced(tmp_path: Path, examination) -> None:
    folder, paths, _ = examination
    assert shown(folder, "LEFTCC", paths["LEFTCC"], rows=160).film.shape == (160, 110)
    seen = shown(folder, "LEFTCC", paths["LEFTCC"], rows=160)
    assert seen.mm_per_px == pytest.approx(0.4)
    assert seen.marks[0][:2] == pytest.approx(((SPOT[0] + 0.5) / 2 - 0.5, (SPOT[1] + 0.5) / 2 - 0.5), abs=1)
    assert ROWS > 320


@pytest.mark.parametrize("image_id", ["RIGHTCC", "LEFTCC", "LEFTMLO"])
def test_chest_walls_hang_together(examination, image_id: str) -> None:
    folder, paths, places = examination
    seen, side = shown(folder, image_id, paths[image_id], SHEET_ROWS), image_id.removesuffix("CC").removesuffix("MLO")
    picture, turned = hang(seen, side, 0.2)
    grey = np.asarray(picture.convert("L")).astype(float)
    half = grey.shape[1] // 2
    heavier_left = grey[:, :half].mean() > grey[:, half:].mean()
    assert heavier_left == (side == "LEFT")
    chest_left = places[image_id] == SPOT
    assert turned == (chest_left != (side == "LEFT"))
    scale = SHEET_ROWS / 320
    wanted = SPOT[1] if side == "LEFT" else 219 - SPOT[1]
    found = coloured(np.asarray(picture))
    assert found == pytest.approx([SPOT[0] * scale, wanted * scale], abs=4 * scale)


def test_a_sheet_shows_four_places_and_says_what_is_missing(examination) -> None:
    folder, paths, _ = examination
    assert write_sheets(folder, paths) == 1
    path = folder.folder / "sheets" / "e1.png"
    sheet = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("L")).astype(float)
    height, width = SHEET_ROWS + 20, sheet.shape[1] // 2
    places = [sheet[r * height + 20 : (r + 1) * height, c * width : (c + 1) * width] for r in (0, 1) for c in (0, 1)]
    shown_there = [place.max() > 60 for place in places]
    assert shown_there == [True, True, False, True]
    assert write_sheets(folder, paths) == 0


def test_another_film_under_the_same_path_is_not_drawn(examination) -> None:
    folder, paths, _ = examination
    cv2.imwrite(str(paths["LEFTCC"]), film_pixels(True)[:200])
    assert write_pictures(folder, {"LEFTCC": paths["LEFTCC"]}) == 0


def test_read_map_folder_wants_a_marker(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no finished folder"):
        read_map_folder(tmp_path)
