"""Every object before dciodvfy (Debian's dicom3tools); with make test-orthanc, since it needs a package."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from made.results import Painted

pytestmark = pytest.mark.orthanc

KNOWN = {
    "pm": {  # no Frame of Reference, as the film has none, so no plane in one (docs/dicom-out.md)
        f"Error - Missing attribute Type {kind} Required Element=<{element}> Module=<{module}>"
        for kind, element, module in (
            (1, "FrameOfReferenceUID", "FrameOfReference"),
            (2, "PositionReferenceIndicator", "FrameOfReference"),
            (1, "PlanePositionSequence", "PlanePositionMacro"),
            (1, "PlaneOrientationSequence", "PlaneOrientationMacro"),
            (1, "PlanePositionSlideSequence", "PlanePositionSlideMacro"),
        )
    }
}


@pytest.mark.parametrize("kind", ["sc", "sr", "seg", "pm", "gsps"])
def test_no_error_beyond_those_that_are_listed(exported: Painted, kind: str) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.fail("no dciodvfy; on Debian: apt-get install dicom3tools")
    files = sorted((exported.dicom / kind).iterdir())
    assert files
    for path in files:
        told = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
        lines = (told.stdout + told.stderr).splitlines()
        assert {line.strip() for line in lines if "Error" in line} <= KNOWN.get(kind, set()), path
