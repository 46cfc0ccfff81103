"""Rebuild the tables in README.md and docs/ from the committed results; needs no film and no torch.

    python study/tables.py           write them
    python study/tables.py --check   fail if they are stale

A table stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from mammomap.masks.parallel import in_processes

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("BI-RADS", "subtlety", "size")
NAMES = {
    "net": "mammomap",
    "untrained": "the same net before training",
    "blob": "blob detector at 576 rows",
    "floor": "a plain U-Net",
    "phantom-trained": "trained on phantoms alone",
    "film-trained": "trained on films alone",
    "place map": "where lesions mostly lie (trivial line)",
    "blob detector": "blob detector at 768 rows (trivial line)",
}


def span(found: dict) -> str:
    """A figure with its interval."""
    if found["low"] is None:
        return f"{found['value']:.2f}"
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def at(system: dict, which: str, rate: float) -> dict:
    """The sensitivity at one false positive rate."""
    return next(row for row in system["froc"][which]["at"] if row["fp"] == rate)


def auc(system: dict, level: str) -> dict:
    """The AUC of the map maximum at one level."""
    return next(row["auc"] for row in system["images"] if row["level"] == level and row["score"] == "map maximum")


def headline(report: dict) -> str:
    """One row a system: sensitivities and AUC, each with its interval."""
    data = report["data"]
    lines = [
        f"{data['source']}, split `{data['split']}`, part {data['part']}: {data['films']} films of {data['women']} "
        f"women, {data['lesions']} lesions, {data['malignant_films']} films malignant. 95 % intervals by woman. "
        f"Lesions are found in {'boxes, not outlines' if data['approximate'] else 'outlines'}. "
        f"{report['made']['date']}.",
        "",
        "| | any lesion at 1 false positive per film | malignant lesion at 1 | AUC by image | AUC by breast |",
        "|---|---|---|---|---|",
    ]
    for system in report["systems"]:
        figures = [
            at(system, "any", 1.0),
            at(system, "malignant", 1.0),
            auc(system, "image"),
            auc(system, "breast"),
        ]
        name = NAMES.get(system["name"], system["name"])
        lines.append(f"| {name} | " + " | ".join(span(figure) for figure in figures) + " |")
    return "\n".join(lines)


def differences(report: dict) -> str:
    """The paired differences from the other submitted systems, with Holm's p over all that the report has."""
    lines = ["| minus | figure | difference | p, Holm |", "|---|---|---|---|"]
    submitted = {system["name"] for system in report["systems"] if system["role"] == "submitted"}
    for row in report["differences"]:
        if row["b"] in submitted:
            p = "below 0.001" if row["p_holm"] < 0.001 else f"{row['p_holm']:.3f}"
            name = NAMES.get(row["b"], row["b"])
            lines.append(f"| {name} | {row['measure']}, {row['level']} | {span(row)} | {p} |")
    return "\n".join(lines)


def groups(report: dict) -> str:
    """Lesions found in groups of lesions, first submitted system and the last beside it."""
    names = list(dict.fromkeys(row["system"] for row in report["strata"]))
    first, last = names[0], names[-1]
    rows: dict[tuple[str, str], dict[str, dict]] = {}
    for row in report["strata"]:
        if row["of"] == "lesions" and row["name"].startswith(GROUPS):
            rows.setdefault((row["name"], row["value"]), {})[row["system"]] = row
    lines = [f"| group | women | lesions | {NAMES[first]} | {NAMES[last]} |", "|---|---|---|---|---|"]
    for (name, value), found in rows.items():
        row = found[first]
        few = ", too few women" if row["too_few"] else ""
        figures = " | ".join(span(found[system]["sensitivity_at_1"]) for system in (first, last))
        lines.append(f"| {name}: {value}{few} | {row['women']} | {row['lesions']} | {figures} |")
    return "\n".join(lines)


def froc(report: dict) -> str:
    """Lesions found at four rates of false positives, one row a submitted system."""
    rates = {0.25: "1/4", 0.5: "1/2", 1.0: "1", 2.0: "2"}
    lines = ["| any lesion, at false positives per film | " + " | ".join(rates.values()) + " |", "|---" * 5 + "|"]
    for system in report["systems"]:
        if system["role"] == "submitted":
            figures = " | ".join(span(at(system, "any", rate)) for rate in rates)
            lines.append(f"| {NAMES.get(system['name'], system['name'])} | {figures} |")
    return "\n".join(lines)


def yardsticks(report: dict) -> str:
    """AUC by image of scores that need no system."""
    lines = ["| score | AUC by image | the net minus this |", "|---|---|---|"]
    for row in report["yardsticks"]:
        lines.append(f"| {row['name']} | {span(row['auc'])} | {span(row['first_minus_this'])} |")
    return "\n".join(lines)


