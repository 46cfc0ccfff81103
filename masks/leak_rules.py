"""The 31 women of CBIS-DDSM who stand on both sides of the official split, and the six ways to deal with them.

In: film and lesion tables (`source_list` says which list names a lesion). Out: for each way the films of train and
test and how many of them are malignant. The mass and the calcification lists were split each for itself, so a woman
with both kinds can train in one and test in the other. A film's label on a side is the union over the rows of that
side's lists; by the union of both sides 5 more test films would be malignant (267 instead of 262).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class LeakRule:
    """One way, and what it leaves."""

    name: str
    train_films: int
    train_malignant: int
    test_films: int
    test_malignant: int


def leak_rules(films: pd.DataFrame, lesions: pd.DataFrame) -> list[LeakRule]:
    """The six ways, in the order from "as it is" to "all of them to test".

    films: columns image_id, patient_id. lesions: columns image_id, pathology, source_list, e.g. `mass-train`.
    """
    rows = lesions.merge(films[["image_id", "patient_id"]], on="image_id")
    rows = rows.assign(side=rows["source_list"].str.split("-").str[1], malignant=rows["pathology"] == "MALIGNANT")
    leakers = women_on_both_sides(films, lesions)
    leaks = rows["patient_id"].isin(leakers)
    train, test = rows["side"] == "train", rows["side"] == "test"
    ways = {
        "official lists as they are": (train, test),
        "leakers out of train, test kept": (train & ~leaks, test),
        "leakers out of test, train kept": (train, test & ~leaks),
        "leakers out of both": (train & ~leaks, test & ~leaks),
        "leakers whole to train": (train | leaks, test & ~leaks),
        "leakers whole to test": (train & ~leaks, test | leaks),
    }
    return [LeakRule(name, *_counts(rows[left]), *_counts(rows[right])) for name, (left, right) in ways.items()]


def women_on_both_sides(films: pd.DataFrame, lesions: pd.DataFrame) -> list[str]:
    """The women whom lists of both official parts name, sorted."""
    rows = lesions.merge(films[["image_id", "patient_id"]], on="image_id")
    sides = rows["source_list"].str.split("-").str[1].groupby(rows["patient_id"]).nunique()
    return sorted(sides.index[sides == 2])


def _counts(rows: pd.DataFrame) -> tuple[int, int]:
    """Films, and malignant ones by the union of these rows."""
    malignant = rows.groupby("image_id")["malignant"].any()
    return len(malignant), int(malignant.sum())
