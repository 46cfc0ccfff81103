"""CMMD, the Chinese Mammography Database -> tables: 1,775 women, biopsied; a label a breast, and no outline at all.

In: a folder with `CMMD_clinicaldata_revision.csv` (the published sheet saved as CSV, commas or semicolons: ID1,
LeftRight, abnormality, classification and others; one row a labelled breast) and the DICOM files anywhere below it,
known by their headers (PatientID, Image Laterality, View Code Sequence). Out: tables. A film has the label that biopsy
gave its breast, and the kinds that `abnormality` names (mass, calcification, both) at places that nobody gave: such
films train neither net nor head, and are judged by image, breast and woman. A film of a breast without a row is of
unknown truth.

Cui et al., The Cancer Imaging Archive (2021), doi 10.7937/tcia.eqde-4b16. Columns and values as readers of others
count them in that sheet (1,872 rows); that its 5,202 files are all For Presentation, MONOCHROME2 and uncompressed
stands in Imaging Data Commons' index (idc-index-data). Not run on the real files.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mammomap.errors import TableError
from mammomap.masks.cbis_files import FileOnDisk
from mammomap.masks.dicom_folder import film_row, look_at
from mammomap.masks.mg_header import Header
from mammomap.masks.tables import Tables, make_tables

SHEETS = ("CMMD_clinicaldata_revision.csv", "CMMD_clinicaldata_revision_CSV.csv")
COLUMNS = ("ID1", "LeftRight", "abnormality", "classification")
_SIDES = {"L": "LEFT", "R": "RIGHT"}
_KINDS = {"mass": "mass", "calcification": "calcification", "both": "calcification+mass"}
_LABELS = {"benign": False, "malignant": True}


def is_cmmd(root: Path) -> bool:
    """Whether `root` holds the clinical sheet as CSV."""
    return any((root / name).is_file() for name in SHEETS)


def index_cmmd(root: Path, files: Sequence[FileOnDisk], progress: Callable[..., Iterable] | None = None) -> Tables:
    """Read the sheet and every header. Each row and each DICOM file is read or set aside with its reason.

    Raises
    ------
    TableError
        If the sheet lacks a column, or no film can be used.
    """
    sheet = next(root / name for name in SHEETS if (root / name).is_file())
    rows = _rows(sheet)
    films, reasons, count, _ = look_at(files, progress)
    refused = [{"path": str(path.relative_to(root.resolve())), "reason": reason} for path, reason in reasons.items()]
    if not films:
        first = f"; first {refused[0]['path']}: {refused[0]['reason']}" if refused else ", no DICOM file below it"
        raise TableError(f"{root}: no film can be used{first}")
    labels: dict[tuple[str, str], tuple[str, bool]] = {}
    have = {(film.patient_id, film.side) for film in films}
    for number, row in enumerate(rows, start=2):
        key, reason = _breast(row)
        if not reason and key in labels:
            reason = "the breast stands in the sheet twice"
        if not reason and key not in have:
            reason = "no film of this breast is here"
        if reason:
            refused.append({"path": f"{sheet.name} line {number} ({row['ID1']} {row['LeftRight']})", "reason": reason})
        else:
            labels[key] = (_KINDS[row["abnormality"].lower()], _LABELS[row["classification"].lower()])
    about = {
        "source": "CMMD",
        "imaging": "digital",
        "layout": "a clinical sheet and DICOM files",
        "label_rule": "a film has the label that biopsy gave its breast; no lesion is outlined",
        "rows_listed": count + len(rows),
        "rows_read": count + len(rows) - len(refused),
        "rows_set_aside": len(refused),
    }
    return make_tables([_film(film, labels) for film in films], [], refused, about)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        line = text.readline()
        text.seek(0)
        reader = csv.DictReader(text, delimiter=";" if line.count(";") > line.count(",") else ",")
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise TableError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(reader.fieldnames or ())}")
        rows = [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]
    return [row for row in rows if any(row.values())]


def _breast(row: dict[str, str]) -> tuple[tuple[str, str], str]:
    """Woman and side, and what is wrong with the row."""
    key = (row["ID1"], _SIDES.get(row["LeftRight"].upper(), ""))
    if not all(key):
        return key, f"ID1 {row['ID1']!r}, LeftRight {row['LeftRight']!r}, wanted L or R"
    if row["abnormality"].lower() not in _KINDS or row["classification"].lower() not in _LABELS:
        return key, f"abnormality {row['abnormality']!r}, classification {row['classification']!r}"
    return key, ""


def _film(film: Header, labels: dict[tuple[str, str], tuple[str, bool]]) -> dict:
    label = labels.get((film.patient_id, film.side))
    row = film_row(film, "CMMD", label is None) | {"kinds_outlined": "", "malignant": False}
    return row | {"kinds_not_outlined": label[0], "malignant": label[1]} if label else row
