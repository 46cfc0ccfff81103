"""What a woman has before anything is drawn: breasts, views, density, lesions and their descriptions.

In: a random generator. Out: `BreastPlan`s. A lesion's looks are drawn from its suspicion, never from its pathology;
so are the reader's assessment and, by contrast, the subtlety. Words are those of the CBIS-DDSM tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammomap.phantom.config import SUSPICION_GAP, LesionPlan, PhantomConfig

MALIGNANT_SHARE = 0.45
"""Share of the breasts with a malignant lesion."""
_DENSITY_SHARES = (0.15, 0.4, 0.3, 0.15)
_SUBTLETY_EDGES = {"mass": (0.105, 0.14, 0.18, 0.23), "calcification": (0.25, 0.33, 0.42, 0.52)}


@dataclass(frozen=True)
class BreastPlan:
    """One breast of a woman."""

    side: str
    views: tuple[str, ...]
    density: int
    lesions: tuple[LesionPlan, ...]


def plan_woman(rng: np.random.Generator, config: PhantomConfig) -> tuple[BreastPlan, ...]:
    """The breasts of one woman that have films; each has at least one lesion, as in CBIS-DDSM."""
    density = 1 + int(rng.choice(4, p=_DENSITY_SHARES))
    sides = ["LEFT", "RIGHT"] if rng.random() < config.both_breasts else [str(rng.choice(["LEFT", "RIGHT"]))]
    breasts = []
    for side in sides:
        views = ("CC", "MLO") if rng.random() < 0.9 else (str(rng.choice(["CC", "MLO"])),)
        count = 1 + int(rng.choice(3, p=(0.78, 0.16, 0.06)))
        malignant = [False] * count
        if rng.random() < MALIGNANT_SHARE:
            malignant = [True] + [bool(rng.random() < 0.4) for _ in range(count - 1)]
        lesions = tuple(plan_lesion(rng, str(rng.choice(["mass", "calcification"])), bad) for bad in malignant)
        breasts.append(BreastPlan(side, views, density, lesions))
    return tuple(breasts)


def plan_lesion(rng: np.random.Generator, kind: str, malignant: bool) -> LesionPlan:
    """Draw one lesion of a kind and class."""
    suspicion = float(rng.normal()) + (SUSPICION_GAP / 2 if malignant else -SUSPICION_GAP / 2)
    pathology = "MALIGNANT" if malignant else "BENIGN"
    if not malignant and rng.random() < (0.6 if kind == "calcification" else 0.25) * (suspicion < -0.5):
        pathology = "BENIGN_WITHOUT_CALLBACK"
    looks = _mass_looks if kind == "mass" else _calcification_looks
    return looks(rng, suspicion, pathology)


def _mass_looks(rng: np.random.Generator, suspicion: float, pathology: str) -> LesionPlan:
    irregularity = _logistic(1.5 * suspicion + 0.4 * rng.normal())
    spiculation = float(np.clip(0.45 * (suspicion + 0.5 * rng.normal()) - 0.05, 0, 1))
    contrast = float(np.clip(0.155 * np.exp(0.3 * rng.normal() + 0.2 * suspicion), 0.07, 0.4))
    if irregularity > 0.6:
        shape = "IRREGULAR" if rng.random() < 0.85 else "IRREGULAR-ARCHITECTURAL_DISTORTION"
    else:
        shape = "LOBULATED" if irregularity > 0.35 else str(rng.choice(["OVAL", "ROUND"], p=[0.7, 0.3]))
    if spiculation > 0.2:
        margins = "SPICULATED"
    elif irregularity > 0.5:
        margins = str(rng.choice(["ILL_DEFINED", "MICROLOBULATED"], p=[0.8, 0.2]))
    else:
        margins = str(rng.choice(["CIRCUMSCRIBED", "OBSCURED", "N/A"], p=[0.65, 0.32, 0.03]))
    return LesionPlan(
        kind="mass",
        pathology=pathology,
        suspicion=suspicion,
        size_mm=float(np.clip(14 * np.exp(0.38 * rng.normal() + 0.06 * suspicion), 5, 40)),
        contrast=contrast,
        irregularity=irregularity,
        spiculation=spiculation,
        nipple_mm=float(rng.uniform(20, 75)),
        assessment=_assess(rng, suspicion),
        subtlety=_subtlety("mass", contrast),
        shape=shape,
        margins=margins,
    )


def _calcification_looks(rng: np.random.Generator, suspicion: float, pathology: str) -> LesionPlan:
    pleomorphy = _logistic(1.5 * suspicion + 0.4 * rng.normal())
    contrast = float(np.clip(0.4 * np.exp(0.35 * rng.normal()), 0.15, 0.9))
    if pleomorphy > 0.82:
        calc_type = "FINE_LINEAR_BRANCHING"
    elif pleomorphy > 0.5:
        calc_type = str(rng.choice(["PLEOMORPHIC", "AMORPHOUS", "PUNCTATE-PLEOMORPHIC"], p=[0.8, 0.12, 0.08]))
    elif pleomorphy > 0.3:
        calc_type = str(rng.choice(["PUNCTATE", "AMORPHOUS"]))
    else:
        calc_type = str(rng.choice(["COARSE", "ROUND_AND_REGULAR", "LUCENT_CENTER"]))
    distribution = str(rng.choice(["CLUSTERED", "SEGMENTAL", "LINEAR"], p=[0.7, 0.15, 0.15]))
    if pleomorphy < 0.5:
        distribution = str(rng.choice(["CLUSTERED", "REGIONAL"], p=[0.9, 0.1]))
        if pathology == "BENIGN_WITHOUT_CALLBACK" and rng.random() < 0.6:
            distribution = "N/A"
    return LesionPlan(
        kind="calcification",
        pathology=pathology,
        suspicion=suspicion,
        size_mm=float(np.clip(12 * np.exp(0.38 * rng.normal() + 0.06 * suspicion), 5, 30)),
        contrast=contrast,
        irregularity=pleomorphy,
        spiculation=0.0,
        nipple_mm=float(rng.uniform(20, 75)),
        assessment=_assess(rng, suspicion),
        subtlety=_subtlety("calcification", contrast),
        shape=calc_type,
        margins=distribution,
    )


def _assess(rng: np.random.Generator, suspicion: float) -> int:
    """A reader's BI-RADS: the suspicion seen through noise; 0, more imaging needed, now and then."""
    if rng.random() < 0.07:
        return 0
    return 2 + int(np.digitize(suspicion + 0.5 * rng.normal(), (-1.3, -0.5, 1.3)))


def _subtlety(kind: str, contrast: float) -> int:
    """1 subtle to 5 obvious."""
    return 1 + int(np.digitize(contrast, _SUBTLETY_EDGES[kind]))


def _logistic(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
