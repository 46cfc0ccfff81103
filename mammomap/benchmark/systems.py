"""Systems that a benchmark judges: what each has said of the films, whatever the door it came through.

In: a folder that `segment` made, a folder of other people's maps, or marks or boxes (docs/submission.md). Out: one
`System`, the only thing that the referee sees of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from mammomap.benchmark.detections import (
    read_marks,
    read_scores,
    read_threshold,
    read_women,
    refuse_marks_off_film,
)
from mammomap.benchmark.foreign import extract, open_map
from mammomap.benchmark.mapfiles import find_maps
from mammomap.errors import TableError
from mammomap.masks.mapfile import FilmMap, MapFolder, read_map_folder, women_codes

SCORES, WOMEN, DETECTIONS = "scores.csv", "women_seen.txt", ("marks.csv", "boxes.csv")
THRESHOLD = "threshold.txt"
CASE_LEVELS = ("breast", "patient")
PIXEL = "lesion pixel"
"""The operating point from which on a pixel of the lesion map is called lesion."""


@dataclass
class System:
    """One system: its marks, its maps, its image scores, and what it says of itself."""

    name: str
    origin: str
    marks: pd.DataFrame
    """image_id, map (lesion or malignancy), row, col, score; film pixels. Where the system gave boxes also row0, col0,
    row1, col1 (half-open); (row, col) is then the box's centre."""
    films: frozenset[str] | None
    """Films that it has answered for; None where a CSV of marks cannot say."""
    map_max: Mapping[str, float]
    """The highest mark of the malignancy map on each film."""
    kinds_trained: Sequence[str] = ()
    women_seen: frozenset[str] = frozenset()
    """Codes (`women_codes`) of the women that it says it has seen."""
    folder: MapFolder | None = None
    """Its folder where `segment` made it."""
    film_map: Callable[[str], FilmMap] | None = None
    """image_id -> its map on its Grid, all zero for a film counted as empty; None where there are marks only."""
    probability: Mapping[str, float] | None = None
    case_probability: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Level (`CASE_LEVELS`) -> image_id -> the probability of the film's breast or woman."""
    image_scores: Mapping[str, float] | None = None
    """Scores of images as submitted: any scale, higher is more suspicious."""
    points: Mapping[str, float] = field(default_factory=dict)
    threshold_from: str = ""
    """Who chose `PIXEL`, and on whom."""
    probability_note: str = ""
    prevalence: Mapping[str, float] | None = None
    """Level -> the prevalence that its probabilities hold at, where it is known."""
    missing: int = 0
    """Films without an answer that were counted as empty."""
    extra: tuple[str, ...] = ()
    """Films that it answered for and the truth does not know."""
    notes: tuple[str, ...] = ()
    """What a report has to say beside its figures."""

    def said(self) -> dict:
        """What its entry in a report says beside the figures."""
        return {"missing": self.missing, "extra_films": list(self.extra), "notes": list(self.notes)}


def read_system(
    name: str,
    path: Path,
    films: pd.DataFrame | None = None,
    missing: str = "refuse",
    progress: Callable[..., Iterable] | None = None,
) -> System:
    """A system from a folder of maps, a folder with marks or boxes, or a lone CSV of these.

    films: the judged films (image_id, rows, cols; path for DICOM). Other people's maps need them. missing: with
    `refuse`, a folder that lacks films is refused before any map is read.

    Raises
    ------
    TableError, ImageError
        If it is none of these, or a map or row is faulty; the first is named.
    """
    if path.is_file() and path.suffix.lower() == ".csv":
        return _with_tables(_from_marks(name, path, films), None)
    if not path.is_dir():
        raise TableError(f"{path}: no such file or folder")
    if (path / "segment.json").is_file():
        return _from_own_maps(name, path, films)
    detections = [path / file for file in DETECTIONS if (path / file).is_file()]
    if len(detections) > 1:
        raise TableError(f"{path}: marks.csv and boxes.csv; wanted one of them")
    if detections:
        return _with_tables(_from_marks(name, detections[0], films), path)
    return _with_tables(_from_foreign_maps(name, path, films, missing, progress), path)


def unanswered(name: str, answered: Iterable[str], wanted: Sequence[str], what: str = "map") -> str:
    """One line on the films that lack an answer, or nothing; where the names fit nowhere, both sides are named."""
    have = set(answered)
    lacking = [image_id for image_id in wanted if image_id not in have]
    if not lacking:
        return ""
    others = sorted(have - set(wanted))
    hint = f"; it has {len(others)} of other films, first {others[0]}" if others else ""
    counted = f"no {what} for {len(lacking)} of {len(wanted)} films, first {lacking[0]}"
    return f"{name}: {counted}{hint}; --missing empty counts them as empty"


