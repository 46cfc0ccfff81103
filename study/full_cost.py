"""Disk and hours of `full.sh` on all of CBIS-DDSM, scaled from a reduced run of it on the same machine.

    mammomap phantom --patients 60 --rows 4700 --traps all -o tree
    CROPS=400 FOLDS=2 WEIGHTS= study/full.sh tree reduced
    python study/full_cost.py reduced [--crops 200000] [--folds 4]

Seconds of index, audit and prepare are scaled by films, of training by crops, of the head by crops, films and nets, of
the other steps by films to test on. What a step takes before its first film is scaled too, so that estimates are
rather high. The reduced run must have the rows, crop, net, encoder and devices that the full one is to have.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

from mammomap.masks.splits import read_split
from mammomap.masks.tables import read_tables

DOWNLOAD_GB = 163.5
"""Of release 25 of Imaging Data Commons (docs/download.md)."""
FILMS, TEST_FILMS = 3_032, 641
"""Of the case description lists, and of their test parts (docs/splits.md)."""


def first_times(reduced: Path) -> dict[str, float]:
    """Seconds of each step at its first call."""
    times = pd.read_csv(reduced / "times.csv")
    return times.drop_duplicates("step").set_index("step")["seconds"].to_dict()


def factors(reduced: Path, crops: int, folds: int) -> dict[str, float]:
    """By what each step is scaled."""
    tables, split = read_tables(reduced / "tables"), read_split(reduced / "run" / "split.csv")
    config = json.loads((reduced / "run" / "config.json").read_text())["training"]
    trained = len(list((reduced / "head.folds").glob("*/run")))
    films, test = FILMS / len(tables.films), TEST_FILMS / len(split.tables(tables, "test").films)
    by_crops = crops / config["crops"]
    return {
        **dict.fromkeys(("index", "audit", "prepare"), films),
        "train": by_crops,
        "head": by_crops * folds / trained,
        **dict.fromkeys(("segment", "classify", "benchmark"), test),
        "bundle": 1.0,
    }


def table(reduced: Path, crops: int, folds: int) -> str:
    """One row a step, in Markdown."""
    times, by = first_times(reduced), factors(reduced, crops, folds)
    hours = {step: times[step] * by[step] / 3600 for step in by}
    store = sum(path.stat().st_size for path in (reduced / "store").rglob("*") if path.is_file()) * by["index"] / 1e9
    hardware = json.loads((reduced / "run" / "environment.json").read_text())["hardware"]
    lines = [
        f"{', '.join(f'{name} {value}' for name, value in hardware.items())}; {crops:,} crops a net, {folds} nets for "
        f"the head; disk: {DOWNLOAD_GB} GB for the files, {store:.0f} GB for the store.",
        "",
        "| step | seconds, reduced | scaled by | hours, all of CBIS-DDSM |",
        "|---|---|---|---|",
        *(f"| {step} | {times[step]:.0f} | {by[step]:,.1f} | {hours[step]:.1f} |" for step in by),
        f"| all | {sum(times.values()):.0f} | | {sum(hours.values()):.1f} |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reduced", type=Path)
    parser.add_argument("--crops", type=int, default=200_000)
    parser.add_argument("--folds", type=int, default=4)
    wanted = parser.parse_args()
    print(table(wanted.reduced, wanted.crops, wanted.folds))


if __name__ == "__main__":
    main()
