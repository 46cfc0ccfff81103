"""`mammomap segment` as a whole: key, films, maps, and by a bundle with a head scores; pictures on request.

In: what the verb is given. Out: the folder of maps (`mammomap.masks.mapfile`), its key beside it, and lines for the
user.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import pandas as pd

from mammomap.classify.classify import classify, films_seen
from mammomap.classify.heads import Head, read_head
from mammomap.classify.image_mapper import open_any_model
from mammomap.errors import ConfigError
from mammomap.masks.bundle import HEAD, is_bundle, read_bundle
from mammomap.masks.files import write_atomically
from mammomap.masks.findings import finding_threshold
from mammomap.masks.key import Key, key_beside, open_key, write_key
from mammomap.masks.mapfile import MapFolder, read_map_folder
from mammomap.masks.sources import find_sources
from mammomap.masks.splits import read_split
from mammomap.report.film_pictures import write_pictures
from mammomap.report.maps_page import write_maps_page
from mammomap.report.sheets import write_sheets
from mammomap.seg.segment import segment_shard

LISTS = "*_case_description_*.csv"
"""How CBIS-DDSM names its lists."""
MOST_TOLD = 20
"""Files set aside that are named on the screen."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `mammomap segment` is asked for, beside films, model and folder."""

    part: str | None = None
    split: Path | None = None
    rows: int | None = None
    flips: bool | None = None
    """None: as the model's head asks, where it has one."""
    tile: int | None = None
    native: bool = False
    pictures: bool = False
    title: str = ""
    """Of the page that goes with the pictures."""
    key: Path | None = None
    identify: bool = False
    shard: tuple[int, int] = (1, 1)


def heatmaps(
    inputs: Sequence[Path],
    models: Sequence[str],
    out: Path,
    asked: Asked,
    *,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[MapFolder | None, bool]:
    """Make all of it, by the mean of `models` where they are several.

    Returns the folder, None while other shards have films to do, and whether anything was done.

    Raises
    ------
    MammomapError
        As `open_any_model`, `find_sources` and `segment_shard`.
    """
    if any(path.resolve() == out.resolve() for path in inputs):
        raise ConfigError(f"{out}: is both what to map and the folder for the maps; choose another folder with -o")
    head = _head_of(models)
    flips = asked.flips if asked.flips is not None else head is not None and head.flips
    mapper = open_any_model(models, asked.rows, flips=flips, tile=asked.tile)
    split = read_split(asked.split) if asked.split else mapper.split
    at = asked.key or key_beside(out)
    key = open_key(at, out)
    names = None if asked.identify else key
    sources = find_sources(inputs, split, asked.part, key=names, without=out, progress=progress)
    if any(fnmatch(source.path.name, LISTS) for source in sources):
        say(
            "warning: lists of CBIS-DDSM lie among these files, whose crops and masks would be mapped as films: "
            "'mammomap index FOLDER -o TABLES', then segment TABLES"
        )
    films = {source.image_id: source.for_key for source in sources}
    if not films.items() <= key.films.items():
        key = replace(key, films={**key.films, **films})
        write_key(at, key)
    if head is not None and head.flips != flips:
        say(f"no scores: the head of {models[0]} is for maps made {'with' if head.flips else 'without'} --flips")
        head = None
    threshold, _ = finding_threshold(head.candidate_points if head else {})
    how = {"native": asked.native, "threshold": threshold, "shard": asked.shard}
    folder, mapped = segment_shard(sources, mapper, out, progress=progress, **how)
    if folder is None:
        return None, mapped > 0
    done = mapped > 0
    _tell(folder, {image_id: film.path.name for image_id, film in films.items()}, say)
    if head is not None:
        unseen = _of_unseen_women(folder, head, key, say)
        if unseen.done:
            scores, scored = classify(unseen, head, out / "scores.csv", key=key, progress=progress)
            folder, done = _with_scores(folder, scores), done or scored
    if asked.pictures:
        paths = {image_id: films[image_id].path for image_id in folder.done}
        done |= write_pictures(folder, paths, progress=progress) > 0
        done |= write_sheets(folder, paths, progress=progress) > 0
        done |= write_maps_page(folder, asked.title)
    return folder, done


def _head_of(models: Sequence[str]) -> Head | None:
    """The head that a bundle holds; none goes with the mean of several."""
    path = Path(models[0])
    return read_head(path) if len(models) == 1 and is_bundle(path) and HEAD in read_bundle(path) else None


def _of_unseen_women(folder: MapFolder, head: Head, key: Key, say: Callable[[str], object]) -> MapFolder:
    """The folder without the films of women whom net or head have seen, which a line names."""
    known = films_seen(folder, head, key)
    ids = folder.films.loc[known[known].index, "image_id"]
    if len(ids):
        say(
            f"{'no scores' if known.all() else f'no score of {len(ids)} of {len(known)} films'}: net or head have seen "
            f"their women, first {', '.join(ids[:5])}; 'mammomap classify {folder.folder} --in-sample' scores them too"
        )
    return replace(folder, films=folder.films[~folder.films["image_id"].isin(ids)])


def _with_scores(folder: MapFolder, scores: pd.DataFrame) -> MapFolder:
    """The folder, with score and calls of each film in films.csv too, so that one table says all of it."""
    told = [name for name in scores if name in ("score", "probability") or name.startswith("call at ")]
    films = folder.films.drop(columns=told, errors="ignore").merge(scores[["image_id", *told]], "left", "image_id")
    films = films.astype({name: "Int64" for name in told if name.startswith("call at ")})
    write_atomically(folder.folder / "films.csv", lambda half: films.to_csv(half, index=False))
    return read_map_folder(folder.folder)


def _tell(folder: MapFolder, names: dict[str, str], say: Callable[[str], object]) -> None:
    """What was set aside, and which films the model was not made for."""
    films = folder.films
    aside = films[films["status"] != "done"]
    for film in aside.head(MOST_TOLD).itertuples():
        say(f"  set aside: {names[film.image_id]}: {film.reason}")
    if len(aside) > MOST_TOLD:
        say(f"  and {len(aside) - MOST_TOLD} more: column 'reason' of films.csv")
    done = films[films["status"] == "done"]
    odd = done[done["outside"] != ""]
    if len(odd):
        first = odd["outside"].value_counts().index[0]
        say(f"warning: {len(odd)} of {len(done)} films are not what the model was trained for ({first})")
    seen = done[done["seen"] != ""]
    if len(seen):
        say(f"warning: the net has seen the women of {len(seen)} of {len(done)} films (column 'seen')")
