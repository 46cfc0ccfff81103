"""What a woman has before anything is drawn: breasts, views, density, lesions and their descriptions.

In: a random generator. Out: `BreastPlan`s. A lesion's descriptors are drawn together, per pathology and density, as
often as in the real tables (`descriptors`); size follows shape, contrast follows subtlety and falls with density.
Pathology acts on a film through nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mammomap.phantom.config import LesionPlan, PhantomConfig
from mammomap.phantom.descriptors import draw_descriptors, parts

MALIGNANT_SHARE = 0.45
"""Share of the breasts with a malignant lesion, near that of CBIS-DDSM (1,347 of 3,032 films)."""
BENIGN_SHARE = 0.1
"""Share of the screened women without a malignant lesion that have a benign one: our choice, about a recall rate."""
_LACKING_SHARE = 0.05
"""Share of the screened women that lack one of the four views: our choice."""
DENSITY_SHARES = (0.15, 0.385, 0.31, 0.155)
"""Of BI-RADS density 1 to 4, as in the rows of CBIS-DDSM's lists."""
LESION_COUNTS = (0.88, 0.08, 0.04)
"""Shares of breasts with one, two and three lesions; CBIS-DDSM has 0.89, 0.07 and, three or more, 0.04 of its films."""
_MASS_MM = {
    "LYMPH_NODE": 8.0,
    "ROUND": 12.5,
    "OVAL": 13.0,
    "LOBULATED": 13.7,
    "N/A": 14.0,
    "IRREGULAR": 14.8,
    "ARCHITECTURAL_DISTORTION": 17.0,
    "FOCAL_ASYMMETRIC_DENSITY": 19.0,
    "ASYMMETRIC_BREAST_TISSUE": 22.0,
}
"""Geometric means of sqrt(height x width) of the boxes of CBIS-DDSM's masses, about, on a film of 240 mm."""
_CLUSTER_MM = {"CLUSTERED": 11.0, "LINEAR": 18.0, "SEGMENTAL": 30.0, "REGIONAL": 34.0, "DIFFUSELY_SCATTERED": 50.0}
_SPREAD = 0.33
_MASS_CONTRAST = (0.12, 0.15, 0.185, 0.21, 0.235)
_SPECK_CONTRAST = (0.23, 0.3, 0.38, 0.48, 0.62)
"""By subtlety, 1 to 5."""
_DENSITY_FALL = 0.08
"""Share of its contrast that a lesion loses with each step of density."""


@dataclass(frozen=True)
class BreastPlan:
    """One breast of a woman."""

    side: str
    views: tuple[str, ...]
    density: int
    lesions: tuple[LesionPlan, ...]


def plan_woman(rng: np.random.Generator, config: PhantomConfig) -> tuple[BreastPlan, ...]:
    """The breasts of one woman that have films; each has at least one lesion, as in CBIS-DDSM, but in a screening mix
    (`config.prevalence`) lesions lie in one breast of few women."""
    density = 1 + int(rng.choice(4, p=DENSITY_SHARES))
    if config.prevalence is not None:
        return _screened(rng, config.prevalence, density)
    sides = ["LEFT", "RIGHT"] if rng.random() < config.both_breasts else [str(rng.choice(["LEFT", "RIGHT"]))]
    breasts = []
    for side in sides:
        views = ("CC", "MLO") if rng.random() < 0.9 else (str(rng.choice(["CC", "MLO"])),)
        breasts.append(BreastPlan(side, views, density, plan_lesions(rng, rng.random() < MALIGNANT_SHARE, density)))
    return tuple(breasts)


def _screened(rng: np.random.Generator, prevalence: float, density: int) -> tuple[BreastPlan, ...]:
    """Both breasts in both views, but for a view that some women lack; lesions, if any, in one breast."""
    chance, ill_side = rng.random(), str(rng.choice(["LEFT", "RIGHT"]))
    malignant = chance < prevalence
    ill = chance < prevalence + (1 - prevalence) * BENIGN_SHARE
    lacking = int(rng.integers(4)) if rng.random() < _LACKING_SHARE else None
    breasts = []
    for k, side in enumerate(("LEFT", "RIGHT")):
        views = tuple(view for n, view in enumerate(("CC", "MLO")) if 2 * k + n != lacking)
        lesions = plan_lesions(rng, malignant, density) if ill and side == ill_side else ()
        breasts.append(BreastPlan(side, views, density, lesions))
    return tuple(breasts)


def plan_lesions(rng: np.random.Generator, malignant: bool, density: int) -> tuple[LesionPlan, ...]:
    """The lesions of one breast: at least one of them malignant, or none."""
    count = 1 + int(rng.choice(3, p=LESION_COUNTS))
    bad = [malignant] + [malignant and bool(rng.random() < 0.4) for _ in range(count - 1)]
    return tuple(plan_lesion(rng, str(rng.choice(["mass", "calcification"])), each, density) for each in bad)


def plan_lesion(rng: np.random.Generator, kind: str, malignant: bool, density: int) -> LesionPlan:
    """Draw one lesion of a kind and class in a breast of BI-RADS `density`."""
    words = draw_descriptors(rng, kind, malignant, density)
    usual, table, least, most = (
        (_MASS_MM, _MASS_CONTRAST, 4, 50) if kind == "mass" else (_CLUSTER_MM, _SPECK_CONTRAST, 3, 60)
    )
    named = sorted(parts(words.shape if kind == "mass" else words.margins))
    means = [usual[name] for name in named if name in usual] or [7.0]
    size = float(np.exp(np.mean(np.log(means)) + _SPREAD * rng.normal()))
    contrast = table[words.subtlety - 1] * float(np.exp(0.14 * rng.normal())) * (1 - _DENSITY_FALL * (density - 1))
    return LesionPlan(
        kind=kind,
        pathology=words.pathology,
        shape=words.shape,
        margins=words.margins,
        assessment=words.assessment,
        subtlety=words.subtlety,
        size_mm=min(max(size, least), most),
        contrast=contrast,
    )
