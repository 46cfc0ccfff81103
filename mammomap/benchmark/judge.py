"""All figures of a report, from its evidence alone: no film, no map, no net.

In: evidence and what the systems say of themselves. Out: the parts of `report.json` that `--verify` repeats
(docs/report.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mammomap.benchmark.compare import differences, rank_entries
from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.failures import differing, failures
from mammomap.benchmark.judge_images import image_entries
from mammomap.benchmark.judge_lesions import lesion_entries
from mammomap.benchmark.judge_overlap import overlap_entry
from mammomap.benchmark.plain import Figures
from mammomap.benchmark.strata import strata
from mammomap.benchmark.yardstick import warnings, yardstick_entries

PARTS = ("systems", "differences", "ranks", "strata", "yardsticks", "warnings", "failures", "differing")
"""The parts of a report that come from `judged`."""


@dataclass(frozen=True)
class Said:
    """What a report says of a system beside its figures."""

    name: str
    role: str
    """submitted, or trivial: drawn by the benchmark itself"""
    origin: str
    kinds_trained: Sequence[str] = ()
    in_sample: bool = False
    missing: int = 0
    extra_films: Sequence[str] = ()
    notes: Sequence[str] = ()
    boxes: bool = False
    """It gives boxes, so that it can be judged by the rule of the box too."""
    fitted_at: Mapping[str, float] | float | None = None
    """Prevalence that its probabilities were fitted at, where it is known; by level, or of images alone."""
    probability_note: str = ""
    threshold: float | None = None
    """Of the found mask, not chosen on the judged women."""
    threshold_from: str = ""
    """Who chose it, and on whom."""
    no_overlap: str = ""
    """Why it gets no overlap with the outlines; empty where it does."""

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Said:
        """As a report's entry has it."""
        return cls(**{name: entry[name] for name in cls.__dataclass_fields__})


def judged(
    evidence: Evidence,
    systems: Sequence[Said],
    prevalence: float | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> dict[str, Any]:
    """The parts `PARTS`. The first system is compared with each other one; groups and failures are of all submitted."""
    show = progress or (lambda items, **_: items)
    entries, figures = [], []
    for system in show(list(systems), total=len(systems), desc="judge", unit="system"):
        entry, found = judge_system(evidence, system, prevalence)
        entries.append(entry)
        figures.append(found)
    names = [system.name for system in systems]
    own = [system.name for system in systems if system.role == "submitted"]
    yardsticks = yardstick_entries(evidence, names[0])
    groups = [
        {"system": name, **row}
        for name in show(own, total=len(own), desc="groups", unit="system")
        for row in strata(evidence, name)
    ]
    return {
        "systems": entries,
        "differences": differences(names, figures, evidence.women),
        "ranks": rank_entries(own, figures[: len(own)], evidence.women),
        "strata": groups,
        "yardsticks": yardsticks,
        "warnings": warnings(evidence, yardsticks),
        "failures": [{"system": name, **failures(evidence, name)} for name in own],
        "differing": [row for name in own[1:] for row in differing(evidence, names[0], name)],
    }


def judge_system(evidence: Evidence, system: Said, prevalence: float | None = None) -> tuple[dict, Figures]:
    """The entry of one system, and its figures with their resamples."""
    figures: Figures = {}
    entry: dict[str, Any] = {
        name: list(value) if isinstance(value, tuple) else value for name, value in asdict(system).items()
    }
    entry["froc"] = lesion_entries(evidence, system.name, figures, boxes=system.boxes)
    entry["images"] = image_entries(
        evidence,
        system.name,
        figures,
        fitted_at=system.fitted_at,
        note=system.probability_note,
        prevalence=prevalence,
    )
    entry["dice"] = overlap_entry(evidence, system.name, system.no_overlap)
    return entry, figures


def margins(evidence: Evidence, system: str) -> dict[str, float]:
    """For each film with counted lesions: score of its best hit minus score of its best false mark, lesion map."""
    question = evidence.question(system, "any")
    scores, n = question.rows["score"].to_numpy(float), len(evidence.films)
    best, worst = np.zeros(n), np.zeros(n)
    hits = question.marks.hit_mark
    film = np.asarray(question.marks.film)
    np.maximum.at(best, film[hits], scores[hits])
    np.maximum.at(worst, film[question.false], scores[question.false])
    with_lesion = np.unique(question.lesion_film)
    return {str(evidence.films["image_id"].iloc[k]): float(best[k] - worst[k]) for k in with_lesion}
