"""From truth and systems to the evidence (`evidence`): all that a report needs of films, outlines and maps.

In: `Truth`, `System`s, the breasts that were found. Out: `Evidence`. Women appear by their codes; no path and no name
goes into it. `place` says where a mark lies: "beside a lesion" (outside every outline, but no farther from an
outline's centre than the outline's diameter), "upper corner at the chest wall" (of an oblique view, where the pectoral
muscle lies: shares of the breast's box down and across add to less than `CORNER`), "breast border" (within
`BORDER` of the film's height of the skin, or outside the breast), "elsewhere"; "unknown" where no breast was found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.evidence import STANDARD, Evidence
from mammomap.benchmark.judge import Said
from mammomap.benchmark.mapreading import OVERLAP, MapReading, no_overlap, read_maps
from mammomap.benchmark.systems import CASE_LEVELS, PIXEL, System
from mammomap.benchmark.trivial import BreastOf
from mammomap.benchmark.truth import Truth, women_seen
from mammomap.eval.matching import RULES, FilmMarks, Lesion
from mammomap.eval.regions import Region
from mammomap.masks.mapfile import woman_code
from mammomap.masks.outlines import Outline
from mammomap.masks.yardsticks import area_px, yardsticks

CORNER = 0.5
BORDER = 0.02
OBLIQUE = ("MLO", "ML", "LMO", "MLO-ID")
_BOX = ["row0", "col0", "row1", "col1"]


def collect(
    truth: Truth,
    systems: Sequence[System],
    breasts: Mapping[str, BreastOf] | None = None,
    *,
    ranges: bool = False,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[Evidence, dict[str, MapReading]]:
    """Everything that the figures of these systems rest on, and by system what came of its maps, where it has any.

    ranges: also the marks of halved and doubled smoothing and distance.
    """
    breasts = breasts or {}
    films, lesions = _films(truth, breasts), _lesions(truth)
    marks, overlap, readings = [], [], {}
    for system in systems:
        kept = system.marks[system.marks["image_id"].isin(truth.films["image_id"])]
        marks.append(kept.assign(system=system.name, setting=STANDARD))
        if system.film_map is not None:
            reading = readings[system.name] = read_maps(truth, system, ranges, progress)
            marks.append(reading.marks.assign(system=system.name))
            overlap.append(reading.overlap.assign(system=system.name))
    table = pd.concat([part for part in marks if len(part)] or marks[:1], ignore_index=True)
    table["mark"] = np.arange(len(table))
    table, hits = _judged(truth, table, breasts)
    columns = ["system", "setting", "mark", "image_id", "map", "row", "col", "score", "place"]
    counted = [part for part in overlap if len(part)]
    pixels = pd.concat(counted, ignore_index=True) if counted else pd.DataFrame(columns=["system", *OVERLAP])
    return Evidence(films, lesions, table[columns], hits, _scores(truth, systems), pixels), readings


def said(truth: Truth, system: System, role: str = "submitted", in_sample: bool = False) -> Said:
    """What the report says of a system beside its figures. in_sample: women whom its model has seen were allowed."""
    told = system.said()
    return Said(
        name=system.name,
        role=role,
        origin=system.origin,
        kinds_trained=tuple(system.kinds_trained),
        in_sample=bool(in_sample and women_seen(truth, system)),
        missing=told["missing"],
        extra_films=tuple(told["extra_films"]),
        notes=tuple(told["notes"]),
        boxes="row0" in system.marks,
        fitted_at=system.prevalence,
        probability_note=system.probability_note,
        threshold=system.points.get(PIXEL),
        threshold_from=system.threshold_from,
        no_overlap=no_overlap(truth, system),
    )


def _films(truth: Truth, breasts: Mapping[str, BreastOf]) -> pd.DataFrame:
    films = truth.films
    text = {name: _text(films[name]) for name in ("side", "view", "source", "density", "kinds_not_outlined", "fold")}
    scores = (
        yardsticks(truth.counted, truth.outlines)
        .set_index("image_id")
        .reindex(films["image_id"])
        .reset_index(drop=True)
    )
    share = [breasts[i].share if i in breasts else float("nan") for i in films["image_id"]]
    table = pd.DataFrame(
        {
            "image_id": films["image_id"].astype(str),
            "woman": [woman_code(name) for name in films["patient_id"]],
            **text,
            "malignant": films["malignant"].astype(bool),
            "rows": films["rows"].astype(int),
            "cols": films["cols"].astype(int),
            "spacing_mm": films["spacing_mm"].astype(float),
        }
    )
    return pd.concat([table, scores, pd.Series(share, name="breast_share", dtype=float)], axis=1)


def _lesions(truth: Truth) -> pd.DataFrame:
    """One row an outline, in the order of the films."""
    described = truth.counted.lesions.set_index(["image_id", "lesion_id"])
    rows = []
    for film in truth.films.itertuples():
        for outline in truth.outlines[film.image_id]:
            told = described.loc[(film.image_id, outline.lesion_id)]
            diameter = 2 * float(np.sqrt(area_px(outline) / np.pi))
            rows.append(
                {
                    "lesion": len(rows),
                    "image_id": str(film.image_id),
                    "lesion_id": outline.lesion_id,
                    "kind": outline.kind,
                    "malignant": outline.malignant,
                    "ignored": outline.ignored,
                    "shape": outline.shape,
                    **{name: told[name] for name in DESCRIBED},
                    "size_share": diameter / float(film.rows),
                    "size_mm": diameter * float(film.spacing_mm) if pd.notna(film.spacing_mm) else float("nan"),
                }
            )
    columns = ["lesion", "image_id", "lesion_id", "kind", "malignant", "ignored", "shape", *DESCRIBED]
    table = pd.DataFrame(rows, columns=[*columns, "size_share", "size_mm"])
    for name in DESCRIBED:
        table[name] = pd.Series(_text(table[name]), dtype=object)  # no lesion at all: still a column of text
    return table.astype({"lesion": int, "malignant": bool, "ignored": bool, "size_share": float, "size_mm": float})


DESCRIBED = (
    "assessment",
    "subtlety",
    "mass_shape",
    "mass_margins",
    "calc_type",
    "calc_distribution",
)


def _text(column: pd.Series) -> list[str]:
    """A column as text; empty where nothing is known."""
    return ["" if pd.isna(value) else str(value) for value in column]


def _judged(truth: Truth, marks: pd.DataFrame, breasts: Mapping[str, BreastOf]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The marks with their places, and the hits."""
    by_film = {str(image_id): group for image_id, group in marks.groupby("image_id")}
    place = pd.Series("unknown", index=marks.index)
    hits, first = [], 0
    for film in truth.films.itertuples():
        outlines = truth.outlines[film.image_id]
        group = by_film.get(film.image_id)
        if group is not None:
            places = group[["row", "col"]].to_numpy(float)
            place.loc[group.index] = places_of(places, outlines, breasts.get(film.image_id), str(film.view))
            for number, outline in enumerate(outlines, start=first):
                hits += _hits(group, places, outline, number)
        first += len(outlines)
    table = pd.DataFrame(hits, columns=["rule", "mark", "lesion"])
    return marks.assign(place=place), table.astype({"mark": int, "lesion": int})


