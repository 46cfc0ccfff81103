"""Descriptors drawn together, as often as they stand together in CBIS-DDSM's training lists.

In: kind, density and class of a lesion. Out: pathology, shape, margins, BI-RADS and subtlety of one lesion. The counts
lie beside this file in `descriptors.csv` (2,862 lesion rows; made by `study/descriptors.py`). Source: Lee et al. 2016,
DOI 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Descriptors:
    """What a reader says about a lesion, in the words of the tables."""

    pathology: str
    shape: str
    """Mass shape or calcification type."""
    margins: str
    """Mass margins or distribution of calcifications."""
    assessment: int
    subtlety: int


def draw_descriptors(rng: np.random.Generator, kind: str, malignant: bool, density: int) -> Descriptors:
    """One combination among those of the same kind, class and density, by its count."""
    combinations, sums = _counted()[kind, malignant, density]
    return combinations[int(np.searchsorted(sums, rng.integers(sums[-1]), side="right"))]


def parts(words: str) -> frozenset[str]:
    """The single descriptors of a compound one; the two spellings of a lucent centre are one."""
    return frozenset("LUCENT_CENTER" if word == "LUCENT_CENTERED" else word for word in words.split("-"))


@lru_cache(maxsize=1)
def _counted() -> dict[tuple[str, bool, int], tuple[list[Descriptors], np.ndarray]]:
    grouped: dict[tuple[str, bool, int], list[tuple[Descriptors, int]]] = {}
    with (Path(__file__).parent / "descriptors.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            words = Descriptors(
                row["pathology"], row["shape"], row["margins"], int(row["assessment"]), int(row["subtlety"])
            )
            key = (row["kind"], row["pathology"] == "MALIGNANT", int(row["density"]))
            grouped.setdefault(key, []).append((words, int(row["count"])))
    return {key: ([words for words, _ in rows], _sums(n for _, n in rows)) for key, rows in grouped.items()}


def _sums(counts: Iterable[int]) -> np.ndarray:
    return np.cumsum(np.fromiter(counts, int))
