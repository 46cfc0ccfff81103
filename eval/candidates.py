"""From a map to candidates: the places where a reader would point, each with a score.

In: a probability map `(rows, cols)`, float32 in [0, 1]. Out: at most a dozen peaks, best first, in map pixels.
It is the only extractor: what a head learns from, what a report draws and what FROC counts are the same places.

Convention: the map is smoothed by a Gaussian, and a peak is a pixel that no pixel of the square window around it
exceeds. Both sizes are shares of the film's height, so that one film at 768 or at 1,152 rows gives the same places.
Beyond the map's edge the smoothing sees the map mirrored (`BORDER_REFLECT`: the edge pixel twice); with zeros there,
lesions at the chest wall would lose up to half their score. Smoothed values are rounded to a multiple of 2**-20, so
that a flat top is flat for the computer too. Both sizes are choices, so a figure that rests on candidates comes with
its range over `variants`. Only the part of the map that can hold a peak is worked on: a film is half air.
Local maxima as lesion marks: Setio et al., Med Image Anal 42 (2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

CANDIDATES_VERSION = 1
"""Goes up whenever the same map would give other candidates."""

_STEPS = 2.0**20
_ALIGNED = 64  # columns; crops that begin and end at multiples are blurred by the same instructions, bit for bit
_PLAIN_WINDOW = 24  # half width up to which one dilation is cheaper than two


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
    pixels of the connected region (8 neighbours) at or above half the score that the peak stands in. boxes_px: int64
    `(n, 4)`, half-open (row0, col0, row1, col1) around that region.
    """

    rows: NDArray[np.float64]
    cols: NDArray[np.float64]
    scores: NDArray[np.float64]
    areas_px: NDArray[np.int64]
    boxes_px: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.scores)


def variants(settings: CandidateSettings = CandidateSettings()) -> dict[str, CandidateSettings]:
    """The settings themselves, then with smoothing and distance halved and doubled, one at a time, by name."""
    return {
        "as set": settings,
        "smoothing halved": replace(settings, smoothing=settings.smoothing / 2),
        "smoothing doubled": replace(settings, smoothing=settings.smoothing * 2),
        "distance halved": replace(settings, distance=settings.distance / 2),
        "distance doubled": replace(settings, distance=settings.distance * 2),
    }


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
    return find_candidates_each(probability, film_rows=film_rows, settings={"": settings}, inside=inside)[""]


def find_candidates_each(
    probability: NDArray[np.float32],
    *,
    film_rows: float,
    settings: Mapping[str, CandidateSettings],
    inside: NDArray[np.bool_] | None = None,
) -> dict[str, Candidates]:
    """`find_candidates` under several settings (`variants()`), by their names; each smoothing is done once."""
    _check(probability, film_rows)
    if inside is not None and (inside.dtype != np.bool_ or inside.shape != probability.shape):
        raise ValueError(f"inside is {inside.dtype} {inside.shape}, wanted bool {probability.shape}")
    found: dict[str, Candidates] = {}
    for smoothing in dict.fromkeys(one.smoothing for one in settings.values()):
        row0, col0, smooth = _smoothed_part(probability, smoothing * film_rows, inside)
        for name, one in settings.items():
            if one.smoothing == smoothing:
                found[name] = _peaks(smooth, row0, col0, max(1, round(one.distance * film_rows)), one)
    return {name: found[name] for name in settings}


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
    _check(probability, film_rows)
    row0, col0, part = _smoothed_part(probability, settings.smoothing * film_rows, None)
    whole = np.zeros(probability.shape, np.float32)
    whole[row0 : row0 + part.shape[0], col0 : col0 + part.shape[1]] = part
    return whole


def _check(probability: NDArray[np.float32], film_rows: float) -> None:
    if probability.dtype != np.float32 or probability.ndim != 2 or not probability.size:
        raise ValueError(f"the map is {probability.dtype} {probability.shape}, wanted float32 (rows, cols)")
    if not (probability.min() >= 0 and probability.max() <= 1):
        raise ValueError(f"the map spans {probability.min()} to {probability.max()}, wanted [0, 1]")
    if not 0 < film_rows < np.inf:
        raise ValueError(f"film_rows is {film_rows}, wanted a positive number of map pixels")


def _smoothed_part(
    probability: NDArray[np.float32], sigma: float, inside: NDArray[np.bool_] | None
) -> tuple[int, int, NDArray[np.float32]]:
    """The smoothed map where it is not 0, times `inside`, and the row and column where that part begins."""
    rows, cols = probability.shape
    reach = round(4 * sigma)
    row0, row1 = _span(probability.max(axis=1) > 0, reach, rows)
    col0, col1 = _span(probability.max(axis=0) > 0, reach, cols)
    if inside is not None:
        # Beyond the breast by the kernel's reach the blur is still right inside it.
        top, bottom = _span(inside.any(axis=1), reach, rows)
        left, right = _span(inside.any(axis=0), reach, cols)
        row0, row1, col0, col1 = max(row0, top), min(row1, bottom), max(col0, left), min(col1, right)
    if row0 >= row1 or col0 >= col1:
        return 0, 0, np.zeros((0, 0), np.float32)
    col0, col1 = col0 // _ALIGNED * _ALIGNED, min(cols, -(-col1 // _ALIGNED) * _ALIGNED)
    width = 2 * reach + 1
    part = np.ascontiguousarray(probability[row0:row1, col0:col1])
    smooth = cv2.GaussianBlur(part, (width, width), sigmaX=sigma, borderType=cv2.BORDER_REFLECT)
    smooth *= np.float32(_STEPS)
    np.rint(smooth, out=smooth)
    smooth /= np.float32(_STEPS)
    np.clip(smooth, 0, 1, out=smooth)
    if inside is not None:
        smooth *= inside[row0:row1, col0:col1]
    return row0, col0, smooth


