"""The files of CBIS-DDSM in whatever layout they were downloaded: which there are, and what their headers say.

In: a folder. Out: one row a file. DICOM files are known by their headers, wherever they lie (NBIA of any age, UID
folders, IDC): only the header is read, in parallel. JPEG files (the Kaggle copy) lie in a folder named after their
series, and `dicom_info.csv` says what their headers said; without it their bits are unknown (0). A file that has not
changed since the last inventory (path, size, time) is not opened again. 396 folders of the set end in `.dcm`.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from mammomap.masks.parallel import in_processes
from mammomap.masks.tables import Column, Table

FILES = Table(
    "files",
    key=("path",),
    columns=(
        Column("path", "string", "the file, absolute"),
        Column("bytes", "int64", "its size on disk"),
        Column("mtime_ns", "int64", "when it was last changed, in nanoseconds"),
        Column("instance_uid", "string", "SOPInstanceUID; empty for a JPEG", nullable=True),
        Column("series_uid", "string", "SeriesInstanceUID", nullable=True),
        Column("study_uid", "string", "StudyInstanceUID", nullable=True),
        Column("header_patient", "string", "PatientID of the header, which is a series name, no woman", nullable=True),
        Column("description", "string", "SeriesDescription, which tells nothing in series of two files", nullable=True),
        Column("bits", "int64", "bits per pixel of the DICOM file; 0 where not known"),
        Column("rows", "int64", "height in pixels"),
        Column("cols", "int64", "width in pixels"),
        Column("fault", "string", "why the header cannot be read", nullable=True),
        Column("used_as", "string", "what the lists use it as; empty: nothing names it", nullable=True),
        Column("image_id", "string", "the film that it belongs to", nullable=True),
        Column("lesion_id", "string", "the lesion that it belongs to", nullable=True),
    ),
)
_DICOM, _JPEG = (".dcm", ".dicom", ""), (".jpg", ".jpeg")
_TAGS = {
    "SOPInstanceUID": "instance_uid",
    "SeriesInstanceUID": "series_uid",
    "StudyInstanceUID": "study_uid",
    "PatientID": "header_patient",
    "SeriesDescription": "description",
    "BitsAllocated": "bits",
    "Rows": "rows",
    "Columns": "cols",
}
_IN_PARALLEL = 400
"""Fewer new files than this are read in one process, since starting more takes longer."""


@dataclass(frozen=True)
class FileOnDisk:
    """A file before it is opened."""

    path: str
    bytes: int
    mtime_ns: int


def find_files(root: Path) -> list[FileOnDisk]:
    """All files below `root`, sorted by path; hidden ones and hidden folders are left out."""
    found, waiting = [], [str(root.resolve())]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    waiting.append(entry.path)
                elif entry.is_file():
                    status = entry.stat()
                    found.append(FileOnDisk(entry.path, status.st_size, status.st_mtime_ns))
    return sorted(found, key=lambda file: file.path)


def read_inventory(
    files: Sequence[FileOnDisk],
    known: pd.DataFrame | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> pd.DataFrame:
    """The image files among `files` with what their headers say: the table `FILES`, not yet matched with the lists.

    known: an earlier inventory; files that are unchanged since are taken from it.
    """
    images = [file for file in files if _ending(file.path) in (*_DICOM, *_JPEG)]
    old: dict[tuple, dict] = {}
    if known is not None:
        header = [column for column in known.columns if column not in ("used_as", "image_id", "lesion_id")]
        old = {(r["path"], r["bytes"], r["mtime_ns"]): r for r in known[header].to_dict("records")}
    fresh = [file for file in images if (file.path, file.bytes, file.mtime_ns) not in old]
    info = _dicom_info(files) if any(_ending(file.path) in _JPEG for file in fresh) else {}
    jobs = [(file, info.get(Path(file.path).parts[-2:])) for file in fresh]
    workers = None if len(jobs) >= _IN_PARALLEL else 1
    headers = in_processes(
        _read_one, jobs, what="read headers", unit="file", workers=workers, chunk=100, progress=progress
    )
    read = {row["path"]: row for row in headers}
    rows = [read.get(file.path) or old[file.path, file.bytes, file.mtime_ns] for file in images]
    return FILES.shaped([row for row in rows if row["fault"] != _NO_DICOM])


def _ending(path: str) -> str:
    """The lower-case ending of a file's name; names that end in a number, as UIDs do, have none."""
    ending = os.path.splitext(path)[1].lower()
    return "" if ending[1:].isdigit() else ending


_NO_DICOM = "no DICOM file"


def _read_one(job: tuple[FileOnDisk, dict[str, str] | None]) -> dict:
    """One row of the inventory. A file without an ending that is no DICOM is none of ours."""
    file, info = job
    row = asdict(file) | {name: "" for name in _TAGS.values()} | {"bits": 0, "rows": 0, "cols": 0, "fault": ""}
    path = Path(file.path)
    try:
        return row | (_read_jpeg(path, info) if _ending(file.path) in _JPEG else _read_dicom(path))
    except Exception as error:  # a damaged file can fail in many ways, all of them the file's
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
        return row | {"fault": _NO_DICOM if not _ending(file.path) else f"header cannot be read ({reason})"}


def _read_dicom(path: Path) -> dict:
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers we do not use
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_TAGS))
        found = {ours: str(header.get(theirs, "") or "") for theirs, ours in _TAGS.items()}
    return found | {name: int(found[name]) for name in ("bits", "rows", "cols")}


def _read_jpeg(path: Path, info: dict[str, str] | None) -> dict:
    with Image.open(path) as picture:
        cols, rows = picture.size
    told = info or {}
    bits = told.get("BitsAllocated", "").partition(".")[0]
    return {
        "series_uid": path.parent.name,
        "study_uid": told.get("StudyInstanceUID", ""),
        "header_patient": told.get("PatientID", ""),
        "description": told.get("SeriesDescription", ""),
        "bits": int(bits) if bits.isdigit() else 0,
        "rows": rows,
        "cols": cols,
    }


def _dicom_info(files: Sequence[FileOnDisk]) -> dict[tuple[str, ...], dict[str, str]]:
    """Rows of any table with `image_path` and `BitsAllocated` (`dicom_info.csv`) by the last two parts of the path."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for file in files:
        if not file.path.endswith(".csv"):
            continue
        with open(file.path, newline="", encoding="utf-8-sig", errors="replace") as text:
            reader = csv.DictReader(text)
            if {"image_path", "BitsAllocated"} <= set(reader.fieldnames or ()):
                found |= {Path(row["image_path"].strip()).parts[-2:]: row for row in reader}
    return found
