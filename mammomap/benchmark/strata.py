"""Figures within groups of films and of lesions.

In: evidence, a system. Out: rows for the report. A group of films is judged as a set of its own. A group of lesions is
sought on all films: the other lesions are ignored, marks in them are neither hits nor false positives, and false
positives per film are over all films, so that all groups are read at nearly the same threshold. Groups with fewer
than `TOO_FEW_WOMEN` women say so: their intervals mean little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge_images import auc_figure, scored
from mammomap.benchmark.judge_lesions import sensitivity
from mammomap.benchmark.plain import spelled

TOO_FEW_WOMEN = 20
SIZE_SHARES = (0.02, 0.04, 0.08)
"""Bounds of the size groups: diameter of the disc of the outline's area, as a share of the film's height."""
SIZES_MM = (10.0, 20.0, 50.0)
"""The same in millimetres, where the spacing of every film is known: the bounds of T1b, T1c and T2 and T3."""
_FILMS: dict[str, str] = {"view": "view", "density": "density", "source": "source"}
_LESIONS: dict[str, str] = {
    "kind of lesion": "kind",
    "BI-RADS": "assessment",
    "subtlety": "subtlety",
    "margins": "mass_margins",
    "shape": "mass_shape",
    "calcification type": "calc_type",
    "calcification distribution": "calc_distribution",
}
_MOST_GROUPS = 12


def strata(evidence: Evidence, system: str) -> list[dict]:
    """All groups of a system: `of` says whether films or lesions were chosen."""
    rows = []
    for name, values in film_groups(evidence).items():
        for value in _groups(values):
            some = evidence.of((values == value).to_numpy())
            rows.append(_row(name, value, "films", some) | _of_films(some, system))
    for name, values in lesion_groups(evidence).items():
        for value in _groups(values):
            rows.append(_of_lesions(evidence, system, name, value, (values == value).to_numpy()))
    return rows


def film_groups(evidence: Evidence) -> Mapping[str, pd.Series]:
    """Groups of films by name; a film's value is text."""
    columns = {**_FILMS, "lesions of unknown place": "kinds_not_outlined"}
    named = {"lesions of unknown place": "none"}
    return {
        name: pd.Series([value or named.get(name, "unknown") for value in evidence.films[column]], dtype=object)
        for name, column in columns.items()
    }


def lesion_groups(evidence: Evidence) -> Mapping[str, pd.Series]:
    """Groups of lesions by name; empty text where a lesion belongs to no group, e.g. ignored ones."""
    lesions = evidence.lesions
    known = ~lesions["ignored"]
    found = {name: lesions[column].str.replace("_", " ").where(known, "") for name, column in _LESIONS.items()}
    has_mm = bool(lesions.loc[known, "size_mm"].notna().all()) and bool(known.any())
    if has_mm:
        found["size, mm"] = _binned(lesions["size_mm"], SIZES_MM, lambda x: f"{x:g}", " mm").where(known, "")
    else:
        sizes = _binned(lesions["size_share"], SIZE_SHARES, lambda x: f"{100 * x:g}", " %").where(known, "")
        found["size, share of height"] = sizes
    return found


def _binned(values: pd.Series, bounds: tuple[float, ...], text: Callable[[float], str], unit: str) -> pd.Series:
    names = [f"below {text(bounds[0])}{unit}"]
    names += [f"{text(low)} to {text(high)}{unit}" for low, high in zip(bounds, bounds[1:], strict=False)]
    names.append(f"from {text(bounds[-1])}{unit}")
    order = np.searchsorted(bounds, values.to_numpy(float), side="right")
    return pd.Series([f"{names[k]}" for k in order], index=values.index, dtype=object)


def _groups(values: pd.Series) -> list[str]:
    """The groups in the order of their names, or of their first number, the largest `_MOST_GROUPS` of them."""
    counts = values[values != ""].value_counts()
    if len(counts) < 2:
        return []
    return sorted(counts.index[:_MOST_GROUPS], key=_order)


def _order(name: str) -> tuple:
    words = name.removeprefix("from ").split()
    number = -1.0 if name.startswith("below") else next((float(w) for w in words[:1] if _is_number(w)), np.inf)
    return number, name


def _is_number(word: str) -> bool:
    return word.replace(".", "", 1).isdigit()


def _row(name: str, value: str, of: str, evidence: Evidence) -> dict:
    return {
        "name": name,
        "value": value,
        "of": of,
        "films": len(evidence.films),
        "women": evidence.women,
        "lesions": int(evidence.counted("any").sum()),
        "too_few": evidence.women < TOO_FEW_WOMEN,
    }


def _of_films(some: Evidence, system: str) -> dict:
    return {
        "sensitivity_at_1": spelled(sensitivity(some, some.question(system, "any")), some.women),
        "auc": spelled(auc_figure(some, scored(some, system, "map_max")), some.women),
    }


def _of_lesions(evidence: Evidence, system: str, name: str, value: str, among: NDArray[np.bool_]) -> dict:
    counted = evidence.counted("any") & among
    women = evidence.lesion_woman(counted)
    row = _row(name, value, "lesions", evidence) | {
        "films": int(evidence.lesions.loc[counted, "image_id"].nunique()),
        "women": women,
        "lesions": int(counted.sum()),
        "too_few": women < TOO_FEW_WOMEN,
    }
    found = sensitivity(evidence, evidence.question(system, "any", among=among))
    return row | {"sensitivity_at_1": spelled(found, evidence.women)}
