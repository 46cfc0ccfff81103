"""Nets like a run, out of fold, where the run started from another."""

import dataclasses
from pathlib import Path

import pytest
from click.testing import CliRunner

from mammomap.classify import fold_nets as module
from mammomap.classify.fold_nets import fold_nets
from mammomap.cli import main
from mammomap.errors import ConfigError, LeakError
from mammomap.masks.store import Store
from mammomap.seg.run import Run


@pytest.fixture
def started(trained_run: Run) -> Run:
    """A run that started from `trained_run`, as far as its settings say."""
    return dataclasses.replace(
        trained_run, config=dataclasses.replace(trained_run.config, init_from=trained_run.name, crops=8)
    )


def test_nets_like_a_run_start_from_the_run_that_it_started_from(
    drawn_store: Store, trained_run: Run, started: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(module, "train", lambda store, at, config, **_: (asked.append(config), started))
    other = dataclasses.replace(trained_run, published="another")
    assert other.name != trained_run.name
    list(fold_nets(drawn_store, [started], tmp_path / "head.json", 2, starts=[other, trained_run]))
    assert [config.init_from for config in asked] == [str(trained_run.folder)] * 2
    for starts in ([], [other]):
        with pytest.raises(ConfigError, match=f"started from {trained_run.name}; nets like it need that run"):
            list(fold_nets(drawn_store, [started], tmp_path / "head.json", 2, starts=starts))


def test_a_start_that_has_seen_the_women_to_be_mapped_is_refused(
    drawn_store: Store, trained_run: Run, started: Run, tmp_path: Path
) -> None:
    with pytest.raises(LeakError, match="have been seen by"):
        list(fold_nets(drawn_store, [started], tmp_path / "head.json", 2, starts=[trained_run]))
    words = ["train-head", str(drawn_store.folder), "--model", str(trained_run.folder), "--folds", "2"]
    words += ["--init-from", str(tmp_path), "-o", str(tmp_path / "no.json")]
    assert CliRunner().invoke(main, words).exit_code == 1
    without = CliRunner().invoke(main, [word for word in words if word not in ("--folds", "2")])
    assert without.exit_code == 2 and "--init-from is for the nets of --folds" in without.output
