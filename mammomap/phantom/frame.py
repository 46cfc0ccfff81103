"""From attenuation to a digitised film: curve, scatter, background, bright rim, tag, dust, grain, scanner and 16 bits.

In: attenuation `(rows, cols)` with the chest wall on the left, as light as air is 0. Out: uint16 `(rows, cols)`, linear
in optical density: 0.05 is 65,535 and 3.6 is 0. The three kinds of scanner are those of the DDSM, which published how
their grey levels follow density (University of South Florida, Mapping Grey Levels to Optical Density): a logarithmic
one, whose noise in density rises steeply where the film is dark, and two linear ones, a noisy and a quiet one (how
noisy is our choice). They know nothing of the lesions.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SCANNERS = ("DBA", "HOWTEK", "LUMISYS")
_CLEAREST, _DARKEST = 0.05, 3.6

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
    film += rng.uniform(0.003, 0.008) * _grain(rng, film.shape, pixel_mm)
    clearest = rng.uniform(0.05, 0.45)
    density = np.clip(_DARKEST - film * (_DARKEST - clearest), 0, 4)
    seen = _scan(rng, density, str(rng.choice(SCANNERS)))
    return np.rint(np.clip((_DARKEST - seen) / (_DARKEST - _CLEAREST), 0, 1) * 65535).astype(np.uint16)


def _scan(rng: np.random.Generator, density: Field, scanner: str) -> Field:
    """Optical density as a scanner sees it, with its noise; its steps are left out, so that no CPU's rounding shows."""
    noise = rng.standard_normal(density.shape, dtype=np.float32)
    if scanner == "DBA":
        level = 10 ** (4.80662 - 1.07553 * density)
        return (4.80662 - np.log10(np.maximum(level + (0.012 * level + 1.0) * noise, 1))) / 1.07553
    dark = (0.02 if scanner == "LUMISYS" else 0.045) * (density / _DARKEST) ** 4
    return density + (0.003 + dark) * noise


def _curve(rng: np.random.Generator, attenuation: Field) -> Field:
    """The characteristic curve: grey rises with attenuation and flattens at both ends."""
    slope, scale = rng.uniform(1.3, 2.0), rng.uniform(0.29, 0.43)
    return (1 - np.exp(-((np.clip(attenuation, 0, None) / scale) ** slope))).astype(np.float32)


def _background(rng: np.random.Generator, shape: tuple[int, ...]) -> Field:
    """Never quite black: a level and a slow slope."""
    slope = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None] * rng.normal(0, 0.002)
    slope = slope + np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :] * rng.normal(0, 0.002)
    return (rng.uniform(0.008, 0.03) + slope).astype(np.float32)


def _rim(rng: np.random.Generator, film: Field, pixel_mm: float, mirrored: bool) -> None:
    """Bright strips where light passed beside the film, at one side at most; they may cover the breast's edge."""
    rows, cols = film.shape
    side = str(rng.choice(["wall", "front", "neither"], p=[0.2, 0.08, 0.72]))
    for edge in ("top", "bottom", "wall", "front"):
        if edge != side and rng.random() > {"top": 0.4, "bottom": 0.6}.get(edge, 0.0):
            continue
        wide = max(1, round(rng.uniform(0.3, 1.8) / pixel_mm))
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
    height = rng.uniform(6, 12) / pixel_mm
    (wide, tall), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)
    scale = height / tall
    pad = round(0.5 * height)
    size = (round(tall * scale) + 2 * pad, round(wide * scale) + 2 * pad)
    letters = np.zeros(size, np.uint8)
    thick = max(1, round(height / 7))
    cv2.putText(letters, label, (pad, size[0] - pad), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick, cv2.LINE_AA)
    stamp = letters.astype(np.float32) / 255
    bright = rng.uniform(0.2, 0.95)
    if rng.random() < 0.2:
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
        col = int(cols - side - rng.uniform(-0.08, 0.15) * cols)  # now and then cut by the film's edge
        shown = stamp[: rows - row, : cols - col]
        place = (slice(row, row + len(shown)), slice(col, col + shown.shape[1]))
        if mirrored:
            shown = stamp[: rows - row, max(0, side + col - cols) :]
            place = (place[0], slice(cols - col - shown.shape[1], cols - col))
        if not (breast[place] & (shown > 0)).any():
            film[place] = np.maximum(film[place], shown)
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
