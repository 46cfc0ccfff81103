"""The way to the full set, on a drawn set in its layout with all of its oddities: the script as it stands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "study" / "full.sh"
NET = {"ENCODER": "resnet18", "WEIGHTS": "", "CROP": "64", "CROPS": "160", "VALIDATIONS": "2"}
SMALL = {**NET, "ROWS": "128", "DEVICES": "2", "FOLDS": "2"}
STEPS = ["index", "audit", "prepare", "train", "head", "segment", "classify", "benchmark", "bundle"]


@pytest.mark.slow
def test_the_script_goes_from_files_to_report_and_bundle(tmp_path: Path) -> None:
    tree, out = tmp_path / "CBIS-DDSM", tmp_path / "out"
    drawn = ["phantom", "--patients", "60", "--rows", "300", "--traps", "all", "-o", str(tree)]
    subprocess.run([sys.executable, "-m", "mammomap", *drawn], check=True, capture_output=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    told = []
    for _ in range(2):
        done = subprocess.run(
            [str(SCRIPT), str(tree), str(out)],
            env={**os.environ, **SMALL, "PATH": path},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        told.append(done.stdout)
    times = pd.read_csv(out / "times.csv")
    assert list(times["step"]) == STEPS * 2
    assert told[1].count("nothing to do") >= 5 and told[0].count("nothing to do") == 0
    report = json.loads((out / "report" / "report.json").read_text())
    assert report["data"]["split"].startswith("official-leak-free") and report["data"]["films"] > 10
    levels = {entry["level"] for entry in report["systems"][0]["images"] if entry["score"] == "probability"}
    assert levels == {"image", "breast", "patient"}
    assert (out / "lesions.zip").stat().st_size > 1e6 and (out / "audit" / "audit.html").is_file()
