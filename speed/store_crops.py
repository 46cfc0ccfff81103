"""Random crops of 512 x 512 of film and target: from the store against a PNG pair a film.

    python speed/store_crops.py [FILMS]

FILMS (60 unless given) made-up films of 1152 x 896, 16 bits, noisy, with an 8-bit target, as one's own data would be
prepared. The same crops in the same order both ways, compared once; then rounds that take turns, with the median ratio
and its range. A PNG must be decoded whole for one crop of it.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.masks.files import write_json
from mammomap.masks.grid import Grid
from mammomap.masks.store import STORE_FORMAT, Store

SHAPE, SIDE, ROUNDS = (1152, 896), 512, 5


def write(folder: Path, n: int) -> None:
    """The films as a store and as PNG pairs."""
    rng = np.random.default_rng(0)
    rows = []
    with (folder / "pixels.u16").open("wb") as pixels, (folder / "targets.u8").open("wb") as targets:
        for number in range(n):
            coarse = rng.random((36, 28), np.float32)
            film = 40_000 * cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
            film = (film + rng.normal(0, 400, SHAPE)).clip(1, 65_535).astype(np.uint16)
            target = np.zeros(SHAPE, np.uint8)
            cv2.circle(target, tuple(rng.integers(100, 800, 2).tolist()), 40, 4, -1)
            pixels.write(film.tobytes())
            targets.write(target.tobytes())
            cv2.imwrite(str(folder / f"{number}.png"), film)
            cv2.imwrite(str(folder / f"{number}_target.png"), target)
            grid = Grid.whole(*SHAPE).json()
            rows.append({"image_id": str(number), "patient_id": str(number), "start": number * film.size, "grid": grid})
    pd.DataFrame(rows).to_parquet(folder / "films.parquet")
    write_json(folder / "store.json", {"format": STORE_FORMAT, "rows": SHAPE[0]})


def main(n: int) -> None:
    """Print crops a second and the ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, n)
        store = Store(folder)
        rng = np.random.default_rng(1)
        places = [
            (str(rng.integers(n)), int(rng.integers(SHAPE[0] - SIDE)), int(rng.integers(SHAPE[1] - SIDE)))
            for _ in range(200)
        ]

        def from_store(film: str, row: int, col: int) -> tuple[np.ndarray, np.ndarray]:
            stored, window = store[film], np.s_[row : row + SIDE, col : col + SIDE]
            return stored.pixels[window].copy(), stored.target[window].copy()

        def from_png(film: str, row: int, col: int) -> tuple[np.ndarray, np.ndarray]:
            window = np.s_[row : row + SIDE, col : col + SIDE]
            files = (folder / f"{film}.png", folder / f"{film}_target.png")
            film_part, target = (cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[window].copy() for file in files)
            return film_part, target

        for place in places[:20]:
            assert all(np.array_equal(a, b) for a, b in zip(from_store(*place), from_png(*place), strict=True))
        taken: dict[Callable, list[float]] = {from_store: [], from_png: []}
        for number in range(ROUNDS):
            for way in (from_store, from_png) if number % 2 else (from_png, from_store):
                began = time.perf_counter()
                for place in places:
                    way(*place)
                taken[way].append(time.perf_counter() - began)
        ratio = np.array(taken[from_png]) / np.array(taken[from_store])
        for way, what in ((from_store, "store"), (from_png, "PNG")):
            print(f"{what}: {len(places) / np.median(taken[way]):.0f} crops a second")
        print(f"store against PNG: x{np.median(ratio):.0f} ({ratio.min():.0f} to {ratio.max():.0f}), {n} films")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
