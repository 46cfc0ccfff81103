"""What needs no system and still goes with the label: readers' BI-RADS, lesion size, film shape and size, breast area.

In: evidence. Out: their AUCs by image with the paired difference of the first system, and warnings where what a film
comes from predicts its class: its source, its shape, its size, the share of it that is breast. Bar: the AUC is at
least `BAR` in either direction and its interval leaves 0.5 out.
"""

from __future__ import annotations

import pandas as pd

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge_images import auc_figure, scored
from mammomap.benchmark.plain import plain, spelled
from mammomap.eval.comparisons import paired_difference
from mammomap.masks.yardsticks import YARDSTICKS

BAR = 0.55
SCORES = YARDSTICKS | {"breast_share": "share of the film that is breast"}
NO_CARE = ("film_shape", "film_px", "breast_share")
"""Yardsticks that say nothing of a lesion: if one predicts the class, a net can learn it in place of the disease."""


def yardstick_entries(evidence: Evidence, first: str) -> list[dict]:
    """The AUC by image of each yardstick on the films that have it, and first system minus yardstick on the same."""
    entries = []
    theirs = scored(evidence, first, "map_max")
    for column, name in SCORES.items():
        films = _of(evidence, column)
        known = films["score_here"].notna().to_numpy(bool)
        if not known.any():
            continue
        here, there = films[known], theirs[known]
        own, system = auc_figure(evidence, here), auc_figure(evidence, there)
        found = paired_difference(
            system.value,
            system.samples,
            own.value,
            own.samples,
            n_patients=evidence.women,
            carrying=own.carrying,
        )
        entries.append(
            {
                "name": name,
                "column": column,
                "level": "image",
                "n": int(known.sum()),
                "positive": int(here["malignant"].sum()),
                "auc": spelled(own, evidence.women),
                "first_minus_this": plain(found),
            }
        )
    return entries


def warnings(evidence: Evidence, entries: list[dict]) -> list[str]:
    """Sentences on what predicts the class without looking at a lesion."""
    said = []
    sources = evidence.films["source"]
    if len(sources.unique()) > 1:
        rates = evidence.films.groupby("source")["malignant"].mean()
        figure = auc_figure(evidence, _with(evidence, sources.map(rates)))
        shares = ", ".join(f"{name} {rate:.0%}" for name, rate in rates.items())
        said += _warning("the source of a film", spelled(figure, evidence.women), f"; malignant films: {shares}")
    for entry in entries:
        if entry["column"] in NO_CARE:
            said += _warning(entry["name"], entry["auc"], "")
    return said


def _warning(what: str, found: dict, more: str) -> list[str]:
    value, low, high = (found[key] for key in ("value", "low", "high"))
    if value is None or low is None or (low <= 0.5 <= high) or max(value, 1 - value) < BAR:
        return []
    return [
        f"{what} alone predicts the class: AUC by image {value:.2f} ({low:.2f} to {high:.2f}){more}. "
        "A system may have learnt this in place of the disease."
    ]


def _of(evidence: Evidence, column: str) -> pd.DataFrame:
    return _with(evidence, evidence.films[column])


def _with(evidence: Evidence, values: pd.Series) -> pd.DataFrame:
    return evidence.films.assign(score_here=values.astype(float), number=evidence.woman)
