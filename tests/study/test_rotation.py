"""The rotation over folds: who is where, operations by hand, and tables that say what the kept rows hold."""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from mammomap.classify.features import FEATURES
from mammomap.classify.pooling import POOLS
from mammomap.eval.images import auc
from mammomap.masks.tables import Tables


def test_every_woman_is_tested_once_and_stands_on_one_side(studies, tables: Tables) -> None:
    rotation = studies("rotation")
    for data in ("films", "phantoms"):
        four = tables if data == "phantoms" else rotation.of_folds(tables, range(4))
        splits = list(rotation.rotations(four, data, 1))
        tested = Counter(woman for split in splits for woman in split.women("test"))
        assert tested == Counter(set(four.films["patient_id"]))
        for split in splits:
            assert set(split.part_of) == set(four.films["patient_id"])
            sizes = {part: len(split.women(part)) for part in ("net", "validation", "head", "test")}
            assert 0 < sizes["validation"] < sizes["net"] / 5 and abs(sizes["head"] - sizes["test"]) <= 1
        heads = [split.women("head") for split in splits]
        assert heads[:3] == [split.women("test") for split in splits[1:]]


def test_fold_4_is_not_in_the_tables(studies, tables: Tables) -> None:
    four = studies("rotation").of_folds(tables, range(4))
    gone = set(tables.films.loc[tables.films["fold"] == 4, "patient_id"])
    assert gone and not gone & set(four.films["patient_id"]) and len(four.films) == 0.8 * len(tables.films)
    assert set(four.lesions["image_id"]) <= set(four.films["image_id"]) and four.hash != tables.hash


def test_operations_by_hand(studies) -> None:
    """A 3x3 convolution of 4 to 8 channels on 10 x 10 pixels: 2 x 9 x 4 x 8 each way; back to weights, and on to the
    input where something before it is learned too."""
    classifiers = studies("classifiers")
    one = 2 * 9 * 4 * 8 * 100
    net = nn.Conv2d(4, 8, 3, padding=1)
    assert classifiers.operations(net, lambda net: net(torch.zeros(1, 4, 10, 10))) == 2 * one
    two = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1))
    film = torch.zeros(1, 4, 10, 10)
    assert classifiers.operations(two, lambda net: net(film)) == 2 * one // 2 + 3 * one
    two[0].requires_grad_(False)
    assert classifiers.operations(two, lambda net: net(film)) == one // 2 + 2 * one


@pytest.mark.parametrize("name", ["max-pool-fcn", "patch-to-image"])
def test_a_classifier_spends_what_a_net_does(studies, drawn_store, name: str) -> None:
    classifiers = studies("classifiers")
    sizes = argparse.Namespace(crop=64, crops=4000, seed=1, patch=64, validations=2)
    config, counted = classifiers.planned(name, drawn_store, "films", sizes)
    assert 0.9 < counted["spent"] / counted["budget"] <= 1 and config.films == counted["films"]
    half, less = classifiers.planned(name, drawn_store, "films", argparse.Namespace(**{**vars(sizes), "crops": 2000}))
    assert less["budget"] == counted["budget"] / 2 and abs(half.films / config.films - 0.5) < 0.05


