"""Heads on one net's maps of phantoms, side by side; needs neither film nor net.

    python study/heads.py

Rests on `study/heads/phantoms.csv.gz` (`head_inputs.py`). Each kind of head is fitted on the women for the head of each
seed and judged on that seed's test women; figures are means over the seeds, intervals 95 % from resamples of women
within seeds, the same for all heads, differences paired with the default head. Beside them: the default head fitted on
maps of women whom the net was trained on, the same with women for the head and for the test in each other's place, one
view of a breast instead of two, and the readers' BI-RADS.

`rotation_table.py` asks the same of the rotation over folds of one set (`rotation.py`): there each rotation stands for
a seed, and since every woman is tested once, by probabilities that were calibrated inside her rotation, figures are of
all test women together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from tables import span

from mammomap.classify.features import CONV, KINDS, SCORE, inputs_named
from mammomap.classify.heads import Head, fit_head, read_head, write_head
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
COARSE = 13
"""Steps of the kept coarse maps, a logit; 1e-4 and 1 - 1e-4 then fit into 8 bits."""
Sampled = tuple[float, np.ndarray]
"""A figure of one seed, and its resamples."""


@dataclass(frozen=True)
class Judged:
    """The test cases of one seed, or of all rotations, at one level: label, score and probability, woman."""

    malignant: np.ndarray
    score: np.ndarray
    probability: np.ndarray
    name: np.ndarray
    """The woman of each case."""
    part: np.ndarray
    """The seed or rotation of each case."""

    @cached_property
    def woman(self) -> np.ndarray:
        """Her number, from 0 without gaps."""
        return np.unique(self.name, return_inverse=True)[1]

    @cached_property
    def lines(self) -> np.ndarray:
        """Intercept and slope of each resample."""
        return calibration_bootstrap(self.malignant, self.probability, self.woman, self.weights)

    @cached_property
    def weights(self) -> np.ndarray:
        """The same for every head, since they depend on the women alone; drawn within seeds and labels."""
        ill = np.bincount(self.woman, self.malignant) > 0
        part = np.zeros(len(ill), int)
        part[self.woman] = self.part
        return patient_weights(self.woman, RESAMPLES, int(self.part[0]), 2 * part + ill)


def judged(films: pd.DataFrame, head: Head, inputs: np.ndarray, level: str, seed: int) -> Judged:
    """A head's answers on films."""
    raw = head.raw(inputs)
    found = cases(films.assign(raw=raw, malignant=films["malignant"] > 0), level, head.join)
    told = head.levels[level].calibration(found["raw"].to_numpy())
    name, part = found["woman"].to_numpy(str), np.full(len(found), seed)
    return Judged(found["malignant"].to_numpy(bool), found["raw"].to_numpy(), told, name, part)


def together(each: Sequence[Judged]) -> Judged:
    """Rotations as one set, ranked by their probabilities; a woman whom several look at is one woman."""
    names = ("malignant", "probability", "name", "part")
    malignant, told, name, part = (np.concatenate([getattr(one, field) for one in each]) for field in names)
    return Judged(malignant, told, told, name, part)


