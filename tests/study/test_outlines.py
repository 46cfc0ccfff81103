"""Segmentation on true outlines: bands of size hold every lesion once, and Dice in them is that of their pixels."""

from pathlib import Path

import pandas as pd
import pytest


def test_bands_of_size_hold_every_lesion_once(studies) -> None:
    kept, table = studies("kept"), studies("outlines_table")
    folder = Path(table.__file__).parent / "outlines"
    evidence = kept.joined([kept.kept(folder / f"fold-{fold}", "scratch")[1] for fold in range(5)])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.by_size(evidence)[2:]]
    assert [row[0] for row in rows] == ["below 500", "500 to 1,999", "2,000 and more"]
    assert sum(int(row[1]) for row in rows) == len(evidence.lesions)
    raw = pd.concat([pd.read_csv(folder / f"fold-{fold}" / "scratch" / "overlap.csv") for fold in range(5)])
    small = raw[(raw["lesion"] >= 0) & (raw["tp"] + raw["fn"] < 500)]
    assert int(rows[0][1]) == len(small)
    dice = [2 * row.tp / (2 * row.tp + row.fp + row.fn) for row in small.itertuples()]
    assert float(rows[0][2].split(" ")[0]) == pytest.approx(sum(dice) / len(dice), abs=0.005)
    assert float(rows[0][3].split(" ")[0]) == pytest.approx((small["tp"] == 0).mean(), abs=0.005)
