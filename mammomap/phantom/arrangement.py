"""One breast in three dimensions, of which CC and MLO are two projections.

In: a random generator and a density. Out: an `Arrangement`: gland, vessels, nodes and overlaps in coordinates of the
breast. A place is (depth, up, outer): mm from the nipple towards the chest wall, and two numbers that reach from -1 to
1 across the breast. CC looks along `up`, MLO along the line from upper inner to lower outer; depth is the same in both
(as reading rooms measure it from the nipple), so a lesion stands at matching depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import rotate
from scipy.special import expit

from mammomap.phantom.texture import power_noise

DEEP_MM = 160.0
_REACH = 1.1
_CELLS = (64, 48, 48)
_BIAS = (-3.4, -2.2, -1.0, 0.6)
_MLO_DEGREES = 45.0

Field = NDArray[np.floating]
Point = NDArray[np.float64]


@dataclass(frozen=True)
class Arrangement:
    """What both views of a breast show."""

    density: int
    depth_mm: float
    """From the nipple to the chest wall."""
    height: float
    """Size across, against a breast of usual proportions."""
    gland: Field
    """Share of gland in cells of (depth, up, outer)."""
    vessels: tuple[NDArray[np.float64], ...]
    """Lines of `(n, 3)` places."""
    looks: int
    """Seed of what is drawn alike in both views."""


def arrange(rng: np.random.Generator, density: int) -> Arrangement:
    """A breast of BI-RADS `density`."""
    depth_mm = float(rng.uniform(60, 118))
    vessels = tuple(_vessel(rng, depth_mm) for _ in range(int(rng.integers(2, 7))))
    return Arrangement(
        density,
        depth_mm,
        float(rng.uniform(0.85, 1.2)),
        _gland(rng, density, depth_mm),
        vessels,
        int(rng.integers(2**32)),
    )


def turned(points: NDArray[np.float64], view: str) -> NDArray[np.float64]:
    """Depth and place across the film, `(n, 2)`, of places `(n, 3)`; across is up or outer on the film from 0 to 1."""
    if view == "CC":
        return points[:, [0, 2]]
    return np.stack([points[:, 0], (points[:, 1] + points[:, 2]) / np.sqrt(2)], axis=1)


def projected(breast: Arrangement, view: str, depth_mm: Field, across: Field) -> Field:
    """Share of gland on the way of the ray at each pixel, from the pixels' depth in mm and place across."""
    volume = breast.gland
    if view == "MLO":
        volume = rotate(volume, _MLO_DEGREES, axes=(1, 2), reshape=False, order=1, mode="constant", cval=0.0)
    flat = np.ascontiguousarray(volume.mean(axis=1) * np.float32(1.25))
    y = np.asarray(depth_mm / DEEP_MM * (_CELLS[0] - 1), np.float32)
    x = np.asarray((across / _REACH + 1) / 2 * (_CELLS[2] - 1), np.float32)
    y, x = (np.ascontiguousarray(part) for part in np.broadcast_arrays(y, x))
    seen = cv2.remap(flat, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    return np.clip(np.asarray(seen, np.float32), 0, 1)


def _gland(rng: np.random.Generator, density: int, depth_mm: float) -> Field:
    """Noise cut at a level that density sets, within a cone behind the nipple that leans to the upper outer side."""
    depth, up, outer = (np.linspace(low, high, n, dtype=np.float32) for low, high, n in _axes())
    depth, up, outer = depth[:, None, None], up[None, :, None], outer[None, None, :]
    centre = depth_mm * rng.uniform(0.3, 0.5)
    lean = rng.uniform(0, 0.3) * np.clip(depth / depth_mm, 0, 1)
    wide = rng.uniform(0.45, 0.75)
    radius = np.sqrt(
        ((depth - centre) / (depth_mm * rng.uniform(0.45, 0.58))) ** 2
        + ((up - lean + rng.normal(0, 0.07)) / wide) ** 2
        + ((outer - lean + rng.normal(0, 0.07)) / wide) ** 2
    )
    envelope = np.clip(4.2 * (1.0 - radius), -6, 1.6)
    level = 1.5 * power_noise(rng, _CELLS, 3.0, longest=26) + envelope + _BIAS[density - 1] + rng.normal(0, 0.35)
    return expit(2.0 * level) * (up**2 + outer**2 < 1)


def _axes() -> tuple[tuple[float, float, int], ...]:
    return (0.0, DEEP_MM, _CELLS[0]), (-_REACH, _REACH, _CELLS[1]), (-_REACH, _REACH, _CELLS[2])


def _vessel(rng: np.random.Generator, depth_mm: float) -> NDArray[np.float64]:
    """A winding line from the chest wall towards the nipple."""
    steps = int(rng.integers(20, 60))
    turns = np.cumsum(rng.normal(0, 0.0022, (steps, 2)), axis=0) + rng.normal(0, 0.007, 2)
    across = rng.uniform(-0.7, 0.7, 2) + np.cumsum(turns, axis=0) + 0.004 * rng.normal(0, 1, (steps, 2))
    depth = depth_mm * rng.uniform(0.9, 1.25) - np.cumsum(rng.uniform(0.8, 2.0, steps)) * depth_mm / 75
    line = np.column_stack([depth, across])
    return line[(depth > 4) & (np.hypot(across[:, 0], across[:, 1]) < 0.97)]
