"""Systems beside each other: paired differences with their p values, and ranks.

In: the figures of each system. Out: parts of the report. Each difference has an interval of its own; p values are
also given after Holm over all differences of the report, since whoever looks for the one that is small finds it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mammomap.benchmark.judge_lesions import MEAN, sensitivity_name
from mammomap.benchmark.plain import Figures, number, plain
from mammomap.eval.comparisons import difference_p, holm, paired_difference, ranks

COMPARED = (
    sensitivity_name("any", 0.25),
    sensitivity_name("any"),
    f"{MEAN}, any lesion",
    sensitivity_name("malignant"),
    "AUC of the map maximum",
)


def differences(names: Sequence[str], figures: Sequence[Figures], women: int) -> list[dict]:
    """The first system minus each other one, for every figure of `COMPARED` that both have."""
    rows = []
    for name, theirs in list(zip(names, figures, strict=True))[1:]:
        for key, own in figures[0].items():
            if key not in theirs or key[0] not in COMPARED:
                continue
            other = theirs[key]
            pair = (own.value, own.samples, other.value, other.samples)
            how = {"n_patients": women, "carrying": min(own.carrying, women)}
            row = {"a": names[0], "b": name, "measure": key[0], "level": key[1]}
            rows.append(row | plain(paired_difference(*pair, **how)) | {"p": number(difference_p(*pair, **how))})
    adjusted = holm(np.array([np.nan if row["p"] is None else row["p"] for row in rows], float))
    return [row | {"p_holm": number(p)} for row, p in zip(rows, adjusted, strict=True)]


def rank_entries(names: Sequence[str], figures: Sequence[Figures], women: int) -> list[dict]:
    """The places of the systems for every figure of `COMPARED`; equal values share a place."""
    entries = []
    for key in figures[0] if len(names) > 1 else ():
        if key[0] not in COMPARED or any(key not in theirs for theirs in figures):
            continue
        listed = [theirs[key] for theirs in figures]
        carrying = min(women, *(figure.carrying for figure in listed))
        found = ranks(
            [f.value for f in listed], np.stack([f.samples for f in listed]), n_patients=women, carrying=carrying
        )
        places = [
            {"name": name, "rank": number(r), "low": number(low), "high": number(high)}
            for name, r, low, high in zip(names, found.rank, found.low, found.high, strict=True)
        ]
        entries.append(
            {
                "measure": key[0],
                "level": key[1],
                "places": places,
                "comparisons": found.n_comparisons,
                "method": found.method,
            }
        )
    return entries
