"""Pictures for a folder of maps: OUT/pictures/<image_id>.png, each film beside itself with map and candidates.

In: a folder of maps and where its films lie. Out: one PNG a film, the whole film in its own direction at `ROWS` rows or
at its own where it has fewer; picture pixels as `mammomap.report.overlay` says. Colour begins at the threshold of the
findings; every lesion candidate from there up has a cross and its score. Below stand what was found, what the model was
trained for, how the film differs from that, and that it is no diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, grey_limits
from mammomap.masks.mapfile import MapFolder, on_picture
from mammomap.masks.parallel import in_processes
from mammomap.masks.read import read_film
from mammomap.masks.working import working_film
from mammomap.report.overlay import overlay

ROWS = 1024
"""Height of a film in its picture, at most."""
RESEARCH = "Research, not diagnosis."
_FEW = 8
"""Fewer pictures than this are drawn in one process, since starting more takes longer."""


@dataclass(frozen=True)
class Shown:
    """A film as it is shown: all `(rows, cols)` of the picture, whole film, its own direction."""

    film: NDArray[np.float32]
    """Grey in [0, 1]."""
    lesion: NDArray[np.float32]
    """The lesion map in [0, 1]."""
    marks: list[tuple[float, float, float]]
    """(row, col, score) of the lesion candidates from the threshold up, in picture pixels."""
    mm_per_px: float | None
    mirrored: bool
    """Whether the chest wall lies on the right."""


def write_pictures(
    folder: MapFolder, paths: dict[str, Path], *, progress: Callable[..., Iterable] | None = None
) -> int:
    """Draw every film that has no picture yet; returns how many were drawn. paths: the film of each image_id.

    A film whose file is gone, or is another by now, has none.
    """
    missing = [image_id for image_id in folder.done if not _file(folder, image_id).is_file() and image_id in paths]
    jobs = [(image_id, paths[image_id]) for image_id in missing]
    workers = None if len(jobs) >= _FEW else 1
    draw = partial(_draw, _only_table(folder))
    return sum(in_processes(draw, jobs, what="draw pictures", workers=workers, progress=progress))


def shown(folder: MapFolder, image_id: str, path: Path, rows: int = ROWS) -> Shown:
    """A film and its map at picture size.

    Raises
    ------
    ImageError
        If the film cannot be read, or is not of the proportions of its map.
    """
    made, film = folder.map(image_id), read_film(path)
    grid = made.grid
    if abs(film.shape[0] / film.shape[1] / (grid.film_rows / grid.film_cols) - 1) > 0.02:
        raise ImageError(f"{path.name}: {film.shape}, but its map is of a film of {(grid.film_rows, grid.film_cols)}")
    shrink = min(1.0, rows / film.shape[0])
    size = (max(1, round(film.shape[1] * shrink)), max(1, round(film.shape[0] * shrink)))
    picture = cv2.resize(film, size, interpolation=cv2.INTER_AREA) if shrink < 1 else film
    low, high = grey_limits(working_film(picture, picture.shape[0]).pixels, IntensitySettings())
    grey = np.clip((picture.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    down, across = picture.shape[0] / grid.film_rows, picture.shape[1] / grid.film_cols
    found = folder.candidates
    found = found[(found["image_id"] == image_id) & (found["map"] == "lesion")]
    found = found[found["score"] >= folder.about["threshold"]]
    marks = [((c.row + 0.5) * down - 0.5, (c.col + 0.5) * across - 0.5, c.score) for c in found.itertuples()]
    pitch = float(folder.films.loc[folder.films["image_id"] == image_id, "spacing_mm"].iloc[0])
    lesion = np.clip(on_picture(made, "lesion", picture.shape), 0, 1)
    return Shown(grey, lesion, marks, None if np.isnan(pitch) else pitch / down, grid.mirrored)


def title_of(film: pd.Series) -> str:
    """Side, view and what sets the film apart; its image_id where side and view are not known."""
    told = " ".join(str(film[name]) for name in ("side", "view", "flags")).strip()
    return f"{told}  {film['image_id']}" if told else str(film["image_id"])


def about_model(about: dict) -> str:
    """One line: the model, and what it was trained for."""
    trained_for = about["trained_for"]
    kinds = " and ".join(trained_for.get("kinds", ())) or "nothing"
    films = {"film": "digitised films", "digital": "digital mammograms", "film and digital": "films and mammograms"}
    imaging = films.get(trained_for.get("imaging", ""), "films of a kind that nobody noted")
    detail = trained_for.get("detail_mm")
    fine = f", detail {detail:.2g} mm" if detail else ""
    return f"{about['model']}, trained for {kinds} on {imaging}{fine}." if kinds != "nothing" else f"{about['model']}."


def _draw(folder: MapFolder, job: tuple[str, Path]) -> bool:
    image_id, path = job
    film = folder.films.set_index("image_id", drop=False).loc[image_id]
    try:
        seen = shown(folder, image_id, path)
    except ImageError:
        return False
    found = f"{film['findings']}. Highest malignancy {film['map_max']:.2f} (a score, not a probability)."
    notes = [found, f"{about_model(folder.about)} {RESEARCH}"]
    if film["outside"]:
        notes.insert(1, f"Not what the model was trained for: {film['outside']}.")
    made = overlay(
        seen.film,
        seen.lesion,
        [],
        threshold=folder.about["threshold"],
        title=title_of(film),
        scale_mm_per_px=seen.mm_per_px,
        marks=seen.marks,
        notes=notes,
    )
    write_atomically(_file(folder, image_id), lambda half: half.write_bytes(made))
    return True


def _file(folder: MapFolder, image_id: str) -> Path:
    return folder.folder / "pictures" / f"{image_id}.png"


def _only_table(folder: MapFolder) -> MapFolder:
    """The folder with what other processes need of it."""
    about = {name: folder.about[name] for name in ("model", "trained_for", "threshold")}
    return MapFolder(folder.folder, about, folder.films, folder.candidates)
