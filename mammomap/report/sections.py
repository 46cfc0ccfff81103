"""The sections of the page: a report's numbers as rows of text and charts.

In: the report dict (or, for `training`, the curves). Out: for each section a dict of what `page.html` calls by name;
empty lists where the report has nothing for it. Rows are dicts from column heading to text; the first column names
the row. Intervals are 95 % by patient throughout, and each table says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mammomap.report.charts import (
    Line,
    Row,
    forest_chart,
    froc_chart,
    gap_in_words,
    reliability_chart,
    roc_chart,
    training_chart,
)

Report = Mapping[str, Any]

INTERVAL_NOTE = "In brackets: 95 % interval by patient."
_LESIONS = {"any": "any lesion", "malignant": "malignant lesions, on the malignancy map"}
_DATA_NAMES = {"kinds": "kinds of lesion with outlines", "part": "part judged"}
_LIMITS = (
    "For research only: not a medical device, not for diagnosis.",
    "A score of a map is no probability. Only a head's score may be called one, and only for the kind of image and the "
    "prevalence that it was calibrated on.",
    "Figures from different films, splits or rules of a hit do not compare, whatever they are called.",
    "An interval speaks of other women from the same source, not of other clinics, scanners or readers.",
)


def head(report: Report) -> dict[str, Any]:
    """The first sentence and the headline table."""
    data, systems = report.get("data", {}), report.get("systems", [])
    rows = []
    for system in systems:
        row = {"System": _name(system)}
        for which, label in (("any", "Lesions found at 1 FP/film"), ("malignant", "Malignant lesions at 1 FP/film")):
            reading = _reading(system.get("froc", {}).get(which), 1.0)
            if reading is not None:
                row[label] = interval_text(reading)
        for entry in _image_level(system):
            row[f"Image AUC, {entry['score']}"] = interval_text(entry.get("auc"))
        rows.append(row)
    seen = [system["name"] for system in systems if system.get("in_sample")]
    return {
        "lead": _lead(data),
        "headline": _squared(rows),
        "headline_note": f"{_counts(data)}{INTERVAL_NOTE} FP/film: false positives per film. AUC: area under the ROC "
        "curve, malignant films against the rest.",
        "interval_note": INTERVAL_NOTE,
        "in_sample": ", ".join(seen),
    }


def differences(report: Report) -> dict[str, Any]:
    """Paired differences: one chart for each measure and level, and the table."""
    rows = report.get("differences", [])
    charts: dict[str, list[Row]] = {}
    for row in rows:
        if None not in (row["value"], row["low"], row["high"]):
            name = f"{row['a']} − {row['b']}"
            charts.setdefault(_measure(row), []).append(Row(name, row["value"], row["low"], row["high"]))
    return {
        "differences": [
            {
                "Measure": _measure(row),
                "Pair": f"{row['a']} − {row['b']}",
                "Difference": interval_text(row, signed=True),
            }
            for row in rows
        ],
        "difference_charts": [
            {
                "svg": Markup(forest_chart(listed, quantity="difference", reference=0.0, name=f"difference-{number}")),
                "caption": measure[0].upper() + measure[1:],
            }
            for number, (measure, listed) in enumerate(charts.items())
        ],
    }


def froc(report: Report) -> dict[str, Any]:
    """FROC charts for any lesion and for malignant ones, and their readings."""
    figures, tables = [], []
    for which, label in _LESIONS.items():
        lines, rows = [], []
        for number, system in enumerate(report.get("systems", [])):
            entry = system.get("froc", {}).get(which)
            if not entry or not entry.get("lesions"):
                continue
            band = entry.get("band", ()) if not lines else ()
            lines.append(Line(system["name"], entry.get("points", ()), band, number))
            readings = {f"at {at['fp']:g} FP/film": interval_text(at) for at in entry.get("at", ())}
            rows.append({"System": _name(system), "Lesions": str(entry["lesions"]), **readings})
        if lines:
            note = f" The band around {lines[0].name} is its 95 % interval by patient." if lines[0].band else ""
            svg = Markup(froc_chart(lines, name=f"froc-{which}"))
            figures.append({"svg": svg, "caption": f"{label.capitalize()}.{note}"})
            tables.append({"name": f"Share of lesions found: {label}", "rows": _squared(rows)})
    return {"froc": figures, "froc_tables": tables}


def images(report: Report) -> dict[str, Any]:
    """ROC charts, one for each level, and the areas under all curves."""
    lines: dict[str, list[Line]] = {}
    rows = []
    for number, system in enumerate(report.get("systems", [])):
        for entry in system.get("images", ()):
            area = entry.get("auc") or {}
            name = f"{system['name']}, {entry['score']}: {number_text(area.get('value'))}"
            lines.setdefault(entry["level"], []).append(Line(name, entry.get("roc", ()), series=number))
            row = {"System": _name(system), "Level": entry["level"], "Score": entry["score"]}
            row |= {"Cases": str(entry.get("n", "–")), "Malignant": str(entry.get("positive", "–"))}
            rows.append(row | {"AUC": interval_text(area)})
    for row in report.get("yardsticks", ()):
        cases = {"Cases": str(row["n"]), "Malignant": str(row["positive"])}
        rows.append(
            {"System": "no net", "Level": "image", "Score": row["name"], **cases, "AUC": interval_text(row["auc"])}
        )
    figures = [
        {"svg": Markup(roc_chart(listed, name=f"roc-{level}")), "caption": f"By {level}; area under each curve named."}
        for level, listed in lines.items()
    ]
    return {"roc": figures, "auc_rows": rows}


def dice(report: Report) -> dict[str, Any]:
    """Dice where outlines are true; elsewhere the reason why there is none, once for the systems that share it."""
    rows: list[dict[str, str]] = []
    reasons: dict[str, list[str]] = {}
    for system in report.get("systems", []):
        entry = system.get("dice", {})
        if "reason" in entry:
            reasons.setdefault(entry["reason"], []).append(system["name"])
            continue
        for kind, found in entry.items():
            row = {"System": _name(system), "Films with": kind, "Films": str(found["n"])}
            row |= {"Mean Dice": interval_text(found["mean"]), "Median": number_text(found["median"])}
            rows.append(row | {"Threshold": f"{found['threshold']:.3f}, from {found['threshold_from']}"})
    told = [f"No Dice for {', '.join(names)}: {reason}." for reason, names in reasons.items()]
    return {"dice_rows": rows, "dice_reasons": told}


def calibration(report: Report) -> dict[str, Any]:
    """Reliability of the scores that are called probabilities."""
    figures, rows = [], []
    for system in report.get("systems", []):
        for entry in system.get("images", ()):
            found = entry.get("calibration")
            if not found:
                continue
            name = f"{system['name']}, {entry['score']}, by {entry['level']}"
            svg = Markup(reliability_chart(found.get("bins", ()), name=f"reliability-{len(figures)}"))
            figures.append({"svg": svg, "caption": f"{name}. {found.get('note', '')}"})
            row = {"Score": name, "Brier score": number_text(entry.get("brier"))}
            row |= {"Intercept (best 0)": number_text(found.get("intercept"))}
            row |= {"Slope (best 1)": number_text(found.get("slope"))}
            rows.append(row | {"Expected calibration error": number_text(found.get("ece"))})
    return {"calibration": figures, "calibration_rows": rows}


def strata(report: Report) -> dict[str, Any]:
    """Groups of films, the small ones named as such."""
    rows = []
    for group in report.get("strata", []):
        few = " (too few women to judge)" if group.get("too_few") else ""
        row = {"Group": f"{group['name']}: {group['value']}{few}", "Films": str(group["films"])}
        row |= {"Lesions": str(group["lesions"])}
        row |= {"Lesions found at 1 FP/film": interval_text(group.get("sensitivity_at_1"))}
        rows.append(row | {"Image AUC, map maximum": interval_text(group.get("auc"))})
    return {"strata": rows}


def training(curves: Mapping[str, Any] | None) -> dict[str, Any]:
    """Loss and score on women learnt from and on validation women, each pair in one plot, the gap in words."""
    if not curves:
        return {"training": []}
    pairs = [("loss", curves)]
    if curves.get("score"):
        pairs.append((curves["score"].get("name", "score"), curves["score"]))
    figures = []
    for quantity, pair in pairs:
        train, validation, best = pair.get("train", ()), pair.get("validation", ()), curves.get("best")
        if train or validation:
            svg = Markup(training_chart(train, validation, quantity=quantity, best=best))
            words = gap_in_words(train, validation, quantity=quantity, best=best)
            figures.append({"svg": svg, "caption": words or f"{quantity.capitalize()} by crops seen."})
    return {"training": figures}


def background(report: Report) -> dict[str, Any]:
    """What was run, as blocks of facts, and the limits."""
    made, data = dict(report.get("made", {})), dict(report.get("data", {}))
    notes = data.pop("notes", [])
    versions = {key: report[key] for key in ("format", "referee_version", "candidates_version") if key in report}
    blocks = {
        "This report": _facts(made | versions),
        "Data": _facts({_DATA_NAMES.get(str(key), str(key)): value for key, value in data.items()}),
        "Systems": {
            _name(system): f"{system.get('origin', '')}; trained for: {', '.join(_trained(system)) or 'nothing named'}"
            for system in report.get("systems", [])
        },
        **{f"Training of {run['name']}": _facts(run.get("facts", {})) for run in report.get("runs", [])},
    }
    limits = [*_LIMITS, *notes]
    if data.get("approximate"):
        limits.append("Outlines are approximate (boxes or circles): a hit means a peak within one of them.")
    if data.get("label_rule"):
        limits.append(f"Labels: {data['label_rule']}.")
    return {"blocks": {name: facts for name, facts in blocks.items() if facts}, "limits": limits}


def interval_text(found: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """Value and interval with three digits, e.g. 0.613 (0.540–0.702), as HTML; a dash for what is missing."""
    if not found or found.get("value") is None:
        return "–"
    value = number_text(found["value"], signed=signed)
    if found.get("low") is None or found.get("high") is None:
        return f"{value} (no interval)"
    low, high = (number_text(found[key], signed=signed) for key in ("low", "high"))
    return Markup('{} <span class="interval">({}{}{})</span>').format(value, low, " to " if signed else "–", high)


def number_text(value: float | None, *, signed: bool = False) -> str:
    """Three digits, a true minus, a dash for None."""
    if value is None:
        return "–"
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("-", "−")


def _lead(data: Report) -> str:
    if not data:
        return ""
    told = [f"{data[key]:,} {key.replace('_', ' ')}" for key in ("films", "women", "lesions") if key in data]
    malignant = f", {data['malignant_lesions']} of them malignant" if "malignant_lesions" in data else ""
    places = f"{data.get('source') or 'unnamed source'}; {data.get('part', '')} part of split {data.get('split', '')}"
    return f"{', '.join(told)}{malignant}. {places}."


def _counts(data: Report) -> str:
    """The n of the headline, by level."""
    told = [f"{data[key]} {key.replace('_', ' ')}" for key in ("women", "films", "malignant_films") if key in data]
    told += [f"{data[key]} {key.replace('_', ' ')}" for key in ("lesions", "malignant_lesions") if key in data]
    split = f"Split {data['split']}, {data.get('part', '')} part. " if "split" in data else ""
    return f"{', '.join(told).capitalize()}. {split}Found: by lesion; AUC: by image. " if told else ""


def _image_level(system: Report) -> list[Mapping[str, Any]]:
    return [entry for entry in system.get("images", ()) if entry["level"] == "image"]


def _reading(entry: Report | None, fp: float) -> Mapping[str, Any] | None:
    return next((at for at in (entry or {}).get("at", ()) if at["fp"] == fp), None)


def _name(system: Report) -> str:
    return system["name"] + (" (in sample)" if system.get("in_sample") else "")


def _trained(system: Report) -> Sequence[str]:
    return system.get("kinds_trained") or system.get("classes_trained") or ()


def _measure(row: Report) -> str:
    return f"{row['measure']}, by {row['level']}"


def _squared(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """All rows with all columns, in the order in which they first come."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [{column: row.get(column, "–") for column in columns} for row in rows]


def _facts(values: Report) -> dict[str, str]:
    return {key.replace("_", " "): _text(value) for key, value in values.items() if value not in (None, "", [], {})}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
