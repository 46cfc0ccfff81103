"""What a report takes from a system's maps themselves, film by film: everything else rests on marks and scores.

- marks of other settings of the extractor (`eval.candidates.variants`). A map of more than `RANGE_ROWS` rows is reduced
  for this (area means), and the standard settings on the reduced map stand beside the others;
- pixels in the found mask and in the outlines, where a threshold was chosen elsewhere and the outlines are true;
- histograms of the map's values in and beside the lesions, by woman; and where the highest pixel lies.

Two threads take a film each, so that two maps are in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.systems import PIXEL, System
from mammomap.benchmark.truth import Truth
from mammomap.eval.candidates import find_candidates_each, variants
from mammomap.eval.overlap import overlap_counts
from mammomap.eval.pixels import PixelHistogram, as_levels, pixel_histogram, pointing
from mammomap.eval.regions import Region, film_pair, lesion_pairs
from mammomap.eval.surfaces import surface_distances
from mammomap.masks.mapfile import LAYERS, FilmMap

RANGE_ROWS = 1024
OVERLAP = ["image_id", "lesion", "kind", "tp", "fp", "fn", "hausdorff_95", "average_distance"]


@dataclass(frozen=True)
class MapReading:
    """What came of a system's maps.

    marks: image_id, map, row, col, score, setting. overlap: the columns `OVERLAP`, lesion -1 for a whole film; lengths
    in film pixels, NaN where a mask is empty. histograms: one for each woman, in their order. pointing: by film, NaN
    without lesions.
    """

    marks: pd.DataFrame
    overlap: pd.DataFrame
    histograms: list[PixelHistogram]
    pointing: NDArray[np.float64]


def no_overlap(truth: Truth, system: System) -> str:
    """Why a system gets no overlap with the outlines; empty where it does."""
    if system.film_map is None:
        return "marks only, no maps"
    if any(o.approximate for i in truth.films["image_id"] for o in truth.counted_outlines(i)):
        return "the outlines are boxes or circles: overlap with them is no accuracy"
    if PIXEL not in system.points:
        return "nobody has chosen a threshold for this system on other women"
    return ""


def read_maps(
    truth: Truth, system: System, ranges: bool, progress: Callable[..., Iterable] | None = None
) -> MapReading:
    """One walk over the maps of a system that has any. ranges: with the marks of other settings."""
    films = list(truth.films.itertuples())
    threshold = None if no_overlap(truth, system) else system.points[PIXEL]
    first = np.cumsum([0] + [len(truth.outlines[film.image_id]) for film in films])
    histograms: dict[int, PixelHistogram] = {}
    marks, overlap, pointed = [], [], []

    def one(number: int) -> tuple[list[dict], list[dict], PixelHistogram, float]:
        return _film(truth, system, films[number].image_id, int(first[number]), ranges, threshold)

    show = progress or (lambda items, **_: items)
    with ThreadPoolExecutor(2) as pool:
        done = show(pool.map(one, range(len(films))), total=len(films), desc=f"maps of {system.name}", unit="film")
        for woman, (some, counts, histogram, hit) in zip(truth.patient, done, strict=True):
            marks += some
            overlap += counts
            pointed.append(hit)
            histograms[woman] = histograms[woman] + histogram if woman in histograms else histogram
    return MapReading(
        pd.DataFrame(marks, columns=["image_id", "map", "row", "col", "score", "setting"]),
        pd.DataFrame(overlap, columns=OVERLAP),
        [histograms[woman] for woman in sorted(histograms)],
        np.array(pointed, float),
    )


def _film(
    truth: Truth, system: System, image_id: str, first: int, ranges: bool, threshold: float | None
) -> tuple[list[dict], list[dict], PixelHistogram, float]:
    assert system.film_map is not None
    film_map = system.film_map(image_id)
    outlines = truth.outlines[image_id]
    counted = {first + k: Region(*o.part) for k, o in enumerate(outlines) if not o.ignored}
    ignored = [Region(*o.part) for o in outlines if o.ignored]
    lesion = film_map.on_film("lesion")
    levels = as_levels(lesion)
    histogram = pixel_histogram(levels, list(counted.values()), ignored=ignored)
    hit = pointing(levels, list(counted.values()))
    overlap = []
    if threshold is not None:
        kinds = {first + k: o.kind for k, o in enumerate(outlines)}
        overlap = _overlap(image_id, lesion >= threshold, counted, ignored, kinds)
    return other_settings(image_id, film_map) if ranges else [], overlap, histogram, hit


def other_settings(image_id: str, film_map: FilmMap) -> list[dict]:
    """Marks of the other settings on the map; where it is large, on a reduced copy, with the standard ones on that."""
    grid, rows = film_map.grid, []
    shrink = min(1.0, RANGE_ROWS / grid.working_rows_of_film)
    size = (max(1, round(grid.cols * shrink)), max(1, round(grid.rows * shrink)))
    small = replace(grid, rows=size[1], cols=size[0])
    inside = cv2.resize(film_map.breast.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    settings = variants() if shrink < 1 else {name: one for name, one in variants().items() if name != "as set"}
    same = film_map.malignancy is film_map.lesion
    for layer in LAYERS[:1] if same else LAYERS:
        values = film_map.layer(layer)
        reduced = np.clip(cv2.resize(values, size, interpolation=cv2.INTER_AREA), 0, 1) if shrink < 1 else values
        each = find_candidates_each(reduced, film_rows=small.working_rows_of_film, settings=settings, inside=inside)
        for setting, found in each.items():
            places = small.to_film(np.stack([found.rows, found.cols], axis=1)).round(1)
            for (row, col), score in zip(places.tolist(), found.scores.round(6).tolist(), strict=True):
                mark = {"image_id": image_id, "row": row, "col": col, "score": score, "setting": setting}
                rows += [mark | {"map": one} for one in (LAYERS if same else [layer])]
    return rows


def _overlap(
    image_id: str,
    found: NDArray[np.bool_],
    lesions: dict[int, Region],
    ignored: list[Region],
    kinds: dict[int, str],
) -> list[dict]:
    """A row for the film, where it has lesions, of one kind, and one for each lesion."""
    pairs = {}
    if len({kinds[number] for number in lesions}) == 1:  # a film of both kinds belongs to neither table
        pairs[-1] = film_pair(found, list(lesions.values()), ignored)
    pairs |= dict(zip(lesions, lesion_pairs(found, list(lesions.values()), ignored), strict=True))
    rows = []
    for number, pair in pairs.items():
        counts, away = overlap_counts(*pair), surface_distances(*pair)
        kind = kinds[number] if number >= 0 else kinds[next(iter(lesions))]
        rows.append(
            dict(
                zip(
                    OVERLAP,
                    [image_id, number, kind, counts.tp, counts.fp, counts.fn, away.hausdorff_95, away.average],
                    strict=True,
                )
            )
        )
    return rows
