"""The first sections of the page: headline, comparisons, FROC, ROC; lesions found and images ranked.

In: the report dict. Out: for each section a dict of what `page.html` calls by name; empty lists where the report has
nothing for it. Rows are dicts from column heading to text; the first column names the row. Intervals are 95 % by
patient throughout, and each table says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from mammomap.report.charts import (
    Line,
    Row,
    afroc_chart,
    forest_chart,
    froc_chart,
    precision_chart,
    roc_chart,
)
from mammomap.report.texts import compared, is_trivial, main_table, system_name
from mammomap.report.wording import (
    INTERVAL_NOTE,
    LESIONS,
    Report,
    interval_text,
    judged_part,
    number_text,
    p_text,
    squared,
)

_RULES = {
    "centre": "place within half a diameter of the centroid",
    "box": "IoU of the boxes at least 0.2",
}


def head(report: Report) -> dict[str, Any]:
    """The first sentence, the headline table and the warnings."""
    data = report.get("data", {})
    columns, rows = main_table(report)
    seen = [system["name"] for system in report.get("systems", []) if system.get("in_sample")]
    return {
        "lead": _lead(data),
        "headline": [
            {
                name: cell if isinstance(cell, str) else interval_text(cell)
                for name, cell in zip(columns, row, strict=True)
            }
            for row in rows
        ],
        "headline_note": f"{_counts(data)}{INTERVAL_NOTE} FP/film: false positives per film, over all films. AUC: area "
        "under the ROC curve of the map maximum, malignant against the rest.",
        "interval_note": INTERVAL_NOTE,
        "in_sample": ", ".join(seen),
        "warnings": [*report.get("warnings", []), *_said(report)],
        "lacking": report.get("lacking", []),
    }


def differences(report: Report) -> dict[str, Any]:
    """Paired differences: one chart for each measure and level, the table, and the ranks."""
    rows = report.get("differences", [])
    charts: dict[str, list[Row]] = {}
    for row in rows:
        if None not in (row["value"], row["low"], row["high"]):
            name = f"{row['a']} − {row['b']}"
            charts.setdefault(_measure(row), []).append(Row(name, row["value"], row["low"], row["high"]))
    return {
        "differences": _difference_rows(rows),
        "difference_note": f"{INTERVAL_NOTE} Each is for its pair alone. Holm's p allows for all {compared(report)} "
        "comparisons of this table.",
        "difference_charts": [
            {
                "svg": Markup(forest_chart(listed, quantity="difference", reference=0.0, name=f"difference-{number}")),
                "caption": measure[0].upper() + measure[1:],
            }
            for number, (measure, listed) in enumerate(charts.items())
        ],
        "ranks": [
            _rank_row(entry)
            for entry in report.get("ranks", [])
            if any(one["rank"] is not None for one in entry["places"])
        ],
        "rank_note": next((f"By {entry['method']}. " for entry in report.get("ranks", [])), "")
        + "In brackets the places that the test leaves open, jointly at 95 %; equal values share a place.",
    }


def froc(report: Report) -> dict[str, Any]:
    """FROC charts and readings for each question, their range over settings, stricter rules, AFROC."""
    figures, tables = [], []
    for which, label in LESIONS.items():
        lines, rows = [], []
        for number, system in enumerate(report.get("systems", [])):
            entry = system.get("froc", {}).get(which)
            if not entry or not entry.get("lesions"):
                continue
            band = entry.get("band", ()) if not lines else ()
            lines.append(Line(system["name"], entry.get("points", ()), band, number))
            readings = {f"at {at['fp']:g}": interval_text(at) for at in entry.get("at", ())}
            mean = {"mean, 1/8 to 8": interval_text(entry.get("mean"))}
            rows.append({"System": system_name(system), "Lesions": str(entry["lesions"]), **readings, **mean})
        if lines:
            note = f" The band around {lines[0].name} is its 95 % interval by patient." if lines[0].band else ""
            svg = Markup(froc_chart(lines, name=f"froc-{len(tables)}"))
            figures.append({"svg": svg, "caption": f"{label.capitalize()}.{note}"})
            name = f"Share of lesions found, by false positives per film: {label}"
            tables.append({"name": name, "rows": squared(rows)})
    rules = _rules(report)
    if rules:
        tables.append({"name": "Other rules of a hit and other false positives, at 1 per film", "rows": rules})
    return {"froc": [*figures, *_ranges(report), *_afroc(report)], "froc_tables": tables}


def images(report: Report) -> dict[str, Any]:
    """ROC and precision-recall charts, one for each level, and what is read from them."""
    lines: dict[str, list[Line]] = {}
    precision: list[Line] = []
    rows, prevalence, one_class = [], None, False
    for number, system in enumerate(report.get("systems", [])):
        for entry in system.get("images", ()):
            area = entry.get("auc") or {}
            if area.get("value") is None:
                one_class = True
                continue
            name = f"{system['name']}, {entry['score']}"
            told = f"{name}: {number_text(area.get('value'))}"
            lines.setdefault(entry["level"], []).append(Line(told, entry.get("roc", ()), series=number))
            if entry["level"] == "image" and entry.get("pr"):
                prevalence = entry.get("prevalence")
                told = f"{name}: {number_text((entry.get('average_precision') or {}).get('value'))}"
                precision.append(Line(told, entry["pr"], series=number))
            rows.append(_image_row(system, entry))
    figures = [
        {"svg": Markup(roc_chart(listed, name=f"roc-{level}")), "caption": f"By {level}; area under each curve named."}
        for level, listed in lines.items()
    ]
    if precision:
        svg = Markup(precision_chart(precision, prevalence=prevalence))
        caption = "Precision and recall by image; average precision named; dotted: the prevalence of these films."
        figures.append({"svg": svg, "caption": caption})
    reason = "" if rows or not one_class else "No AUC: the films are of one class only."
    return {"roc": figures, "auc_rows": squared(rows), "roc_reason": reason}


def _difference_rows(rows: Sequence[Report]) -> list[dict[str, str]]:
    """A row a measure, a column a pair."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["value"] is None:
            continue
        measure = _measure(row)
        cell = interval_text(row, signed=True)
        if row.get("p_holm") is not None:
            cell = Markup("{}; p {}").format(cell, p_text(row["p_holm"]))
        found.setdefault(measure, {"Measure": measure})[f"{row['a']} − {row['b']}"] = cell
    return squared(list(found.values()))


