"""The pictures of a report: films chosen by a rule, with truth and map laid over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

from mammomap.benchmark.systems import System
from mammomap.benchmark.truth import Truth
from mammomap.masks.findings import finding_threshold
from mammomap.masks.grid import Grid
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.outlines import Outline
from mammomap.masks.read import read_film
from mammomap.report.overlay import overlay
from mammomap.report.page import Picture

EACH = 3
RULE = (
    "Films with lesions, ordered by the score of the best hit minus the score of the best false mark on the lesion "
    f"map; the {EACH} highest, the {EACH} around the middle, the {EACH} lowest."
)


PICTURE_ROWS = 576
"""Rows of a film in a picture, for maps that are larger."""
MOST_DIFFERING = 2
"""Films that are shown for each side of a pair of systems."""


def case_pictures(
    truth: Truth, system: System, margins: Mapping[str, float], progress: Callable[..., Iterable] | None = None
) -> list[Picture]:
    """Best, median and worst films of a system that has maps; none where it has marks only."""
    if system.film_map is None or not margins:
        return []
    ordered = sorted(margins, key=lambda image_id: (-margins[image_id], image_id))
    each, middle = min(EACH, len(ordered)), max(0, len(ordered) // 2 - EACH // 2)
    wanted = [(image_id, "best") for image_id in ordered[:each]]
    wanted += [(image_id, "median") for image_id in ordered[middle : middle + each]]
    wanted += [(image_id, "worst") for image_id in ordered[-each:]]
    show = progress or (lambda items, **_: items)
    return [
        _picture(truth, system, image_id, group, f"margin {margins[image_id]:+.2f}")
        for image_id, group in show(wanted, total=len(wanted), desc="pictures", unit="film")
    ]


def differing_pictures(truth: Truth, systems: Sequence[System], differing: Sequence[Mapping]) -> list[Picture]:
    """Films on which the first system and another one with maps differ most, by each of the two."""
    by_name = {system.name: system for system in systems if system.film_map is not None}
    pictures = []
    for other in (system for system in systems[1:] if systems[0].name in by_name and system.name in by_name):
        for better in (systems[0].name, other.name):
            rows = [row for row in differing if row["b"] == other.name and row["better"] == better]
            for image_id in list(dict.fromkeys(row["image_id"] for row in rows))[:MOST_DIFFERING]:
                for name in (systems[0].name, other.name):
                    group = (
                        f"{better} finds earlier than {other.name if better == systems[0].name else systems[0].name}"
                    )
                    pictures.append(_picture(truth, by_name[name], image_id, group, f"map of {name}"))
    return pictures


def _picture(truth: Truth, system: System, image_id: str, group: str, said: str) -> Picture:
    assert system.film_map is not None
    film = truth.films[truth.films["image_id"] == image_id].iloc[0]
    made = system.film_map(image_id)
    grid, lesion = made.grid, made.lesion
    if grid.working_rows_of_film > PICTURE_ROWS * 1.5:
        shrink = PICTURE_ROWS / grid.working_rows_of_film
        grid = replace(grid, rows=max(1, round(grid.rows * shrink)), cols=max(1, round(grid.cols * shrink)))
        lesion = np.clip(cv2.resize(lesion, (grid.cols, grid.rows), interpolation=cv2.INTER_AREA), 0, 1)
    pixels = np.asarray(grid.picture_to_working(read_film(Path(film["path"]))), np.uint16)
    threshold, _ = finding_threshold(system.points)
    marks = system.marks[(system.marks["image_id"] == image_id) & (system.marks["map"] == "lesion")]
    places = grid.to_working(marks[["row", "col"]].to_numpy(float))
    listed = [
        (float(row), float(col), float(score))
        for (row, col), score in zip(places, marks["score"], strict=True)
        if score >= threshold
    ]
    spacing = film["spacing_mm"]
    title = f"{film['side']} {film['view']}" + (" (shown mirrored)" if grid.mirrored else "")
    outlines = truth.counted_outlines(image_id)
    png = overlay(
        net_input(np.where(_breast(made, grid), np.maximum(pixels, 1), 0).astype(np.uint16), IntensitySettings()),
        lesion,
        [(contour_of(o, grid), o.malignant, o.approximate) for o in outlines],
        threshold=threshold,
        title=title,
        scale_mm_per_px=float(spacing) / grid.scale[0] if spacing == spacing else None,
        marks=listed,
    )
    named = [f"{'malignant' if o.malignant else 'benign'} {o.kind}" for o in outlines]
    truths = ", ".join(
        f"{named.count(name)} x {name}" if named.count(name) > 1 else name for name in dict.fromkeys(named)
    )
    caption = f"{image_id}: {title}; {truths}; {said}; colour from {threshold:.2f} up"
    return Picture(png=png, caption=caption, group=group)


def _breast(made: FilmMap, grid: Grid) -> NDArray[np.bool_]:
    """Where the film shows breast, on the picture's grid."""
    size = (grid.cols, grid.rows)
    return cv2.resize(made.breast.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0


def contour_of(outline: Outline, grid: Grid) -> NDArray[np.float64]:
    """The outline's border on the working grid, `(n, 2)` row, col, between the pixels inside and outside."""
    found = find_contours(np.pad(outline.on_grid(grid), 1).astype(np.float32), 0.5)
    if not found:
        return np.zeros((0, 2))
    return max(found, key=len) - 1
