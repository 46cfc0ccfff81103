"""Segmentation on true outlines, worked out from what `outlines.py` kept; needs no film and no net.

    python study/outlines_table.py

The films of all folds that are kept are judged together, each by the net that has not seen its patient, marks ranked
by the false positives that their score costs in their own fold; 95 % intervals by patient, differences paired on the
same resamples.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from kept import joined, kept, on_one_scale
from outlines import CROPS, FOLDER, FOLDS, ROWS, STARTS
from recipe_table import less
from tables import at, span

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.judge_lesions import sensitivity_name
from mammomap.benchmark.plain import Figure, spelled
from mammomap.eval.means import mean_bootstrap

SIZES = (0, 500, 2_000, float("inf"))
NAMES = {
    "scratch": "the net that ships, random weights",
    "linknet": "LinkNet, random weights",
    "shipped": "the net that ships, its own weights",
}


def table(folder: Path) -> str:
    """One row a start, in Markdown."""
    folds = {
        name: [k for k in range(FOLDS) if (folder / f"fold-{k}" / name / "facts.json").is_file()] for name in STARTS
    }
    names = [name for name, its in folds.items() if its]
    entries, figures, lesions, evidence, facts = {}, {}, {}, None, {}
    for name in names:
        if folds[name] != folds[names[0]]:
            raise SystemExit(f"{folder}: {name} has the folds {folds[name]}, {names[0]} has {folds[names[0]]}")
        each = [kept(folder / f"fold-{k}", name) for k in folds[name]]
        facts, evidence = each[0][0], joined([on_one_scale(its) for _, its in each])
        entries[name], figures[name] = judge_system(evidence, Said.of_entry(facts["said"]))
        lesions[name] = dice_of(evidence)
    assert evidence is not None
    lines = [
        f"{facts['data']['source']}, {len(folds[names[0]])} of {FOLDS} folds by patient: {len(evidence.films)} films "
        f"of {evidence.women} patients, {int((~evidence.lesions['ignored']).sum())} lesions; nets of {CROPS:,} crops "
        f"at {ROWS} rows.",
        "",
        "| start | lesions at 1/4 false positive per film | at 1 | at 1, minus the first | Dice of masses, mean over "
        "lesions | minus the first | all their pixels pooled | Hausdorff 95 %, film pixels | mean distance of the "
        "edges, film pixels |",
        "|---" * 9 + "|",
    ]
    for name in names:
        froc, dice = entries[name], entries[name]["dice"]["masses"]
        key = (sensitivity_name("any"), "lesion")
        minus, more = "", ""
        if name != names[0]:
            minus = less(figures[name][key], figures[names[0]][key], evidence.women)
            pairs = lesions[name]["dice"] - lesions[names[0]]["dice"]
            more = mean(pairs.to_numpy(), lesions[name]["woman"].to_numpy(), evidence, low=-1.0)
        lesion = dice["by_lesion"]
        cells = [
            NAMES[name],
            span(at(froc, "any", 0.25)),
            span(at(froc, "any", 1.0)),
            minus,
            span(lesion["dice"]["mean"]),
            more,
            span(dice["pooled"]["dice"]),
            *(span(lesion[what]["mean"]) for what in ("hausdorff_95_px", "average_distance_px")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *by_size(evidence)])


def dice_of(evidence: Evidence) -> pd.DataFrame:
    """A row a mass, by its lesion's number: `pixels` of it, its `dice`, whether no found pixel touches it, its
    `woman`."""
    rows = evidence.overlap[(evidence.overlap["lesion"] >= 0) & (evidence.overlap["kind"] == "mass")]
    rows = rows.set_index("lesion").sort_index()
    return pd.DataFrame(
        {
            "pixels": rows["tp"] + rows["fn"],
            "dice": 2 * rows["tp"] / (2 * rows["tp"] + rows["fp"] + rows["fn"]),
            "untouched": (rows["tp"] == 0).astype(float),
            "woman": evidence.woman[evidence.film_of(rows["image_id"])],
        }
    )


def mean(values: np.ndarray, woman: np.ndarray, evidence: Evidence, low: float = 0.0) -> str:
    """The mean of some lesions' values from low to 1, NaN for the others, with its interval by woman."""
    samples = mean_bootstrap(values, woman, evidence.weights)
    carrying = len(set(woman[np.isfinite(values)]))
    return span(spelled(Figure(float(np.nanmean(values)), samples, carrying), evidence.women, (low, 1.0)))


def by_size(evidence: Evidence) -> list[str]:
    """Dice of masses by how many pixels they have, and how many of them no found pixel touches, of the last start."""
    columns = {"Dice, mean": "dice", "not touched": "untouched"}
    lesions = dice_of(evidence)
    lines = [f"| pixels of the mass | masses | {' | '.join(columns)} |", "|---" * 4 + "|"]
    for low, high in zip(SIZES, SIZES[1:], strict=False):
        among = (lesions["pixels"] >= low) & (lesions["pixels"] < high)
        its = lesions.where(among)
        cells = [mean(its[name].to_numpy(float), lesions["woman"].to_numpy(), evidence) for name in columns.values()]
        name = f"{low:,} and more" if np.isinf(high) else f"below {high:,}" if not low else f"{low:,} to {high - 1:,}"
        lines.append(f"| {name} | {among.sum()} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    print(table(FOLDER))
