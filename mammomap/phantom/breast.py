"""One view of a breast without lesions: contour, thickness, gland, web, vessels, muscle, nipple, overlaps and nodes.

In: a random generator, an `Arrangement` and a view. Out: an `Anatomy`: attenuation on a grid of `GRID_MM`, chest wall
on the left, however fine the film will be.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import expit

from mammomap.phantom.arrangement import Arrangement, projected, turned
from mammomap.phantom.config import FILM_HEIGHT_MM
from mammomap.phantom.texture import Strands, band_noise, dome, draw_line, power_noise

GRID_MM = 0.4
_GLAND_GAIN = (0.2, 0.24, 0.27, 0.29)

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
    reach_mm: tuple[float, float]
    """How far the breast reaches above and below the nipple where `across` is 1 and -1."""

    def on_film(self, view: str, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows and columns in mm, `(n, 2)`, of places `(n, 3)` of the arrangement."""
        flat = turned(places, view)
        across = np.where(flat[:, 1] > 0, self.reach_mm[0], self.reach_mm[1]) * flat[:, 1]
        return np.stack([self.nipple[0] - across, self.nipple[1] - flat[:, 0]], axis=1)


def draw_breast(rng: np.random.Generator, breast: Arrangement, view: str, width_mm: float) -> Anatomy:
    """A view of `breast` on a film `width_mm` wide."""
    rows, cols = round(FILM_HEIGHT_MM / GRID_MM), round(width_mm / GRID_MM)
    shape = (rows, cols)
    down = ((np.arange(rows) + 0.5) * GRID_MM).astype(np.float32)
    across = ((np.arange(cols) + 0.5) * GRID_MM).astype(np.float32)
    edge, nipple, reach = _contour(rng, breast, view, down, width_mm)
    inside = across[None, :] < edge[:, None]
    skin_mm = _distance_to_skin(inside)
    bulk = rng.uniform(0.1, 0.3)
    thickness = (1 - bulk) * (1 - np.exp(-((skin_mm / rng.uniform(5, 10)) ** 0.9)))
    thickness = (thickness + bulk * (1 - np.exp(-skin_mm / rng.uniform(25, 45)))).astype(np.float32)
    muscle = _muscle(rng, down, across) if view == "MLO" else np.zeros(shape, np.float32)
    place = (nipple[0] - down) / np.where(down < nipple[0], reach[0], reach[1])
    gland = projected(breast, view, nipple[1] - across[None, :], place[:, None])
    strands = Strands(rng, shape, (nipple[0] / GRID_MM, nipple[1] / GRID_MM), 70 / GRID_MM)
    streaks = strands.noise(rng, 2.7, rng.uniform(1.5, 2.6), 18 / GRID_MM)
    streaks += 0.6 * power_noise(rng, shape, 2.8, longest=18 / GRID_MM)
    gland = np.clip(1.15 * gland, 0, 1)
    gland = gland + 0.27 * (gland * (1 - gland) + 0.01) ** 0.5 * streaks
    gland = np.clip(gland, 0, 1) * (1 - 0.9 * muscle) * np.clip((skin_mm - 2) / 5, 0, 1)
    attenuation = rng.uniform(0.24, 0.33) + _GLAND_GAIN[breast.density - 1] * gland
    attenuation += _web(rng, strands, gland) * (1 - 0.6 * muscle)
    attenuation += 0.01 * power_noise(rng, shape, 2.6, longest=30 / GRID_MM)
    attenuation += _overlaps(rng, inside, skin_mm, gland) * (1 + 0.22 * streaks)
    attenuation += muscle * _fibres(rng, down, across)
    attenuation += _nodes(rng, view, inside, skin_mm, down, across)
    attenuation *= thickness
    anatomy = Anatomy(attenuation, thickness, skin_mm, gland, muscle, nipple, reach)
    attenuation += _vessels(rng, anatomy, breast, view) * np.minimum(1, skin_mm / 3) * (1 - 0.5 * muscle)
    attenuation += _folds(rng, anatomy, view, down, across)
    attenuation += 0.018 * np.exp(-((skin_mm - 0.8) ** 2) / 0.6) * inside  # the skin line
    attenuation += _nipple(rng, nipple, down, across)
    return anatomy


