"""The mean of several nets: maps, whom they have seen, and a head for it."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from mammomap.classify import fold_nets as module
from mammomap.classify.fold_nets import fold_nets
from mammomap.classify.heads import read_head
from mammomap.classify.image_mapper import mapper_of, open_any_model
from mammomap.classify.train_head import train_head
from mammomap.cli import main
from mammomap.errors import ConfigError
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap, women_codes
from mammomap.masks.splits import read_split
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.mappers import MeanMapper, name_of_mean
from mammomap.seg.run import Run, read_run


@pytest.fixture(scope="module")
def other_run(trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A second run of the same settings with other weights."""
    folder = tmp_path_factory.mktemp("other") / "second"
    shutil.copytree(trained_run.folder, folder)
    weights = load_file(folder / "model.safetensors")
    changed = {name: value * 1.1 if name.startswith("segmentation_head") else value for name, value in weights.items()}
    save_file(changed, folder / "model.safetensors")
    return read_run(folder)


def test_the_mean_of_two_nets(trained_run: Run, other_run: Run) -> None:
    pixels = np.random.default_rng(0).integers(1, 60_000, (96, 64)).astype(np.uint16)
    film = WorkingFilm(pixels, Grid.whole(96, 64))
    one, two = (mapper_of([run])(film) for run in (trained_run, other_run))
    made = mapper_of([trained_run, other_run])(film)
    assert np.abs(one.lesion - two.lesion).max() > 1e-3
    for layer in ("lesion", "malignancy"):
        assert made.layer(layer) == pytest.approx((one.layer(layer) + two.layer(layer)) / 2, abs=1e-6)
    assert made.score is None and made.lesion.dtype == np.float32


def test_what_it_says_of_itself(trained_run: Run, other_run: Run) -> None:
    seen = dataclasses.replace(other_run, trained_codes=frozenset({"a", "b"}), chosen_codes=frozenset())
    mapper = mapper_of([trained_run, seen])
    assert mapper.about["women_seen"] == sorted({*trained_run.women_codes, "a", "b"})
    assert mapper.about["model"] == name_of_mean([other_run.name, trained_run.name])  # in whatever order
    assert mapper.about["models"] == [trained_run.name, other_run.name]
    assert mapper.split == trained_run.split
    dealt = dataclasses.replace(trained_run.split, part_of={"A": "test"})
    assert mapper_of([trained_run, dataclasses.replace(other_run, split=dealt)]).split is None


def test_what_does_not_go_together(trained_run: Run, other_run: Run) -> None:
    for change, told in (
        ({"rows": 128}, "at 128 rows"),
        ({"kinds": ("calcification",)}, "kinds_trained"),
        ({}, "twice"),
    ):
        beside = dataclasses.replace(other_run, **change) if change else trained_run
        with pytest.raises(ConfigError, match=told):
            mapper_of([trained_run, beside])
    with pytest.raises(ConfigError, match="blob detector"):
        open_any_model([str(trained_run.folder), "blob"])


def test_a_head_for_the_mean(drawn_store: Store, trained_run: Run, other_run: Run, tmp_path: Path) -> None:
    models = [word for run in (trained_run, other_run) for word in ("--model", str(run.folder))]
    head, maps = str(tmp_path / "head.json"), str(tmp_path / "maps")
    tables = str(drawn_store.folder / "tables")
    for words in (
        ["train-head", str(drawn_store.folder), *models, "-o", head],
        ["segment", tables, "--part", "test", *models, "-o", maps],
        ["classify", maps, "--head", head],
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.stderr
    name = name_of_mean([trained_run.name, other_run.name])
    assert read_head(Path(head)).model == name == json.loads((tmp_path / "maps" / "segment.json").read_text())["model"]
    assert pd.read_csv(tmp_path / "maps" / "scores.csv")["probability"].between(0, 1).all()
    alone, _ = train_head(drawn_store, trained_run, tmp_path / "alone.json")
    assert alone.levels != read_head(Path(head)).levels
    with pytest.raises(ConfigError, match="choose another file"):
        train_head(drawn_store, trained_run, Path(head))


def test_out_of_fold_each_net_has_its_like_in_every_fold(
    drawn_store: Store, trained_run: Run, other_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []

    def train(store, folder, config, **_):
        split = read_split(Path(config.split))
        like = other_run if folder.name == "run-2" else trained_run
        codes = frozenset(women_codes(split.women("net", "validation"), like.source))
        made = dataclasses.replace(like, split=split, trained_codes=codes, chosen_codes=frozenset())
        trained.append((folder.parent.name, folder.name, made))
        return made, True

    monkeypatch.setattr(module, "train", train)
    head, _ = train_head(drawn_store, trained_run, tmp_path / "head.json", beside=[other_run], folds=2)
    assert [at[:2] for at in trained] == [("0", "run"), ("0", "run-2"), ("1", "run"), ("1", "run-2")]
    assert head.levels["image"].women == len(trained_run.split.women("net", "validation", "head"))
    trained.clear()
    list(fold_nets(drawn_store, [trained_run, other_run], tmp_path / "sharded.json", 3, shard=(2, 2)))
    assert [at[:2] for at in trained] == [("1", "run"), ("1", "run-2")]
    words = ["train-head", str(drawn_store.folder), "--model", str(trained_run.folder), "-o", str(tmp_path / "no.json")]
    assert CliRunner().invoke(main, [*words, "--shard", "1/2"]).exit_code == 2
    trained.clear()
    done = CliRunner().invoke(main, [*words, "--folds", "3", "--shard", "1/2"])
    assert done.exit_code == 0 and "nets of 2 of 3 folds are done" in done.stdout and len(trained) == 2
    assert not (tmp_path / "no.json").exists()


def test_scores_are_averaged_where_all_give_one() -> None:
    class Says:
        rows, split = 4, None

        def __init__(self, name: str, score: float | None) -> None:
            self.about = {"model": name, "kinds_trained": [], "trained_for": {}, "source": "", "women_seen": []}
            self.score = score

        def __call__(self, film: WorkingFilm) -> FilmMap:
            plain = np.full(film.pixels.shape, 0.5, np.float32)
            return FilmMap(plain, plain, film.pixels > 0, film.grid, self.score)

    film = WorkingFilm(np.ones((4, 3), np.uint16), Grid.whole(4, 3))
    assert MeanMapper([Says("a", 0.2), Says("b", 0.6)])(film).score == pytest.approx(0.4)
    assert MeanMapper([Says("a", 0.2), Says("b", None)])(film).score is None
