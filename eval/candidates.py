"""From a map to candidates: the places where a reader would point, each with a score.

In: a probability map `(rows, cols)`, float32 in [0, 1]. Out: at most a dozen peaks, best first, in map pixels.
It is the only extractor: what a head learns from, what a report draws and what FROC counts are the same places.

Convention: the map is smoothed by a Gaussian, and a peak is a pixel that no pixel of the square window around it
exceeds. Both sizes are shares of the film's height, so that one film at 768 or at 1,152 rows gives the same places.
Beyond the map's edge the smoothing sees the map mirrored (`BORDER_REFLECT`: the edge pixel twice); with zeros there,
lesions at the chest wall would lose up to half their score. Smoothed values are rounded to a multiple of 2**-20, so
that a flat top is flat for the computer too. Local maxima as lesion marks: Setio et al., Med Image Anal 42 (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CANDIDATES_VERSION = 1
"""Goes up whenever the same map would give other candidates."""

_STEPS = 2.0**20


@dataclass(frozen=True, kw_only=True)
class CandidateSettings:
    """How peaks are found. Lengths are shares of the film's height.

    smoothing: standard deviation of the Gaussian. distance: half width of the window that a peak rules, so the least
    distance of two peaks along the farther axis. floor: a score must exceed it. cap: most candidates of a film.
    """

    smoothing: float = 4 / 768
    distance: float = 20 / 768
    floor: float = 0.005
    cap: int = 12


@dataclass(frozen=True)
class Candidates:
    """Peaks of one map, by falling score, equal scores by row, then column. All arrays `(n,)`.

    rows, cols: float64, map pixels. scores: float64 in (floor, 1], the smoothed map at the peak. areas_px: int64,
    pixels of the connected region (8 neighbours) at or above half the score that the peak stands in.
    """

    rows: NDArray[np.float64]
    cols: NDArray[np.float64]
    scores: NDArray[np.float64]
    areas_px: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


def find_candidates(
    probability: NDArray[np.float32],
    *,
    film_rows: float,
    settings: CandidateSettings = CandidateSettings(),
    inside: NDArray[np.bool_] | None = None,
) -> Candidates:
    """The peaks of a map.

    probability: `(rows, cols)`, float32 in [0, 1]; may be a crop of a film. film_rows: what the whole film's height
    takes in pixels of this map. inside: bool, same shape, e.g. the breast: the smoothed map counts as 0 elsewhere.
    A flat top gives one candidate, at its pixel nearest to its centroid, however wide it is; of equal peaks closer
    than the distance the first by row, then column, stays. An empty map gives no candidates.

    Raises
    ------
    ValueError
        If dtype, shape or range of an argument is another, or `film_rows` is not positive.
    """
    smooth = smoothed(probability, film_rows=film_rows, settings=settings)
    if inside is not None:
        if inside.dtype != np.bool_ or inside.shape != smooth.shape:
            raise ValueError(f"inside is {inside.dtype} {inside.shape}, wanted bool {smooth.shape}")
        smooth = smooth * inside
    radius = max(1, round(settings.distance * film_rows))
    window = np.ones((2 * radius + 1, 1), np.uint8)
    highest = cv2.dilate(cv2.dilate(smooth, window), window.T)
    rows, cols = _one_pixel_per_top((smooth == highest) & (smooth > settings.floor))
    scores = smooth[rows, cols]
    kept: list[int] = []
    for i in np.lexsort((cols, rows, -scores)):
        if len(kept) == settings.cap:
            break
        if not (np.maximum(np.abs(rows[kept] - rows[i]), np.abs(cols[kept] - cols[i])) <= radius).any():
            kept.append(int(i))
    areas = [_area(smooth, int(rows[i]), int(cols[i])) for i in kept]
    return Candidates(
        rows[kept].astype(np.float64),
        cols[kept].astype(np.float64),
        scores[kept].astype(np.float64),
        np.array(areas, np.int64),
    )


def value_at(
    probability: NDArray[np.float32],
    rows: NDArray[np.float64],
    cols: NDArray[np.float64],
    film_rows: float,
    settings: CandidateSettings = CandidateSettings(),
) -> NDArray[np.float64]:
    """A map's smoothed value at given places: the class scores of candidates that another map gave.

    rows, cols: `(n,)`, map pixels, rounded to the nearest pixel. Returns `(n,)` float64 in [0, 1].

    Raises
    ------
    ValueError
        As `find_candidates`, and if a place lies outside the map.
    """
    smooth = smoothed(probability, film_rows=film_rows, settings=settings)
    r, c = np.rint(np.asarray(rows)).astype(np.int64), np.rint(np.asarray(cols)).astype(np.int64)
    if r.ndim != 1 or r.shape != c.shape:
        raise ValueError(f"rows {r.shape} and cols {c.shape}, wanted two arrays of one length")
    if ((r < 0) | (r >= smooth.shape[0]) | (c < 0) | (c >= smooth.shape[1])).any():
        raise ValueError(f"a place lies outside the map of {smooth.shape}")
    return smooth[r, c].astype(np.float64)


def smoothed(
    probability: NDArray[np.float32],
    *,
    film_rows: float,
    settings: CandidateSettings = CandidateSettings(),
) -> NDArray[np.float32]:
    """The map as the extractor sees it: blurred, mirrored at its edges, rounded; float32 in [0, 1], same shape.

    Raises
    ------
    ValueError
        As `find_candidates`.
    """
    if probability.dtype != np.float32 or probability.ndim != 2 or not probability.size:
        raise ValueError(f"the map is {probability.dtype} {probability.shape}, wanted float32 (rows, cols)")
    if not (probability.min() >= 0 and probability.max() <= 1):
        raise ValueError(f"the map spans {probability.min()} to {probability.max()}, wanted [0, 1]")
    if not 0 < film_rows < np.inf:
        raise ValueError(f"film_rows is {film_rows}, wanted a positive number of map pixels")
    sigma = settings.smoothing * film_rows
    width = 2 * round(4 * sigma) + 1
    blurred = cv2.GaussianBlur(
        np.ascontiguousarray(probability), (width, width), sigmaX=sigma, borderType=cv2.BORDER_REFLECT
    )
    return np.clip(np.rint(blurred * np.float32(_STEPS)) / np.float32(_STEPS), 0, 1, dtype=np.float32)


def _one_pixel_per_top(tops: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each connected flat top the pixel nearest to its centroid; the first by row, then column, of equal ones."""
    n, label = cv2.connectedComponents(tops.astype(np.uint8), connectivity=8)
    rows, cols = np.nonzero(tops)
    top = label[rows, cols].astype(np.int64)
    count = np.maximum(np.bincount(top, minlength=n), 1)
    centre_row = np.bincount(top, rows, n) / count
    centre_col = np.bincount(top, cols, n) / count
    away = np.hypot(rows - centre_row[top], cols - centre_col[top])
    order = np.lexsort((cols, rows, away, top))
    first = order[np.unique(top[order], return_index=True)[1]]
    return rows[first], cols[first]


def _area(smooth: NDArray[np.float32], row: int, col: int) -> int:
    """Pixels of the region at or above half of the value at (row, col) that this pixel belongs to."""
    above = (smooth >= smooth[row, col] / 2).astype(np.uint8)
    return int(cv2.floodFill(above, None, (col, row), 2, flags=8)[0])  # type: ignore[call-overload]
