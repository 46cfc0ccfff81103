"""One number for a film out of its malignancy map: five ways of pooling, as they are known from the literature.

In: a FilmMap and its candidates. Out: a probability-like number in [0, 1].

max               the highest candidate: the smoothed map's peak
top-k             mean of the highest thousandth of the breast's pixels
log-sum-exp       log of the mean of exp(r p), over r, r = 10: between mean and maximum (Pinheiro and Collobert 2015,
                  arXiv 1411.6228)
noisy-or          that at least one candidate is malignant, if each were on its own (Zhang, Platt and Viola 2005)
generalised-mean  the 8th root of the mean of the 8th powers (Radenović et al. 2018, arXiv 1711.02512)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammomap.masks.mapfile import FilmMap

TOP_SHARE = 0.001
LSE_RATE = 10.0
POWER = 8.0


def _highest(film_map: FilmMap, candidates: Sequence[dict]) -> float:
    return max(_malignancies(candidates), default=0.0)


def _top_k(film_map: FilmMap, candidates: Sequence[dict]) -> float:
    inside = film_map.malignancy[film_map.breast]
    count = max(1, round(TOP_SHARE * inside.size))
    return float(np.partition(inside, -count)[-count:].mean()) if inside.size else 0.0


def _log_sum_exp(film_map: FilmMap, candidates: Sequence[dict]) -> float:
    inside = film_map.malignancy[film_map.breast].astype(np.float64)
    return float(np.log(np.exp(LSE_RATE * inside).mean()) / LSE_RATE) if inside.size else 0.0


def _noisy_or(film_map: FilmMap, candidates: Sequence[dict]) -> float:
    return float(1 - np.prod([1 - score for score in _malignancies(candidates)]))


def _generalised_mean(film_map: FilmMap, candidates: Sequence[dict]) -> float:
    inside = film_map.malignancy[film_map.breast].astype(np.float64)
    return float((inside**POWER).mean() ** (1 / POWER)) if inside.size else 0.0


def _malignancies(candidates: Sequence[dict]) -> list[float]:
    return [row["score"] for row in candidates if row["map"] == "malignancy"]


POOLS = {
    "max": _highest,
    "top-k": _top_k,
    "log-sum-exp": _log_sum_exp,
    "noisy-or": _noisy_or,
    "generalised-mean": _generalised_mean,
}
"""Name -> the pool of a FilmMap and its candidates (rows of `mammomap.seg.candidates.candidate_rows`)."""
