"""Lines that a system has to beat and that cost nothing to draw: where lesions mostly are, and bright blobs.

- place map: how often lesions of other women lie at each place of the breast, by view, in shares of the breast's box
  with the chest wall on the left: a Gaussian of `SPREAD` of the box around each lesion's centre. Other women are those
  of the tables who are not judged; where there are none, the judged women of the four other fifths. Its candidates are
  the peaks of that map, by the one extractor, the same places on every film of a view: it ranks no film.
- blob detector: `eval/blob.py` at `BLOB_ROWS` working rows.

Both need film pixels, for the breast. What was found is kept in a folder, so that the next report need not look again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.foreign import two_processes
from mammomap.benchmark.systems import System
from mammomap.benchmark.truth import Truth
from mammomap.errors import MammomapError
from mammomap.eval import REFEREE_VERSION
from mammomap.eval.blob import blob_map
from mammomap.eval.candidates import CANDIDATES_VERSION, find_candidates
from mammomap.masks.breast import Breast, find_breast
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.outlines import outlines_of
from mammomap.masks.read import read_film
from mammomap.masks.working import working_film
from mammomap.seg.candidates import candidate_rows

BLOB_ROWS = 768
PLACE_GRID = (96, 64)
SPREAD = 0.06
MOST_FILMS = 400
"""Films of other women that the place map is made from, at most; chosen by a hash of their names."""
FEWEST_OF_VIEW = 10
"""A view with fewer lesions of other women takes the map of all views."""
CACHE_FILES = ("trivial.json", "breasts.npz", "blobs.csv")
COLUMNS = ["image_id", "map", "row", "col", "score"]


@dataclass(frozen=True)
class BreastOf:
    """Where the breast lies on one film. mask: 1 inside, covering the film at about 256 rows. box in film pixels."""

    mask: NDArray[np.uint8]
    box: tuple[float, float, float, float]
    chest_wall_left: bool
    film_size: tuple[int, int]

    @property
    def share(self) -> float:
        """Share of the film that is breast."""
        return float(self.mask.mean())

    def placed(self, points: NDArray) -> NDArray[np.float64]:
        """Points `(n, 2)` in film pixels as shares of the breast's box: down, and away from the chest wall."""
        row0, col0, row1, col1 = self.box
        down, across = (np.asarray(points, float).reshape(-1, 2) + 0.5 - [row0, col0]).T
        across = across / (col1 - col0)
        return np.stack([down / (row1 - row0), across if self.chest_wall_left else 1 - across], axis=1)

    def on_film(self, shares: NDArray) -> NDArray[np.float64]:
        """The way back from `placed`."""
        row0, col0, row1, col1 = self.box
        down, across = np.asarray(shares, float).reshape(-1, 2).T
        across = across if self.chest_wall_left else 1 - across
        return np.stack([down * (row1 - row0) + row0, across * (col1 - col0) + col0], axis=1) - 0.5


@dataclass(frozen=True)
class Trivial:
    """The trivial systems, the breasts of the judged films that could be read, and why anything is lacking."""

    systems: list[System] = field(default_factory=list)
    breasts: dict[str, BreastOf] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)


def trivial_systems(
    truth: Truth,
    systems: Sequence[System],
    cache: Path | None,
    progress: Callable[..., Iterable] | None = None,
) -> Trivial:
    """Draw the trivial lines for the judged films. cache: a folder to keep them in, or None."""
    others = other_films(truth)
    with_blob = not any(s.folder is not None and s.folder.about["model"] == "blob detector" for s in systems)
    key = settings_hash(
        [truth.tables.hash, sorted(truth.films["image_id"]), sorted(others["image_id"]), with_blob]
        + [REFEREE_VERSION, CANDIDATES_VERSION, BLOB_ROWS, PLACE_GRID, SPREAD]
    )
    found = _read_cache(cache, key) if cache else None
    if found is None:
        found = _look(truth, others, with_blob, progress)
        if cache:
            _write_cache(cache, key, *found)
    breasts, blobs = found
    missing = [i for i in truth.films["image_id"] if i not in breasts]
    if missing:
        reason = f"not drawn: no breast could be read on {len(missing)} of {len(truth.films)} films"
        judged = {i: b for i, b in breasts.items() if i in set(truth.films["image_id"])}
        return Trivial(breasts=judged, lacking=[f"place map and blob detector: {reason}"])
    drawn, lacking = [], []
    place = place_marks(truth, others, breasts)
    if place is None:
        lacking.append("place map: not drawn, there are too few lesions of other women")
    else:
        where = f"{len(others)} films of other women" if len(others) else "the judged women of the four other fifths"
        drawn.append(_system("place map", f"trivial: how often lesions of {where} lie at each place", place, truth))
    if with_blob:
        origin = f"trivial: bright blobs (Laplacian of Gaussian at {BLOB_ROWS} rows), nothing learnt"
        drawn.append(_system("blob detector", origin, blobs, truth))
    judged = {image_id: breasts[image_id] for image_id in truth.films["image_id"]}
    return Trivial(drawn, judged, lacking)


