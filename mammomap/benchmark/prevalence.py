"""What a probability says, and where: calibration on the judged films, and what a stated prevalence makes of it.

In: cases with labels and probabilities, the prevalence that these were fitted at. Out: parts of the report's entry of
that score. The judged films are no population: predictive values and net benefit come only with a prevalence that
the caller states, and probabilities are moved there from the one that they were fitted at.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.plain import Figure, number, spelled
from mammomap.eval.calibration import (
    CalibrationError,
    CalibrationErrorResamples,
    brier,
    brier_bootstrap,
    calibration_bootstrap,
    calibration_error_bootstrap,
    calibration_line,
    expected_calibration_error,
)
from mammomap.eval.cases import women_carrying
from mammomap.eval.images import sensitivity_at_specificity, specificity_at_sensitivity
from mammomap.eval.prevalence import decision_curve, npv, ppv, shift

UNKNOWN = "the prevalence that it was fitted at is not known"


def probability_entry(
    evidence: Evidence,
    cases: pd.DataFrame,
    *,
    fitted_at: float | None,
    note: str,
    prevalence: float | None,
) -> dict:
    """Brier score, calibration and, with a stated prevalence, predictive values and the decision curve."""
    labels, stated = cases["malignant"].to_numpy(bool), cases["score_here"].to_numpy(float)
    woman, women, weights = cases["number"].to_numpy(np.int64), evidence.women, evidence.weights
    carrying, seen = women_carrying(labels, woman), len(np.unique(woman))
    line, error = calibration_line(labels, stated), expected_calibration_error(labels, stated)
    lines, errors = (
        calibration_bootstrap(labels, stated, woman, weights),
        calibration_error_bootstrap(labels, stated, woman, weights),
    )
    score = Figure(brier(labels, stated), brier_bootstrap(labels, stated, woman, weights), seen)
    found = {
        "fitted_at": number(fitted_at),
        "brier": spelled(score, women),
        "calibration": {
            "intercept": spelled(Figure(line.intercept, lines[:, 0], carrying), women, None),
            "slope": spelled(Figure(line.slope, lines[:, 1], carrying), women, None),
            "in_the_large": spelled(Figure(line.in_the_large, lines[:, 2], carrying), women, None),
            "ece": spelled(Figure(error.value, errors.value, seen), women),
            "bins": _bins(error, errors, cases, women),
            "note": note,
        },
    }
    if prevalence is not None:
        found["at_prevalence"] = _at_prevalence(labels, stated, fitted_at, prevalence)
    return found


def _bins(
    error: CalibrationError, errors: CalibrationErrorResamples, cases: pd.DataFrame, women: int
) -> list[list[float | int | None]]:
    """Cases, mean probability, observed rate and its interval, bin by bin."""
    order = np.argsort(cases["score_here"].to_numpy(float), kind="stable")
    ends = np.cumsum(error.count)
    woman = cases["number"].to_numpy(np.int64)[order]
    rows = []
    for k, (n, p, r) in enumerate(zip(error.count, error.mean_probability, error.observed_rate, strict=True)):
        carrying = len(np.unique(woman[ends[k] - n : ends[k]]))
        told = spelled(Figure(float(r), errors.observed_rate[:, k], carrying), women)
        rows.append([int(n), number(p), number(r), told["low"], told["high"]])
    return rows


def _at_prevalence(labels: np.ndarray, stated: np.ndarray, fitted_at: float | None, prevalence: float) -> dict:
    """Predictive values where 90 % of the ill or of the well are called rightly, and the decision curve."""
    points = []
    for name, point in (
        ("specificity 0.90", sensitivity_at_specificity(labels, stated, 0.9)),
        ("sensitivity 0.90", specificity_at_sensitivity(labels, stated, 0.9)),
    ):
        values = {
            "sensitivity": point.sensitivity,
            "specificity": point.specificity,
            "ppv": float(ppv(point.sensitivity, point.specificity, prevalence=prevalence)),
            "npv": float(npv(point.sensitivity, point.specificity, prevalence=prevalence)),
        }
        points.append({"point": name, **{key: number(value) for key, value in values.items()}})
    told = {"prevalence": prevalence, "points": points, "points_from": "thresholds read from the judged films"}
    if fitted_at is None:
        return told | {"reason": f"no decision curve: {UNKNOWN}"}
    moved = shift(stated, fitted_at=fitted_at, to=prevalence)
    thresholds = np.linspace(0, min(0.99, 4 * prevalence), 41)
    curve = decision_curve(labels, moved, thresholds, prevalence=prevalence)
    return told | {
        "decision_curve": [
            [number(t), number(by_score), number(all_called)]
            for t, by_score, all_called in zip(thresholds, curve.net_benefit, curve.call_all, strict=True)
        ]
    }
