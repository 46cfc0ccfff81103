"""Other people's maps on their films, and candidates from them by the one extractor.

In: the files of a folder (`mapfiles`) and the films that are judged. Out: for each film its map on its Grid, and
the marks of both layers in film pixels. Maps count as they were submitted: nothing is cut off outside the breast.
Two processes read one map at a time each; nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.mapfiles import MapFiles
from mammomap.errors import ImageError, TableError
from mammomap.eval.candidates import find_candidates
from mammomap.masks.foreign_maps import FULL, as_probability, grid_of_map
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.parallel import in_processes

LEAST_TOP = {np.dtype(np.uint8): 20, np.dtype(np.uint16): 256}
"""Integer maps whose highest value of all films lies above 1 and below this are labels or badly stretched."""
SATURATED = 0.999
_IN_PROCESS_PIXELS = 50_000_000
"""Below this many film pixels in all, starting processes costs more than it brings."""


@dataclass(frozen=True)
class Facts:
    """What one film's map is like."""

    image_id: str
    dtype: np.dtype
    top: float
    """Highest stored value of both layers."""
    layers: tuple[str, ...]
    reduced: tuple[int, int] | None
    """Its size where it is a reduced copy of the film."""
    hard: bool
    """It holds 0 and 1 only."""
    constant: float | None
    """Its value where the lesion layer has only one."""


@dataclass(frozen=True)
class Extracted:
    """What came of a folder's maps."""

    files: MapFiles
    marks: pd.DataFrame
    """image_id, map, row, col, score; film pixels."""
    notes: list[str]
    hard: bool
    """Every map holds 0 and 1 only."""


def open_map(files: MapFiles, image_id: str, film_size: tuple[int, int]) -> FilmMap:
    """One film's map as probabilities on its Grid; the lesion layer stands for both where there is no other.

    Raises
    ------
    ImageError
        If a file cannot be read, or does not fit the film.
    """
    return read_one(film_job(files, image_id, film_size))[0]


def extract(files: MapFiles, films: pd.DataFrame, progress: Callable[..., Iterable] | None = None) -> Extracted:
    """Candidates of every film (image_id, rows, cols) that has a map, by the one extractor.

    Raises
    ------
    ImageError
        If a map cannot be read or does not fit its film; the first is named.
    TableError
        If only some films have a malignancy layer, or integers are neither labels nor stretched.
    """
    wanted = [(f.image_id, (int(f.rows), int(f.cols))) for f in films.itertuples() if f.image_id in files.files]
    jobs = [film_job(files, image_id, size) for image_id, size in wanted]
    done = two_processes(_candidates, jobs, sum(rows * cols for _, (rows, cols) in wanted), progress, "read maps")
    facts = [one for one, _ in done]
    files, again = settle_labels(files, facts)
    if again:
        done = [one for one in done if one[0].image_id not in again]
        done += [_candidates(film_job(files, image_id, size)) for image_id, size in wanted if image_id in again]
    facts = [one for one, _ in done]
    marks = pd.DataFrame([row for _, rows in done for row in rows], columns=["image_id", "map", "row", "col", "score"])
    order = {image_id: number for number, (image_id, _) in enumerate(wanted)}
    marks = marks.sort_values("image_id", key=lambda ids: ids.map(order), kind="stable", ignore_index=True)
    return Extracted(files, marks, notes_on(facts, marks), all_hard(facts))


Job = tuple[Callable[[Any], dict[str, NDArray]], Any, bool | None, str, tuple[int, int]]
"""What a process needs of one film: how to read, what, whether as labels, its image_id and size."""


def film_job(files: MapFiles, image_id: str, film_size: tuple[int, int]) -> Job:
    """The job of one film."""
    return files.read, files.files[image_id], files.labels, image_id, film_size


