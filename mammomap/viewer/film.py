"""One film of the page: its tiles, and a script file with its map, candidates, reasons and true outlines.

In: a `FilmJob`. Out: PAGE/tiles/<image_id>/ and PAGE/data/film-<image_id>.js, and what the list has to know. The map is
sent at working size, 8 bits, deflated, its columns in the film's own direction, with the crop that it covers in
half-open film pixels. The script's first line says what it was made from, so that a second run leaves it alone.
"""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError, MammomapError
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.intensity import IntensitySettings, grey_limits
from mammomap.masks.mapfile import LAYERS, FilmMap, read_map
from mammomap.masks.read import read_film
from mammomap.viewer.listing import number, text
from mammomap.viewer.tiles import TILE, Pyramid, write_pyramid
from mammomap.viewer.truth import true_outlines

FILM_VERSION = 1
NO_KEY = "the key of these maps is not there, so the film is shown without its pixels"
NOT_IN_KEY = "the key does not name this film, so it is shown without its pixels"
GONE = "the film's file is gone, so it is shown without its pixels"
UNREADABLE = "the film's file can no longer be read as a film, so it is shown without its pixels"
OTHER = "the film's file has other proportions than when the map was made, so it is shown without its pixels"
PROPORTION = 0.02
"""How far they may be off: a smaller copy of a film is rounded to whole pixels."""
_BOX = ("row0", "col0", "row1", "col1")


@dataclass(frozen=True)
class FilmJob:
    """What is needed for one film; nothing of its paths goes into the page."""

    image_id: str
    page: Path
    map_path: Path
    film_path: Path | None
    without: str = ""
    """Why there is no film_path."""
    candidates: list[dict] = field(default_factory=list)
    reasons: list[dict] = field(default_factory=list)
    lesions: list[dict] | None = None
    """Rows of the lesion table; None where no truth is known."""

    @property
    def script(self) -> Path:
        return self.page / "data" / f"film-{self.image_id}.js"

    @property
    def tiles(self) -> Path:
        return self.page / "tiles" / self.image_id


def write_film(job: FilmJob) -> tuple[dict, bool]:
    """Write what is missing of a film; returns what the list shows of it, and whether anything was written."""
    stamp = settings_hash([FILM_VERSION, _stamped(job)])
    made = _made_before(job)
    if made and made["stamp"] == stamp and bool(made["brief"]["pixels"]) == (job.tiles / "tiles.json").is_file():
        return made["brief"], False
    film_map = read_map(job.map_path)
    grid = film_map.grid
    pixels, without = _tiles(job, film_map)
    brief = {
        "rows": grid.film_rows,
        "cols": grid.film_cols,
        "chest": "right" if grid.mirrored else "left",
        "pixels": pixels is not None,
    }
    told = {
        "id": job.image_id,
        "pixels": pixels,
        "without": without,
        "map": packed_map(film_map),
        "candidates": _candidates(job),
        "reasons": [
            {"name": text(row["name"]), "value": number(row["value"]), "moved": number(row["moved"])}
            for row in job.reasons
            if row["what"] == "feature"
        ],
        "truth": None if job.lesions is None else true_outlines(job.lesions, (grid.film_rows, grid.film_cols)),
    }
    first = json.dumps({"stamp": stamp, "brief": brief})
    write_atomically(
        job.script, lambda half: half.write_text(f"// {first}\n{as_script('film', told)}", encoding="utf-8")
    )
    return brief, True


def as_script(name: str, value: Any) -> str:
    """A call of the page's function `name` with `value`, safe inside HTML too."""
    return f"mammomap.{name}({json.dumps(value, allow_nan=False).replace('<', chr(92) + 'u003c')});\n"


def packed_map(film_map: FilmMap) -> dict:
    """The map as the page takes it."""
    grid = film_map.grid
    return {
        "rows": grid.rows,
        "cols": grid.cols,
        "crop": [grid.row0, grid.col0, grid.row1, grid.col1],
        **{layer: _packed(film_map.layer(layer)[:, :: -1 if grid.mirrored else 1]) for layer in LAYERS},
    }