def _hits(group: pd.DataFrame, places: NDArray, outline: Outline, number: int) -> list[tuple[str, int, int]]:
    lesion = Lesion(Region(*outline.part), contains=outline.contains)
    found = []
    for rule, is_hit in RULES.items():
        boxes = group[_BOX].to_numpy(float) if rule == "box" and set(_BOX) <= set(group) else None
        has = np.ones(len(group), bool) if rule != "box" else _with_box(boxes, len(group))
        if has.any():
            marks = FilmMarks(places[has], group["score"].to_numpy(float)[has], None if boxes is None else boxes[has])
            found += [(rule, int(mark), number) for mark in group["mark"].to_numpy()[has][is_hit(marks, lesion)]]
    return found


def _with_box(boxes: NDArray | None, n: int) -> NDArray[np.bool_]:
    return np.zeros(n, bool) if boxes is None else np.asarray(np.isfinite(boxes).all(axis=1))


def places_of(points: NDArray, outlines: Sequence[Outline], breast: BreastOf | None, view: str) -> list[str]:
    """Where each of the points `(n, 2)` lies, in the words of this module."""
    words = np.full(len(points), "unknown" if breast is None else "elsewhere", object)
    if breast is not None:
        rows, cols = breast.mask.shape
        down, across = rows / breast.film_size[0], cols / breast.film_size[1]
        inside = cv2.distanceTransform(np.pad(breast.mask, 1, mode="edge"), cv2.DIST_L2, 5)[1:-1, 1:-1]
        at = np.rint((points + 0.5) * [down, across] - 0.5).astype(int)
        deep = inside[np.clip(at[:, 0], 0, rows - 1), np.clip(at[:, 1], 0, cols - 1)]
        words[deep <= BORDER * rows] = "breast border"
        if view in OBLIQUE:
            words[breast.placed(points).clip(0).sum(axis=1) < CORNER] = "upper corner at the chest wall"
    for outline in outlines:
        away = np.hypot(*(points - outline.centre).T)
        near = (away <= 2 * np.sqrt(area_px(outline) / np.pi)) & ~outline.contains(points)
        words[near] = "beside a lesion"
    return words.tolist()


def _scores(truth: Truth, systems: Sequence[System]) -> pd.DataFrame:
    rows = [
        {
            "system": system.name,
            "image_id": str(image_id),
            "map_max": float(system.map_max.get(image_id, 0.0)),
            "score": _of(system.image_scores, image_id),
            "probability": _of(system.probability, image_id),
            **{f"probability_{level}": _of(system.case_probability.get(level), image_id) for level in CASE_LEVELS},
        }
        for system in systems
        for image_id in truth.films["image_id"]
    ]
    numbers = ("map_max", "score", "probability", *(f"probability_{level}" for level in CASE_LEVELS))
    return pd.DataFrame(rows).astype(dict.fromkeys(numbers, float))


def _of(scores: Mapping[str, float] | None, image_id: str) -> float:
    return float("nan") if scores is None else float(scores[image_id])
