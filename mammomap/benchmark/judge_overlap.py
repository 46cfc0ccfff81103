"""How well the found mask of one system agrees with the outlines, and what the values of its pixels are worth.

In: evidence (counts of pixels by film and lesion), and what came of the maps. Out: the entries `dice` and `pixels` of
its part of the report. Masses and calcifications stand apart; the empty cases are those of `eval/overlap.py`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.mapreading import MapReading
from mammomap.benchmark.plain import Figure, number, spelled
from mammomap.eval.means import mean_bootstrap, summary
from mammomap.eval.overlap import MEASURES, OverlapCounts, pooled_bootstrap
from mammomap.eval.pixels import average_precision, average_precision_bootstrap, pixel_calibration

NAMES = {"mass": "masses", "calcification": "calcifications"}
DISTANCES = ("hausdorff_95", "average_distance")


def overlap_entry(evidence: Evidence, system: str, reason: str) -> dict:
    """Overlap by kind of lesion: mean and median by film and by lesion, and pooled. reason: why there is none."""
    if reason:
        return {"reason": reason}
    rows = evidence.overlap[evidence.overlap["system"] == system]
    entry: dict = {}
    for kind, name in NAMES.items():
        of_kind = rows[rows["kind"] == kind]
        if not len(of_kind):
            continue
        films, lesions = of_kind[of_kind["lesion"] < 0], of_kind[of_kind["lesion"] >= 0]
        entry[name] = {
            **({"by_film": _gathered(evidence, films), "pooled": _pooled(evidence, films)} if len(films) else {}),
            "by_lesion": _gathered(evidence, lesions),
        }
    return entry or {"reason": "no film with lesions of one kind"}


def _gathered(evidence: Evidence, rows: pd.DataFrame) -> dict:
    """Mean with its interval, median, and how many had no value, of every measure."""
    number_of_film = evidence.film_of(rows["image_id"])
    woman = evidence.woman[number_of_film]
    counts = _counts(rows)
    values = {measure: np.array([getattr(one, measure) for one in counts], float) for measure in MEASURES}
    values |= {f"{name}_px": rows[name].to_numpy(float) for name in DISTANCES}
    pitch = evidence.films["spacing_mm"].to_numpy(float)[number_of_film]
    if not np.isnan(pitch).any():
        values |= {f"{name}_mm": rows[name].to_numpy(float) * pitch for name in DISTANCES}
    found: dict = {"n": len(rows)}
    for measure, value in values.items():
        told = summary(value)
        samples = mean_bootstrap(value, woman, evidence.weights)
        carrying = len(np.unique(woman[~np.isnan(value)]))
        bounds = (0.0, 1.0) if measure in MEASURES else None
        found[measure] = {
            "mean": spelled(Figure(told.mean, samples, carrying), evidence.women, bounds),
            "median": number(told.median),
            "undefined": told.n_undefined,
        }
    return found


def _pooled(evidence: Evidence, rows: pd.DataFrame) -> dict:
    woman = evidence.woman[evidence.film_of(rows["image_id"])]
    counts = _counts(rows)
    whole = sum(counts, OverlapCounts())
    samples = pooled_bootstrap(counts, woman, evidence.weights)
    carrying = len(np.unique(woman))
    return {m: spelled(Figure(getattr(whole, m), samples[m], carrying), evidence.women) for m in MEASURES}


def _counts(rows: pd.DataFrame) -> list[OverlapCounts]:
    return [OverlapCounts(int(a), int(b), int(c)) for a, b, c in rows[["tp", "fp", "fn"]].itertuples(index=False)]


def pixel_entry(evidence: Evidence, reading: MapReading) -> dict:
    """Average precision over all pixels of all films, pointing game, calibration of pixels: from the maps alone."""
    whole = sum(reading.histograms[1:], reading.histograms[0])
    women = evidence.women
    carrying = evidence.lesion_woman(evidence.counted("any"))
    precision = Figure(
        average_precision(whole), average_precision_bootstrap(reading.histograms, evidence.weights), carrying
    )
    known = ~np.isnan(reading.pointing)
    pointed = reading.pointing[known]
    samples = mean_bootstrap(reading.pointing, evidence.woman, evidence.weights)
    calibration = pixel_calibration(whole)
    pixels = whole.positive.sum() + whole.negative.sum()
    return {
        "average_precision": spelled(precision, women),
        "lesion_share": number(float(whole.positive.sum() / pixels)),
        "pointing_game": spelled(Figure(float(pointed.mean()) if len(pointed) else np.nan, samples, carrying), women),
        "pointing_films": int(known.sum()),
        "calibration_error": number(calibration.error),
        "calibration_bins": [
            [int(n), number(p), number(r)]
            for n, p, r in zip(calibration.count, calibration.mean_probability, calibration.observed_rate, strict=True)
        ],
    }
