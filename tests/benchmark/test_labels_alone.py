"""A set with a label a breast and no outline at all, as CMMD is: judged by image, breast and woman, not by lesion."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from click.testing import CliRunner
from made.dicom_films import film, save

from mammomap.cli import main
from mammomap.cli.referee import _summary

WOMEN = 8


def run(*words: str | Path) -> str:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


def test_films_with_labels_alone(drawn_set, tmp_path: Path) -> None:
    sheet = ["ID1,LeftRight,Age,number,abnormality,classification,subtype"]
    for woman in range(WOMEN):
        for view in ("CC", "MLO"):
            pixels = cv2.imread(str(drawn_set.root / "films" / f"W{woman:03d}_LEFT_{view}.png"), cv2.IMREAD_UNCHANGED)
            assert pixels is not None
            save(film(pixels, f"D1-{woman}", "L", view), tmp_path / "set" / f"{woman}" / f"{view}.dcm")
        sheet.append(f"D1-{woman},L,44,2,mass,{'Benign' if woman % 2 else 'Malignant'},")
    (tmp_path / "set" / "CMMD_clinicaldata_revision.csv").write_text("\n".join(sheet))
    tables, report = tmp_path / "tables", tmp_path / "report"
    assert "16 films of 8 women, 0 lesions, 8 films malignant" in run("index", tmp_path / "set", "-o", tables)
    run("segment", tables, "--model", "blob", "-o", tmp_path / "blob")
    run("benchmark", tables, f"blob={tmp_path / 'blob'}", "-o", report, "--no-pictures")
    found = json.loads((report / "report.json").read_text())
    assert (found["data"]["films"], found["data"]["malignant_films"], found["data"]["lesions"]) == (16, 8, 0)
    assert found["data"]["lesion_free_films"] == 0 and "biopsy gave its breast" in found["data"]["label_rule"]
    assert {at["value"] for at in found["systems"][0]["froc"]["any"]["at"]} == {None}
    run("benchmark", "--verify", report / "report.json")


def test_what_is_not_defined_is_not_printed() -> None:
    """A report on films of one class: one line says so, and no line says that a figure is none."""
    none = {"value": None, "low": None, "high": None}
    at = {"fp": 1.0, "value": 0.5, "low": 0.4, "high": 0.6}
    system = {"name": "a", "in_sample": False, "role": "submitted", "missing": 0, "extra_films": [], "notes": []}
    system |= {"froc": {"any": {"at": [at]}}, "images": [{"level": "image", "score": "map maximum", "auc": none}]}
    report = {
        "data": {"films": 3, "women": 3, "lesions": 4, "malignant_films": 3},
        "systems": [system],
        "yardsticks": [{"name": "film size", "auc": none}],
        "differences": [{"a": "a", "b": "b", "measure": "AUC", "level": "image", **none}],
        "warnings": [],
        "lacking": [],
    }
    lines = _summary(report)
    assert sum("AUC" in line for line in lines) == 1 and "  no AUC: the films are of one class only" in lines
    assert not any("not defined" in line for line in lines) and "all films" in lines[0]
