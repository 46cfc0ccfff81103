"""A temperature for the pixels of a map: what a pixel says is a probability only once it has been asked on women.

In: lesion layers of women whom the net has not seen, and the truth on the same grid. Out: one number, the T with the
lowest log loss of p' = 1 / (1 + exp(-logit(p) / T)) over all pixels of their breasts (Guo et al. 2017, arXiv
1706.04599). Above 1 the map was too sure of itself. Heads, candidates and thresholds take maps as the net made them; a
temperature moves no order, and is applied only by `with_temperature`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from mammomap.masks.mapfile import MAP_TOP, FilmMap

LEAST = 0.5 / MAP_TOP
"""Half a step of a map file: probabilities keep this far off 0 and 1."""
RANGE = (0.05, 20.0)
"""Temperatures that are looked among."""
_EDGES = np.linspace(logit(LEAST), logit(1 - LEAST), 2_000)


@dataclass
class PixelCounts:
    """How many pixels of breast had which logit, lesion or not; all that a temperature needs of any number of films."""

    lesion: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(_EDGES), np.int64))
    other: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(_EDGES), np.int64))

    def add(self, film_map: FilmMap, truth: NDArray[np.bool_], known: NDArray[np.bool_]) -> None:
        """The pixels of one film's breast. known: where the truth says anything."""
        asked = film_map.breast & known
        step = _EDGES[1] - _EDGES[0]
        at = np.rint((_logits(film_map.lesion[asked]) - _EDGES[0]) / step).astype(int)
        for counts, of in ((self.lesion, truth[asked]), (self.other, ~truth[asked])):
            counts += np.bincount(at[of], minlength=len(_EDGES))

    def temperature(self) -> float | None:
        """The temperature; None where there is no lesion or nothing else."""
        if not self.lesion.sum() or not self.other.sum():
            return None

        def loss(log_t: float) -> float:
            told = _EDGES / np.exp(log_t)
            return float(self.lesion @ np.logaddexp(0, -told) + self.other @ np.logaddexp(0, told))

        return float(np.exp(minimize_scalar(loss, bounds=np.log(RANGE), method="bounded").x))


def with_temperature(film_map: FilmMap, temperature: float) -> FilmMap:
    """The map with calibrated pixels; a pixel's malignant share of the lesion stays, and so does 0 outside the breast.

    Raises
    ------
    ValueError
        If the temperature is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature {temperature}, wanted a number above 0")
    lesion = np.where(film_map.breast, expit(_logits(film_map.lesion) / temperature), 0).astype(np.float32)
    share = np.clip(film_map.malignancy / np.maximum(film_map.lesion, LEAST), 0, 1)
    return replace(film_map, lesion=lesion, malignancy=(lesion * share).astype(np.float32))


def _logits(probabilities: NDArray) -> NDArray[np.float64]:
    return logit(np.clip(probabilities.astype(np.float64), LEAST, 1 - LEAST))
