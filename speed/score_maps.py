"""How long `mammomap benchmark` takes for 640 maps of 3328 x 2560, and in how much memory.

    python speed/score_maps.py [MAPS] [npz|png]

MAPS is 640 unless given. Made-up uint16 maps in the manner of a net's: a breast on half of the film, a dozen blobs, air
at 0. Eight distinct ones under MAPS names (hard links), each read again for each film; as `np.savez` writes them, or as
16-bit PNG. Truth: one or two outlines (mask files) on three films of four, two films a woman. The verb runs as a user
would run it, but without film pixels: all figures of lesions, images, pixels and overlap, groups, failures and their
resamples, `--no-trivial --no-pictures`. Without `threshold.txt`, so that overlap is not among them: Dice and the rest,
and surface distances, are timed apart. Memory is the sum of what the verb's processes hold, looked at five times a
second; shared pages count in each.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mammomap.eval.overlap import film_overlap
from mammomap.eval.regions import cut, film_pair, lesion_pairs
from mammomap.eval.surfaces import surface_distances

SHAPE, DISTINCT = (3328, 2560), 8
THRESHOLD = 20_000
TOP = 65_535


def draw(number: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """One map, uint16, and the masks of its lesions; every fourth has none."""
    rng = np.random.default_rng(number)
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    breast = ((rows - 1664) / 1500) ** 2 + (cols / rng.integers(1200, 1900)) ** 2 < 1
    glow = cv2.resize(rng.random((52, 40), dtype=np.float32) ** 6, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    levels = (2000 * rng.random(SHAPE, dtype=np.float32) + 50_000 * glow.clip(0, 1)) * breast
    masks = []
    for _ in range(number % 4 and 1 + number % 2):
        row, col, size = rng.integers(500, 2800), rng.integers(50, 900), rng.integers(40, 160)
        masks.append((rows - row) ** 2 + (cols - col) ** 2 < size**2)
        levels += 40_000 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2.0 * size**2)) * breast
    return levels.clip(0, TOP).astype(np.uint16), masks


def write_set(folder: Path, n: int, form: str) -> list[tuple[np.ndarray, list[np.ndarray]]]:
    """The truth as one's own data, and the maps; gives the distinct maps and masks."""
    truth, maps = folder / "truth", folder / "maps"
    truth.mkdir()
    maps.mkdir()
    cv2.imwrite(str(truth / "film.png"), np.zeros(SHAPE, np.uint8))
    drawn = [draw(number) for number in range(DISTINCT)]
    for number, (levels, masks) in enumerate(drawn):
        if form == "npz":
            np.savez(folder / f"{number}.npz", lesion=levels)
        else:
            cv2.imwrite(str(folder / f"{number}.png"), levels)
        for k, mask in enumerate(masks):
            cv2.imwrite(str(truth / f"{number}_{k}.png"), mask.astype(np.uint8) * 255)
    films = [["image_id", "patient_id", "side", "view", "file"]]
    lesions = [["image_id", "kind", "pathology", "mask"]]
    for film in range(n):
        number, name = film % DISTINCT, f"{film:04d}"
        films.append([name, f"W{film // 2:04d}", "LEFT", ("CC", "MLO")[film % 2], "film.png"])
        pathology = "MALIGNANT" if film // 2 % 2 else "BENIGN"
        lesions += [[name, "mass", pathology, f"{number}_{k}.png"] for k in range(len(drawn[number][1]))]
        os.link(folder / f"{number}.{form}", maps / f"{name}.{form}")
    for name, rows in (("films.csv", films), ("lesions.csv", lesions)):
        with (truth / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return drawn


def held(pid: int) -> int:
    """Kilobytes in memory of a process and those that it started; 0 where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")), 0)
    return own + sum(held(int(child)) for child in children)


def run(words: list[str]) -> tuple[float, float, int]:
    """Seconds of wall and of processor, and the most kilobytes held, of one call of mammomap."""
    before, began, most = os.times(), time.perf_counter(), 0
    process = subprocess.Popen([sys.executable, "-m", "mammomap", *words], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, held(process.pid))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"mammomap {words[0]} failed")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, cpu, most


def main(n: int, form: str) -> None:
    """Print seconds and megabytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = write_set(folder, n, form)
        tables = str(folder / "tables")
        run(["index", str(folder / "truth"), "-o", tables])
        words = ["benchmark", tables, f"maps={folder / 'maps'}", "-o", str(folder / "report")]
        wall, cpu, most = run([*words, "--no-trivial", "--no-pictures"])
    print(f"{n} maps of {SHAPE[0]} x {SHAPE[1]}, {form}, {os.cpu_count()} cores: {wall:.0f} s, {wall / n:.2f} s a map")
    print(f"{cpu / n:.2f} s of processor a map; at most {most / 1024:.0f} MB in all processes")
    for what, of_film in (("overlap", _overlap), ("surface distances", _surfaces)):
        began, count = time.process_time(), 0
        for levels, masks in drawn:
            count += of_film(levels >= THRESHOLD, [cut(mask) for mask in masks])
        seconds = time.process_time() - began
        print(f"{what} apart: {1000 * seconds / len(drawn):.0f} ms of processor a film, {count} pairs of masks")


def _overlap(found: np.ndarray, regions: list) -> int:
    film_overlap(found, regions)
    return 1 + len(regions)


def _surfaces(found: np.ndarray, regions: list) -> int:
    pairs = [film_pair(found, regions), *lesion_pairs(found, regions)]
    for pair in pairs:
        surface_distances(*pair, pitch=(0.07, 0.07))
    return len(pairs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 640, sys.argv[2] if len(sys.argv) > 2 else "npz")
