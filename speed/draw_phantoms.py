"""How fast phantoms are drawn: films a second on one core in memory, and seconds for a tree on disk.

    python speed/draw_phantoms.py [--rounds 3]

In memory: `draw_woman` at 768 rows, women 1 to 20 of seed 1, one process with one thread of OpenCV; wanted: 4 films a
second. On disk: `mammomap phantom --patients 60 --rows 1200` on 2 processes, all files written; wanted: under 60 s.
Absolute figures of this CPU; in memory also by processor time, which another's load does not touch.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.tree import write_tree

WOMEN, ROWS = 20, 768
TREE = PhantomConfig(patients=60, seed=1, rows=1200, workers=2)
FASTEST_WANTED, LONGEST_WANTED = 4.0, 60.0


def cpu() -> str:
    """The processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown processor'}, {os.cpu_count()} cores"


def in_memory() -> tuple[float, float, int]:
    """Wall and processor seconds, and films."""
    config, wall, used = PhantomConfig(seed=1, rows=ROWS), time.perf_counter(), time.process_time()
    films = sum(len(draw_woman(woman_rng(1, k), config, patient_name(k))) for k in range(1, WOMEN + 1))
    return time.perf_counter() - wall, time.process_time() - used, films


def on_disk() -> tuple[float, int]:
    """Wall seconds, and files."""
    with tempfile.TemporaryDirectory() as name:
        wall = time.perf_counter()
        write_tree(Path(name) / "tree", TREE)
        return time.perf_counter() - wall, sum(path.is_file() for path in Path(name).rglob("*"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    cv2.setNumThreads(1)
    draw_woman(woman_rng(1, 1), PhantomConfig(seed=1, rows=ROWS), patient_name(1))
    memory, disk = zip(*((in_memory(), on_disk()) for _ in range(rounds)), strict=True)
    print(f"{cpu()}; {rounds} rounds\n")
    print("| | median | lowest | highest | wanted |\n|---|---|---|---|---|")
    for told, rate in (
        ("of wall", [n / wall for wall, _, n in memory]),
        ("of processor", [n / used for _, used, n in memory]),
    ):
        row = f"in memory, {ROWS} rows, films a second {told}"
        print(f"| {row} | {np.median(rate):.2f} | {min(rate):.2f} | {max(rate):.2f} | {FASTEST_WANTED:g} or more |")
    took = [wall for wall, _ in disk]
    row = f"{TREE.patients} women on disk, {TREE.rows} rows, 2 processes, seconds of wall"
    print(f"| {row} | {np.median(took):.1f} | {min(took):.1f} | {max(took):.1f} | below {LONGEST_WANTED:g} |")
    print(f"\n{memory[0][2]} films in memory; {disk[0][1]} files on disk")


if __name__ == "__main__":
    main()
