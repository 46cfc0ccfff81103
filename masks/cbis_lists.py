"""The case description lists of CBIS-DDSM, as they are: one row a lesion in one view.

In: a folder. Out: rows of the up to four lists (mass and calcification, train and test). A list is known by its
columns and by the series names inside it (`Mass-Training_P_00001_LEFT_CC`), whatever the file is called. Text is
stripped (each row has a newline inside a quoted path), `NA` of some copies is read as the published `N/A`, which
stays a value. Density 0 and subtlety 0 are how the lists write a missing value; assessment 0 is a real BI-RADS
category, "incomplete". The set: Lee et al., Sci Data 4 (2017), doi 10.1038/sdata.2017.177.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.tables import LISTS, PATHOLOGIES

KIND_OF = {"mass": "mass", "calc": "calcification"}
_PARTS = {"Training": "train", "Test": "test"}
_NAME = re.compile(r"(Mass|Calc)-(Training|Test)_(P_\d+)_(LEFT|RIGHT)_([A-Z]+)(?:_(\d+))?")
_COMMON = ("patient_id", "left or right breast", "image view", "abnormality id", "assessment", "pathology", "subtlety")
_PATHS = ("image file path", "cropped image file path", "ROI mask file path")
_DENSITY = ("breast_density", "breast density")
_LOOKS = {"mass": ("mass shape", "mass margins"), "calc": ("calc type", "calc distribution")}
_EMPTY = ("", "N/A")


@dataclass(frozen=True)
class ListRow:
    """One row of a list. Texts are stripped; `fault` says why the row cannot be used, and is empty where it can."""

    list: str
    """mass-train, mass-test, calc-train or calc-test"""
    number: int
    """Counts the rows of its list from 1."""
    file: str
    patient: str
    side: str
    view: str
    abnormality: str
    kind: str
    pathology: str
    density: int | None
    assessment: int | None
    subtlety: int | None
    shape: str
    """Mass shape, or calcification type."""
    margins: str
    """Mass margins, or distribution of the calcifications."""
    image_path: str
    crop_path: str
    mask_path: str
    fault: str = ""

    @property
    def image_id(self) -> str:
        """patient_side_view."""
        return f"{self.patient}_{self.side}_{self.view}"

    @property
    def lesion_id(self) -> str:
        """kind_number; the number is no index, it has gaps and runs over both lists."""
        return f"{self.kind}_{self.abnormality}"

    @property
    def where(self) -> str:
        """The row, for a message."""
        return f"{self.file} row {self.number} ({self.image_id} {self.abnormality})"

    @property
    def part(self) -> str:
        """train or test."""
        return self.list.split("-")[1]

    @property
    def image_series(self) -> str:
        """SeriesInstanceUID of the film."""
        return series_of(self.image_path)

    @property
    def roi_series(self) -> tuple[str, ...]:
        """SeriesInstanceUIDs of mask and crop, which columns do not tell apart: one, or two in 104 rows."""
        return tuple(dict.fromkeys((series_of(self.mask_path), series_of(self.crop_path))))


def series_of(path: str) -> str:
    """The SeriesInstanceUID in a path of the lists (`name/study/series/file`); empty where there is none."""
    parts = path.split("/")
    return parts[-2] if len(parts) >= 3 else ""


def list_files(paths: Iterable[Path]) -> list[Path]:
    """Those of the files that have the columns of a case description list."""
    return [path for path in paths if path.suffix.lower() == ".csv" and _kind_of(path)]


def read_lists(root: Path, paths: Iterable[Path] | None = None) -> list[ListRow]:
    """All rows of all lists below `root`, in the order of the lists and of their rows.

    paths: the files below `root`, where they are known already.

    Raises
    ------
    TableError
        If there is no list, one cannot be read or lacks a column, or two files of one list differ.
    """
    found: dict[str, tuple[Path, list[ListRow]]] = {}
    without: list[str] = []
    for path in list_files(sorted(root.rglob("*.csv")) if paths is None else paths):
        rows = _read_list(path)
        if not rows:
            without.append(path.name)
            continue
        name = rows[0].list
        if name not in found:
            found[name] = (path, rows)
        elif [_facts(row) for row in rows] != [_facts(row) for row in found[name][1]]:
            raise TableError(f"{found[name][0]} and {path}: two lists of {name} that differ; keep one")
    if not found:
        told = f"; without rows: {', '.join(without)}" if without else ""
        raise TableError(f"{root}: no case description list of CBIS-DDSM with rows in it or below it{told}")
    return [row for name in LISTS if name in found for row in found[name][1]]


def rows_frame(rows: list[ListRow]) -> pd.DataFrame:
    """The rows as a frame, one column a field, with image_id and lesion_id."""
    return pd.DataFrame([asdict(row) | {"image_id": row.image_id, "lesion_id": row.lesion_id} for row in rows])


def _facts(row: ListRow) -> dict:
    return {name: value for name, value in asdict(row).items() if name != "file"}


def _kind_of(path: Path) -> str | None:
    """mass or calc by the header, None for any other table."""
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = {name.strip() for name in next(csv.reader(file), [])}
    except (UnicodeDecodeError, csv.Error):
        return None
    if not {"patient_id", "image view", "abnormality id"} <= header:
        return None
    return next((kind for kind, looks in _LOOKS.items() if set(looks) & header), None)


def _read_list(path: Path) -> list[ListRow]:
    kind = _kind_of(path)
    assert kind is not None
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table ({error})") from None
    frame.columns = frame.columns.str.strip()
    density = next((name for name in _DENSITY if name in frame), None)
    missing = [name for name in (*_COMMON, *_LOOKS[kind], *_PATHS) if name not in frame]
    missing += [_DENSITY[0]] if density is None else []
    if missing:
        raise TableError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(frame.columns)}")
    records = frame.fillna("").to_dict("records")
    parts = {match.group(2) for r in records if (match := _NAME.match(str(r[_PATHS[0]]).strip()))}
    if len(parts) > 1:
        raise TableError(f"{path}: names series of both parts, Training and Test; keep the published lists apart")
    if records and not parts:
        raise TableError(f"{path}: its 'image file path' names no series like {kind.title()}-Training_P_00001_LEFT_CC")
    part = _PARTS[parts.pop()] if parts else ""
    return [
        _row(f"{kind}-{part}", number, path.name, {k: str(v).strip() for k, v in record.items()}, str(density))
        for number, record in enumerate(records, start=1)
    ]


def _row(name: str, number: int, file: str, record: dict[str, str], density: str) -> ListRow:
    kind = name.split("-")[0]
    faults: list[str] = []
    patient, side, view = record["patient_id"], record["left or right breast"], record["image view"]
    abnormality, pathology = record["abnormality id"], record["pathology"]
    if not patient or not view or not abnormality:
        faults.append("patient_id, image view or abnormality id is empty")
    if side not in ("LEFT", "RIGHT"):
        faults.append(f"left or right breast is {side!r}, wanted LEFT or RIGHT")
    if pathology not in PATHOLOGIES:
        faults.append(f"pathology is {pathology!r}, wanted one of {', '.join(PATHOLOGIES)}")
    numbers: dict[str, int | None] = {}
    for what, column in (("density", density), ("assessment", "assessment"), ("subtlety", "subtlety")):
        text = record[column]
        numbers[what] = int(text) if text.isdigit() else None
        if not text.isdigit() and text not in (*_EMPTY, "NA"):
            faults.append(f"{column} is {text!r}, wanted a whole number")
    image, crop, mask = (record[path] for path in _PATHS)
    for column, path in zip(_PATHS, (image, crop, mask), strict=True):
        if not series_of(path):
            faults.append(f"{column} {path!r} names no series; wanted name/study/series/file")
    match = _NAME.match(image)
    if match and match.group(3, 4, 5) != (patient, side, view):
        faults.append(f"image file path names {'_'.join(match.group(3, 4, 5))}, its columns {patient}_{side}_{view}")
    shape, margins = ("N/A" if record[column] == "NA" else record[column] for column in _LOOKS[kind])
    return ListRow(
        list=name,
        number=number,
        file=file,
        patient=patient,
        side=side,
        view=view,
        abnormality=abnormality,
        kind=KIND_OF[kind],
        pathology=pathology,
        density=numbers["density"] or None,
        assessment=numbers["assessment"],
        subtlety=numbers["subtlety"] or None,
        shape=shape,
        margins=margins,
        image_path=image,
        crop_path=crop,
        mask_path=mask,
        fault="; ".join(faults),
    )
