"""The sections on values: overlap, pixels, calibration, and what a stated prevalence makes of probabilities.

In and out as `sections`.
"""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from mammomap.report.charts import decision_chart, reliability_chart
from mammomap.report.texts import system_name
from mammomap.report.wording import Report, interval_text, number_text, squared

_WAYS = {"by_film": "film", "by_lesion": "lesion"}
_MEASURES = {
    "iou": "IoU",
    "precision": "Precision",
    "recall": "Recall",
    "hausdorff_95_mm": "Hausdorff 95 %, mm",
    "average_distance_mm": "Average distance, mm",
}
_PIXEL_MEASURES = {"hausdorff_95_px": "Hausdorff 95 %, px", "average_distance_px": "Average distance, px"}


def overlap(report: Report) -> dict[str, Any]:
    """Overlap where outlines are true; elsewhere the reason why there is none, once for the systems that share it."""
    rows: list[dict[str, str]] = []
    reasons: dict[str, list[str]] = {}
    for system in report.get("systems", []):
        entry = system.get("dice", {})
        if "reason" in entry:
            if not system.get("role") == "trivial":
                reasons.setdefault(entry["reason"], []).append(system["name"])
            continue
        for kind, found in entry.items():
            rows += [_overlap_row(system, kind, way, found[key]) for key, way in _WAYS.items() if key in found]
            if "pooled" in found:
                row = {"System": system_name(system), "Lesions": kind, "By": "pixels of all films pooled"}
                rows.append(row | {"Mean Dice": interval_text(found["pooled"]["dice"])})
    told = [f"No overlap for {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    return {"dice_rows": squared(rows), "dice_reasons": told, "pixel_rows": _pixels(report)}


def _overlap_row(system: Report, kind: str, way: str, found: Report) -> dict[str, str]:
    row = {"System": system_name(system), "Lesions": kind, "By": way, "n": str(found["n"])}
    row |= {"Mean Dice": interval_text(found["dice"]["mean"]), "Median Dice": number_text(found["dice"]["median"])}
    names = _MEASURES if "hausdorff_95_mm" in found else _MEASURES | _PIXEL_MEASURES
    for key, name in names.items():
        if key in found:
            without = f"; {found[key]['undefined']} without" if found[key]["undefined"] else ""
            row[name] = interval_text(found[key]["mean"]) + without
    return row | {"Threshold": f"{number_text(system.get('threshold'))}, {system.get('threshold_from', '')}"}


def _pixels(report: Report) -> list[dict[str, str]]:
    rows = []
    for system in report.get("systems", []):
        found = system.get("pixels")
        if found:
            row = {"System": system_name(system), "Average precision": interval_text(found["average_precision"])}
            row["Share of lesion pixels (chance)"] = number_text(found["lesion_share"])
            row[f"Highest pixel in a lesion ({found['pointing_films']} films)"] = interval_text(found["pointing_game"])
            rows.append(row | {"Calibration error": number_text(found["calibration_error"])})
    return squared(rows)


def calibration(report: Report) -> dict[str, Any]:
    """Reliability of the scores that are called probabilities, and what holds at a stated prevalence."""
    figures, rows, values = [], [], []
    for system in report.get("systems", []):
        for entry in system.get("images", ()):
            found = entry.get("calibration")
            if not found:
                continue
            name = f"{system['name']}, {entry['score']}, by {entry['level']}"
            svg = Markup(reliability_chart(found.get("bins", ()), name=f"reliability-{len(figures)}"))
            figures.append({"svg": svg, "caption": f"{name}. {found.get('note', '')}"})
            rows.append({"Score": name, **_calibration_row(entry, found)})
            at = entry.get("at_prevalence")
            if at:
                values += [{"Score": name, **_value_row(at, point)} for point in at["points"]]
                if "decision_curve" in at:
                    svg = Markup(decision_chart(at["decision_curve"], name=f"decision-{len(figures)}"))
                    caption = f"{name}: net benefit at prevalence {at['prevalence']:.1%}, to which it was moved."
                    figures.append({"svg": svg, "caption": caption})
    return {"calibration": figures, "calibration_rows": squared(rows), "prevalence_rows": squared(values)}


def _calibration_row(entry: Report, found: Report) -> dict[str, str]:
    fitted = entry.get("fitted_at")
    return {
        "Fitted at prevalence": "not known" if fitted is None else f"{fitted:.0%}",
        "Prevalence here": "–" if entry.get("prevalence") is None else f"{entry['prevalence']:.0%}",
        "Brier score": interval_text(entry.get("brier")),
        "Intercept (best 0)": interval_text(found.get("intercept")),
        "Slope (best 1)": interval_text(found.get("slope")),
        "Intercept at slope 1": interval_text(found.get("in_the_large")),
        "Expected calibration error": interval_text(found.get("ece")),
    }


def _value_row(at: Report, point: Report) -> dict[str, str]:
    return {
        "Prevalence": f"{at['prevalence']:.1%}",
        "Called at": f"{point['point']}; {at['points_from']}",
        "Sensitivity": number_text(point["sensitivity"]),
        "Specificity": number_text(point["specificity"]),
        "PPV": number_text(point["ppv"]),
        "NPV": number_text(point["npv"]),
    }
