"""The breast without lesions: contour, thickness, gland, strands, vessels, muscle, nipple, lumps and nodes.

In: a random generator, view and density. Out: an `Anatomy`: attenuation on a grid of `GRID_MM`, chest wall on the left,
however fine the film will be. Gland follows power-law noise (exponent near 3, as measured in mammograms: Burgess
2001, doi 10.1118/1.1355308) inside an envelope behind the nipple.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from mammomap.phantom.config import FILM_HEIGHT_MM

GRID_MM = 0.4
_GLAND_BIAS = (-1.5, -0.75, 0.0, 0.9)
_GLAND_GAIN = (0.17, 0.22, 0.26, 0.28)

Field = NDArray[np.floating]


@dataclass(frozen=True)
class Anatomy:
    """One breast in one view; all fields `(rows, cols)` at `GRID_MM`."""

    attenuation: Field
    """0 in air; fat at full thickness about 0.3."""
    thickness: Field
    """0 in air to 1 where the breast has its full thickness."""
    skin_mm: Field
    """Distance to the skin inside the breast, 0 outside."""
    gland: Field
    """Share of gland, 0 to 1."""
    muscle: Field
    """Share of pectoral muscle, 0 to 1."""
    nipple: tuple[float, float]
    """Row and column in mm."""


def draw_breast(rng: np.random.Generator, view: str, density: int, width_mm: float) -> Anatomy:
    """A breast of BI-RADS `density` on a film `width_mm` wide."""
    rows, cols = round(FILM_HEIGHT_MM / GRID_MM), round(width_mm / GRID_MM)
    down = ((np.arange(rows) + 0.5) * GRID_MM).astype(np.float32)
    across = ((np.arange(cols) + 0.5) * GRID_MM).astype(np.float32)
    edge, nipple = _contour(rng, view, down, width_mm)
    inside = across[None, :] < edge[:, None]
    skin_mm = _distance_to_skin(inside)
    thickness = (1 - np.exp(-((skin_mm / rng.uniform(7, 12)) ** 0.9))).astype(np.float32)
    muscle = _muscle(rng, down, across) if view == "MLO" else np.zeros(inside.shape, np.float32)
    gland = _gland(rng, density, nipple, edge, down, across) * (1 - 0.9 * muscle)
    attenuation = rng.uniform(0.24, 0.32) + _GLAND_GAIN[density - 1] * gland
    attenuation += _strands(rng, inside.shape, nipple) * (0.35 + 0.65 * gland)
    attenuation += 0.016 * power_noise(rng, inside.shape, 2.0)
    attenuation += _lumps(rng, inside, skin_mm, gland)
    attenuation += muscle * (rng.uniform(0.14, 0.24) + 0.02 * power_noise(rng, inside.shape, 3.0))
    attenuation += _nodes(rng, view, inside, skin_mm, down, across)
    attenuation *= thickness
    attenuation += _vessels(rng, inside, nipple) * np.minimum(1, skin_mm / 3)
    attenuation += 0.045 * np.exp(-((skin_mm - 0.8) ** 2) / 0.6) * inside  # the skin line
    attenuation += _nipple(rng, nipple, down, across)
    return Anatomy(attenuation.astype(np.float32), thickness, skin_mm, gland, muscle, nipple)


def power_noise(rng: np.random.Generator, shape: tuple[int, ...], exponent: float) -> Field:
    """Noise with power spectrum 1 / f ** exponent, mean 0, standard deviation 1, `shape`."""
    rows, cols = shape
    f = np.hypot(np.fft.fftfreq(rows)[:, None] * rows, np.fft.rfftfreq(cols)[None, :] * rows)
    f[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * np.maximum(f, 2) ** (-exponent / 2)
    field = np.fft.irfft2(spectrum, s=shape)
    return ((field - field.mean()) / field.std()).astype(np.float32)


def _contour(rng: np.random.Generator, view: str, down: Field, width_mm: float) -> tuple[Field, tuple[float, float]]:
    """The breast's edge column for each row, in mm, and the nipple: superellipses, in MLO with a flank up."""
    depth = float(rng.uniform(0.5, 0.8) * width_mm)
    p, q = rng.uniform(1.9, 2.5), rng.uniform(1.6, 2.1)
    if view == "CC":
        centre = float(rng.uniform(105, 135))
        above = below = float(np.clip(rng.uniform(0.85, 1.15) * depth, 55, 100))
        flank = np.zeros_like(down)
    else:
        centre = float(rng.uniform(130, 160))
        above, below = float(rng.uniform(95, 130)), float(rng.uniform(58, 228 - centre))
        flank = (rng.uniform(35, 60) * (1 - 0.35 * down / centre)).astype(np.float32)
    t = np.where(down < centre, (centre - down) / above, (down - centre) / below)
    bulge = (1 - np.clip(t, 0, 1) ** p) ** (1 / q)
    edge = np.where(down < centre, flank + (depth - flank) * bulge, depth * bulge)
    if view == "MLO":
        smooth = gaussian_filter1d(edge, 9 / GRID_MM, mode="nearest")
        edge = np.where(down < centre, smooth, edge + (smooth - edge) * np.clip(1 - (down - centre) / 25, 0, 1))
    wobble = sum(rng.normal(0, 0.9) * np.sin(down / s + rng.uniform(0, 6)) for s in (35, 22, 12))
    edge = np.where(edge > 0, edge + wobble * np.minimum(1, edge / 20), 0).astype(np.float32)
    return edge, (centre, float(np.interp(centre, down, edge)))


