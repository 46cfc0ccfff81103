"""Who is on which side: women dealt into the parts net, validation, head and test.

In: the film table and a rule. Out: one part per woman. A woman is never in two parts; a film follows its woman.

Rules: `random` deals all women; `fold:K` takes the set's own fold K as test and deals the others; `official` takes
the women of the published test part as test, each of them with all her films, and deals the others. Dealing is
stratified by "any film malignant" and by the kinds of lesion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import ConfigError, LeakError, TableError
from mammomap.masks.files import write_atomically
from mammomap.masks.tables import Tables

PARTS = ("net", "validation", "head", "test")
SHARES = {"net": 0.75, "validation": 0.08, "head": 0.17}
TEST_SHARE = 0.25


@dataclass(frozen=True)
class Split:
    """A named split: the part of each woman."""

    name: str
    part_of: Mapping[str, str]

    def women(self, *parts: str) -> frozenset[str]:
        """The women of the given parts."""
        return frozenset(woman for woman, part in self.part_of.items() if part in parts)

    def films(self, films: pd.DataFrame, *parts: str) -> pd.DataFrame:
        """The rows of a film table that belong to the given parts."""
        return films.loc[films["patient_id"].isin(sorted(self.women(*parts)))]

    def write(self, path: Path) -> None:
        """One row a woman: patient_id, part; the name in a third column."""
        rows = [{"patient_id": woman, "part": part, "split": self.name} for woman, part in sorted(self.part_of.items())]
        write_atomically(path, lambda half: pd.DataFrame(rows).to_csv(half, index=False))


def read_split(path: Path) -> Split:
    """A split that `Split.write` wrote, or one made by hand.

    Raises
    ------
    TableError, LeakError
        If the file is no split, or a woman stands in two parts.
    """
    if not path.is_file():
        raise TableError(f"{path}: no such split file")
    frame = pd.read_csv(path, dtype=str)
    if not {"patient_id", "part"} <= set(frame):
        raise TableError(f"{path}: wanted the columns patient_id and part, found {', '.join(frame.columns)}")
    odd = sorted(set(frame["part"]) - set(PARTS))
    if odd:
        raise TableError(f"{path}: part {odd[0]!r}, wanted one of {', '.join(PARTS)}")
    twice = frame.loc[frame["patient_id"].duplicated(), "patient_id"]
    if len(twice):
        raise LeakError(f"{path}: {twice.iloc[0]} stands in two rows; a woman belongs to one part")
    name = str(frame["split"].iloc[0]) if "split" in frame and len(frame) else path.stem
    return Split(name, dict(zip(frame["patient_id"], frame["part"], strict=True)))


def make_split(tables: Tables, rule: str, seed: int) -> Split:
    """Deal the women of `tables` by `rule`; equal inputs, equal split.

    Raises
    ------
    ConfigError
        If the rule is unknown, or the set lacks what it needs.
    """
    films = tables.films
    women = sorted(films["patient_id"].unique())
    if rule == "random":
        test = None
    elif rule == "official":
        test = set(films.loc[films["official_part"] == "test", "patient_id"])
        if not test:
            raise ConfigError("split 'official': this set has no published test part")
    elif rule.startswith("fold:") and rule[5:].isdigit():
        test = set(films.loc[films["fold"] == int(rule[5:]), "patient_id"])
        if not test:
            raise ConfigError(f"split {rule!r}: no film of this set stands in fold {rule[5:]}")
    else:
        raise ConfigError(f"split {rule!r}, wanted random, official or fold:K")
    shares = dict(SHARES)
    if test is None:
        shares = {part: share * (1 - TEST_SHARE) for part, share in SHARES.items()} | {"test": TEST_SHARE}
        test = set()
    part_of = {woman: "test" for woman in test}
    strata: dict[tuple, list[str]] = {}
    kinds = tables.lesions.merge(films[["image_id", "patient_id"]], on="image_id").groupby("patient_id")["kind"]
    kinds_of = kinds.agg(lambda k: "+".join(sorted(set(k)))).to_dict()
    malignant = set(films.loc[films["malignant"], "patient_id"])
    for woman in women:
        if woman not in part_of:
            strata.setdefault((woman in malignant, kinds_of.get(woman, "")), []).append(woman)
    rng = np.random.default_rng([seed, 71])
    dealt: list[str] = []
    for _, group in sorted(strata.items()):
        dealt += [group[k] for k in rng.permutation(len(group))]
    for part, chosen in _deal(dealt, shares).items():
        part_of |= {woman: part for woman in chosen}
    return Split(f"{rule} (seed {seed})", part_of)


def _deal(women: list[str], shares: dict[str, float]) -> dict[str, list[str]]:
    """Walk down the list and give each woman to the part that lags its share most, so that every stretch of the
    list (every stratum) is dealt in the right shares and the counts are within one."""
    given: dict[str, list[str]] = {part: [] for part in shares}
    for count, woman in enumerate(women, start=1):
        part = max(shares, key=lambda p: shares[p] * count - len(given[p]))
        given[part].append(woman)
    return given
