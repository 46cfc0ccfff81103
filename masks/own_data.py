"""One's own films: `films.csv` and `lesions.csv` beside pictures -> tables. docs/own-data.md is its manual.

In: a folder. Out: Tables. Each row that cannot be used is set aside with its reason: rows read = rows listed +
rows set aside. Coordinates count pixels of the original film, whose size `films.csv` may give where the picture is
a reduced copy.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mammomap.errors import MammomapError, TableError
from mammomap.masks.mapfile import DRAWN
from mammomap.masks.mg_header import read_shown
from mammomap.masks.outlines import Outline, outline_of
from mammomap.masks.read import PICTURE_ENDINGS, read_film
from mammomap.masks.tables import CBIS, KINDS, PATHOLOGIES, Tables, make_tables, together

FILM_COLUMNS = ("image_id", "patient_id", "side", "view", "file")
LESION_COLUMNS = ("image_id", "kind", "pathology")
_SIDES = {"L": "LEFT", "R": "RIGHT", "LEFT": "LEFT", "RIGHT": "RIGHT"}
_DESCRIPTORS = ("mass_shape", "mass_margins", "calc_type", "calc_distribution")


def is_own_data(root: Path) -> bool:
    """Whether `root` holds a film table in the documented format."""
    return (root / "films.csv").is_file()


def index_own_data(root: Path) -> Tables:
    """Read the documented format.

    Raises
    ------
    TableError
        If a table is absent or lacks a needed column.
    """
    film_rows = _read_csv(root / "films.csv", FILM_COLUMNS)
    lesion_rows = _read_csv(root / "lesions.csv", LESION_COLUMNS)
    folds = _read_folds(root / "folds.csv")
    films: dict[str, dict] = {}
    refused: list[dict] = []
    for number, row in enumerate(film_rows.to_dict("records"), start=2):
        try:
            film = _film(root, row, folds)
            if film["image_id"] in films:
                raise TableError("image_id stands twice")
            films[film["image_id"]] = film
        except MammomapError as error:
            refused.append({"path": f"films.csv line {number} ({row['image_id']})", "reason": str(error)})
    lesions: list[dict] = []
    counts: dict[str, int] = {}
    for number, row in enumerate(lesion_rows.to_dict("records"), start=2):
        counts[row["image_id"]] = counts.get(row["image_id"], 0) + 1
        try:
            if row["image_id"] not in films:
                raise TableError("its film is not in films.csv, or was set aside")
            film = films[row["image_id"]]
            lesions.append(_lesion(root, row, counts[row["image_id"]], (film["rows"], film["cols"])))
        except MammomapError as error:
            refused.append({"path": f"lesions.csv line {number} ({row['image_id']})", "reason": str(error)})
            films.pop(row["image_id"], None)  # a film with a lesion that cannot be drawn would teach a falsehood
    lost = [x for x in lesions if x["image_id"] not in films]
    refused += [
        {"path": f"lesions.csv ({x['image_id']} lesion {x['lesion_id']})", "reason": "its film was set aside"}
        for x in lost
    ]
    lesions = [x for x in lesions if x["image_id"] in films]
    if not films:
        first = f"; first: {refused[0]['path']}: {refused[0]['reason']}" if refused else ""
        raise TableError(f"{root}: no film can be used of {len(film_rows)} listed{first}")
    kinds = [kind for kind in KINDS if any(lesion["kind"] == kind for lesion in lesions)]
    malignant = {lesion["image_id"] for lesion in lesions if lesion["pathology"] == "MALIGNANT"}
    for film in films.values():
        film["malignant"] = film["image_id"] in malignant
        film["kinds_outlined"] = "+".join(kinds)
    _refuse_contradictions(root, film_rows, films)
    about = {
        "source": _set_name(root, films),
        "imaging": together([film.pop("imaging") for film in films.values()]),
        "layout": "films.csv and lesions.csv",
        "label_rule": f"a film is malignant if any of its lesions is; by {' and '.join(kinds)} lesions only"
        if len(kinds) < len(KINDS)
        else "a film is malignant if any of its lesions is",
        "rows_read": len(film_rows) + len(lesion_rows),
    }
    return make_tables(list(films.values()), lesions, refused, about)


def _set_name(root: Path, films: dict[str, dict]) -> str:
    """The drawing's where all films come of one, so that no drawn woman has a true one's code; else the folder's."""
    named = {film["source"] for film in films.values()}
    name = named.pop() if len(named) == 1 else ""
    return name if name.startswith(DRAWN) else root.resolve().name


def _read_csv(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise TableError(f"{path}: no such file; one's own data needs films.csv and lesions.csv (docs/own-data.md)")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table ({error})") from None
    missing = [column for column in needed if column not in frame]
    if missing:
        raise TableError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(frame.columns[:8])}")
    return frame


def _read_folds(path: Path) -> dict[str, int]:
    if not path.is_file():
        return {}
    frame = _read_csv(path, ("patient_id", "fold"))
    if frame["patient_id"].duplicated().any():
        raise TableError(f"{path}: a woman stands in two rows")
    return {row.patient_id: int(row.fold) for row in frame.itertuples()}


