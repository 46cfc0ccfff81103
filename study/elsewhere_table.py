"""What the model that comes with mammomap does on other sets, worked out from what `elsewhere.py` kept.

    python study/elsewhere_table.py

95 % intervals by woman. The model's threshold is the one that costs one false positive per film on CBIS-DDSM.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from elsewhere import FOLDER, RENAMED, SEEN, SETS
from kept import kept
from recipe_table import SHOWN
from tables import span

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.plain import Figure, spelled
from mammomap.eval.means import mean_bootstrap


def false_marks(evidence: Evidence, threshold: float) -> tuple[int, dict[str, Figure]]:
    """Films without a lesion: how many, their marks at or above the threshold, and the share that has none."""
    without = ~evidence.films["image_id"].isin(evidence.lesions["image_id"]).to_numpy()
    without &= (evidence.films["kinds_not_outlined"].fillna("") == "").to_numpy()
    marks = evidence.marks[(evidence.marks["map"] == "lesion") & (evidence.marks["score"] >= threshold)]
    count = evidence.films["image_id"].map(marks["image_id"].value_counts()).fillna(0).to_numpy(float)
    found = {}
    for name, values in (("marks per lesion-free film", count), ("lesion-free films without one", count == 0)):
        its = np.where(without, values, np.nan)
        if without.any():
            samples = mean_bootstrap(its, evidence.woman, evidence.weights)
            found[name] = Figure(float(np.nanmean(its)), samples, len(set(evidence.woman[without])))
    return int(without.sum()), found


def table(folder: Path = FOLDER) -> str:
    """One row a set, in Markdown."""
    said = ("marks per lesion-free film", "lesion-free films without one")
    lines = [
        f"| set | films | women | lesions | lesion-free films | {' | '.join([*SHOWN, *said])} |",
        "|---" * (5 + len(SHOWN) + len(said)) + "|",
    ]
    for name in SETS:
        if not (folder / name / "net" / "facts.json").is_file():
            continue
        facts, evidence = kept(folder / name, "net")
        figures = judge_system(evidence, Said.of_entry(facts["said"]))[1]
        free, false = false_marks(evidence, facts["candidate_point"])
        cells = []
        for its in (*(figures.get(key) for key in SHOWN.values()), *(false.get(what) for what in said)):
            bounds = None if its is false.get(said[0]) else (0.0, 1.0)  # a film has any number of marks
            cells.append(span(spelled(its, evidence.women, bounds)) if its and np.isfinite(its.value) else "")
        count = int((~evidence.lesions["ignored"]).sum())
        what = f"fold {SEEN} renamed, in-sample" if name == RENAMED else facts["data"]["source"]
        lines.append(f"| {what} | {len(evidence.films)} | {evidence.women} | {count} | {free} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
