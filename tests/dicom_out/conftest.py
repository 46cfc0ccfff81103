"""Painted films of every side and direction with their results, exported in full once."""

from __future__ import annotations

import pytest
from made.results import KINDS, Painted, painted

from mammomap.dicom_out.export import export_dicom


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Painted:
    """With every kind of object in `dicom`."""
    made = painted(tmp_path_factory.mktemp("painted"))
    export_dicom(made.out, made.key, made.dicom, KINDS)
    return made
