"""How often the referee's 95 % intervals hold the truth, in drawn sets whose truth is known.

    python study/coverage.py                        print the table
    python study/coverage.py -o study/coverage/coverage.csv

A set: women, 44 % malignant (the share in CBIS-DDSM) in every set, two views each; the score of a view is normal
with variance 1, correlated 0.7 between a woman's views, and higher by sqrt(2) times the normal quantile of the AUC in
malignant women. A second system shares half of its noise and has an AUC 0.05 lower. One core is enough: minutes.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from mammomap.eval.calibration import brier, brier_bootstrap, calibration_bootstrap, calibration_line
from mammomap.eval.cases import women_carrying
from mammomap.eval.clustered import delong, obuchowski
from mammomap.eval.comparisons import paired_difference
from mammomap.eval.curves import precision_area, sensitivity_reached
from mammomap.eval.images import auc, average_precision, sensitivity_at_specificity
from mammomap.eval.intervals import Interval, interval, interval_of_variance, patient_weights, percentile_interval
from mammomap.eval.resamples import auc_bootstrap, mean_bootstrap, rank_bootstrap

AUCS = (0.75, 0.95)
WOMEN = (40, 150, 600)
SLOW_ABOVE = 150
"""Women from which on figures that take long to resample are left out."""
PREVALENCE, BETWEEN_VIEWS, BETWEEN_SYSTEMS, LOWER = 0.44, 0.7, 0.5, 0.05
REPORT = "the report's interval"
PERCENTILES = "percentiles, bootstrap by patient"
FORMULA = "Obuchowski's variance, t on the logit"
BY_IMAGE = "percentiles, bootstrap by image"
DELONG_BY_IMAGE = "DeLong, each image taken for a patient"
COLUMNS = ("auc", "figure", "truth", "method", "women", "sets", "without", "covered", "below", "above", "width")


@dataclass
class Tally:
    """What became of one method: sets without an interval, intervals that hold the truth, lie below it, above it."""

    without: int = 0
    held: int = 0
    below: int = 0
    above: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, found: Interval, truth: float) -> None:
        if np.isnan(found.low):
            self.without += 1
            return
        self.below += found.high < truth
        self.above += found.low > truth
        self.held += found.low <= truth <= found.high
        self.widths.append(found.high - found.low)


def truths(area: float, women: int) -> dict[str, float]:
    """The true figures at the prevalence of the sets, by quadrature where there is no formula."""
    prevalence = round(PREVALENCE * women) / women
    shift = np.sqrt(2) * norm.ppf(area)
    scores = np.linspace(-12, 12 + shift, 200_001)
    called, false = norm.sf(scores - shift), norm.sf(scores)
    precision = prevalence * called / (prevalence * called + (1 - prevalence) * false)
    density = norm.pdf(scores - shift) * prevalence, norm.pdf(scores) * (1 - prevalence)
    p = probability(scores, shift, prevalence)
    return {
        "AUC": area,
        "AUC less that of a second system": LOWER,
        "sensitivity at a threshold chosen elsewhere": area,
        "sensitivity at specificity 0.9": float(norm.cdf(shift - norm.ppf(0.9))),
        "average precision": float(np.trapezoid(precision * norm.pdf(scores - shift), scores)),
        "calibration slope": 1.0,
        "Brier score": float(np.trapezoid(density[0] * (1 - p) ** 2 + density[1] * p**2, scores)),
    }


def probability(scores: np.ndarray, shift: float, prevalence: float) -> np.ndarray:
    """The true probability of malignancy at each score."""
    return expit(scores * shift - shift**2 / 2 + np.log(prevalence / (1 - prevalence)))


def draw(rng: np.random.Generator, women: int, area: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two systems' scores of 2 * women images, and the woman of each."""
    malignant = np.arange(women) < round(PREVALENCE * women)

    def noise() -> np.ndarray:
        own = rng.normal(size=(women, 2)) * np.sqrt(1 - BETWEEN_VIEWS)
        return (rng.normal(size=(women, 1)) * np.sqrt(BETWEEN_VIEWS) + own).ravel()

    labels, first = np.repeat(malignant, 2), noise()
    second = np.sqrt(BETWEEN_SYSTEMS) * first + np.sqrt(1 - BETWEEN_SYSTEMS) * noise()
    a, b = (np.sqrt(2) * norm.ppf(x) * labels for x in (area, area - LOWER))
    return labels, first + a, second + b, np.repeat(np.arange(women), 2)


