"""What is true of the films that are judged, and who may judge whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.systems import System, unanswered
from mammomap.errors import LeakError, TableError
from mammomap.masks.mapfile import empty_map, women_among
from mammomap.masks.outlines import Outline, outlines_of
from mammomap.masks.splits import Split
from mammomap.masks.tables import Tables


@dataclass(frozen=True)
class Truth:
    """The films that are judged, and their outlines."""

    tables: Tables
    films: pd.DataFrame
    outlines: dict[str, list[Outline]]
    split: str
    part: str
    counted: Tables
    """The tables as the split counts them: the films of the part, each lesion with its role."""
    leak_rule: str = ""
    warning: str = ""
    """What the split has to say of itself; empty for a clean one."""
    of_unknown_truth: int = 0
    """Films of the part that cannot be judged, since nothing says what they hold."""

    @cached_property
    def patient(self) -> NDArray[np.int64]:
        """The woman of each film, counted from 0."""
        return np.unique(self.films["patient_id"].to_numpy(str), return_inverse=True)[1].astype(np.int64)

    def of(self, films: pd.DataFrame) -> Truth:
        """The same truth for some of its films."""
        return replace(self, films=films.reset_index(drop=True))

    def counted_outlines(self, image_id: str) -> list[Outline]:
        """The outlines of a film that count; those with the role `ignore` do not."""
        return [outline for outline in self.outlines[image_id] if not outline.ignored]

    @property
    def women(self) -> int:
        """How many women the intervals go by."""
        return len(np.unique(self.patient))


def read_truth(tables: Tables, split: Split | None, part: str | None) -> Truth:
    """The part of the tables that is judged, without films of unknown truth; all of them where no part is asked for.

    Raises
    ------
    TableError
        If the part has no films, or none whose truth is known.
    """
    listed = split.tables(tables, part or "test") if split else tables
    if not len(listed.films):
        raise TableError(f"no film of these tables stands in the part {part!r} of the split")
    judged = listed.with_truth()
    films = judged.films
    if not len(films):
        raise TableError(
            f"nothing says what any of the {len(listed.films)} films holds, so there is nothing to judge by"
        )
    outlines = {
        film.image_id: outlines_of(judged.lesions_of(film.image_id), (int(film.rows), int(film.cols)))
        for film in films.itertuples()
    }
    where = (split.name, part or "test") if split else ("none", "all films")
    said = (split.rule.leak_rule, split.warning) if split else ("", "")
    whole = Truth(tables, films, outlines, *where, judged, *said, len(listed.films) - len(films))
    return whole.of(films)


def check_systems(truth: Truth, systems: Sequence[System], in_sample: bool, missing: str = "refuse") -> None:
    """Every system has answered for every film, and has seen none of the women.

    missing: `refuse`, or `empty`: films without an answer then count as searched and empty, and the system says how
    many. Films that it answered for and the tables do not know are noted in it.

    Raises
    ------
    TableError
        If films are missing; they are counted and the first is named.
    LeakError
        If women were seen and `in_sample` was not asked for.
    """
    for system in systems:
        answered = set(system.marks["image_id"]) if system.films is None else set(system.films)
        system.extra = tuple(sorted(answered - set(truth.tables.films["image_id"])))
        if system.films is not None:
            wanted = truth.films["image_id"].tolist()
            fault = unanswered(system.name, system.films, wanted, "map" if system.film_map else "score")
            if fault and missing == "refuse":
                raise TableError(fault)
            if fault:
                _count_as_empty(system, truth.films[~truth.films["image_id"].isin(sorted(system.films))])
        names = women_seen(truth, system)
        if names and not in_sample:
            raise LeakError(
                f"{system.name}: its model has seen {len(names)} of these women, first {', '.join(names[:5])}; "
                "judge on others, or mark every figure with --in-sample"
            )


def women_seen(truth: Truth, system: System) -> list[str]:
    """The judged women whom the system says it has seen. Other people's systems name women of the judged set."""
    source = truth.tables.about.get("source", "") if system.folder is not None else ""
    return women_among(truth.films["patient_id"].unique(), source, system.women_seen)


def _count_as_empty(system: System, films: pd.DataFrame) -> None:
    """Answer for `films` with an empty map, no mark, the probability 0 and the lowest score of all films."""
    ids = films["image_id"].tolist()
    system.missing += len(ids)
    system.films = (system.films or frozenset()) | frozenset(ids)
    system.map_max = dict.fromkeys(ids, 0.0) | dict(system.map_max)
    if system.probability is not None:
        system.probability = dict.fromkeys(ids, 0.0) | dict(system.probability)
    if system.image_scores is not None:
        lowest = min(system.image_scores.values(), default=0.0)
        system.image_scores = dict.fromkeys(ids, lowest) | dict(system.image_scores)
    if system.film_map is not None:
        sizes = {film.image_id: (int(film.rows), int(film.cols)) for film in films.itertuples()}
        theirs = system.film_map
        system.film_map = lambda image_id: empty_map(sizes[image_id]) if image_id in sizes else theirs(image_id)
