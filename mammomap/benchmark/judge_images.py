"""Images, breasts and women ranked by one system, and whether its probabilities are any.

In: evidence and the name of a system. Out: the entries `images` of its part of the report, one for each level and
score, and its figures by (measure, level). The score of a breast is the mean of its films', of a woman the highest.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.plain import Figure, Figures, number, plain, spelled
from mammomap.benchmark.prevalence import probability_entry
from mammomap.eval.cases import women_carrying
from mammomap.eval.clustered import delong, obuchowski
from mammomap.eval.curves import partial_area, precision_area, sensitivity_reached, specificity_reached
from mammomap.eval.folds import fold_mean
from mammomap.eval.images import (
    auc,
    average_precision,
    partial_auc,
    precision_recall_curve,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from mammomap.eval.intervals import interval_of_variance
from mammomap.eval.resamples import auc_bootstrap, rank_bootstrap

MAX_FPR = 0.2
AT = 0.9
SCORES = {"map_max": "map maximum", "score": "submitted score"}
PROBABILITIES = {"image": "probability", "breast": "probability_breast", "patient": "probability_patient"}
"""Level -> where the probability of a film, of its breast, of its woman stands."""
LEVELS = tuple(PROBABILITIES)


def image_entries(
    evidence: Evidence,
    system: str,
    figures: Figures,
    *,
    fitted_at: Mapping[str, float] | float | None = None,
    note: str = "",
    prevalence: float | None = None,
) -> list[dict]:
    """All levels and scores of a system. fitted_at, note: of its probabilities; prevalence: to shift them to."""
    entries = []
    for column, name in SCORES.items():
        films = scored(evidence, system, column)
        if not np.isnan(films["score_here"].to_numpy(float)).any():
            entries += [_rank_entry(evidence, level, name, by_level(films, level), figures) for level in LEVELS]
    at = fitted_at if isinstance(fitted_at, Mapping) else {"image": fitted_at}
    for level, column in PROBABILITIES.items():
        films = scored(evidence, system, column)
        if not np.isnan(films["score_here"].to_numpy(float)).any():
            cases = by_level(films, level)
            entry = _rank_entry(evidence, level, "probability", cases, figures)
            its = probability_entry(evidence, cases, fitted_at=at.get(level), note=note, prevalence=prevalence)
            entries.append(entry | its)
    return entries


def scored(evidence: Evidence, system: str, column: str) -> pd.DataFrame:
    """The films with one kind of score of a system, `score_here`; NaN where it gave none."""
    rows = evidence.scores[evidence.scores["system"] == system].set_index("image_id")
    given = rows[column] if column in rows else pd.Series(np.nan, index=rows.index)
    here = given.reindex(evidence.films["image_id"]).to_numpy(float)
    return evidence.films.assign(score_here=here, number=evidence.woman)


def by_level(films: pd.DataFrame, level: str) -> pd.DataFrame:
    """Cases with malignant, score_here, number (of the woman) and fold."""
    if level == "image":
        return films
    keys, how = (["number", "side"], "mean") if level == "breast" else (["number"], "max")
    return films.groupby(keys, as_index=False, sort=True).agg(
        malignant=("malignant", "any"),
        score_here=("score_here", how),
        fold=("fold", "first"),
        number=("number", "first"),
    )


def auc_figure(evidence: Evidence, cases: pd.DataFrame) -> Figure:
    """The area under the ROC curve with its resamples."""
    labels, scores = cases["malignant"].to_numpy(bool), cases["score_here"].to_numpy(float)
    woman = cases["number"].to_numpy(np.int64)
    return Figure(
        auc(labels, scores), auc_bootstrap(labels, scores, woman, evidence.weights), women_carrying(labels, woman)
    )


def _rank_entry(evidence: Evidence, level: str, score: str, cases: pd.DataFrame, figures: Figures) -> dict:
    labels, scores = cases["malignant"].to_numpy(bool), cases["score_here"].to_numpy(float)
    woman, women = cases["number"].to_numpy(np.int64), evidence.women
    area = figures[f"AUC of the {score}", level] = auc_figure(evidence, cases)
    drawn = partial(rank_bootstrap, labels=labels, scores=scores, patient=woman, weights=evidence.weights)
    sensitive = sensitivity_at_specificity(labels, scores, AT)
    specific = specificity_at_sensitivity(labels, scores, AT)
    others = {
        "average_precision": (average_precision(labels, scores), precision_area),
        "partial_auc": (partial_auc(labels, scores, MAX_FPR), partial(partial_area, max_fpr=MAX_FPR)),
        "sensitivity_at_90_specificity": (sensitive.sensitivity, partial(sensitivity_reached, specificity=AT)),
        "specificity_at_90_sensitivity": (specific.specificity, partial(specificity_reached, sensitivity=AT)),
    }
    curve, precision = roc_curve(labels, scores), precision_recall_curve(labels, scores)
    entry: dict = {
        "level": level,
        "score": score,
        "n": len(cases),
        "positive": int(labels.sum()),
        "prevalence": number(float(labels.mean())),
        "auc": spelled(area, women),
        "auc_by_formula": _by_formula(labels, scores, woman, level),
    }
    for name, (value, figure) in others.items():
        entry[name] = spelled(Figure(value, drawn(figure), area.carrying), women)
    entry |= _fold_entry(evidence, cases)
    entry["roc"] = [[number(x), number(y)] for x, y in zip(curve.fpr, curve.tpr, strict=True)]
    entry["pr"] = [[number(x), number(y)] for x, y in zip(precision.recall, precision.precision, strict=True)]
    return entry


def _by_formula(labels: np.ndarray, scores: np.ndarray, woman: np.ndarray, level: str) -> dict:
    """The interval of the AUC without resamples: DeLong's for women, Obuchowski's for her correlated films."""
    found = (delong if level == "patient" else obuchowski)(labels, scores, woman)
    method = "DeLong" if level == "patient" else "Obuchowski"
    variance = float(found.covariance[0, 0])
    if np.isnan(variance):
        return {"method": method, "value": number(float(found.auc[0])), "low": None, "high": None}
    carrying = women_carrying(labels, woman)
    n = len(np.unique(woman))
    return {
        "method": method,
        **plain(interval_of_variance(float(found.auc[0]), variance, n_patients=n, carrying=carrying)),
    }


def _fold_entry(evidence: Evidence, cases: pd.DataFrame) -> dict:
    """The mean of the folds, where the judged films are of several: scores of several nets stand on several scales."""
    folds = cases["fold"].to_numpy(str)
    if len(set(folds)) < 2 or "" in folds or (cases.groupby("number")["fold"].nunique().to_numpy() > 1).any():
        return {}
    labels, scores = cases["malignant"].to_numpy(bool), cases["score_here"].to_numpy(float)
    woman = cases["number"].to_numpy(np.int64)
    found = fold_mean(auc_bootstrap, labels, scores, woman, folds, evidence.weights)
    figure = Figure(found.value, found.samples, women_carrying(labels, woman))
    told = [[str(name), number(float(value))] for name, value in zip(found.folds, found.in_folds, strict=True)]
    return {"auc_mean_of_folds": spelled(figure, evidence.women) | {"folds": told}}
