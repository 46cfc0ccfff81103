"""What a report rests on, as six tables: enough to work out its figures again with no film, no map and no net.

films.csv        one row a judged film: woman (a code), label, what strata and yardsticks need
lesions.csv      one row a lesion, numbered; ignored ones count for nothing
candidates.csv   one row a mark of a system, numbered; `setting` names the extractor's setting, `place` where it lies
hits.csv         which mark hits which lesion, by which rule of a hit
scores.csv       one row a system and film: map maximum, submitted score, probability
overlap.csv      pixels in both masks, in the found one, in the true one, by film and by lesion (absent without maps)

Floats are written with all their digits. Nothing here imports torch, pydicom or OpenCV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mammomap.errors import TableError
from mammomap.eval.froc import Marks
from mammomap.eval.intervals import patient_weights
from mammomap.eval.matching import Matched
from mammomap.masks.files import write_atomically

RESAMPLES = 2000
SEED = 20
"""Of the resamples of women; fixed, so that the same report comes out twice."""
STANDARD = "standard"
"""The setting of the extractor that all figures but the range rest on."""
QUESTIONS = {"any": "lesion", "malignant": "malignancy", "malignant, benign hits ignored": "malignancy"}
"""What is sought -> the map that it is sought on."""
FILES = {
    "films": "films.csv",
    "lesions": "lesions.csv",
    "marks": "candidates.csv",
    "hits": "hits.csv",
    "scores": "scores.csv",
    "overlap": "overlap.csv",
}
OVERLAP = ["system", "image_id", "lesion", "kind", "tp", "fp", "fn", "hausdorff_95", "average_distance"]
_TEXT = {
    "films": ["image_id", "woman", "side", "view", "source", "density", "kinds_not_outlined", "fold"],
    "lesions": ["image_id", "lesion_id", "kind", "shape", "assessment", "subtlety"]
    + ["mass_shape", "mass_margins", "calc_type", "calc_distribution"],
    "marks": ["system", "setting", "image_id", "map", "place"],
    "hits": ["rule"],
    "scores": ["system", "image_id"],
    "overlap": ["system", "image_id", "kind"],
}


@dataclass(frozen=True)
class Evidence:
    """The tables. `mark` and `lesion` are the numbers by which hits join marks and lesions; `film` is never stored."""

    films: pd.DataFrame
    lesions: pd.DataFrame
    marks: pd.DataFrame
    hits: pd.DataFrame
    scores: pd.DataFrame
    overlap: pd.DataFrame

    @cached_property
    def film_number(self) -> pd.Series:
        """image_id -> the film's number."""
        return pd.Series(np.arange(len(self.films)), index=self.films["image_id"])

    @cached_property
    def woman(self) -> NDArray[np.int64]:
        """The woman of each film, counted from 0."""
        return np.unique(self.films["woman"].to_numpy(str), return_inverse=True)[1].astype(np.int64)

    @property
    def women(self) -> int:
        """How many women the intervals go by."""
        return int(self.woman.max()) + 1

    @cached_property
    def weights(self) -> NDArray[np.float32]:
        """How often each woman is drawn in each resample, `(RESAMPLES, women)`; as many with a malignant film each."""
        malignant = np.bincount(self.woman, self.films["malignant"].to_numpy(float), minlength=self.women) > 0
        return patient_weights(self.woman, RESAMPLES, SEED, strata=malignant)

    def of(self, kept: NDArray[np.bool_]) -> Evidence:
        """The evidence of some films, `(films,)` bool."""
        films = self.films[kept].reset_index(drop=True)
        ids = set(films["image_id"])
        tables = {
            name: (table := getattr(self, name))[table["image_id"].isin(ids)]
            for name in ("lesions", "marks", "scores", "overlap")
        }
        return replace(self, films=films, **tables)

    def film_of(self, image_ids: pd.Series) -> NDArray[np.int64]:
        """The numbers of films."""
        return self.film_number.reindex(image_ids).to_numpy(np.int64)

    def lesion_woman(self, counted: NDArray[np.bool_]) -> int:
        """Women with a lesion among the counted ones: those that carry a sensitivity."""
        return len(np.unique(self.woman[self.film_of(self.lesions.loc[counted, "image_id"])]))

    @cached_property
    def lesion_free(self) -> NDArray[np.bool_]:
        """Films that hold no lesion, as far as is known: none that counts for nothing either, none of unknown place."""
        none = ~self.films["image_id"].isin(self.lesions["image_id"])
        return (none & (self.films["kinds_not_outlined"] == "") & ~self.films["malignant"]).to_numpy(bool)

    def counted(self, which: str) -> NDArray[np.bool_]:
        """The lesions that a question is about, one bool a row of `lesions`."""
        counts = ~self.lesions["ignored"].to_numpy(bool)
        return counts if which == "any" else counts & self.lesions["malignant"].to_numpy(bool)

    def question(
        self,
        system: str,
        which: str,
        *,
        rule: str = "outline",
        setting: str = STANDARD,
        among: NDArray[np.bool_] | None = None,
    ) -> Question:
        """One system's marks against the lesions that a question of `QUESTIONS` is about.

        among: a bool a lesion; the others are ignored, neither hits nor false positives, beside those that count for
        nothing anyway. Benign lesions are false for "malignant" and ignored for its second form.
        """
        counted = self.counted(which)
        void = self.lesions["ignored"].to_numpy(bool).copy()
        if which == "malignant, benign hits ignored":
            void |= ~counted
        if among is not None:
            void |= counted & ~among
            counted = counted & among
        rows = self.marks
        rows = rows[(rows["system"] == system) & (rows["map"] == QUESTIONS[which]) & (rows["setting"] == setting)]
        lesions = self.lesions["lesion"].to_numpy(np.int64)
        hits = self.hits[self.hits["rule"] == rule]
        mark = pd.Series(np.arange(len(rows)), index=rows["mark"]).reindex(hits["mark"]).to_numpy(float)
        number = pd.Series(np.arange(len(lesions)), index=lesions).reindex(hits["lesion"]).to_numpy(float)
        known = ~np.isnan(mark) & ~np.isnan(number)
        mark, number = mark[known].astype(np.int64), number[known].astype(np.int64)
        order = np.cumsum(counted) - 1
        is_hit = counted[number]
        in_void = np.zeros(len(rows), bool)
        in_void[mark[void[number]]] = True
        in_void[mark[is_hit]] = False
        marks = Marks(
            self.film_of(rows["image_id"]), rows["score"].to_numpy(float), mark[is_hit], order[number[is_hit]], in_void
        )
        return Question(marks, self.film_of(self.lesions.loc[counted, "image_id"]), counted, rows, self.lesion_free)


