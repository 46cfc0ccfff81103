"""What the words of a label say of a lesion: its kind and its pathology, or nothing.

In: the name of a label or segment, as people write them ("malignant mass", "Benign_Calc"). Out: the values of the
lesion table. What is not said is not guessed.
"""

from __future__ import annotations

import re

from mammomap.masks.foreign_maps import says_malignant

_MASS = re.compile(r"mass(es)?")
_CALCIFICATION = re.compile(r"(micro|macro)?calc(ification)?s?")
_NOT = {"non", "not", "no"}


def kind_said(label: str) -> str | None:
    """mass or calcification; a mass with calcifications is a mass; None where the label says neither."""
    words = _words(label)
    if words & _NOT:
        return None
    if any(_MASS.fullmatch(word) for word in words):
        return "mass"
    return "calcification" if any(_CALCIFICATION.fullmatch(word) for word in words) else None


def pathology_said(label: str) -> str | None:
    """A value of `tables.PATHOLOGIES`; None where the label says none, both, or what it is not."""
    words = _words(label)
    benign = "benign" in words and not words & _NOT
    if benign == says_malignant(label):
        return None
    if not benign:
        return "MALIGNANT"
    return "BENIGN_WITHOUT_CALLBACK" if {"without", "callback"} <= words else "BENIGN"


def _words(label: str) -> set[str]:
    return set(re.findall(r"[a-z]+", label.lower()))
