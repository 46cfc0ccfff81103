"""What the page says of the whole set: the list of films with their scores, and what the model was made for.

In: a folder of maps, with the files of `mammomap classify` where they are there. Out: plain dictionaries for
`data/films.js`. A score is called what `scores.csv` calls it; it is a probability only there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import mammomap
from mammomap.masks.findings import finding_threshold, findings
from mammomap.masks.mapfile import DEFAULT_THRESHOLD, LAYERS, MapFolder
from mammomap.report.film_pictures import about_model

_WORDS = ("woman", "exam", "side", "view", "flags", "outside", "status", "reason")
_TEXTS = dict.fromkeys(("image_id", "woman", "side", "view", "because"), str)


@dataclass(frozen=True)
class Scores:
    """What `mammomap classify` wrote into the folder; empty where it has not been called."""

    about: dict = field(default_factory=dict)
    rows: dict[str, dict] = field(default_factory=dict)
    """By image_id."""
    reasons: dict[str, list[dict]] = field(default_factory=dict)
    """By image_id, in the order of scores.reasons.csv."""

    @property
    def column(self) -> str:
        """probability or score."""
        return self.about.get("column", "score")


def read_scores(folder: MapFolder) -> Scores:
    """The scores of a folder of maps."""
    table, beside, told = (folder.folder / name for name in ("scores.csv", "scores.json", "scores.reasons.csv"))
    if not (table.is_file() and beside.is_file()):
        return Scores()
    rows = pd.read_csv(table, dtype=_TEXTS).to_dict("records")
    reasons: dict[str, list[dict]] = {}
    for row in pd.read_csv(told, dtype=_TEXTS).to_dict("records") if told.is_file() else ():
        reasons.setdefault(str(row["image_id"]), []).append({str(name): value for name, value in row.items()})
    by_film = {str(row["image_id"]): {str(name): value for name, value in row.items()} for row in rows}
    return Scores(json.loads(beside.read_text()), by_film, reasons)


def columns_of(folder: MapFolder, scores: Scores) -> list[dict[str, str]]:
    """The columns of figures in the list: key and heading."""
    name = scores.column
    known = [(name, name), (f"{name}_breast", f"{name}, breast"), (f"{name}_patient", f"{name}, woman")]
    shown = [(key, head) for key, head in known if any(key in row for row in scores.rows.values())]
    if not shown and "score" in folder.films:
        shown = [("score", "score")]
    return [{"key": key, "head": head} for key, head in [*shown, ("map_max", "highest malignancy")]]


def list_films(folder: MapFolder, scores: Scores) -> list[dict]:
    """One dictionary a film of films.csv, in its order."""
    columns = [column["key"] for column in columns_of(folder, scores)]
    tops = _candidate_scores(folder)
    listed = []
    for row in folder.films.to_dict("records"):
        image_id = str(row["image_id"])
        told = {**row, **scores.rows.get(image_id, {})}
        listed.append(
            {
                "id": image_id,
                **{name: text(row.get(name)) for name in _WORDS},
                "seen": text(row.get("seen")) == "net",
                "spacing": number(row.get("spacing_mm")),
                "values": {key: number(told.get(key)) for key in columns},
                "tops": tops.get(image_id, {layer: [] for layer in LAYERS}),
            }
        )
    return listed


def about(folder: MapFolder, scores: Scores) -> dict[str, Any]:
    """What holds for all films."""
    threshold, source = finding_threshold(
        scores.about.get("operating_points", {}), folder.about.get("threshold", DEFAULT_THRESHOLD)
    )
    return {
        "made": f"mammomap {mammomap.__version__}",
        "trained": about_model(folder.about),
        "nothing": nothing_words(folder.about["kinds_trained"]),
        "threshold": threshold,
        "threshold_from": source,
        "columns": columns_of(folder, scores),
        "score_says": scores.about.get("score", ""),
        "in_sample": bool(scores.about.get("in_sample", False)),
    }


def nothing_words(kinds: Sequence[str]) -> list[str]:
    """What a film without a candidate reads, before and after the threshold."""
    return findings([], kinds, DEFAULT_THRESHOLD).split(f" {DEFAULT_THRESHOLD}")


def text(value: Any) -> str:
    """A cell as text; empty where there is none."""
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value)


def number(value: Any) -> float | None:
    """A cell as a number, or None where there is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _candidate_scores(folder: MapFolder) -> dict[str, dict[str, list[float]]]:
    """Scores of the candidates by film and layer, best first, so that the list can count them above any threshold."""
    found: dict[str, dict[str, list[float]]] = {}
    for image_id, rows in folder.candidates.groupby("image_id"):
        found[str(image_id)] = {
            layer: sorted((round(float(x), 4) for x in rows.loc[rows["map"] == layer, "score"]), reverse=True)
            for layer in LAYERS
        }
    return found
