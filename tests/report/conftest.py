"""A plausible report, its training curves and a few drawn films."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mammomap.report.overlay import overlay
from mammomap.report.page import Picture

RATES = np.linspace(0.05, 4, 40)


def _around(value: float, half: float = 0.07) -> dict[str, float]:
    return {"value": value, "low": max(0.0, value - half), "high": min(1.0, value + half)}


def _froc(lesions: int, slope: float, *, high: float) -> dict[str, Any]:
    found = high * (1 - np.exp(-slope * RATES))
    rates = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    points = [float(y) for y in found]
    return {
        "lesions": lesions,
        "films": 128,
        "denominator": "all films",
        "at": [{"fp": fp, **_around(float(high * (1 - np.exp(-slope * fp))))} for fp in rates],
        "mean": _around(0.6),
        "rules": {"centre": _around(0.55), "box": _around(0.5)},
        "settings": {"smoothing halved": {"at_1": 0.5, "mean": 0.5, "points": [0.9 * y for y in points]}},
        "lesion_free": {"films": 20, "at_1": _around(0.58)},
        "afroc": {"lesion_free_films": 20, "area": _around(0.7), "points": [[0, 0], [0.5, 0.8], [1, 1]]},
        "points": [[float(x), float(y)] for x, y in zip(RATES, found, strict=True)],
        "band": [
            [float(x), float(max(0, y - 0.08)), float(min(1, y + 0.08))] for x, y in zip(RATES, found, strict=True)
        ],
    }


def _image(level: str, score: str, n: int, area: float, **more: Any) -> dict[str, Any]:
    x = np.linspace(0, 1, 30)
    roc = [[float(a), float(b)] for a, b in zip(x, x ** (1 / area - 1), strict=True)]
    names = ("average_precision", "partial_auc", "sensitivity_at_90_specificity", "specificity_at_90_sensitivity")
    found = {"level": level, "score": score, "n": n, "positive": n // 2, "prevalence": 0.48, "auc": _around(area)}
    return found | {name: _around(0.5) for name in names} | {"roc": roc, "pr": [[0, 1], [0.5, 0.7], [1, 0.48]], **more}


def _system(name: str, slope: float, area: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "role": "trivial" if name == "blob" else "submitted",
        "origin": f"maps of {name}",
        "kinds_trained": ["calcification", "mass"],
        "in_sample": False,
        "missing": 0,
        "extra_films": [],
        "notes": [],
        "froc": {
            "any": _froc(141, slope, high=0.9),
            "malignant": _froc(66, slope, high=0.8),
            "malignant, benign hits ignored": _froc(66, slope, high=0.85),
        },
        "images": [_image("image", "map maximum", 128, area), _image("patient", "map maximum", 62, area + 0.02)],
        "dice": {"reason": "nobody has chosen a threshold for this system on other women"},
        **more,
    }


@pytest.fixture
def report() -> dict[str, Any]:
    """A report with every section."""
    bins = [[13, i / 10 + 0.05, min(1.0, max(0.0, i / 10 + 0.05 + 0.08 * (-1) ** i))] for i in range(10)]
    bins = [[*one, max(0.0, one[2] - 0.1), min(1.0, one[2] + 0.1)] for one in bins]
    line = {name: _around(0.05) for name in ("intercept", "in_the_large", "ece")}
    line |= {"slope": _around(0.91), "bins": bins, "note": "fitted on other women"}
    at = {
        "prevalence": 0.01,
        "points_from": "thresholds read from the judged films",
        "points": [{"point": "specificity 0.90", "sensitivity": 0.6, "specificity": 0.9, "ppv": 0.057, "npv": 0.996}],
        "decision_curve": [[t / 100, 0.006 - t / 1000, 0.01 - t / 100] for t in range(5)],
    }
    net = _system("net", 1.6, 0.74)
    net["images"].append(_image("image", "probability", 128, 0.78, brier=_around(0.19), calibration=line))
    net["images"][-1] |= {"fitted_at": 0.44, "at_prevalence": at}
    gathered = {"n": 60} | {
        name: {"mean": _around(0.48), "median": 0.53, "undefined": 2}
        for name in ("dice", "iou", "precision", "recall", "hausdorff_95_px", "average_distance_px")
    }
    net["dice"] = {
        kind: {
            "by_film": gathered,
            "by_lesion": gathered,
            "pooled": {"dice": _around(0.44)},
        }
        for kind in ("masses", "calcifications")
    }
    net |= {"threshold": 0.31, "threshold_from": "the head's women"}
    net["pixels"] = {
        "average_precision": _around(0.31),
        "lesion_share": 0.006,
        "pointing_game": _around(0.61),
        "pointing_films": 121,
        "calibration_error": 0.01,
    }
    pairs = [("untrained", 0.55), ("blob", 0.31)]
    measures = [
        ("sensitivity at 1 false positives per film, any lesion", "lesion"),
        ("sensitivity at 1 false positives per film, malignant lesion", "lesion"),
        ("AUC of the map maximum", "image"),
    ]
    return {
        "format": 2,
        "title": "A net trained on drawn films",
        "referee_version": 1,
        "candidates_version": 1,
        "case_rule": "Films with lesions by best hit minus best false mark: highest, middle, lowest.",
        "made": {"date": "2026-01-02 03:04 UTC", "mammomap": "0.1.0", "python": "3.11.7", "seconds": 31.4},
        "data": {
            "source": "phantom seed 1",
            "data_hash": "0123456789ab",
            "split": "official",
            "part": "test",
            "films": 128,
            "women": 62,
            "lesions": 141,
            "malignant_lesions": 66,
            "malignant_films": 61,
            "prevalence": 0.477,
            "lesion_free_films": 20,
            "kinds": ["calcification", "mass"],
            "label_rule": "malignant if any lesion of the film is",
            "outlines": {"mask": 141},
            "approximate": False,
            "notes": ["3 films hold lesions of another kind whose place is not known"],
        },
        "systems": [net, _system("untrained", 0.1, 0.51), _system("blob", 0.5, 0.55)],
        "differences": [
            {"a": "net", "b": b, "measure": m, "level": lv, "value": d, "low": d - 0.1, "high": d + 0.1, "p_holm": 0.02}
            for b, d in pairs
            for m, lv in measures
        ],
        "ranks": [
            {
                "measure": "AUC of the map maximum",
                "level": "image",
                "method": "paired t of resamples by patient, Holm over 1 comparisons",
                "places": [
                    {"name": "net", "rank": 1.0, "low": 1.0, "high": 1.0},
                    {"name": "untrained", "rank": 2.0, "low": 2.0, "high": 2.0},
                ],
            }
        ],
        "warnings": ["the source of a film alone predicts the class: AUC by image 0.80 (0.70 to 0.90)."],
        "lacking": ["place map: not drawn, there are too few lesions of other women"],
        "yardsticks": [
            {
                "name": "the radiologists' BI-RADS",
                "column": "birads",
                "level": "image",
                "n": 128,
                "positive": 61,
                "auc": _around(0.84),
                "first_minus_this": {"value": -0.1, "low": -0.2, "high": 0.0},
            }
        ],
        "failures": [
            {
                "system": "net",
                "at": "1 false positive per film, any lesion",
                "threshold": 0.31,
                "lesions": 141,
                "missed": 40,
                "missed_by": [{"name": "subtlety", "value": "1", "lesions": 9, "missed": 7}],
                "false_marks": 128,
                "false_by_place": [{"place": "breast border", "marks": 12, "by_view": {"CC": 5, "MLO": 7}}],
            }
        ],
        "differing": [
            {
                "a": "net",
                "b": "untrained",
                "better": "net",
                "image_id": "P_00001_LEFT_CC",
                "lesion_id": "1",
                "kind": "mass",
                "malignant": True,
                "a_found_at": 0.01,
                "b_found_at": None,
            }
        ],
        "strata": [
            {
                "system": "net",
                "of": "lesions",
                "name": "margins",
                "value": "SPICULATED",
                "films": 30,
                "women": 25,
                "lesions": 31,
                "too_few": False,
                "sensitivity_at_1": _around(0.66),
            },
        ]
        + [
            {
                "system": "net",
                "of": "films",
                "name": "view",
                "value": view,
                "films": 64,
                "women": 60,
                "lesions": 70,
                "too_few": view == "MLO",
                "sensitivity_at_1": _around(0.7),
                "auc": {"value": None, "low": None, "high": None},
            }
            for view in ("CC", "MLO")
        ],
        "runs": [
            {"name": "run", "facts": {"seed": 1, "crops": 6000, "device": "cpu", "women": {"net": 110, "test": 62}}}
        ],
    }


@pytest.fixture
def curves() -> dict[str, Any]:
    """Training curves whose gap is 0.05 where the weights were kept and 0.09 at the end."""
    crops = [0, 1000, 2000, 3000]
    return {
        "train": [[c, v] for c, v in zip(crops, [0.70, 0.40, 0.30, 0.26], strict=True)],
        "validation": [[c, v] for c, v in zip(crops, [0.71, 0.43, 0.35, 0.35], strict=True)],
        "score": {
            "name": "mean lesion sensitivity",
            "train": [[c, v] for c, v in zip(crops, [0.10, 0.50, 0.70, 0.78], strict=True)],
            "validation": [[c, v] for c, v in zip(crops, [0.10, 0.48, 0.62, 0.61], strict=True)],
        },
        "best": 2000,
    }


@pytest.fixture
def pictures() -> list[Picture]:
    """Three films of 384 rows: a bright breast, a lesion, an outline, a mark."""
    made = []
    for number, group in enumerate(("best", "median", "worst")):
        row, col = np.mgrid[:384, :240].astype(np.float32)
        breast = ((row - 192) / 180) ** 2 + (col / 210) ** 2 < 1
        bump = np.exp(-((row - 150 - 30 * number) ** 2 + (col - 90) ** 2) / 800)
        noise = np.random.default_rng(number).normal(0, 0.03, breast.shape)
        film = np.where(breast, 0.35 + 0.4 * bump + noise, 0).clip(0, 1).astype(np.float32)
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        outline = np.stack([150 + 30 * number + 30 * np.sin(turn), 90 + 26 * np.cos(turn)], axis=1)
        png = overlay(
            film,
            (bump * (0.95 - 0.3 * number)).astype(np.float32),
            [(outline, number != 1, number == 2)],
            threshold=0.25,
            title="LEFT MLO (shown mirrored)",
            scale_mm_per_px=0.625,
            marks=[(150.0 + 30 * number, 92.0, 0.95 - 0.3 * number), (300.0, 60.0, 0.26)],
        )
        made.append(Picture(png, f"P_0000{number}_LEFT_MLO: malignant mass; margin +0.4{number}", group))
    return made
