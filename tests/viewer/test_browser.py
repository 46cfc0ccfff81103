"""The page in a browser, opened from the disk: what is clicked and typed, and which pixels are seen then."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made.viewed import Seen
from PIL import Image

from mammomap.masks.key import read_key
from mammomap.report.overlay import COLOURS
from mammomap.viewer.page import write_page
from mammomap.viewer.tiles import shown_values

DESKTOP, PHONE = (1440, 900), (390, 844)


class Tab:
    """A tab that remembers what it asked for and what went wrong."""

    def __init__(self, browser, path: Path | str, size: tuple[int, int] = DESKTOP, film: str = "") -> None:
        view = {"width": size[0], "height": size[1]}
        self.page = browser.new_page(viewport=view, reduced_motion="reduce", has_touch=size == PHONE)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.set_default_timeout(8000)
        self.page.goto((path.as_uri() if isinstance(path, Path) else path) + (f"#{film}" if film else ""))
        self.page.wait_for_selector("body[data-ready]")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.page.wait_for_timeout(60)

    def open(self, image_id: str) -> None:
        self.page.get_by_role("button", name=image_id, exact=True).click()
        self.page.wait_for_selector(f"body[data-ready='{image_id}']")

    def pixels(self, number: int = 0) -> np.ndarray:
        """The pane as it is seen, int (rows, cols, 3)."""
        self.page.wait_for_timeout(120)
        png = self.page.locator(".pane").nth(number).screenshot()
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)

    def place(self, number: int = 0) -> tuple[float, float, float]:
        """Screen x and y of the film's corner, screen pixels a film pixel."""
        return tuple(self.page.evaluate(f"mammomap.panes[{number}].place()"))

    def look(self, scale: float, row: float, col: float, number: int = 0) -> None:
        self.page.evaluate(f"mammomap.panes[{number}].look({scale}, {row}, {col}, true)")
        self.page.wait_for_timeout(400)

    def wait_for(self, script: str) -> None:
        """Until a script is true; the page's own rules forbid the browser to wait for one."""
        for _ in range(100):
            if self.page.evaluate(script):
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"never true: {script}")

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def rows(self) -> list[str]:
        return self.page.locator("#film-table tbody tr:not([hidden]) td:nth-child(2) :first-child").all_inner_texts()


@pytest.fixture
def opened(chromium, viewed_page: Path) -> Iterator:
    """Opens tabs of the page; in the end none may have asked for anything outside its folder, or failed."""
    tabs: list[Tab] = []

    def open_tab(size: tuple[int, int] = DESKTOP, film: str = "") -> Tab:
        tabs.append(Tab(chromium, viewed_page / "index.html", size, film))
        return tabs[-1]

    yield open_tab
    inside = viewed_page.as_uri() + "/"
    for tab in tabs:
        assert not [url for url in tab.asked if not url.startswith((inside, "data:"))]
        assert tab.said == []
        tab.page.close()


def film_ids(seen: Seen) -> list[str]:
    return list(seen.impulses)


def test_the_list_is_sorted_filtered_and_says_what_was_set_aside(opened, seen: Seen):
    tab = opened()
    assert tab.page.title().endswith("film-lost"), "the highest score comes first"
    assert tab.rows() == ["film-lost", *reversed(film_ids(seen)), "film-aside"]
    heads = tab.page.locator("#film-table th").all_inner_texts()
    assert heads[1:] == ["film", "side", "view", "score", "score, breast", "score, woman", "map maximum",
                         "candidates", "flags", "woman", "exam"]  # fmt: skip
    tab.page.get_by_role("button", name="film", exact=True).click()
    assert tab.rows() == sorted(tab.rows())
    tab.page.get_by_role("button", name="film", exact=True).click()
    assert tab.rows() == sorted(tab.rows(), reverse=True)
    tab.page.get_by_role("button", name="map maximum").click()
    assert tab.rows()[-2:] == ["film-lost", "film-aside"]
    tab.page.fill("#filter", "right cc")
    assert tab.rows() == [i for i in film_ids(seen) if seen.films[i].side == "RIGHT" and seen.films[i].view == "CC"]
    assert tab.text("#film-count") == "1 of 5 films, 1 set aside"
    tab.page.fill("#filter", "CT image")
    assert tab.rows() == ["film-aside"] and "set aside: a CT image, wanted MG" in tab.text("#film-table")
    title = tab.page.title()
    tab.page.locator("#film-table tbody tr:not([hidden])").click()
    assert tab.page.title() == title, "what was set aside cannot be opened"


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_impulse_of_the_map_lies_on_its_film_pixel(opened, seen: Seen, number: int):
    image_id = film_ids(seen)[number]
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
    image_id = film_ids(seen)[0]
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
    image_id = film_ids(seen)[2]
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