def intervals(rng: np.random.Generator, women: int, area: float, resamples: int) -> Iterator[tuple[str, str, Interval]]:
    """Figure, method and interval for one drawn set."""
    y, a, b, woman = draw(rng, women, area)
    seed = int(rng.integers(2**32))
    weights = patient_weights(woman, resamples, seed, strata=y[::2])
    n = {"n_patients": women}
    both, positive = {**n, "carrying": women_carrying(y, woman)}, {**n, "carrying": int(y[::2].sum())}

    def two(figure: str, value: float, samples: np.ndarray, women: dict) -> Iterator[tuple[str, str, Interval]]:
        yield figure, REPORT, interval(value, samples, **women)
        yield figure, PERCENTILES, percentile_interval(value, samples, **n)

    value, samples = auc(y, a), auc_bootstrap(y, a, woman, weights)
    yield from two("AUC", value, samples, both)
    found = obuchowski(y, a, woman)
    yield "AUC", FORMULA, interval_of_variance(value, found.covariance[0, 0], **both)
    image = np.arange(len(y))
    by_image = auc_bootstrap(y, a, image, patient_weights(image, resamples, seed, strata=y))
    yield "AUC", BY_IMAGE, percentile_interval(value, by_image, **n)
    found = delong(y, a, image)
    wrong = {"n_patients": len(y), "carrying": women_carrying(y, image)}
    yield "AUC", DELONG_BY_IMAGE, interval_of_variance(value, found.covariance[0, 0], **wrong)
    theirs = auc_bootstrap(y, b, woman, weights)
    difference = paired_difference(value, samples, auc(y, b), theirs, **both)
    yield "AUC less that of a second system", REPORT, difference
    shift = np.sqrt(2) * norm.ppf(area)
    called = (a[y] > shift - norm.ppf(area)).astype(float)
    figure = "sensitivity at a threshold chosen elsewhere"
    yield from two(figure, float(called.mean()), mean_bootstrap(called, woman[y], weights), positive)
    p = probability(a, shift, float(y.mean()))
    yield from two("Brier score", brier(y, p), brier_bootstrap(y, p, woman, weights), n | {"carrying": women})
    if women > SLOW_ABOVE:
        return
    drawn = rank_bootstrap(
        lambda tp, fp: np.stack([sensitivity_reached(tp, fp, 0.9), precision_area(tp, fp)], 1), y, a, woman, weights
    )
    reached = sensitivity_at_specificity(y, a, 0.9).sensitivity
    yield from two("sensitivity at specificity 0.9", reached, drawn[:, 0], both)
    yield from two("average precision", average_precision(y, a), drawn[:, 1], both)
    slope = calibration_bootstrap(y, p, woman, weights[: resamples // 5])[:, 1]
    slope = interval(calibration_line(y, p).slope, slope, **both, bounds=None)
    yield "calibration slope", REPORT, slope


def simulate(sets: int, resamples: int, sizes: tuple[int, ...] = WOMEN, aucs: tuple[float, ...] = AUCS) -> list[dict]:
    """One row an AUC of the system, figure, method and size; the same numbers whenever it is run."""
    rows = []
    for area in aucs:
        for women in sizes:
            truth = truths(area, women)
            rng = np.random.default_rng([women, round(100 * area)])
            tallies: dict[tuple[str, str], Tally] = {}
            start = time.perf_counter()
            for _ in range(sets):
                for figure, method, found in intervals(rng, women, area, resamples):
                    tallies.setdefault((figure, method), Tally()).add(found, truth[figure])
            print(f"AUC {area}, {women} women: {time.perf_counter() - start:.0f} s", file=sys.stderr)
            for (figure, method), t in tallies.items():
                of = max(1, sets - t.without)
                shares = (round(100 * k / of, 1) for k in (t.held, t.below, t.above))
                width = round(float(np.mean(t.widths)), 4) if t.widths else ""
                row = (area, figure, round(truth[figure], 4), method, women, sets, t.without, *shares, width)
                rows.append(dict(zip(COLUMNS, row, strict=True)))
    return rows


def main() -> None:
    """Run the simulation and print it, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("-o", "--out", type=Path)
    chosen = parser.parse_args()
    rows = simulate(chosen.sets, chosen.resamples)
    with chosen.out.open("w", newline="") if chosen.out else sys.stdout as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
