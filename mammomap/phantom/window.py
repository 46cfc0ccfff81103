"""The part of a film around a place, in pixels and in mm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.floating]


def window(
    shape: tuple[int, ...], centre_mm: tuple[float, float], reach_mm: float, pixel_mm: float
) -> tuple[tuple[slice, slice], Field, Field]:
    """The pixels of a film of `shape` within `reach_mm` of a place, and their centres' offsets from it in mm.

    Offsets are two fields of the window's shape, down and across.
    """
    slices, offsets = [], []
    for length, middle in zip(shape, centre_mm, strict=True):
        first = max(0, int(np.floor((middle - reach_mm) / pixel_mm)))
        last = min(length, int(np.ceil((middle + reach_mm) / pixel_mm)) + 1)
        slices.append(slice(first, max(first, last)))
        offsets.append(((np.arange(first, max(first, last)) + 0.5) * pixel_mm - middle).astype(np.float32))
    y, x = np.meshgrid(offsets[0], offsets[1], indexing="ij")
    return (slices[0], slices[1]), y, x
