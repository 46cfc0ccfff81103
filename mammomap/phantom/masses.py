"""Masses drawn at the film's own pixels, from the words of their description, with exact masks.

In: attenuation `(rows, cols)` (changed in place), a plan and a place in mm. Out: the mask. A mass is a star-shaped body
with a sharp, soft or hidden edge, lobes and spicules, as its shape and margins say; its mask is the body without
spicules. Compound descriptions mix what their parts say.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mammomap.phantom.config import LesionPlan
from mammomap.phantom.descriptors import parts
from mammomap.phantom.window import Field, window

_LINES_REACH = 2.4


@dataclass(frozen=True)
class Shape:
    """What a mass's shape decides."""

    aspect: float
    """Shortest over longest diameter, about."""
    lobes: float
    """Depth of 3 to 5 lobes, as a share of the radius."""
    rough: float
    """Depth of irregular bays, as a share of the radius."""
    core: float
    """Brightness against that of a solid mass of the same contrast."""
    mottle: float
    """Share of the brightness that comes and goes within the mass."""
    lines: float
    """Strength of lines that leave the body."""
    soft_mm: float
    """Added to the width of the edge."""


@dataclass(frozen=True)
class Margins:
    """What a mass's margins decide."""

    edge_mm: float
    """Width of the edge."""
    hidden_mm: float
    """Added to it on one side."""
    small_lobes: float
    """Depth of lobes of a millimetre or two, as a share of the radius."""
    lines: float
    """Strength of spicules."""


SHAPES = {
    "ROUND": Shape(0.95, 0, 0.012, 1, 0.05, 0, 0),
    "OVAL": Shape(0.74, 0, 0.02, 1, 0.05, 0, 0),
    "LOBULATED": Shape(0.8, 0.13, 0.03, 1, 0.08, 0, 0),
    "IRREGULAR": Shape(0.76, 0, 0.12, 1, 0.18, 0.12, 0),
    "ARCHITECTURAL_DISTORTION": Shape(0.8, 0, 0.12, 0.45, 0.3, 0.9, 1.5),
    "LYMPH_NODE": Shape(0.66, 0, 0.012, 1, 0.05, 0, 0),
    "FOCAL_ASYMMETRIC_DENSITY": Shape(0.75, 0, 0.11, 0.75, 0.3, 0, 3),
    "ASYMMETRIC_BREAST_TISSUE": Shape(0.7, 0, 0.13, 0.7, 0.4, 0, 4),
    "N/A": Shape(0.8, 0, 0.05, 1, 0.1, 0, 0),
}
MARGINS = {
    "CIRCUMSCRIBED": Margins(0.6, 0, 0, 0),
    "OBSCURED": Margins(1.0, 5.5, 0, 0),
    "MICROLOBULATED": Margins(0.9, 0, 0.055, 0),
    "ILL_DEFINED": Margins(4.0, 0, 0.02, 0),
    "SPICULATED": Margins(1.8, 0, 0.02, 0.9),
    "N/A": Margins(1.8, 0, 0, 0),
}


