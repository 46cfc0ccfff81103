"""`mammomap train-head`: maps of women whom the net has not seen -> a head with operating points.

In: a store and a run. Films of the split's part `head` are mapped by the run's net; or, out of fold, all women who are
not tested, each by a net that is trained like the run and has not seen her. Maps go no further than this. Out: a Head.
Thresholds on candidates and on lesion pixels are chosen here too, on these women, and nowhere else; so is the
temperature of the pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.classify.features import head_inputs
from mammomap.classify.fold_nets import check_store, fold_nets
from mammomap.classify.heads import Head, fit_head, read_head, too_few, write_head
from mammomap.classify.image_mapper import mapper_of
from mammomap.classify.image_run import ImageRun
from mammomap.classify.levels import levels_known
from mammomap.classify.pixel_temperature import PixelCounts
from mammomap.errors import ConfigError, LeakError
from mammomap.eval.froc import froc
from mammomap.eval.overlap import dice
from mammomap.masks.mapfile import FilmMap, first_of, women_among, women_codes
from mammomap.masks.outlines import outlines_of
from mammomap.masks.store import Store
from mammomap.masks.tables import Tables
from mammomap.masks.targets import IGNORE
from mammomap.masks.working import WorkingFilm
from mammomap.seg.candidates import MarkList, candidate_rows
from mammomap.seg.mappers import name_of_mean
from mammomap.seg.run import Run

PIXEL_THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)


def train_head(
    store: Store,
    run: Run | ImageRun,
    out: Path,
    *,
    kind: str = "features",
    join: str = "mean",
    beside: Sequence[Run | ImageRun] = (),
    folds: int = 0,
    starts: Sequence[Run] = (),
    flips: bool = False,
    seed: int = 1,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Head, bool]:
    """Fit a head for a run; returns it, and whether anything was done.

    beside: more runs, the mean of whose maps and the run's the head is for. folds: so many nets, trained like each run
    under `OUT.folds`, map the women out of fold; 0: the runs map the part `head` of the first. starts: what the runs
    started from, where they did, for the nets like them. flips: the head is for maps that are means over each film as
    it is and turned over. A second call goes on.

    Raises
    ------
    LeakError
        If a woman is among those for the head whom the net has seen.
    ConfigError
        If the store is not the runs', one is a bundle or, with folds, cannot be repeated, the runs do not go together,
        or `out` is another head.
    """
    folds = folds if folds > 1 else 0
    runs = [run, *beside]
    name = name_of_mean([its.name for its in runs])
    if out.is_file():
        head = read_head(out)
        if (head.model, head.kind, head.flips) != (name, kind, flips):
            told = f"{head.kind} of the run {head.model}{', with flips' if head.flips else ''}"
            raise ConfigError(f"{out}: a head {told}; choose another file")
        _refuse_other_fit(out, head, {"join_asked": join, "folds": folds, "seed": seed})
        return head, False
    check_store(store, runs)
    found, how = Gathered(), {"starts": starts, "seed": seed, "progress": progress, "say": say}
    for nets in fold_nets(store, runs, out, folds, **how) if folds else [runs]:
        gather(found, store, nets, nets[0].split.tables(store.tables, "head"), kind, progress, flips=flips)
    if not found.films:
        raise ConfigError(f"split {run.split.name!r} leaves no film for the part head")
    films = pd.DataFrame(found.films)
    seen = {code for its in runs for code in its.women_codes} | {*women_codes(films["woman"].unique(), run.source)}
    head = fit_head(
        np.array(found.inputs),
        films,
        kind=kind,
        join=join,
        model=name,
        fitted_on=f"maps by {folds} nets of women whom they had not seen" if folds else "women of the part head",
        women_seen=tuple(sorted(seen)),
        candidate_points=found.points(),
        pixels=found.pixels(),
        seed=seed,
    )
    for level in levels_known(films):
        if level not in head.levels:
            say(f"{level}: left out, {too_few(films, level)}")
    head = replace(head, flips=flips, folds=folds, data_hash=store.tables.hash)
    write_head(out, head)
    return head, True


def _refuse_other_fit(out: Path, head: Head, asked: dict[str, str | int]) -> None:
    """Refuse a head that was fitted otherwise, as far as its file says how."""
    for name, wanted in asked.items():
        if (its := getattr(head, name)) not in (wanted, "", None):
            raise ConfigError(
                f"{out}: a head fitted with --{name.removesuffix('_asked')} {its}, not {wanted}; choose another file"
            )


@dataclass
class Gathered:
    """What is known of the films for a head."""

    inputs: list[np.ndarray] = field(default_factory=list)
    films: list[dict] = field(default_factory=list)
    marks: MarkList = field(default_factory=MarkList)
    overlaps: list[list[float]] = field(default_factory=list)
    outlined: PixelCounts = field(default_factory=PixelCounts)
    boxed: PixelCounts = field(default_factory=PixelCounts)
    """Pixels of films whose lesions are boxes or circles, of which outlines are only guessed; films without lesions
    stand in both."""

    def pixels(self) -> tuple[float | None, str]:
        """The temperature of the lesion layer's pixels and what it was fitted against: outlines where there are any."""
        for counts, name in ((self.outlined, "outlines"), (self.boxed, "ellipses in boxes and circles")):
            if (temperature := counts.temperature()) is not None:
                return temperature, name
        return None, ""

    def points(self) -> dict[str, float]:
        """Thresholds: the lowest with 1 and with 0.25 false positives per film, and the pixel's with most Dice."""
        curve = froc(self.marks.marks(), self.marks.lesions(), len(self.films))
        points = {}
        for rate in (1.0, 0.25):
            allowed = np.flatnonzero(curve.fp_per_film <= rate)
            threshold = float(curve.thresholds[allowed[-1]]) if len(allowed) else 1.0
            points[f"candidate {rate:g} false positives per film"] = threshold
        if self.overlaps:
            points["lesion pixel"] = float(PIXEL_THRESHOLDS[int(np.nanargmax(np.nanmean(self.overlaps, axis=0)))])
        return points


