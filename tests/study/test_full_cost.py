"""Hours of the full set, from a reduced run, by sums worked by hand."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from mammomap.masks.splits import make_split
from mammomap.masks.tables import Tables, write_tables

ROOT = Path(__file__).resolve().parents[2]
TIMES = {"index": 10, "audit": 20, "prepare": 30, "train": 300, "head": 0, "segment": 40, "classify": 5, "benchmark": 6}
TIMES["bundle"] = 7
RATES = 0.5, 0.4
"""Seconds a crop: of the net, of those for the head."""


@pytest.fixture(scope="module")
def cost(studies: Callable[[str], ModuleType]) -> ModuleType:
    return studies("full_cost")


@pytest.fixture(scope="module")
def done(cost: ModuleType):
    return cost.Size(films=100, to_test=20, validated=25, crops=400, validations=2, folds=2, devices=1)


def test_each_step_goes_by_what_it_works_on(cost: ModuleType, done) -> None:
    wanted = cost.Size(films=300, to_test=40, validated=75, crops=4_000, validations=10, folds=4, devices=1)
    full = cost.seconds(TIMES, *RATES, done, wanted)
    # half a second a crop leaves 100 s for 50 films looked at: 2 s each
    assert full["train"] == pytest.approx(4_000 * 0.5 + 10 * 75 * 2)
    # four nets with crops of their own rate, and 260 films mapped at the 2 s of each film tested
    assert full["head"] == pytest.approx(4 * (4_000 * 0.4 + 10 * 75 * 2) + 260 * 2)
    assert [full[step] for step in ("index", "audit", "prepare")] == pytest.approx([30, 60, 90])
    assert [full[step] for step in ("segment", "classify", "benchmark", "bundle")] == pytest.approx([80, 10, 12, 7])


def test_at_its_own_size_the_reduced_run_takes_what_it_took(cost: ModuleType, done) -> None:
    assert cost.seconds(TIMES, *RATES, done, done) | {"head": 0} == pytest.approx(TIMES)


def test_nets_for_the_head_are_trained_as_many_at_a_time_as_there_are_devices(cost: ModuleType, done) -> None:
    def head(folds: int, devices: int) -> float:
        same = replace(done, devices=devices)
        return cost.seconds(TIMES, *RATES, same, replace(same, folds=folds))["head"]

    a_net = 400 * 0.4 + 2 * 25 * 2
    assert head(4, 1) - head(2, 1) == pytest.approx(2 * a_net)
    assert head(4, 4) - head(1, 4) == pytest.approx(0)
    assert head(5, 4) - head(4, 4) == pytest.approx(a_net)
    # films are mapped by one device, those of the test by all four in what is told as the step's seconds
    assert head(1, 4) == pytest.approx(a_net + 80 * 40 * 4 / 20)


def test_a_rate_is_that_before_the_first_validation(cost: ModuleType) -> None:
    assert cost.rate([{"seconds": 100.0, "crops": 200}, {"seconds": 250.0, "crops": 400}]) == 0.5


@pytest.fixture
def reduced(tables: Tables, tmp_path: Path) -> Path:
    """A folder as `full.sh` leaves it, with nothing in it that the estimate does not read."""
    split = make_split(tables, "fold:0", 1)
    write_tables(tables, tmp_path / "tables")
    for run, crops, took in (("run", 400, 200.0), ("head.folds/0/run", 400, 160.0), ("head.folds/1/run", 400, 240.0)):
        (tmp_path / run).mkdir(parents=True)
        split.write(tmp_path / run / "split.csv")
        (tmp_path / run / "config.json").write_text(json.dumps({"training": {"crops": crops}}))
        hardware = {"device": "cpu", "devices": 1}
        (tmp_path / run / "environment.json").write_text(json.dumps({"hardware": hardware}))
        (tmp_path / run / "log.jsonl").write_text(json.dumps({"seconds": took, "crops": crops}) + "\n")
    times = [*TIMES.items(), ("segment", 1)]  # a second call, which did nothing
    pd.DataFrame(times, columns=["step", "seconds"]).to_csv(tmp_path / "times.csv", index=False)
    for part, size in (("store", 3_000_000), ("maps", 1_000_000)):
        (tmp_path / part).mkdir()
        (tmp_path / part / "all").write_bytes(bytes(size))
    return tmp_path


def test_the_reduced_run_is_read_from_its_folder(cost: ModuleType, tables: Tables, reduced: Path) -> None:
    size, split = cost.size_of(reduced), make_split(tables, "fold:0", 1)
    films = {part: int(tables.films["patient_id"].isin(split.women(part)).sum()) for part in ("validation", "test")}
    assert films["test"] > 0 and films["validation"] > 0
    assert size == cost.Size(len(tables.films), films["test"], 2 * films["validation"], 400, 1, 2, 1)


def test_a_step_that_was_stopped_has_no_time(cost: ModuleType, reduced: Path, tmp_path: Path) -> None:
    """`full.sh` with a mammomap that fails once, at its second step."""
    fake = tmp_path / "bin" / "mammomap"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n[ $1 != audit ] || [ -f {tmp_path}/once ] || {{ touch {tmp_path}/once; exit 1; }}\n")
    fake.chmod(0o755)
    call = ["bash", str(ROOT / "study" / "full.sh"), "tree", str(tmp_path / "out")]
    path = f"{fake.parent}{os.pathsep}{os.environ['PATH']}"
    codes = [subprocess.run(call, env={**os.environ, "PATH": path}, capture_output=True).returncode for _ in range(2)]
    steps = pd.read_csv(tmp_path / "out" / "times.csv")["step"].tolist()
    assert codes == [1, 0] and steps[:4] == ["index", "index", "audit, the rest of it", "prepare"]
    (tmp_path / "out" / "times.csv").replace(reduced / "times.csv")
    with pytest.raises(SystemExit, match="audit, the rest of it; how long all of it took is not known"):
        cost.first_times(reduced)


def test_the_table_by_hand(cost: ModuleType, reduced: Path) -> None:
    size, text = cost.size_of(reduced), cost.table(reduced, 4_000, 10, 4)
    validated = round(size.validated * (3_032 - 641) / (size.films - size.to_test))
    validating = 10 * validated * (300 - 0.5 * 400) / size.validated
    hours = {
        "train": (0.5 * 4_000 + validating) / 3600,  # 200 s for 400 crops
        "nets": 4 * (0.5 * 4_000 + validating) / 3600,  # 160 and 240 s, the mean
        "maps": (3_032 - 641) * 40 / size.to_test / 3600,
        "segment": 40 * 641 / size.to_test / 3600,
    }
    rows = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in text.splitlines() if line[:1] == "|"}
    assert rows["train"] == f"{hours['train']:.1f}" and rows["segment"] == f"{hours['segment']:.1f}"
    assert rows["head"] == f"{hours['nets'] + hours['maps']:.1f}"
    trained, mapped = f"{hours['train'] + hours['nets']:.1f}", f"{hours['maps']:.1f}"
    assert f"Nets take {trained} of these hours to train, films {mapped} to map for the head" in text
    assert f"{3_000_000 / size.films * 3_032 / 1e9:.0f} GB for the store" in text
    assert f"{1_000_000 / size.to_test * 641 / 1e9:.1f} GB for the maps" in text
