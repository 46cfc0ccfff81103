"""Who is on which side: women dealt into the parts net, validation, head and test.

In: tables and a rule (`split_rules`). Out: a part for each woman, and the tables of a part. A woman is never in two
parts, except by the rule `official` on a set that has her on both sides, which says so wherever it is used; a film
follows its woman. Dealing is stratified by "any film malignant" and by the kinds of lesion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import ConfigError, LeakError, TableError
from mammomap.masks.files import write_atomically
from mammomap.masks.split_rules import RULES, SplitRule, rule_named
from mammomap.masks.tables import Tables, make_tables

PARTS = ("net", "validation", "head", "test")
SHARES = {"net": 0.75, "validation": 0.08, "head": 0.17}
TEST_SHARE = 0.25
FOLDS = 5


@dataclass(frozen=True)
class Split:
    """A named split: the part of each woman."""

    name: str
    part_of: Mapping[str, str]
    on_both_sides: frozenset[str] = frozenset()
    """Women of another part who are tested as well: only by the rule `official`, as published."""

    @property
    def rule(self) -> SplitRule:
        """What the rule does about leaks and labels."""
        return rule_named(self.name)

    @property
    def warning(self) -> str:
        """What has to be said wherever this split is used; empty for a clean one."""
        count = len(self.on_both_sides)
        return f"{count} women stand on both sides of this split: its figures are too good" if count else ""

    def women(self, *parts: str) -> frozenset[str]:
        """The women of the given parts."""
        dealt = frozenset(woman for woman, part in self.part_of.items() if part in parts)
        return dealt | self.on_both_sides if "test" in parts else dealt

    def tables(self, tables: Tables, *parts: str) -> Tables:
        """The films of the given parts, with the lesions that count there.

        By a rule on lists a film belongs to a side if a list of that side names it; its other lesions get the role
        `ignore`, and its label is that of the lesions that count.
        """
        films = tables.films[tables.films["patient_id"].isin(sorted(self.women(*parts)))]
        lesions = tables.lesions[tables.lesions["image_id"].isin(films["image_id"])]
        lists = self._lists(parts) if tables.films["lists"].notna().any() else ()
        if lists:
            counts = lesions["source_list"].isin(lists) & (lesions["role"] == "lesion")
            films = films[films["image_id"].isin(lesions.loc[counts, "image_id"])]
            lesions = lesions.assign(role=["lesion" if one else "ignore" for one in counts])
            lesions = lesions[lesions["image_id"].isin(films["image_id"])]
            bad = lesions.loc[(lesions["pathology"] == "MALIGNANT") & (lesions["role"] == "lesion"), "image_id"]
            films = films.assign(malignant=films["image_id"].isin(bad), kinds_outlined="+".join(self.rule.kinds))
        about = {**tables.about, "label_rule": self.rule.label_rule} if lists else tables.about
        return replace(make_tables(films, lesions, about=about), refused=tables.refused)

    def _lists(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        test = self.rule.test_lists if "test" in parts else ()
        train = self.rule.train_lists if set(parts) - {"test"} else ()
        return tuple(dict.fromkeys(train + test))

    def write(self, path: Path) -> None:
        """One row a woman: patient_id, part (`net+test` where she is on both sides); name and rules beside it."""
        told = {"split": self.name, "leak_rule": self.rule.leak_rule, "label_rule": self.rule.label_rule}
        rows = [
            {"patient_id": woman, "part": f"{part}+test" if woman in self.on_both_sides else part, **told}
            for woman, part in sorted(self.part_of.items())
        ]
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
    both = frame["part"].str.endswith("+test")
    name = str(frame["split"].iloc[0]) if "split" in frame and len(frame) else path.stem
    if both.any() and name.split(" ")[0] != "official":
        raise LeakError(f"{path}: {frame.loc[both, 'patient_id'].iloc[0]} stands on both sides")
    frame["part"] = frame["part"].str.removesuffix("+test")
    odd = sorted(set(frame["part"]) - set(PARTS))
    if odd:
        raise TableError(f"{path}: part {odd[0]!r}, wanted one of {', '.join(PARTS)}")
    twice = frame.loc[frame["patient_id"].duplicated(), "patient_id"]
    if len(twice):
        raise LeakError(f"{path}: {twice.iloc[0]} stands in two rows; a woman belongs to one part")
    part_of = dict(zip(frame["patient_id"], frame["part"], strict=True))
    return Split(name, part_of, frozenset(frame.loc[both, "patient_id"]))


def make_split(tables: Tables, rule: str, seed: int) -> Split:
    """Deal the women of `tables` by `rule`; equal inputs, equal split. Women of whom no film has a known truth stand
    in no part.

    Raises
    ------
    ConfigError
        If the rule is unknown, or the set lacks what it needs.
    LeakError
        If lists that share no woman in the published set share one here.
    """
    tables = tables.with_truth()
    films, name = tables.films, f"{rule} (seed {seed})"
    women = set(films["patient_id"])
    shares, test, both = dict(SHARES), set(), set()
    if rule == "random":
        shares = {part: share * (1 - TEST_SHARE) for part, share in SHARES.items()} | {"test": TEST_SHARE}
    elif rule == "all":
        shares = {"net": 1.0}
    elif rule.startswith("k-fold:"):
        test = _fold_of(tables, women, rule, seed)
    elif rule.startswith("fold:") and rule[5:].isdigit():
        test = set(films.loc[films["fold"] == int(rule[5:]), "patient_id"])
        if not test:
            raise ConfigError(f"split {rule!r}: no film of this set stands in fold {rule[5:]}")
    elif rule == "official" and not films["lists"].notna().any():
        test = set(films.loc[films["official_part"] == "test", "patient_id"])
        if not test:
            raise ConfigError("split 'official': this set has no published test part")
    elif rule in RULES and RULES[rule].train_lists:
        women, test, both = _by_lists(tables, rule)
        shares = dict(RULES[rule].shares or SHARES)
    else:
        raise ConfigError(f"split {rule!r}, wanted {', '.join(RULES)}; fold and k-fold with a number, as k-fold:0")
    part_of = {woman: "test" for woman in test}
    rng = np.random.default_rng([seed, 71])
    for part, chosen in _deal(_in_strata(tables, women - test, rng), shares).items():
        part_of |= {woman: part for woman in chosen}
    return Split(name, part_of, frozenset(both))


def inner_splits(split: Split, tables: Tables, folds: int, seed: int) -> list[Split]:
    """Splits of the women whom `split` does not test, one a fold: the fold is the part `head`, the others are dealt
    into net and, where `split` has women for it, validation, and who is tested stays so. For maps of all women by nets
    that have not seen them. Where these women stand in as many folds of the set's own, the folds are those."""
    tables = tables.with_truth()
    women = set(split.women("net", "validation", "head"))
    order = _in_strata(tables, women, np.random.default_rng([seed, 79]))
    shares = {part: SHARES[part] for part in ("net", "validation") if part == "net" or split.women(part)}
    shares = {part: share / sum(shares.values()) for part, share in shares.items()}
    theirs = tables.films[tables.films["patient_id"].isin(women)].drop_duplicates("patient_id")
    own = dict(zip(theirs["patient_id"], theirs["fold"], strict=True)) if theirs["fold"].notna().all() else {}
    numbers = sorted(set(own.values()))
    made = []
    for fold in range(folds):
        held = order[fold::folds]
        if len(numbers) == folds:
            held = [woman for woman in order if own[woman] == numbers[fold]]
        part_of = dict.fromkeys(split.women("test") - split.on_both_sides, "test") | dict.fromkeys(held, "head")
        for part, chosen in _deal([woman for woman in order if woman not in set(held)], shares).items():
            part_of |= dict.fromkeys(chosen, part)
        made.append(Split(f"{split.name}, inner fold {fold} of {folds}", part_of, split.on_both_sides))
    return made


