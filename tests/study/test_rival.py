"""nnU-Net's facts are read from what it writes, and a table with our own marks in its name shows no difference."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

PLANS = {
    "configurations": {
        "2d": {"batch_size": 15, "patch_size": [576, 384], "architecture": {"network_class_name": "a.b.PlainConvUNet"}}
    }
}
ABOUT = {"num_iterations_per_epoch": "250", "initial_lr": "0.01", "gpu_name": "some GPU", "torch_version": "2.11"}


def written(folder: Path, rates: list[float]) -> Path:
    """A folder of a training, each epoch of 20 s."""
    folder.mkdir()
    (folder / "debug.json").write_text(json.dumps(ABOUT))
    lines = [f"12:00: Current learning rate: {rate:.5f} \n12:01: Epoch time: 20.00 s \n" for rate in rates]
    (folder / "training_log_1.txt").write_text("".join(lines))
    (folder / "plans.json").write_text(json.dumps(PLANS))
    return folder


def test_epochs_are_counted_and_a_schedule_cut_short_is_refused(studies, tmp_path: Path) -> None:
    trained = studies("rival").trained
    whole = written(tmp_path / "whole", [0.01 * (1 - epoch / 4) ** 0.9 for epoch in range(4)])
    found = trained(whole, whole / "plans.json")
    assert (found["epochs"], found["seconds"], found["patch"], found["batch"]) == (4, 80.0, [576, 384], 15)
    assert studies("rival_table").pixels(found) == pytest.approx(4 * 250 * 15 * 576 * 384 / 1e9)
    cut = written(tmp_path / "cut", [0.01 * (1 - epoch / 8) ** 0.9 for epoch in range(4)])
    with pytest.raises(SystemExit, match="before the end of its schedule"):
        trained(cut, cut / "plans.json")
    with pytest.raises(SystemExit, match="no log"):
        trained(written(tmp_path / "none", []), whole / "plans.json")


def test_our_own_marks_in_its_name_differ_by_nothing(studies, tmp_path: Path) -> None:
    table = studies("rival_table")
    facts = json.loads((table.FOLDER / table.NAME / "facts.json").read_text())
    shutil.copytree(table.BESIDE / "net", tmp_path / table.NAME)
    for name in ("candidates.csv", "scores.csv"):  # hits name marks
        path = tmp_path / table.NAME / name
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        rows[rows["system"] == "net"].assign(system=table.NAME).to_csv(path, index=False)
    path = tmp_path / table.NAME / "hits.csv"
    own = set(pd.read_csv(tmp_path / table.NAME / "candidates.csv", dtype=str)["mark"])
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows[rows["mark"].isin(own)].to_csv(path, index=False)
    (tmp_path / table.NAME / "facts.json").write_text(json.dumps(facts))
    lines = table.tables(tmp_path)["rival"].splitlines()
    cells = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[3:-1]]
        for line in lines[4:]
        if line[:1] == "|"
    }
    marks = pd.read_csv(tmp_path / table.NAME / "candidates.csv").query("map == 'lesion'")["mark"]
    right = pd.read_csv(tmp_path / table.NAME / "hits.csv").query("mark in @marks")
    false, found = (len(marks) - right["mark"].nunique()) / 245, right["lesion"].nunique() / 260
    assert f" are {false:.2f} false positives a film and find {found:.2f} of the lesions" in lines[-1]
    assert cells["nnU-Net"] == cells["the net that ships"]
    minus = cells["the net that ships minus nnU-Net"]
    assert len(minus) == 5 and all(cell == "0.00 (0.00 to 0.00)" for cell in minus)
    assert cells["a plain U-Net minus nnU-Net"][1] != minus[1]
