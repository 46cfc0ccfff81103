"""`mammomap segment`: films in, a folder of maps out (`mammomap.masks.mapfile` says what is in it).

Films come from tables, from files, or from a folder; a file that is no film is set aside with its reason and the
rest is done. A second run does only what is missing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import ConfigError, MammomapError, TableError
from mammomap.eval.blob import blob_map
from mammomap.eval.candidates import CANDIDATES_VERSION
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.mapfile import MAP_FORMAT, FilmMap, MapFolder, read_map, read_map_folder, women_codes, write_map
from mammomap.masks.read import DICOM_ENDINGS, PICTURE_ENDINGS
from mammomap.masks.splits import Split
from mammomap.masks.tables import read_tables
from mammomap.masks.working import WorkingFilm, read_working_film, working_film
from mammomap.seg.candidates import COLUMNS, candidate_rows
from mammomap.seg.device import choose_hardware
from mammomap.seg.maps import check_tile, film_map, map_layers
from mammomap.seg.run import Run, read_run

CASE_COLUMNS = ("woman", "side", "view")
"""What says which films belong together; empty where nobody told."""
BLOB_ROWS = 768
"""Working rows of the blob detector where none are asked for."""


@dataclass(frozen=True)
class Source:
    """One film to be mapped."""

    image_id: str
    path: Path
    film_size: tuple[int, int] | None
    data_set: str = ""
    """The name of the set, where tables say it; with the woman's code, side and view."""
    woman: str = ""
    side: str = ""
    view: str = ""


class RunMapper:
    """Makes maps with the net of a run; `flips` and `tile` as in `mammomap.seg.maps.film_map`."""

    def __init__(self, run: Run, *, flips: bool = False, tile: int | None = None) -> None:
        self.run, self.rows, self.flips, self.tile = run, run.rows, flips, tile
        self.hardware = choose_hardware(precision=run.config.precision)
        self.net = run.net(self.hardware)
        check_tile(self.net, tile)
        self.about = {
            "model": run.name,
            "kinds_trained": list(run.kinds),
            "source": run.source,
            "women_seen": run.women_codes,
            "precision": self.hardware.precision,
            **({"flips": True} if flips else {}),
            **({"tile": tile} if tile else {}),
        }

    def __call__(self, film: WorkingFilm) -> FilmMap:
        """The map of a working film; 0 outside the breast."""
        image = net_input(film.pixels, self.run.config.intensity)
        probabilities = film_map(self.net, image, self.hardware, flips=self.flips, tile=self.tile)
        breast = film.pixels > 0
        lesion, malignancy = map_layers(probabilities, self.run.classes)
        return FilmMap(lesion * breast, malignancy * breast, breast, film.grid)


