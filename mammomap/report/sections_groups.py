"""The sections on groups and failures: yardsticks, strata, missed lesions, false marks, where systems differ.

In and out as `sections`.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from markupsafe import Markup

from mammomap.report.charts import Row, forest_chart
from mammomap.report.texts import area, reading
from mammomap.report.wording import Report, interval_text, number_text, squared

FEW = "too few women to judge"
FEWEST_SHOWN = 5
"""Groups of fewer women are in the table only."""
DESCRIPTORS = ("margins", "shape", "calcification type", "calcification distribution")


def yardsticks(report: Report) -> dict[str, Any]:
    """Scores that need no system, and first system minus each."""
    first = next((system["name"] for system in report.get("systems", [])), "")
    rows = [
        {
            "Score": entry["name"],
            "Films": str(entry["n"]),
            "Malignant": str(entry["positive"]),
            "AUC by image": interval_text(entry["auc"]),
            f"{first} minus this, same films": interval_text(entry["first_minus_this"], signed=True),
        }
        for entry in report.get("yardsticks", [])
        if entry["auc"]["value"] is not None
    ]
    return {"yardstick_rows": rows}


def strata(report: Report) -> dict[str, Any]:
    """Groups of films and of lesions: forest plots and a table of the first system."""
    groups = report.get("strata", [])
    names = list(dict.fromkeys(row["system"] for row in groups))
    listed = [row for row in groups if row["system"] == names[0]]
    rows = []
    for group in listed:
        few = f" ({FEW})" if group.get("too_few") else ""
        row = {"Group": f"{group['name']}: {_plain(group['value'])}{few}"}
        row |= {"Women": str(group["women"]), "Films": str(group["films"]), "Lesions": str(group["lesions"])}
        row["Lesions found at 1 FP/film"] = interval_text(group.get("sensitivity_at_1"))
        rows.append(row | ({"AUC by image": interval_text(group["auc"])} if "auc" in group else {}))
    return {
        "strata": squared(rows),
        "strata_name": f"{names[0]} within groups" if names else "",
        "strata_more": f"The groups of {', '.join(names[1:])} stand in report.json." if names[1:] else "",
        "strata_charts": _forests(report, listed) if names else [],
    }


def _forests(report: Report, listed: list[Report]) -> list[dict[str, Any]]:
    """Sensitivity in groups of lesions and of films, and AUC in groups of films, of the first system."""
    system = report["systems"][0]
    whole = (reading(system, "any", 1.0) or {}).get("value")
    ranked = (area(system, "image") or {}).get("value")
    of_lesions = [row for row in listed if row["of"] == "lesions"]
    of_films = [row for row in listed if row["of"] == "films"]
    found, auc = ("sensitivity_at_1", "lesions found at 1 FP/film", whole), ("auc", "AUC by image", ranked)
    charts = [
        ("lesions", [row for row in of_lesions if row["name"] not in DESCRIPTORS], found),
        ("lesions by their looks", [row for row in of_lesions if row["name"] in DESCRIPTORS], found),
        ("films", of_films, found),
        ("films", of_films, auc),
    ]
    figures = []
    for number, (what, some, (key, quantity, reference)) in enumerate(charts):
        rows = _forest_rows([row for row in some if row.get(key) and row["women"] >= FEWEST_SHOWN], key)
        if rows:
            svg = Markup(forest_chart(rows, quantity=quantity, reference=reference, name=f"strata-{number}"))
            caption = (
                f"{system['name']} in groups of {what}, number of women in brackets. Grey: {FEW}; fewer than "
                f"{FEWEST_SHOWN} are not drawn. Line: all together."
            )
            figures.append({"svg": svg, "caption": caption})
    return figures


def _forest_rows(listed: list[Report], key: str) -> list[Row]:
    """A heading a kind of group, and below it those groups that have a value."""
    rows = []
    known = [row for row in listed if row[key]["value"] is not None]
    for name, part in groupby(known, key=lambda row: row["name"]):
        rows.append(Row(_short(name)))
        for row in part:
            found, label = row[key], f"{_short(_plain(row['value']))} ({row['women']})"
            rows.append(Row(label, found["value"], found["low"], found["high"], bool(row["too_few"])))
    return rows


def _plain(value: str) -> str:
    """Descriptors of published tables stand in capitals."""
    return value.lower() if value.isupper() and len(value) > 3 else value


def _short(text: str, most: int = 30) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def failures(report: Report) -> dict[str, Any]:
    """Missed lesions by group, false marks by place, and the lesions on which two systems differ most."""
    missed: dict[tuple[str, str], dict[str, str]] = {}
    places: dict[str, dict[str, str]] = {}
    lead = []
    for entry in report.get("failures", []):
        name = entry["system"]
        lead.append(
            f"{name}: {entry['missed']} of {entry['lesions']} lesions missed, {entry['false_marks']} false marks "
            f"(threshold {number_text(entry['threshold'])})"
        )
        for row in entry["missed_by"]:
            found = missed.setdefault(
                (row["name"], row["value"]),
                {"Group": f"{row['name']}: {row['value']}", "Lesions": str(row["lesions"])},
            )
            found[f"{name} missed"] = f"{row['missed']} ({100 * row['missed'] / row['lesions']:.0f} %)"
        for row in entry["false_by_place"]:
            found = places.setdefault(row["place"], {"Place": row["place"]})
            share = f"{row['marks']} ({100 * row['marks'] / max(1, entry['false_marks']):.0f} %)"
            found[f"{name}, false marks"] = share
    at = next((entry["at"] for entry in report.get("failures", [])), "")
    return {
        "failure_lead": f"At {at}. " + "; ".join(lead) + "." if lead else "",
        "missed_rows": squared(list(missed.values())),
        "place_rows": squared(list(places.values())),
        "differing_rows": [_differing(row) for row in report.get("differing", [])],
    }


def _differing(row: Report) -> dict[str, str]:
    def at(value: float | None) -> str:
        return "never" if value is None else f"{value:.2f}"

    return {
        "Lesion": f"{row['image_id']}, lesion {row['lesion_id']}",
        "What": f"{'malignant' if row['malignant'] else 'benign'} {row['kind']}",
        "Pair": f"{row['a']} / {row['b']}",
        "Found by the first at FP/film": at(row["a_found_at"]),
        "by the second at": at(row["b_found_at"]),
    }