MEASURES: dict[str, Callable[[Judged], Sampled]] = {
    "AUC": lambda j: (auc(j.malignant, j.score), auc_bootstrap(j.malignant, j.score, j.woman, j.weights)),
    "slope": lambda j: (
        calibration_line(j.malignant, j.probability).slope,
        j.lines[:, 1],
    ),
    "intercept": lambda j: (
        calibration_line(j.malignant, j.probability).intercept,
        j.lines[:, 0],
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


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays beside a table of rows, each in a file of its own; none where the study keeps none."""
    return {name: array for its in path.parent.glob(f"{path.stem}.*.npz") for name, array in np.load(its).items()}


class Study:
    """The table, and the heads that are fitted on it. `rotating`: of a rotation, judged all together."""

    def __init__(self, path: Path = KEPT, *, rotating: bool = False) -> None:
        films = pd.read_csv(path, dtype={"woman": str})
        self.path, self.rotating = path, rotating
        self.films = films.rename(columns={"rotation": "seed"}).assign(row=np.arange(len(films)))
        self.arrays = read_arrays(path)
        self.seeds = sorted(self.films.loc[self.films["part"] == "test", "seed"].unique())
        self.test = {seed: self.part("test", seed) for seed in self.seeds}
        self.women = int(pd.concat(self.test.values())["woman"].nunique())
        known = CONV if "coarse" in self.arrays else None
        self.kinds_known = [kind for kind in KINDS if kind not in (SCORE, CONV) or kind == known]

    def part(self, part: str, seed: int | None = None) -> pd.DataFrame:
        """Rows of a part, of one seed if it is named. Women seen in training belong to every seed of phantoms."""
        rows = self.films[self.films["part"] == part]
        anyone = seed is None or (part == "seen" and not self.rotating)
        return rows if anyone else rows[rows["seed"] == seed]

    def inputs(self, films: pd.DataFrame, kind: str) -> np.ndarray:
        """What a kind of head is given of some rows."""
        if kind == CONV:
            return self.arrays["coarse"][films["row"]].astype(float) / COARSE
        return films[list(inputs_named(kind))].to_numpy(float)

    def fitted(self, films: pd.DataFrame, kind: str, join: str = "mean") -> Head:
        """A head on some rows of the table; those that need torch to be fitted are kept in files."""
        kept = self.path.with_name(f"conv-{films['seed'].iloc[0]}-{films['part'].iloc[0]}.json")
        if kind == CONV and kept.is_file():
            return read_head(kept)
        labels = films.assign(malignant=films["malignant"] > 0)
        head = fit_head(self.inputs(films, kind), labels, kind=kind, join=join, model="study", seed=1)
        if kind == CONV:
            write_head(kept, head)
        return head

    @cache  # noqa: B019 - one study a run
    def heads(self, kind: str, join: str = "mean", fitted_on: str = "head") -> list[Head]:
        """One a seed. fitted_on: head, or seen."""
        return [self.fitted(self.part(fitted_on, seed), kind, join) for seed in self.seeds]

    @cache  # noqa: B019
    def answers(
        self, kind: str, level: str, join: str = "mean", fitted_on: str = "head", part: str = "test"
    ) -> list[Judged]:
        """Of one kind of head on a part, seed by seed, or all in one of a rotation."""
        made = []
        for seed, head in zip(self.seeds, self.heads(kind, join, fitted_on), strict=True):
            films = self.part(part, seed)
            made.append(judged(films, head, self.inputs(films, kind), level, seed))
        return self.joined(made)

    def joined(self, each: list[Judged]) -> list[Judged]:
        """Rotations are one set."""
        return [together(each)] if self.rotating else each

    def kinds(self) -> list[str]:
        """One row a kind of head."""
        names = ("AUC by image", "minus `features`", "AUC by breast", "AUC by woman", "calibration slope")
        lines = [f"| head | {' | '.join(names)} | intercept | Brier | ECE |", "|---" * 9 + "|"]
        default = over_seeds(self.answers("features", "image"), "AUC")
        for kind in self.kinds_known:
            by = {level: over_seeds(self.answers(kind, level), "AUC") for level in LEVELS}
            cells = [told(by["image"], self.women, (0.0, 1.0))]
            cells.append(less(by["image"], default, self.women) if kind != "features" else "")
            cells += [told(by[level], self.women, (0.0, 1.0)) for level in ("breast", "patient")]
            for measure in ("slope", "intercept", "Brier", "ECE"):
                found = over_seeds(self.answers(kind, "image"), measure)
                cells.append(told(found, self.women, BOUNDS[measure]))
            lines.append(f"| `{kind}` | {' | '.join(cells)} |")
        return lines

    def seen(self) -> list[str]:
        """What fitting on maps of seen women does: what the head then says of itself, and what it is worth."""
        lines = [
            "| the default head, fitted on maps of | AUC that it shows by cross-validation | AUC on test women "
            "| shown minus true | calibration slope there | intercept there |",
            "|---|---|---|---|---|---|",
        ]
        found, measures = {}, ("AUC", "slope", "intercept")
        for part, name in (("head", "women whom the net has not seen"), ("seen", "women who trained the net")):
            answers = self.answers("features", "image", fitted_on=part)
            own = np.mean([head.levels["image"].held_out_auc for head in self.heads("features", fitted_on=part)])
            found[part] = [over_seeds(answers, measure) for measure in measures]
            cells = [told(its, self.women, BOUNDS[m]) for its, m in zip(found[part], measures, strict=True)]
            shown = f"{own - found[part][0][0]:+.2f}"
            lines.append(f"| {name} | {own:.2f} | {cells[0]} | {shown} | {' | '.join(cells[1:])} |")
        minus = [
            told((seen[0] - unseen[0], seen[1] - unseen[1]), self.women, (-1.0, 1.0) if m == "AUC" else None)
            for unseen, seen, m in zip(found["head"], found["seen"], measures, strict=True)
        ]
        return [*lines, f"| the second minus the first | | {minus[0]} | | {' | '.join(minus[1:])} |"]

    def swapped(self) -> list[str]:
        """The default head with women for the head and for the test in each other's place, and both ways together."""
        judging = self.answers("features", "image")
        heads = [self.fitted(self.test[seed], "features") for seed in self.seeds]
        parts = [self.part("head", seed) for seed in self.seeds]
        other = [
            judged(films, head, self.inputs(films, "features"), "image", seed)
            for seed, head, films in zip(self.seeds, heads, parts, strict=True)
        ]
        lines = [
            "| the default head | women | AUC by image | slope, seed by seed | slope | intercept |",
            "|---" * 6 + "|",
        ]
        names = ("as above", "fitted on the test women, judged on those for the head", "both ways together")
        for name, each in zip(names, (judging, other, [*judging, *other]), strict=True):
            women = sum(len(set(one.name)) for one in each)
            seeds = ", ".join(f"{MEASURES['slope'](one)[0]:.2f}" for one in each)
            cells = [told(over_seeds(each, m), women, BOUNDS[m]) for m in ("AUC", "slope", "intercept")]
            lines.append(f"| {name} | {women} | {cells[0]} | {seeds} | {cells[1]} | {cells[2]} |")
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
        for seed, head in zip(self.seeds, self.heads("features", name if name == "two-view" else "mean"), strict=True):
            films = self.test[seed]
            both = films.groupby(["woman", "side"])["view"].transform("nunique") == 2
            label = films.groupby(["woman", "side"])["malignant"].transform("max")
            films = films.assign(malignant=label)[both]
            rows = films if name in ("mean", "two-view") else films[films["view"] == name]
            each.append(judged(rows, head, self.inputs(rows, "features"), "breast", seed))
        return over_seeds(self.joined(each), "AUC")

    def plain(self, column: str, part: str = "test") -> list[Judged]:
        """A column as the score of images that have it."""
        each = []
        for seed in self.seeds:
            films = self.part(part, seed).dropna(subset=[column])
            name, here = films["woman"].to_numpy(str), np.full(len(films), seed)
            score = films[column].to_numpy(float)
            each.append(Judged(films["malignant"].to_numpy(bool), score, score, name, here))
        return self.joined(each)

    def of_column(self, column: str) -> str:
        """The AUC by image of a column."""
        return told(over_seeds(self.plain(column), "AUC"), self.women, (0.0, 1.0))


def tables() -> dict[str, str]:
    """Name -> table in Markdown."""
    study = Study()
    films = sum(len(rows) for rows in study.test.values())
    said = (
        f"Phantoms of {len(study.seeds)} seeds, {films} test films of {study.women} women; a head a seed, fitted on "
        f"{study.part('head')['woman'].nunique() // len(study.seeds)} other women. BI-RADS as drawn: AUC by image "
        f"{study.of_column('birads')}."
    )
    return {
        "heads": "\n".join([said, "", *study.kinds()]),
        "heads seen": "\n".join(study.seen()),
        "heads swapped": "\n".join(study.swapped()),
        "heads views": "\n".join(study.views()),
    }


if __name__ == "__main__":
    for title, text in tables().items():
        print(f"\n## {title}\n\n{text}")
