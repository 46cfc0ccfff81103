"""docs/own-data.md's hour, as a newcomer walks it: a folder of DICOM films, boxes by hand or segments, a report."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from made.dicom_films import film, save, seg

from mammomap.cli import main
from mammomap.masks.dicom_folder import image_id_of
from mammomap.masks.mg_header import read_header

PAGE = Path(__file__).parents[2] / "docs" / "own-data.md"
WOMEN = 8


@pytest.fixture
def films(drawn_set, tmp_path: Path, monkeypatch) -> Path:
    """Sixteen drawn films as a PACS exports them: two levels of folders, names that say nothing."""
    monkeypatch.chdir(tmp_path)
    number = 0
    for woman in range(WOMEN):
        for view in ("CC", "MLO"):
            pixels = cv2.imread(str(drawn_set.root / "films" / f"W{woman:03d}_LEFT_{view}.png"), cv2.IMREAD_UNCHANGED)
            assert pixels is not None
            made = film(pixels, f"W{woman:03d}", "L", view, AccessionNumber=f"{woman}{view}")
            save(made, tmp_path / "films" / f"study{woman}" / f"IM{number:04d}")
            number += 1
    (tmp_path / "films" / "DICOM.txt").write_text("exported")
    return tmp_path / "films"


def run(words: list[str]) -> str:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    return result.output


def circles(drawn_root: Path) -> dict[str, dict[str, str]]:
    with (drawn_root / "lesions.csv").open() as text:
        return {row["image_id"]: row for row in csv.DictReader(text)}


def section() -> str:
    return PAGE.read_text().split("## An hour from a folder")[1].split("\n## ")[0]


def test_an_hour_by_hand(films: Path, drawn_set) -> None:
    """Every block in its order; the lesions are the drawn circles as boxes, under the names that index gave."""
    kinds = re.findall(r"```([a-z]*)\n(.*?)```", section(), re.S)
    drawn = circles(drawn_set.root)
    for kind, block in kinds:
        if kind == "python":
            exec(compile(block, PAGE.name, "exec"), {})
        elif block.startswith("image_id,"):
            lines = [block.splitlines()[0]]
            for path in sorted(films.glob("*/IM*")):
                header = read_header(path)
                row = drawn[f"{header.patient_id}_{header.side}_{header.view}"]
                r, c, radius = (int(row[name]) for name in ("centre_row", "centre_col", "radius"))
                box = f"{r - radius},{c - radius},{r + radius + 1},{c + radius + 1}"
                lines.append(f"{image_id_of(header)},{row['kind']},{row['pathology']},{box}")
            Path("my_set/lesions.csv").write_text("\n".join(lines) + "\n")
        else:
            for line in block.splitlines():
                run(shlex.split(line)[1:])
    found = json.loads(Path("report/report.json").read_text())
    assert (found["data"]["films"], found["data"]["women"], found["data"]["lesions"]) == (2 * WOMEN, WOMEN, 2 * WOMEN)
    assert found["systems"][0]["name"] == "blob" and found["data"]["outlines"] == {"box": 2 * WOMEN}
    assert found["systems"][0]["froc"]["any"]["at"][-1]["value"] > 0.5  # bright discs are what it looks for


def test_an_hour_with_segments(films: Path, drawn_set) -> None:
    """All films but a woman's have a segmentation: hers are mapped, and not judged."""
    import pydicom

    drawn = circles(drawn_set.root)
    for path in sorted(films.glob("*/IM*")):
        made = pydicom.dcmread(path)
        row = drawn[f"{made.PatientID}_LEFT_{read_header(path).view}"]
        if made.PatientID == "W007":
            continue
        mask = np.zeros((made.Rows, made.Columns), np.uint8)
        cv2.circle(mask, (int(row["centre_col"]), int(row["centre_row"])), int(row["radius"]), 1, -1)
        label = f"{row['pathology'].lower()} mass"
        save(seg(made, [(mask > 0, label, None, None)]), path.with_name(f"{path.name}-SEG"))
    assert "16 films of 8 women, 14 lesions, 8 films malignant; 0 rows set aside" in run(
        ["index", "films", "-o", "found"]
    )
    run(["segment", "found", "--model", "blob", "-o", "blob"])
    run(["benchmark", "found", "blob=blob", "-o", "report", "--no-pictures"])
    found = json.loads(Path("report/report.json").read_text())
    assert (found["data"]["films"], found["data"]["women"], found["data"]["lesions"]) == (14, 7, 14)
    assert "2 more films are not judged: nothing says what they hold" in found["data"]["notes"]
    assert found["data"]["outlines"] == {"polygon": 14}