def draw_mass(
    attenuation: Field, plan: LesionPlan, centre_mm: tuple[float, float], pixel_mm: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Add a mass; gives its mask `(rows, cols)`."""
    shape = Shape(*_mixed(SHAPES, plan.shape))
    margins = Margins(*_mixed(MARGINS, plan.margins))
    radius = plan.size_mm / 2
    part, y, x = window(attenuation.shape, centre_mm, _LINES_REACH * radius + 4, pixel_mm)
    angle = np.arctan2(y, x)
    far = np.hypot(y, x)
    body = radius * _outline(rng, shape, margins, angle)
    depth = body - far
    chord = np.sqrt(np.clip(1 - (far / (body * 1.05)) ** 2, 0, 1))
    profile = (0.45 + 0.55 * chord) * expit(depth / (0.35 * _edge_mm(rng, shape, margins, angle, plan.size_mm)))
    if "LYMPH_NODE" in parts(plan.shape):
        tilt = rng.uniform(0, 2 * np.pi)
        hilum = np.hypot(y - 0.45 * radius * np.sin(tilt), x - 0.45 * radius * np.cos(tilt)) / (0.42 * radius)
        profile *= 1 - 0.6 * np.exp(-(hilum**2))
    mottle = cv2.GaussianBlur(rng.standard_normal(far.shape, dtype=np.float32), (0, 0), max(0.6, 0.8 / pixel_mm))
    profile *= shape.core * (1 + shape.mottle * mottle / max(float(mottle.std()), 1e-6))
    profile += _lines(rng, max(shape.lines, margins.lines), radius, far, angle, body)
    attenuation[part] += plan.contrast * profile.astype(np.float32)
    mask = np.zeros(attenuation.shape, bool)
    mask[part] = depth >= 0
    if not mask.any():
        mask[part].flat[np.argmax(depth)] = True
    return mask


def _mixed(table: dict, words: str) -> np.ndarray:
    named = [astuple(table[word]) for word in sorted(parts(words)) if word in table]
    return np.mean(named or [astuple(table["N/A"])], axis=0)


def _outline(rng: np.random.Generator, shape: Shape, margins: Margins, angle: Field) -> Field:
    """Radius for each angle, against half the longest diameter: an ellipse with lobes and bays."""
    aspect = np.clip(shape.aspect + rng.uniform(-0.1, 0.1), 0.5, 1)
    tilt = rng.uniform(0, np.pi)
    base = aspect / np.hypot(aspect * np.cos(angle - tilt), np.sin(angle - tilt))
    lobes = int(rng.integers(3, 6))
    base = base * (1 + shape.lobes * (np.abs(np.cos(lobes * (angle - tilt) / 2)) - 0.6))
    rough = shape.rough * np.exp(0.25 * rng.normal())
    small = margins.small_lobes * np.exp(0.25 * rng.normal())
    for order in range(2, 17):
        size = rng.normal(0, rough / np.sqrt(order - 1)) if order < 11 else 0.0
        size += rng.normal(0, small / 2) if order > 8 else 0.0
        base = base * (1 + size * np.cos(order * angle + rng.uniform(0, 2 * np.pi)))
    return np.clip(base, 0.25, 1.6)


def _edge_mm(rng: np.random.Generator, shape: Shape, margins: Margins, angle: Field, size_mm: float) -> Field:
    """Width of the edge for each angle; small masses have narrower ones."""
    small = min(1.0, size_mm / 12)
    edge = (margins.edge_mm + shape.soft_mm) * np.exp(0.25 * rng.normal()) * small
    hidden = margins.hidden_mm * small * np.clip(np.cos(angle - rng.uniform(0, 2 * np.pi)) + 0.2, 0, 1)
    return np.maximum(edge + hidden, 0.2)


def _lines(rng: np.random.Generator, strength: float, radius: float, far: Field, angle: Field, body: Field) -> Field:
    """Spicules: fine lines that leave the body and fade out."""
    field = np.zeros(far.shape, np.float32)
    strength *= np.exp(0.3 * rng.normal())
    if strength < 0.05:
        return field
    for heading in rng.uniform(0, 2 * np.pi, int(7 + 18 * min(strength, 1.2))):
        length, bend = radius * rng.uniform(0.5, 1.5), rng.normal(0, 0.012)
        off = far * np.sin(angle - heading - bend * far)
        out = far - 0.8 * body
        reach = np.clip(1 - out / length, 0, 1) * (out > 0) * (np.cos(angle - heading) > 0)
        line = reach * np.exp(-((off / rng.uniform(0.35, 0.85)) ** 2))
        field = np.maximum(field, rng.uniform(0.5, 1.0) * line)
    return (0.4 + 0.6 * min(strength, 1.2)) * field
