"""What is said of the net that ships, worked out from what `shipped.py` kept; needs no film and no torch.

    python study/shipped_table.py
    python study/shipped_table.py AGAIN

AGAIN holds folds that were trained again (`shipped.py --keep`): they are laid beside those that are kept.

Each woman is judged by the net that learned on the other four folds. Marks and films are ranked by what their scores
cost in their own fold, since five nets have five scales; 95 % intervals by woman, differences paired on the same
resamples. Probabilities are those of a head fitted on the films of the other four folds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from heads import BOUNDS, Judged, judged, over_seeds, together
from heads import told as spelled_out
from kept import joined, kept, on_one_scale
from recipe import FOLDER as STEPS
from recipe import FROZEN, JUDGED, SEEDS
from recipe_table import SHOWN, less
from recipe_table import judged as of_step
from shipped import FOLDER, FOLDS
from tables import span, yardsticks

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.plain import Figures, spelled
from mammomap.benchmark.strata import strata
from mammomap.benchmark.yardstick import yardstick_entries
from mammomap.classify.features import inputs_named
from mammomap.classify.heads import fit_head
from mammomap.classify.levels import LEVELS

COMPARED = (0, 4)
"""The folds on which the plain U-Net stands beside."""
LOOKED_AT = (0,)
"""Those that had been looked at before the recipe was frozen."""
COLUMNS = {
    **SHOWN,
    "AUC by breast": ("AUC of the map maximum", "breast"),
    "AUC by woman": ("AUC of the map maximum", "patient"),
}
NAMES = {"net": "the net that ships", "floor": "a plain U-Net"}


@dataclass(frozen=True)
class Fold:
    """What is kept of one."""

    said: Mapping[str, Said]
    """What each system says of itself."""
    evidence: Evidence
    in_calc_list: frozenset[str]
    facts: dict


def folds(folder: Path) -> dict[int, Fold]:
    """Those that are there."""
    found = {}
    for number in range(FOLDS):
        if not (folder / f"fold-{number}" / "net" / "facts.json").is_file():
            continue
        facts, evidence = kept(folder / f"fold-{number}", "net")
        said = {its["name"]: Said.of_entry(its) for its in (facts["said"], *facts["beside"])}
        found[number] = Fold(said, on_one_scale(evidence), frozenset(facts["in_calc_list"]), facts)
    return found


def joined_folds(found: Mapping[int, Fold]) -> Evidence:
    """All folds together."""
    return joined([fold.evidence for fold in found.values()])


def figures(some: Sequence[Fold], system: str, *, without_calc: bool = False) -> tuple[Figures, Evidence]:
    """Of one system on some folds together."""
    evidence = joined([fold.evidence for fold in some])
    if without_calc:
        out = frozenset().union(*(fold.in_calc_list for fold in some))
        evidence = evidence.of(~evidence.films["image_id"].isin(out).to_numpy())
    return judge_system(evidence, some[0].said[system])[1], evidence


def row(name: str, found: Figures, evidence: Evidence) -> str:
    """One line of the table."""
    cells = [span(spelled(found[key], evidence.women)) for key in COLUMNS.values()]
    count = int((~evidence.lesions["ignored"]).sum())
    return f"| {name} | {len(evidence.films)} | {evidence.women} | {count} | {' | '.join(cells)} |"


def named(some: Sequence[int]) -> str:
    """Some folds in words."""
    each = [f"{number} (looked at before)" if number in LOOKED_AT else str(number) for number in some]
    return f"fold{'s' * (len(some) > 1)} {', '.join(each)}"


def lesions(found: dict[int, Fold]) -> list[str]:
    """All folds; without films of the calcification list; and where the plain U-Net stands beside, both and paired."""
    lines = [f"| | films | women | lesions | {' | '.join(COLUMNS)} |", "|---" * (4 + len(COLUMNS)) + "|"]
    every = list(found.values())
    name = f"{NAMES['net']}, {named(list(found))}"
    lines.append(row(name, *figures(every, "net")))
    lines.append(row("… without the films of the calcification list too", *figures(every, "net", without_calc=True)))
    beside = [number for number in COMPARED if number in found and "floor" in found[number].said]
    for some in [beside, *([number] for number in beside if len(beside) > 1)]:
        if not some:
            continue
        its, where = [found[number] for number in some], named(some)
        (ours, evidence), (theirs, _) = figures(its, "net"), figures(its, "floor")
        lines.append(row(f"{NAMES['net']}, {where}", ours, evidence))
        lines.append(row(f"{NAMES['floor']}, {where}", theirs, evidence))
        minus = [less(ours[key], theirs[key], evidence.women) for key in COLUMNS.values()]
        lines.append(f"| the difference | | | | {' | '.join(minus)} |")
    return lines


def probabilities(found: dict[int, Fold], folder: Path) -> list[str]:
    """The head's answers by level, each fold by a head of the others' films."""
    films = pd.concat(
        [pd.read_csv(folder / f"fold-{number}" / "net" / "inputs.csv").assign(fold=number) for number in found],
        ignore_index=True,
    )
    columns, each = list(inputs_named("features")), {level: [] for level in LEVELS}
    for number in found if len(found) > 1 else ():
        others, own = films[films["fold"] != number], films[films["fold"] == number]
        others = others[others["kinds_not_outlined"].isna()]  # as train-head does
        labels = others.assign(malignant=others["malignant"] > 0)
        head = fit_head(others[columns].to_numpy(float), labels, kind="features", model="study", seed=1)
        for level in LEVELS:
            each[level].append(judged(own, head, own[columns].to_numpy(float), level, number))
    measures = ("AUC", "slope", "intercept", "Brier", "ECE")
    lines = [f"| level | cases | malignant | {' | '.join(measures)} |", "|---" * (3 + len(measures)) + "|"]
    women = films["woman"].nunique()
    for level, answers in each.items():
        if answers:
            one: Judged = together(answers)
            cells = [spelled_out(over_seeds([one], measure), women, BOUNDS[measure]) for measure in measures]
            lines.append(f"| {level} | {len(one.name)} | {int(one.malignant.sum())} | {' | '.join(cells)} |")
    return lines


def groups(found: dict[int, Fold]) -> list[str]:
    """Lesions found in groups of lesions and films, all folds together."""
    lines = ["| group | women | lesions or films | sensitivity at 1 | AUC by image |", "|---" * 5 + "|"]
    for its in strata(joined_folds(found), "net"):
        few = ", too few women" if its["too_few"] else ""
        shown = [its.get(key) for key in ("sensitivity_at_1", "auc")]
        cells = [span(figure) if figure and figure["value"] is not None else "" for figure in shown]
        count = its.get("lesions") if its["of"] == "lesions" else its.get("films")
        lines.append(f"| {its['name']}: {its['value']}{few} | {its['women']} | {count} | {' | '.join(cells)} |")
    return lines


def agreement(again: Path, folder: Path = FOLDER, steps: Path = STEPS) -> str:
    """Folds trained again beside those kept, and how far nets of the recipe that differ by their seed lie apart."""
    old, new = folds(folder), folds(again)
    if not new or not set(new) <= set(old):
        raise SystemExit(f"{again}: no folds that are kept in {folder} too")
    lines = [f"| fold | | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for number, its in new.items():
        values = [[figures([one], "net")[0][key].value for key in COLUMNS.values()] for one in (old[number], its)]
        same = its.facts["run"]["weights_sha256"] == old[number].facts["run"]["weights_sha256"]
        last = f"difference; weights {'the same bit for bit' if same else 'not the same bit for bit'}"
        rows = {"kept": values[0], "again": values[1], last: [b - a for a, b in zip(*values, strict=True)]}
        lines += [
            f"| {number} | {name} | {' | '.join(f'{value:.3f}' for value in row)} |" for name, row in rows.items()
        ]
    names = [f"{FROZEN}-{seed}" for seed in SEEDS if (steps / f"{FROZEN}-{seed}" / "facts.json").is_file()]
    seeds = [[of_step(steps, name)[1][key].value for key in COLUMNS.values()] for name in names]
    apart = " | ".join(f"{max(its) - min(its):.3f}" for its in zip(*seeds, strict=True))
    return "\n".join([*lines, f"| {JUDGED} | {len(seeds)} seeds, their largest less their smallest | {apart} |"])


def cases(path: Path) -> str:
    """The films with published outlines, a row each."""
    lines = [
        "| film | fold | rank of the mark on the lesion | its score | Dice | Hausdorff 95 %, pixels "
        "| mean distance of the edges, pixels | found area over true |",
        "|---" * 8 + "|",
    ]
    for its in pd.read_csv(path).itertuples():
        hit = ("none", "") if pd.isna(its.rank) else (f"{int(its.rank)}", f"{its.score:.2f}")
        far = ("", "") if pd.isna(its.average) else (f"{its.hausdorff_95:.0f}", f"{its.average:.0f}")
        cells = (its.film, its.fold, *hit, f"{its.dice:.2f}", *far, f"{its.found / its.area:.2f}")
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def tables(folder: Path = FOLDER) -> dict[str, str]:
    """Name -> table in Markdown; none before a fold is kept."""
    found = folds(folder)
    if not found:
        return {}
    facts = [fold.facts for fold in found.values()]
    if len({its["data"]["source"] for its in facts}) > 1 or len({its["parameters"] for its in facts}) > 1:
        raise SystemExit(f"{folder}: folds of different sets or nets")
    minutes = [its["run"]["training_seconds"] / 60 for its in facts]
    said = (
        f"{facts[0]['data']['source']}, each fold by a net of the other four; {facts[0]['parameters'] / 1e6:.1f} "
        f"million parameters, {facts[0]['run']['crops']:,} crops at {facts[0]['run']['rows']} rows, "
        f"{min(minutes):.0f} to {max(minutes):.0f} minutes to train each on {facts[0]['run']['threads']} core."
    )
    more = {"shipped cases": cases(folder / "cases.csv")} if (folder / "cases.csv").is_file() else {}
    return {
        **more,
        "shipped": "\n".join([said, "", *lesions(found)]),
        "shipped head": "\n".join(probabilities(found, folder)),
        "shipped groups": "\n".join(groups(found)),
        "shipped yardsticks": yardsticks({"yardsticks": yardstick_entries(joined_folds(found), "net")}),
    }


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(print(agreement(Path(sys.argv[1]))))
    for title, text in tables().items():
        print(f"\n## {title}\n\n{text}")