def coverage(path: Path) -> str:
    """One row a figure and method; how many of 100 intervals hold the truth, and how wide they are."""
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    sizes = sorted({int(row["women"]) for row in found})
    rows: dict[tuple[str, ...], dict[int, dict]] = {}
    for row in found:
        truth = f"{float(row['truth']):.2f}"
        rows.setdefault((row["auc"], row["figure"], truth, row["method"]), {})[int(row["women"])] = row
    lines = [
        "| AUC of the system | figure | truth | interval | " + " | ".join(f"{n} women" for n in sizes) + " |",
        "|---|---|---|---|" + "---|" * len(sizes),
    ]
    for key, by_size in rows.items():
        cells = (by_size.get(n) for n in sizes)
        shown = (f"{c['covered']} ({float(c['width']):.3f})" if c else "" for c in cells)
        lines.append(f"| {' | '.join(key)} | {' | '.join(shown)} |")
    return "\n".join(lines)


def compared_nets() -> dict[str, str]:
    """The comparison of nets, set by set, and what bfloat16 does to maps."""
    from compare_table import tables
    from precision_table import KEPT, show

    made = {f"nets {data}": table for data, table in tables().items()}
    return made | ({"precision": show(KEPT)} if KEPT.is_file() else {})


def phantoms(folder: Path) -> dict[str, str]:
    """What was measured on phantoms, as far as it is committed."""
    made = {}
    if (path := folder / "bounds.csv").is_file():
        from phantom_bounds import rows_of, show

        made["phantom bounds"] = show(rows_of(path))
    if (path := folder / "kinds.csv").is_file():
        import pandas as pd
        from phantom_kinds import show as show_kinds

        made["phantom kinds"] = show_kinds(pd.read_csv(path))
    if (path := folder / "looks.csv").is_file():
        from phantom_and_film import looks_of, medians

        made["phantom looks"] = medians(looks_of(path))
    if (path := folder / "told_apart.csv").is_file():
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        lines = [f"| {rows[0]['phantoms']} phantoms, {rows[0]['films']} films | AUC |", "|---|---|"]
        spans = [{name: float(row[name]) for name in ("value", "low", "high")} for row in rows]
        made["phantom told apart"] = "\n".join(
            [*lines, *(f"| {row['view']} | {span(found)} |" for row, found in zip(rows, spans, strict=True))]
        )
    if (folder / "demo_scores.csv").is_file():
        from phantom_demo import show

        made["phantom demos"] = show(folder)
    return made


def heads() -> dict[str, str]:
    """Heads on five draws of phantoms."""
    from heads import tables

    return tables()


def rotation() -> dict[str, str]:
    """Heads and classifiers in rotation over folds, set by set."""
    from rotation_table import tables

    return {f"rotation {data}": text for data, text in tables().items()}


def study() -> dict[str, str]:
    """The recipe of the net that ships, what is said of that net, nnU-Net beside it, segmentation on true outlines."""
    made = {}
    if list((ROOT / "study" / "recipe").glob("*/facts.json")):
        from recipe_table import FOLDER, flips, longer, table

        made |= {"recipe": table(FOLDER), "recipe flips": flips(FOLDER), "recipe longer": longer(FOLDER)}
    if list((ROOT / "study" / "outlines").glob("fold-*")):
        from outlines_table import FOLDER as OUTLINES
        from outlines_table import table as outlines

        made["outlines"] = outlines(OUTLINES)
    if list((ROOT / "study" / "shipped").glob("fold-*")):
        from shipped_table import tables as shipped

        made |= shipped()
    if (ROOT / "study" / "rival").is_dir():
        from rival_table import tables as rival

        made |= rival()
    if list((ROOT / "study" / "elsewhere").glob("*/net/facts.json")):
        from elsewhere_table import table as elsewhere

        made["elsewhere"] = elsewhere()
    return made


def measured() -> dict[str, str]:
    """Coverage of intervals, and what was measured on phantoms."""
    return {"coverage": coverage(ROOT / "study" / "coverage" / "coverage.csv")} | phantoms(ROOT / "study" / "phantom")


def reports() -> dict[str, str]:
    """The tables of each report that is kept."""
    made = {}
    for path in sorted((ROOT / "study").glob("*/report.json")):
        report = json.loads(path.read_text())
        made[path.parent.name] = headline(report)
        made[f"{path.parent.name} froc"] = froc(report)
        made[f"{path.parent.name} differences"] = differences(report)
        made[f"{path.parent.name} groups"] = groups(report)
        made[f"{path.parent.name} yardsticks"] = yardsticks(report)
    return made


GROUPS_OF_TABLES = (rotation, heads, compared_nets, measured, study, reports)
"""The longest first: each goes to a process of its own."""


def called(group: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What a group makes."""
    return group()


def tables() -> dict[str, str]:
    """Every table by its name."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = in_processes(called, GROUPS_OF_TABLES, what="tables", unit="group")
    return {name: table for group in made for name, table in group.items()}


def main(check: bool) -> int:
    """Write the tables, or say which page is stale."""
    made, stale = tables(), []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = new = page.read_text()
        for name, table in made.items():
            pattern = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)"
            new = re.sub(pattern, lambda found, t=table: f"{found[1]}{t}\n{found[2]}", new, flags=re.S)
        if new != text:
            stale.append(page.name)
            if not check:
                page.write_text(new)
    print(("stale: " if check else "written: ") + (", ".join(stale) or "none"))
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
