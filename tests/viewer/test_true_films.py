"""True films: an impulse painted into a copy is seen on its own pixel, in the page's film and in its map."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from made.true_films import REACH, WORKING_ROWS, painted_copies
from PIL import Image

from mammomap.masks.key import Key, KeyFilm
from mammomap.viewer.page import write_page

LEAST_CHANGE = 12


@pytest.mark.parametrize("all_ways", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one way each", "all"])
def test_an_impulse_is_seen_on_its_own_pixel(all_ways: bool, tmp_path: Path, chromium):
    maps, copies = painted_copies(tmp_path, all_ways)
    key = Key(films={image_id: KeyFilm(copy.path) for image_id, copy in copies.items()})
    assert write_page(maps, tmp_path / "page", key=key, workers=1).with_pixels == len(copies)
    directions = set()
    tab = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab.goto((tmp_path / "page" / "index.html").as_uri())
    for _ in range(5):
        tab.keyboard.press("W")  # a wider window, so that only the impulse is white
    for image_id, copy in copies.items():
        tab.get_by_role("button", name=image_id, exact=True).click()
        tab.wait_for_selector(f"body[data-ready='{image_id}']")
        tab.evaluate(f"mammomap.panes[0].look(1, {copy.place[0]}, {copy.place[1]}, true)")
        directions.add(tab.evaluate("mammomap.panes[0].chest"))
        x0, y0, scale = tab.evaluate("mammomap.panes[0].place()")
        assert scale == pytest.approx(1)
        there = np.array([y0 + copy.place[0], x0 + copy.place[1]])
        with_map, film = pane_twice(tab)
        square = np.argwhere(film.min(axis=2) > 250)
        near = square[np.abs(square - there).max(axis=1) < 2 * REACH]
        first, last = near.min(axis=0), near.max(axis=0)
        assert last - first == pytest.approx(2 * REACH, abs=2), image_id
        assert (first + last) / 2 == pytest.approx(there, abs=1), image_id
        changed, pixel = np.argwhere(np.abs(with_map - film).sum(axis=2) > LEAST_CHANGE), copy.size[0] / WORKING_ROWS
        first, last = changed.min(axis=0), changed.max(axis=0)
        assert last - first == pytest.approx(2 * REACH, abs=3 * pixel), image_id
        assert (first + last) / 2 == pytest.approx(there, abs=pixel / 2), image_id
    assert directions == {"left", "right"}
    tab.close()


def pane_twice(tab) -> list[np.ndarray]:
    """The pane's pixels with the map and without."""
    pictures = []
    for _ in range(2):
        tab.wait_for_timeout(350)
        png = tab.locator(".pane").screenshot()
        pictures.append(np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(float))
        tab.keyboard.press("m")
    return pictures
