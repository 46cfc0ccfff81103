"""Lesions drawn into a breast at the film's own pixels: masses and clusters of calcifications, with exact masks.

In: attenuation `(rows, cols)` (changed in place), a plan and a place in mm. Out: the mask. A mass is a star-shaped
body with soft or sharp edge, lobes and spicules; its mask is the body without spicules. A cluster is a set of specks
(partial volume where a pixel is coarser than a speck); its mask is their convex hull widened by `HULL_MM`.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammomap.phantom.config import LesionPlan

HULL_MM = 1.5

Field = NDArray[np.floating]


def draw_mass(
    attenuation: Field, plan: LesionPlan, centre_mm: tuple[float, float], pixel_mm: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Add a mass; gives its mask `(rows, cols)`."""
    radius = plan.size_mm / 2
    window, y, x = _window(attenuation.shape, centre_mm, 2.4 * radius + 4, pixel_mm)
    angle = np.arctan2(y, x)
    far = np.hypot(y, x)
    body = _body_radius(rng, plan, angle)
    depth = body - far
    soft = _edge_mm(rng, plan, angle)
    chord = np.sqrt(np.clip(1 - (far / (body * 1.05)) ** 2, 0, 1))
    profile = (0.45 + 0.55 * chord) * expit(depth / (0.35 * soft))
    profile = profile + _spicules(rng, plan, far, angle, body)
    texture = cv2.GaussianBlur(rng.standard_normal(far.shape, dtype=np.float32), (0, 0), max(0.6, 0.8 / pixel_mm))
    profile *= 1 + (0.05 + 0.12 * plan.irregularity) * texture / max(float(texture.std()), 1e-6)
    attenuation[window] += plan.contrast * profile.astype(np.float32)
    mask = np.zeros(attenuation.shape, bool)
    mask[window] = depth >= 0
    if not mask.any():
        mask[window].flat[np.argmax(depth)] = True
    return mask