def other_films(truth: Truth) -> pd.DataFrame:
    """Films with counted lesions of women who are not judged, at most `MOST_FILMS`."""
    films, lesions = truth.tables.films, truth.tables.lesions
    with_lesion = lesions.loc[lesions["role"] == "lesion", "image_id"]
    kept = ~films["patient_id"].isin(truth.films["patient_id"]) & films["image_id"].isin(with_lesion)
    order = films.loc[kept, "image_id"].map(lambda name: hashlib.sha256(f"place {name}".encode()).hexdigest())
    return films.loc[order.sort_values().index[:MOST_FILMS]]


def place_marks(truth: Truth, others: pd.DataFrame, breasts: dict[str, BreastOf]) -> pd.DataFrame | None:
    """The marks of the place map on every judged film; None without lesions to learn from."""
    lesions = _lesion_places(truth, others, breasts) if len(others) else _lesion_places(truth, truth.films, breasts)
    if len(lesions) < FEWEST_OF_VIEW:
        return None
    fifth = dict.fromkeys(truth.films["patient_id"], 0) if len(others) else _fifths(truth)
    rows: list[pd.DataFrame] = []
    for view in truth.films["view"].unique():
        of_view = lesions[lesions["view"] == view]
        source = of_view if len(of_view) >= FEWEST_OF_VIEW else lesions
        for part in sorted(set(fifth.values())):
            learnt = source if len(others) else source[source["patient_id"].map(fifth) != part]
            here = truth.films[
                (truth.films["view"] == view) & (truth.films["patient_id"].map(fifth) == part).to_numpy()
            ]
            for layer, of_layer in (("lesion", learnt), ("malignancy", learnt[learnt["malignant"]])):
                shares, scores = place_peaks(of_layer[["down", "across"]].to_numpy(float))
                for image_id in here["image_id"]:
                    places = breasts[image_id].on_film(shares).round(1)
                    frame = pd.DataFrame({"row": places[:, 0], "col": places[:, 1], "score": scores})
                    rows.append(frame.assign(image_id=image_id, map=layer))
    return pd.concat(rows, ignore_index=True).loc[:, COLUMNS]


