"""In a browser, from the disk: the list, what is said in words, any width of screen, nothing asked from outside."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from made.browser_tab import DESKTOP, PHONE, Tab
from made.viewed import Seen


def test_the_list_is_sorted_filtered_and_says_what_was_set_aside(opened, seen: Seen):
    tab = opened()
    assert tab.page.title().endswith("film-lost"), "the highest score comes first"
    assert tab.rows() == ["film-lost", *reversed(list(seen.impulses)), "film-aside"]
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
    assert tab.rows() == [i for i in seen.impulses if seen.films[i].side == "RIGHT" and seen.films[i].view == "CC"]
    assert tab.text("#film-count") == "1 of 5 films, 1 set aside"
    tab.page.fill("#filter", "CT image")
    assert tab.rows() == ["film-aside"] and "set aside: a CT image, wanted MG" in tab.text("#film-table")
    title = tab.page.title()
    tab.page.locator("#film-table tbody tr:not([hidden])").click()
    assert tab.page.title() == title, "what was set aside cannot be opened"


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
    page = tmp_path / "page"
    shutil.copytree(viewed_page, page)
    first, second, _ = list(seen.impulses)
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
