"""In a browser, from the disk: which pixels are seen, of film, map and truth, and how the sliders change them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made.browser_tab import Tab
from made.viewed import Seen

from mammomap.masks.key import read_key
from mammomap.report.overlay import COLOURS
from mammomap.viewer.page import write_page
from mammomap.viewer.tiles import shown_values


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_impulse_of_the_map_lies_on_its_film_pixel(opened, seen: Seen, number: int):
    image_id = list(seen.impulses)[number]
    tab = opened(film=image_id)
    tab.press("c", "t", "1")
    row, col = seen.impulses[image_id]
    tab.look(1.0, row, col)
    x0, y0, scale = tab.place()
    assert scale == pytest.approx(1)
    with_map = tab.pixels()
    tab.press("m")
    without = tab.pixels()
    changed = np.abs(with_map - without).max(axis=2) > 8
    at = np.argwhere(changed).mean(axis=0)
    assert np.allclose(at + 0.5, [y0 + row + 0.5, x0 + col + 0.5], atol=0.6)
    middle = tuple(np.rint(at).astype(int))
    wanted = 0.5 * without[middle] + 0.5 * COLOURS[round(0.95 * 255)]
    assert np.abs(with_map[middle] - wanted).max() <= 3
    # The film's own pixels lie where `place` says, in its own first window.
    shown, _ = shown_values(seen.films[image_id].image)
    low, high = tab.page.evaluate("mammomap.panes[0].data.pixels.window")
    want = np.clip((shown / 255 - low) / (high - low), 0, 1) * 255
    top, left = round(y0), round(x0)
    part = without[200:600, 150:550, 0]

    def away(down: int, across: int) -> float:
        rows, cols = slice(200 - top + down, 600 - top + down), slice(150 - left + across, 550 - left + across)
        other = want[rows, cols]
        return float(np.abs(part - other).mean()) if other.shape == part.shape else 255.0

    shifts = {(down, across): away(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)}
    assert min(shifts, key=lambda k: shifts[k]) == (0, 0) and shifts[0, 0] < 4


def test_on_a_smaller_copy_of_a_film_everything_lies_in_film_pixels(chromium, seen: Seen, tmp_path: Path):
    image_id, film = next(iter(seen.films.items()))
    rows, cols = film.image.shape
    half = cv2.resize(film.image, (cols // 2, rows // 2), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "half.png"), half)
    key = read_key(seen.key)
    films = {image_id: replace(key.films[image_id], path=tmp_path / "half.png")}
    write_page(seen.folder, tmp_path / "page", key=replace(key, films=films), workers=1)
    tab = Tab(chromium, tmp_path / "page" / "index.html", film=image_id)
    assert f"a copy of {rows // 2} x {cols // 2} pixels" in tab.text(".note")
    tab.press("c", "1")
    row, col = seen.impulses[image_id]
    tab.look(0.5, row, col)
    x0, y0, scale = tab.place()
    assert scale == pytest.approx(0.5)
    with_map = tab.pixels()
    tab.press("m")
    without = tab.pixels()
    at = np.argwhere(np.abs(with_map - without).max(axis=2) > 8).mean(axis=0)
    assert np.allclose(at + 0.5, [y0 + (row + 0.5) / 2, x0 + (col + 0.5) / 2], atol=0.6)
    low, high = tab.page.evaluate("mammomap.panes[0].data.pixels.window")
    want = np.clip((shown_values(half)[0] / 255 - low) / (high - low), 0, 1) * 255
    top, left = round(y0), round(x0)
    there = np.abs(without[300:500, 350:500, 0] - want[300 - top : 500 - top, 350 - left : 500 - left]).mean()
    beside = np.abs(without[300:500, 350:500, 0] - want[303 - top : 503 - top, 350 - left : 500 - left]).mean()
    assert there < 4 < beside
    tab.page.close()


def test_sliders_change_the_pixels_that_they_are_about(opened, seen: Seen):
    image_id = list(seen.impulses)[0]
    tab = opened(film=image_id)
    tab.press("c", "t")
    tab.look(1.0, *seen.impulses[image_id])
    half = tab.pixels()
    tab.page.fill("#opacity", "100")
    whole = tab.pixels()
    tab.page.fill("#opacity", "0")
    none = tab.pixels()
    middle = tuple(np.argwhere(np.abs(half - none).max(axis=2) > 8).mean(axis=0).round().astype(int))
    assert np.abs(whole[middle] - COLOURS[242]).max() <= 3 and tab.text("#opacity-value") == "0 %"
    assert np.array_equal(half[5:60, -60:], none[5:60, -60:]), "away from the map nothing changed"
    tab.page.fill("#opacity", "50")
    tab.page.fill("#threshold", "0.96")
    assert np.array_equal(tab.pixels()[middle], none[middle]), "0.95 is below the threshold"
    assert tab.text("#nothing") == "no mass candidate above 0.96; calcifications not searched"
    assert tab.text(".note") == "no mass candidate above 0.96; calcifications not searched"
    tab.page.fill("#threshold", "0.9")
    assert np.array_equal(tab.pixels()[middle], half[middle]) and tab.text("#nothing") == ""
    box = tab.page.locator("#opacity").bounding_box()
    tab.page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2)
    assert tab.text("#opacity-value") in ("75 %", "80 %", "85 %")
    assert np.abs(tab.pixels()[middle] - half[middle]).max() > 10


def test_window_level_and_inversion_are_linear_in_what_is_shown(opened, seen: Seen):
    image_id = list(seen.impulses)[2]
    tab = opened(film=image_id)
    tab.press("c", "t", "m")
    tab.look(1.0, *seen.impulses[image_id])
    low, high = tab.page.evaluate("mammomap.panes[0].data.pixels.window")
    first = tab.pixels()[150:650, 100:600, 0]
    grey = np.interp(first, [0, 255], [low, high])
    safe = (first > 2) & (first < 253)

    def seen_as(window: float, level: float, invert: bool) -> np.ndarray:
        width = (high - low) * window
        start = (low + high) / 2 + level * (high - low) - width / 2
        value = np.clip((grey - start) / width, 0, 1)
        return 255 * (1 - value if invert else value)

    tab.page.fill("#window", "-100")
    assert tab.text("#window-value") == "50 %"
    assert np.abs(tab.pixels()[150:650, 100:600, 0] - seen_as(0.5, 0, False))[safe].max() <= 3
    tab.page.fill("#level", "20")
    assert np.abs(tab.pixels()[150:650, 100:600, 0] - seen_as(0.5, 0.2, False))[safe].max() <= 3
    tab.page.check("#invert")
    assert np.abs(tab.pixels()[150:650, 100:600, 0] - seen_as(0.5, 0.2, True))[safe].max() <= 3
    tab.page.click("#reset")
    assert np.abs(tab.pixels()[150:650, 100:600, 0] - first).max() <= 1
    box = tab.page.locator(".pane").bounding_box()
    before = tab.place()
    tab.page.keyboard.down("Shift")
    tab.page.mouse.move(box["x"] + 200, box["y"] + 300)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 100, box["y"] + 300, steps=5)
    tab.page.mouse.up()
    tab.page.keyboard.up("Shift")
    assert tab.place() == pytest.approx(before), "shift and drag does not pan"
    assert tab.text("#window-value") in ("70 %", "71 %", "72 %")


def test_truth_lies_on_the_lesions_in_its_colours_and_dashed_where_approximate(opened, seen: Seen):
    image_id = list(seen.impulses)[0]
    tab = opened(film=image_id)
    told = tab.page.evaluate(
        """[...document.querySelectorAll('.truth')].map(e => [e, e.getBoundingClientRect()]).map(([e, box]) =>
            [e.getAttribute('stroke'), e.getAttribute('stroke-dasharray'), box.x, box.y, box.right])"""
    )
    colours = {"#66d9ff" if x.pathology != "MALIGNANT" else "#ff4d4d" for x in seen.films[image_id].lesions}
    assert {colour for colour, *_ in told} == colours | {"#66d9ff"}
    assert [dash for _, dash, *_ in told].count("6 4") == 1
    assert "outline approximate" in tab.text("#truth-told")
    x0, y0, scale = tab.place()
    box = tab.page.locator(".pane").bounding_box()
    dashed = next(one for one in told if one[1] == "6 4")
    assert dashed[2:] == pytest.approx([box["x"] + x0 + 60 * scale, box["y"] + y0 + 300 * scale,
                                        box["x"] + x0 + 140 * scale], abs=1.5)  # fmt: skip
