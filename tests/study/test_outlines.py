"""Segmentation on true outlines: bands of size hold every lesion once, and Dice in them is that of their pixels."""

import shutil
from pathlib import Path

import pandas as pd
import pytest


def test_bands_of_size_hold_every_mass_once(studies) -> None:
    kept, table = studies("kept"), studies("outlines_table")
    folder = Path(table.__file__).parent / "outlines"
    evidence = kept.joined([kept.kept(folder / f"fold-{fold}", "scratch")[1] for fold in range(5)])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.by_size(evidence)[2:]]
    assert [row[0] for row in rows] == ["below 500", "500 to 1,999", "2,000 and more"]
    assert sum(int(row[1]) for row in rows) == (evidence.lesions["kind"] == "mass").sum()
    raw = pd.concat([pd.read_csv(folder / f"fold-{fold}" / "scratch" / "overlap.csv") for fold in range(5)])
    small = raw[(raw["lesion"] >= 0) & (raw["kind"] == "mass") & (raw["tp"] + raw["fn"] < 500)]
    assert int(rows[0][1]) == len(small)
    dice = [2 * row.tp / (2 * row.tp + row.fp + row.fn) for row in small.itertuples()]
    assert float(rows[0][2].split(" ")[0]) == pytest.approx(sum(dice) / len(dice), abs=0.005)
    assert float(rows[0][3].split(" ")[0]) == pytest.approx((small["tp"] == 0).mean(), abs=0.005)


def test_the_second_start_is_less_the_first_lesion_by_lesion(studies, tmp_path: Path) -> None:
    """The second is the first with the found pixels of every second lesion taken away."""
    table = studies("outlines_table")
    for fold in (0, 1):
        at = tmp_path / f"fold-{fold}"
        shutil.copytree(table.FOLDER / f"fold-{fold}", at, ignore=shutil.ignore_patterns("shipped", "linknet"))
        shutil.copytree(at / "scratch", at / "shipped")
        rows = pd.read_csv(at / "shipped" / "overlap.csv")
        gone = (rows["lesion"] >= 0) & (rows["lesion"] % 2 == 0)
        rows.loc[gone, "fn"] += rows.loc[gone, "tp"]
        rows.loc[gone, ["tp", "fp"]] = 0
        rows.to_csv(at / "shipped" / "overlap.csv", index=False)
    lines = table.table(tmp_path).splitlines()
    first, second = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines[4:6])
    assert (first[0], second[0]) == (table.NAMES["scratch"], table.NAMES["shipped"])
    assert first[3] == first[5] == "" and second[3].startswith("0.00 (")
    raw = pd.concat([pd.read_csv(tmp_path / f"fold-{fold}" / "scratch" / "overlap.csv") for fold in (0, 1)])
    raw = raw[raw["lesion"] >= 0]
    dice = 2 * raw["tp"] / (2 * raw["tp"] + raw["fp"] + raw["fn"])
    lost = -float((dice * (raw["lesion"] % 2 == 0)).mean())
    assert lost < -0.05 and float(second[5].split(" ")[0]) == pytest.approx(lost, abs=0.0051)
    assert float(second[4].split(" ")[0]) == pytest.approx(dice.mean() + lost, abs=0.0051)
