"""A set with a label a breast and no outline at all, as CMMD is: judged by image, breast and woman, not by lesion."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
from click.testing import CliRunner
from made.dicom_films import film, save

from mammomap.cli import main

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
