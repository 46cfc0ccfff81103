"""What the page says of the whole set: the list of films with their scores, and what the model was made for.

In: a folder of maps, with the files of `mammomap classify` where they are there. Out: plain dictionaries for
`data/films.js`. A score is called what `scores.csv` calls it; it is a probability only there.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import mammomap
from mammomap.masks.mapfile import LAYERS, MapFolder
from mammomap.masks.tables import KINDS
from mammomap.report.examples import THRESHOLD

POINT = "candidate 1 false positives per film"
"""The operating point at which the threshold begins, where a head has told one."""
_IMAGING = {
    "film": "digitised films",
    "digital": "digital mammograms",
    "film and digital": "digitised films and digital mammograms",
}
_MANY = {"mass": "masses", "calcification": "calcifications"}
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
    return [{"key": key, "head": head} for key, head in [*shown, ("map_max", "map maximum")]]


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
                **{name: text(row.get(name)) for name in ("woman", "exam", "side", "view", "status", "reason")},
                "seen": text(row.get("seen")) == "net",
                "spacing": number(row.get("spacing_mm")),
                "values": {key: number(told.get(key)) for key in columns},
                "tops": tops.get(image_id, {layer: [] for layer in LAYERS}),
            }
        )
    return listed


def about(folder: MapFolder, scores: Scores) -> dict[str, Any]:
    """What holds for all films."""
    trained = folder.about.get("trained_for") or {}
    kinds = tuple(trained.get("kinds", folder.about.get("kinds_trained", ())))
    points = scores.about.get("operating_points", {})
    return {
        "made": f"mammomap {mammomap.__version__}",
        "model": folder.about.get("model", ""),
        "trained": trained_words(kinds, trained),
        "nothing": nothing_words(kinds),
        "threshold": number(points.get(POINT)) if POINT in points else THRESHOLD,
        "threshold_from": f"operating point: {POINT}" if POINT in points else "no operating point yet",
        "columns": columns_of(folder, scores),
        "score_says": scores.about.get("score", ""),
        "in_sample": bool(scores.about.get("in_sample", False)),
    }


def trained_words(kinds: tuple[str, ...], trained: Mapping[str, Any]) -> str:
    """What the model was made for, in one sentence."""
    if not kinds:
        return "The model was not trained to find any kind of lesion."
    sought = " and ".join(_MANY.get(kind, kind) for kind in kinds)
    detail = number(trained.get("detail_mm"))
    return (
        f"Trained to find {sought} on {_IMAGING.get(trained.get('imaging', ''), 'films of unknown kind')}"
        + (f", finest detail {detail:.2g} mm" if detail else "")
        + "."
    )


def nothing_words(kinds: tuple[str, ...]) -> list[str]:
    """What a film without a candidate reads, before and after the threshold."""
    left = [_MANY[kind] for kind in KINDS if kind not in kinds]
    if not kinds:
        return ["no candidate above", "; the model was trained on no kind of lesion"]
    return [f"no {' or '.join(kinds)} candidate above", f"; {' and '.join(left)} not searched" if left else ""]


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
