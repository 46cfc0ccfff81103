"""Systems that a benchmark judges: folders of maps, or CSVs of marks (`docs/benchmark.md`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.mapfile import MapFolder, read_map_folder


@dataclass
class System:
    """One system: its marks, its image scores, and what it says of itself."""

    name: str
    origin: str
    marks: pd.DataFrame
    """image_id, map (lesion or malignancy), row, col, score; film pixels"""
    films: frozenset[str] | None
    """Films that it has answered for; None where a CSV of marks cannot say."""
    map_max: Mapping[str, float]
    kinds_trained: Sequence[str] = ()
    women_seen: frozenset[str] = frozenset()
    folder: MapFolder | None = None
    probability: Mapping[str, float] | None = None
    points: Mapping[str, float] = field(default_factory=dict)
    probability_note: str = ""


def read_system(name: str, path: Path) -> System:
    """A system from a folder of maps (with `scores.csv` in it, if classified) or a CSV of marks.

    Raises
    ------
    TableError
        If it is neither.
    """
    if path.suffix == ".csv":
        return _system_from_marks(name, path)
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
    )
    scores, beside = path / "scores.csv", path / "scores.json"
    if scores.is_file() and beside.is_file():
        about = json.loads(beside.read_text())
        table = pd.read_csv(scores, dtype={"image_id": str})
        system.probability = dict(zip(table["image_id"], table["probability"], strict=True))
        system.points = about["operating_points"]
        system.women_seen |= frozenset(about["women_seen"])
        system.probability_note = about["score"]
    return system


def _system_from_marks(name: str, path: Path) -> System:
    if not path.is_file():
        raise TableError(f"{path}: no such file")
    marks = pd.read_csv(path, dtype={"image_id": str, "map": str})
    missing = {"image_id", "map", "row", "col", "score"} - set(marks)
    if missing:
        raise TableError(f"{path}: column {min(missing)!r} is missing; wanted image_id, map, row, col, score")
    marks["map"] = marks["map"].replace({"malignant": "malignancy"})
    odd = set(marks["map"]) - {"lesion", "malignancy"}
    if odd:
        raise TableError(f"{path}: map {min(odd)!r}, wanted lesion or malignancy")
    if not np.isfinite(marks[["row", "col", "score"]].to_numpy(float)).all():
        raise TableError(f"{path}: a row, col or score is not a finite number")
    claims = marks[marks["map"] == "malignancy"].sort_values("score")
    return System(
        name=name,
        origin=f"marks in {path.name}; a film without marks counts as searched and empty",
        marks=marks,
        films=None,
        map_max=dict(
            zip(claims["image_id"], claims["score"].astype(float), strict=True)
        ),  # of several the last, highest, stays
    )
