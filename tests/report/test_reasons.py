"""Reasons on the picture: crosses where candidates are, words that say what moved the score, no torch."""

import io
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from mammomap.masks.grid import Grid
from mammomap.masks.key import Key, KeyFilm
from mammomap.masks.mapfile import FilmMap, MapFolder, write_map
from mammomap.report.overlay import GAP_PX, HEADER_PX, overlay
from mammomap.report.reasons import caption, reasons_picture, wrapped, write_reasons

GRID = Grid(film_rows=400, film_cols=300, row0=0, col0=100, row1=400, col1=300, mirrored=True, rows=200, cols=100)
ROWS = [
    {"what": "feature", "name": "highest malignancy candidate", "value": 0.3, "moved": 0.82},
    {"what": "feature", "name": "mean malignancy in the breast", "value": -2.0, "moved": -1.5},
    {"what": "candidate", "name": "lesion candidate", "row": 100.0, "col": 220.0, "value": 0.7, "moved": 1.234},
]


def made() -> FilmMap:
    lesion = np.zeros((200, 100), np.float32)
    lesion[45:55, 35:45] = 0.7
    return FilmMap(lesion, lesion / 2, np.ones((200, 100), bool), GRID)


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_cross_stands_at_the_candidate_on_the_maps_grid() -> None:
    film = np.full((200, 100), 0.5, np.float32)
    picture = opened(reasons_picture(film, made(), ROWS, threshold=0.25, title="LEFT CC"))
    plain = opened(overlay(film, made().lesion, [], threshold=0.25, title="LEFT CC"))
    assert picture.shape[1] == plain.shape[1] and picture.shape[0] > plain.shape[0]
    changed = np.argwhere((picture[: plain.shape[0]] != plain).any(2))
    row, col = GRID.to_working(np.array([[100.0, 220.0]]))[0]
    middle = (HEADER_PX + round(row), 100 + GAP_PX + round(col))
    assert picture[middle].tolist() == [255, 255, 255] and (changed[:, 1] >= 100 + GAP_PX).all()
    assert np.abs(changed[:, 0] - middle[0]).max() <= 12
    below = picture[plain.shape[0] :]
    assert (below > 200).any()


def test_the_number_is_what_the_candidate_moved() -> None:
    film = np.full((200, 100), 0.5, np.float32)
    pictures = {
        moved: opened(reasons_picture(film, made(), [{**ROWS[2], "moved": moved}], threshold=0.25, title=""))
        for moved in (1.234, 1.231, -1.234)
    }
    assert np.array_equal(pictures[1.234], pictures[1.231])  # both +1.23
    assert not np.array_equal(pictures[1.234], pictures[-1.234])


def test_the_caption_names_the_strongest_first() -> None:
    told = caption(ROWS)
    assert told.endswith("mean malignancy in the breast -1.50; highest malignancy candidate +0.82")
    assert "no sum of features" in caption(ROWS[2:]) and "In logits" not in caption(ROWS[2:])
    lines = wrapped(told, 200)
    assert len(lines) > 2 and " ".join(lines) == told


def test_pictures_of_a_folder_by_its_key(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(8_000, 30_000, (400, 300)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    write_map(tmp_path / "maps" / "maps" / "one.npz", made())
    films = pd.DataFrame({"image_id": ["one", "two", "three"], "status": "done"})
    folder = MapFolder(tmp_path / "maps", {}, films, pd.DataFrame())
    key = Key(films={"one": KeyFilm(tmp_path / "a.png"), "two": KeyFilm(tmp_path / "gone.png")})
    scores = films[["image_id"]].assign(side="LEFT", view=float("nan"), probability=0.8)
    scores.to_csv(tmp_path / "s.csv", index=False)
    told = pd.DataFrame([{"image_id": "one", **row} for row in ROWS])
    told.to_csv(tmp_path / "s.reasons.csv", index=False)
    (tmp_path / "s.json").write_text('{"operating_points": {"candidate 1 false positives per film": 0.5}}')
    done, missing = write_reasons(folder, tmp_path / "s.csv", key, tmp_path / "out")
    assert done == 1 and [path.name for path in (tmp_path / "out").glob("*.png")] == ["one.png"]
    assert len(missing) == 2 and "no such file" in missing[0] and missing[1] == "three: not in the key"
    assert str(tmp_path) not in " ".join(missing)


def test_it_needs_no_torch() -> None:
    code = "import sys, mammomap.report.reasons; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