def place_peaks(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Peaks of the density of places `(n, 2)`, as shares of the breast's box, and their scores, the highest near 1."""
    rows, cols = PLACE_GRID
    density = np.zeros(PLACE_GRID, np.float32)
    inside = np.clip((shares * PLACE_GRID).astype(int), 0, [rows - 1, cols - 1])
    np.add.at(density, (inside[:, 0], inside[:, 1]), 1)
    if not density.any():
        return np.zeros((0, 2)), np.zeros(0)
    density = cv2.GaussianBlur(
        density, (0, 0), sigmaX=SPREAD * cols, sigmaY=SPREAD * rows, borderType=cv2.BORDER_CONSTANT
    )
    found = find_candidates((density / density.max()).astype(np.float32), film_rows=rows)
    return (np.stack([found.rows, found.cols], axis=1) + 0.5) / PLACE_GRID, found.scores.round(6)


def _fifths(truth: Truth) -> dict[str, int]:
    """The fifth of each judged woman, by her place in the order of a hash of her name."""
    women = sorted(set(truth.films["patient_id"]), key=lambda w: hashlib.sha256(f"fifth {w}".encode()).hexdigest())
    return {woman: number % 5 for number, woman in enumerate(women)}


def _lesion_places(truth: Truth, films: pd.DataFrame, breasts: dict[str, BreastOf]) -> pd.DataFrame:
    """Centres of the counted lesions of films, as shares of the breast's box."""
    tables, rows = truth.tables, []
    for film in films.itertuples():
        if film.image_id not in breasts:
            continue
        size = (int(film.rows), int(film.cols))
        listed = tables.lesions_of(film.image_id) if film.image_id not in truth.outlines else None
        outlines = truth.outlines[film.image_id] if listed is None else outlines_of(listed, size)
        for outline in outlines:
            if not outline.ignored:
                down, across = breasts[film.image_id].placed(np.array([outline.centre]))[0]
                rows.append([film.patient_id, film.view, outline.malignant, down, across])
    return pd.DataFrame(rows, columns=["patient_id", "view", "malignant", "down", "across"])


def _look(
    truth: Truth, others: pd.DataFrame, with_blob: bool, progress: Callable[..., Iterable] | None
) -> tuple[dict[str, BreastOf], pd.DataFrame]:
    """Find the breast of every film, and the blobs of the judged ones."""
    films = pd.concat([truth.films.assign(blob=with_blob), others.assign(blob=False)])
    jobs = [(f.image_id, f.path, (int(f.rows), int(f.cols)), bool(f.blob)) for f in films.itertuples()]
    pixels = int((films["rows"] * films["cols"]).sum())
    breasts, rows = {}, []
    for (image_id, *_), (breast, marks) in zip(
        jobs, two_processes(_film, jobs, pixels, progress, "trivial lines"), strict=True
    ):
        if breast is not None:
            breasts[image_id] = breast
        rows += marks
    return breasts, pd.DataFrame(rows, columns=COLUMNS)


def _film(job: tuple[str, str, tuple[int, int], bool]) -> tuple[BreastOf | None, list[dict]]:
    image_id, path, size, with_blob = job
    try:
        picture = read_film(Path(path))
        found = find_breast(picture)
    except (MammomapError, OSError):
        return None, []
    breast = _breast(found, picture.shape, size)
    if not with_blob:
        return breast, []
    film = working_film(picture, BLOB_ROWS, size)
    inside = film.pixels > 0
    blobs = blob_map(net_input(film.pixels, IntensitySettings()), inside=inside) * inside
    rows = candidate_rows(image_id, FilmMap(blobs, blobs, inside, film.grid))
    return breast, [{column: row[column] for column in COLUMNS} for row in rows]


def _breast(found: Breast, shape: tuple[int, ...], size: tuple[int, int]) -> BreastOf:
    down, across = size[0] / shape[0], size[1] / shape[1]
    row0, col0, row1, col1 = found.box
    box = (row0 * down, col0 * across, row1 * down, col1 * across)
    return BreastOf(found.mask, box, found.chest_wall_left, size)


def _system(name: str, origin: str, marks: pd.DataFrame, truth: Truth) -> System:
    highest = marks[marks["map"] == "malignancy"].groupby("image_id")["score"].max()
    ids = truth.films["image_id"].tolist()
    return System(
        name, origin, marks, frozenset(ids), dict.fromkeys(ids, 0.0) | {str(i): float(s) for i, s in highest.items()}
    )


def _read_cache(folder: Path, key: str) -> tuple[dict[str, BreastOf], pd.DataFrame] | None:
    about = folder / "trivial.json"
    if not about.is_file() or (told := json.loads(about.read_text())).get("key") != key:
        return None
    breasts = {}
    with np.load(folder / "breasts.npz", allow_pickle=False) as file:
        for image_id, film in told["films"].items():
            rows, cols = film["mask"]
            mask = np.unpackbits(file[image_id], count=rows * cols).reshape(rows, cols)
            breasts[image_id] = BreastOf(mask, tuple(film["box"]), film["chest_wall_left"], tuple(film["size"]))
    blobs = pd.read_csv(folder / "blobs.csv", dtype={"image_id": str, "map": str})
    return breasts, blobs


def _write_cache(folder: Path, key: str, breasts: dict[str, BreastOf], blobs: pd.DataFrame) -> None:
    (folder / "trivial.json").unlink(missing_ok=True)
    packed = {image_id: np.packbits(breast.mask) for image_id, breast in breasts.items()}
    write_atomically(folder / "breasts.npz", lambda path: np.savez_compressed(path, **packed))  # type: ignore[arg-type]
    write_atomically(folder / "blobs.csv", lambda path: blobs.to_csv(path, index=False))
    films = {
        image_id: {"mask": b.mask.shape, "box": b.box, "chest_wall_left": b.chest_wall_left, "size": b.film_size}
        for image_id, b in breasts.items()
    }
    write_json(folder / "trivial.json", {"key": key, "films": films})
