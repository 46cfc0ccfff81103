"""All figures of one system on one set of films, each with its resamples by woman, so that systems can be paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.systems import System
from mammomap.benchmark.truth import Truth
from mammomap.eval.calibration import brier, calibration_line, expected_calibration_error
from mammomap.eval.cases import women_carrying
from mammomap.eval.comparisons import paired_difference
from mammomap.eval.froc import froc, froc_bootstrap
from mammomap.eval.images import auc, roc_curve
from mammomap.eval.intervals import Interval, interval, percentile_interval
from mammomap.eval.overlap import dice
from mammomap.eval.resamples import auc_bootstrap
from mammomap.masks.mapfile import women_codes
from mammomap.masks.yardsticks import YARDSTICKS, yardsticks
from mammomap.seg.candidates import MarkList

FP_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
CURVE_RATES = tuple(np.round(np.linspace(0.05, 4, 80), 3).tolist())
TOO_FEW_WOMEN = 20
COMPARED = (
    "sensitivity at 0.25 false positives per film, any lesion",
    "sensitivity at 1 false positives per film, any lesion",
    "sensitivity at 1 false positives per film, malignant lesion",
    "AUC of the map maximum",
)
Figures = dict[tuple[str, str], tuple[float, NDArray[np.float64]]]
"""(measure, level) -> value and resamples."""


@dataclass(frozen=True)
class Judged:
    """What came of one system."""

    entry: dict
    """Its entry in the report."""
    figures: Figures
    margins: dict[str, float]
    """For each film with lesions: score of its best hit minus score of its best false mark, on the lesion map."""


def judge(truth: Truth, system: System, in_sample: bool) -> Judged:
    """All figures of one system."""
    figures: Figures = {}
    entry: dict = {
        "name": system.name,
        "origin": system.origin,
        "kinds_trained": list(system.kinds_trained),
        "in_sample": bool(in_sample and set(women_codes(truth.films["patient_id"].unique())) & system.women_seen),
        **system.said(),
        "froc": {},
    }
    margins: dict[str, float] = {}
    for which in ("any", "malignant"):
        marks, found = _marks(truth, system, which)
        entry["froc"][which] = _froc_entry(truth, marks, which, figures)
        margins = margins or found
    entry["images"] = _image_entries(truth, system, figures)
    entry["dice"] = _dice_entry(truth, system)
    return Judged(entry, figures, margins)


def _marks(truth: Truth, system: System, which: str) -> tuple[MarkList, dict[str, float]]:
    """Any lesion is sought on the lesion map; a malignant one on the malignancy map, where benign hits are false."""
    marks, margins = MarkList(), {}
    rows = system.marks[system.marks["map"] == ("lesion" if which == "any" else "malignancy")]
    by_film = {str(image_id): group for image_id, group in rows.groupby("image_id")}
    for number, image_id in enumerate(truth.films["image_id"]):
        group = by_film.get(image_id, rows.iloc[:0])
        lesions = [o for o in truth.outlines[image_id] if which == "any" or o.malignant or o.ignored]
        scores = group["score"].to_numpy(float)
        hit = np.array(marks.add(number, group[["row", "col"]].to_numpy(float), scores.tolist(), lesions), bool)
        if lesions:
            best, worst = scores[hit].max(initial=0.0), scores[~hit].max(initial=0.0)
            margins[image_id] = float(best - worst)
    return marks, margins


def _froc_entry(truth: Truth, marks: MarkList, which: str, figures: dict) -> dict:
    lesions, n_films = marks.lesions(), len(truth.films)
    curve = froc(marks.marks(), lesions, n_films)
    rates = [*FP_RATES, *CURVE_RATES]
    samples = froc_bootstrap(marks.marks(), lesions, truth.patient, n_films, truth.weights, rates)
    carrying = len(np.unique(truth.patient[lesions])) if len(lesions) else 0
    at = []
    for k, rate in enumerate(FP_RATES):
        value = curve.at(rate)
        at.append({"fp": rate, **_plain(interval(value, samples[:, k], n_patients=truth.women, carrying=carrying))})
        figures[f"sensitivity at {rate:g} false positives per film, {which} lesion", "lesion"] = (value, samples[:, k])
    band = [
        percentile_interval(curve.at(r), samples[:, len(FP_RATES) + k], n_patients=truth.women)
        for k, r in enumerate(CURVE_RATES)
    ]
    return {
        "lesions": int(len(lesions)),
        "films": n_films,
        "denominator": "all films",
        "at": at,
        "points": [[rate, _number(curve.at(rate))] for rate in CURVE_RATES],
        "band": [[rate, _number(b.low), _number(b.high)] for rate, b in zip(CURVE_RATES, band, strict=True)],
    }


def _image_entries(truth: Truth, system: System, figures: dict) -> list[dict]:
    entries = []
    films = _scored(truth, system.map_max)
    levels = [
        ("image", films),
        ("breast", _by(films, ["patient_id", "side"], "mean")),
        ("patient", _by(films, ["patient_id"], "max")),
    ]
    for level, cases in levels:
        entries.append(_rank_entry(truth, level, "map maximum", cases, figures))
    if system.probability is not None:
        films = _scored(truth, system.probability)
        entry = _rank_entry(truth, "image", "head probability", films, figures)
        labels, scores = films["malignant"].to_numpy(bool), films["score"].to_numpy(float)
        line, error = calibration_line(labels, scores), expected_calibration_error(labels, scores)
        entry["brier"] = _number(brier(labels, scores))
        entry["calibration"] = {
            "intercept": _number(line.intercept),
            "slope": _number(line.slope),
            "ece": _number(error.value),
            "bins": [
                [int(n), _number(p), _number(r)]
                for n, p, r in zip(error.count, error.mean_probability, error.observed_rate, strict=True)
            ],
            "note": system.probability_note,
        }
        entries.append(entry)
    return entries


def _scored(truth: Truth, score: Mapping[str, float]) -> pd.DataFrame:
    """The films with a score each; 0 where a system of marks has none on a film."""
    return truth.films.assign(score=[float(score.get(i, 0.0)) for i in truth.films["image_id"]], woman=truth.patient)


def _by(films: pd.DataFrame, keys: list[str], how: str) -> pd.DataFrame:
    """One row a breast (mean over its films) or a woman (highest film), malignant if any film is."""
    return films.groupby(keys, as_index=False, sort=True).agg(
        malignant=("malignant", "any"), score=("score", how), woman=("woman", "first")
    )


def _rank_entry(truth: Truth, level: str, score: str, cases: pd.DataFrame, figures: dict) -> dict:
    labels, scores = cases["malignant"].to_numpy(bool), cases["score"].to_numpy(float)
    value = auc(labels, scores)
    woman = cases["woman"].to_numpy(np.int64)
    samples = auc_bootstrap(labels, scores, woman, truth.weights)
    figures[f"AUC of the {score}", level] = (value, samples)
    curve = roc_curve(labels, scores)
    return {
        "level": level,
        "score": score,
        "n": len(cases),
        "positive": int(labels.sum()),
        "auc": _plain(interval(value, samples, n_patients=truth.women, carrying=women_carrying(labels, woman))),
        "roc": [[_number(x), _number(y)] for x, y in zip(curve.fpr, curve.tpr, strict=True)],
    }


def _dice_entry(truth: Truth, system: System) -> dict:
    """Dice per film in the film's own pixels, masses and calcifications apart."""
    if system.film_map is None:
        return {"reason": "marks only, no maps"}
    if any(o.approximate for outlines in truth.outlines.values() for o in outlines):
        return {"reason": "the outlines are boxes or circles: overlap with them is no accuracy"}
    if "lesion pixel" not in system.points:
        return {"reason": "no threshold was chosen for this system on other women"}
    threshold = system.points["lesion pixel"]
    values: dict[str, list[tuple[int, float]]] = {"masses": [], "calcifications": []}
    for number, image_id in enumerate(truth.films["image_id"]):
        outlines = truth.counted_outlines(image_id)
        kinds = {o.kind for o in outlines}
        if len(kinds) != 1:
            continue  # a film without lesions has no Dice; one with both kinds belongs to neither table
        found = system.map_of(image_id, "lesion") >= threshold
        union = np.logical_or.reduce([o.on_film for o in outlines])
        for void in (o.on_film for o in truth.outlines[image_id] if o.ignored):
            found &= union | ~void  # what lies in a lesion that counts for nothing is neither right nor wrong
        name = {"mass": "masses", "calcification": "calcifications"}[kinds.pop()]
        values[name].append((number, dice(union, found)))
    entry: dict = {}
    for name, listed in values.items():
        if not listed:
            continue
        woman = truth.patient[[number for number, _ in listed]]
        value = np.array([v for _, v in listed])
        counts = np.bincount(woman, minlength=truth.women).astype(float)
        sums = np.bincount(woman, value, minlength=truth.women)
        drawn = truth.weights @ counts
        samples = np.divide(truth.weights @ sums, drawn, out=np.full(len(drawn), np.nan), where=drawn > 0)
        entry[name] = {
            "n": len(listed),
            "mean": _plain(
                interval(float(value.mean()), samples, n_patients=truth.women, carrying=len(np.unique(woman)))
            ),
            "median": float(np.median(value)),
            "threshold": threshold,
            "threshold_from": "women of the head's part",
        }
    return entry or {"reason": "no film with lesions of one kind"}


