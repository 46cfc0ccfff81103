"""What is measured on a phantom film drawn in memory; `phantom_bounds.py` and `phantom_and_film.py` rest on it.

In: seeds. Out: one `Film` for each film, small enough to keep hundreds: its label, its lesions as the referee takes
them, its descriptors, plain numbers, and the marks of the blob detector.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from tqdm import tqdm

from mammomap.eval.blob import BLOB_SCALES_PX, blob_map
from mammomap.eval.candidates import find_candidates
from mammomap.eval.matching import FilmMarks, Lesion
from mammomap.eval.regions import cut
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.parallel import in_processes
from mammomap.masks.working import working_film
from mammomap.masks.yardsticks import INCOMPLETE
from mammomap.phantom import PhantomConfig, PhantomFilm
from mammomap.phantom.films import draw_woman, patient_name, woman_rng

ROWS, WOMEN = 576, 60
SCALES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
"""Standard deviations in pixels of the film, 0.4 mm at 576 rows."""
PLAIN = ("brightness of the breast", "its area", "lesion area, sum", "largest", "contrast, mean", "highest")
RING_MM = 4.0
"""How far a lesion's surroundings reach, which its contrast is taken against."""
Setting = tuple[str, tuple[float, ...]]
"""bright or dark, and scales."""
SETTINGS: tuple[Setting, ...] = tuple(
    (polarity, scales) for polarity in ("bright", "dark") for scales in (BLOB_SCALES_PX, *((s,) for s in SCALES))
)


@dataclass(frozen=True)
class Film:
    """What is kept of a film. lesions, kinds, descriptors: one a lesion; plain: numbers in the order of `PLAIN`."""

    woman: str
    image_id: str
    malignant: bool
    assessment: float
    lesions: tuple[Lesion, ...]
    kinds: tuple[str, ...]
    descriptors: tuple[frozenset[str], ...]
    plain: tuple[float, ...]
    blobs: dict[Setting, FilmMarks]


def drawn(
    seeds: Sequence[int],
    women: int = WOMEN,
    settings: Sequence[Setting] = (),
    *,
    rows: int = ROWS,
    workers: int | None = 1,
) -> list[Film]:
    """Every film of some seeds, with the blob detector's marks at some settings."""
    jobs = [(seed, woman, rows, tuple(settings)) for seed in seeds for woman in range(1, women + 1)]
    parts = in_processes(_woman, jobs, what="phantoms", unit="woman", workers=workers, chunk=4, progress=progress_bar)
    return [film for part in parts for film in part]


def progress_bar(items, **how):
    return tqdm(items, disable=not sys.stderr.isatty(), **how)


def _woman(job: tuple[int, int, int, tuple[Setting, ...]]) -> list[Film]:
    seed, number, rows, settings = job
    films = draw_woman(woman_rng(seed, number), PhantomConfig(seed=seed, rows=rows), patient_name(number))
    return [looked_at(film, f"{seed}-{film.patient_id}", settings) for film in films]


def looked_at(film: PhantomFilm, woman: str, settings: Sequence[Setting] = ()) -> Film:
    """Everything that is measured on one phantom film, at its own rows."""
    working = working_film(film.image, len(film.image))
    breast, grid = working.pixels > 0, working.grid
    scaled = net_input(working.pixels, IntensitySettings())
    masks = [grid.mask_to_working(lesion.mask) for lesion in film.lesions]
    blobs = {}
    for polarity, scales in settings:
        seen = scaled if polarity == "bright" else np.float32(1) - scaled
        found = find_candidates(
            blob_map(seen, inside=breast, scales_px=scales), film_rows=grid.working_rows_of_film, inside=breast
        )
        blobs[polarity, scales] = FilmMarks(grid.to_film(np.stack([found.rows, found.cols], axis=1)), found.scores)
    areas = [mask.sum() / len(film.image) ** 2 for mask in masks]
    contrasts = [lesion_contrast(scaled, breast, mask, masks, RING_MM / film.pixel_mm) for mask in masks]
    plain = (
        working.pixels[breast].mean() / 65535,
        breast.sum() / len(film.image) ** 2,
        sum(areas),
        max(areas, default=0.0),
        np.mean(contrasts) if contrasts else 0.0,
        max(contrasts, default=0.0),
    )
    return Film(
        woman,
        f"{woman}_{film.side}_{film.view}",
        film.malignant,
        max((grade(lesion.assessment) for lesion in film.lesions), default=0.0),
        tuple(Lesion(cut(lesion.mask), lesion.pathology == "MALIGNANT") for lesion in film.lesions),
        tuple(lesion.kind for lesion in film.lesions),
        tuple(words(lesion.kind, lesion.plan.shape, lesion.plan.margins) for lesion in film.lesions),
        tuple(float(value) for value in plain),
        blobs,
    )


def lesion_contrast(scaled, breast, mask, masks, ring_px: float) -> float:
    """Mean of a lesion less that of a ring around it, on the scale of the net's input; 0 without a ring."""
    side = 2 * max(1, round(ring_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    ring = (cv2.dilate(mask.astype(np.uint8), disc) > 0) & breast & ~np.logical_or.reduce(masks)
    return float(scaled[mask].mean() - scaled[ring].mean()) if ring.any() else 0.0


def words(kind: str, shape: str, margins: str) -> frozenset[str]:
    """A lesion's descriptors as a model takes them: kind, and each part of each of the two columns."""
    columns = {"shape": shape, "margins": margins}
    return frozenset({kind} | {f"{kind} {name} {part}" for name, text in columns.items() for part in text.split("-")})


def grade(assessment: int | None) -> float:
    return INCOMPLETE if assessment in (0, None) else float(assessment)