def _span(used: NDArray[np.bool_], reach: int, length: int) -> tuple[int, int]:
    """The half-open range of what is used, widened by the reach, within the length; empty where nothing is."""
    places = np.flatnonzero(used)
    return (max(0, int(places[0]) - reach), min(length, int(places[-1]) + reach + 1)) if len(places) else (0, 0)


def _peaks(smooth: NDArray[np.float32], row0: int, col0: int, radius: int, settings: CandidateSettings) -> Candidates:
    """The peaks of the part of a smoothed map that begins at (row0, col0)."""
    tops = (smooth == _highest_nearby(smooth, radius)) & (smooth > settings.floor)
    rows, cols = _one_pixel_per_top(tops)
    scores = smooth[rows, cols]
    kept: list[int] = []
    for i in np.lexsort((cols, rows, -scores)):
        if len(kept) == settings.cap:
            break
        if not (np.maximum(np.abs(rows[kept] - rows[i]), np.abs(cols[kept] - cols[i])) <= radius).any():
            kept.append(int(i))
    regions = np.array([_region(smooth, int(rows[i]), int(cols[i])) for i in kept], np.int64).reshape(-1, 5)
    return Candidates(
        (rows[kept] + row0).astype(np.float64),
        (cols[kept] + col0).astype(np.float64),
        scores[kept].astype(np.float64),
        regions[:, 0],
        regions[:, 1:] + (row0, col0, row0, col0),
    )


def _highest_nearby(values: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    """The maximum over the square window of half width `radius` around each pixel: of four windows half as wide."""
    if not values.size:
        return values
    if radius <= _PLAIN_WINDOW:
        return np.asarray(cv2.dilate(values, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)))
    half = (radius + 1) // 2
    corners = np.zeros((2 * (radius - half) + 1,) * 2, np.uint8)
    corners[:: len(corners) - 1, :: len(corners) - 1] = 1
    # Where a corner leaves the map, the window at its edge takes its place: all of it lies in the wanted one.
    return np.asarray(cv2.dilate(_highest_nearby(values, half), corners, borderType=cv2.BORDER_REPLICATE))


def _one_pixel_per_top(tops: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of each connected flat top the pixel nearest to its centroid; the first by row, then column, of equal ones."""
    rows, cols = np.divmod(np.flatnonzero(tops), max(1, tops.shape[1]))  # several times faster than `np.nonzero`
    if not len(rows):
        return rows, cols
    n, label = cv2.connectedComponents(tops.view(np.uint8), connectivity=8)
    top = label[rows, cols].astype(np.int64)
    count = np.maximum(np.bincount(top, minlength=n), 1)
    centre_row = np.bincount(top, rows, n) / count
    centre_col = np.bincount(top, cols, n) / count
    away = np.hypot(rows - centre_row[top], cols - centre_col[top])
    nearest = np.full(n, np.inf)
    np.minimum.at(nearest, top, away)
    best = np.flatnonzero(away == nearest[top])  # by row, then column, as `nonzero` gave them
    first = best[np.unique(top[best], return_index=True)[1]]
    return rows[first], cols[first]


def _region(smooth: NDArray[np.float32], row: int, col: int) -> tuple[int, int, int, int, int]:
    """The region at or above half of the value at (row, col) that this pixel belongs to: its pixels, then its box."""
    reach = 64
    while True:
        row0, row1 = max(0, row - reach), min(smooth.shape[0], row + reach + 1)
        col0, col1 = max(0, col - reach), min(smooth.shape[1], col + reach + 1)
        above = (smooth[row0:row1, col0:col1] >= smooth[row, col] / 2).astype(np.uint8)
        area, _, _, (left, top, width, height) = cv2.floodFill(  # type: ignore[call-overload]
            above, None, (col - col0, row - row0), 2, flags=8
        )
        # A region that reaches the window's edge, where that is not the map's, may go on behind it.
        beyond = (top == 0 and row0 > 0) or (left == 0 and col0 > 0)
        beyond |= top + height == row1 - row0 and row1 < smooth.shape[0]
        beyond |= left + width == col1 - col0 and col1 < smooth.shape[1]
        if not beyond:
            return int(area), row0 + top, col0 + left, row0 + top + height, col0 + left + width
        reach *= 4