@dataclass(frozen=True)
class Question:
    """Marks and lesions as the referee takes them."""

    marks: Marks
    lesion_film: NDArray[np.int64]
    counted: NDArray[np.bool_]
    """The lesions that count, one bool a row of the evidence's lesions; `lesion_film` stands in their order."""
    rows: pd.DataFrame
    """The rows of the marks, in their order."""

    lesion_free: NDArray[np.bool_]
    """One bool a film."""

    @property
    def matched(self) -> Matched:
        """As the referee's own matching gives it."""
        return Matched(self.marks, self.lesion_film, self.lesion_free)

    @property
    def false(self) -> NDArray[np.bool_]:
        """The marks that are false positives."""
        false = np.ones(len(self.rows), bool)
        false[self.marks.hit_mark] = False
        return false if self.marks.ignored is None else false & ~self.marks.ignored


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Write the tables beside the report."""
    for name, file in FILES.items():
        table: pd.DataFrame = getattr(evidence, name)
        if name == "overlap" and not len(table):
            (folder / file).unlink(missing_ok=True)
            continue
        write_atomically(folder / file, lambda path, t=table: t.to_csv(path, index=False))


def read_evidence(folder: Path, elsewhere: Mapping[str, Path] | None = None) -> Evidence:
    """Read what `write_evidence` wrote; tables named in `elsewhere` lie there.

    Raises
    ------
    TableError
        If a table is missing or lacks a column.
    """
    tables = {}
    for name, file in FILES.items():
        path = (elsewhere or {}).get(name, folder / file)
        if name == "overlap" and not path.is_file():
            tables[name] = pd.DataFrame(columns=OVERLAP)
            continue
        if not path.is_file():
            raise TableError(f"{path}: no such file; a report can be verified only with the tables beside it")
        try:
            table = pd.read_csv(path, dtype=dict.fromkeys(_TEXT[name], str), **_EMPTY)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
            raise TableError(f"{path}: not a table of a report ({error})") from None
        lacking = _lacking(table, [*_TEXT[name], *_NEEDED.get(name, ())])
        if lacking:
            raise TableError(f"{path}: column {lacking!r} is missing")
        tables[name] = table.fillna(dict.fromkeys(_TEXT[name], ""))
    return Evidence(**tables)


_EMPTY = {"keep_default_na": False, "na_values": [""]}
"""What stands for no value in a table: nothing at all. "N/A" is a word of CBIS-DDSM's lists."""
_NEEDED = {
    "films": ("malignant", "rows", "cols"),
    "lesions": ("lesion", "malignant", "ignored"),
    "marks": ("mark", "score"),
    "hits": ("mark", "lesion"),
}


def _lacking(table: pd.DataFrame, columns: Sequence[str]) -> str:
    return next((column for column in columns if column not in table), "")