def test_zoom_goes_to_native_pixels_and_drags_pan(opened, seen: Seen):
    tab = opened(film=film_ids(seen)[0])
    whole = tab.place()
    assert whole[2] < 0.62
    box = tab.page.locator(".pane").bounding_box()
    tab.page.mouse.move(box["x"] + 300, box["y"] + 300)
    for _ in range(4):
        tab.page.mouse.wheel(0, -300)
        tab.page.wait_for_timeout(100)
    assert tab.place()[2] > whole[2]
    tab.page.get_by_role("button", name="1:1").click()
    tab.page.wait_for_timeout(300)
    before = tab.place()
    assert before[2] == pytest.approx(1)
    assert any("/11/" in url for url in tab.asked), "tiles of the film's own pixels are asked for"
    tab.page.mouse.move(box["x"] + 300, box["y"] + 300)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 360, box["y"] + 280, steps=5)
    tab.page.mouse.up()
    tab.page.wait_for_timeout(300)
    after = tab.place()
    assert after[0] - before[0] == pytest.approx(60, abs=15) and after[1] - before[1] == pytest.approx(-20, abs=10)
    tab.page.get_by_role("button", name="Fit").click()
    tab.page.wait_for_timeout(300)
    assert tab.place() == pytest.approx(whole, abs=0.01)


def test_every_key_does_what_the_help_says(opened, seen: Seen):
    first = film_ids(seen)[2]
    tab = opened(film=first)
    count = "document.querySelectorAll('.marks .candidate path').length"
    assert tab.page.evaluate(count) == 1
    tab.press("c")
    assert tab.page.evaluate(count) == 0 and not tab.page.is_checked("#show-candidates")
    tab.press("c", "m", "t")
    assert not tab.page.is_checked("#show-map") and not tab.page.is_checked("#show-truth")
    assert tab.page.evaluate("document.querySelectorAll('.truth').length") == 0
    tab.press("m", "t", "l")
    assert tab.page.input_value("#layer") == "malignancy" and "0.45" in tab.text("#candidates")
    tab.press("l", "]")
    assert tab.text("#opacity-value") == "60 %"
    tab.press("[", "[")
    assert tab.text("#opacity-value") == "40 %"
    tab.press(".")
    assert tab.text("#threshold-value") == "0.35"
    tab.press(",", ",", ",")
    assert tab.text("#threshold-value") == "0.20" and tab.page.evaluate(count) == 2
    tab.press("w")
    assert tab.text("#window-value") == "87 %"
    tab.press("W", "e")
    assert tab.text("#window-value") == "100 %" and tab.text("#level-value") == "−5 %"
    tab.press("E", "i")
    assert tab.text("#level-value") == "+0 %" and tab.page.is_checked("#invert")
    tab.press("r")
    assert not tab.page.is_checked("#invert") and tab.text("#threshold-value") == "0.30"
    whole = tab.place()
    tab.press("+")
    assert tab.place()[2] == pytest.approx(1.5 * whole[2], rel=1e-3)
    tab.press("ArrowRight")
    assert tab.place()[0] < whole[0]
    tab.press("-", "0")
    assert tab.place() == pytest.approx(whole, abs=0.01)
    tab.press("k")
    row, col = seen.impulses[first]
    x0, y0, scale = tab.place()
    box = tab.page.locator(".pane").bounding_box()
    assert x0 + (col + 0.5) * scale == pytest.approx(box["width"] / 2, abs=2)
    assert tab.page.locator("#candidates [aria-current]").count() == 1
    tab.press("f")
    assert not tab.page.is_visible("#panel") and not tab.page.is_visible("#films")
    assert tab.text("#stage .purpose").startswith("For research, not for diagnosis. run-abc, trained for mass")
    tab.press("f", "/")
    assert tab.page.evaluate("document.activeElement.id") == "filter"
    tab.page.keyboard.type("mx")
    assert tab.page.is_checked("#show-map"), "letters in the filter are text"
    tab.page.fill("#filter", "")
    tab.press("Escape", "n")
    tab.page.wait_for_selector(f"body[data-ready='{film_ids(seen)[1]}']")
    tab.press("p")
    tab.page.wait_for_selector(f"body[data-ready='{first}']")
    tab.press("?")
    assert tab.page.is_visible("#help")
    told = tab.text("#keys")
    for words in ("next film of the list", "native pixels", "invert", "other breast beside this film"):
        assert words in told
    tab.press("m")
    assert tab.page.is_checked("#show-map"), "keys rest while the help is open"
    tab.press("Escape")
    assert not tab.page.is_visible("#help")