def _contour(
    rng: np.random.Generator, breast: Arrangement, view: str, down: Field, width_mm: float
) -> tuple[Field, tuple[float, float], tuple[float, float]]:
    """The breast's edge column for each row, the nipple and the reach up and down, all in mm."""
    depth = float(min(breast.depth_mm + rng.normal(3 * (view == "MLO"), 3), 0.88 * width_mm))
    p, q = rng.uniform(1.8, 2.6), rng.uniform(1.6, 2.2)
    if view == "CC":
        centre = float(rng.uniform(100, 140))
        above, below = (
            float(np.clip(breast.height * rng.uniform(0.9, 1.1) * (30 + 0.75 * depth), 62, 122)) for _ in range(2)
        )
        flank = np.zeros_like(down)
        reach = (above * 0.92, below * 0.92)
    else:
        centre = float(rng.uniform(125, 165))
        above, below = float(rng.uniform(95, 135)), float(rng.uniform(55, 232 - centre))
        flank = (rng.uniform(30, 62) * (1 - 0.35 * down / centre)).astype(np.float32)
        reach = (above * 0.8, below * 0.92)
    t = np.where(down < centre, (centre - down) / above, (down - centre) / below)
    bulge = (1 - np.clip(t, 0, 1) ** p) ** (1 / q)
    edge = np.where(down < centre, flank + (depth - flank) * bulge, depth * bulge)
    if view == "MLO":
        smooth = gaussian_filter1d(edge, 9 / GRID_MM, mode="nearest")
        edge = np.where(down < centre, smooth, edge + (smooth - edge) * np.clip(1 - (down - centre) / 25, 0, 1))
        if rng.random() < 0.35:  # the abdomen below the fold
            fold = centre + below * rng.uniform(0.8, 0.98)
            edge = np.maximum(edge, rng.uniform(10, 35) * np.clip((down - fold) / rng.uniform(10, 25), 0, 1))
    wobble = sum(rng.normal(0, 0.9) * np.sin(down / s + rng.uniform(0, 6)) for s in (35, 22, 12))
    edge = np.where(edge > 0, edge + wobble * np.minimum(1, edge / 20), 0).astype(np.float32)
    tip = round(float(np.interp(centre, down, edge)), 2)  # what is drawn from here on does not see a CPU's rounding
    return edge, (centre, tip), reach


def _distance_to_skin(inside: NDArray[np.bool_]) -> Field:
    """In mm; film edges are no skin."""
    pad = 60
    padded = cv2.copyMakeBorder(inside.astype(np.uint8), pad, pad, pad, 0, cv2.BORDER_REPLICATE)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[pad:-pad, pad:]
    return (distance * GRID_MM).astype(np.float32)


def _muscle(rng: np.random.Generator, down: Field, across: Field) -> Field:
    """Pectoral muscle: a triangle in the upper corner at the chest wall, its front slightly bowed."""
    top, low = rng.uniform(26, 62), rng.uniform(95, 190)
    share = np.clip(down / low, 0, 1)
    front = top * (1 - share) + rng.uniform(-4, 8) * np.sin(np.pi * share) + 1.2 * np.sin(down / 9 + rng.uniform(0, 6))
    depth_mm = np.where(down < low, front, -20)[:, None] - across[None, :]
    return _rise(depth_mm / rng.uniform(0.6, 2.2))


def _fibres(rng: np.random.Generator, down: Field, across: Field) -> Field:
    """The muscle's own brightness: fuller towards the upper corner, faintly striped along its front."""
    shape = (len(down), len(across))
    full = rng.uniform(0.12, 0.26) * (1.15 - 0.3 * (down[:, None] / 150 + across[None, :] / 80))
    stripes = np.sin(
        (across[None, :] + down[:, None] * rng.uniform(0.25, 0.45)) / rng.uniform(1.5, 3) + rng.uniform(0, 6)
    )
    return full + 0.012 * power_noise(rng, shape, 3.0) + 0.006 * stripes * power_noise(rng, shape, 3.0)


def _web(rng: np.random.Generator, strands: Strands, gland: Field) -> Field:
    """Ligaments and ducts: thin curved lines at three scales, stronger in gland."""
    coarse = strands.web(rng, 22 / GRID_MM, 0.045, rng.uniform(2, 4))
    middle = strands.web(rng, 10 / GRID_MM, 0.085, rng.uniform(2, 3.5))
    fine = strands.web(rng, 4.5 / GRID_MM, 0.17, rng.uniform(1.6, 2.5))
    strong = rng.uniform(0.6, 1.4)
    return strong * (0.1 * coarse + 0.08 * middle * (0.5 + 0.6 * gland) + 0.05 * fine * (0.35 + 0.5 * gland))


def _vessels(rng: np.random.Generator, anatomy: Anatomy, breast: Arrangement, view: str) -> Field:
    """Long winding bands, the same in both views; where two cross it is brighter. Now and then one is calcified."""
    shape = anatomy.attenuation.shape
    alike = np.random.default_rng([breast.looks, 1])
    field = np.zeros(shape, np.float32)
    for line in breast.vessels:
        wide, grey, calcified = int(alike.integers(1, 4)), int(alike.integers(60, 200)), alike.random() < 0.04
        if len(line) < 4:
            continue
        cells = anatomy.on_film(view, line) / GRID_MM - 0.5
        layer = np.zeros(shape, np.uint8)
        draw_line(layer, cells, grey, wide)
        field += 0.1 * cv2.GaussianBlur(layer, (0, 0), 0.9).astype(np.float32) / 255
        if calcified:
            rails = np.zeros(shape, np.uint8)
            for side in (-1, 1):
                draw_line(rails, cells + side * (wide / 2 + 0.4), 255, 1)
            broken = band_noise(rng, shape, 6, 1.0) > 0.1
            field += 0.2 * cv2.GaussianBlur(rails * broken, (0, 0), 0.6).astype(np.float32) / 255
    return field * (anatomy.skin_mm > 0)


