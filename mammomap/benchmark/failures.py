"""Where a system fails: lesions missed by kind, false marks by place, and lesions on which two systems differ most.

In: evidence, systems. Out: parts of the report. A system is read where it has at most one false positive per film on
the lesion map. A lesion's rank is scale-free: the false positives per film that must be borne until it is found.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge_lesions import READ_AT, threshold_at
from mammomap.benchmark.plain import number
from mammomap.benchmark.strata import film_groups, lesion_groups
from mammomap.eval.froc import froc, mark_events

MISSED_BY = ("kind", "subtlety", "size")
"""Groups of lesions by which missed ones are counted; the others are among the strata."""
DIFFER = 5
"""Lesions that are listed for each side of a pair of systems."""
_NEVER = 16.0
"""Where a lesion that is never found stands on the scale of false positives per film, for ordering only."""


def failures(evidence: Evidence, system: str) -> dict:
    """Lesions missed by group and false marks by place, at one false positive per film."""
    question = evidence.question(system, "any")
    threshold = threshold_at(evidence, question)
    called = question.rows["score"].to_numpy(float) >= threshold
    lesions = evidence.lesions[question.counted]
    found = np.zeros(len(lesions), bool)
    found[question.marks.hit_lesion[called[question.marks.hit_mark]]] = True
    missed = []
    for name, values in lesion_groups(evidence).items():
        if not name.startswith(MISSED_BY):
            continue
        counts = pd.DataFrame({"value": values[question.counted], "missed": ~found}).groupby("value")["missed"]
        missed += [
            {"name": name, "value": str(value), "lesions": int(len(part)), "missed": int(part.sum())}
            for value, part in counts
            if value
        ]
    false = question.rows[question.false & called]
    views = film_groups(evidence)["view"].to_numpy(str)[evidence.film_of(false["image_id"])]
    by_place = pd.crosstab(false["place"], views) if len(false) else pd.DataFrame()
    return {
        "at": f"{READ_AT:g} false positive per film, any lesion",
        "threshold": number(threshold),
        "lesions": len(lesions),
        "missed": int((~found).sum()),
        "missed_by": missed,
        "false_marks": len(false),
        "false_by_place": [
            {"place": str(place), "marks": int(row.sum()), "by_view": {str(v): int(n) for v, n in row.items()}}
            for place, row in by_place.iterrows()
        ],
    }


def found_at(evidence: Evidence, system: str) -> NDArray[np.float64]:
    """For each counted lesion the false positives per film at which it is found; infinity if it never is."""
    question = evidence.question(system, "any")
    n = len(evidence.films)
    events = mark_events(question.marks, question.lesion_film, n, np.ones(n, bool))
    rates = froc(question.marks, question.lesion_film, n).fp_per_film
    found = np.full(len(question.lesion_film), np.inf)
    found[events.found_lesion] = rates[events.found_step]
    return found


def differing(evidence: Evidence, first: str, other: str) -> list[dict]:
    """The lesions on which two systems differ most, those that the first finds earlier at the top."""
    a, b = found_at(evidence, first), found_at(evidence, other)
    lesions = evidence.lesions[evidence.counted("any")]
    step = 1 / len(evidence.films)
    gain = np.log2(np.minimum(b, _NEVER) + step) - np.log2(np.minimum(a, _NEVER) + step)
    order = np.lexsort((lesions["lesion"].to_numpy(), -gain))
    best = [k for k in order[:DIFFER] if gain[k] > 0]
    worst = [k for k in order[::-1][:DIFFER] if gain[k] < 0]
    return [
        {
            "a": first,
            "b": other,
            "better": first if gain[k] > 0 else other,
            "image_id": str(lesions["image_id"].iloc[k]),
            "lesion_id": str(lesions["lesion_id"].iloc[k]),
            "kind": str(lesions["kind"].iloc[k]),
            "malignant": bool(lesions["malignant"].iloc[k]),
            "a_found_at": number(a[k]),
            "b_found_at": number(b[k]),
        }
        for k in [*best, *worst]
    ]
