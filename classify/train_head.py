"""`mammomap train-head`: maps of women whom the net has not seen -> a head with operating points.

In: a store and a run. Films of the split's part `head` are mapped by the run's net and go no further than this.
Out: a Head. Thresholds on candidates and on lesion pixels are chosen here too, on these women, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mammomap.classify.features import map_features
from mammomap.classify.heads import Head, fit_head, read_head, write_head
from mammomap.errors import ConfigError, LeakError
from mammomap.eval.froc import froc
from mammomap.eval.overlap import dice
from mammomap.masks.mapfile import FilmMap, women_among, women_codes
from mammomap.masks.outlines import outlines_of
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.candidates import MarkList, candidate_rows
from mammomap.seg.run import Run
from mammomap.seg.segment import RunMapper

PIXEL_THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)


def train_head(
    store: Store, run: Run, out: Path, *, seed: int = 1, progress: Callable[..., Iterable] | None = None
) -> tuple[Head, bool]:
    """Fit a head for a run; returns it, and whether anything was done.

    Raises
    ------
    LeakError
        If a woman of the part `head` is one that the net has seen.
    ConfigError
        If the store is not the run's, the run is a bundle, or `out` is a head of another run.
    """
    if out.is_file():
        head = read_head(out)
        if head.model != run.name:
            raise ConfigError(f"{out}: a head of the run {head.model}; choose another file")
        return head, False
    if store.tables.hash != run.data_hash or store.rows != run.rows:
        raise ConfigError(f"{store.folder}: not the store that the run {run.folder} was trained on")
    if run.published:
        raise ConfigError(f"{run.name}: a bundle does not say which women are for a head; use the run that it is of")
    tables = run.split.tables(store.tables, "head")
    films = tables.films[tables.films["kinds_not_outlined"].isna()]
    films = films[films["image_id"].isin(store.films["image_id"])]
    seen = women_among(films["patient_id"].unique(), run.source, run.women_codes)
    if seen:
        raise LeakError(f"the net has seen {len(seen)} women of the part head, first {seen[0]}")
    if not len(films):
        raise ConfigError(f"split {run.split.name!r} leaves no film for the part head")
    mapper = RunMapper(run)
    show = progress or (lambda items, **_: items)
    features, marks, overlaps = [], MarkList(), []
    for number, film in enumerate(show(list(films.itertuples()), total=len(films), desc="train-head", unit="film")):
        stored = store[film.image_id]
        made = mapper(WorkingFilm(stored.pixels, stored.grid))
        found = candidate_rows(film.image_id, made)
        features.append(map_features(made, found))
        outlines = outlines_of(tables.lesions_of(film.image_id), (film.rows, film.cols))
        lesion_rows = [row for row in found if row["map"] == "lesion"]
        places = np.array([[row["row"], row["col"]] for row in lesion_rows])
        marks.add(number, places, [row["score"] for row in lesion_rows], outlines)
        if outlines and not any(outline.approximate for outline in outlines):
            overlaps.append(_dice_by_threshold(made, np.isin(stored.target, run.classes[1:])))
    points = _candidate_points(marks, len(films))
    if overlaps:
        points["lesion pixel"] = float(PIXEL_THRESHOLDS[int(np.nanargmax(np.nanmean(overlaps, axis=0)))])
    head = fit_head(
        np.array(features),
        films["malignant"].to_numpy(bool),
        films["patient_id"].tolist(),
        model=run.name,
        women_seen=sorted({*run.women_codes, *women_codes(films["patient_id"].unique(), run.source)}),
        candidate_points=points,
        seed=seed,
    )
    write_head(out, head)
    return head, True


def _candidate_points(marks: MarkList, n_films: int) -> dict[str, float]:
    """The lowest thresholds that keep to 1 and to 0.25 false positives per film."""
    curve = froc(marks.marks(), marks.lesions(), n_films)
    points = {}
    for rate in (1.0, 0.25):
        allowed = np.flatnonzero(curve.fp_per_film <= rate)
        threshold = float(curve.thresholds[allowed[-1]]) if len(allowed) else 1.0
        points[f"candidate {rate:g} false positives per film"] = threshold
    return points


def _dice_by_threshold(made: FilmMap, truth: np.ndarray) -> list[float]:
    return [dice(made.lesion >= threshold, truth) for threshold in PIXEL_THRESHOLDS]
