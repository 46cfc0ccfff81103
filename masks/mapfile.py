"""Maps on disk: what a net says of one film, at working size, with the Grid that leads back to the film.

OUT/maps/<image_id>.npz    lesion, malignancy: uint16 (rows, cols), probability x 65,535; breast: packed bits; what the
                           model says of itself
OUT/films.csv              one row a file: done, or set aside with its reason (`FILM_COLUMNS`)
OUT/candidates.csv         the candidates of both layers, in pixels of the original film (`CANDIDATE_COLUMNS`)
OUT/segment.json           the model, what it was trained for, whom it has seen; written last
OUT/rows/<image_id>.json   the rows of one film, from which the tables are put together

Which image_id is which file stands in a key beside OUT (`mammomap.masks.key`) and nowhere in it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import ImageError, TableError
from mammomap.masks.files import write_atomically
from mammomap.masks.grid import Grid

MAP_FORMAT = 2
MAP_TOP = 65_535
FAST = 1
"""Level of deflate for maps: the fastest; numpy takes a higher one."""
LAYERS = ("lesion", "malignancy")
FILM_COLUMNS = (
    *("image_id", "woman", "exam", "side", "view", "flags", "rows", "cols", "spacing_mm", "imaging"),
    *("seen", "outside", "status", "map_max", "findings", "reason"),
)
"""woman, exam: codes or keyed hashes, empty where unknown. rows, cols, spacing_mm: the film's own. seen: net, where the
net has seen the woman. outside: how the film differs from those that the model was trained for. findings: in words."""
CANDIDATE_COLUMNS = (
    *("image_id", "map", "row", "col", "score", "malignancy", "area", "area_mm2"),
    *("row0", "col0", "row1", "col1"),
)
"""row, col: place in film pixels. score: smoothed peak of the layer. malignancy: the smoothed malignancy map there.
area: film pixels above half the peak, connected. row0 to col1: half-open box around them."""
CANDIDATE_POINT = "candidate 1 false positives per film"
"""The operating point of a head from which on a candidate counts as a finding."""
DEFAULT_THRESHOLD = 0.25
"""Where a candidate counts as a finding, and where colour begins, for a model without a head that says otherwise."""


@dataclass(frozen=True)
class FilmMap:
    """The map of one film on its working grid."""

    lesion: NDArray[np.float32]
    """(rows, cols) in [0, 1]: probability of any lesion that the model was trained to find."""
    malignancy: NDArray[np.float32]
    """(rows, cols) in [0, 1]: probability of a malignant one."""
    breast: NDArray[np.bool_]
    """(rows, cols): where the film shows breast; both layers are 0 elsewhere."""
    grid: Grid
    score: float | None = None
    """What a classifier of images says of the whole film, in [0, 1]; None for a map alone."""
    about: dict = field(default_factory=dict, compare=False)
    """`model` and `trained_for`, where a mapper made it."""

    def layer(self, name: str) -> NDArray[np.float32]:
        """One of `LAYERS`."""
        return {"lesion": self.lesion, "malignancy": self.malignancy}[name]

    def on_film(self, name: str, window: tuple[int, int, int, int] | None = None) -> NDArray[np.float32]:
        """A layer in the film's own pixels, or in a half-open window of them; 0 outside the breast's crop."""
        grid, layer = self.grid, self.layer(name)
        if grid == Grid.whole(grid.film_rows, grid.film_cols):
            row0, col0, row1, col1 = window or (0, 0, grid.film_rows, grid.film_cols)
            return layer[row0:row1, col0:col1]
        return grid.to_film_picture(layer, window)


def on_picture(film_map: FilmMap, name: str, size: tuple[int, int]) -> NDArray[np.float32]:
    """A layer in the pixels of a picture of the whole film, `(rows, cols)`, any size, bilinear."""
    grid = film_map.grid
    down, across = size[0] / grid.film_rows, size[1] / grid.film_cols
    crop = {
        "row0": grid.row0 * down,
        "row1": min(grid.row1 * down, size[0]),
        "col0": grid.col0 * across,
        "col1": min(grid.col1 * across, size[1]),
    }
    return replace(grid, film_rows=size[0], film_cols=size[1], **crop).to_film_picture(film_map.layer(name))


def empty_map(film_size: tuple[int, int]) -> FilmMap:
    """A map that says nothing anywhere, in the pixels of a film of `(rows, cols)`."""
    nothing = np.zeros(film_size, np.float32)
    return FilmMap(nothing, nothing, np.ones(film_size, bool), Grid.whole(*film_size))


def write_map(path: Path, film_map: FilmMap) -> FilmMap:
    """Write a map; probabilities are rounded to the nearest 1/65,535. Returns what `read_map` will read."""
    layers = {name: np.rint(film_map.layer(name) * MAP_TOP).astype(np.uint16) for name in LAYERS}

    members = {
        "format": np.array(MAP_FORMAT),
        "grid": np.array(film_map.grid.json()),
        "breast": np.packbits(film_map.breast),
        "about": np.array(json.dumps(film_map.about)),
        **({} if film_map.score is None else {"score": np.array(film_map.score)}),
        **layers,
    }

    def save(half: Path) -> None:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED, compresslevel=FAST) as archive:
            for name, array in members.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    write_atomically(path, save)
    lesion, malignancy = (_as_read(layers[name]) for name in LAYERS)
    return replace(film_map, lesion=lesion, malignancy=malignancy)


def _as_read(levels: NDArray[np.uint16]) -> NDArray[np.float32]:
    return levels.astype(np.float32) / np.float32(MAP_TOP)


def read_map(path: Path) -> FilmMap:
    """Read what `write_map` wrote.

    Raises
    ------
    ImageError
        If the file is absent, damaged, or of an unknown format.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            if int(file["format"]) != MAP_FORMAT:
                raise ImageError(f"{path.name}: map format {int(file['format'])}, wanted {MAP_FORMAT}")
            grid = Grid.from_json(str(file["grid"]))
            count = grid.rows * grid.cols
            breast = np.unpackbits(file["breast"], count=count).reshape(grid.rows, grid.cols).astype(bool)
            score = float(file["score"]) if "score" in file else None
            about = json.loads(str(file["about"]))
            lesion, malignancy = (_as_read(file[name]) for name in LAYERS)
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ImageError(f"{path}: not a map ({str(error)[:100]})") from None
    return FilmMap(lesion, malignancy, breast, grid, score, about)