def read_one(job: Job) -> tuple[FilmMap, Facts]:
    """One film's map and what it is like; raises as `open_map`."""
    read, source, labels, image_id, film_size = job
    stored, layers = read(source), {}
    grid = grid_of_map(stored["lesion"].shape, film_size, image_id)
    for layer, values in stored.items():
        if values.shape != (grid.rows, grid.cols):
            raise ImageError(f"{image_id}: {layer} of {values.shape}, lesion of {(grid.rows, grid.cols)}; wanted one")
        as_labels = bool(values.dtype in FULL and values.max() <= 1) if labels is None else labels
        layers[layer] = as_probability(values, f"{image_id} {layer}", as_labels)
    lesion = layers["lesion"]
    low, high = float(lesion.min()), float(lesion.max())
    facts = Facts(
        image_id=image_id,
        dtype=stored["lesion"].dtype,
        top=max(float(values.max()) for values in stored.values()),
        layers=tuple(layers),
        reduced=None if (grid.rows, grid.cols) == film_size else (grid.rows, grid.cols),
        hard=all(bool(((layer == 0) | (layer == 1)).all()) for layer in layers.values()),
        constant=high if low == high else None,
    )
    breast = np.ones(lesion.shape, bool)
    return FilmMap(lesion, layers.get("malignancy", lesion), breast, grid), facts


def settle_labels(files: MapFiles, facts: Sequence[Facts]) -> tuple[MapFiles, set[str]]:
    """Whether integers are labels is settled by all films together: they are if nowhere above 1.

    Films are first read as labels where their own highest value is 1; the second result are those for which that
    was wrong.

    Raises
    ------
    TableError
        If the highest value of all is neither 1 nor a reasonable share of the type's range, or only some films
        have a malignancy layer.
    """
    integers = [one for one in facts if one.dtype in FULL]
    top = max((one.top for one in integers), default=0)
    lacking = [one.image_id for one in facts if "malignancy" not in one.layers]
    if 0 < len(lacking) < len(facts):
        raise TableError(f"no malignancy layer for {len(lacking)} of {len(facts)} films, first {lacking[0]}")
    if integers and 1 < top < max(LEAST_TOP[one.dtype] for one in integers):
        dtype = integers[0].dtype
        raise TableError(
            f"{dtype} maps whose highest value of all films is {top:g} of {FULL[dtype]:,}: labels need nnU-Net's "
            "dataset.json beside them, probabilities the full range"
        )
    again = {one.image_id for one in integers if one.top == 1} if top > 1 else set()
    return replace(files, labels=top <= 1), again


def notes_on(facts: Sequence[Facts], marks: pd.DataFrame | None = None) -> list[str]:
    """What a report has to say of these maps beside their figures; without marks nothing of saturation."""
    notes, n = [], len(facts)
    if facts and "malignancy" not in facts[0].layers:
        notes.append("no malignancy layer: the lesion layer stands for both")
    reduced = [one for one in facts if one.reduced]
    if reduced:
        rows, cols = reduced[0].reduced or (0, 0)
        notes.append(f"{len(reduced)} of {n} maps are reduced copies of their films, first {rows} x {cols}")
    if all_hard(facts):
        notes.append(
            "hard labels, 0 and 1 only: they carry no ranking; the order of marks comes from the smoothing, "
            "so from the size of the marked areas"
        )
    lesion = np.zeros(0) if marks is None else marks.loc[marks["map"] == "lesion", "score"].to_numpy(float)
    if len(lesion) and (share := float((lesion > SATURATED).mean())) >= 0.5:
        notes.append(f"saturated: {share:.0%} of the marks score above {SATURATED}, so that they carry little ranking")
    return notes


def all_hard(facts: Sequence[Facts]) -> bool:
    """Whether the maps of a folder are hard labels."""
    return bool(facts) and all(one.hard for one in facts)


def two_processes(
    function: Callable, jobs: Sequence, pixels: int, progress: Callable[..., Iterable] | None, what: str
) -> list:
    """`function` over `jobs` in order, one film at a time in each of at most two processes."""
    workers = 1 if pixels < _IN_PROCESS_PIXELS else min(2, os.cpu_count() or 1)
    return in_processes(function, jobs, what=what, workers=workers, progress=progress)


def _candidates(job: Job) -> tuple[Facts, list[dict]]:
    """The facts of one film's map and its marks."""
    film_map, facts = read_one(job)
    rows: list[dict] = []
    for layer in facts.layers:
        found = find_candidates(film_map.layer(layer), film_rows=film_map.grid.working_rows_of_film)
        places = film_map.grid.to_film(np.stack([found.rows, found.cols], axis=1))
        rows += [
            {"image_id": facts.image_id, "map": layer, "row": round(row, 1), "col": round(col, 1), "score": score}
            for (row, col), score in zip(places.tolist(), np.round(found.scores, 6).tolist(), strict=True)
        ]
    if "malignancy" not in facts.layers:
        rows += [row | {"map": "malignancy"} for row in rows]
    return facts, rows
