"""Heads: calibrated on held-out women, refuse leaks, survive their file."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mammomap.classify.classify import classify
from mammomap.classify.conv_head import CELLS
from mammomap.classify.features import FEATURES, map_features
from mammomap.classify.heads import Head, fit_head, read_head, too_few, write_head
from mammomap.classify.train_head import train_head
from mammomap.errors import ConfigError, LeakError, ModelError
from mammomap.eval.calibration import calibration_line
from mammomap.eval.images import auc
from mammomap.eval.intervals import interval, patient_weights
from mammomap.eval.resamples import auc_bootstrap
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap, women_codes
from mammomap.masks.sources import find_sources
from mammomap.masks.splits import Split
from mammomap.seg.mappers import RunMapper
from mammomap.seg.segment import segment


def draw(women: int, seed: int, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two images a woman; her malignancy shifts three of the features."""
    rng = np.random.default_rng(seed)
    malignant = np.repeat(rng.random(women) < 0.45, 2)
    features = rng.normal(0, noise, (2 * women, len(FEATURES)))
    features[:, :3] += malignant[:, None] * 1.0
    return features, malignant, [f"W{k // 2}" for k in range(2 * women)]


def frame(malignant, women) -> pd.DataFrame:
    views = np.resize(["CC", "MLO"], len(women))
    ids = [f"{woman}_{view}" for woman, view in zip(women, views, strict=True)]
    return pd.DataFrame({"image_id": ids, "woman": women, "side": "LEFT", "view": views, "malignant": malignant})


def fit(features, malignant, women, seed=1, **how) -> Head:
    return fit_head(features, frame(malignant, women), model="m", seed=seed, **how)


def test_probabilities_are_calibrated_on_new_women() -> None:
    head = fit(*draw(600, 1))
    features, malignant, _ = draw(3000, 2)
    line = calibration_line(malignant, head.probability(features))
    assert abs(line.slope - 1) < 0.2 and abs(line.intercept) < 0.2
    assert abs(auc(malignant, head.probability(features)) - head.levels["image"].held_out_auc) < 0.04


@pytest.mark.parametrize("kind", ["features", "trees", "conv"])
def test_a_shuffled_label_gives_half_within_its_interval(kind: str) -> None:
    """By patient, on women whom the head has not seen; the labels as they are do not."""
    features, malignant, women = draw(300, 3)
    if kind == "conv":
        grids = np.full((len(features), 2, CELLS[0] * CELLS[1]), -4.0)
        grids[:, :, 100:103] = features[:, None, :3]
        features = grids.reshape(len(features), -1)
    rng = np.random.default_rng(0)
    number = np.unique(women, return_inverse=True)[1]
    test = number >= 150
    for labels, half in [(np.repeat(rng.permutation(malignant[::2]), 2), True), (malignant, False)]:
        its = [woman for woman, kept in zip(women, ~test, strict=True) if kept]
        head = fit(features[~test], labels[~test], its, kind=kind)
        told, woman = head.raw(features[test]), number[test] - number[test].min()
        value = auc(labels[test], told)
        samples = auc_bootstrap(labels[test], told, woman, patient_weights(woman, 500, 1))
        its_interval = interval(value, samples, n_patients=len(set(woman)))
        assert (its_interval.low <= 0.5 <= its_interval.high) is half
        assert (abs(head.levels["image"].held_out_auc - 0.5) < 0.12) is half


def test_the_linear_part_is_scikit_learns() -> None:
    features, malignant, women = draw(200, 4)
    head = fit(features, malignant, women)
    standard = (features - features.mean(0)) / features.std(0)
    theirs = LogisticRegression(C=0.1, max_iter=1000).fit(standard, malignant).decision_function(standard)
    assert np.allclose(head.raw(features), theirs, atol=1e-6)
    assert np.array_equal(head.probability(features), head.levels["image"].calibration(head.raw(features)))


def test_operating_points_do_what_they_say() -> None:
    head = fit(*draw(1000, 5))
    features, malignant, _ = draw(4000, 6)
    probability = head.probability(features)
    called = probability >= head.operating_points["sensitivity 0.90"]
    assert abs(called[malignant].mean() - 0.9) < 0.04
    called = probability >= head.operating_points["specificity 0.90"]
    assert abs((~called)[~malignant].mean() - 0.9) < 0.04


def test_a_head_survives_its_file_and_others_are_refused(tmp_path: Path) -> None:
    features, malignant, women = draw(60, 7)
    for kind, join in [("trees", "two-view"), ("max", "mean"), ("features", "two-view"), ("features", "mean")]:
        inputs = features if kind in ("features", "trees") else features[:, :1]
        head = fit(inputs, malignant, women, kind=kind, join=join)
        write_head(tmp_path / "h.json", head)
        assert read_head(tmp_path / "h.json") == head and head.kind == kind
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "text.json").write_text("no head")
    old = json.loads((tmp_path / "h.json").read_text()) | {"inputs": ["other"]}
    (tmp_path / "old.json").write_text(json.dumps(old))
    for name in ("bad.json", "text.json", "old.json", "absent.json"):
        with pytest.raises(ModelError, match=name):
            read_head(tmp_path / name)


