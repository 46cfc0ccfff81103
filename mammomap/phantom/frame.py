"""From attenuation to a digitised film: curve, scatter, background, bright rim, tag, dust, grain and 16 bits.

In: attenuation `(rows, cols)` with the chest wall on the left, as light as air is 0. Out: uint16 `(rows, cols)`.
Scanners differ from film to film and know nothing of the lesions.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating]


def digitise(
    rng: np.random.Generator,
    attenuation: Field,
    breast: NDArray[np.bool_],
    pixel_mm: float,
    label: str,
    mirrored: bool,
) -> NDArray[np.uint16]:
    """The finished film; `mirrored` puts the chest wall on the right (the tag stays readable)."""
    film = _curve(rng, attenuation) + _background(rng, attenuation.shape)
    if mirrored:
        film, breast = film[:, ::-1].copy(), breast[:, ::-1].copy()
    _rim(rng, film, pixel_mm, mirrored)
    _tag(rng, film, breast, pixel_mm, label, mirrored)
    _dust(rng, film, pixel_mm)
    film += rng.uniform(0.004, 0.010) * _grain(rng, film.shape, pixel_mm)
    top = rng.uniform(56000, 65535)
    return np.clip(film * top, 0, 65535).astype(np.uint16)


def _curve(rng: np.random.Generator, attenuation: Field) -> Field:
    """The characteristic curve: grey rises with attenuation and flattens at both ends."""
    slope, scale = rng.uniform(1.4, 1.9), rng.uniform(0.48, 0.62)
    return (1 - np.exp(-((np.clip(attenuation, 0, None) / scale) ** slope))).astype(np.float32)


def _background(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Never quite black: a level and a slow slope."""
    slope = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * rng.normal(0, 0.006)
    slope = slope + np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] * rng.normal(0, 0.006)
    return (rng.uniform(0.02, 0.055) + slope).astype(np.float32)


def _rim(rng: np.random.Generator, film: Field, pixel_mm: float, mirrored: bool) -> None:
    """Bright strips where light passed beside the film, at one side at most; they may cover the breast's edge."""
    rows, cols = film.shape
    side = str(rng.choice(["wall", "front", "neither"], p=[0.35, 0.1, 0.55]))
    for edge in ("top", "bottom", "wall", "front"):
        if edge != side and rng.random() > {"top": 0.4, "bottom": 0.6}.get(edge, 0.0):
            continue
        wide = max(1, round(rng.uniform(0.5, 2.5) / pixel_mm))
        bright, lean = rng.uniform(0.75, 1.0), rng.uniform(0, 1.2) / pixel_mm
        along = cols if edge in ("top", "bottom") else rows
        width = wide + np.rint(np.linspace(0, lean, along)).astype(int)[:: int(rng.choice([-1, 1]))]
        left = (edge == "wall") != mirrored
        across = np.arange(rows if edge in ("top", "bottom") else cols)
        near = across[:, None] < width[None, :]
        if edge == "bottom" or (edge in ("wall", "front") and not left):
            near = near[::-1]
        film[near if edge in ("top", "bottom") else near.T] = bright


def _tag(
    rng: np.random.Generator,
    film: Field,
    breast: NDArray[np.bool_],
    pixel_mm: float,
    label: str,
    mirrored: bool,
) -> None:
    """Lead letters, or dark letters on a bright block, turned somewhat, where no breast is."""
    height = rng.uniform(5, 9) / pixel_mm
    (wide, tall), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = height / tall
    pad = round(0.5 * height)
    size = (round(tall * scale) + 2 * pad, round(wide * scale) + 2 * pad)
    letters = np.zeros(size, np.uint8)
    thick = max(1, round(height / 7))
    cv2.putText(letters, label, (pad, size[0] - pad), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    stamp = letters.astype(np.float32) / 255
    bright = rng.uniform(0.45, 0.95)
    if rng.random() < 0.45:
        stamp = 1 - 0.8 * stamp
    stamp *= bright
    side = max(size) + 2
    middle = (size[1] / 2, size[0] / 2)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-60, 60) if rng.random() < 0.6 else 0, 1.0)
    turn[:, 2] += np.array([side / 2 - middle[0], side / 2 - middle[1]])
    stamp = cv2.warpAffine(stamp, turn, (side, side), flags=cv2.INTER_LINEAR)
    rows, cols = film.shape
    if side >= min(rows, cols) // 2:
        return
    for _ in range(12):
        row = int(rng.uniform(0.02, 0.3) * rows) if rng.random() < 0.8 else int(rng.uniform(0.7, 0.9) * rows)
        col = int(cols - side - rng.uniform(0, 0.15) * cols)
        col = cols - side - col if mirrored else col
        row = min(row, rows - side)
        place = (slice(row, row + side), slice(col, col + side))
        if not (breast[place] & (stamp > 0)).any():
            film[place] = np.maximum(film[place], stamp)
            return


def _dust(rng: np.random.Generator, film: Field, pixel_mm: float) -> None:
    """Single bright specks and short scratches from dirt on the film, anywhere."""
    for _ in range(int(rng.poisson(4))):
        row, col = rng.uniform(0, film.shape[0]), rng.uniform(0, film.shape[1])
        length, turn = rng.uniform(0, 1.2) / pixel_mm, rng.uniform(0, np.pi)
        start = (round(col), round(row))
        stop = (round(col + length * np.cos(turn)), round(row + length * np.sin(turn)))
        cv2.line(film, start, stop, rng.uniform(0.5, 0.95), max(1, round(0.2 / pixel_mm)), cv2.LINE_AA)


def _grain(rng: np.random.Generator, shape: tuple[int, ...], pixel_mm: float) -> Field:
    """Film grain of about 0.1 mm and the digitiser's own noise, standard deviation about 1 in all."""
    white = rng.standard_normal(shape, dtype=np.float32)
    blur = cv2.GaussianBlur(white, (0, 0), max(0.35, 0.1 / pixel_mm))
    return 0.8 * blur / max(float(blur.std()), 1e-6) + 0.6 * rng.standard_normal(shape, dtype=np.float32)
