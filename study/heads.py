"""Heads on one net's maps of phantoms, side by side; needs neither film nor net.

    python study/heads.py

Rests on `study/heads/phantoms.csv.gz` (`head_inputs.py`). Each kind of head is fitted on the women for the head of each
seed and judged on that seed's test women; figures are means over the seeds, intervals 95 % from resamples of women
within seeds, the same for all heads, differences paired with the default head. Beside them: the default head fitted on
maps of women whom the net was trained on, one view of a breast instead of two, and the readers' BI-RADS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from tables import span

from mammomap.classify.features import KINDS, SCORE, inputs_named
from mammomap.classify.heads import Head, fit_head
from mammomap.classify.levels import LEVELS, cases
from mammomap.eval.calibration import (
    brier,
    brier_bootstrap,
    calibration_bootstrap,
    calibration_error_bootstrap,
    calibration_line,
    expected_calibration_error,
)
from mammomap.eval.images import auc
from mammomap.eval.intervals import interval, patient_weights
from mammomap.eval.resamples import auc_bootstrap

KEPT = Path(__file__).parent / "heads" / "phantoms.csv.gz"
RESAMPLES = 2000
SLOPE = (0.8, 1.25)
"""Where the default head's mean slope has to lie with its interval."""
Sampled = tuple[float, np.ndarray]
"""A figure of one seed, and its resamples."""


@dataclass(frozen=True)
class Judged:
    """The test cases of one seed at one level: label, score and probability, woman."""

    malignant: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    woman: np.ndarray
    seed: int

    @property
    def weights(self) -> np.ndarray:
        """The same for every head, since they depend on the women alone."""
        ill = np.bincount(self.woman, self.malignant) > 0
        return patient_weights(self.woman, RESAMPLES, self.seed, ill)


def fitted(films: pd.DataFrame, kind: str, join: str = "mean") -> Head:
    """A head on some rows of the table."""
    inputs = films[list(inputs_named(kind))].to_numpy(float)
    return fit_head(inputs, films.assign(malignant=films["malignant"] > 0), kind=kind, join=join, model="study", seed=1)


def judged(films: pd.DataFrame, head: Head, level: str, seed: int) -> Judged:
    """A head's answers on test films."""
    raw = head.raw(films[list(head.inputs)].to_numpy(float))
    found = cases(films.assign(raw=raw, malignant=films["malignant"] > 0), level, head.join)
    told = head.levels[level].calibration(found["raw"].to_numpy())
    woman = np.unique(found["woman"], return_inverse=True)[1]
    return Judged(found["malignant"].to_numpy(bool), found["raw"].to_numpy(), told, woman, seed)


MEASURES: dict[str, Callable[[Judged], Sampled]] = {
    "AUC": lambda j: (auc(j.malignant, j.score), auc_bootstrap(j.malignant, j.score, j.woman, j.weights)),
    "slope": lambda j: (
        calibration_line(j.malignant, j.probability).slope,
        calibration_bootstrap(j.malignant, j.probability, j.woman, j.weights)[:, 1],
    ),
    "intercept": lambda j: (
        calibration_line(j.malignant, j.probability).intercept,
        calibration_bootstrap(j.malignant, j.probability, j.woman, j.weights)[:, 0],
    ),
    "Brier": lambda j: (
        brier(j.malignant, j.probability),
        brier_bootstrap(j.malignant, j.probability, j.woman, j.weights),
    ),
    "ECE": lambda j: (
        expected_calibration_error(j.malignant, j.probability).value,
        calibration_error_bootstrap(j.malignant, j.probability, j.woman, j.weights).value,
    ),
}
BOUNDS = {"AUC": (0.0, 1.0), "slope": None, "intercept": None, "Brier": (0.0, 1.0), "ECE": (0.0, 1.0)}


def over_seeds(each: list[Judged], measure: str) -> Sampled:
    """Mean over the seeds."""
    found = [MEASURES[measure](one) for one in each]
    return float(np.mean([value for value, _ in found])), np.mean([samples for _, samples in found], axis=0)


def told(found: Sampled, n: int, bounds: tuple[float, float] | None) -> str:
    """With its interval."""
    its = interval(found[0], found[1], n_patients=n, bounds=bounds)
    return span({"value": its.value, "low": its.low, "high": its.high})


def less(one: Sampled, other: Sampled, n: int) -> str:
    """The paired difference."""
    return told((one[0] - other[0], one[1] - other[1]), n, (-1.0, 1.0))


