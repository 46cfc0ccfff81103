"""The page as one HTML file, for small sets: films, maps, scripts and style inside it.

In: what `write_page` takes. Out: a file of at most `MOST_MB`. Where the films do not fit at full size their finest
levels are left out, the same number for all, and the page says so; a set that does not fit at `LEAST_PX` is refused.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically
from mammomap.masks.key import Key
from mammomap.masks.mapfile import MapFolder
from mammomap.masks.tables import Tables
from mammomap.viewer.film import as_script
from mammomap.viewer.page import WEB, Viewed, html, script_order, write_page

MOST_MB = 64
LEAST_PX = 1024
"""The longest side, in pixels, below which films are not reduced."""


def write_single(
    folder: MapFolder,
    out: Path,
    *,
    key: Key | None,
    truth: Tables | None = None,
    most_mb: float = MOST_MB,
    workers: int | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[Viewed, int]:
    """Write the one file; returns what came of it, and how many times smaller than their films the pictures are.

    Raises
    ------
    ConfigError
        If `out` is a folder, or the set is too large for one file.
    """
    if out.is_dir():
        raise ConfigError(f"{out}: a folder, wanted a file for --single-file, e.g. {out}.html")
    parts = out.with_name(f".half-{out.name}.parts")  # of a run that was killed, this one goes on from it
    viewed = write_page(folder, parts, key=key, truth=truth, workers=workers, progress=progress)
    tiles, reduced = _tiles_that_fit(parts, most_mb)
    content = html((WEB / "viewer.css").read_text(encoding="utf-8"), _scripts(parts, tiles, reduced)).encode()
    changed = not (out.is_file() and out.read_bytes() == content)
    if changed:
        write_atomically(out, lambda half: half.write_bytes(content))
    shutil.rmtree(parts)
    return Viewed(viewed.films, viewed.with_pixels, viewed.written, changed, viewed.notes), 2**reduced


def _tiles_that_fit(parts: Path, most_mb: float) -> tuple[dict[str, dict[str, Path]], int]:
    """Tiles by film and name, and how many of the finest levels are left out."""
    others = sum(path.stat().st_size for path in (*parts.glob("data/*.js"), *parts.glob("viewer/*")))
    levels = {
        folder.name: json.loads((folder / "tiles.json").read_text())["pixels"] for folder in parts.glob("tiles/*")
    }
    reduced = 0
    while True:
        tiles = {image_id: _tiles_of(parts / "tiles" / image_id, its, reduced) for image_id, its in levels.items()}
        size = others + sum(path.stat().st_size * 4 / 3 for its in tiles.values() for path in its.values())
        if size <= most_mb * 1e6:
            return tiles, reduced
        reduced += 1
        if not levels or min(2 ** (its["highest"] - reduced) for its in levels.values()) < LEAST_PX:
            raise ConfigError(
                f"{len(levels)} films take {size / 1e6:.0f} MB in one file, wanted at most {most_mb:g}; "
                "leave --single-file out, and share the folder"
            )


def _tiles_of(folder: Path, pixels: dict, reduced: int) -> dict[str, Path]:
    """The tiles of a film up to a level, by the name that the page asks for."""
    finest = max(pixels["lowest"], pixels["highest"] - reduced)
    kept = {"thumb": folder / "thumb.jpg"}
    for level in range(pixels["lowest"], finest + 1):
        kept.update({f"{level}/{path.stem}": path for path in sorted((folder / str(level)).iterdir())})
    return kept


def _scripts(parts: Path, tiles: dict[str, dict[str, Path]], reduced: int) -> tuple[str, ...]:
    """All scripts in their order, with the films and their tiles where the folder has `data/films.js`."""
    packed = {
        image_id: {name: base64.b64encode(path.read_bytes()).decode() for name, path in its.items()}
        for image_id, its in sorted(tiles.items())
    }
    films = [_reduced(path.read_text(encoding="utf-8"), reduced) for path in sorted(parts.glob("data/film-*.js"))]
    data = [(parts / "data" / "films.js").read_text(encoding="utf-8"), as_script("inline", packed), *films]
    made: list[str] = []
    for name in script_order():
        made += data if name == "" else [(WEB / name).read_text(encoding="utf-8")]
    licence = (WEB / "openseadragon-LICENSE.txt").read_text(encoding="utf-8")
    return (f"/*\n{licence}*/\n", *made)


def _reduced(script: str, reduced: int) -> str:
    """A film's script that names the finest level there is."""
    call = script.split("\n", 1)[1]
    film = json.loads(call[call.index("(") + 1 : call.rindex(")")])
    if film["pixels"] and reduced:
        film["pixels"]["finest"] = max(film["pixels"]["lowest"], film["pixels"]["highest"] - reduced)
    return as_script("film", film)