class BlobMapper:
    """The trivial line: bright blobs of any size, by no training at all; both layers are the same."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.about = {"model": "blob detector", "kinds_trained": [], "source": "", "women_seen": []}

    def __call__(self, film: WorkingFilm) -> FilmMap:
        breast = film.pixels > 0
        blobs = blob_map(net_input(film.pixels, IntensitySettings()), inside=breast) * breast
        return FilmMap(blobs, blobs, breast, film.grid)


def open_model(
    model: str, rows: int | None = None, *, flips: bool = False, tile: int | None = None
) -> RunMapper | BlobMapper:
    """A mapper for a run folder, or for the word `blob`; `flips` and `tile` are for a run.

    Raises
    ------
    ModelError
        If the folder is no finished run.
    ConfigError
        If `rows` is asked of a run, which has its own, or `flips` or `tile` of the blob detector.
    """
    if model == "blob":
        if flips or tile:
            raise ConfigError("--flips and --tile are for a run, not for --model blob")
        return BlobMapper(rows or BLOB_ROWS)
    run = read_run(Path(model))
    if rows not in (None, run.rows):
        raise ConfigError(f"--rows {rows}: the run works at {run.rows} rows; --rows is for --model blob")
    return RunMapper(run, flips=flips, tile=tile)


def find_sources(inputs: Sequence[Path], split: Split | None, part: str | None) -> list[Source]:
    """The films that the inputs name: tables, folders of files, or files.

    Raises
    ------
    TableError
        If an input does not exist, holds nothing, or a part is asked for without tables.
    """
    if len(inputs) == 1 and (inputs[0] / "index.json").is_file():
        tables = read_tables(inputs[0])
        films = tables.films
        if part is not None:
            if split is None:
                raise TableError(f"--part {part} needs a split: a run as --model, or --split FILE")
            films = split.tables(tables, part).films
            if not len(films):
                raise TableError(f"split {split.name!r} has no film of these tables in part {part}")
        return [_of_table(film, tables.about.get("source", "")) for film in films.itertuples()]
    if part is not None:
        raise TableError("--part is for tables; these are files")
    files: list[Path] = []
    for path in inputs:
        if path.is_dir():
            files += sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in _ENDINGS)
        elif path.is_file():
            files.append(path)
        else:
            raise TableError(f"{path}: no such file or folder")
    if not files:
        raise TableError("no film found; wanted DICOM or picture files, or tables of 'mammomap index'")
    sources = {}
    for path in files:
        code = "film-" + hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        sources.setdefault(code, Source(code, path, None))
    return list(sources.values())


def _of_table(film, source: str) -> Source:
    code = women_codes([film.patient_id], source)[0]
    told = ("" if pd.isna(value) else str(value) for value in (film.side, film.view))
    return Source(film.image_id, Path(film.path), (int(film.rows), int(film.cols)), source, code, *told)


_ENDINGS = (*PICTURE_ENDINGS, *DICOM_ENDINGS)


def segment(
    sources: Sequence[Source],
    mapper: RunMapper | BlobMapper,
    out: Path,
    *,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[MapFolder, int]:
    """Map every film; returns the folder and how many films were done by this call.

    Raises
    ------
    ConfigError
        If `out` holds maps of another model.
    TableError
        If not one film could be mapped.
    """
    stamp = settings_hash({"about": mapper.about, "rows": mapper.rows, "candidates": CANDIDATES_VERSION})
    plan, marker = out / "plan.json", out / "segment.json"
    if plan.is_file() and json.loads(plan.read_text())["stamp"] != stamp:
        raise ConfigError(f"{out}: holds maps of another model; choose another folder or delete it")
    write_json(plan, {"stamp": stamp})
    wanted = {source.image_id for source in sources}
    if marker.is_file():
        folder = read_map_folder(out)
        if set(folder.films["image_id"]) == wanted and all(
            (out / "maps" / f"{image_id}.npz").is_file() for image_id in folder.done
        ):
            return folder, 0
        marker.unlink()
    states: dict[str, dict] = {}
    rows: list[dict] = []
    done_now = 0
    show = progress or (lambda items, **_: items)
    for source, film in show(_films_ahead(sources, out, mapper.rows), total=len(sources), desc="segment", unit="film"):
        path = out / "maps" / f"{source.image_id}.npz"
        try:
            if isinstance(film, MammomapError):
                raise film
            if film is None:
                made = read_map(path)
            else:
                made = mapper(film)
                write_map(path, made)
                made = read_map(path)
                done_now += 1
        except MammomapError as error:
            states[source.image_id] = {"status": "set aside", "map_max": None, "reason": _without_path(error, source)}
            continue
        found = candidate_rows(source.image_id, made)
        rows += found
        states[source.image_id] = {
            "status": "done",
            "map_max": max((row["score"] for row in found if row["map"] == "malignancy"), default=0.0),
            "reason": "",
            **({} if made.score is None else {"score": round(made.score, 6)}),
        }
    of = {source.image_id: {name: getattr(source, name) for name in CASE_COLUMNS} for source in sources}
    films = pd.DataFrame([{"image_id": image_id, **of[image_id], **state} for image_id, state in states.items()])
    if "done" not in set(films["status"]):
        raise TableError(f"no film of {len(films)} could be mapped; first: {films['reason'].iloc[0]}")
    candidates = pd.DataFrame(rows, columns=list(COLUMNS))
    write_atomically(out / "films.csv", lambda path: films.to_csv(path, index=False))
    write_atomically(out / "candidates.csv", lambda path: candidates.to_csv(path, index=False))
    _write_key(sources, out)
    write_json(
        marker,
        {
            "format": MAP_FORMAT,
            **mapper.about,
            "rows": mapper.rows,
            "candidates_version": CANDIDATES_VERSION,
            "data_set": sources[0].data_set if len({source.data_set for source in sources}) == 1 else "",
            "films": len(films),
            "set_aside": int((films["status"] != "done").sum()),
        },
    )
    return read_map_folder(out), done_now


def lesion_map(film: str | Path | NDArray[np.uint16], model: str) -> FilmMap:
    """The map of one film, given as a file or as uint16 `(rows, cols)`; `model` is a run folder.

    >>> from mammomap import lesion_map                            # doctest: +SKIP
    >>> lesion_map("film.dcm", model="RUN").on_film("lesion")      # doctest: +SKIP
    """
    mapper = open_model(model)
    if isinstance(film, np.ndarray):
        return mapper(working_film(film, mapper.rows))
    return mapper(read_working_film(Path(film), mapper.rows))


def _films_ahead(
    sources: Sequence[Source], out: Path, rows: int
) -> Iterable[tuple[Source, WorkingFilm | MammomapError | None]]:
    """Films in order, the next two read while the net works on this one; None where the map is there already."""

    def read(source: Source) -> WorkingFilm | MammomapError | None:
        if (out / "maps" / f"{source.image_id}.npz").is_file():
            return None
        try:
            return read_working_film(source.path, rows, source.film_size)
        except MammomapError as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(read, source) for source in sources[:2]]
        for number, source in enumerate(sources):
            film = waiting.pop(0).result()
            if number + 2 < len(sources):
                waiting.append(pool.submit(read, sources[number + 2]))
            yield source, film


def _without_path(error: MammomapError, source: Source) -> str:
    """The reason without the file's name, which may hold a patient's."""
    return str(error).replace(f"{source.path.name}: ", "").replace(str(source.path), "the file")


def _write_key(sources: Sequence[Source], out: Path) -> None:
    """For loose files: which image_id is which file, beside OUT and not in it."""
    loose = [source for source in sources if source.film_size is None]
    if loose:
        key = pd.DataFrame([{"image_id": s.image_id, "path": str(s.path.resolve())} for s in loose])
        write_atomically(out.with_name(out.name + ".key.csv"), lambda path: key.to_csv(path, index=False))