class Study:
    """The table, and the heads that are fitted on it."""

    def __init__(self, path: Path = KEPT) -> None:
        self.films = pd.read_csv(path, dtype={"woman": str})
        self.seeds = sorted(self.films.loc[self.films["part"] == "test", "seed"].unique())
        self.test = {seed: self.part("test", seed) for seed in self.seeds}
        self.women = int(pd.concat(self.test.values())["woman"].nunique())

    def part(self, part: str, seed: int | None = None) -> pd.DataFrame:
        """Rows of a part, of one seed if it is named."""
        rows = self.films[self.films["part"] == part]
        return rows[rows["seed"] == seed] if seed is not None else rows

    @cache  # noqa: B019 - one study a run
    def answers(self, kind: str, level: str, join: str = "mean", fitted_on: str = "head") -> list[Judged]:
        """Of one kind of head, seed by seed. fitted_on: head, or seen."""
        made = []
        for seed in self.seeds:
            rows = self.part("head", seed) if fitted_on == "head" else self.part("seen")
            made.append(judged(self.test[seed], fitted(rows, kind, join), level, seed))
        return made

    def kinds(self) -> list[str]:
        """One row a kind of head."""
        lines = [
            "| head | AUC by image | minus `features` | AUC by breast | AUC by woman | calibration slope | Brier "
            "| ECE |",
            "|---|---|---|---|---|---|---|---|",
        ]
        default = over_seeds(self.answers("features", "image"), "AUC")
        for kind in (kind for kind in KINDS if kind != SCORE):
            by = {level: over_seeds(self.answers(kind, level), "AUC") for level in LEVELS}
            cells = [told(by["image"], self.women, (0.0, 1.0))]
            cells.append(less(by["image"], default, self.women) if kind != "features" else "")
            cells += [told(by[level], self.women, (0.0, 1.0)) for level in ("breast", "patient")]
            for measure in ("slope", "Brier", "ECE"):
                found = over_seeds(self.answers(kind, "image"), measure)
                cells.append(told(found, self.women, BOUNDS[measure]))
            lines.append(f"| `{kind}` | {' | '.join(cells)} |")
        return lines

    def seen(self) -> list[str]:
        """What fitting on maps of seen women does: what the head then says of itself, and what it is worth."""
        lines = [
            "| the default head, fitted on maps of | AUC that it shows by cross-validation | AUC on test women "
            "| calibration slope there | intercept there |",
            "|---|---|---|---|---|",
        ]
        unseen = [fitted(self.part("head", seed), "features").levels["image"].held_out_auc for seed in self.seeds]
        own = {
            "head": float(np.mean(unseen)),
            "seen": fitted(self.part("seen"), "features").levels["image"].held_out_auc,
        }
        for part, name in (("head", "women whom the net has not seen"), ("seen", "women who trained the net")):
            answers = self.answers("features", "image", fitted_on=part)
            cells = [told(over_seeds(answers, m), self.women, BOUNDS[m]) for m in ("AUC", "slope", "intercept")]
            lines.append(f"| {name} | {own[part]:.2f} | {' | '.join(cells)} |")
        return lines

    def views(self) -> list[str]:
        """Breasts that have two views, by one of them and by both."""
        lines = ["| breasts with two views, scored by | AUC by breast | minus the mean |", "|---|---|---|"]
        found = {name: self._by_views(name) for name in ("mean", "two-view", "CC", "MLO")}
        names = {"mean": "the mean of CC and MLO", "two-view": "learned weights", "CC": "CC alone", "MLO": "MLO alone"}
        for name, sampled in found.items():
            minus = less(sampled, found["mean"], self.women) if name != "mean" else ""
            lines.append(f"| {names[name]} | {told(sampled, self.women, (0.0, 1.0))} | {minus} |")
        return lines

    def _by_views(self, name: str) -> Sampled:
        each = []
        for seed in self.seeds:
            films = self.test[seed]
            both = films.groupby(["woman", "side"])["view"].transform("nunique") == 2
            label = films.groupby(["woman", "side"])["malignant"].transform("max")
            films = films.assign(malignant=label)[both]
            rows = films if name in ("mean", "two-view") else films[films["view"] == name]
            head = fitted(self.part("head", seed), "features", name if name == "two-view" else "mean")
            each.append(judged(rows, head, "breast", seed))
        return over_seeds(each, "AUC")

    def birads(self) -> str:
        """The readers' assessment on the same films."""
        each = []
        for seed in self.seeds:
            films = self.test[seed]
            woman = np.unique(films["woman"], return_inverse=True)[1]
            score = films["birads"].to_numpy(float)
            each.append(Judged(films["malignant"].to_numpy(bool), score, np.full(len(films), 0.5), woman, seed))
        return told(over_seeds(each, "AUC"), self.women, (0.0, 1.0))


def tables() -> dict[str, str]:
    """Name -> table in Markdown."""
    study = Study()
    films = sum(len(rows) for rows in study.test.values())
    said = (
        f"Phantoms of {len(study.seeds)} seeds, {films} test films of {study.women} women; a head a seed, fitted on "
        f"{study.part('head')['woman'].nunique() // len(study.seeds)} other women. BI-RADS as drawn: AUC by image "
        f"{study.birads()}."
    )
    return {
        "heads": "\n".join([said, "", *study.kinds()]),
        "heads seen": "\n".join(study.seen()),
        "heads views": "\n".join(study.views()),
    }


if __name__ == "__main__":
    for title, text in tables().items():
        print(f"\n## {title}\n\n{text}")
