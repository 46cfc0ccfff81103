"""CBIS-DDSM -> tables: its case description tables and the DICOM files below them, whatever the folders are called.

In: a folder with any of the four `{mass,calc}_case_description_{train,test}_set.csv` and the DICOM files, anywhere
below. Out: tables. A film is (patient, side, view): the 71 films of the real set that stand in both lists become one.
Files are found by SeriesInstanceUID, the second last part of a path in the tables; of the files of a ROI series the
8-bit one is the mask, since neither order nor table column tells (Lee et al. 2017, doi 10.1038/sdata.2017.177,
describe the set). A row whose film or mask is absent is set aside with its reason, and with it all rows of its film:
a film with a lesion that cannot be drawn would teach a falsehood.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.tables import KINDS, PATHOLOGIES, Tables, make_tables

LISTS = {
    f"{short}_case_description_{part}_set.csv": (kind, part)
    for kind, short in (("calcification", "calc"), ("mass", "mass"))
    for part in ("train", "test")
}
_IMAGE_PATH, _CROP_PATH, _MASK_PATH = "image file path", "cropped image file path", "ROI mask file path"
_NEEDED = ("patient_id", "left or right breast", "image view", "abnormality id", "assessment", "pathology", "subtlety")
_DENSITY = ("breast_density", "breast density")
_LOOKS = {
    "mass": {"mass shape": "mass_shape", "mass margins": "mass_margins"},
    "calcification": {"calc type": "calc_type", "calc distribution": "calc_distribution"},
}
_TAGS = ["SOPInstanceUID", "SeriesInstanceUID", "BitsAllocated", "Rows", "Columns"]


@dataclass(frozen=True)
class _File:
    """What the header of one DICOM file says."""

    path: Path
    bits: int
    rows: int
    cols: int


@dataclass(frozen=True)
class _Row:
    """One usable row of a case description table, with its files."""

    where: str
    film: tuple[str, str, str]
    kind: str
    part: str
    density: int | None
    image: _File
    lesion: dict


class _SetAside(Exception):
    """Why a row cannot be used."""


def index_cbis(root: Path, progress: Callable[..., Iterable] | None = None) -> Tables:
    """Index CBIS-DDSM, a part of it, or a phantom, in `root`.

    `about` counts rows: `rows_listed` = `rows_read` + `rows_set_aside`. `refused` names each row set aside, and
    besides them each `.dcm` file that is no DICOM.

    Raises
    ------
    TableError
        If there is no case description table, one lacks a column, or no row can be used.
    """
    tables = {name: _read_list(path) for name, path in _find_lists(root).items()}
    series, refused = _read_headers(root, progress)
    bad_files = len(refused)
    rows: list[_Row] = []
    lost_films: dict[tuple[str, str, str], str] = {}
    listed = 0
    seen: set[tuple[str, ...]] = set()
    for name, frame in tables.items():
        for number, record in enumerate(frame.to_dict("records"), start=1):
            listed += 1
            film = (record["patient_id"], record["left or right breast"], record["image view"])
            where = f"{name} row {number} ({'_'.join(film)} {record['abnormality id']})"
            try:
                row = _read_row(where, record, *LISTS[name], series)
                key = (*film, row.lesion["lesion_id"])
                if key in seen:
                    raise _SetAside("the lesion is listed twice")
                seen.add(key)
                rows.append(row)
            except _SetAside as reason:
                refused.append({"path": where, "reason": str(reason)})
                lost_films.setdefault(film, where)
    films: dict[tuple[str, str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        films[row.film].append(row)
    for film, its_rows in films.items():
        if len({(row.image.rows, row.image.cols) for row in its_rows}) > 1:
            lost_films.setdefault(film, "its files in the two lists, which differ in size")
    for film in lost_films:
        for row in films.pop(film, []):
            reason = f"its film was set aside because of {lost_films[film]}"
            refused.append({"path": row.where, "reason": reason})
    if not films:
        first = f"; first: {refused[0]['path']}: {refused[0]['reason']}" if refused else ""
        raise TableError(f"{root}: no film can be used; {listed} rows in {len(tables)} tables{first}")
    kept = [row for its_rows in films.values() for row in its_rows]
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in kept)]
    source = _source(root)
    about = {
        "source": source,
        "layout": "case description tables, files by SeriesInstanceUID",
        "label_rule": "a film is malignant if any of its lesions in the lists indexed is",
        "lists": sorted(tables),
        "rows_listed": listed,
        "rows_read": len(kept),
        "rows_set_aside": len(refused) - bad_files,
        "files_set_aside": bad_files,
        "films_in_both_lists": sum(len({row.kind for row in its_rows}) > 1 for its_rows in films.values()),
        "films_in_both_parts": sum(len({row.part for row in its_rows}) > 1 for its_rows in films.values()),
        "part_rule": "a film in both official parts counts as test",
    }
    film_rows = [_film(its_rows, "+".join(kinds), source) for its_rows in films.values()]
    return make_tables(film_rows, [row.lesion for row in kept], refused, about)


def _find_lists(root: Path) -> dict[str, Path]:
    """The case description tables below `root`, by name; a second copy must be the same."""
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*_case_description_*_set.csv")):
        if path.name not in LISTS or not path.is_file():
            continue
        first = found.setdefault(path.name, path)
        if first.read_bytes() != path.read_bytes():
            raise TableError(f"{first} and {path}: two tables of one name that differ; keep one")
    if not found:
        raise TableError(f"{root}: none of {', '.join(sorted(LISTS))} in it or below it")
    return {name: found[name] for name in sorted(found)}


def _read_list(path: Path) -> pd.DataFrame:
    """A table as stripped text; `N/A` stays text, the density column is called `density`."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table ({error})") from None
    frame.columns = frame.columns.str.strip()
    kind, _ = LISTS[path.name]
    density = next((name for name in _DENSITY if name in frame), None)
    needed = (*_NEEDED, *_LOOKS[kind], _IMAGE_PATH, _CROP_PATH, _MASK_PATH)
    missing = [name for name in needed if name not in frame]
    if density is None:
        missing.append(_DENSITY[0])
    if missing:
        raise TableError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(frame.columns)}")
    texts = {name: frame[name].fillna("").str.strip() for name in (*needed, str(density))}
    return pd.DataFrame(texts).rename(columns={str(density): "density"})


