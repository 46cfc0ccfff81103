"""What the steps of the recipe bought, worked out from what `recipe.py` kept; needs no film and no torch.

    python study/recipe_table.py [FOLDER]

A figure of a step is the mean over its seeds, with a 95 % interval by woman from the same resamples for all; a
difference is that step minus the base, over the seeds that both have. The spread between seeds stands beside.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from kept import kept
from recipe import FLIPPED, FOLDER, SEEDS, STEPS
from tables import span

from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.judge_lesions import MEAN, sensitivity_name
from mammomap.benchmark.plain import Figure, Figures, spelled
from mammomap.eval.comparisons import paired_difference

BASE = "base"
SHOWN = {
    "lesions at 1/4 false positive per film": (sensitivity_name("any", 0.25), "lesion"),
    "at 1": (sensitivity_name("any"), "lesion"),
    "mean from 1/8 to 8": (f"{MEAN}, any lesion", "lesion"),
    "malignant at 1": (sensitivity_name("malignant"), "lesion"),
    "AUC by image": ("AUC of the map maximum", "image"),
}
COMPARED = ("mean from 1/8 to 8", "AUC by image")
FLIPS = ("base", "phantoms-fcn", "phantoms-fcn-long", "phantoms-fcn-longer")
"""Steps whose net is looked at with flips too (`recipe.FLIPPED`)."""
LONGER = ("phantoms-fcn-flips", "phantoms-fcn-long-flips", "phantoms-fcn-longer-flips")
"""The same step at twice the crops, and at twice as many again."""


@cache
def judged(folder: Path, name: str) -> tuple[dict, Figures, int]:
    """Facts, figures and women of one run."""
    facts, evidence = kept(folder, name)
    return facts, judge_system(evidence, Said.of_entry(facts["said"]))[1], evidence.women


def mean_of(figures: Sequence[Figure]) -> Figure:
    """The mean over seeds, resample by resample."""
    values, samples = [figure.value for figure in figures], np.stack([figure.samples for figure in figures])
    return Figure(float(np.mean(values)), samples.mean(axis=0), min(figure.carrying for figure in figures))


def less(step: Figure, base: Figure, women: int) -> str:
    """Step minus base."""
    pair = (step.value, step.samples, base.value, base.samples)
    found = paired_difference(*pair, n_patients=women, carrying=min(step.carrying, base.carrying))
    return span({"value": found.value, "low": found.low, "high": found.high})


def seeds_of(folder: Path, name: str) -> list[int]:
    """The seeds with which a step is kept."""
    return [seed for seed in SEEDS if (folder / f"{name}-{seed}" / "facts.json").is_file()]


def longer(folder: Path) -> str:
    """What twice the crops bought each time, over the seeds that both have, in Markdown."""
    shown = ("at 1", *COMPARED)
    lines = [f"| crops | and half of them | seeds | {' | '.join(f'{what}, minus' for what in shown)} |"]
    lines.append("|---" * (3 + len(shown)) + "|")
    for shorter, longer in zip(LONGER, LONGER[1:], strict=False):
        both = [seed for seed in seeds_of(folder, longer) if seed in seeds_of(folder, shorter)]
        runs = [[judged(folder, f"{name}-{seed}") for seed in both] for name in (longer, shorter)]
        if both:
            crops = [f"{its[0][0]['run']['crops']:,}" for its in runs]
            means = [[mean_of([run[1][SHOWN[what]] for run in its]) for what in shown] for its in runs]
            cells = [less(*pair, runs[0][0][2]) for pair in zip(*means, strict=True)]
            lines.append(f"| {' | '.join((*crops, str(len(both)), *cells))} |")
    return "\n".join(lines)


def flips(folder: Path) -> str:
    """What maps averaged over the film turned over buy, over the seeds that both have, in Markdown."""
    shown = ("at 1", *COMPARED)
    lines = [f"| with flips, minus without | seeds | {' | '.join(shown)} |", "|---" * (2 + len(shown)) + "|"]
    for name in FLIPS:
        both = [seed for seed in seeds_of(folder, FLIPPED[name]) if seed in seeds_of(folder, name)]
        runs = [[judged(folder, f"{its}-{seed}") for seed in both] for its in (FLIPPED[name], name)]
        if both:
            means = [[mean_of([run[1][SHOWN[what]] for run in its]) for what in shown] for its in runs]
            cells = [less(*pair, runs[0][0][2]) for pair in zip(*means, strict=True)]
            lines.append(f"| `{name}` | {len(both)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(folder: Path) -> str:
    """One row a step, in Markdown."""
    seeds = {name: seeds_of(folder, name) for name in STEPS}
    seeds = {name: its for name, its in seeds.items() if its}
    facts, _, women = judged(folder, f"{BASE}-{seeds[BASE][0]}")
    data = facts["data"]
    heads = [*SHOWN, *(f"{name}, minus the base" for name in COMPARED)]
    lines = [
        f"{data['source']}, split `{data['split']}`: {data['films']} films of {data['women']} women, {data['lesions']} "
        f"lesions, {data['malignant_films']} films malignant; learned on {facts['run']['women']['net']} other women.",
        "",
        f"| step | what | seeds | parameters, millions | {' | '.join(heads)} | at 1, seed by seed |",
        "|---" * (5 + len(heads)) + "|",
    ]
    for name, its in seeds.items():
        runs = [judged(folder, f"{name}-{seed}") for seed in its]
        if any(run[0]["data"] != data for run in runs):
            raise SystemExit(f"{folder / name}: judged on other films than the base")
        mean = {shown: mean_of([run[1][key] for run in runs]) for shown, key in SHOWN.items()}
        both = [seed for seed in its if seed in seeds[BASE]] if name != BASE else []
        pairs = [[judged(folder, f"{of}-{seed}")[1] for seed in both] for of in (name, BASE)]
        minus = [
            less(*(mean_of([figures[SHOWN[shown]] for figures in of]) for of in pairs), women) if both else ""
            for shown in COMPARED
        ]
        cells = [
            f"`{name}`",
            STEPS[name].why,
            str(len(its)),
            f"{runs[0][0]['parameters'] / 1e6:.1f}",
            *(span(spelled(figure, women)) for figure in mean.values()),
            *minus,
            ", ".join(f"{run[1][SHOWN['at 1']].value:.2f}" for run in runs),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    kept_in = Path(sys.argv[1]) if sys.argv[1:] else FOLDER
    print(f"{table(kept_in)}\n\n{flips(kept_in)}\n\n{longer(kept_in)}")
