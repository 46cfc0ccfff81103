"""A tab of a browser that shows a page of `mammomap view`, for tests."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

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
        self.page.set_default_timeout(30_000)
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
