"""`benchmark --aggregate-only`: a report without any value of a single case, for test sets that stay closed.

In: a report. Out: the same without what stands for one film, lesion or woman: no table beside it, no picture, no list
of lesions, no step of a curve that is one case, no figure of a group that is too small.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mammomap.benchmark.strata import TOO_FEW_WOMEN

FEWEST = 5
"""Counts in groups of fewer lesions, marks or films are left out."""
GRID = tuple(np.linspace(0, 1, 21).round(2).tolist())


def aggregated(report: dict[str, Any]) -> dict[str, Any]:
    """The report without values of cases."""
    return report | {
        "systems": [_system(entry) for entry in report["systems"]],
        "strata": [row for row in report["strata"] if row["women"] >= TOO_FEW_WOMEN],
        "failures": [_failures(entry) for entry in report["failures"]],
        "differing": [],
        "evidence": {},
    }


def _system(entry: dict[str, Any]) -> dict[str, Any]:
    notes = [f"{len(entry['extra_films'])} films that the tables do not know"] if entry["extra_films"] else []
    return entry | {
        "extra_films": [],
        "notes": [*entry["notes"], *notes],
        "images": [_images(one) for one in entry["images"]],
    }


def _images(entry: dict[str, Any]) -> dict[str, Any]:
    """Curves on a grid: with a step for each case they would give the order of the cases away."""
    found = entry | {"roc": _on_grid(entry["roc"]), "pr": _on_grid(entry["pr"])}
    if "calibration" in entry:
        bins = [row for row in entry["calibration"]["bins"] if row[0] >= FEWEST]
        found["calibration"] = entry["calibration"] | {"bins": bins}
    return found


def _on_grid(points: list[list[float | None]]) -> list[list[float | None]]:
    known = [(x, y) for x, y in points if x is not None and y is not None]
    if not known:
        return []
    x, y = np.array(known, float).T
    return [[at, round(float(value), 3)] for at, value in zip(GRID, np.interp(GRID, x, y), strict=True)]


def _failures(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {
        "missed_by": [row for row in entry["missed_by"] if row["lesions"] >= FEWEST],
        "false_by_place": [
            {"place": row["place"], "marks": row["marks"], "by_view": {}}
            for row in entry["false_by_place"]
            if row["marks"] >= FEWEST
        ],
    }
