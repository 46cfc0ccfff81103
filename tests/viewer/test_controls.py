"""In a browser, from the disk: keys, mouse, two films in step."""

from __future__ import annotations

import pytest
from made.viewed import Seen


def test_zoom_goes_to_native_pixels_and_drags_pan(opened, seen: Seen):
    tab = opened(film=list(seen.impulses)[0])
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
    first = list(seen.impulses)[2]
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
    tab.page.wait_for_selector(f"body[data-ready='{list(seen.impulses)[1]}']")
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
    image_id = list(seen.impulses)[0]
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
    image_id = list(seen.impulses)[0]
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


def test_the_film_beside_is_of_the_same_woman_and_rather_of_the_same_exam(opened):
    tab = opened()
    told = tab.page.evaluate("""() => {
        const film = (id, woman, exam, side, view, status = 'done') => ({ id, woman, exam, side, view, status });
        const all = [film('a', 'w', '1', 'LEFT', 'CC'), film('b', 'w', '1', 'RIGHT', 'MLO'),
            film('c', 'w', '2', 'RIGHT', 'CC'), film('d', 'w', '1', 'RIGHT', 'CC'),
            film('e', 'other', '', 'RIGHT', 'CC'),
            film('f', 'w', '1', 'LEFT', 'MLO', 'set aside'), film('g', '', '', 'LEFT', 'CC'),
            film('h', '', '9', 'LEFT', 'CC'), film('i', '', '9', 'LEFT', 'MLO'), film('j', '', '', 'RIGHT', 'CC')];
        mammomap.films.splice(0, Infinity, ...all);
        const id = (at, which) => (mammomap.partner(all[at], which) || { id: null }).id;
        return [id(0, 'breast'), id(0, 'view'), id(3, 'view'), id(2, 'breast'), id(6, 'breast'), id(7, 'view'),
            id(4, 'breast')];
    }""")
    assert told == ["d", None, "b", "a", None, "i", None]
