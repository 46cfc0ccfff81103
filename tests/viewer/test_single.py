"""The page as one file: nothing beside it, reduced where it must be, refused where it is too large."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from made.viewed import PLANTED, Seen

from mammomap.errors import ConfigError
from mammomap.masks.key import read_key
from mammomap.masks.tables import read_tables
from mammomap.viewer.single import write_single


def test_one_file_holds_everything_and_a_second_run_does_nothing(seen: Seen, tmp_path: Path, chromium):
    out = tmp_path / "films.html"
    ask = {"key": read_key(seen.key), "truth": read_tables(seen.tables), "workers": 1}
    viewed, reduced = write_single(seen.folder, out, **ask)
    assert (viewed.films, viewed.with_pixels, viewed.changed, reduced) == (5, 3, True, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["films.html"]
    assert not write_single(seen.folder, out, **ask)[0].changed
    text = out.read_text()
    assert not [word for word in PLANTED if word in text]
    assert "Redistributions in binary form" in text and not re.search(r"<(script|link)[^>]+(src|href)=\"[^d]", text)
    asked, said = [], []
    tab = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    image_id = next(iter(seen.impulses))
    tab.goto(f"{out.as_uri()}#{image_id}")
    tab.wait_for_selector(f"body[data-ready='{image_id}']")
    assert tab.evaluate("document.querySelectorAll('.marks .candidate path').length") == 1
    assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
    tab.close()
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} == {out.as_uri()} and said == []


def test_films_are_reduced_until_they_fit_and_the_page_says_so(seen: Seen, tmp_path: Path, chromium):
    out = tmp_path / "films.html"
    key = read_key(seen.key)
    full = write_single(seen.folder, out, key=key, workers=1)
    size = out.stat().st_size / 1e6
    viewed, reduced = write_single(seen.folder, out, key=key, workers=1, most_mb=0.75 * size)
    assert full[1] == 1 and reduced == 2 and viewed.changed and out.stat().st_size < 0.75e6 * size
    tab = chromium.new_page(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    image_id = next(iter(seen.impulses))
    tab.goto(f"{out.as_uri()}#{image_id}")
    tab.wait_for_selector(f"body[data-ready='{image_id}']")
    assert "shown at 1/2 of its size" in tab.inner_text(".note")
    tab.keyboard.press("1")
    tab.wait_for_timeout(500)
    seen_now = tab.locator(".pane").screenshot()
    assert len(seen_now) > 100_000, "a film, not black, at the zoom of pixels that are left out"
    tab.close()
    with pytest.raises(ConfigError, match="3 films take .* MB in one file, wanted at most 0.5"):
        write_single(seen.folder, tmp_path / "small.html", key=key, workers=1, most_mb=0.5)
    assert not (tmp_path / "small.html").exists()
    with pytest.raises(ConfigError, match="a folder, wanted a file"):
        write_single(seen.folder, tmp_path, key=key, workers=1)