def test_a_bar_of_millimetres_where_the_spacing_is_known(opened, seen: Seen):
    image_id = film_ids(seen)[0]
    tab = opened(film=image_id)
    for zoom in (1.0, 4.0):
        tab.look(zoom, 700, 400)
        length, width = (
            float(tab.text(".bar-mm").removesuffix(" mm")),
            tab.page.locator(".bar-mm").bounding_box()["width"],
        )
        assert width == pytest.approx(length / seen.films[image_id].pixel_mm * tab.place()[2], rel=0.02)
        assert 50 < width <= 161
    bare = opened(film="film-aside")
    bare.page.evaluate("mammomap.films.forEach(film => (film.spacing = null))")
    bare.open(image_id)
    assert not bare.page.is_visible(".bar-mm")


def test_a_click_on_a_candidate_shows_its_reasons(opened, seen: Seen):
    image_id = film_ids(seen)[0]
    tab = opened(film=image_id)
    assert "moved the score by +1.25" in tab.text("#candidates") and "121 mm²" in tab.text("#candidates")
    assert "highest <b>malignancy</b>" in tab.text("#reasons") and "−0.31" in tab.text("#reasons")
    x0, y0, scale = tab.place()
    row, col = seen.impulses[image_id]
    box = tab.page.locator(".pane").bounding_box()
    tab.page.mouse.click(box["x"] + x0 + (col + 0.5) * scale + 4, box["y"] + y0 + (row + 0.5) * scale)
    tab.page.wait_for_selector("#candidates [aria-current]")
    tab.page.mouse.move(box["x"] + x0 + (col + 0.5) * scale, box["y"] + y0 + (row + 0.5) * scale)
    assert "lesion 0.95" in tab.text("#pointed")


def test_truth_lies_on_the_lesions_in_its_colours_and_dashed_where_approximate(opened, seen: Seen):
    image_id = film_ids(seen)[0]
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


def test_two_breasts_move_in_step_as_mirror_images(opened, seen: Seen):
    by_side = {(f.side, f.view): i for i, f in seen.films.items()}
    left, right = by_side["LEFT", "CC"], by_side["RIGHT", "CC"]
    tab = opened(film=left)
    tab.press("b")
    tab.page.wait_for_selector("#panes[data-panes='2']")
    tab.wait_for("mammomap.panes.length == 2 && mammomap.panes.every(p => p.film && p.data)")
    tab.page.wait_for_timeout(500)
    assert tab.text("#pairing") == "In step, as mirror images."
    shown = tab.page.locator(".caption").all_inner_texts()
    assert right in shown[0] and left in shown[1], "the right breast hangs on the left"
    cols = [seen.films[right].image.shape[1], seen.films[left].image.shape[1]]
    box = tab.page.locator(".pane").nth(1).bounding_box()

    def middles() -> list[tuple[float, float, float]]:
        """Distance from the chest wall, row, and scale in the middle of both panes."""
        found = []
        for number in (0, 1):
            x0, y0, scale = tab.place(number)
            middle = tab.page.evaluate(f"mammomap.panes[{number}].viewer.viewport.getContainerSize()")
            col = (middle["x"] / 2 - x0) / scale
            found.append((cols[0] - col if number == 0 else col, (middle["y"] / 2 - y0) / scale, scale))
        return found

    tab.page.mouse.move(box["x"] + 150, box["y"] + 200)
    tab.page.mouse.wheel(0, -500)
    tab.page.wait_for_timeout(300)
    tab.page.mouse.down()
    tab.page.mouse.move(box["x"] + 200, box["y"] + 260, steps=6)
    tab.page.mouse.up()
    tab.page.wait_for_timeout(400)
    right_now, left_now = middles()
    assert right_now == pytest.approx(left_now, rel=2e-3)
    tab.page.locator(".pane").nth(0).hover(position={"x": 100, "y": 500})
    tab.page.mouse.wheel(0, -500)
    tab.page.wait_for_timeout(400)
    right_after, left_after = middles()
    assert right_after == pytest.approx(left_after, rel=2e-3) and right_after[2] > right_now[2]
    tab.press("x")
    tab.page.wait_for_selector("#panes[data-panes='1']")
    tab.open(left)
    tab.press("v")
    tab.page.wait_for_selector("#panes[data-panes='2']")
    tab.wait_for("!!mammomap.panes[1].data")
    tab.page.wait_for_timeout(300)
    assert tab.text("#pairing") == "In step."
    assert "L MLO" in tab.page.locator(".caption").nth(1).inner_text()