def _from_own_maps(name: str, path: Path, films: pd.DataFrame | None) -> System:
    folder = read_map_folder(path)
    maxima = {film["image_id"]: film["map_max"] for film in folder.films.to_dict("records")}
    system = System(
        name=name,
        origin=f"maps of {folder.about['model']}",
        marks=folder.candidates,
        films=frozenset(folder.done),
        map_max={image_id: float(maxima[image_id]) for image_id in folder.done},
        kinds_trained=folder.about["kinds_trained"],
        women_seen=frozenset(folder.about["women_seen"]),
        folder=folder,
        film_map=folder.map,
    )
    if "score" in folder.films:  # of a classifier of images
        given = folder.films[folder.films["status"] == "done"]
        system.image_scores = dict(zip(given["image_id"], given["score"].astype(float), strict=True))
    scores, beside = path / SCORES, path / "scores.json"
    if scores.is_file() and beside.is_file():
        about = json.loads(beside.read_text())
        table = pd.read_csv(scores, dtype={"image_id": str})
        of_film = dict(zip(table["image_id"], table[about["column"]], strict=True))
        if about["column"] == "probability":
            system.probability = of_film
            system.case_probability = {
                level: dict(zip(table["image_id"], table[f"probability_{level}"], strict=True))
                for level in CASE_LEVELS
                if f"probability_{level}" in table
            }
        else:
            system.image_scores = of_film
        system.points = about["operating_points"]
        system.threshold_from = about["thresholds_from"]
        system.women_seen |= frozenset(about["women_seen"])
        system.probability_note = about["score"]
        system.prevalence = {name: level["prevalence"] for name, level in about["levels"].items()}
    if (path / THRESHOLD).is_file():
        system.points = {**system.points, PIXEL: read_threshold(path / THRESHOLD)}
        system.threshold_from = f"{THRESHOLD} of the submission"
    return system


def _from_marks(name: str, table: Path, films: pd.DataFrame | None) -> System:
    marks = read_marks(table)
    if films is not None:
        refuse_marks_off_film(table, marks, films)
    notes = []
    if len(marks) and "malignancy" not in set(marks["map"]):
        marks = pd.concat([marks, marks.assign(map="malignancy")], ignore_index=True)
        notes.append("no marks of malignancy: those of lesions stand for both")
    what = "boxes, each judged by its centre," if "row0" in marks else "marks"
    return System(
        name=name,
        origin=f"{what} in {table.name}; a film without marks counts as searched and empty",
        marks=marks,
        films=None,
        map_max=_highest(marks),
        notes=tuple(notes),
    )


def _from_foreign_maps(
    name: str, path: Path, films: pd.DataFrame | None, missing: str, progress: Callable[..., Iterable] | None
) -> System:
    if films is None:
        raise ValueError("other people's maps need the films that they belong to")
    files = find_maps(path, films)
    fault = unanswered(name, files.files, films["image_id"].tolist())
    if fault and missing == "refuse":
        raise TableError(fault)
    found = extract(files, films, progress)
    sizes = {film.image_id: (int(film.rows), int(film.cols)) for film in films.itertuples()}
    threshold, threshold_from = _threshold(path, files.form, found.hard)
    return System(
        name=name,
        origin=f"{files.form} maps in {path.name}",
        marks=found.marks,
        films=frozenset(files.files),
        map_max=dict.fromkeys(files.files, 0.0) | _highest(found.marks),
        film_map=lambda image_id: open_map(found.files, image_id, sizes[image_id]),
        points={} if threshold is None else {PIXEL: threshold},
        threshold_from=threshold_from,
        notes=tuple(found.notes),
    )


def _threshold(path: Path, form: str, hard: bool) -> tuple[float | None, str]:
    """From which probability on a pixel is called lesion, and who says so; None where nobody does."""
    if (path / THRESHOLD).is_file():
        return read_threshold(path / THRESHOLD), f"{THRESHOLD} of the submission"
    if hard:
        return 0.5, "the labels as submitted"
    if form == "nnU-Net softmax":
        return 0.5, "nnU-Net's own rule: lesion likelier than background"
    return None, ""


def _with_tables(system: System, path: Path | None) -> System:
    """What lies beside maps or marks in their folder: image scores, and the women that the model has seen."""
    if path and (path / SCORES).is_file():
        table = read_scores(path / SCORES)
        lacking = sorted((system.films or frozenset()) - set(table["image_id"]))
        if lacking:
            raise TableError(f"{path / SCORES}: no score for {len(lacking)} films, first {lacking[0]}")
        ids = table["image_id"].tolist()
        if "probability" in table:
            system.probability = dict(zip(ids, table["probability"].tolist(), strict=True))
            system.probability_note = "as submitted; the prevalence that it was fitted at is not known"
        if "score" in table:
            system.image_scores = dict(zip(ids, table["score"].tolist(), strict=True))
        system.films = frozenset(ids) if system.films is None else system.films
    if path and (path / WOMEN).is_file():
        system.women_seen = frozenset(women_codes(read_women(path / WOMEN)))
    else:
        system.notes = (*system.notes, f"no {WOMEN}: which women its model has seen is not known")
    return system


def _highest(marks: pd.DataFrame) -> dict[str, float]:
    """The highest mark of the malignancy map on each film that has one."""
    claims = marks[marks["map"] == "malignancy"].sort_values("score")
    return dict(zip(claims["image_id"], claims["score"].astype(float), strict=True))  # of several the last stays
