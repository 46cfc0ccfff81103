"""The comparison of nets, worked out from what `compare_net.py` kept; needs no film and no net.

    python study/compare_table.py

One table a set, the nets in the order of `compare_net.NETS`, as far as they are there: figures with 95 % intervals by
woman, and beside each what the same net reaches on women that it was trained on. Differences are paired, from the
U-Net, on the same resamples of women. Times are those of `speed/nets.py`, where every net was timed beside the others.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from compare_net import CROP, FOLDER, NETS, SEEN, SPLITS
from kept import kept
from tables import span

from mammomap.benchmark.compare import differences
from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.judge_lesions import sensitivity_name

KINDS = ("masses", "calcifications")


def seconds(path: Path) -> dict[tuple[str, str], str]:
    """(net, crop or film) -> seconds, as `speed/nets.py` found them; empty where it has not been called."""
    if not path.is_file():
        return {}
    told = {}
    for row in pd.read_csv(path).to_dict("records"):
        for what in ("crop", "film"):
            middle, low, high = (row[f"{what}{end}"] for end in ("", "_low", "_high"))
            told[row["net"], what] = f"{middle:.3f} ({low:.3f} to {high:.3f})"
    return told


def table(folder: Path) -> str:
    """The table of one set, in Markdown."""
    nets = [net for net in NETS if (folder / net / "facts.json").is_file()]
    facts, entries, figures = {}, {}, []
    for net in nets:
        facts[net], evidence = kept(folder, net)
        entries[net], found = judge_system(evidence, Said.of_entry(facts[net]["said"]))
        figures.append(found)
    data = facts[nets[0]]["data"]
    if any(facts[net]["data"] != data for net in nets):
        raise SystemExit(f"{folder}: the nets were judged on different films")
    minus = pd.DataFrame(differences(nets, figures, evidence.women))
    kinds = [kind for kind in KINDS if kind in entries[nets[0]]["dice"]]
    run, speeds = facts[nets[0]]["run"], seconds(folder.parent / "speed.csv")
    lines = [
        f"{data['source']}, split `{data['split']}`, part {data['part']}: {data['films']} films of {data['women']} "
        f"women, {data['lesions']} lesions, {data['malignant_films']} films malignant; trained on "
        f"{run['women']['net']} other women, crops of {CROP} pixels at {run['rows']} rows.",
        "",
        "| net | parameters, millions | crops | seconds a crop in training | seconds a film "
        "| lesions at 1/4 false positive per film | at 1 "
        f"| at 1, U-Net minus this | at 1, {SEEN} women seen in training | AUC by image "
        "| AUC, U-Net minus this |" + "".join(f" Dice of {kind}, mean over lesions |" for kind in kinds),
        "|---" * (11 + len(kinds)) + "|",
    ]
    for net in nets:
        its = facts[net]
        at = {row["fp"]: row for row in entries[net]["froc"]["any"]["at"]}
        auc = next(e for e in entries[net]["images"] if (e["level"], e["score"]) == ("image", "map maximum"))["auc"]
        seen = next(row for row in its["seen"]["froc"] if row["fp"] == 1.0)
        of_net = minus[minus["b"] == net].set_index(["measure", "level"]) if net != nets[0] else None
        less = [
            span(of_net.loc[key].to_dict()) if of_net is not None else ""
            for key in ((sensitivity_name("any"), "lesion"), ("AUC of the map maximum", "image"))
        ]
        dice = [entries[net]["dice"][kind]["by_lesion"]["dice"]["mean"] for kind in kinds]
        cells = [
            f"`{net}`",
            f"{its['parameters'] / 1e6:.1f}",
            f"{its['run']['crops']:,}",
            *(speeds.get((net, what), "") for what in ("crop", "film")),
            span(at[0.25]),
            span(at[1.0]),
            less[0],
            span(seen),
            span(auc),
            less[1],
            *map(span, dice),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """Set -> its table, for the sets of which any net is there."""
    return {data: table(FOLDER / data) for data in SPLITS if list((FOLDER / data).glob("*/facts.json"))}


if __name__ == "__main__":
    for name, text in tables().items():
        print(f"\n## {name}\n\n{text}")