def gather(
    found: Gathered,
    store: Store,
    runs: Sequence[Run | ImageRun],
    tables: Tables,
    kind: str,
    progress: Callable[..., Iterable] | None = None,
    *,
    flips: bool = False,
    in_sample: bool = False,
) -> None:
    """Map the films of `tables` by the mean of `runs`, and add what a head is given of them.

    in_sample: for measuring what a head gains by maps of women whom a net has seen.

    Raises
    ------
    LeakError
        If a net has seen one of the women, unless `in_sample`.
    """
    films = tables.films[tables.films["kinds_not_outlined"].isna()]
    films = films[films["image_id"].isin(store.films["image_id"])]
    for run in runs:
        seen = women_among(films["patient_id"].unique(), run.source, run.women_codes)
        if seen and not in_sample:
            raise LeakError(f"the net has seen {len(seen)} women of the part head: {first_of(seen)}")
    classes = {run.classes[1:] for run in runs if isinstance(run, Run)}
    mapper, show = mapper_of(runs, flips=flips), progress or (lambda items, **_: items)
    for film in show(list(films.itertuples()), total=len(films), desc="train-head", unit="film"):
        stored = store[film.image_id]
        made = mapper(WorkingFilm(stored.pixels, stored.grid))
        rows = candidate_rows(film.image_id, made)
        outlines = outlines_of(tables.lesions_of(film.image_id), (film.rows, film.cols))
        lesion_rows = [row for row in rows if row["map"] == "lesion"]
        places = np.array([[row["row"], row["col"]] for row in lesion_rows])
        found.marks.add(len(found.films), places, [row["score"] for row in lesion_rows], outlines)
        found.inputs.append(head_inputs(kind, made, rows))
        about = {"image_id": film.image_id, "woman": film.patient_id, "side": film.side, "view": film.view}
        found.films.append({**about, "malignant": bool(film.malignant)})
        if classes:
            truth = np.isin(stored.target, next(iter(classes)))
            guessed = any(outline.approximate for outline in outlines)
            for counts, counted in ((found.outlined, not guessed), (found.boxed, guessed or not outlines)):
                if counted:
                    counts.add(made, truth, stored.target != IGNORE)
            if outlines and not guessed:
                found.overlaps.append(_dice_by_threshold(made, truth))


def _dice_by_threshold(made: FilmMap, truth: np.ndarray) -> list[float]:
    return [dice(made.lesion >= threshold, truth) for threshold in PIXEL_THRESHOLDS]
