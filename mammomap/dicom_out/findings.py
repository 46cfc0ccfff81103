"""What is said of one film: the candidates above the operating point, each with its region and outline.

In: a finished folder of maps. Out: a `FilmResult` a film, in film pixels, points `(row, col)`, pixel centres at
integers. A finding's region are the film's pixels where the lesion map is at least half the candidate's score and that
hang together (8 neighbours) with the candidate; its outline runs half a pixel outside them, holes left out.

DICOM counts from the outer corner of the first pixel, columns first: the centre of the first pixel is (0.5, 0.5)
(PS3.3 C.18.6.1.2 for SCOORD, C.10.5.1.2 for graphics); `in_dicom` goes from ours to that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.measure import approximate_polygon, find_contours

from mammomap.errors import TableError
from mammomap.masks.findings import finding_threshold
from mammomap.masks.mapfile import DEFAULT_THRESHOLD, FilmMap, MapFolder

MOST_POINTS = 2_000
"""Of an outline. Above, it is drawn coarser: an explicit length of 16 bits holds 8,191."""


@dataclass(frozen=True)
class About:
    """What made the results, and what its numbers are."""

    model: str
    kinds: tuple[str, ...]
    """Kinds of lesion that the model was trained to find."""
    threshold: float
    threshold_from: str
    column: str
    """What a film's score is: probability, score, or empty where there is none."""
    prevalence: float | None


@dataclass(frozen=True)
class Finding:
    """One candidate above the operating point."""

    number: int
    row: float
    col: float
    score: float
    malignancy: float
    window: tuple[int, int, int, int]
    """Half-open box of the region."""
    mask: NDArray[np.bool_]
    """The region within the window."""

    @property
    def area_px(self) -> int:
        return int(self.mask.sum())

    @cached_property
    def outline(self) -> NDArray[np.float64]:
        """A closed line `(n, 2)`, first point repeated at the end; exact up to `MOST_POINTS`."""
        contours = find_contours(np.pad(self.mask, 1).astype(np.float32), 0.5, fully_connected="high")
        outer = max(contours, key=lambda points: np.ptp(points[:, 0]) * np.ptp(points[:, 1]))
        tolerance = 1e-6
        simple = approximate_polygon(outer, tolerance)
        while len(simple) > MOST_POINTS:
            tolerance = max(0.25, 2 * tolerance)
            simple = approximate_polygon(outer, tolerance)
        return simple - 1 + np.array(self.window[:2])

    def on_film(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """The region on a film of `(rows, cols)`."""
        film = np.zeros(size, bool)
        row0, col0, row1, col1 = self.window
        film[row0:row1, col0:col1] = self.mask
        return film


@dataclass(frozen=True)
class FilmResult:
    """All that is said of one film."""

    image_id: str
    side: str
    view: str
    woman: str
    spacing_mm: float | None
    map: FilmMap
    findings: tuple[Finding, ...]
    image_score: float | None
    made: float
    """When its map was made, seconds since 1970: the time of the map's file."""

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the film."""
        return self.map.grid.film_rows, self.map.grid.film_cols

    def digest(self) -> str:
        """Over all that its objects say; other maps, candidates or scores, another digest."""
        told = hashlib.sha256(self.map.grid.json().encode())
        for layer in (self.map.lesion, self.map.malignancy):
            told.update(np.ascontiguousarray(layer).tobytes())
        for f in self.findings:
            told.update(repr((f.number, f.row, f.col, f.score, f.malignancy)).encode())
        told.update(repr((self.side, self.view, self.spacing_mm, self.image_score)).encode())
        return told.hexdigest()


def in_dicom(points: NDArray) -> NDArray[np.float64]:
    """Points `(n, 2)` row, col with pixel centres at integers -> DICOM's (column, row) with them at halves."""
    return np.asarray(points, np.float64).reshape(-1, 2)[:, ::-1] + 0.5


def read_about(folder: MapFolder) -> About:
    """Model, kinds, operating point and score of a folder of maps.

    Raises
    ------
    TableError
        If its scores.json is damaged.
    """
    trained = folder.about.get("trained_for") or {}
    kinds = tuple(trained.get("kinds") or folder.about.get("kinds_trained") or ())
    of_maps = float(folder.about.get("threshold", DEFAULT_THRESHOLD))
    about = About(str(folder.about["model"]), kinds, *finding_threshold({}, of_maps), "", None)
    path = folder.folder / "scores.json"
    if not path.is_file():
        return about
    try:
        said = json.loads(path.read_text())
        points, column, prevalence = said["operating_points"], said["column"], said.get("prevalence")
    except (ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path}: cannot be read ({str(error)[:100]}); classify again") from None
    threshold, source = finding_threshold(points, of_maps)
    return replace(about, threshold=threshold, threshold_from=source, column=column, prevalence=prevalence)


def read_result(folder: MapFolder, image_id: str, about: About) -> FilmResult:
    """The findings of one film that has a map.

    Raises
    ------
    ImageError
        If its map cannot be read.
    """
    film = folder.films.set_index("image_id").loc[image_id]
    film_map = folder.map(image_id)
    lesion = film_map.on_film("lesion")
    rows = folder.candidates
    mine = rows[(rows["image_id"] == image_id) & (rows["map"] == "lesion") & (rows["score"] >= about.threshold)]
    spacing = float(pd.to_numeric(film.get("spacing_mm", ""), errors="coerce"))
    # Two candidates may share one region at half the height of the lower; each is told with its own.
    findings = tuple(
        _finding(lesion, number, row)
        for number, row in enumerate(mine.sort_values("score", ascending=False, kind="stable").itertuples(), start=1)
    )
    return FilmResult(
        image_id=image_id,
        side=str(film.get("side", "") or ""),
        view=str(film.get("view", "") or ""),
        woman=str(film.get("woman", "") or ""),
        spacing_mm=spacing if spacing > 0 else None,
        map=film_map,
        findings=findings,
        image_score=_image_score(folder, image_id, about),
        made=(folder.folder / "maps" / f"{image_id}.npz").stat().st_mtime,
    )


def _image_score(folder: MapFolder, image_id: str, about: About) -> float | None:
    path = folder.folder / "scores.csv"
    if not about.column or not path.is_file():
        return None
    scores = pd.read_csv(path, dtype={"image_id": str}).set_index("image_id")
    if about.column not in scores or image_id not in scores.index:
        return None
    return float(scores.loc[image_id, about.column])


def _finding(lesion: NDArray[np.float32], number: int, row) -> Finding:
    window, mask = _region(lesion, float(row.row), float(row.col), float(row.score) / 2)
    return Finding(number, float(row.row), float(row.col), float(row.score), float(row.malignancy), window, mask)


def _region(lesion: NDArray[np.float32], row: float, col: float, level: float) -> tuple[tuple, NDArray[np.bool_]]:
    """The connected film pixels at or above a level, at a place or, where that pixel is below, nearest to it."""
    above = lesion >= level
    place = min(max(round(row), 0), above.shape[0] - 1), min(max(round(col), 0), above.shape[1] - 1)
    if not above[place]:
        rows, cols = np.nonzero(above)
        if not len(rows):
            above[place] = True
        else:
            nearest = int(np.argmin((rows - row) ** 2 + (cols - col) ** 2))
            place = int(rows[nearest]), int(cols[nearest])
    filled = above.view(np.uint8)
    _, _, _, (left, top, width, height) = cv2.floodFill(filled, None, (place[1], place[0]), 2, flags=8)
    window = (top, left, top + height, left + width)
    return window, filled[top : top + height, left : left + width] == 2
