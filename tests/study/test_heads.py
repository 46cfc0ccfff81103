"""Heads on drawn rows of phantoms: what the tables say, worked out again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammomap.classify.features import FEATURES
from mammomap.classify.heads import fit_head
from mammomap.classify.pooling import POOLS
from mammomap.eval.calibration import calibration_line
from mammomap.eval.images import auc

SEEDS = (31, 32)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Women for the test are told apart more easily than those for the head, by one feature."""
    rng, made = np.random.default_rng(4), []
    for seed in SEEDS:
        for part, told in (("head", 1.0), ("test", 2.5)):
            for woman in range(80):
                row = {
                    "seed": seed,
                    "part": part,
                    "image_id": f"{seed}-{part}-{woman}",
                    "woman": f"{seed}-{part}-{woman}",
                }
                row |= {"side": "LEFT", "view": "CC", "malignant": woman % 2, "birads": 3.0}
                row |= {name: rng.normal() for name in (*FEATURES, *POOLS)}
                row[FEATURES[0]] += told * (woman % 2)
                made.append(row)
    return pd.DataFrame(made)


def test_the_default_head_is_judged_both_ways_round(studies, rows, tmp_path: Path, monkeypatch) -> None:
    heads = studies("heads")
    monkeypatch.setattr(heads, "RESAMPLES", 100)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    shown = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in heads.Study(tmp_path / "rows.csv").swapped()[2:]
    ]
    by_hand = {}
    for learns, judges in (("head", "test"), ("test", "head")):
        each = []
        for seed in SEEDS:
            one, other = (rows[(rows["seed"] == seed) & (rows["part"] == part)] for part in (learns, judges))
            films = one.assign(malignant=one["malignant"] > 0)
            head = fit_head(one[list(FEATURES)].to_numpy(), films, kind="features", model="study", seed=1)
            told, bad = head.probability(other[list(FEATURES)].to_numpy()), other["malignant"].to_numpy(bool)
            each.append((auc(bad, told), calibration_line(bad, told).slope))
        by_hand[judges] = np.array(each)
    expected = [by_hand["test"], by_hand["head"], np.concatenate([by_hand["test"], by_hand["head"]])]
    assert [row[1] for row in shown] == ["160", "160", "320"]
    for row, values in zip(shown, expected, strict=True):
        assert [float(row[k].split(" (")[0]) for k in (2, 4)] == pytest.approx(values.mean(axis=0), abs=0.006)
        assert [float(cell) for cell in row[3].split(", ")] == pytest.approx(values[:, 1], abs=0.006)
    assert by_hand["test"][:, 1].min() > 1 > by_hand["head"][:, 1].max()