def test_a_film_whose_file_is_gone_is_shown_by_its_map_alone(opened):
    tab = opened(film="film-lost")
    assert "the film's file is gone, so it is shown without its pixels" in tab.text(".note")
    assert "no mass candidate above 0.3; calcifications not searched" in tab.text(".note")
    assert tab.pixels()[100:-100, 300:-300].max() < 90, "no film, and nothing bright instead"
    assert "not what the model was trained for: a digital mammogram" in tab.text(".note")
    assert "truth: not known for this film" in tab.text("#truth-told")
    assert tab.page.is_disabled("#beside-breast")
    assert tab.text("header .purpose") == "For research, not for diagnosis."
    assert tab.text("#trained") == "run-abc, trained for mass on digitised films, detail 0.2 mm."


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (820, 1180)])
def test_nothing_hangs_over_and_everything_has_a_name(opened, size):
    tab = opened(size)
    wide = "document.documentElement.scrollWidth"
    assert tab.page.evaluate(wide) <= size[0]
    if size == PHONE:
        assert tab.page.is_visible("#films") and not tab.page.is_visible("#stage")
        tab.page.locator("#film-table tbody tr").nth(1).tap()
        tab.page.wait_for_selector("body[data-shows='film']")
        tab.wait_for("!!document.body.dataset.ready")
        assert not tab.page.is_visible("#films") and tab.page.is_visible("#stage .purpose")
        before = tab.pixels()
        tab.page.locator("#to-panel").tap()
        assert tab.page.is_visible("#panel") and tab.page.evaluate(wide) <= size[0]
        tab.page.fill("#window", "-150")
        assert np.abs(tab.pixels()[60:200] - before[60:200]).mean() > 2
        tab.page.locator("#to-list").tap()
        tab.page.locator("#to-list").tap()
        assert tab.page.is_visible("#films")
    nameless = """[...document.querySelectorAll('button, input, select, canvas[role], table, nav, aside, section')]
        .filter(e => !(e.getAttribute('aria-label') || e.innerText || (e.labels && e.labels.length) || e.title
                       || !e.checkVisibility())).map(e => e.id || e.outerHTML.slice(0, 60))"""
    assert tab.page.evaluate(nameless) == []


def test_the_pages_own_rules_forbid_every_address_outside(chromium, viewed_page: Path):
    tab = Tab(chromium, viewed_page / "index.html")
    forbidden = """new Promise(resolve => {
        const found = [];
        document.addEventListener('securitypolicyviolation', event => found.push(event.effectiveDirective));
        fetch('http://127.0.0.1:9/').catch(() => {});
        new Image().src = 'http://127.0.0.1:9/a.png';
        const script = document.createElement('script');
        script.src = 'http://127.0.0.1:9/a.js';
        document.head.append(script);
        setTimeout(() => resolve(found.sort()), 300);
    })"""
    assert tab.page.evaluate(forbidden) == ["connect-src", "img-src", "script-src-elem"]
    tab.page.close()


def test_a_film_whose_data_is_missing_says_so(chromium, viewed_page: Path, seen: Seen, tmp_path: Path):
    import shutil

    page = tmp_path / "page"
    shutil.copytree(viewed_page, page)
    first, second, _ = film_ids(seen)
    (page / "data" / f"film-{first}.js").unlink()
    shutil.rmtree(page / "tiles" / second / "10")
    tab = Tab(chromium, page / "index.html", film=second)
    tab.page.get_by_role("button", name=first, exact=True).click()
    tab.page.wait_for_selector(".failed #failed")
    assert f"data/film-{first}.js is not there" in tab.text("#failed")
    tab.page.get_by_role("button", name="film-lost", exact=True).click()
    tab.page.wait_for_selector("body[data-ready='film-lost']")
    assert not tab.page.is_visible("#failed")
    tab.page.close()
