"""The pictures of a report: films chosen by a rule, with truth and map laid over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

from mammomap.benchmark.systems import System
from mammomap.benchmark.truth import Truth
from mammomap.masks.grid import Grid
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.outlines import Outline
from mammomap.masks.working import read_working_film
from mammomap.report.overlay import overlay
from mammomap.report.page import Picture

EACH = 3
RULE = (
    "Films with lesions, ordered by the score of the best hit minus the score of the best false mark on the lesion "
    f"map; the {EACH} highest, the {EACH} around the middle, the {EACH} lowest."
)
DEFAULT_THRESHOLD = 0.25
"""Where colour begins for a system without an operating point of its own."""


def case_pictures(
    truth: Truth, system: System, margins: Mapping[str, float], progress: Callable[..., Iterable] | None = None
) -> list[Picture]:
    """Best, median and worst films of a system that has maps; none where it has marks only."""
    if system.folder is None or not margins:
        return []
    ordered = sorted(margins, key=lambda image_id: (-margins[image_id], image_id))
    each, middle = min(EACH, len(ordered)), max(0, len(ordered) // 2 - EACH // 2)
    wanted = [(image_id, "best") for image_id in ordered[:each]]
    wanted += [(image_id, "median") for image_id in ordered[middle : middle + each]]
    wanted += [(image_id, "worst") for image_id in ordered[-each:]]
    show = progress or (lambda items, **_: items)
    return [
        _picture(truth, system, image_id, group, margins[image_id])
        for image_id, group in show(wanted, total=len(wanted), desc="pictures", unit="film")
    ]


def _picture(truth: Truth, system: System, image_id: str, group: str, margin: float) -> Picture:
    assert system.folder is not None
    film = truth.films[truth.films["image_id"] == image_id].iloc[0]
    made = system.folder.map(image_id)
    size = (int(film["rows"]), int(film["cols"]))
    working = read_working_film(Path(film["path"]), int(system.folder.about["rows"]), size)
    threshold = system.points.get("candidate 1 false positives per film", DEFAULT_THRESHOLD)
    marks = system.marks[(system.marks["image_id"] == image_id) & (system.marks["map"] == "lesion")]
    places = made.grid.to_working(marks[["row", "col"]].to_numpy(float))
    listed = [
        (float(row), float(col), float(score))
        for (row, col), score in zip(places, marks["score"], strict=True)
        if score >= threshold
    ]
    spacing = film["spacing_mm"]
    title = f"{film['side']} {film['view']}" + (" (shown mirrored)" if made.grid.mirrored else "")
    png = overlay(
        net_input(working.pixels, IntensitySettings()),
        made.lesion,
        [(contour_of(o, made.grid), o.malignant, o.approximate) for o in truth.counted_outlines(image_id)],
        threshold=threshold,
        title=title,
        scale_mm_per_px=float(spacing) / made.grid.scale[0] if spacing == spacing else None,
        marks=listed,
    )
    truths = ", ".join(f"{'malignant' if o.malignant else 'benign'} {o.kind}" for o in truth.counted_outlines(image_id))
    caption = f"{image_id}: {title}; {truths}; margin {margin:+.2f}; colour from {threshold:.2f} up"
    return Picture(png=png, caption=caption, group=group)


def contour_of(outline: Outline, grid: Grid) -> NDArray[np.float64]:
    """The outline's border on the working grid, `(n, 2)` row, col, between the pixels inside and outside."""
    found = find_contours(np.pad(outline.on_grid(grid), 1).astype(np.float32), 0.5)
    if not found:
        return np.zeros((0, 2))
    return max(found, key=len) - 1