def _read_headers(
    root: Path, progress: Callable[..., Iterable] | None
) -> tuple[dict[str, list[_File]], list[dict[str, str]]]:
    """Files by SeriesInstanceUID, and the `.dcm` files that could not be read. One SOP instance counts once."""
    import pydicom

    show = progress or (lambda items, **_: items)
    paths = sorted(path for path in root.rglob("*.dcm") if path.is_file())
    series: dict[str, list[_File]] = defaultdict(list)
    refused: list[dict[str, str]] = []
    instances: set[str] = set()
    for path in show(paths, total=len(paths), desc="index"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # odd values in headers we do not use
                header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
            instance, uid = str(header.SOPInstanceUID), str(header.SeriesInstanceUID)
            file = _File(path.resolve(), int(header.BitsAllocated), int(header.Rows), int(header.Columns))
        except Exception as error:  # a damaged file can fail in many ways, all of them the file's
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
            refused.append({"path": str(path), "reason": f"DICOM header cannot be read ({reason})"})
            continue
        if instance not in instances:
            instances.add(instance)
            series[uid].append(file)
    return series, refused


def _read_row(where: str, record: dict, kind: str, part: str, series: dict[str, list[_File]]) -> _Row:
    """One row with its files; refuses by `_SetAside`."""
    patient, side, view = film = (record["patient_id"], record["left or right breast"], record["image view"])
    number, pathology = record["abnormality id"], record["pathology"]
    if not patient or not view or not number:
        raise _SetAside("patient_id, image view or abnormality id is empty")
    if side not in ("LEFT", "RIGHT"):
        raise _SetAside(f"left or right breast is {side!r}, wanted LEFT or RIGHT")
    if pathology not in PATHOLOGIES:
        raise _SetAside(f"pathology is {pathology!r}, wanted one of {', '.join(PATHOLOGIES)}")
    image = _one_file(series, [record[_IMAGE_PATH]], 16, "film")
    mask = _one_file(series, [record[_MASK_PATH], record[_CROP_PATH]], 8, "mask")
    lesion = {
        "image_id": "_".join(film),
        "lesion_id": f"{kind}_{number}",
        "kind": kind,
        "pathology": pathology,
        "assessment": _integer(record, "assessment"),
        "subtlety": _integer(record, "subtlety") or None,
        **{ours: record[theirs] or None for theirs, ours in _LOOKS[kind].items()},
        "outline": "mask",
        "mask_path": str(mask.path),
    }
    return _Row(where, film, kind, part, _integer(record, "density") or None, image, lesion)


def _one_file(series: dict[str, list[_File]], paths: list[str], bits: int, what: str) -> _File:
    """The one file of `bits` per pixel in the series that the paths name."""
    uids = list(dict.fromkeys(_series_uid(path) for path in paths))
    files = [file for uid in uids for file in series.get(uid, [])]
    fitting = [file for file in files if file.bits == bits]
    if len(fitting) == 1:
        return fitting[0]
    named = " or ".join(uids)
    if not files:
        raise _SetAside(f"no {what}: no file of series {named}")
    raise _SetAside(f"no {what}: {len(fitting)} files of {bits} bits in series {named}, wanted 1")


def _series_uid(path: str) -> str:
    parts = path.split("/")
    if len(parts) < 2:
        raise _SetAside(f"path {path!r} names no series; wanted name/study/series/file")
    return parts[-2]


def _integer(record: dict, name: str) -> int | None:
    text = record[name]
    if text in ("", "N/A", "NA"):
        return None
    if not text.isdigit():
        raise _SetAside(f"{name} is {text!r}, wanted a whole number")
    return int(text)


def _film(rows: list[_Row], kinds: str, source: str) -> dict:
    """The film row of all rows of a film. The mass list's file and density are taken where both lists have one."""
    first = max(rows, key=lambda row: row.kind == "mass")
    patient, side, view = first.film
    return {
        "image_id": first.lesion["image_id"],
        "patient_id": patient,
        "side": side,
        "view": view,
        "path": str(first.image.path),
        "rows": first.image.rows,
        "cols": first.image.cols,
        "density": first.density,
        "malignant": any(row.lesion["pathology"] == "MALIGNANT" for row in rows),
        "kinds_outlined": kinds,
        "official_part": "test" if any(row.part == "test" for row in rows) else "train",
        "source": source,
    }


def _source(root: Path) -> str:
    """CBIS-DDSM, or what the phantom beside the tables calls itself."""
    marker = root / "phantom.json"
    return str(json.loads(marker.read_text())["phantom"]) if marker.is_file() else "CBIS-DDSM"
