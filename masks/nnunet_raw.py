"""A raw data set of nnU-Net v2 -> tables: `dataset.json`, images and label maps, for training (Tr) and test (Ts).

In: a folder with `dataset.json` (`labels` name to value, `file_ending`), `imagesTr`, `labelsTr`, `imagesTs`,
`labelsTs`; a case's film is `<case>_0000<ending>`, further channels are not read. Out: tables. Each connected part of
a label is a lesion, whose kind and pathology are what the label's name says (`label_words`); parts of the label
`ignore` count for nothing, and stand as benign masses since the tables know no lesion without a kind. A case with a
label that says too little is set aside, one without a label map is of unknown truth. Cases are called
woman_side_view, or `cases.csv` beside `dataset.json` says what they are (case, patient_id, side, view). Where there
are cases of both parts, `split.csv` beside the tables names the women of the test.
Format: nnU-Net v2's documentation (dataset_format.md); Isensee et al., Nat Methods 18 (2021).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError, LeakError, MammomapError, TableError
from mammomap.masks.foreign_maps import read_nifti, read_picture
from mammomap.masks.label_words import kind_said, pathology_said
from mammomap.masks.parallel import in_processes
from mammomap.masks.parts import outline_columns, parts_of
from mammomap.masks.read import PICTURE_ENDINGS, read_film
from mammomap.masks.splits import Split
from mammomap.masks.tables import KINDS, Tables, make_tables

COLUMNS = ("case", "patient_id", "side", "view")
_CASE = re.compile(r"(.+)_(LEFT|RIGHT|L|R)_([A-Z]+)", re.IGNORECASE)
_SIDES = {"L": "LEFT", "R": "RIGHT", "LEFT": "LEFT", "RIGHT": "RIGHT"}
_PARTS = {"Tr": "train", "Ts": "test"}
_IN_PARALLEL = 50
"""Fewer cases than this are read in one process, since starting more takes longer."""
_NIFTI = (".nii.gz", ".nii")


def is_nnunet_raw(root: Path) -> bool:
    """Whether `root` holds a raw data set."""
    return (root / "dataset.json").is_file() and any((root / f"images{part}").is_dir() for part in _PARTS)


def index_nnunet_raw(root: Path, out: Path, progress: Callable[..., Iterable] | None = None) -> Tables:
    """Read every label map and the size of every film. Each case is read or set aside with its reason.

    Raises
    ------
    TableError
        If `dataset.json` is no description of labels, or no case can be used.
    LeakError
        If a woman has cases in imagesTr and in imagesTs.
    """
    about_set, labels = _read_labels(root / "dataset.json")
    ending, named = str(about_set.get("file_ending", ".png")), _read_cases(root / "cases.csv")
    jobs = [
        (root, part, path.name.removesuffix(f"_0000{ending}"), ending, labels, named, out)
        for part in _PARTS
        for path in sorted((root / f"images{part}").glob(f"*_0000{ending}"))
    ]
    workers = None if len(jobs) >= _IN_PARALLEL else 1
    done = in_processes(_read_one, jobs, what="read label maps", unit="case", workers=workers, progress=progress)
    films, lesions, refused = [], [], []
    for (_, part, case, *_), what in zip(jobs, done, strict=True):
        if isinstance(what, str):
            refused.append({"path": f"images{part}/{case}_0000{ending}", "reason": what})
        else:
            films.append(what[0])
            lesions += what[1]
    if not films:
        first = f"; first {refused[0]['path']}: {refused[0]['reason']}" if refused else f", no *_0000{ending} in it"
        raise TableError(f"{root}: no case can be used{first}")
    _write_split(root, films, out)
    kinds = [kind for kind in KINDS if any(kind == said[0] for said in labels.values() if not isinstance(said, str))]
    for film in films:
        film |= {"kinds_outlined": "+".join(kinds), "source": str(about_set.get("name") or root.resolve().name)}
    about = {
        "source": films[0]["source"],
        "layout": "raw data set of nnU-Net v2, each connected part of a label a lesion",
        "label_rule": "a film is malignant if any label on it says so"
        + (f"; by {kinds[0]} labels only" if len(kinds) == 1 else ""),
        "rows_listed": len(jobs),
        "rows_read": len(films),
        "rows_set_aside": len(refused),
    }
    return make_tables(films, lesions, refused, about)


def _read_labels(path: Path) -> tuple[dict, dict[int, tuple[str, str, str] | str]]:
    """`dataset.json`, and by value (kind, pathology, role), or the name of a label that does not say them."""
    try:
        about = json.loads(path.read_text())
        listed = {str(name): int(value) for name, value in about["labels"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(
            f"{path}: no 'labels' of one value each ({error}); label maps of regions are not read"
        ) from None
    labels: dict[int, tuple[str, str, str] | str] = {}
    for name, value in listed.items():
        kind, pathology = kind_said(name), pathology_said(name)
        if name.lower() == "ignore":
            labels[value] = ("mass", "BENIGN", "ignore")
        elif value:
            labels[value] = (kind, pathology, "lesion") if kind and pathology else name
    return about, labels


def _read_cases(path: Path) -> dict[str, dict[str, str]]:
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        if set(COLUMNS) - set(reader.fieldnames or ()):
            raise TableError(f"{path}: wanted the columns {', '.join(COLUMNS)}, found {reader.fieldnames}")
        return {row["case"]: row for row in reader}


def _read_one(job: tuple) -> tuple[dict, list[dict]] | str:
    """The film and its lesions, or why the case is set aside."""
    root, part, case, ending, labels, named, out = job
    try:
        row, image = _who(case, named), root / f"images{part}" / f"{case}_0000{ending}"
        size = (read_film(image) if ending in PICTURE_ENDINGS else _read_map(image, ending)).shape
        label = root / f"labels{part}" / f"{case}{ending}"
        unknown = not label.is_file()
        lesions = [] if unknown else _lesions(_read_map(label, ending), size, case, labels, out)
    except MammomapError as error:
        return str(error)
    counted = [lesion for lesion in lesions if lesion["role"] == "lesion"]
    film = {
        "image_id": case,
        **row,
        "path": str(image.resolve()),
        "rows": size[0],
        "cols": size[1],
        "malignant": any(lesion["pathology"] == "MALIGNANT" for lesion in counted),
        "kinds_not_outlined": "+".join(KINDS) if unknown else None,
        "truth": "unknown" if unknown else None,
        "official_part": _PARTS[part],
    }
    return film, lesions


def _write_split(root: Path, films: list[dict], out: Path) -> None:
    women = {part: {f["patient_id"] for f in films if f["official_part"] == part} for part in _PARTS.values()}
    both = women["train"] & women["test"]
    if both:
        raise LeakError(
            f"{root}: {len(both)} women have cases in imagesTr and in imagesTs, first {min(both)}; a woman belongs to "
            "one side. To judge the test cases alone, index a copy without imagesTr"
        )
    if all(women.values()):
        dealt = dict.fromkeys(women["train"], "net") | dict.fromkeys(women["test"], "test")
        Split("imagesTr and imagesTs", dealt).write(out / "split.csv")


def _who(case: str, named: dict[str, dict[str, str]]) -> dict[str, str]:
    """patient_id, side and view of a case."""
    told = _CASE.fullmatch(case)
    row = named.get(case) or (dict(zip(COLUMNS, (case, *told.groups()), strict=True)) if told else None)
    if row is None:
        raise TableError("its name is not woman_side_view (W001_LEFT_CC), and no cases.csv says what it is")
    side = _SIDES.get(row["side"].strip().upper())
    if side is None or not row["patient_id"].strip() or not row["view"].strip():
        raise TableError(f"cases.csv says patient_id {row['patient_id']!r}, side {row['side']!r}, view {row['view']!r}")
    return {"patient_id": row["patient_id"].strip(), "side": side, "view": row["view"].strip().upper()}


def _read_map(path: Path, ending: str) -> NDArray:
    if ending in _NIFTI:
        return read_nifti(path)
    if ending not in (*PICTURE_ENDINGS, ".bmp"):
        raise ImageError(f"file_ending {ending!r}, wanted .nii.gz or a picture such as .png")
    return read_picture(path)


def _lesions(values: NDArray, size: tuple[int, ...], case: str, labels: dict, out: Path) -> list[dict]:
    if values.shape != size:
        raise ImageError(f"label map of {values.shape[0]} x {values.shape[1]} on a film of {size[0]} x {size[1]}")
    lesions: list[dict] = []
    for value in np.unique(values[values != 0]):
        said = labels.get(int(value))
        if said is None or int(value) != value:
            raise TableError(f"label value {value:g}, which dataset.json does not name")
        if isinstance(said, str):
            raise TableError(f"label {said!r} does not say mass or calcification, and benign or malignant")
        for part in parts_of(values == value):
            lesion_id = str(len(lesions) + 1)
            columns = outline_columns(part, (size[0], size[1]), out / "outlines" / f"{case}_{lesion_id}.png")
            kind, pathology, role = said
            lesions.append(
                {"image_id": case, "lesion_id": lesion_id, "kind": kind, "pathology": pathology, "role": role} | columns
            )
    return lesions