def kept(folder: Path, women: int = 24) -> pd.DataFrame:
    """What a rotation keeps, drawn: features that know, one column that knows better, shape that knows nothing."""
    rng, rows = np.random.default_rng(0), []
    for rotation in range(4):
        for part in ("seen", "validation", "head", "test"):
            for woman in range(women if part != "validation" else 12):
                number = {"test": rotation, "head": (rotation + 1) % 4}.get(part, 9 + rotation)
                bad = woman % 2
                for view in ("CC", "MLO"):
                    row = {"rotation": rotation, "part": part, "image_id": f"{number}-{part}-{woman}-{view}"}
                    row |= {"woman": f"{number}-{woman}", "side": "LEFT", "view": view, "malignant": bad}
                    row |= {"birads": 3 + bad * rng.integers(0, 3), "film_shape": rng.random(), "film_px": 1e6}
                    row |= {"breast_area": rng.random(), "border_share": rng.random()}
                    row |= {name: rng.normal() for name in (*FEATURES, *POOLS)}
                    row[FEATURES[0]] += bad * (4 if part == "seen" else 1.5)
                    rows.append(row)
    frame = pd.DataFrame(rows)
    folder.mkdir()
    frame.to_csv(folder / "films.csv", index=False)
    deep = rng.normal(0, 1, (len(frame), 20)) + 0.5 * frame[["malignant"]].to_numpy()
    np.savez_compressed(folder / "films.net.npz", net=deep.astype(np.float16))
    facts = {"source": "drawn", "sizes": {"rows": 96, "crop": 64, "crops": 1000}, "minutes": [1.2, 3.4, 2.0, 2.2]}
    (folder / "facts.json").write_text(json.dumps(facts))
    own = frame[["rotation", "part", "image_id", "woman", "side", "view", "malignant"]]
    own.assign(score=rng.normal(0, 1, len(frame)) + 3 * frame["malignant"]).to_csv(folder / "max-pool-fcn.csv")
    said = {"operations": {"budget": 2e12, "spent": 1.9e12}, "runs": [{"minutes": 5.0}] * 4}
    (folder / "max-pool-fcn.json").write_text(json.dumps(said))
    return frame


def test_the_tables_say_what_the_rows_hold(studies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = studies("rotation_table")
    monkeypatch.setattr(studies("heads"), "RESAMPLES", 100)
    frame = kept(tmp_path / "drawn")
    study = table.Rotation(tmp_path / "drawn")
    assert study.women == 96 and len(study.kinds_known) == 7
    study.kinds_known = ["features", "max"]
    (found,) = study.found("features", "image")
    test = frame[frame["part"] == "test"]
    assert len(found.malignant) == len(test) and len(study.found("features", "patient")[0].malignant) == 96
    by_hand = []
    for rotation, head in enumerate(study.heads("features")):
        rows = test[test["rotation"] == rotation]
        by_hand.append(head.probability(rows[list(FEATURES)].to_numpy()))
    assert np.allclose(found.score, np.concatenate(by_hand))
    text = study.text()
    value = f"{auc(test['malignant'], np.concatenate(by_hand)):.2f} ("
    assert f"| `features` | {value}" in text and "192 test films of 96 women, 96 malignant" in text
    assert auc(test["malignant"], test["birads"]) > 0.7 and f"{auc(test['malignant'], test['birads']):.2f} (" in text
    assert "| max-pool FCN | 1.9 | 5 |" in text and "Shen" not in text and "`conv`" not in text
    assert f"{over(study, 'max-pool-fcn'):.2f} (" in text and over(study, "max-pool-fcn") > over(study, "features")
    assert over(study, "map and net") > over(study, "features") > 0.7
    assert abs(over(study, "border") - 0.5) < 0.15
    own = np.mean([head.levels["image"].held_out_auc for head in study.heads("features", fitted_on="seen")])
    assert f"| women who trained the net | {own:.2f} |" in text and own > 0.95


def over(study, model: str) -> float:
    (found,) = study.found(model, "image")
    return auc(found.malignant, found.score)


def test_arrays_come_back_as_they_were_kept(studies, tmp_path: Path) -> None:
    arrays = {"coarse": np.arange(-6, 6, dtype=np.int8).reshape(3, 4), "net": np.ones((3, 2), np.float16)}
    studies("rotation").write_rows(tmp_path / "films.csv", pd.DataFrame({"a": range(3)}), **arrays)
    back = studies("heads").read_arrays(tmp_path / "films.csv")
    assert set(back) == set(arrays)
    assert all(back[name].dtype == its.dtype and np.array_equal(back[name], its) for name, its in arrays.items())
