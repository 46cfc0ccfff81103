"""What the lists of CBIS-DDSM hold, counted from the lists alone: no film is opened.

In: the rows of the lists and, where there is one, the table of the series' sizes. Out: a dict that JSON takes.
A film is (patient, side, view); a series is a film in one list. Labels are the union over lesions: a film or woman is
malignant if any of her lesions is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mammomap.masks.cbis_lists import ListRow, rows_frame
from mammomap.masks.leak_rules import leak_rules, women_on_both_sides
from mammomap.masks.mask_fit import SMALL
from mammomap.masks.tables import LISTS

_LOOKS = {
    "mass_shape": ("mass", "shape"),
    "mass_margins": ("mass", "margins"),
    "calc_type": ("calcification", "shape"),
    "calc_distribution": ("calcification", "margins"),
}
_LEAST_LEAK = 20
"""A descriptor value on fewer rows than this is not called a leak of the label, whatever its rows say."""


def count_lists(rows: Sequence[ListRow], sizes: pd.DataFrame | None = None) -> dict[str, Any]:
    """Counts of everything that a reader of the set can get wrong.

    sizes: `SeriesInstanceUID` and `series_size_MB` (`read_sizes`), for the masks that are too small.
    """
    frame = rows_frame(list(rows))
    frame["malignant"] = frame["pathology"] == "MALIGNANT"
    frame["breast"] = frame["patient"] + "_" + frame["side"]
    films = frame.groupby("image_id").agg(
        patient=("patient", "first"),
        side=("side", "first"),
        view=("view", "first"),
        breast=("breast", "first"),
        malignant=("malignant", "any"),
        mixed=("malignant", "nunique"),
        lists=("list", "nunique"),
    )
    series = frame.groupby(["list", "image_id"]).agg(malignant=("malignant", "any"), mixed=("malignant", "nunique"))
    kinds = frame.groupby("patient")["kind"].agg(lambda k: "+".join(sorted(set(k))))
    two_lists = films.index[films["lists"] > 1]
    labels = series.reset_index().groupby("image_id")["malignant"].nunique()
    film_parts = frame.assign(part=[row.part for row in rows]).groupby("image_id")["part"].nunique()
    lesions = frame[["image_id", "pathology"]].assign(source_list=frame["list"])
    film_frame = films.reset_index()[["image_id", "patient"]].rename(columns={"patient": "patient_id"})
    return {
        "lesions": len(frame),
        "series": len(series),
        "films": len(films),
        "women": int(frame["patient"].nunique()),
        "breasts": int(films["breast"].nunique()),
        "breasts_in_both_views": int((films.groupby("breast")["view"].nunique() == 2).sum()),
        "women_with_both_sides": int((films.groupby("patient")["side"].nunique() == 2).sum()),
        "women_by_kind": _counted(kinds),
        "malignant_films": int(films["malignant"].sum()),
        "malignant_women": int(films.groupby("patient")["malignant"].any().sum()),
        "films_with_malignant_and_benign": int((films["mixed"] == 2).sum()),
        "series_with_malignant_and_benign": int((series["mixed"] == 2).sum()),
        "lists": {name: _of_list(part) for name, part in _by_list(frame)},
        "films_by_side": _counted(films["side"]),
        "films_by_view": _counted(films["view"]),
        "lesions_per_film": _counted(frame["image_id"].value_counts()),
        "lesions_per_series": _counted(frame[["list", "image_id"]].value_counts()),
        **_grades(frame),
        "descriptors": {name: _descriptor(frame, *where) for name, where in _LOOKS.items()},
        "descriptors_that_leak_the_label": _leaks(frame),
        "films_in_two_lists": len(two_lists),
        "films_in_two_lists_with_two_labels": sorted(i for i in two_lists if labels[i] == 2),
        "women_on_both_sides": women_on_both_sides(film_frame, lesions),
        "films_on_both_sides": int((film_parts == 2).sum()),
        "leak_rules": [asdict(rule) for rule in leak_rules(film_frame, lesions)],
        "rows_in_two_roi_series": sum(len(row.roi_series) == 2 for row in rows),
        "masks_to_scale": _small_masks(rows, sizes),
        "rows_with_a_fault": sum(bool(row.fault) for row in rows),
    }


def read_sizes(root: Path) -> pd.DataFrame | None:
    """The series table of Imaging Data Commons: a CSV in `root` or below it that has its columns; None without one."""
    for path in sorted((*root.rglob("*.csv"), *root.rglob("*.csv.gz"))):
        try:
            names = pd.read_csv(path, nrows=0).columns
        except (ValueError, UnicodeDecodeError, OSError):
            continue
        if {"SeriesInstanceUID", "series_size_MB"} <= set(names):
            return pd.read_csv(path, usecols=["SeriesInstanceUID", "series_size_MB"])
    return None


def in_words(counts: dict[str, Any]) -> list[str]:
    """The counts that a reader of the set most needs, a line each."""
    lines = [
        f"{counts['lesions']} lesions in {counts['series']} series of {counts['films']} films, {counts['women']} women",
        f"{counts['malignant_films']} films and {counts['malignant_women']} women malignant, by the union of lesions",
    ]
    for name, part in counts["lists"].items():
        lines.append(
            f"  {name}: {part['lesions']} lesions on {part['films']} films of {part['women']} women; "
            f"{part['MALIGNANT']} malignant, {part['BENIGN']} benign, "
            f"{part['BENIGN_WITHOUT_CALLBACK']} benign without callback; {part['malignant_films']} films malignant"
        )
    conflicts = len(counts["films_in_two_lists_with_two_labels"])
    lines.append(f"{counts['films_in_two_lists']} films in two lists, {conflicts} of them with another label in each")
    lines.append(f"{len(counts['women_on_both_sides'])} women on both sides of the official split; what can be done:")
    for rule in counts["leak_rules"]:
        lines.append(
            f"  {rule['name']}: train {rule['train_films']} films ({rule['train_malignant']} malignant), "
            f"test {rule['test_films']} ({rule['test_malignant']})"
        )
    small = counts["masks_to_scale"]
    lines.append(
        f"{small['count']} masks are smaller than their film and are scaled"
        if small["known"]
        else f"masks to scale: not known, {small['why']}"
    )
    lines.append(f"{counts['assessment']['all'].get('0', 0)} lesions of BI-RADS 0, which means incomplete, not missing")
    for leak in counts["descriptors_that_leak_the_label"]:
        lines.append(
            f"{leak['column']} {leak['value']}: all {leak['lesions']} lesions are {leak['all']}: it leaks the label"
        )
    return lines


def _counted(values: pd.Series) -> dict[str, int]:
    return {str(name): int(count) for name, count in values.value_counts().sort_index().items()}


def _by_list(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(name, part) for name in LISTS if len(part := frame[frame["list"] == name])]


def _of_list(part: pd.DataFrame) -> dict[str, Any]:
    return {
        "lesions": len(part),
        "films": int(part["image_id"].nunique()),
        "women": int(part["patient"].nunique()),
        **{name: int((part["pathology"] == name).sum()) for name in ("MALIGNANT", "BENIGN", "BENIGN_WITHOUT_CALLBACK")},
        "malignant_films": int(part.groupby("image_id")["malignant"].any().sum()),
        "LEFT": int((part["side"] == "LEFT").sum()),
        "CC": int((part["view"] == "CC").sum()),
    }


def _grades(frame: pd.DataFrame) -> dict[str, Any]:
    """Density, BI-RADS and subtlety by lesion: all, malignant ones, and list by list; 0 stands for a missing value
    of density and subtlety, and for "incomplete" of BI-RADS."""
    found: dict[str, Any] = {}
    for name in ("density", "assessment", "subtlety"):
        values = frame.assign(**{name: frame[name].fillna(0).astype(int)})
        found[name] = {
            "all": _counted(values[name]),
            "malignant": _counted(values.loc[values["malignant"], name]),
            **{of: _counted(part[name]) for of, part in _by_list(values)},
        }
    return found


def _descriptor(frame: pd.DataFrame, kind: str, column: str) -> dict[str, Any]:
    """Exact values, and the parts that compound values join with '-'; `N/A` is a value."""
    values = frame.loc[frame["kind"] == kind, column]
    parts: Counter[str] = Counter()
    for value in values[values != "N/A"]:
        parts.update(value.split("-"))
    return {
        "values": {str(k): int(v) for k, v in values.value_counts().items()},
        "compound_rows": int((values.str.contains("-") & (values != "N/A")).sum()),
        "parts": dict(parts.most_common()),
    }


def _leaks(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Missing descriptors whose rows all have one class: that they are missing tells the label."""
    found = []
    for name, (kind, column) in _LOOKS.items():
        rows = frame[(frame["kind"] == kind) & (frame[column] == "N/A")]
        if len(rows) >= _LEAST_LEAK and rows["malignant"].nunique() == 1:
            label = "malignant" if rows["malignant"].iloc[0] else "benign"
            found.append({"column": name, "value": "N/A", "lesions": len(rows), "all": label})
    return found