def test_a_head_from_before_pixels_had_a_temperature_is_read(tmp_path: Path) -> None:
    head = fit(*draw(60, 7))
    write_head(tmp_path / "h.json", head)
    values = json.loads((tmp_path / "h.json").read_text())
    del values["pixel_temperature"], values["pixel_truth"]
    (tmp_path / "h.json").write_text(json.dumps(values))
    assert read_head(tmp_path / "h.json") == head and head.pixel_temperature is None


def test_heads_are_read_and_applied_without_torch() -> None:
    code = "import sys, mammomap.classify.heads, mammomap.classify.reasons; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_too_few_women_are_refused() -> None:
    features, malignant, women = draw(6, 8)
    with pytest.raises(ConfigError, match="at least 5"):
        fit(features, np.arange(12) < 2, women)


def test_a_level_with_too_few_women_of_a_label_is_left_out() -> None:
    """Every woman has a malignant breast, so that no woman is benign, though images and breasts are."""
    features, malignant, women = draw(60, 8)
    malignant = np.resize([True, False], len(women))
    features[:, 0] += malignant
    films = frame(malignant, women).assign(side=np.resize(["LEFT", "RIGHT"], len(women)))
    for join in ("mean", "two-view"):
        head = fit_head(features, films, model="m", seed=1, join=join)
        assert set(head.levels) == {"image", "breast"}
    assert too_few(films, "patient") == "0 women with a benign case of level patient, at least 5 are needed"
    assert not too_few(films, "breast")


def test_an_input_that_is_no_number_is_refused_by_film() -> None:
    features, malignant, women = draw(60, 8)
    features[7, 2] = np.nan
    with pytest.raises(ConfigError, match="^W3_MLO: its map gives the head an input that is no number$"):
        fit(features, malignant, women)


def test_features_by_hand() -> None:
    grid = Grid.whole(10, 10)
    lesion = np.zeros((10, 10), np.float32)
    lesion[2:4, 2:4] = 0.5
    made = FilmMap(lesion, lesion / 2, np.ones((10, 10), bool), grid)
    rows = [
        dict(map="lesion", score=0.5, malignancy=0.25, area=4.0),
        dict(map="malignancy", score=0.25, malignancy=0.25, area=4.0),
    ]
    value = dict(zip(FEATURES, map_features(made, rows), strict=True))
    assert value["highest lesion candidate"] == pytest.approx(0)
    assert value["highest malignancy candidate"] == pytest.approx(np.log(1 / 3))
    assert value["malignant share of the best lesion candidate"] == pytest.approx(0.5)
    assert value["area of the best lesion candidate"] == pytest.approx(np.log(0.04 + 1e-4))
    assert value["breast share with malignancy over 0.1"] == pytest.approx(np.log(0.04 + 1e-4))
    assert value["breast share with malignancy over 0.3"] == pytest.approx(np.log(1e-4))
    assert np.isfinite(map_features(FilmMap(lesion * 0, lesion * 0, made.breast, grid), [])).all()


def test_from_run_to_scores(trained_run, drawn_store, tmp_path: Path) -> None:
    head, done = train_head(drawn_store, trained_run, tmp_path / "head.json")
    assert done and not train_head(drawn_store, trained_run, tmp_path / "head.json")[1]
    women = trained_run.split.women("head")
    assert head.levels["image"].women == len(women)
    assert head.pixel_temperature is not None and 0.06 < head.pixel_temperature < 1  # a few steps: unsure of itself
    assert head.pixel_truth == "ellipses in boxes and circles" and read_head(tmp_path / "head.json") == head
    assert set(head.women_seen) == set(women_codes(trained_run.split.women("net", "validation") | women))
    test = trained_run.split.tables(drawn_store.tables, "test").films
    sources = find_sources([drawn_store.folder / "tables"], trained_run.split, "test")
    folder, _ = segment(sources, RunMapper(trained_run), tmp_path / "maps")
    scores, done = classify(folder, head, tmp_path / "scores.csv")
    assert done and len(scores) == len(test) and scores["probability"].between(0, 1).all()
    assert not classify(folder, head, tmp_path / "scores.csv")[1]
    with pytest.raises(ConfigError, match="the head is for"):
        classify(folder, dataclasses.replace(head, model="other"), tmp_path / "other.csv")


def test_a_head_on_women_that_the_net_has_seen_is_refused(trained_run, drawn_store, tmp_path: Path) -> None:
    part_of = dict(trained_run.split.part_of)
    women = sorted(trained_run.split.women("net", "validation"))
    leaking = dataclasses.replace(trained_run, split=Split("leak", part_of | {women[0]: "head"}))
    with pytest.raises(LeakError, match=women[0]):
        train_head(drawn_store, leaking, tmp_path / "head.json")
