"""The traps of CBIS-DDSM in a phantom: which woman and film each of them hits, and what is true all the same.

In: a `PhantomConfig` with `traps`, and what is about to be drawn or written. Out: changed plans and films, the traps of
a film, and its truth, as a reader who falls into none of them must find it. Whether a trap hits depends on the seed,
its name and the woman or film alone, so that no trap moves another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mammomap.phantom.config import LesionPlan, PhantomConfig, PhantomFilm, PhantomLesion
from mammomap.phantom.plan import BreastPlan, plan_lesion

_SHARES = {
    "small-masks": 0.6,
    "unfit-masks": 0.15,
    "two-lists": 0.25,
    "leaking-women": 0.25,
    "swapped": 0.5,
    "two-series": 0.4,
    "odd-headers": 0.8,
    "dcm-folders": 0.8,
    "zeros": 0.3,
    "not-available": 0.3,
}
"""Of the women or films that a trap can hit: far more than in the real set, so that a small phantom has them all."""
_MALIGNANT_CALCIFICATION = 14 / 16
"""Share of the two-list films of opposite labels whose malignant lesion is the calcification, as in the real set."""
_LISTS = {"mass": "mass", "calcification": "calc"}


def trapped_plan(breasts: tuple[BreastPlan, ...], config: PhantomConfig, patient_id: str) -> tuple[BreastPlan, ...]:
    """The breasts of a woman with the lesions that two-lists and leaking-women need."""
    first = breasts[0]
    if _hits(config, "two-lists", patient_id):
        rng = _rng(config, "two-lists lesions", patient_id)
        calcification = bool(rng.random() < _MALIGNANT_CALCIFICATION)
        kinds = (("mass", not calcification), ("calcification", calcification))
        first = replace(first, lesions=tuple(plan_lesion(rng, kind, bad, first.density) for kind, bad in kinds))
    if _hits(config, "leaking-women", patient_id):
        rng = _rng(config, "leaking-women lesion", patient_id)
        kinds_there = {lesion.kind for breast in (first, *breasts[1:]) for lesion in breast.lesions}
        lacking = [
            plan_lesion(rng, kind, bool(rng.random() < 0.5), first.density)
            for kind in _LISTS
            if kind not in kinds_there
        ]
        first = replace(first, lesions=(*first.lesions, *lacking))
    return (first, *breasts[1:])


def parts_of(config: PhantomConfig, patient_id: str, part: str) -> dict[str, str]:
    """The official part, train or test, of a woman's rows of each kind, where `part` is that of a woman in one part."""
    other = {"train": "test", "test": "train"}[part]
    return {"mass": part, "calcification": other if _hits(config, "leaking-women", patient_id) else part}


def traps_on(config: PhantomConfig, film: PhantomFilm, parts: Mapping[str, str]) -> frozenset[str]:
    """The traps that hit a film."""
    kinds = {lesion.kind for lesion in film.lesions}
    labels = [any(x.pathology == "MALIGNANT" for x in film.lesions if x.kind == kind) for kind in sorted(kinds)]
    in_calc_test = "calcification" in kinds and parts["calcification"] == "test"
    possible = {
        "small-masks": len(film.lesions) == 1 and kinds == {"mass"},
        "unfit-masks": "calcification" in kinds,
        "two-lists": len(set(labels)) == 2 and _hits(config, "two-lists", film.patient_id),
        "leaking-women": _hits(config, "leaking-women", film.patient_id),
        "odd-headers": in_calc_test,
        "dcm-folders": in_calc_test,
    }
    by_woman = ("two-lists", "leaking-women")
    return frozenset(
        trap
        for trap in config.traps
        if possible.get(trap, True) and (trap in by_woman or _hits(config, trap, film.image_id))
    )


def as_listed(film: PhantomFilm, traps: frozenset[str]) -> PhantomFilm:
    """The film with the density, assessments and descriptors that the lists give for it."""
    lesions = tuple(replace(lesion, plan=_listed_plan(lesion.plan, traps)) for lesion in film.lesions)
    return replace(film, density=0 if "zeros" in traps else film.density, lesions=lesions)


def film_truth(film: PhantomFilm, parts: Mapping[str, str], traps: frozenset[str]) -> dict[str, Any]:
    """What is true about a film `as_listed`, as JSON: what the lists leave out is null, boxes are half-open pixels."""
    return {
        "image_id": film.image_id,
        "patient_id": film.patient_id,
        "side": film.side,
        "view": film.view,
        "rows": film.image.shape[0],
        "cols": film.image.shape[1],
        "density": film.density or None,
        "malignant": film.malignant,
        "lists": sorted({f"{_LISTS[x.kind]}-{parts[x.kind]}" for x in film.lesions}),
        "traps": sorted(traps),
        "usable": "unfit-masks" not in traps,
        "lesions": [_lesion_truth(lesion, parts) for lesion in film.lesions],
    }


def _lesion_truth(lesion: PhantomLesion, parts: Mapping[str, str]) -> dict[str, Any]:
    rows, cols = np.flatnonzero(lesion.mask.any(axis=1)), np.flatnonzero(lesion.mask.any(axis=0))
    return {
        "lesion_id": f"{lesion.kind}_{lesion.abnormality_id}",
        "kind": lesion.kind,
        "list": f"{_LISTS[lesion.kind]}-{parts[lesion.kind]}",
        "pathology": lesion.pathology,
        "assessment": lesion.assessment,
        "subtlety": lesion.subtlety or None,
        "shape": lesion.plan.shape,
        "margins": lesion.plan.margins,
        "box": [int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1],
        "area_px": int(lesion.mask.sum()),
    }


def _listed_plan(plan: LesionPlan, traps: frozenset[str]) -> LesionPlan:
    if "zeros" in traps:
        plan = replace(plan, assessment=0, subtlety=0)
    if "not-available" in traps:
        leaks = plan.kind == "calcification" and plan.pathology == "MALIGNANT"
        plan = replace(plan, shape="N/A", margins=plan.margins if leaks else "N/A")
    return plan


def _hits(config: PhantomConfig, trap: str, name: str) -> bool:
    return trap in config.traps and _rng(config, trap, name).random() < _SHARES[trap]


def _rng(config: PhantomConfig, what: str, name: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{config.seed}/{what}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
