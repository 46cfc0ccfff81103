"""The store: prepared films and targets at working size, memory-mapped, with the tables they come from.

In: tables. Out: a folder STORE with `pixels.u16` and `targets.u8` (all films end to end), `films.parquet` (where each
film starts, its Grid), a copy of the tables, `refused.csv` and `store.json`, which is written last. While it is made,
finished films wait in `parts/`, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import ConfigError, MammomapError, TableError
from mammomap.masks.files import settings_hash, whole_file, write_atomically, write_json
from mammomap.masks.grid import Grid
from mammomap.masks.outlines import outlines_of
from mammomap.masks.parallel import in_processes
from mammomap.masks.tables import Tables, read_tables, write_tables
from mammomap.masks.targets import draw_target
from mammomap.masks.working import read_working_film

STORE_FORMAT = 2
"""Goes up whenever the same tables would give another store."""


@dataclass(frozen=True)
class StoredFilm:
    """One film of a store; the arrays are views into the memory-mapped files."""

    image_id: str
    patient_id: str
    pixels: NDArray[np.uint16]
    """(rows, cols), 0 outside the breast."""
    target: NDArray[np.uint8]
    """(rows, cols), class codes of `mammomap.masks.targets`."""
    grid: Grid


class Store:
    """A finished store, opened for reading.

    Raises
    ------
    TableError
        If the folder is no finished store, or of an unknown format.
    """

    def __init__(self, folder: Path) -> None:
        marker = folder / "store.json"
        if not marker.is_file():
            raise TableError(f"{folder}: no finished store; make it with 'mammomap prepare TABLES -o {folder}'")
        self.about = json.loads(marker.read_text())
        if self.about.get("format") != STORE_FORMAT:
            raise TableError(f"{marker}: format {self.about.get('format')}, wanted {STORE_FORMAT}; prepare again")
        self.folder = folder
        self.rows: int = self.about["rows"]
        self.films = pd.read_parquet(folder / "films.parquet")
        self._place = {film.image_id: film for film in self.films.itertuples()}

    @cached_property
    def tables(self) -> Tables:
        """The tables that the store was made from; films that were set aside stand in them too."""
        return read_tables(self.folder / "tables")

    @cached_property
    def _pixels(self) -> NDArray[np.uint16]:
        return np.memmap(self.folder / "pixels.u16", np.uint16, "r")

    @cached_property
    def _targets(self) -> NDArray[np.uint8]:
        return np.memmap(self.folder / "targets.u8", np.uint8, "r")

    def __len__(self) -> int:
        return len(self.films)

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._place

    def __getitem__(self, image_id: str) -> StoredFilm:
        film = self._place[image_id]
        grid = Grid.from_json(film.grid)
        start, stop = film.start, film.start + grid.rows * grid.cols
        return StoredFilm(
            image_id=image_id,
            patient_id=film.patient_id,
            pixels=self._pixels[start:stop].reshape(grid.rows, grid.cols),
            target=self._targets[start:stop].reshape(grid.rows, grid.cols),
            grid=grid,
        )


def prepare(
    tables: Tables, out: Path, *, rows: int, workers: int | None = None, progress: Callable[..., Iterable] | None = None
) -> tuple[Store, bool]:
    """Make a store of all films of `tables` at `rows` working rows.

    Returns the store, and whether anything was done: False where `out` already is this store.

    Raises
    ------
    ConfigError
        If `out` holds a store of other tables or settings.
    """
    stamp = _plan(tables, out, rows)
    if (out / "store.json").is_file():
        return Store(out), False
    refused = _make_parts(tables, tables.films, out, rows, workers, progress)
    _assemble(tables, out, refused)
    write_json(
        out / "store.json",
        {
            "format": STORE_FORMAT,
            "rows": rows,
            "films": len(tables.films) - len(refused),
            "refused": len(refused),
            "data_hash": tables.hash,
            "stamp": stamp,
        },
    )
    shutil.rmtree(out / "parts")
    return Store(out), True


def prepare_shard(
    tables: Tables,
    out: Path,
    *,
    rows: int,
    shard: tuple[int, int],
    workers: int | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[int, dict[str, str]]:
    """Every n-th film, for `shard` (i, n) beginning at the i-th, counted from 1; `prepare` then joins what is there.

    Several may run at a time, on several machines that share `out`. Returns how many films of the shard are ready, and
    why the others were set aside; `prepare` tries these again.

    Raises
    ------
    ConfigError
        As `prepare`.
    """
    _plan(tables, out, rows)
    films = tables.films.iloc[shard[0] - 1 :: shard[1]]
    if (out / "store.json").is_file():
        return len(films), {}
    refused = _make_parts(tables, films, out, rows, workers, progress)
    return len(films) - len(refused), refused


def largest_size(tables: Tables, rows: int) -> int:
    """Bytes that a store takes at most: as if no film were cropped. While it is made, it takes twice that."""
    films = tables.films
    return int((films["cols"] / films["rows"] * rows).round().sum()) * rows * 3


def _plan(tables: Tables, out: Path, rows: int) -> str:
    """Write down what `out` is for, or see that it is for the same; returns the stamp."""
    stamp = settings_hash({"format": STORE_FORMAT, "rows": rows, "data": tables.hash})
    plan = out / "plan.json"
    if plan.is_file():
        if json.loads(plan.read_text())["stamp"] != stamp:
            raise ConfigError(
                f"{out}: holds a store of other tables or other --rows; choose another folder or delete it"
            )
    else:
        write_json(plan, {"stamp": stamp, "rows": rows, "data_hash": tables.hash})
    return stamp


def _make_parts(
    tables: Tables,
    films: pd.DataFrame,
    out: Path,
    rows: int,
    workers: int | None,
    progress: Callable[..., Iterable] | None,
) -> dict[str, str]:
    """Those of the films that are not there yet, into `parts`; returns the ones set aside, with reasons."""
    parts = out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    jobs = [
        (film, tables.lesions_of(film["image_id"]), rows, parts)
        for film in films.to_dict("records")
        if not (parts / f"{film['image_id']}.npz").is_file()
    ]
    done = in_processes(_prepare_one, jobs, what="prepare", workers=workers, chunk=4, progress=progress)
    return {image_id: reason for image_id, reason in done if reason}


def _prepare_one(job: tuple) -> tuple[str, str]:
    """One film into `parts`; returns its id and the reason if it was set aside."""
    film, lesions, rows, parts = job
    image_id, size = film["image_id"], (film["rows"], film["cols"])
    try:
        working = read_working_film(Path(film["path"]), rows, size)
        target = draw_target(outlines_of(lesions, size), working.grid)
        if len(lesions) and not target.any():
            raise TableError("its lesions lie outside the breast that was found")
    except MammomapError as error:
        return image_id, str(error)
    grid = np.array(working.grid.json())

    def save(path: Path) -> None:
        with path.open("wb") as file:
            np.savez(file, pixels=working.pixels, target=target, grid=grid)

    write_atomically(parts / f"{image_id}.npz", save)
    return image_id, ""


def _assemble(tables: Tables, out: Path, refused: dict[str, str]) -> None:
    """Join the parts into one array pair."""
    listed = []
    start = 0
    with (
        whole_file(out / "pixels.u16") as half_pixels,
        whole_file(out / "targets.u8") as half_targets,
        half_pixels.open("wb") as pixels,
        half_targets.open("wb") as targets,
    ):
        for film in tables.films.itertuples():
            if film.image_id in refused:
                continue
            with np.load(out / "parts" / f"{film.image_id}.npz") as part:
                pixels.write(part["pixels"].tobytes())
                targets.write(part["target"].tobytes())
                count = part["pixels"].size
                listed.append(
                    {
                        "image_id": film.image_id,
                        "patient_id": film.patient_id,
                        "start": start,
                        "grid": str(part["grid"]),
                    }
                )
            start += count
    if not listed:
        first = next(iter(refused.items()), ("", "no films"))
        raise TableError(f"no film of {len(tables.films)} could be prepared; first {first[0]}: {first[1]}")
    frame = pd.DataFrame(listed)
    write_atomically(out / "films.parquet", lambda path: frame.to_parquet(path, index=False))
    reasons = pd.DataFrame(sorted(refused.items()), columns=["image_id", "reason"])
    write_atomically(out / "refused.csv", lambda path: reasons.to_csv(path, index=False))
    write_tables(tables, out / "tables")
