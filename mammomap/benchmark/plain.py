"""Figures as a report writes them: six decimals, None where there is no number, the reason where there is no interval.

`Figure` keeps a figure with its resamples, so that systems can be paired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mammomap.eval.intervals import Interval, interval


@dataclass(frozen=True)
class Figure:
    """A figure, its resamples by woman, and how many women carry it."""

    value: float
    samples: NDArray[np.float64]
    carrying: int


Figures = dict[tuple[str, str], Figure]
"""(measure, level) -> figure."""


def spelled(
    figure: Figure, women: int, bounds: tuple[float, float] | None = (0.0, 1.0)
) -> dict[str, float | int | str | None]:
    """value, low, high and the women that carry it; `interval` where it is not the usual one."""
    carrying = min(figure.carrying, women)
    return plain(interval(figure.value, figure.samples, n_patients=women, carrying=carrying, bounds=bounds)) | {
        "women": carrying
    }


def plain(found: Interval) -> dict[str, float | int | str | None]:
    """value, low and high; `interval` says what it is where it is none, or not the usual one."""
    told = {"value": number(found.value), "low": number(found.low), "high": number(found.high)}
    return told | ({"interval": found.method} if found.method.startswith(("none", "exact")) else {})


def number(value: float | None) -> float | None:
    """Rounded for the report; None where there is no number."""
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
