"""Lesions found by one system: FROC by each question, rule and setting, and AFROC where films are lesion-free.

In: evidence and the name of a system. Out: the entry `froc` of its part of the report, and its figures by
(measure, level). The standard reading: the peak inside the outline, false positives over all films.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mammomap.benchmark.evidence import QUESTIONS, STANDARD, Evidence, Question
from mammomap.benchmark.plain import Figure, Figures, number, spelled
from mammomap.eval.afroc import afroc, afroc_bootstrap
from mammomap.eval.froc import FP_RATES, froc, froc_bootstrap
from mammomap.eval.intervals import percentile_interval

CURVE_RATES = tuple(np.round(np.linspace(0.05, 4, 80), 3).tolist())
READ_AT = 1.0
"""False positives per film at which rules, settings and groups are compared."""
MEAN = "mean sensitivity at 1/8 to 8 false positives per film"


def lesion_entries(evidence: Evidence, system: str, figures: Figures, *, boxes: bool = False) -> dict[str, dict]:
    """The FROC of each question; the figures are added to `figures`. boxes: also by the rule of the box."""
    rules = ("centre", "box") if boxes else ("centre",)
    return {which: _entry(evidence, system, which, figures, rules) for which in QUESTIONS}


def sensitivity_name(which: str, rate: float = READ_AT) -> str:
    """What a reading of the FROC is called among the figures."""
    return f"sensitivity at {rate:g} false positives per film, {which} lesion"


def sensitivity(
    evidence: Evidence, question: Question, rate: float = READ_AT, fp_films: NDArray[np.bool_] | None = None
) -> Figure:
    """One reading of the FROC with its resamples."""
    n = len(evidence.films)
    curve = froc(question.marks, question.lesion_film, n, fp_films=fp_films)
    samples = froc_bootstrap(
        question.marks, question.lesion_film, evidence.woman, n, evidence.weights, [rate], fp_films=fp_films
    )
    return Figure(curve.at(rate), samples[:, 0], evidence.lesion_woman(question.counted))


def threshold_at(evidence: Evidence, question: Question, rate: float = READ_AT) -> float:
    """The lowest score that brings at most `rate` false positives per film; infinity where none does."""
    curve = froc(question.marks, question.lesion_film, len(evidence.films))
    reached = int(np.searchsorted(curve.fp_per_film, rate, side="right"))
    return float(curve.thresholds[reached - 1]) if reached else float("inf")


def _entry(evidence: Evidence, system: str, which: str, figures: Figures, rules: Sequence[str]) -> dict:
    question, women = evidence.question(system, which), evidence.women
    n_films, carrying = len(evidence.films), evidence.lesion_woman(question.counted)
    curve = froc(question.marks, question.lesion_film, n_films)
    rates = [*FP_RATES, *CURVE_RATES]
    samples = froc_bootstrap(question.marks, question.lesion_film, evidence.woman, n_films, evidence.weights, rates)
    read = {rate: Figure(curve.at(rate), samples[:, k], carrying) for k, rate in enumerate(FP_RATES)}
    figures |= {(sensitivity_name(which, rate), "lesion"): figure for rate, figure in read.items()}
    mean = Figure(curve.mean_sensitivity, samples[:, : len(FP_RATES)].mean(axis=1), carrying)
    figures[f"{MEAN}, {which} lesion", "lesion"] = mean
    band = [
        percentile_interval(curve.at(rate), samples[:, len(FP_RATES) + k], n_patients=women)
        for k, rate in enumerate(CURVE_RATES)
    ]
    return {
        "lesions": len(question.lesion_film),
        "films": n_films,
        "denominator": "all films",
        "at": [{"fp": rate, **spelled(figure, women)} for rate, figure in read.items()],
        "mean": spelled(mean, women),
        "points": [[rate, number(curve.at(rate))] for rate in CURVE_RATES],
        "band": [[rate, number(b.low), number(b.high)] for rate, b in zip(CURVE_RATES, band, strict=True)],
        "rules": {
            rule: spelled(sensitivity(evidence, evidence.question(system, which, rule=rule)), women) for rule in rules
        },
        "settings": _settings(evidence, system, which),
        **_lesion_free(evidence, question, which, figures),
    }


def _settings(evidence: Evidence, system: str, which: str) -> dict[str, dict]:
    """Readings under other settings of the extractor, with the curve of each."""
    rows = evidence.marks[evidence.marks["system"] == system]
    settings = [setting for setting in rows["setting"].unique() if setting != STANDARD]
    found = {}
    for setting in settings:
        question = evidence.question(system, which, setting=setting)
        curve = froc(question.marks, question.lesion_film, len(evidence.films))
        points = [number(curve.at(rate)) for rate in CURVE_RATES]
        found[setting] = {"at_1": number(curve.at(READ_AT)), "mean": number(curve.mean_sensitivity), "points": points}
    return found


def _lesion_free(evidence: Evidence, question: Question, which: str, figures: Figures) -> dict:
    """What only lesion-free films can give: false positives counted on them alone, and AFROC."""
    free = question.lesion_free
    if not free.any():
        reason = "every film of this set holds a lesion"
        return {
            "lesion_free": {"films": 0, "reason": reason},
            "afroc": {"reason": f"AFROC needs lesion-free films: {reason}"},
        }
    matched, women = question.matched, evidence.women
    curve = afroc(matched)
    area = Figure(curve.area, afroc_bootstrap(matched, evidence.woman, evidence.weights), 0)
    carrying = min(evidence.lesion_woman(question.counted), len(np.unique(evidence.woman[free])))
    area = Figure(area.value, area.samples, carrying)
    figures[f"AFROC area, {which} lesion", "lesion"] = area
    alone = sensitivity(evidence, question, fp_films=free)
    grid = np.linspace(0, 1, 101)
    drawn = np.interp(grid, curve.false_film_share, curve.sensitivity)
    return {
        "lesion_free": {"films": int(free.sum()), "at_1": spelled(alone, women)},
        "afroc": {
            "lesion_free_films": int(free.sum()),
            "area": spelled(area, women),
            "points": [[number(x), number(y)] for x, y in zip(grid, drawn, strict=True)],
        },
    }