def _packed(layer: NDArray[np.float32]) -> str:
    values = np.rint(layer * 255).astype(np.uint8)
    return base64.b64encode(zlib.compress(values.tobytes(), 6)).decode()


def _tiles(job: FilmJob, film_map: FilmMap) -> tuple[dict | None, str]:
    """The film's tiles, written if they are missing; None with the reason where there can be none."""
    if job.film_path is None or not job.film_path.is_file():
        shutil.rmtree(job.tiles, ignore_errors=True)
        return None, job.without or GONE
    beside = job.tiles / "tiles.json"
    stamp = settings_hash([FILM_VERSION, _state(job.film_path), film_map.grid.json()])
    if beside.is_file() and (made := json.loads(beside.read_text()))["stamp"] == stamp:
        return made["pixels"], ""
    shutil.rmtree(job.tiles, ignore_errors=True)
    try:
        film = read_film(job.film_path)
    except MammomapError:  # its text may name a file or a woman
        return None, UNREADABLE
    grid = film_map.grid
    rows = round(grid.film_rows * film.shape[1] / grid.film_cols)
    if abs(film.shape[0] / rows - 1) > PROPORTION:
        return None, OTHER
    if film.shape[0] != rows:  # then a film pixel takes as much of the picture down as across
        film = np.asarray(cv2.resize(film, (film.shape[1], rows), interpolation=cv2.INTER_LINEAR), np.uint16)
    half = job.tiles.with_name(f".half-{job.image_id}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    pyramid = write_pyramid(film, half)
    pixels = {
        "rows": film.shape[0],
        "cols": film.shape[1],
        "lowest": pyramid.lowest,
        "highest": pyramid.highest,
        "tile": TILE,
        "window": _window(film, film_map, pyramid),
    }
    write_json(half / "tiles.json", {"stamp": stamp, "pixels": pixels})
    half.rename(job.tiles)
    return pixels, ""


def _window(film: NDArray[np.uint16], film_map: FilmMap, pyramid: Pyramid) -> list[float]:
    """Where the shown grey begins and ends at first, on the tiles' scale of 0 to 1: those of the net's input."""
    working = np.maximum(film_map.grid.picture_to_working(film), 1) * film_map.breast
    try:
        low, high = grey_limits(working.astype(np.uint16), IntensitySettings())
    except ImageError:
        return [0.0, 1.0]
    dark, bright = pyramid.grey
    return [round((value - dark) / max(1, bright - dark), 4) for value in (low, high)]


def _candidates(job: FilmJob) -> list[dict]:
    """Candidates as the page takes them, best first, each with what it moved the score by where that is known."""
    moved = {
        (number(row["row"]), number(row["col"])): number(row["moved"])
        for row in job.reasons
        if row["what"] == "candidate"
    }
    told = []
    for row in sorted(job.candidates, key=lambda row: -row["score"]):
        box = [number(row.get(edge)) for edge in _BOX]
        told.append(
            {
                "layer": row["map"],
                **{name: number(row.get(name)) for name in ("row", "col", "score", "malignancy", "area", "area_mm2")},
                "box": None if None in box else box,
                "moved": moved.get((number(row["row"]), number(row["col"]))) if row["map"] == "lesion" else None,
            }
        )
    return told


def _made_before(job: FilmJob) -> dict | None:
    try:
        with job.script.open(encoding="utf-8") as script:
            return json.loads(script.readline().removeprefix("// "))
    except (OSError, ValueError):
        return None


def _stamped(job: FilmJob) -> dict:
    """All that a film's script depends on."""
    told = {name: value for name, value in asdict(job).items() if name not in ("page", "map_path", "film_path")}
    told["lesions"] = None if job.lesions is None else [{**row, "mask_path": ""} for row in job.lesions]
    masks = [Path(str(row["mask_path"])) for row in job.lesions or () if row.get("outline") == "mask"]
    states = [_state(path) for path in (job.map_path, job.film_path, *masks)]
    return {"told": repr(told), "files": states}


def _state(path: Path | None) -> list | None:
    """Which version of a file this is."""
    if path is None or not path.is_file():
        return None
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]
