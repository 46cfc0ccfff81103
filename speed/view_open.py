"""How long a page of many films takes to open from the disk, in Chromium without a window.

    python speed/view_open.py [--films 100] [--rows 4700] [--cols 3000] [--rounds 5] [--keep FOLDER]

The films are drawn phantoms, enlarged, each with its own noise; their maps have the size that a net of 1,152 rows
gives. Open means: the list stands there with all films, and the first film's tiles, map and marks have been drawn. Each
round is a browser that has not seen the page. Printed are seconds to write the page, its size, and seconds to open it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.masks.files import write_json
from mammomap.masks.key import Key, KeyFilm
from mammomap.masks.mapfile import MAP_FORMAT, FilmMap, read_map_folder, write_map
from mammomap.masks.parallel import in_processes
from mammomap.masks.working import working_film
from mammomap.phantom import draw
from mammomap.viewer.page import write_page

WORKING_ROWS, DRAWN_ROWS = 1152, 1175


def make_film(number: int, root: Path, size: tuple[int, int]) -> dict:
    """One film as PNG and its map; its row of films.csv."""
    rng = np.random.default_rng(number)
    film = draw(np.random.default_rng(number // 4), rows=DRAWN_ROWS)[0]
    large = cv2.resize(film.image, size[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    noisy = np.clip(large + rng.normal(0, 600, size).astype(np.float32), 0, 65_535).astype(np.uint16)
    path = root / "films" / f"{number}.png"
    cv2.imwrite(str(path), noisy, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    working = working_film(noisy, WORKING_ROWS)
    breast = working.pixels > 0
    coarse = rng.random((40, 30)).astype(np.float32) ** 6
    lesion = cv2.resize(coarse, breast.shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1) * breast
    write_map(root / "maps" / "maps" / f"film-{number:04d}.npz", FilmMap(lesion, lesion, breast, working.grid))
    return {
        "image_id": f"film-{number:04d}",
        "woman": f"{number // 4:04d}",
        "side": ("LEFT", "RIGHT")[number % 2],
        "view": ("CC", "MLO")[number // 2 % 2],
        "status": "done",
        "map_max": round(float(lesion.max()), 4),
        "reason": "",
    }


def make_page(root: Path, films: int, size: tuple[int, int]) -> float:
    """The page of so many films; seconds that writing it took, without making films and maps."""
    (root / "films").mkdir(parents=True)
    rows = in_processes(partial(make_film, root=root, size=size), range(films), what="films")
    rng = np.random.default_rng(0)
    candidates = [
        {"image_id": row["image_id"], "map": layer, "row": rng.integers(size[0]), "col": rng.integers(size[1])}
        | {"score": round(rng.random(), 4), "malignancy": 0.5, "area": 9000}
        for row in rows
        for layer in ("lesion", "malignancy")
        for _ in range(8)
    ]
    pd.DataFrame(rows).to_csv(root / "maps" / "films.csv", index=False)
    pd.DataFrame(candidates).to_csv(root / "maps" / "candidates.csv", index=False)
    about = {"format": MAP_FORMAT, "model": "noise", "kinds_trained": ["mass"], "trained_for": {"kinds": ["mass"]}}
    write_json(root / "maps" / "segment.json", about)
    key = Key(films={row["image_id"]: KeyFilm(root / "films" / f"{k}.png") for k, row in enumerate(rows)})
    began = time.perf_counter()
    write_page(read_map_folder(root / "maps"), root / "page", key=key)
    return time.perf_counter() - began


def seconds_to_open(page: Path, films: int) -> float:
    """From the call of the address until the first film is there."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1440, "height": 900})
        began = time.perf_counter()
        tab.goto((page / "index.html").as_uri())
        tab.wait_for_selector("body[data-ready]")
        took = time.perf_counter() - began
        if not tab.evaluate("mammomap.panes[0].viewer.world.getItemAt(0).getFullyLoaded()"):
            raise SystemExit("the first film's tiles are not all there")
        listed = tab.locator("#film-table tbody tr").count()
        if listed != films:
            raise SystemExit(f"the list has {listed} films, wanted {films}")
        browser.close()
    return took


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4700)
    parser.add_argument("--cols", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="Folder for films, maps and page; gone afterwards if not given.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        root = asked.keep or Path(passing) / "set"
        wrote = make_page(root, asked.films, (asked.rows, asked.cols))
        size = sum(path.stat().st_size for path in (root / "page").rglob("*") if path.is_file())
        took = [seconds_to_open(root / "page", asked.films) for _ in range(asked.rounds)]
    each = wrote / asked.films
    print(f"{asked.films} films of {asked.rows} x {asked.cols}: page of {size / 1e6:.0f} MB written in {wrote:.1f} s")
    print(f"({each:.2f} s a film); opens in {statistics.median(took):.2f} s (median of {asked.rounds}; "
          f"{min(took):.2f} to {max(took):.2f})")  # fmt: skip


if __name__ == "__main__":
    main()
