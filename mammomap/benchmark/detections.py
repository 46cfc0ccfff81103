"""What a submission may bring beside maps: marks or boxes with scores, scores of images, women seen, a threshold.

In: CSVs and texts as docs/submission.md defines them. Out: frames in film pixels, checked row by row.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.mapfile import LAYERS

BOX = ["row0", "col0", "row1", "col1"]
"""Columns of a box: half-open, in film pixels."""
MARKS = ["image_id", "map", "row", "col", "score"]


def read_marks(path: Path) -> pd.DataFrame:
    """Marks `MARKS`, or boxes: `BOX` in place of row and col, whose centre is then the mark.

    Raises
    ------
    TableError
        If a column is missing, or a value is none: no number, not finite, an unknown map, an inside-out box.
    """
    frame = _read_csv(path, {"image_id": str, "map": str})
    boxed = set(BOX) <= set(frame) and not {"row", "col"} <= set(frame)
    wanted = ["image_id", "map", *BOX, "score"] if boxed else MARKS
    missing = [column for column in wanted if column not in frame]
    if missing:
        raise TableError(f"{path}: column {missing[0]!r} is missing; wanted {', '.join(wanted)}")
    frame["map"] = frame["map"].replace({"malignant": "malignancy"})
    odd = frame.loc[~frame["map"].isin(LAYERS), "map"].tolist()
    if odd:
        raise TableError(f"{path}: map {odd[0]!r}, wanted lesion or malignancy")
    columns = [column for column in (*BOX, "row", "col", "score") if column in frame]
    frame[columns] = _numbers(path, frame, columns)
    if set(BOX) <= set(frame):
        inside_out = np.flatnonzero((frame["row0"] >= frame["row1"]) | (frame["col0"] >= frame["col1"]))
        if len(inside_out):
            raise TableError(
                f"{path} line {inside_out[0] + 2}: a box without area; row1 and col1 are the first outside"
            )
    if boxed:
        frame["row"] = (frame["row0"] + frame["row1"] - 1) / 2
        frame["col"] = (frame["col0"] + frame["col1"] - 1) / 2
    return frame.loc[:, [*MARKS, *(BOX if set(BOX) <= set(frame) else [])]]


def refuse_marks_off_film(path: Path, marks: pd.DataFrame, films: pd.DataFrame) -> None:
    """No mark stands off its film (image_id, rows, cols): that would be another frame than the film's own.

    Raises
    ------
    TableError
        If one does; they are counted and the first is named.
    """
    off = marks_off_film(marks, films)
    if len(off):
        first = off.iloc[0]
        raise TableError(
            f"{path}: {len(off)} of {len(marks)} marks lie off their film, first ({first['row']:g}, {first['col']:g}) "
            f"on {first['image_id']} of {first['rows']:g} x {first['cols']:g}; wanted pixels of the original film"
        )


def marks_off_film(marks: pd.DataFrame, films: pd.DataFrame) -> pd.DataFrame:
    """Those marks that lie off their film, with its rows and cols."""
    sized = marks.merge(films[["image_id", "rows", "cols"]], on="image_id", how="inner")
    inside = sized["row"].between(-0.5, sized["rows"] - 0.5) & sized["col"].between(-0.5, sized["cols"] - 0.5)
    return sized.loc[~inside]


def read_scores(path: Path) -> pd.DataFrame:
    """`scores.csv`: image_id with score (any scale), probability (0 to 1), or both; one row a film.

    Raises
    ------
    TableError
        If both are missing, a film stands twice, or a value is none.
    """
    frame = _read_csv(path, {"image_id": str})
    columns = [column for column in ("score", "probability") if column in frame]
    if "image_id" not in frame or not columns:
        raise TableError(f"{path}: columns {', '.join(frame.columns[:6])}; wanted image_id and score or probability")
    if frame["image_id"].duplicated().any():
        raise TableError(f"{path}: {frame.loc[frame['image_id'].duplicated(), 'image_id'].iloc[0]} stands twice")
    frame[columns] = _numbers(path, frame, columns)
    if "probability" in frame and not frame["probability"].between(0, 1).all():
        worst = frame.loc[~frame["probability"].between(0, 1)].iloc[0]
        raise TableError(f"{path}: probability {worst['probability']:g} of {worst['image_id']}, wanted 0 to 1")
    return frame.loc[:, ["image_id", *columns]]


def read_women(path: Path) -> list[str]:
    """`women_seen.txt`: one patient_id a line; empty lines and lines that begin with # count for nothing.

    Raises
    ------
    TableError
        If it is no text.
    """
    return sorted(set(_lines(path, "patient_ids, one a line")))


def read_threshold(path: Path) -> float:
    """`threshold.txt`: the probability from which on the system calls a pixel lesion; remarks as in `read_women`.

    Raises
    ------
    TableError
        If it is anything but one number above 0 and at most 1.
    """
    lines = _lines(path, "one number")
    try:
        value = float(lines[0]) if len(lines) == 1 else float("nan")
    except ValueError:
        value = float("nan")
    if not 0 < value <= 1:
        raise TableError(f"{path}: {' '.join(lines)[:40]!r}, wanted one number above 0 and at most 1")
    return value


def _lines(path: Path, wanted: str) -> list[str]:
    """The lines of a text without empty ones and remarks."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a text of {wanted} ({error})") from None
    return [line for line in lines if line and not line.startswith("#")]


def _read_csv(path: Path, texts: dict) -> pd.DataFrame:
    if not path.is_file():
        raise TableError(f"{path}: no such file")
    try:
        frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={}, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table ({error})") from None
    nameless = np.flatnonzero(frame["image_id"] == "") if "image_id" in frame else []
    if len(nameless):
        raise TableError(f"{path} line {nameless[0] + 2}: image_id is empty")
    return frame


def _numbers(path: Path, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The columns as finite float64."""
    values = pd.DataFrame({c: pd.to_numeric(frame[c], errors="coerce") for c in columns}, dtype=float)
    for column in columns:
        bad = np.flatnonzero(~np.isfinite(values[column].to_numpy()))
        if len(bad):
            found = frame[column].iloc[bad[0]]
            raise TableError(f"{path} line {bad[0] + 2}: {column} is {str(found)!r}, not a finite number")
    return values