DRAWN = "phantom "
"""How the source of drawn films begins."""


def woman_code(patient_id: str) -> str:
    """A code for a woman, so that folders of maps can say whom a model has seen without listing names."""
    return hashlib.sha256(f"mammomap woman {patient_id}".encode()).hexdigest()[:16]


def women_codes(patient_ids: Iterable[str], source: str = "") -> list[str]:
    """Sorted codes of several women."""
    of = f"{source}: " if source.startswith(DRAWN) else ""
    return sorted(woman_code(of + patient_id) for patient_id in patient_ids)


def women_among(patient_ids: Iterable[str], source: str, codes: Iterable[str]) -> list[str]:
    """Those women of a set whose codes are among these, sorted."""
    known = set(codes)
    return [woman for woman in sorted(patient_ids) if women_codes([woman], source)[0] in known]


def first_of(women: Sequence[str], most: int = 20) -> str:
    """Women in one line, the first of them where they are many."""
    more = f" and {len(women) - most} more" if len(women) > most else ""
    return ", ".join(women[:most]) + more


@dataclass(frozen=True)
class MapFolder:
    """A finished folder of maps."""

    folder: Path
    about: dict
    films: pd.DataFrame
    candidates: pd.DataFrame

    @property
    def done(self) -> list[str]:
        """The films that have a map."""
        return self.films.loc[self.films["status"] == "done", "image_id"].tolist()

    def map(self, image_id: str) -> FilmMap:
        """The map of one film."""
        return read_map(self.folder / "maps" / f"{image_id}.npz")


def read_map_folder(folder: Path) -> MapFolder:
    """Open what `mammomap segment` wrote.

    Raises
    ------
    TableError
        If the folder is none, is unfinished, or of an unknown format.
    """
    marker = folder / "segment.json"
    if not marker.is_file():
        raise TableError(f"{folder}: no finished folder of maps; make it with 'mammomap segment … -o {folder}'")
    about = json.loads(marker.read_text())
    if about.get("format") != MAP_FORMAT:
        raise TableError(f"{marker}: format {about.get('format')}, wanted {MAP_FORMAT}; segment again")
    numbers = ("rows", "cols", "spacing_mm", "map_max", "score", "probability")
    columns = pd.read_csv(folder / "films.csv", nrows=0).columns
    texts = {name: str for name in columns if name not in numbers}
    empty = {name: [""] for name in numbers if name in columns}
    films = pd.read_csv(folder / "films.csv", dtype=texts, keep_default_na=False, na_values=empty)
    candidates = pd.read_csv(folder / "candidates.csv", dtype={"image_id": str, "map": str})
    return MapFolder(folder, about, films, candidates)
