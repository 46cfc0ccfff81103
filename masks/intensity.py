"""The one function that makes the net's `float32` in [0, 1] from a working film, and its settings.

In: uint16 `(rows, cols)`, 0 outside the breast. Out: float32, 0 in air; the given percentiles of the breast's
own pixels go to 0 and 1. An 8-bit copy and its 16-bit original come out alike, since only ranks inside the breast
set the ends. With `local`, what counts then is how each pixel differs from its surroundings: a net that is given grey
values as they are first has to learn that a breast's brightness says little about a lesion.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError

REACH = 4.0
"""Standard deviations of the local differences that lie between 0.5 and either end."""


@dataclass(frozen=True, kw_only=True)
class IntensitySettings:
    """How grey values become the net's input; stands in every run and is applied by every verb."""

    low_percentile: float = 1.0
    """In-breast percentile that becomes 0."""
    high_percentile: float = 99.5
    """In-breast percentile that becomes 1."""
    local: float = 0.0
    """Standard deviation, in working pixels, of the Gaussian mean of the breast that is taken off each pixel; 0: none.
    No difference from it becomes 0.5, and `REACH` standard deviations of the film's differences 0 and 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.low_percentile < self.high_percentile <= 100:
            raise ValueError(f"percentiles {self.low_percentile} and {self.high_percentile} are not in order")
        if self.local < 0:
            raise ValueError(f"local {self.local} is negative")


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
    working: NDArray[np.uint16],
    settings: IntensitySettings,
    limits: tuple[float, float] | None = None,
    where: tuple[slice, slice] | None = None,
) -> NDArray[np.float32]:
    """The working film as the net sees it, float32 in [0, 1], same shape; `where`: rows and columns of it, all if none.

    `limits`: those of the film (`grey_limits`), where they are known.
    """
    low, high = limits or grey_limits(working, settings)
    if where is not None and not settings.local:
        working, where = working[where], None  # pixel by pixel: the others need not be worked out
    scaled = (working.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    scaled = np.clip(scaled, 0, 1)  # air is 0 in the store, below every in-breast value
    made = _against_surroundings(scaled, working > 0, settings.local) if settings.local else scaled
    return made if where is None else made[where]


def _against_surroundings(scaled: NDArray[np.float32], breast: NDArray[np.bool_], width: float) -> NDArray[np.float32]:
    """Each pixel less the Gaussian mean of the breast around it, on the film's own scale; 0 in air."""
    weight = cv2.GaussianBlur(breast.astype(np.float32), (0, 0), width)
    around = cv2.GaussianBlur(scaled * breast, (0, 0), width) / np.maximum(weight, 1e-6)
    away = (scaled - around) * breast
    spread = float(away[breast].std())
    return (np.clip(0.5 + away / (2 * REACH * max(spread, 1e-6)), 0, 1) * breast).astype(np.float32)
