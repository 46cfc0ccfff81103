"""Where the referee's arrays meet films: candidates as rows in film pixels, and marks judged against outlines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mammomap.eval.candidates import find_candidates, value_at
from mammomap.eval.froc import Marks
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import LAYERS, FilmMap
from mammomap.masks.outlines import Outline


def candidate_rows(image_id: str, film_map: FilmMap, spacing_mm: float | None = None) -> list[dict]:
    """Candidates of both layers, best first, as `mammomap.masks.mapfile.CANDIDATE_COLUMNS`; spacing_mm of the film."""
    grid, rows = film_map.grid, []
    down, across = grid.scale
    for layer in LAYERS:
        found = find_candidates(film_map.layer(layer), film_rows=grid.working_rows_of_film, inside=film_map.breast)
        places = grid.to_film(np.stack([found.rows, found.cols], axis=1))
        boxes = _boxes_on_film(grid, found.boxes_px)
        malignancy = value_at(film_map.malignancy, found.rows, found.cols, grid.working_rows_of_film)
        for k, (row, col) in enumerate(places):
            area = round(float(found.areas_px[k]) / (down * across))
            rows.append(
                {
                    "image_id": image_id,
                    "map": layer,
                    "row": round(float(row), 1),
                    "col": round(float(col), 1),
                    "score": round(float(found.scores[k]), 6),
                    "malignancy": round(float(malignancy[k]), 6),
                    "area": area,
                    "area_mm2": None if spacing_mm is None else round(area * spacing_mm**2, 1),
                    **dict(zip(("row0", "col0", "row1", "col1"), boxes[k].tolist(), strict=True)),
                }
            )
    return rows


def _boxes_on_film(grid: Grid, boxes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Half-open boxes `(n, 4)` on the working grid -> film pixels; the edges of pixels lie half a pixel off centre."""
    corners = [grid.to_film(boxes[:, k : k + 2] - 0.5) + 0.5 for k in (0, 2)]
    low, high = np.minimum(*corners), np.maximum(*corners)
    return np.concatenate([low, high], axis=1).round(1)


class MarkList:
    """Marks of several films, each judged against its film's outlines: a hit is a mark inside (`Outline.contains`)."""

    def __init__(self) -> None:
        self._film: list[int] = []
        self._score: list[float] = []
        self._hits: list[tuple[int, int]] = []
        self._lesion_film: list[int] = []
        self._ignored: list[bool] = []

    def add(self, film: int, places: NDArray, scores: Sequence[float], outlines: Sequence[Outline]) -> list[bool]:
        """The marks of film number `film`, `(n, 2)` in film pixels, and all lesions of it that are asked for.

        Marks that lie in an ignored outline and in no other are neither hits nor false. Returns which are hits.
        """
        first = len(self._film)
        places = np.asarray(places, np.float64).reshape(-1, 2)
        hit = np.zeros(len(places), bool)
        void = np.zeros(len(places), bool)
        for outline in outlines:
            inside = outline.contains(places)
            if outline.ignored:
                void |= inside
                continue
            self._hits += [(first + int(k), len(self._lesion_film)) for k in np.flatnonzero(inside)]
            self._lesion_film.append(film)
            hit |= inside
        self._ignored += (void & ~hit).tolist()
        self._film += [film] * len(places)
        self._score += [float(score) for score in scores]
        return hit.tolist()

    def marks(self) -> Marks:
        """All marks, as the referee takes them."""
        hits = np.array(self._hits, int).reshape(-1, 2)
        return Marks(
            np.array(self._film, int),
            np.array(self._score, float),
            hits[:, 0],
            hits[:, 1],
            np.array(self._ignored, bool),
        )

    def lesions(self) -> NDArray[np.int64]:
        """The film of each lesion."""
        return np.array(self._lesion_film, np.int64)