def _by_lists(tables: Tables, rule: str) -> tuple[set[str], set[str], set[str]]:
    """Women of a rule's lists, those of them who are only tested, and those who are on both sides."""
    rows = tables.lesions.merge(tables.films[["image_id", "patient_id"]], on="image_id")
    train, test = (
        set(rows.loc[rows["source_list"].isin(lists), "patient_id"])
        for lists in (RULES[rule].train_lists, RULES[rule].test_lists)
    )
    if not train or not test:
        raise ConfigError(f"split {rule!r}: this set has no lists {', '.join(RULES[rule].train_lists)}")
    if RULES[rule].shares:
        return train, set(), set()
    leaking, what = train & test, RULES[rule].leakers
    if leaking and what == "refuse":
        raise LeakError(f"split {rule!r}: {len(leaking)} women stand in both of its lists, first {min(leaking)}")
    both = leaking if what == "both" else set()
    return train | test, test - both, both


def _fold_of(tables: Tables, women: set[str], rule: str, seed: int) -> set[str]:
    """The women of fold K of `k-fold:K` or `k-fold:K/N`."""
    fold, _, count = rule.removeprefix("k-fold:").partition("/")
    if not fold.isdigit() or not (count or "5").isdigit() or not 0 <= int(fold) < int(count or FOLDS):
        raise ConfigError(f"split {rule!r}, wanted k-fold:K or k-fold:K/N with K below N, counted from 0")
    order = _in_strata(tables, women, np.random.default_rng([seed, 73]))
    return set(order[int(fold) :: int(count or FOLDS)])


def _in_strata(tables: Tables, women: set[str], rng: np.random.Generator) -> list[str]:
    """The women stratum by stratum (any film malignant; kinds of lesion), shuffled inside each."""
    films = tables.films
    kinds = tables.lesions.merge(films[["image_id", "patient_id"]], on="image_id").groupby("patient_id")["kind"]
    kinds_of = kinds.agg(lambda k: "+".join(sorted(set(k)))).to_dict()
    malignant = set(films.loc[films["malignant"], "patient_id"])
    strata: dict[tuple, list[str]] = {}
    for woman in sorted(women):
        strata.setdefault((woman in malignant, kinds_of.get(woman, "")), []).append(woman)
    return [group[k] for _, group in sorted(strata.items()) for k in rng.permutation(len(group))]


def _deal(women: list[str], shares: dict[str, float]) -> dict[str, list[str]]:
    """Walk down the list and give each woman to the part that lags its share most, so that every stretch of the
    list (every stratum) is dealt in the right shares and the counts are within one."""
    given: dict[str, list[str]] = {part: [] for part in shares}
    for count, woman in enumerate(women, start=1):
        part = max(shares, key=lambda p: shares[p] * count - len(given[p]))
        given[part].append(woman)
    return given