def _image_row(system: Report, entry: Report) -> dict[str, str]:
    row = {"System": system_name(system), "Level": entry["level"], "Score": entry["score"]}
    row |= {"Cases": str(entry.get("n", "–")), "Malignant": str(entry.get("positive", "–"))}
    row["AUC"] = interval_text(entry.get("auc"))
    if "auc_mean_of_folds" in entry:
        row["AUC, mean of folds"] = interval_text(entry["auc_mean_of_folds"])
    if "average_precision" in entry:
        row["Average precision"] = interval_text(entry["average_precision"])
        row["Partial AUC to 20 % false positives"] = interval_text(entry["partial_auc"])
        row["Sensitivity at 90 % specificity"] = interval_text(entry["sensitivity_at_90_specificity"])
        row["Specificity at 90 % sensitivity"] = interval_text(entry["specificity_at_90_sensitivity"])
    return row


def _rules(report: Report) -> list[dict[str, str]]:
    rows = []
    for system in report.get("systems", []):
        for which, entry in system.get("froc", {}).items() if not is_trivial(system) else ():
            row = {"System": system_name(system), "Lesions": which}
            for rule, found in entry.get("rules", {}).items():
                row[_RULES.get(rule, rule)] = interval_text(found)
            free = entry.get("lesion_free", {})
            if "at_1" in free:
                row[f"false positives on the {free['films']} lesion-free films alone"] = interval_text(free["at_1"])
            settings = [found["at_1"] for found in entry.get("settings", {}).values() if found["at_1"] is not None]
            if settings:
                row["range over settings"] = f"{number_text(min(settings))} to {number_text(max(settings))}"
            if len(row) > 2:
                rows.append(row)
    return squared(rows)


def _ranges(report: Report) -> list[dict[str, Any]]:
    """FROC of the systems that have maps, with the band of all settings of the extractor."""
    lines = []
    for number, system in enumerate(report.get("systems", [])):
        entry = system.get("froc", {}).get("any", {})
        if not entry.get("settings") or not entry.get("lesions"):
            continue
        points = entry["points"]
        curves = [[y for _, y in points], *(found["points"] for found in entry["settings"].values())]
        band = [(x, min(ys), max(ys)) for (x, _), *ys in zip(points, *curves, strict=True) if None not in ys]
        lines.append(Line(system["name"], points, band, number))
    if not lines:
        return []
    caption = "Any lesion. Bands: range over smoothing and distance of the candidates, each halved and doubled."
    return [{"svg": Markup(froc_chart(lines, name="froc-range")), "caption": caption}]


def _afroc(report: Report) -> list[dict[str, Any]]:
    lines = []
    for number, system in enumerate(report.get("systems", [])):
        found = system.get("froc", {}).get("any", {}).get("afroc", {})
        if "points" in found:
            value = number_text(found["area"]["value"])
            lines.append(Line(f"{system['name']}: {value}", found["points"], series=number))
    caption = "AFROC, any lesion; area under each curve named. It needs lesion-free films, which this set has."
    return [{"svg": Markup(afroc_chart(lines)), "caption": caption}] if lines else []


def _rank_row(entry: Report) -> dict[str, str]:
    def place(one: Report) -> str:
        return "–" if one["rank"] is None else f"{one['rank']:g} ({one['low']:g} to {one['high']:g})"

    return {"Measure": _measure(entry), **{one["name"]: place(one) for one in entry["places"]}}


def _said(report: Report) -> list[str]:
    """What has to be said of single systems."""
    told = []
    for system in report.get("systems", []):
        if system.get("missing"):
            told.append(f"{system['name']}: {system['missing']} films without an answer were counted as empty.")
        if system.get("extra_films"):
            told.append(f"{system['name']}: {len(system['extra_films'])} films are not known to the tables.")
        told += [f"{system['name']}: {note}." for note in system.get("notes", ())]
    return told


def _lead(data: Report) -> str:
    if not data:
        return ""
    told = [f"{data[key]:,} {key.replace('_', ' ')}" for key in ("films", "women", "lesions") if key in data]
    malignant = f", {data['malignant_lesions']} of them malignant" if "malignant_lesions" in data else ""
    return f"{', '.join(told)}{malignant}. {data.get('source') or 'unnamed source'}; {judged_part(data)}."


def _counts(data: Report) -> str:
    """The n of the headline, by level."""
    told = [f"{data[key]} {key.replace('_', ' ')}" for key in ("women", "films", "malignant_films") if key in data]
    told += [f"{data[key]} {key.replace('_', ' ')}" for key in ("lesions", "malignant_lesions") if key in data]
    part = judged_part(data)
    return (
        f"{', '.join(told).capitalize()}. {part[0].upper()}{part[1:]}. Found: by lesion; AUC: by image. "
        if told
        else ""
    )


def _measure(row: Report) -> str:
    return f"{row['measure']}, by {row['level']}"
