"""Disk and hours of `full.sh` on all of CBIS-DDSM, scaled from a reduced run of it on the same machine.

    mammomap phantom --patients 60 --rows 4700 --traps all -o tree
    CROPS=400 VALIDATIONS=1 FOLDS=2 WEIGHTS= study/full.sh tree reduced
    python study/full_cost.py reduced [--crops 200000] [--validations 20] [--folds 4]

Index, audit and prepare are scaled by films, segment, classify and benchmark by films to test on. Training is the
crops at the reduced run's rate plus the films looked at in validations at theirs; the head is the same once a fold, at
the rate of its own nets (one a device, as many at a time as there are devices), plus one map of every film that is not
tested, at the rate of `segment`. That sum is also made for the reduced run, to be held against what its head took. What
a step takes before its first film is scaled too, so that estimates are rather high. The reduced run must have the rows,
crop, net, encoder and devices that the full one is to have.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import pandas as pd

from mammomap.masks.splits import read_split
from mammomap.masks.tables import read_tables

DOWNLOAD_GB = 163.5
"""Of release 25 of Imaging Data Commons (docs/download.md)."""
FILMS, TEST_FILMS = 3_032, 641
"""Of the case description lists, and of their test parts (docs/splits.md)."""


def first_times(reduced: Path) -> dict[str, float]:
    """Seconds of each step at its first call; a step that was stopped and gone on with has none."""
    times = pd.read_csv(reduced / "times.csv")
    if rests := [name for name in times["step"] if name.endswith(", the rest of it")]:
        raise SystemExit(f"{reduced / 'times.csv'}: {rests[0]}; how long all of it took is not known, run it anew")
    return times.drop_duplicates("step").set_index("step")["seconds"].to_dict()


@dataclass(frozen=True)
class Size:
    """What a run of `full.sh` has to do. films, to_test: in all, and of the test part; validated: films looked at in
    one validation; crops, validations: of one net; folds: nets for the head, `devices` of them at a time."""

    films: int
    to_test: int
    validated: int
    crops: int
    validations: int
    folds: int
    devices: int


def log_of(run: Path) -> list[dict]:
    """What a run has logged, a line a validation."""
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def rate(log: list[dict]) -> float:
    """Seconds a crop until the first validation."""
    return log[0]["seconds"] / log[0]["crops"]


def size_of(reduced: Path) -> Size:
    """Of the reduced run."""
    tables, split = read_tables(reduced / "tables"), read_split(reduced / "run" / "split.csv")
    films = {part: len(split.tables(tables, part).films) for part in ("validation", "test")}
    training = json.loads((reduced / "run" / "config.json").read_text())["training"]
    return Size(
        films=len(tables.films),
        to_test=films["test"],
        validated=2 * films["validation"],  # and as many of the net's own
        crops=training["crops"],
        validations=len(log_of(reduced / "run")),
        folds=len(list((reduced / "head.folds").glob("*/run"))),
        devices=hardware_of(reduced)["devices"],
    )


def hardware_of(reduced: Path) -> dict:
    """What the net was trained on."""
    return json.loads((reduced / "run" / "environment.json").read_text())["hardware"]


def seconds(
    times: dict[str, float], a_crop: float, a_crop_of_head: float, done: Size, wanted: Size
) -> dict[str, float]:
    """Of each step at another size, from what a run of the size `done` took. a_crop: in training, a_crop_of_head: in
    that of the head's nets."""
    a_film_validated = (times["train"] - a_crop * done.crops) / (done.validations * done.validated)
    validating = a_film_validated * wanted.validations * wanted.validated
    nets = math.ceil(wanted.folds / wanted.devices) * (a_crop_of_head * wanted.crops + validating)
    mapping = (wanted.films - wanted.to_test) * times["segment"] * wanted.devices / done.to_test  # by one device
    by_films, by_test = wanted.films / done.films, wanted.to_test / done.to_test
    return {
        **{step: times[step] * by_films for step in ("index", "audit", "prepare")},
        "train": a_crop * wanted.crops + validating,
        "head": nets + mapping,
        **{step: times[step] * by_test for step in ("segment", "classify", "benchmark")},
        "bundle": times["bundle"],
    }


def table(reduced: Path, crops: int, validations: int, folds: int) -> str:
    """One row a step, in Markdown."""
    times, done = first_times(reduced), size_of(reduced)
    validated = round(done.validated * (FILMS - TEST_FILMS) / (done.films - done.to_test))
    full = replace(
        done, films=FILMS, to_test=TEST_FILMS, validated=validated, crops=crops, validations=validations, folds=folds
    )
    rates = rate(log_of(reduced / "run")), mean(rate(log_of(run)) for run in (reduced / "head.folds").glob("*/run"))
    scaled = seconds(times, *rates, done, full)
    mapping = seconds(times, *rates, done, replace(full, folds=0))["head"]
    training = scaled["train"] + scaled["head"] - mapping
    store = sum(path.stat().st_size for path in (reduced / "store").rglob("*") if path.is_file()) / done.films
    maps = sum(path.stat().st_size for path in (reduced / "maps").rglob("*") if path.is_file()) / done.to_test
    hardware = ", ".join(f"{name} {value}" for name, value in hardware_of(reduced).items())
    lines = [
        f"Measured: {done.films} films, {done.to_test} of them tested; {done.crops:,} crops a net, {done.folds} nets "
        f"for the head. Scaled to {FILMS:,} films, {TEST_FILMS} tested; {crops:,} crops a net, {validations} "
        f"validations, {folds} nets. On {hardware}.",
        "",
        f"Disk: {DOWNLOAD_GB} GB for the files, {store * FILMS / 1e9:.0f} GB for the store, "
        f"{maps * TEST_FILMS / 1e9:.1f} GB for the maps.",
        "",
        "| step | seconds, reduced | hours, all of CBIS-DDSM |",
        "|---|---|---|",
        *(f"| {step} | {times[step]:.0f} | {value / 3600:.1f} |" for step, value in scaled.items()),
        f"| all | {sum(times.values()):.0f} | {sum(scaled.values()) / 3600:.1f} |",
        "",
        f"Nets take {training / 3600:.1f} of these hours to train, films {mapping / 3600:.1f} to map for the head, all "
        f"else {(sum(scaled.values()) - training - mapping) / 3600:.1f}.",
        f"The same sums give the reduced run's head {seconds(times, *rates, done, done)['head']:.0f} seconds; it took "
        f"{times['head']:.0f}.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reduced", type=Path)
    parser.add_argument("--crops", type=int, default=200_000)
    parser.add_argument("--validations", type=int, default=20)
    parser.add_argument("--folds", type=int, default=4)
    wanted = parser.parse_args()
    print(table(wanted.reduced, wanted.crops, wanted.validations, wanted.folds))


if __name__ == "__main__":
    main()
