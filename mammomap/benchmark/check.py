"""`mammomap benchmark --check`: what is wrong with a submission, without any truth.

In: a submission (docs/submission.md) and a list of films: `films.csv` (image_id, rows, cols, and where their pixels
may be seen `file`, a path from the CSV's folder; without rows and cols the picture's own), or tables. Out: one line
for each finding, and notes that are no fault. Each film is looked at alone, so all faults come out at once.

Where film pixels are given, the share of a map's weight (its values above its median) that lies on the breast is
taken as it is and mirrored; below `LEAST_ON_BREAST` the map is off the breast, and a mirrored one that has
`BETTER_BY` more of it there fits better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.detections import marks_off_film, read_marks, read_scores, read_threshold, read_women
from mammomap.benchmark.foreign import Facts, Job, film_job, notes_on, read_one, settle_labels, two_processes
from mammomap.benchmark.mapfiles import find_maps
from mammomap.benchmark.systems import DETECTIONS, SCORES, THRESHOLD, WOMEN
from mammomap.errors import ImageError, MammomapError, TableError
from mammomap.eval.candidates import CandidateSettings
from mammomap.masks.breast import find_breast
from mammomap.masks.mapfile import read_map_folder
from mammomap.masks.read import read_film
from mammomap.masks.splits import Split
from mammomap.masks.tables import read_tables

LEAST_ON_BREAST = 0.5
BETTER_BY = 0.2


@dataclass(frozen=True)
class Checked:
    """What came of a check."""

    what: str
    """The submission in words."""
    findings: list[str]
    """Faults, one line each; empty where it can be judged as it is."""
    notes: list[str]
    """What is no fault but will stand beside its figures."""


def check_submission(
    path: Path,
    film_list: Path,
    progress: Callable[..., Iterable] | None = None,
    *,
    split: Split | None = None,
    part: str = "test",
) -> Checked:
    """Look at every film of a submission, or at those of a part.

    Raises
    ------
    TableError
        If the list of films cannot be read, or the submission is none at all.
    """
    films = read_film_list(film_list, split, part)
    if path.is_dir() and (path / "segment.json").is_file():
        return _check_own(path, films)
    table = path if path.is_file() else next((path / name for name in DETECTIONS if (path / name).is_file()), None)
    if table is not None:
        found = _check_marks(table, films)
    elif path.is_dir():
        found = _check_maps(path, films, progress)
    else:
        raise TableError(f"{path}: no such file or folder")
    findings = [*found.findings, *_check_beside(path, films)] if path.is_dir() else found.findings
    return Checked(found.what, findings, found.notes)


def read_film_list(path: Path, split: Split | None = None, part: str = "test") -> pd.DataFrame:
    """image_id, rows, cols and path (empty where there are no pixels) of a `films.csv`, or of tables or a part of them.

    Raises
    ------
    TableError
        If it is neither, a column is missing, or a film stands twice.
    """
    if path.is_dir():
        tables = read_tables(path)
        films = split.tables(tables, part).films if split else tables.films
        return films.loc[:, ["image_id", "rows", "cols", "path"]]
    if split is not None:
        raise TableError(f"{path}: a split goes with tables of 'mammomap index', which know the woman of each film")
    if not path.is_file():
        raise TableError(f"{path}: no such file; wanted films.csv or tables")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise TableError(f"{path}: not a CSV table ({error})") from None
    needed = {"image_id"} | (set() if "file" in frame else {"rows", "cols"})
    if needed - set(frame):
        raise TableError(f"{path}: column {min(needed - set(frame))!r} is missing; wanted image_id, rows, cols or file")
    if frame["image_id"].duplicated().any():
        raise TableError(f"{path}: {frame.loc[frame['image_id'].duplicated(), 'image_id'].iloc[0]} stands twice")
    rows = []
    for line, film in enumerate(frame.to_dict("records"), start=2):
        file = path.parent / film["file"] if film.get("file") else None
        sizes = [film.get("rows", ""), film.get("cols", "")]
        if file is not None and not all(sizes):
            sizes = list(read_film(file).shape)
        try:
            height, width = (int(float(size)) for size in sizes)
        except ValueError:
            raise TableError(f"{path} line {line}: rows {sizes[0]!r}, cols {sizes[1]!r}, wanted numbers") from None
        rows.append({"image_id": film["image_id"], "rows": height, "cols": width, "path": str(file or "")})
    return pd.DataFrame(rows, columns=["image_id", "rows", "cols", "path"])


def breast_shares(lesion: NDArray[np.float32], breast: NDArray[np.uint8]) -> dict[str, float]:
    """Share of a map's weight on the breast, as it is and mirrored; empty where the map has no weight.

    lesion: `(rows, cols)` in [0, 1]; breast: 1 inside, any size, covering the same film. A square map is also tried
    with rows and columns exchanged.
    """
    small = cv2.resize(lesion, breast.shape[::-1], interpolation=cv2.INTER_AREA)
    weight = np.clip(small - np.median(lesion), 0, None)
    if not weight.sum() > 0:
        return {}
    ways = {"": weight, "left to right": weight[:, ::-1], "upside down": weight[::-1], "both ways": weight[::-1, ::-1]}
    if lesion.shape[0] == lesion.shape[1] and breast.shape[0] == breast.shape[1]:
        ways["with rows and columns exchanged"] = weight.T
    return {way: float((turned * (breast > 0)).sum() / weight.sum()) for way, turned in ways.items()}


def _check_maps(path: Path, films: pd.DataFrame, progress: Callable[..., Iterable] | None) -> Checked:
    try:
        files = find_maps(path, films)
    except MammomapError as error:
        return Checked(path.name, [str(error)], [])
    findings = _names(list(files.files), films)
    there = films[films["image_id"].isin(list(files.files))]
    jobs = [(film_job(files, f.image_id, (int(f.rows), int(f.cols))), f.path) for f in there.itertuples()]
    pixels = int((there["rows"] * there["cols"]).sum())
    facts: list[Facts] = []
    unseen = 0
    for fact, lines, seen in two_processes(_look, jobs, pixels, progress, "check maps"):
        findings += lines
        unseen += not seen
        if fact is not None:
            facts.append(fact)
    try:
        settle_labels(files, facts)
    except TableError as error:
        findings.append(str(error))
    notes = notes_on(facts)
    if unseen:
        notes.append(f"{unseen} of {len(jobs)} films without pixels or breast: where their maps lie was not checked")
    kinds = ", ".join(sorted({str(fact.dtype) for fact in facts}))
    layers = " and ".join(sorted({layer for fact in facts for layer in fact.layers}))
    what = f"{len(films)} films, {len(files.files)} maps: {files.form}" + (f", {kinds}, {layers}" if facts else "")
    return Checked(what, findings, notes)


def _look(job: tuple[Job, str]) -> tuple[Facts | None, list[str], bool]:
    """One film: what its map is like, what is wrong with it, and whether its place could be checked."""
    reading, film = job
    try:
        film_map, facts = read_one(reading)
    except ImageError as error:
        return None, [str(error)], True
    if facts.constant is not None and facts.constant > CandidateSettings().floor:
        return facts, [f"{facts.image_id}: {facts.constant:g} everywhere"], True
    if not film:
        return facts, [], False
    try:
        breast = find_breast(read_film(Path(film))).mask
    except ImageError:
        return facts, [], False
    shares = breast_shares(film_map.lesion, breast)
    if not shares:
        return facts, [], True
    best = max(shares, key=lambda way: shares[way])
    here = f"{shares['']:.0%} of its weight lies on the breast"
    if shares[best] >= shares[""] + BETTER_BY:
        return facts, [f"{facts.image_id}: the map fits better mirrored {best} ({shares[best]:.0%}; now {here})"], True
    if shares[""] < LEAST_ON_BREAST:
        return facts, [f"{facts.image_id}: the map lies mostly off the breast ({here})"], True
    return facts, [], True


def _check_marks(table: Path, films: pd.DataFrame) -> Checked:
    try:
        marks = read_marks(table)
    except TableError as error:
        return Checked(table.name, [str(error)], [])
    strange = sorted(set(marks["image_id"]) - set(films["image_id"]))
    findings = [f"{image_id}: marks, but no such film in the list" for image_id in strange]
    for image_id, part in marks_off_film(marks, films).groupby("image_id"):
        first = part.iloc[0]
        findings.append(
            f"{image_id}: {len(part)} marks off the film of {first['rows']:g} x {first['cols']:g}, "
            f"first ({first['row']:g}, {first['col']:g})"
        )
    without = len(set(films["image_id"]) - set(marks["image_id"]))
    notes = [f"{without} films without a mark: they count as searched and empty"] if without else []
    what = "boxes" if "row0" in marks else "marks"
    return Checked(f"{len(films)} films, {len(marks)} {what}", findings, notes)


def _check_own(path: Path, films: pd.DataFrame) -> Checked:
    folder = read_map_folder(path)
    findings = _names(folder.films["image_id"].tolist(), films)
    aside = folder.films[folder.films["status"] != "done"]
    findings += [f"{row.image_id}: set aside: {row.reason}" for row in aside.itertuples()]
    done = set(folder.done)
    for film in films.itertuples():
        if film.image_id not in done:
            continue
        try:
            grid = folder.map(film.image_id).grid
        except ImageError as error:
            findings.append(str(error))
            continue
        if (grid.film_rows, grid.film_cols) != (film.rows, film.cols):
            findings.append(
                f"{film.image_id}: a map of a film of {grid.film_rows} x {grid.film_cols}, "
                f"the list has {film.rows} x {film.cols}"
            )
    return Checked(f"{len(films)} films, {len(done)} maps of {folder.about['model']}", findings, [])


def _names(there: list[str], films: pd.DataFrame) -> list[str]:
    """Missing and extra films, one line each."""
    listed = films["image_id"].tolist()
    missing = [f"{image_id}: no map" for image_id in listed if image_id not in set(there)]
    return missing + [
        f"{image_id}: a map, but no such film in the list" for image_id in sorted(set(there) - set(listed))
    ]


def _check_beside(path: Path, films: pd.DataFrame) -> list[str]:
    """Faults of scores.csv, women_seen.txt and threshold.txt."""
    findings = []
    try:
        if (path / SCORES).is_file():
            ids = set(read_scores(path / SCORES)["image_id"])
            listed = set(films["image_id"])
            findings += [f"{SCORES}: no score for {image_id}" for image_id in sorted(listed - ids)]
            findings += [f"{SCORES}: {image_id} is no film of the list" for image_id in sorted(ids - listed)]
        if (path / WOMEN).is_file():
            read_women(path / WOMEN)
        if (path / THRESHOLD).is_file():
            read_threshold(path / THRESHOLD)
    except TableError as error:
        findings.append(str(error))
    return findings
