"""`mammomap segment`: films in, a folder of maps out (`mammomap.masks.mapfile` says what is in it).

Every file is in the table, done or set aside with its reason. What is done of a film is on disk at once: its map, its
rows of the tables, its native maps if they are asked for. So a run that was stopped goes on, a second one does only
what is missing, and several can share the films (`shard`); the one that finds the last film done writes the tables.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pandas as pd

from mammomap.errors import ConfigError, MammomapError, TableError
from mammomap.eval.candidates import CANDIDATES_VERSION
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.findings import findings, outside
from mammomap.masks.mapfile import (
    CANDIDATE_COLUMNS,
    DEFAULT_THRESHOLD,
    FILM_COLUMNS,
    MAP_FORMAT,
    FilmMap,
    MapFolder,
    read_map,
    read_map_folder,
    write_map,
)
from mammomap.masks.native import has_native, write_native
from mammomap.masks.sources import Source
from mammomap.masks.working import WorkingFilm, read_working_film
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import Mapper

AHEAD = 2
"""Films that are read while the net works on one."""


def segment(sources: Sequence[Source], mapper: Mapper, out: Path, **how) -> tuple[MapFolder, int]:
    """Map every film; returns the folder, and how many films this call did. how: as `segment_shard`, all but shard.

    Raises
    ------
    ConfigError, TableError
        As `segment_shard`.
    """
    folder, mapped = segment_shard(sources, mapper, out, shard=(1, 1), **how)
    assert folder is not None  # no other shard has anything to do
    return folder, mapped


def segment_shard(
    sources: Sequence[Source],
    mapper: Mapper,
    out: Path,
    *,
    shard: tuple[int, int],
    native: bool = False,
    threshold: float = DEFAULT_THRESHOLD,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[MapFolder | None, int]:
    """Map a share of the films; returns the folder, None while other shards have films to do, and how many it did.

    shard: (i, n), every n-th film from the i-th on, counted from 1. native: maps in the films' own pixels too
    (`mammomap.masks.native`). threshold: from which score on a candidate is a finding.

    Raises
    ------
    ConfigError
        If `out` holds maps of another model, or findings by another threshold.
    TableError
        If not one film could be mapped.
    """
    about = {**mapper.about, "rows": mapper.rows, "candidates_version": CANDIDATES_VERSION, "threshold": threshold}
    stamp, plan, marker = settings_hash({"format": MAP_FORMAT, **about}), out / "plan.json", out / "segment.json"
    if plan.is_file() and json.loads(plan.read_text())["stamp"] != stamp:
        raise ConfigError(f"{out}: holds maps of another model; choose another folder or delete it")
    write_json(plan, {"stamp": stamp})
    mine = [source for source in sources[shard[0] - 1 :: shard[1]] if not _is_done(source, out, native)]
    if marker.is_file() and not mine:
        folder = read_map_folder(out)
        if folder.films["image_id"].tolist() == [source.image_id for source in sources]:
            return folder, 0
    marker.unlink(missing_ok=True)
    show = progress or (lambda items, **_: items)
    mapped = 0
    for source, film in show(_read_ahead(mine, out, mapper.rows), total=len(mine), desc="segment", unit="film"):
        mapped += _one_film(source, film, mapper, out, native, threshold)
    if all(_rows_file(source, out).is_file() for source in sources):
        _write_tables(sources, about, out)
        return read_map_folder(out), mapped
    return None, mapped


def _one_film(
    source: Source,
    film: WorkingFilm | FilmMap | MammomapError,
    mapper: Mapper,
    out: Path,
    native: bool,
    threshold: float,
) -> bool:
    """Write all of one film, its rows last; whether a map was made."""
    is_new = isinstance(film, WorkingFilm)
    try:
        if isinstance(film, MammomapError):
            raise film
        if is_new:
            said = {name: mapper.about[name] for name in ("model", "trained_for")}
            made = write_map(_map_file(source, out), replace(mapper(film), about=said))
        else:
            made = film
        if native:
            write_native(out, source.image_id, made)
    except MammomapError as error:
        write_json(_rows_file(source, out), {"film": _film_row(source, reason=_without_path(error, source))})
        return False
    found = candidate_rows(source.image_id, made, source.spacing_mm)
    top = max((row["score"] for row in found if row["map"] == "malignancy"), default=0.0)
    grid, trained_for = made.grid, mapper.about["trained_for"]
    codes = set(mapper.about["women_seen"])
    row = _film_row(
        source,
        rows=grid.film_rows,
        cols=grid.film_cols,
        seen="net" if codes & set(source.codes) else "",
        outside=outside(trained_for, source.imaging, source.spacing_mm, grid.film_rows, mapper.rows),
        map_max=top,
        findings=findings(found, mapper.about["kinds_trained"], threshold),
        **({} if made.score is None else {"score": round(made.score, 6)}),
    )
    write_json(_rows_file(source, out), {"film": row, "candidates": found})
    return is_new


def _film_row(source: Source, *, reason: str = "", **more: object) -> dict:
    told = {name: getattr(source, name, "") for name in FILM_COLUMNS}
    size = source.film_size or (None, None)
    row = {**told, "rows": size[0], "cols": size[1], "map_max": None, "findings": "", **more}
    return {**row, "status": "set aside" if reason else "done", "reason": reason}


def _write_tables(sources: Sequence[Source], about: dict, out: Path) -> None:
    """The tables of all films, in the order of the sources, and the marker that they are whole."""
    rows, candidates = [], []
    for source in sources:
        told = json.loads(_rows_file(source, out).read_text())
        rows.append(told["film"])
        candidates += told.get("candidates", ())
    done = sum(row["status"] == "done" for row in rows)
    if not done:
        raise TableError(f"no film of {len(rows)} could be mapped; first: {rows[0]['reason']}")
    score = ("score",) if any("score" in row for row in rows) else ()
    films = pd.DataFrame(rows, columns=[*FILM_COLUMNS, *score]).astype({"rows": "Int64", "cols": "Int64"})
    frames = {"films": films, "candidates": pd.DataFrame(candidates, columns=list(CANDIDATE_COLUMNS))}
    for name, frame in frames.items():
        write_atomically(out / f"{name}.csv", lambda path, f=frame: f.to_csv(path, index=False))
    sets = {(source.data_set, source.data_hash) for source in sources}
    data_set, data_hash = sets.pop() if len(sets) == 1 else ("", "")
    write_json(
        out / "segment.json",
        {
            "format": MAP_FORMAT,
            **about,
            "data_set": data_set,
            "data_hash": data_hash,
            "films": len(rows),
            "set_aside": len(rows) - done,
        },
    )


def _read_ahead(
    sources: Sequence[Source], out: Path, rows: int
) -> Iterator[tuple[Source, WorkingFilm | FilmMap | MammomapError]]:
    """Films in order, the next read while the net works on one; a map where it is there already."""

    def read(source: Source) -> WorkingFilm | FilmMap | MammomapError:
        try:
            if source.reason:
                return TableError(source.reason)
            if _map_file(source, out).is_file():
                return read_map(_map_file(source, out))
            return read_working_film(source.path, rows, source.film_size)
        except MammomapError as error:
            return error

    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[tuple[Source, Future]] = deque()
        for source in sources:
            waiting.append((source, pool.submit(read, source)))
            if len(waiting) > AHEAD:
                first, film = waiting.popleft()
                yield first, film.result()
        for first, film in waiting:
            yield first, film.result()


def _is_done(source: Source, out: Path, native: bool) -> bool:
    path = _rows_file(source, out)
    if not path.is_file():
        return False
    if json.loads(path.read_text())["film"]["status"] != "done":
        return True
    return _map_file(source, out).is_file() and (not native or has_native(out, source.image_id))


def _map_file(source: Source, out: Path) -> Path:
    return out / "maps" / f"{source.image_id}.npz"


def _rows_file(source: Source, out: Path) -> Path:
    return out / "rows" / f"{source.image_id}.json"


def _without_path(error: MammomapError, source: Source) -> str:
    """The reason without the file's name, which may hold a patient's."""
    return str(error).replace(f"{source.path.name}: ", "").replace(str(source.path), "the file")
