"""Some folds of a set as a set of their own; no command of its own."""

from __future__ import annotations

from collections.abc import Iterable

from mammomap.masks.tables import Tables, make_tables

COUNTED = ("format", "films", "lesions", "women", "malignant_films", "refused", "data_hash", "rows_read", "stamp")
"""What an index says of all its films, and not of some."""


def of_folds(tables: Tables, folds: Iterable[int]) -> Tables:
    """The films of some folds of the set's own, and no trace of the others."""
    films = tables.films[tables.films["fold"].isin(list(folds))]
    lesions = tables.lesions[tables.lesions["image_id"].isin(films["image_id"])]
    about = {name: value for name, value in tables.about.items() if name not in COUNTED}
    return make_tables(films, lesions, about=about)
