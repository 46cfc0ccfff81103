"""Phantoms and real films brought to the same kind of picture, so that they can be laid side by side.

In: seeds, and PATH/cbis_mass. Out: `Picture`s of `HEIGHT` rows. The films came as 800 x 800 JPEG, were brought back to
their true proportions and saved as JPEG again; a phantom, drawn at `DRAWN_ROWS` rows, goes the same way here, so that
neither sharpness nor compression tells them apart. Films of fold 0 (docs/fold0.md) and of fold 4 are never read here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammomap.masks.outlines import outlines_of
from mammomap.masks.own_data import index_own_data
from mammomap.masks.read import read_film
from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng

HEIGHT, DRAWN_ROWS, STRETCHED, QUALITY = 1024, 1600, 800, 88
FOLDS, SEED, MANY = (1, 2, 3), 31, 240
"""Folds that films are taken from; seed of phantoms and of every choice; films of each sort where a sample is taken."""
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """One picture. pixels: uint16 (HEIGHT, cols); masses: boxes (row0, col0, row1, col1), half-open, in its pixels."""

    phantom: bool
    woman: str
    image_id: str
    pixels: np.ndarray
    masses: tuple[Box, ...]


@dataclass(frozen=True)
class Job:
    """A woman to be drawn, or a film to be read. masses: boxes on the film as shares of its height and width."""

    woman: str
    number: int = 0
    path: Path | None = None
    masses: tuple[Box, ...] = ()


def film_jobs(path: Path, at_most: int | None = None) -> list[Job]:
    """All films of `FOLDS`, or those of women drawn by `SEED` until there are `at_most`."""
    tables = index_own_data(path)
    films = tables.films[tables.films["fold"].isin(FOLDS)]
    women = np.random.default_rng(SEED).permutation(sorted(films["patient_id"].unique()))
    films = films.set_index("patient_id", drop=False).loc[women].iloc[:at_most]
    jobs = []
    for film in films.itertuples():
        size = (int(film.rows), int(film.cols))
        boxes = [outline.box for outline in outlines_of(tables.lesions_of(film.image_id), size) if outline.box]
        jobs.append(
            Job(
                film.patient_id, path=Path(film.path), masses=tuple(_scaled(b, 1 / size[0], 1 / size[1]) for b in boxes)
            )
        )
    return jobs


def phantom_jobs(women: int) -> list[Job]:
    """The first women of `SEED`."""
    return [Job(patient_name(number), number) for number in range(1, women + 1)]


def women_for(films: int) -> int:
    """Women that surely have that many films: hardly one in ten has a breast with a single view."""
    return round(films * 0.55)


def pictures(job: Job) -> list[Picture]:
    """The pictures of a job: all of a drawn woman's, or a film's one."""
    if job.path is not None:
        pixels = _at_height(read_film(job.path))
        boxes = tuple(_scaled(box, *pixels.shape) for box in job.masses)
        return [Picture(False, job.woman, job.path.stem, pixels, boxes)]
    config = PhantomConfig(seed=SEED, rows=DRAWN_ROWS)
    made = []
    for film in draw_woman(woman_rng(SEED, job.number), config, job.woman):
        scale = HEIGHT / DRAWN_ROWS
        boxes = []
        for lesion in film.lesions:
            if lesion.kind == "mass":
                rows, cols = np.nonzero(lesion.mask)
                boxes.append(_scaled((rows.min(), cols.min(), rows.max() + 1, cols.max() + 1), scale, scale))
        made.append(Picture(True, f"phantom {job.woman}", film.image_id, as_published(film.image), tuple(boxes)))
    return made


def as_published(image: np.ndarray) -> np.ndarray:
    """A drawn film as the films came to us: 8 bits, stretched, JPEG, brought back, JPEG again."""
    size = (round(image.shape[1] * HEIGHT / image.shape[0]), HEIGHT)
    grey = np.rint(image / 257).astype(np.uint8)
    small = _compressed(cv2.resize(grey, (STRETCHED, STRETCHED), interpolation=cv2.INTER_AREA))
    back = _compressed(cv2.resize(small, size, interpolation=cv2.INTER_CUBIC))
    return back.astype(np.uint16) * np.uint16(257)


def _compressed(grey: np.ndarray) -> np.ndarray:
    done, coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"a picture of {grey.shape} cannot be coded")
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)


def _at_height(picture: np.ndarray) -> np.ndarray:
    if len(picture) == HEIGHT:
        return picture
    size = (round(picture.shape[1] * HEIGHT / len(picture)), HEIGHT)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint16)


def _scaled(box: Sequence[float], down: float, across: float) -> Box:
    return float(box[0] * down), float(box[1] * across), float(box[2] * down), float(box[3] * across)
