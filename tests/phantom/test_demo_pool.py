import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

STUDY = str(Path(__file__).resolve().parents[2] / "study")


@pytest.fixture(scope="module")
def study():
    """study/phantom_demo.py; behind the libraries on the path, so that none of their names is taken."""
    sys.path.append(STUDY)
    yield importlib.import_module("phantom_demo")
    sys.path.remove(STUDY)


@pytest.fixture(scope="module")
def scores():
    """Three seeds of 40 women with two films each: the net knows something, on another scale for each seed."""
    rng = np.random.default_rng(1)
    rows = []
    for seed in (1, 2, 3):
        for woman in range(40):
            ill = int(woman % 2)
            for view in ("CC", "MLO"):
                net = 10.0**seed * (ill + rng.normal())
                rows.append((seed, f"{woman}_{view}", f"w{woman}", ill, net, rng.normal(), float(rng.integers(3))))
    return pd.DataFrame(rows, columns=["seed", "image_id", "woman", "malignant", "net", "untrained", "blob"])


def test_the_pool_is_the_mean_of_aucs_within_seeds(study, scores):
    found = study.pooled(scores).set_index("figure")
    for system in ("net", "untrained", "blob"):
        each = [roc_auc_score(films["malignant"], films[system]) for _, films in scores.groupby("seed")]
        assert found.loc[system, "value"] == pytest.approx(np.mean(each))
        assert found.loc[system, "low"] < np.mean(each) < found.loc[system, "high"]
    difference = found.loc["net", "value"] - found.loc["blob", "value"]
    assert found.loc["net minus blob", "value"] == pytest.approx(difference)
    assert found.loc["net minus blob", "low"] > 0


def test_scales_of_the_seeds_do_not_matter_and_shuffled_labels_give_a_half(study, scores):
    stretched = scores.assign(net=scores["net"] * scores["seed"] ** 5 + 7 * scores["seed"])
    assert study.pooled(stretched).equals(study.pooled(scores))
    ill = np.random.default_rng(2).integers(0, 2, 120).repeat(2)
    shuffled = study.pooled(scores.assign(malignant=ill)).set_index("figure")
    assert shuffled.loc["net minus untrained", "low"] < 0 < shuffled.loc["net minus untrained", "high"]


def test_the_tables_print_what_is_kept(study, scores, tmp_path):
    scores.to_csv(tmp_path / "demo_scores.csv", index=False)
    values = {"nothing": 0.5, "untrained": 0.4, "blob": 0.3}
    kept = [(seed, minus, value, 0.2, 0.6) for seed in (1, 2, 3) for minus, value in values.items()]
    frame = pd.DataFrame(kept, columns=["seed", "minus", "value", "low", "high"])
    frame.to_csv(tmp_path / "demo_sensitivity.csv", index=False)
    text = study.show(tmp_path)
    assert "| seed 2 | 0.50 (0.20 to 0.60) | 0.40 (0.20 to 0.60) | 0.30 (0.20 to 0.60) |" in text
    assert "mean of 3 seeds (240 films, 120 women)" in text


def test_the_demos_net_beats_chance_and_both_others_on_no_seed_by_luck():
    """The committed figures: each seed's lower bound is above 0, with nothing and with either taken off."""
    table = pd.read_csv(Path(STUDY) / "phantom" / "demo_sensitivity.csv")
    compared = [sorted(rows["minus"]) for _, rows in table.groupby("seed")]
    assert compared == [["blob", "nothing", "untrained"]] * len(compared) and len(compared) >= 3
    low, value = table["low"].to_numpy(float), table["value"].to_numpy(float)
    assert (low > 0).all() and (low < value).all()
