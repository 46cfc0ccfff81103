"""Figures as a page says them: intervals, numbers, lists of facts, rows of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

Report = Mapping[str, Any]
INTERVAL_NOTE = "In brackets: 95 % interval by patient."
LESIONS = {
    "any": "any lesion",
    "malignant": "malignant lesions, on the malignancy map",
    "malignant, benign hits ignored": "malignant lesions, on the malignancy map, marks on benign lesions ignored",
}


def interval_text(found: Mapping[str, Any] | None, *, signed: bool = False) -> str:
    """Value and interval with three digits, e.g. 0.613 (0.540–0.702), as HTML; a dash for what is missing."""
    if not found or found.get("value") is None:
        return "–"
    value = number_text(found["value"], signed=signed)
    if found.get("low") is None or found.get("high") is None:
        return f"{value} (no interval)"
    low, high = (number_text(found[key], signed=signed) for key in ("low", "high"))
    between = " to " if signed or found["low"] < 0 else "–"
    return Markup('{} <span class="interval">({}{}{})</span>').format(value, low, between, high)


def judged_part(data: Report) -> str:
    """Whose films were judged, of a report's `data`."""
    split = data.get("split", "none")
    return "all films" if split == "none" else f"{data.get('part', '')} part of split {split}"


def number_text(value: float | None, *, signed: bool = False) -> str:
    """Three digits, a true minus, a dash for None."""
    if value is None:
        return "–"
    text = f"{value:+.3f}" if signed else f"{value:.3f}"
    return text.replace("-", "−")


def p_text(value: float | None) -> str:
    """A p value with three digits; a dash for None."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def squared(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """All rows with all columns, in the order in which they first come."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    return [{column: row.get(column, "–") for column in columns} for row in rows]


def facts(values: Report) -> dict[str, str]:
    """Names and values as text, empty ones left out."""
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
