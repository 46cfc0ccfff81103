"""Clusters of calcifications drawn at the film's own pixels, from the words of their description, with exact masks.

In: attenuation `(rows, cols)` (changed in place), a plan, a view and a place in mm. Out: the mask. A cluster is a set
of specks in three dimensions, the same in both views (partial volume where a pixel is coarser than a speck); its mask
is the convex hull of what the view shows, widened by `HULL_MM`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.phantom.arrangement import turned
from mammomap.phantom.config import LesionPlan
from mammomap.phantom.descriptors import parts
from mammomap.phantom.window import Field, window

HULL_MM = 1.5


@dataclass(frozen=True)
class Speck:
    """What a type of calcification decides."""

    short_mm: float
    spread: float
    """Standard deviation of the logarithm of sizes; contrasts vary as much."""
    stretch: float
    """Longest over shortest diameter, at most."""
    bright: float
    """Against the contrast of the plan."""
    many: float
    """Against the usual number of specks."""
    hollow: float
    """Share of the specks with a lucent centre."""


TYPES = {
    "PUNCTATE": Speck(0.36, 0.15, 1.1, 1.0, 1.0, 0),
    "ROUND_AND_REGULAR": Speck(0.6, 0.15, 1.1, 1.0, 0.6, 0),
    "AMORPHOUS": Speck(0.5, 0.25, 1.3, 0.5, 1.2, 0),
    "PLEOMORPHIC": Speck(0.42, 0.42, 2.0, 1.0, 1.3, 0),
    "FINE_LINEAR_BRANCHING": Speck(0.3, 0.3, 4.5, 1.0, 1.6, 0),
    "COARSE": Speck(1.4, 0.3, 1.5, 1.2, 0.2, 0),
    "DYSTROPHIC": Speck(1.5, 0.4, 1.8, 1.2, 0.2, 0.2),
    "LARGE_RODLIKE": Speck(0.7, 0.2, 6.0, 1.2, 0.4, 0),
    "LUCENT_CENTER": Speck(1.2, 0.25, 1.1, 1.0, 0.2, 0.9),
    "EGGSHELL": Speck(2.6, 0.3, 1.2, 0.9, 0.05, 1.0),
    "SKIN": Speck(0.9, 0.2, 1.1, 0.9, 0.3, 0.7),
    "MILK_OF_CALCIUM": Speck(0.6, 0.25, 1.4, 0.6, 0.8, 0),
    "VASCULAR": Speck(0.4, 0.25, 3.0, 0.9, 1.5, 0),
    "N/A": Speck(0.55, 0.3, 1.3, 1.0, 0.6, 0.1),
}
_ASPECTS = {"LINEAR": 0.1, "SEGMENTAL": 0.35}
"""Width over length of what lies along a line towards the nipple; others are balls, somewhat flattened."""


def draw_calcifications(
    attenuation: Field,
    plan: LesionPlan,
    centre_mm: tuple[float, float],
    pixel_mm: float,
    rng: np.random.Generator,
    view: str,
) -> NDArray[np.bool_]:
    """Add a cluster; gives its mask `(rows, cols)`. The same `rng` in both views gives the same specks."""
    kinds = [TYPES[word] for word in sorted(parts(plan.shape)) if word in TYPES] or [TYPES["N/A"]]
    offsets = _places(rng, plan, kinds)
    flat = turned(offsets, view)
    specks = np.stack([centre_mm[0] - flat[:, 1], centre_mm[1] - flat[:, 0]], axis=1)
    steps = np.diff(specks, axis=0, append=specks[:1])
    for place, step in zip(specks, steps, strict=True):
        kind = kinds[int(rng.integers(len(kinds)))]
        short = float(np.clip(kind.short_mm * np.exp(kind.spread * rng.normal()), 0.18, 4))
        long = short * rng.uniform(1, kind.stretch)
        bright = plan.contrast * kind.bright * float(np.exp(kind.spread * rng.normal()))
        turn = float(np.arctan2(*step)) if kind.stretch > 2.5 else rng.uniform(0, np.pi)
        add_speck(attenuation, place, long, short, turn, bright, pixel_mm, hollow=bool(rng.random() < kind.hollow))
    mask = np.zeros(attenuation.shape, bool)
    reach = float(np.abs(specks - np.array(centre_mm)).max()) + max(HULL_MM, pixel_mm) + 2 * pixel_mm
    part, y, x = window(attenuation.shape, centre_mm, reach, pixel_mm)
    mask[part] = near_hull(specks, y + centre_mm[0], x + centre_mm[1], pixel_mm)
    return mask


def add_speck(
    attenuation: Field,
    place_mm: NDArray[np.float64],
    long_mm: float,
    short_mm: float,
    angle: float,
    contrast: float,
    pixel_mm: float,
    hollow: bool = False,
) -> None:
    """Add one speck of the given diameters; its sum over pixels does not depend on their size."""
    a, b = long_mm / 2, short_mm / 2
    wide_a, wide_b = np.hypot(a, 0.5 * pixel_mm), np.hypot(b, 0.5 * pixel_mm)
    part, y, x = window(attenuation.shape, (float(place_mm[0]), float(place_mm[1])), 2.2 * wide_a, pixel_mm)
    along, beside = y * np.sin(angle) + x * np.cos(angle), y * np.cos(angle) - x * np.sin(angle)
    square = (along / wide_a) ** 2 + (beside / wide_b) ** 2
    shape = np.exp(-square)
    if hollow:
        shape = shape - 0.6 * np.exp(-square / 0.25)
    attenuation[part] += (contrast * a * b / (wide_a * wide_b) * shape).astype(np.float32)


def near_hull(specks: NDArray[np.float64], y_mm: Field, x_mm: Field, pixel_mm: float) -> NDArray[np.bool_]:
    """Pixels whose centre lies at most `HULL_MM` from the convex hull of the specks."""
    hull = cv2.convexHull(specks.astype(np.float32))[:, 0, :].astype(np.float64)
    y, x = np.broadcast_arrays(y_mm, x_mm)
    nearest = np.full(y.shape, np.inf)
    left = right = np.full(y.shape, len(hull) > 2)
    for start, stop in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        step = stop - start
        dy, dx = y - start[0], x - start[1]
        along = np.clip((dy * step[0] + dx * step[1]) / max(float(step @ step), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.hypot(dy - along * step[0], dx - along * step[1]))
        side = step[0] * dx - step[1] * dy
        left, right = left & (side >= 0), right & (side <= 0)
    return (nearest <= max(HULL_MM, pixel_mm)) | left | right


def _places(rng: np.random.Generator, plan: LesionPlan, kinds: list[Speck]) -> NDArray[np.float64]:
    """Offsets `(n, 3)` in mm of depth, up and outer."""
    named, words = parts(plan.margins), parts(plan.shape)
    many = float(np.mean([kind.many for kind in kinds]))
    if named == {"N/A"} and "VASCULAR" not in words:
        count = 1 + int(rng.poisson(1.5 * many))
    else:
        count = 3 + int(rng.poisson(many * (5 + 0.5 * plan.size_mm)))
    radius = plan.size_mm / 2
    if "VASCULAR" in words or "FINE_LINEAR_BRANCHING" in words:
        return _lines(rng, count, radius, rails="VASCULAR" in words)
    points = rng.normal(0, 1, (count, 3))
    points *= np.cbrt(rng.uniform(0, 1, (count, 1))) / np.linalg.norm(points, axis=1, keepdims=True)
    aspect = min([_ASPECTS[word] for word in named if word in _ASPECTS], default=1.0)
    if aspect < 1:
        points[:, 1:] *= aspect
        if "SEGMENTAL" in named:  # a wedge with its tip towards the nipple
            points[:, 1:] *= 1 + 0.8 * points[:, :1]
        points = points @ _tilt(rng, 0.5)
    else:
        points *= rng.uniform(0.6, 1.0, 3)
    return radius * points


def _lines(rng: np.random.Generator, count: int, radius: float, rails: bool) -> NDArray[np.float64]:
    """Along the branches of a duct, or along the two walls of a vessel."""
    along = np.sort(rng.uniform(-1, 1, count))
    bow = rng.uniform(-0.3, 0.3)
    wall = np.where(np.arange(count) % 2, 1, -1) * 0.8 if rails else rng.normal(0, 0.3, count)
    points = np.stack([radius * along, wall + radius * bow * along**2, rng.normal(0, 0.3, count)], axis=1)
    if not rails:
        branch = rng.random(count) < 0.35
        points[branch] = points[branch] @ _tilt(rng, 0.9)
    return points @ _tilt(rng, 0.5)


def _tilt(rng: np.random.Generator, spread: float) -> NDArray[np.float64]:
    """A turn in three dimensions by angles of about `spread`."""
    turn = np.eye(3)
    for first, second in ((0, 1), (0, 2)):
        angle = rng.normal(0, spread)
        step = np.eye(3)
        step[[first, second], [first, second]] = np.cos(angle)
        step[first, second], step[second, first] = np.sin(angle), -np.sin(angle)
        turn = turn @ step
    return turn