def yardstick_rows(truth: Truth) -> list[dict]:
    """Image AUC of scores that need no net, on the films that have them; left out where none has."""
    scores = yardsticks(truth.counted, truth.outlines).set_index("image_id").loc[truth.films["image_id"]]
    rows = []
    for column, name in YARDSTICKS.items():
        known = scores[column].notna().to_numpy()
        if not known.any():
            continue
        some = truth.of(truth.films[known])
        entry = _rank_entry(some, "image", name, _scored(some, scores.loc[known, column].to_dict()), {})
        rows.append({"name": name, "n": entry["n"], "positive": entry["positive"], "auc": entry["auc"]})
    return rows


def strata(truth: Truth, system: System) -> list[dict]:
    """Sensitivity at 1 false positive per film and AUC within groups of films, small groups marked."""
    films = truth.films
    kinds = {i: "+".join(sorted({o.kind for o in truth.counted_outlines(i)})) or "no lesion" for i in films["image_id"]}
    groups = {
        "view": films["view"].astype(str),
        "density": films["density"].map(lambda d: "unknown" if pd.isna(d) else str(d)),
        "kind of lesion": pd.Series([kinds[i] for i in films["image_id"]]),
        "lesions of unknown place": films["kinds_not_outlined"].fillna("none").astype(str),
    }
    rows = []
    for name, values in groups.items():
        for value, part in films.groupby(values) if values.nunique() > 1 else ():
            some = truth.of(part)
            at = _froc_entry(some, _marks(some, system, "any")[0], "any", {})["at"]
            rows.append(
                {
                    "name": name,
                    "value": str(value),
                    "films": len(some.films),
                    "women": some.women,
                    "lesions": sum(len(truth.counted_outlines(i)) for i in some.films["image_id"]),
                    "too_few": some.women < TOO_FEW_WOMEN,
                    "sensitivity_at_1": {k: at[FP_RATES.index(1.0)][k] for k in ("value", "low", "high")},
                    "auc": _rank_entry(some, "image", "map maximum", _scored(some, system.map_max), {})["auc"],
                }
            )
    return rows


def compare(judged: Sequence[Judged], truth: Truth) -> list[dict]:
    """The first system against each other one: paired differences of every figure that both have."""
    rows = []
    first = judged[0]
    for other in judged[1:]:
        for key, (value, samples) in first.figures.items():
            if key in other.figures and key[0] in COMPARED:
                theirs = other.figures[key]
                found = paired_difference(value, samples, *theirs, n_patients=truth.women)
                row = {"a": first.entry["name"], "b": other.entry["name"], "measure": key[0], "level": key[1]}
                rows.append(row | _plain(found))
    return rows


def _plain(found: Interval) -> dict:
    return {"value": _number(found.value), "low": _number(found.low), "high": _number(found.high)}


def _number(value: float) -> float | None:
    """Rounded for the report; None where there is no number."""
    return None if not np.isfinite(value) else round(float(value), 6)