def _overlaps(rng: np.random.Generator, inside: NDArray[np.bool_], skin_mm: Field, gland: Field) -> Field:
    """Soft overlaps of tissue: as bright as a mass, but without an edge or a shape of their own."""
    field = np.zeros(inside.shape, np.float32)
    weight = (skin_mm[::5, ::5] > 8) * (0.15 + gland[::5, ::5])
    if not weight.any():
        return field
    for _ in range(int(rng.integers(1, 4))):
        row, col = _place(rng, weight)
        angle, tall, wide = rng.uniform(0, np.pi), rng.uniform(3, 10) / GRID_MM, rng.uniform(2, 6) / GRID_MM
        window, y, x = _around(inside.shape, (5 * row, 5 * col), 3.2 * max(tall, wide))
        along, beside = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        field[window] += rng.uniform(0.04, 0.15) * np.exp(-((along / tall) ** 2 + (beside / wide) ** 2) / 2)
    return field


def _nodes(
    rng: np.random.Generator, view: str, inside: NDArray[np.bool_], skin_mm: Field, down: Field, across: Field
) -> Field:
    """Lymph nodes: bean-shaped, sharp, with a fatty hilum; mostly high in MLO."""
    field = np.zeros(inside.shape, np.float32)
    for _ in range(int(rng.poisson(0.8 if view == "MLO" else 0.15))):
        high = down[:, None] < (95 if view == "MLO" else FILM_HEIGHT_MM)
        weight = ((skin_mm > 9) & high & (across[None, :] > 10))[::5, ::5].astype(np.float32)
        if not weight.any():
            break
        row, col = _place(rng, weight)
        tall, wide, angle = rng.uniform(3, 7) / GRID_MM, rng.uniform(2, 4) / GRID_MM, rng.uniform(0, np.pi)
        window, y, x = _around(inside.shape, (5 * row, 5 * col), 1.5 * max(tall, wide))
        along, beside = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
        bean = dome(np.hypot(along / tall, beside / wide))
        hilum = dome(np.hypot(along / (0.55 * tall), (beside - 0.35 * wide) / (0.5 * wide)))
        field[window] += rng.uniform(0.05, 0.13) * (bean - 0.6 * hilum)
    return field


def _folds(rng: np.random.Generator, anatomy: Anatomy, view: str, down: Field, across: Field) -> Field:
    """Skin folds: a bright band with a dark one beside it, near the axilla or under the breast; seldom."""
    if rng.random() > (0.12 if view == "MLO" else 0.05):
        return np.zeros_like(anatomy.attenuation)
    high = view == "MLO" and rng.random() < 0.6
    row = rng.uniform(15, 70) if high else anatomy.nipple[0] + anatomy.reach_mm[1] * rng.uniform(0.55, 0.9)
    bow, slope = rng.uniform(-0.004, 0.004), rng.uniform(-0.5, 0.5)
    start, length = rng.uniform(0, 25), rng.uniform(30, 70)
    off = down[:, None] - (row + slope * across + bow * (across - start) ** 2)[None, :]
    along = np.clip((across - start) / 15, 0, 1) * np.clip((start + length - across) / 20, 0, 1)
    band = np.exp(-((off / rng.uniform(0.8, 1.8)) ** 2)) - 0.5 * np.exp(-(((off - 3) / 1.8) ** 2))
    return (rng.uniform(0.015, 0.045) * band * along[None, :] * np.minimum(1, anatomy.skin_mm / 4)).astype(np.float32)


def _rise(level: NDArray) -> Field:
    """The logistic function, safe for large arguments."""
    return expit(level).astype(np.float32)


def _nipple(rng: np.random.Generator, nipple: tuple[float, float], down: Field, across: Field) -> Field:
    """A small disc in profile, half outside the contour; not seen in every film."""
    if rng.random() < 0.3:
        return np.zeros((len(down), len(across)), np.float32)
    radius = np.hypot(
        (down[:, None] - nipple[0]) / rng.uniform(4, 6.5), (across[None, :] - nipple[1] + 1) / rng.uniform(2.5, 4.5)
    )
    return np.float32(rng.uniform(0.08, 0.18)) * _rise((1 - radius) * 4)


def _place(rng: np.random.Generator, weight: Field) -> tuple[int, int]:
    """A random cell of `weight`, more likely where it is larger."""
    sums = np.cumsum(weight.ravel(), dtype=np.float64)
    row, col = divmod(int(np.searchsorted(sums, rng.uniform(0, sums[-1]), side="right")), weight.shape[1])
    return min(row, weight.shape[0] - 1), col


def _around(
    shape: tuple[int, ...], centre: tuple[float, float], reach: float
) -> tuple[tuple[slice, slice], Field, Field]:
    """The cells within `reach` of a cell, and their offsets from it as a column and a row."""
    spans = [slice(max(0, int(c - reach)), min(n, int(c + reach) + 2)) for c, n in zip(centre, shape, strict=True)]
    y, x = (np.arange(s.start, s.stop, dtype=np.float32) - c for s, c in zip(spans, centre, strict=True))
    return (spans[0], spans[1]), y[:, None], x[None, :]