def _distance_to_skin(inside: NDArray[np.bool_]) -> Field:
    """In mm; film edges are no skin."""
    pad = 60
    padded = cv2.copyMakeBorder(inside.astype(np.uint8), pad, pad, pad, 0, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[pad:-pad, pad:]
    return (distance * GRID_MM).astype(np.float32)


def _muscle(rng: np.random.Generator, down: Field, across: Field) -> Field:
    """Pectoral muscle: a triangle in the upper corner at the chest wall, its front slightly bowed."""
    top, low = rng.uniform(28, 52), rng.uniform(100, 165)
    share = np.clip(down / low, 0, 1)
    front = top * (1 - share) + rng.uniform(-3, 7) * np.sin(np.pi * share)
    depth_mm = np.where(down < low, front, -20)[:, None] - across[None, :]
    return _rise(depth_mm / rng.uniform(0.6, 1.4))


def _gland(
    rng: np.random.Generator, density: int, nipple: tuple[float, float], edge: Field, down: Field, across: Field
) -> Field:
    """Share of gland: smooth noise cut at a level set by density, within an ellipse behind the nipple."""
    shape = (len(down), len(across))
    depth = nipple[1]
    tall = rng.uniform(0.5, 0.72) * min(95.0, float((edge > 8).sum() * GRID_MM / 2))
    centre = nipple[0] + rng.normal(0, 5) - 4, depth * rng.uniform(0.48, 0.62)
    radius = np.hypot(
        (down[:, None] - centre[0]) / tall, (across[None, :] - centre[1]) / (depth * rng.uniform(0.42, 0.52))
    )
    envelope = np.clip(3.0 * (1.0 - radius), -4, 1.2)
    noise = 0.95 * power_noise(rng, shape, 3.4) + 0.2 * power_noise(rng, shape, 2.4)
    level = 1.5 * noise + envelope + _GLAND_BIAS[density - 1]
    return _rise(1.1 * level)


def _strands(rng: np.random.Generator, shape: tuple[int, ...], nipple: tuple[float, float]) -> Field:
    """Ducts and ligaments: thin curved lines that run from the nipple into the breast."""
    canvas = np.zeros(shape, np.float32)
    for thickness, count, blur in ((1, 130, 0.8), (2, 60, 1.2), (3, 22, 1.8)):
        layer = np.zeros(shape, np.uint8)
        for _ in range(count):
            start = rng.uniform(2, 55)
            heading = np.pi + rng.normal(0, 0.55)
            row, col = nipple[0] + start * np.sin(heading), nipple[1] + start * np.cos(heading)
            line = _walk(rng, (row, col), heading + rng.normal(0, 0.25), int(rng.integers(8, 28)), 2.0, 0.13)
            _draw_line(layer, line, int(rng.integers(60, 255)), thickness)
        canvas += cv2.GaussianBlur(layer, (0, 0), blur).astype(np.float32) / 255
    return 0.085 * canvas


def _vessels(rng: np.random.Generator, inside: NDArray[np.bool_], nipple: tuple[float, float]) -> Field:
    """A few long bright bands, some of them winding."""
    layer = np.zeros(inside.shape, np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        row, col = nipple[0] + rng.normal(0, 35), rng.uniform(0, 0.3) * nipple[1]
        line = _walk(rng, (row, col), rng.normal(0, 0.4), int(rng.integers(15, 40)), 2.5, rng.uniform(0.08, 0.22))
        _draw_line(layer, line, int(rng.integers(70, 230)), int(rng.integers(2, 4)))
    return 0.1 * cv2.GaussianBlur(layer, (0, 0), 1.0).astype(np.float32) / 255 * inside


def _walk(
    rng: np.random.Generator, start: tuple[float, float], heading: float, steps: int, step_mm: float, bend: float
) -> NDArray[np.float64]:
    """A curved line as `(steps + 1, 2)` row, col in mm."""
    headings = heading + np.cumsum(rng.normal(0, bend, steps))
    moves = step_mm * np.stack([np.sin(headings), np.cos(headings)], axis=1)
    return np.vstack([np.array(start)[None], np.array(start) + np.cumsum(moves, axis=0)])


def _draw_line(layer: NDArray[np.uint8], line_mm: NDArray[np.float64], grey: int, thickness: int) -> None:
    points = np.rint((line_mm[:, ::-1] / GRID_MM - 0.5) * 16).astype(np.int32)
    cv2.polylines(layer, [points.reshape(-1, 1, 2)], False, grey, thickness, cv2.LINE_AA, 4)


def _lumps(rng: np.random.Generator, inside: NDArray[np.bool_], skin_mm: Field, gland: Field) -> Field:
    """Soft overlaps of tissue: as bright as a subtle mass, but without an edge or a shape of their own."""
    field = np.zeros(inside.shape, np.float32)
    weight = (skin_mm[::5, ::5] > 8) * (0.15 + gland[::5, ::5])
    if not weight.any():
        return field
    rows, cols = (np.arange(n, dtype=np.float32) for n in inside.shape)
    for _ in range(int(rng.integers(3, 9))):
        row, col = _place(rng, weight)
        angle, tall, wide = rng.uniform(0, np.pi), rng.uniform(3, 9) / GRID_MM, rng.uniform(2, 5) / GRID_MM
        y, x = rows[:, None] - 5 * row, cols[None, :] - 5 * col
        along, beside = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        field += rng.uniform(0.04, 0.13) * np.exp(-((along / tall) ** 2 + (beside / wide) ** 2) / 2)
    return field * (1 + 0.35 * power_noise(rng, inside.shape, 2.4))


def _nodes(
    rng: np.random.Generator, view: str, inside: NDArray[np.bool_], skin_mm: Field, down: Field, across: Field
) -> Field:
    """Lymph nodes: bean-shaped, sharp, with a fatty hilum; mostly high in MLO."""
    field = np.zeros(inside.shape, np.float32)
    for _ in range(int(rng.poisson(1.3 if view == "MLO" else 0.25))):
        high = down[:, None] < (95 if view == "MLO" else FILM_HEIGHT_MM)
        weight = ((skin_mm > 9) & high & (across[None, :] > 10))[::5, ::5].astype(np.float32)
        if not weight.any():
            break
        row, col = (5 * i * GRID_MM for i in _place(rng, weight))
        tall, wide, angle = rng.uniform(3, 6.5), rng.uniform(2, 3.5), rng.uniform(0, np.pi)
        y, x = down[:, None] - row, across[None, :] - col
        along, beside = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        bean = _dome(np.hypot(along / tall, beside / wide))
        hilum = _dome(np.hypot(along / (0.55 * tall), (beside - 0.35 * wide) / (0.5 * wide)))
        field += rng.uniform(0.1, 0.2) * (bean - 0.8 * hilum)
    return field


def _rise(level: NDArray) -> Field:
    """The logistic function, safe for large arguments."""
    return expit(level).astype(np.float32)


def _dome(radius: Field) -> Field:
    """1 in the middle, 0 from radius 1 on, steep at the edge: the chord through a flattened ball."""
    return np.sqrt(np.clip(1 - radius**2, 0, 1)) ** 0.6


def _nipple(rng: np.random.Generator, nipple: tuple[float, float], down: Field, across: Field) -> Field:
    """A small disc in profile, half outside the contour; not seen in every film."""
    if rng.random() < 0.3:
        return np.zeros((len(down), len(across)), np.float32)
    radius = np.hypot(
        (down[:, None] - nipple[0]) / rng.uniform(4, 6.5), (across[None, :] - nipple[1] + 1) / rng.uniform(2.5, 4.5)
    )
    return np.float32(rng.uniform(0.1, 0.2)) * _rise((1 - radius) * 4)


def _place(rng: np.random.Generator, weight: Field) -> tuple[int, int]:
    """A random cell of `weight`, more likely where it is larger."""
    sums = np.cumsum(weight.ravel(), dtype=np.float64)
    row, col = divmod(int(np.searchsorted(sums, rng.uniform(0, sums[-1]), side="right")), weight.shape[1])
    return min(row, weight.shape[0] - 1), col
