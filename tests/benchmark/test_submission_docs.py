"""docs/submission.md's example and docs/benchmark.md's reviewer's path, as a reader would walk them."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mammomap.benchmark.check import check_submission
from mammomap.cli import main

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "submission"


def commands(text: str) -> list[list[str]]:
    """The words of every `mammomap` line in the code blocks of a page."""
    blocks = re.findall(r"```[a-z]*\n(.*?)```", text, re.S)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines() if line.startswith("mammomap ")]


@pytest.mark.parametrize("kind", ["maps", "boxes"])
def test_the_example_has_no_fault(kind: str) -> None:
    found = check_submission(EXAMPLE / kind, EXAMPLE / "truth" / "films.csv")
    assert found.findings == [] and found.notes == []


def test_the_check_on_the_page_passes(monkeypatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    (words,) = commands((DOCS / "submission.md").read_text())
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0 and result.stdout == (
        "4 films, 4 maps: PNG, uint16, lesion and malignancy: nothing found\n"
    )


def test_the_example_is_what_its_script_draws(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", ["draw", str(tmp_path)])
    runpy.run_path(str(DOCS / "examples" / "draw_submission.py"), run_name="__main__")
    drawn = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert drawn == sorted(path.relative_to(EXAMPLE) for path in EXAMPLE.rglob("*") if path.is_file())
    for name in drawn:
        if name.suffix == ".png":
            here, there = (cv2.imread(str(root / name), cv2.IMREAD_UNCHANGED) for root in (tmp_path, EXAMPLE))
            assert here is not None and there is not None
            assert here.dtype == there.dtype and np.abs(here.astype(int) - there).max() <= 1, name
        else:
            assert (tmp_path / name).read_text() == (EXAMPLE / name).read_text(), name


def test_the_example_is_judged_as_it_was_drawn(tmp_path: Path) -> None:
    """Four lesions found by both; the one false mark of the maps costs 0.25 a film, below every lesion's score."""
    tables, report = str(tmp_path / "tables"), str(tmp_path / "report")
    assert CliRunner().invoke(main, ["index", str(EXAMPLE / "truth"), "-o", tables]).exit_code == 0
    systems = [f"{kind}={EXAMPLE / kind}" for kind in ("maps", "boxes")]
    result = CliRunner().invoke(main, ["benchmark", tables, *systems, "-o", report, "--no-pictures"])
    assert result.exit_code == 0, result.output
    entries = json.loads((tmp_path / "report" / "report.json").read_text())["systems"]
    assert [entry["name"] for entry in entries if entry["role"] == "submitted"] == ["maps", "boxes"]
    assert [entry["boxes"] for entry in entries[:2]] == [False, True]
    assert [set(entry["froc"]["any"]["rules"]) for entry in entries[:2]] == [{"centre"}, {"centre", "box"}]
    for entry in entries[:2]:
        assert [at["value"] for at in entry["froc"]["any"]["at"]] == [1.0] * 7
        assert entry["missing"] == 0 and entry["extra_films"] == [] and entry["notes"] == []


def raw_data_set(root: Path, drawn_root: Path, cases: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """nnU-Net's raw folder: 1 benign, 2 malignant, by the parity of the woman. cases: of the parts Tr and Ts."""
    labels = {}
    for part, names in cases.items():
        for folder in ("images", "labels"):
            (root / f"{folder}{part}").mkdir(parents=True)
        for case in names:
            film = cv2.imread(str(drawn_root / "films" / f"{case}.png"), cv2.IMREAD_UNCHANGED)
            assert film is not None
            bright = cv2.morphologyEx((film > 30_000).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
            labels[case] = (bright * (2 if int(case[1:4]) % 2 == 0 else 1)).astype(np.uint8)
            cv2.imwrite(str(root / f"images{part}" / f"{case}_0000.png"), film)
            cv2.imwrite(str(root / f"labels{part}" / f"{case}.png"), labels[case])
    named = {"background": 0, "benign mass": 1, "malignant mass": 2}
    described = {"labels": named, "file_ending": ".png", "numTraining": len(cases["Tr"])}
    (root / "dataset.json").write_text(json.dumps(described))
    return labels


@pytest.mark.parametrize("softmax", [True, False])
def test_the_reviewer_s_path(softmax: bool, drawn_set, tmp_path: Path, monkeypatch, nnunet_files) -> None:
    """Predictions that are the truth, but for one lesion that is missed on each of two films."""
    monkeypatch.chdir(tmp_path)
    names = [f"W{woman:03d}_LEFT_{view}" for woman in range(9) for view in ("CC", "MLO")]
    cases = {"Ts": names[:12], "Tr": names[12:]}
    labels = raw_data_set(tmp_path / "nnUNet_raw" / "Dataset500_Masses", drawn_set.root, cases)
    predicted = {case: labels[case] * (case not in names[:2]) for case in cases["Ts"]}
    nnunet_files(tmp_path / "predictions", predicted, softmax)
    section = (DOCS / "benchmark.md").read_text().split("## A reviewer's path")[1].split("\n## ")[0]
    for words in commands(section):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
    for report in ("report", "report-with-blob"):
        found = json.loads((tmp_path / report / "report.json").read_text())
        net = found["systems"][0]
        assert found["data"]["lesions"] == 12 and found["data"]["malignant_lesions"] == 6
        assert net["origin"] == f"nnU-Net {'softmax' if softmax else 'labels'} maps in predictions"
        for which, sensitivity in (("any", 10 / 12), ("malignant", 4 / 6)):
            assert {at["value"] for at in net["froc"][which]["at"]} == {round(sensitivity, 6)}
        assert any(note.startswith("hard labels") for note in net["notes"]) is not softmax
        said = "nnU-Net's own rule: lesion likelier than background" if softmax else "the labels as submitted"
        assert (net["threshold"], net["threshold_from"]) == (0.5, said)
        dice = net["dice"]["masses"]["by_film"]["dice"]  # ten films are right in every pixel, two are empty
        assert dice["mean"]["value"] == round(10 / 12, 6) and dice["median"] == 1.0 and dice["undefined"] == 0
