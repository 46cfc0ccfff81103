"""What a head sees of a map: a dozen numbers, each of which a reader could check on the picture, or one that pools it.

In: a FilmMap and its candidates. Out: float64 `(n,)`, as the head's kind asks: features, a pool, or a coarse map.
Probabilities enter as logits, areas as the logarithm of their share of the breast.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from mammomap.classify.conv_head import coarse_map
from mammomap.classify.pooling import POOLS
from mammomap.errors import ConfigError
from mammomap.masks.mapfile import FilmMap

FEATURES = (
    "highest malignancy candidate",
    "second malignancy candidate",
    "highest lesion candidate",
    "second lesion candidate",
    "malignancy at the best lesion candidate",
    "malignant share of the best lesion candidate",
    "area of the best lesion candidate",
    "breast share with malignancy over 0.1",
    "breast share with malignancy over 0.3",
    "breast share with lesion over 0.3",
    "mean malignancy in the breast",
)
SCORE, CONV = "score", "conv"
KINDS = ("features", "trees", CONV, *POOLS, SCORE)
"""Kinds of heads: logistic regression on `FEATURES`, gradient boosting on them, a small convolutional net on a coarse
map, one of the pools, or what a classifier of images says of the whole film."""
_LEAST = 1e-4


def inputs_named(kind: str) -> tuple[str, ...]:
    """The names of what a kind of head is given; of a coarse map the names of its two layers."""
    if kind == CONV:
        return ("lesion, coarse", "malignancy, coarse")
    return (kind,) if kind in POOLS or kind == SCORE else FEATURES


def head_inputs(kind: str, film_map: FilmMap, candidates: Sequence[dict]) -> NDArray[np.float64]:
    """The inputs `(n,)` of one film; `candidates` are the rows of `mammomap.seg.candidates.candidate_rows`.

    Raises
    ------
    ConfigError
        If a score is asked for and the map comes with none.
    """
    if kind == SCORE:
        if film_map.score is None:
            raise ConfigError("a head of kind score is for classifiers of images; these maps come with no score")
        return np.array([_logit(film_map.score)])
    if kind == CONV:
        return coarse_map(film_map)
    if kind in POOLS:
        return np.array([_logit(POOLS[kind](film_map, candidates))])
    return map_features(film_map, candidates)


def map_features(film_map: FilmMap, candidates: Sequence[dict]) -> NDArray[np.float64]:
    """The features of one film; `candidates` are the rows of `mammomap.seg.candidates.candidate_rows`."""
    lesion = [row for row in candidates if row["map"] == "lesion"]
    malignancy = [row["score"] for row in candidates if row["map"] == "malignancy"] + [0.0, 0.0]
    best = lesion[0] if lesion else {"score": 0.0, "malignancy": 0.0, "area": 0.0}
    second = lesion[1]["score"] if len(lesion) > 1 else 0.0
    breast = film_map.breast
    area = max(1, int(breast.sum()))
    down, across = film_map.grid.scale
    film_area = area / (down * across)
    return np.array(
        [
            _logit(malignancy[0]),
            _logit(malignancy[1]),
            _logit(best["score"]),
            _logit(second),
            _logit(best["malignancy"]),
            best["malignancy"] / max(best["score"], _LEAST),
            _log(best["area"] / film_area),
            _log((film_map.malignancy > 0.1).sum() / area),
            _log((film_map.malignancy > 0.3).sum() / area),
            _log((film_map.lesion > 0.3).sum() / area),
            _log(film_map.malignancy[breast].sum() / area),
        ]
    )


def _logit(probability: float) -> float:
    return float(logit(np.clip(probability, _LEAST, 1 - _LEAST)))


def _log(share: float) -> float:
    return float(np.log(share + _LEAST))
