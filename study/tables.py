"""Rebuild the tables in README.md and docs/ from the committed results; needs no film and no torch.

    python study/tables.py           write them
    python study/tables.py --check   fail if they are stale

A table stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    "net": "mammomap",
    "untrained": "the same net before training",
    "blob": "blob detector",
    "floor": "a plain U-Net",
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
    """The paired differences."""
    lines = ["| minus | figure | difference |", "|---|---|---|"]
    for row in report["differences"]:
        lines.append(f"| {NAMES.get(row['b'], row['b'])} | {row['measure']}, {row['level']} | {span(row)} |")
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


def tables() -> dict[str, str]:
    """Every table by its name."""
    made = {"coverage": coverage(ROOT / "study" / "coverage" / "coverage.csv")}
    for path in sorted((ROOT / "study").glob("*/report.json")):
        report = json.loads(path.read_text())
        made[path.parent.name] = headline(report)
        made[f"{path.parent.name} differences"] = differences(report)
    return made


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