def _small_masks(rows: Sequence[ListRow], sizes: pd.DataFrame | None) -> dict[str, Any]:
    """Lesions whose mask is smaller than its film, told from the bytes of their series.

    A mask takes 8 bits a pixel and its film 16, so a mask of the film's size takes half the film's bytes. Where mask
    and crop have a series each, one of the two sizes must fit 1 or 0.87 of the film per axis; where they share one,
    a series of less than half the film's bytes cannot hold a mask of its size.
    """
    if sizes is None:
        return {"known": False, "why": "neither the files nor a table with the sizes of the series is at hand"}
    size = dict(zip(sizes["SeriesInstanceUID"], sizes["series_size_MB"].astype(float), strict=True))
    apart: list[ListRow] = []
    shared: list[ListRow] = []
    for row in rows:
        film, regions = size.get(row.image_series), [size.get(uid) for uid in row.roi_series]
        if not film or not all(regions):
            continue
        scales = [(2 * float(region or 0) / film) ** 0.5 for region in regions]
        if len(scales) == 2:
            best = min(scales, key=lambda s: min(abs(s - 1), abs(s - SMALL)))
            if abs(best - SMALL) < abs(best - 1):
                apart.append(row)
        elif scales[0] < 1:
            shared.append(row)
    return {
        "known": True,
        "count": len(apart) + len(shared),
        "benign": sum(row.pathology != "MALIGNANT" for row in (*apart, *shared)),
        "in_a_series_of_their_own": len(apart),
        "with_their_crop": len(shared),
        "lesions": sorted(f"{row.image_id} {row.lesion_id}" for row in (*apart, *shared)),
    }
