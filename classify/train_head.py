"""`mammomap train-head`: maps of women whom the net has not seen -> a head with operating points.

In: a store and a run. Films of the split's part `head` are mapped by the run's net; or, out of fold, all women who are
not tested, each by a net that is trained like the run and has not seen her. Maps go no further than this. Out: a Head.
Thresholds on candidates and on lesion pixels are chosen here too, on these women, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.classify.features import head_inputs
from mammomap.classify.heads import Head, fit_head, read_head, write_head
from mammomap.classify.image_run import ImageMapper, ImageRun, train_image
from mammomap.errors import ConfigError, LeakError
from mammomap.eval.froc import froc
from mammomap.eval.overlap import dice
from mammomap.masks.mapfile import FilmMap, women_among, women_codes
from mammomap.masks.outlines import outlines_of
from mammomap.masks.splits import inner_splits
from mammomap.masks.store import Store
from mammomap.masks.tables import Tables
from mammomap.masks.working import WorkingFilm
from mammomap.seg.candidates import MarkList, candidate_rows
from mammomap.seg.config import TrainConfig, own_net
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import OWN_CODE, Run
from mammomap.seg.train_run import train

PIXEL_THRESHOLDS = np.round(np.arange(0.05, 1.0, 0.05), 2)


def train_head(
    store: Store,
    run: Run | ImageRun,
    out: Path,
    *,
    kind: str = "features",
    join: str = "mean",
    folds: int = 0,
    seed: int = 1,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Head, bool]:
    """Fit a head for a run; returns it, and whether anything was done. `folds`: so many nets, trained like the run
    under `OUT.folds`, map the women out of fold; 0: the run maps its part `head`. A second call goes on.

    Raises
    ------
    LeakError
        If a woman is among those for the head whom the net has seen.
    ConfigError
        If the store is not the run's, the run is a bundle or, with folds, cannot be repeated, or `out` is another head.
    """
    if out.is_file():
        head = read_head(out)
        if (head.model, head.kind) != (run.name, kind):
            raise ConfigError(f"{out}: a head {head.kind} of the run {head.model}; choose another file")
        return head, False
    if store.tables.hash != run.data_hash or store.rows != run.rows:
        raise ConfigError(f"{store.folder}: not the store that the run {run.folder} was trained on")
    if run.published:
        raise ConfigError(f"{run.name}: a bundle does not say which women are for a head; use the run that it is of")
    found = Gathered()
    for net in [run] if folds < 2 else _siblings(store, run, out, folds, seed, progress, say):
        gather(found, store, net, net.split.tables(store.tables, "head"), kind, progress)
    if not found.films:
        raise ConfigError(f"split {run.split.name!r} leaves no film for the part head")
    films = pd.DataFrame(found.films)
    seen = {*run.women_codes, *women_codes(films["woman"].unique(), run.source)}
    head = fit_head(
        np.array(found.inputs),
        films,
        kind=kind,
        join=join,
        model=run.name,
        fitted_on=f"maps by {folds} nets of women whom they had not seen" if folds > 1 else "women of the part head",
        women_seen=tuple(sorted(seen)),
        candidate_points=found.points(),
        seed=seed,
    )
    write_head(out, head)
    return head, True


@dataclass
class Gathered:
    """What is known of the films for a head."""

    inputs: list[np.ndarray] = field(default_factory=list)
    films: list[dict] = field(default_factory=list)
    marks: MarkList = field(default_factory=MarkList)
    overlaps: list[list[float]] = field(default_factory=list)

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
    run: Run | ImageRun,
    tables: Tables,
    kind: str,
    progress: Callable[..., Iterable] | None = None,
    *,
    in_sample: bool = False,
) -> None:
    """Map the films of `tables` and add what a head is given of them. `in_sample` is for measuring what a head gains by
    maps of women whom the net has seen.

    Raises
    ------
    LeakError
        If the net has seen one of the women, unless `in_sample`.
    """
    films = tables.films[tables.films["kinds_not_outlined"].isna()]
    films = films[films["image_id"].isin(store.films["image_id"])]
    seen = women_among(films["patient_id"].unique(), run.source, run.women_codes)
    if seen and not in_sample:
        raise LeakError(f"the net has seen {len(seen)} women of the part head, first {seen[0]}")
    mapper, show = RunMapper(run) if isinstance(run, Run) else ImageMapper(run), progress or (lambda items, **_: items)
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
        if isinstance(run, Run) and outlines and not any(outline.approximate for outline in outlines):
            found.overlaps.append(_dice_by_threshold(made, np.isin(stored.target, run.classes[1:])))


def _siblings(
    store: Store,
    run: Run | ImageRun,
    out: Path,
    folds: int,
    seed: int,
    progress: Callable[..., Iterable] | None,
    say: Callable,
) -> Iterable[Run | ImageRun]:
    """Nets trained like the run, each on all folds but one; those that are there are not trained again."""
    for number, split in enumerate(inner_splits(run.split, store.tables, folds, seed)):
        folder = out.with_name(f"{out.stem}.folds") / str(number)
        path = folder / "split-to-train.csv"
        split.write(path)
        say(f"net {number + 1} of {folds}: {folder}")
        if isinstance(run, Run):
            yield train(store, folder / "run", _again(run, path), progress=progress, say=say)[0]
        else:
            yield train_image(store, folder / "run", replace(run.config, split=str(path)), progress=progress)[0]


def _again(run: Run, split: Path) -> TrainConfig:
    """The settings of a run for women of another split."""
    config, own = run.config, own_net(run.config.net)
    if config.init_from or config.encoder_weights not in ("", "imagenet"):
        raise ConfigError(f"{run.folder}: it started from other weights, so that nets like it cannot be trained here")
    if own:
        config = replace(config, net=f"{run.folder / OWN_CODE}:{own[1]}")
    return replace(config, split=str(split))


def _dice_by_threshold(made: FilmMap, truth: np.ndarray) -> list[float]:
    return [dice(made.lesion >= threshold, truth) for threshold in PIXEL_THRESHOLDS]
