"""One set and its page for all tests of the viewer that only look."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from made.browser_tab import DESKTOP, Tab
from made.viewed import Seen, make_set

from mammomap.masks.key import read_key
from mammomap.masks.tables import read_tables
from mammomap.viewer.page import write_page


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return make_set(tmp_path_factory.mktemp("seen"))


@pytest.fixture(scope="session")
def viewed_page(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PAGE with truth, and with films where their files are there."""
    page = tmp_path_factory.mktemp("viewed") / "page"
    write_page(seen.folder, page, key=read_key(seen.key), truth=read_tables(seen.tables), workers=1)
    return page


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """A browser, one for all tests."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


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
