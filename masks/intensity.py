"""The one function that makes the net's `float32` in [0, 1] from a working film, and its settings.

In: uint16 `(rows, cols)`, 0 outside the breast. Out: float32, 0 in air; the given percentiles of the breast's
own pixels go to 0 and 1. An 8-bit copy and its 16-bit original come out alike, since only ranks inside the breast
set the ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError


@dataclass(frozen=True, kw_only=True)
class IntensitySettings:
    """How grey values become the net's input; stands in every run and is applied by every verb."""

    low_percentile: float = 1.0
    """In-breast percentile that becomes 0."""
    high_percentile: float = 99.5
    """In-breast percentile that becomes 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            raise ValueError(f"percentiles {self.low_percentile} and {self.high_percentile} are not in order")


def grey_limits(working: NDArray[np.uint16], settings: IntensitySettings) -> tuple[float, float]:
    """The grey values of a whole working film that become 0 and 1.

    Raises
    ------
    ImageError
        If the film has no pixel above 0, or one grey value only.
    """
    inside = working[working > 0]
    if not inside.size:
        raise ImageError("the working film is empty")
    low, high = np.percentile(inside, [settings.low_percentile, settings.high_percentile])
    if high <= low:
        raise ImageError("the breast has one grey value only")
    return float(low), float(high)


def net_input(
    working: NDArray[np.uint16], settings: IntensitySettings, limits: tuple[float, float] | None = None
) -> NDArray[np.float32]:
    """The working film as the net sees it, float32 in [0, 1], same shape.

    For a part of a film, `limits` are those of the whole film (`grey_limits`).
    """
    low, high = limits or grey_limits(working, settings)
    scaled = (working.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return np.clip(scaled, 0, 1)  # air is 0 in the store, below every in-breast value
