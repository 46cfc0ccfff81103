"""The named rules of a split: which women are tested, what is done about leaks, which lesions make a label.

In: a rule's name. Out: what it means, in words that go into every split file and report, and for the rules on
CBIS-DDSM's lists which lists count on each side. `mammomap.masks.splits` deals the women by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mammomap.masks.tables import KINDS, LISTS

TRAIN_LISTS, TEST_LISTS = ("mass-train", "calc-train"), ("mass-test", "calc-test")
_BY_WOMAN = "women are dealt, so none is on two sides"
_ALL_LESIONS = "a film is malignant if any of its lesions in the tables is"
_BY_SIDE = "a film is malignant if any lesion is that the lists of its side name; other lesions count for nothing"


@dataclass(frozen=True)
class SplitRule:
    """What a rule does. Without lists all lesions of the tables count on both sides."""

    leak_rule: str
    label_rule: str = _ALL_LESIONS
    train_lists: tuple[str, ...] = ()
    test_lists: tuple[str, ...] = ()
    leakers: str = "refuse"
    """What becomes of women on both sides: refuse, test (tested, and not trained on), both (as published)."""
    shares: Mapping[str, float] | None = None
    """Shares of all women where the test part is dealt too; None: the lists say who is tested."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of lesion that the lists of this rule outline; both without lists."""
        if not self.train_lists:
            return KINDS
        words = {name.split("-")[0] for name in self.train_lists + self.test_lists}
        return tuple(kind for kind in KINDS if {"mass": "mass", "calcification": "calc"}[kind] in words)


RULES = {
    "random": SplitRule(_BY_WOMAN),
    "all": SplitRule("all women train and nobody is tested: for a net to be handed on, not measured"),
    "fold": SplitRule("the set's own folds, by woman"),
    "k-fold": SplitRule("folds by woman, stratified by malignancy and kinds of lesion"),
    "official-leak-free": SplitRule(
        "women on both sides of the official split are test women; what they have in the training lists is left out",
        _BY_SIDE,
        TRAIN_LISTS,
        TEST_LISTS,
        leakers="test",
    ),
    "official": SplitRule(
        "the published lists as they are: women on both sides stay on both",
        _BY_SIDE,
        TRAIN_LISTS,
        TEST_LISTS,
        leakers="both",
    ),
    "mass-official": SplitRule(
        "the published mass lists, which share no woman; calcifications count for nothing",
        _BY_SIDE,
        ("mass-train",),
        ("mass-test",),
    ),
    "calc-official": SplitRule(
        "the published calcification lists, which share no woman; masses count for nothing",
        _BY_SIDE,
        ("calc-train",),
        ("calc-test",),
    ),
    "shen-like": SplitRule(
        "85 : 15 of the women in the training lists, 10 % of the rest for validation, after Shen et al. 2019, whose "
        "own lists are not public; the published test lists are not touched",
        _BY_SIDE,
        TRAIN_LISTS,
        TRAIN_LISTS,
        shares={"net": 0.765, "validation": 0.085, "test": 0.15},
    ),
}
BY_HAND = SplitRule("women as listed by hand, each in one part")
assert all(set(rule.train_lists + rule.test_lists) <= set(LISTS) for rule in RULES.values())


def rule_named(name: str) -> SplitRule:
    """The rule of a split's name, e.g. `fold:0 (seed 1)`; a name that no rule has was given by hand."""
    return RULES.get(name.split(" ")[0].split(":")[0], BY_HAND)
