"""Where a breast's lesions lie, so that all of its films show them whole.

In: plans, an `Arrangement` and the views' `Anatomy`. Out: a place on each film. A lesion is put down in three
dimensions: in gland rather than in fat, with room to the skin, off the muscle and clear of other lesions in each view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mammomap.phantom.arrangement import Arrangement
from mammomap.phantom.breast import GRID_MM, Anatomy
from mammomap.phantom.calcifications import HULL_MM
from mammomap.phantom.config import LesionPlan

_TRIES = 400
_CLEAR_MM = HULL_MM + 2.5
_LEAST_MM = 4.0


def place_lesions(
    rng: np.random.Generator, plans: Sequence[LesionPlan], breast: Arrangement, views: Mapping[str, Anatomy]
) -> tuple[list[LesionPlan], dict[str, list[tuple[float, float]]]]:
    """Plans, made smaller where the breast has no room for them, and for each view their places as (row, col) in mm."""
    fitted: list[LesionPlan] = []
    places: dict[str, list[tuple[float, float]]] = {view: [] for view in views}
    for plan in plans:
        tries = _somewhere(rng, breast)
        room, weight = np.full(_TRIES, np.inf), np.full(_TRIES, 1.0)
        on_film = {view: anatomy.on_film(view, tries) for view, anatomy in views.items()}
        for view, anatomy in views.items():
            here, gland = _room(anatomy, on_film[view])
            for taken, place in zip(fitted, places[view], strict=True):
                here = np.minimum(here, np.hypot(*(on_film[view] - place).T) - taken.size_mm / 2 - HULL_MM)
            room, weight = np.minimum(room, here), weight * (0.12 + gland)
        fits = room > plan.size_mm / 2 + _CLEAR_MM
        pick = rng.random()
        if fits.any():
            sums = np.cumsum(weight * fits)
            index = min(int(np.searchsorted(sums, pick * sums[-1], side="right")), _TRIES - 1)
        else:
            index = int(np.argmax(room))
            plan = replace(plan, size_mm=max(_LEAST_MM, min(plan.size_mm, 2 * float(room[index] - _CLEAR_MM))))
        fitted.append(plan)
        for view, where in on_film.items():
            places[view].append((float(where[index, 0]), float(where[index, 1])))
    return fitted, places


def _somewhere(rng: np.random.Generator, breast: Arrangement) -> NDArray[np.float64]:
    """Places `(n, 3)` of the arrangement, even over its breadth."""
    depth = rng.uniform(8, breast.depth_mm - 4, _TRIES)
    turn, share = rng.uniform(0, 2 * np.pi, _TRIES), np.sqrt(rng.uniform(0, 1, _TRIES))
    return np.stack([depth, 0.9 * share * np.sin(turn), 0.9 * share * np.cos(turn)], axis=1)


def _room(anatomy: Anatomy, places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Room in mm around places on a film, less than 0 off the breast, and the share of gland there."""
    rows, cols = anatomy.skin_mm.shape
    row, col = (np.rint(places / GRID_MM - 0.5).astype(int)).T
    inside = (row >= 0) & (row < rows) & (col >= 0) & (col < cols)
    row, col = np.clip(row, 0, rows - 1), np.clip(col, 0, cols - 1)
    edges = np.minimum(np.minimum(row, rows - 1 - row), col) * GRID_MM
    room = np.minimum(anatomy.skin_mm[row, col], edges)
    room = np.where(inside & (anatomy.muscle[row, col] < 0.3), room, -1.0)
    return room, anatomy.gland[row, col].astype(np.float64)
