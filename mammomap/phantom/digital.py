"""From attenuation to a digital detector's image For Presentation: quanta, equalised rim, sharp detail, 12 or 14 bits.

In: attenuation `(rows, cols)` with the chest wall on the left, air 0, as `frame.digitise` takes it. Out: an `Exposure`:
stored values, high where dense, and the curve (VOI) through which they are shown. No border, tag, dust or scratch, and
air is even. Noise is that of counted quanta, so it grows where fewer of them pass and where pixels are small. The
machine depends on seed and woman alone: her films come from one, and whether one is drawn moves nothing else.
The figures are our choice, made by eye; curves as in PS3.3 C.11.2.1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating]
FULL = 65_535
LUT_BITS = 12
_REACH = 2.25
"""A lookup table reaches so many widths to both sides of its centre, and stays level beyond."""
_PER_ATTENUATION = 2.5
"""Transmission is exp(-2.5 attenuation): dense tissue lets a third of what fat does through."""
_AIR, _GAIN = 0.04, 0.6
"""Stored values over their range: air, and what attenuation 1 adds; 1.6 is the most that can be told."""


@dataclass(frozen=True)
class Machine:
    """What is the same on all films of a woman."""

    bits: int
    """12 or 14."""
    monochrome1: bool
    """Stored values are low where dense."""
    voi: str
    """lut (VOI LUT sequence beside windows), sigmoid or linear (windows alone)"""
    transfer: str
    """plain, rle or jpeg, all lossless."""
    quanta: float
    """Per square millimetre, without a breast."""
    equalised: float
    """Share of the thinner rim's darkness that is made up for, 0 to 1."""
    sharpened: float
    """Share of the detail below a millimetre that is added once more."""


@dataclass(frozen=True)
class Exposure:
    """One film as the machine stores it, before it is shown."""

    machine: Machine
    values: NDArray[np.uint16]
    """(rows, cols), 0 to 2**bits - 1, high where dense; a MONOCHROME1 file holds them inverted."""
    centre: int
    width: int
    """Of the curve, in stored values; even, and a sigmoid's middle is `centre` + 0.5: no grey value ends in one half,
    and rounds otherwise in a MONOCHROME1 file."""

    def shown(self) -> NDArray[np.uint16]:
        """Presentation values, `(rows, cols)` over 0 to 65,535, bright where dense."""
        stored = np.arange(1 << self.machine.bits)
        if self.machine.voi == "lut":
            first, entries = lookup_table(self.centre, self.width, self.machine.bits)
            grey = entries[np.clip(stored - first, 0, len(entries) - 1)] / ((1 << LUT_BITS) - 1)
        elif self.machine.voi == "sigmoid":
            grey = _sigmoid(stored, self.centre, self.width)
        else:
            grey = np.clip((stored - self.centre + self.width / 2) / (self.width - 1), 0, 1)
        return np.rint(FULL * grey).astype(np.uint16)[self.values]


def machine_of(seed: int, patient_id: str) -> Machine:
    """The machine that a woman's films come from."""
    digest = hashlib.sha256(f"{seed}/machine/{patient_id}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    return Machine(
        bits=int(rng.choice([12, 14])),
        monochrome1=bool(rng.random() < 0.3),
        voi=str(rng.choice(["lut", "sigmoid", "linear"])),
        transfer=str(rng.choice(["plain", "rle", "jpeg"])),
        quanta=float(rng.uniform(1.5e6, 4e6)),
        equalised=float(rng.uniform(0.3, 0.7)),
        sharpened=float(rng.uniform(0.2, 0.7)),
    )


def expose(
    rng: np.random.Generator,
    machine: Machine,
    attenuation: Field,
    breast: NDArray[np.bool_],
    pixel_mm: float,
    mirrored: bool,
) -> Exposure:
    """The stored film; `mirrored` puts the chest wall on the right."""
    seen = np.clip(attenuation, 0, None).astype(np.float32)
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    noise *= np.exp(seen * (_PER_ATTENUATION / 2)) / (_PER_ATTENUATION * pixel_mm * np.sqrt(machine.quanta))
    seen += noise
    detail = seen - cv2.GaussianBlur(seen, (0, 0), max(0.7, 0.5 / pixel_mm))
    seen += machine.sharpened * detail
    seen += machine.equalised * _missing(attenuation, breast, pixel_mm)
    top = (1 << machine.bits) - 1
    values = np.rint(np.clip(_AIR + _GAIN * seen, 0, 1) * top).astype(np.uint16)
    low, high = np.percentile(values[breast], (2, 99.5))
    width = (1.2 if machine.voi == "linear" else rng.uniform(0.7, 0.95)) * (high - low)
    centre = (low + high) / 2 + 0.1 * (high - low)
    if mirrored:
        values = np.ascontiguousarray(values[:, ::-1])
    return Exposure(machine, values, round(centre), max(2, 2 * round(width / 2)))


def lookup_table(centre: int, width: int, bits: int) -> tuple[int, NDArray[np.int64]]:
    """The sigmoid as a table: the stored value that comes first, and `LUT_BITS` wide entries from there on."""
    first = max(0, round(centre - _REACH * width))
    last = min((1 << bits) - 1, round(centre + _REACH * width))
    entries = ((1 << LUT_BITS) - 1) * _sigmoid(np.arange(first, last + 1), centre, width)
    return first, np.rint(entries).astype(np.int64)


def _sigmoid(stored: NDArray, centre: float, width: float) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-4 * (stored - centre - 0.5) / width))


def _missing(attenuation: Field, breast: NDArray[np.bool_], pixel_mm: float) -> NDArray[np.float32]:
    """How much less the tissue around a point attenuates than the breast's middle does; 0 where more, and in air."""
    coarse_mm = max(2.0, pixel_mm)
    rows, cols = (max(1, round(size * pixel_mm / coarse_mm)) for size in attenuation.shape)
    share = cv2.resize(breast.astype(np.float32), (cols, rows), interpolation=cv2.INTER_AREA)
    inside = np.where(breast, attenuation, 0).astype(np.float32)
    around = cv2.resize(inside, (cols, rows), interpolation=cv2.INTER_AREA)
    around, near = (cv2.GaussianBlur(field, (0, 0), 6 / coarse_mm) for field in (around, share))
    around /= np.maximum(near, 0.01)
    lacking = np.maximum(np.median(around[share > 0.5]) - around, 0)
    return np.where(breast, cv2.resize(lacking, breast.shape[::-1], interpolation=cv2.INTER_LINEAR), 0)
