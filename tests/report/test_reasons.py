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
from mammomap.masks.marker import is_our_picture
from mammomap.report.film_pictures import RESEARCH, Shown
from mammomap.report.overlay import GAP_PX, HEADER_PX, overlay
from mammomap.report.reasons import CROSSES, features_in_words, reasons_picture, write_reasons

ROWS = [
    {"what": "feature", "name": "highest malignancy candidate", "value": 0.3, "moved": 0.82},
    {"what": "feature", "name": "mean malignancy in the breast", "value": -2.0, "moved": -1.5},
    {"what": "candidate", "name": "lesion candidate", "row": 100.0, "col": 80.0, "value": 0.7, "moved": 1.234},
]
SIZE = (400, 300)


def seen() -> Shown:
    """A film of 400 x 300 pixels at half size."""
    lesion = np.zeros((200, 150), np.float32)
    lesion[45:55, 35:45] = 0.7
    return Shown(np.full((200, 150), 0.5, np.float32), lesion, [], None, False)


def drawn(rows: list[dict]) -> np.ndarray:
    png = reasons_picture(seen(), SIZE, rows, threshold=0.25, title="LEFT CC")
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_a_cross_stands_at_the_candidate_and_nowhere_else() -> None:
    notes = [CROSSES, *features_in_words(ROWS), RESEARCH]
    png = overlay(seen().film, seen().lesion, [], threshold=0.25, title="LEFT CC", notes=notes)
    plain, picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int), drawn(ROWS)
    assert picture.shape == plain.shape
    changed = np.argwhere((picture != plain).any(2))
    middle = HEADER_PX + round(100.5 / 2 - 0.5), 150 + GAP_PX + round(80.5 / 2 - 0.5)
    assert picture[middle].tolist() == [255, 255, 255]
    assert np.abs(changed[:, 0] - middle[0]).max() <= 12 and changed[:, 1].min() >= middle[1] - 6
    assert np.array_equal(drawn(ROWS[:2])[: HEADER_PX + 200], plain[: HEADER_PX + 200])


def test_the_number_is_what_the_candidate_moved() -> None:
    one, same, other = (drawn([{**ROWS[2], "moved": moved}]) for moved in (1.234, 1.231, -1.234))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_words_of_two_places_do_not_cover_each_other() -> None:
    """The second of two places that are 6 pixels apart has its words below the first's."""
    near = {**ROWS[2], "row": 104.0, "col": 84.0}
    two, alone = drawn([ROWS[2], near]), drawn([ROWS[2]])
    changed = np.argwhere((two != alone).any(2))
    words = changed[changed[:, 1] > 150 + GAP_PX + 42 + 8]
    assert words[:, 0].min() >= HEADER_PX + 50 + 7


def test_the_strongest_feature_is_named_first() -> None:
    (told,) = features_in_words(ROWS)
    assert told.endswith("mean malignancy in the breast -1.50; highest malignancy candidate +0.82.")
    assert features_in_words(ROWS[2:]) == ["This head's score is no sum of features."]


def test_pictures_of_a_folder_by_its_key(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros(SIZE, np.uint16)
    pixels[50:350, :200] = rng.integers(20_000, 30_000, (300, 200))
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    lesion = np.zeros((200, 150), np.float32)
    made = FilmMap(lesion, lesion, np.ones((200, 150), bool), Grid.whole(*SIZE, 200, 150))
    for image_id in ("one", "two"):
        write_map(tmp_path / "maps" / "maps" / f"{image_id}.npz", made)
    films = pd.DataFrame({"image_id": ["one", "two", "three"], "status": "done"})
    films = films.assign(side="LEFT", view="CC", flags="", rows=400, cols=300, spacing_mm=float("nan"))
    candidates = pd.DataFrame(columns=["image_id", "map", "row", "col", "score"])
    folder = MapFolder(tmp_path / "maps", {"threshold": 0.25}, films, candidates)
    key = Key(films={"one": KeyFilm(tmp_path / "a.png"), "two": KeyFilm(tmp_path / "gone.png")})
    films[["image_id"]].assign(probability=0.8).to_csv(tmp_path / "s.csv", index=False)
    told = pd.DataFrame([{"image_id": "one", **row} for row in ROWS])
    told.to_csv(tmp_path / "s.reasons.csv", index=False)
    (tmp_path / "s.json").write_text('{"operating_points": {"candidate 1 false positives per film": 0.5}}')
    done, missing = write_reasons(folder, tmp_path / "s.csv", key, tmp_path / "out")
    assert done == 1 and [path.name for path in (tmp_path / "out").glob("*.png")] == ["one.png"]
    assert len(missing) == 2 and "no such file" in missing[0] and missing[1] == "three: not in the key"
    assert str(tmp_path) not in " ".join(missing) and is_our_picture(tmp_path / "out" / "one.png")


def test_it_needs_no_torch() -> None:
    code = "import sys, mammomap.report.reasons; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
