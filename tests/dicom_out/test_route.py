"""The routing script of docs/examples before an Orthanc of five lines: what it takes, and what it leaves alone."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import urllib.error
from pathlib import Path
from types import ModuleType

import pydicom
import pytest
from made.results import Painted

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("orthanc_route", ROOT / "docs" / "examples" / "orthanc_route.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Pretended:
    """Answers as Orthanc does, from files in memory."""

    def __init__(self, script: ModuleType, files: list[Path]) -> None:
        self.mark = script.Orthanc.mark.__get__(self)
        self.files = {f"i{k}": path.read_bytes() for k, path in enumerate(files)}
        self.marked: dict[str, bytes] = {}

    def _headers(self):
        for one, data in self.files.items():
            yield one, pydicom.dcmread(pydicom.filebase.DicomBytesIO(data), stop_before_pixels=True)

    def get(self, path: str):
        series: dict[str, dict] = {}
        for one, header in self._headers():
            tags = {"Modality": str(header.Modality), "Manufacturer": str(header.Manufacturer)}
            found = series.setdefault(str(header.SeriesInstanceUID), {"MainDicomTags": tags, "Instances": []})
            found["Instances"].append(one)
        if path.endswith("/series"):
            return [{"ID": uid, **one} for uid, one in series.items()]
        uid = path.split("/")[2]
        wanted = series[uid]["Instances"]
        return [
            {"ID": one, "MainDicomTags": {"SOPInstanceUID": str(header.SOPInstanceUID)}}
            for one, header in self._headers()
            if one in wanted
        ]

    def raw(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        if method == "PUT":
            self.marked[path] = body or b""
            return b""
        if method == "POST":
            assert body is not None
            known = body in self.files.values()
            self.files[f"i{len(self.files)}"] = body
            return json.dumps({"Status": "AlreadyStored" if known else "Success"}).encode()
        if "/metadata/" in path:
            if path not in self.marked:
                raise urllib.error.HTTPError(path, 404, "none", None, None)  # type: ignore[arg-type]
            return self.marked[path]
        return self.files[path.split("/")[2]]


def test_a_study_is_done_once_for_its_films_and_model(script: ModuleType, exported: Painted, tmp_path: Path) -> None:
    orthanc = Pretended(script, [exported.films[f"film-{k}"] for k in range(4)])
    stand_in = [sys.executable, str(ROOT / "tests" / "made" / "painted_mammomap.py"), str(tmp_path / "calls")]
    args = argparse.Namespace(model="painted", objects="sr,seg", state=tmp_path, mammomap=stand_in)

    def calls() -> int:
        return len((tmp_path / "calls").read_text().splitlines()) if (tmp_path / "calls").exists() else 0

    script.handle(args, orthanc, "study")
    assert calls() == 1 and len(orthanc.files) == 4 + 1 + 4
    script.handle(args, orthanc, "study")  # now with our objects in it
    assert calls() == 1 and not list(tmp_path.glob("study-*"))
    args.model = "another"
    script.handle(args, orthanc, "study")
    assert calls() == 2 and len(orthanc.files) == 9 + 5
    new = [pydicom.dcmread(pydicom.filebase.DicomBytesIO(data)) for data in list(orthanc.files.values())[9:]]
    assert {"PredecessorDocumentsSequence" in made or "replaces" in made.ContentDescription for made in new} == {True}


def test_a_study_of_nothing_but_our_objects_is_left_alone(
    script: ModuleType, exported: Painted, tmp_path: Path
) -> None:
    orthanc = Pretended(script, sorted((exported.dicom / "seg").iterdir()))
    args = argparse.Namespace(model="painted", objects="sr,seg", state=tmp_path, mammomap=["no such command"])
    script.handle(args, orthanc, "study")
    assert len(orthanc.files) == 4 and not orthanc.marked


def test_a_study_that_failed_is_not_marked(script: ModuleType, exported: Painted, tmp_path: Path) -> None:
    orthanc = Pretended(script, [exported.films["film-0"]])
    failing = [sys.executable, "-c", "import sys; sys.exit(1)"]
    args = argparse.Namespace(model="painted", objects="sr,seg", state=tmp_path, mammomap=failing)
    script.handle(args, orthanc, "study")
    assert not orthanc.marked and len(orthanc.files) == 1 and not list(tmp_path.glob("study-*"))