def _film(root: Path, row: dict, folds: dict[str, int]) -> dict:
    for column in FILM_COLUMNS:
        if not row[column]:
            raise TableError(f"{column} is empty")
    side = _SIDES.get(row["side"].upper())
    if side is None:
        raise TableError(f"side {row['side']!r}, wanted LEFT or RIGHT")
    path = (root / row["file"]).resolve()
    if not path.is_file():
        raise TableError(f"file {row['file']} does not exist")
    header = None if path.suffix.lower() in PICTURE_ENDINGS else read_shown(path)
    rows, cols = _number(row, "rows"), _number(row, "cols")
    if rows is None or cols is None:
        rows, cols = read_film(path).shape
    if row.get("imaging") not in (None, "", "film", "digital"):
        raise TableError(f"imaging {row['imaging']!r}, wanted film or digital")
    source = row.get("source") or root.resolve().name
    if row.get("in_calc_list") == "1":
        row = {**row, "kinds_not_outlined": "calcification"}
    return {
        "image_id": row["image_id"],
        "patient_id": row["patient_id"],
        "side": side,
        "view": row["view"].upper(),
        "path": str(path),
        "rows": int(rows),
        "cols": int(cols),
        "spacing_mm": _number(row, "spacing_mm"),
        "density": _integer(row, "density"),
        "kinds_not_outlined": row.get("kinds_not_outlined") or None,
        "official_part": row.get("official_part") or None,
        "fold": folds.get(row["patient_id"]),
        "flags": row.get("flags") or (header and "; ".join(header.flags)) or None,
        "source": source,
        "imaging": row.get("imaging") or (header and header.imaging) or ("film" if source.lower() in CBIS else ""),
    }


def _lesion(root: Path, row: dict, count: int, film_size: tuple[int, int]) -> dict:
    kind, pathology = row["kind"].lower(), row["pathology"].upper()
    if kind not in KINDS:
        raise TableError(f"kind {row['kind']!r}, wanted one of {', '.join(KINDS)}")
    if pathology not in PATHOLOGIES:
        raise TableError(f"pathology {row['pathology']!r}, wanted one of {', '.join(PATHOLOGIES)}")
    bounds = {name: _number(row, name) for name in ("row0", "col0", "row1", "col1")}
    circle = [_number(row, name) for name in ("centre_row", "centre_col", "radius")]
    mask = (root / row["mask"]).resolve() if row.get("mask") else None
    if mask is not None and not mask.is_file():
        raise TableError(f"mask {row['mask']} does not exist")
    if mask is not None:
        outline = "mask"
    elif row.get("polygon"):
        outline = "polygon"
    elif None not in circle:
        outline = "circle"
        centre_row, centre_col, radius = (float(value or 0) for value in circle)
        bounds = {
            "row0": centre_row - radius + 0.5,
            "col0": centre_col - radius + 0.5,
            "row1": centre_row + radius + 0.5,
            "col1": centre_col + radius + 0.5,
        }
    elif None not in bounds.values():
        outline = "box"
    else:
        raise TableError("no outline: give mask, polygon, row0..col1, or centre_row, centre_col and radius")
    lesion = {
        "image_id": row["image_id"],
        "lesion_id": row.get("lesion_id") or str(count),
        "kind": kind,
        "pathology": pathology,
        "assessment": _integer(row, "assessment"),
        "subtlety": _integer(row, "subtlety") or None,
        **{name: row.get(name) or None for name in _DESCRIPTORS},
        "outline": outline,
        "mask_path": str(mask) if mask else None,
        "polygon": row.get("polygon") or None,
        **{name: float("nan") if value is None else value for name, value in bounds.items()},
    }
    _refuse_off_film(outline_of(lesion, film_size), film_size)
    return lesion


def _refuse_off_film(outline: Outline, film_size: tuple[int, int]) -> None:
    """An outline that does not meet its film; one that leaves it in part may stay, and a mask covers it always."""
    if outline.points is not None:
        row0, col0 = outline.points.min(axis=0) - 0.5
        row1, col1 = outline.points.max(axis=0) + 0.5
    elif outline.box is not None and outline.approximate:
        row0, col0, row1, col1 = outline.box
    else:
        return
    if row1 <= 0 or col1 <= 0 or row0 >= film_size[0] or col0 >= film_size[1]:
        raise TableError(
            f"the outline, rows {row0:g} to {row1:g} and cols {col0:g} to {col1:g}, lies off the film of "
            f"{film_size[0]} rows and {film_size[1]} cols"
        )


def _refuse_contradictions(root: Path, rows: pd.DataFrame, films: dict[str, dict]) -> None:
    """Where films.csv carries its own label, it must say what the lesions say."""
    if "pathology" not in rows:
        return
    for row in rows.itertuples():
        film = films.get(str(row.image_id))
        if film and row.pathology and (row.pathology == "MALIGNANT") != film["malignant"]:
            raise TableError(
                f"{root / 'films.csv'}: {row.image_id} is called {row.pathology}, but its lesions say "
                f"{'MALIGNANT' if film['malignant'] else 'BENIGN'}"
            )


def _number(row: dict, name: str) -> float | None:
    text = row.get(name) or ""
    try:
        return float(text) if text else None
    except ValueError:
        raise TableError(f"{name} is {text!r}, wanted a number") from None


def _integer(row: dict, name: str) -> int | None:
    value = _number(row, name)
    return None if value is None else int(value)