def draw_calcifications(
    attenuation: Field, plan: LesionPlan, centre_mm: tuple[float, float], pixel_mm: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Add a cluster; gives its mask `(rows, cols)`."""
    specks = _cluster(rng, plan) + np.array(centre_mm)
    for place in specks:
        long_mm, short_mm, contrast = _speck(rng, plan)
        add_speck(attenuation, place, long_mm, short_mm, rng.uniform(0, np.pi), contrast, pixel_mm, _hollow(plan))
    mask = np.zeros(attenuation.shape, bool)
    window, y, x = _window(attenuation.shape, centre_mm, plan.size_mm + HULL_MM + 3, pixel_mm)
    if plan.irregularity > 0.4:  # dense stroma around, as often seen
        haze = np.exp(-(y**2 + x**2) / (2 * (0.35 * plan.size_mm) ** 2))
        attenuation[window] += (0.1 * plan.irregularity * haze).astype(np.float32)
    mask[window] = _near_hull(specks, y + centre_mm[0], x + centre_mm[1], pixel_mm)
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
    window, y, x = _window(attenuation.shape, (float(place_mm[0]), float(place_mm[1])), 2.2 * wide_a, pixel_mm)
    along, beside = y * np.sin(angle) + x * np.cos(angle), y * np.cos(angle) - x * np.sin(angle)
    square = (along / wide_a) ** 2 + (beside / wide_b) ** 2
    shape = np.exp(-square)
    if hollow:
        shape = shape - 0.6 * np.exp(-square / 0.25)
    attenuation[window] += (contrast * a * b / (wide_a * wide_b) * shape).astype(np.float32)


def _body_radius(rng: np.random.Generator, plan: LesionPlan, angle: Field) -> Field:
    """Radius in mm for each angle: an ellipse with lobes; the longest diameter is about `size_mm`."""
    aspect = rng.uniform(0.9, 1.0) if plan.shape == "ROUND" else rng.uniform(0.6, 0.92)
    tilt = rng.uniform(0, np.pi)
    base = aspect / np.hypot(aspect * np.cos(angle - tilt), np.sin(angle - tilt))
    rough = 0.02 + 0.13 * plan.irregularity
    if plan.shape == "LOBULATED":
        lobes = int(rng.integers(3, 5))
        base = base * (1 + 0.13 * np.abs(np.cos(lobes * (angle - tilt) / 2)) - 0.08)
    for order in range(2, 11):
        size = rng.normal(0, rough / np.sqrt(order - 1))
        base = base * (1 + size * np.cos(order * angle + rng.uniform(0, 2 * np.pi)))
    return plan.size_mm / 2 * np.clip(base, 0.25, 1.6)


def _edge_mm(rng: np.random.Generator, plan: LesionPlan, angle: Field) -> Field:
    """Width of the edge for each angle: sharp, ill-defined all round, or obscured on one side."""
    width = 0.5 + 4.0 * plan.irregularity * min(1.0, plan.size_mm / 12)
    soft = np.full_like(angle, width)
    if plan.margins == "OBSCURED":
        soft = soft + 4.0 * min(1.0, plan.size_mm / 12) * np.clip(np.cos(angle - rng.uniform(0, 2 * np.pi)), 0, 1)
    return soft


def _spicules(rng: np.random.Generator, plan: LesionPlan, far: Field, angle: Field, body: Field) -> Field:
    """Fine lines that leave the body and fade out."""
    field = np.zeros_like(far)
    if plan.spiculation <= 0:
        return field
    for _ in range(int(6 + 22 * plan.spiculation)):
        heading, bend = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.012)
        length = plan.size_mm / 2 * rng.uniform(0.35, 1.2)
        off = far * np.sin(angle - heading - bend * far)
        ahead = np.cos(angle - heading) > 0
        out = far - 0.8 * body
        reach = np.clip(1 - out / length, 0, 1) * (out > 0) * ahead
        field = np.maximum(field, rng.uniform(0.25, 0.6) * reach * np.exp(-((off / rng.uniform(0.3, 0.7)) ** 2)))
    return field * (0.5 + 0.5 * plan.spiculation)


def _cluster(rng: np.random.Generator, plan: LesionPlan) -> NDArray[np.float64]:
    """Places of the specks `(n, 2)` in mm around 0."""
    count = 5 + int(rng.poisson(3 + 0.5 * plan.size_mm * (0.15 + 1.5 * plan.irregularity)))
    radius = plan.size_mm / 2
    aspect = 0.3 if plan.margins in ("LINEAR", "SEGMENTAL") else rng.uniform(0.6, 1.0)
    tilt = rng.uniform(0, np.pi)
    if plan.shape == "FINE_LINEAR_BRANCHING":
        branches = rng.normal(tilt, 0.5, 3) + rng.choice([0, np.pi], 3)
        which = rng.integers(0, 3, count)
        along = radius * rng.uniform(0.05, 1, count)
        points = along[:, None] * np.stack([np.sin(branches[which]), np.cos(branches[which])], axis=1)
        return points + rng.normal(0, 0.35, (count, 2))
    share = np.sqrt(rng.uniform(0, 1, count))
    turn = rng.uniform(0, 2 * np.pi, count)
    along, beside = radius * share * np.cos(turn), radius * aspect * share * np.sin(turn)
    return np.stack(
        [along * np.sin(tilt) + beside * np.cos(tilt), along * np.cos(tilt) - beside * np.sin(tilt)], axis=1
    )


def _speck(rng: np.random.Generator, plan: LesionPlan) -> tuple[float, float, float]:
    """Diameters in mm and contrast of one speck: regular and coarse, or varied and fine."""
    odd = plan.irregularity
    short = float(np.clip((0.66 - 0.28 * odd) * np.exp((0.1 + 0.3 * odd) * rng.normal()), 0.2, 0.8))
    stretch = 1 + odd * rng.uniform(0, 1.5 if plan.shape == "FINE_LINEAR_BRANCHING" else 0.7)
    contrast = plan.contrast * float(np.exp((0.1 + 0.35 * odd) * rng.normal()))
    return min(short * stretch, 1.6), short, contrast


def _hollow(plan: LesionPlan) -> bool:
    return plan.shape == "LUCENT_CENTER"


def _near_hull(specks: NDArray[np.float64], y_mm: Field, x_mm: Field, pixel_mm: float) -> NDArray[np.bool_]:
    """Pixels whose centre lies at most `HULL_MM` from the convex hull of the specks."""
    hull = cv2.convexHull(specks.astype(np.float32))[:, 0, :].astype(np.float64)
    y, x = np.broadcast_arrays(y_mm, x_mm)
    nearest = np.full(y.shape, np.inf)
    left, right = np.ones(y.shape, bool), np.ones(y.shape, bool)
    for start, stop in zip(hull, np.roll(hull, -1, axis=0), strict=True):
        step = stop - start
        dy, dx = y - start[0], x - start[1]
        along = np.clip((dy * step[0] + dx * step[1]) / max(float(step @ step), 1e-12), 0, 1)
        nearest = np.minimum(nearest, np.hypot(dy - along * step[0], dx - along * step[1]))
        side = step[0] * dx - step[1] * dy
        left, right = left & (side >= 0), right & (side <= 0)
    return (nearest <= max(HULL_MM, pixel_mm)) | left | right


def _window(
    shape: tuple[int, ...], centre_mm: tuple[float, float], reach_mm: float, pixel_mm: float
) -> tuple[tuple[slice, slice], Field, Field]:
    """The part of a film within `reach_mm` of a place, and the pixel centres' offsets from it in mm."""
    slices, offsets = [], []
    for length, middle in zip(shape, centre_mm, strict=True):
        first = max(0, int(np.floor((middle - reach_mm) / pixel_mm)))
        last = min(length, int(np.ceil((middle + reach_mm) / pixel_mm)) + 1)
        slices.append(slice(first, max(first, last)))
        offsets.append(((np.arange(first, max(first, last)) + 0.5) * pixel_mm - middle).astype(np.float32))
    y, x = np.meshgrid(offsets[0], offsets[1], indexing="ij")
    return (slices[0], slices[1]), y, x
