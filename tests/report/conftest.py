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
    rates = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
    return {
        "lesions": lesions,
        "films": 128,
        "at": [{"fp": fp, **_around(float(high * (1 - np.exp(-slope * fp))))} for fp in rates],
        "points": [[float(x), float(y)] for x, y in zip(RATES, found, strict=True)],
        "band": [
            [float(x), float(max(0, y - 0.08)), float(min(1, y + 0.08))] for x, y in zip(RATES, found, strict=True)
        ],
    }


def _image(level: str, score: str, n: int, area: float, **more: Any) -> dict[str, Any]:
    x = np.linspace(0, 1, 30)
    roc = [[float(a), float(b)] for a, b in zip(x, x ** (1 / area - 1), strict=True)]
    return {"level": level, "score": score, "n": n, "positive": n // 2, "auc": _around(area), "roc": roc, **more}


def _system(name: str, slope: float, area: float, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "origin": f"maps of {name}",
        "kinds_trained": ["calcification", "mass"],
        "in_sample": False,
        "froc": {"any": _froc(141, slope, high=0.9), "malignant": _froc(66, slope, high=0.8)},
        "images": [_image("image", "map maximum", 128, area), _image("patient", "map maximum", 62, area + 0.02)],
        "dice": {"reason": "no threshold was chosen for this system on other women"},
        **more,
    }


@pytest.fixture
def report() -> dict[str, Any]:
    """A report with every section."""
    bins = [[13, i / 10 + 0.05, min(1.0, max(0.0, i / 10 + 0.05 + 0.08 * (-1) ** i))] for i in range(10)]
    line = {"intercept": -0.06, "slope": 0.91, "ece": 0.052, "bins": bins, "note": "fitted on other women"}
    net = _system("net", 1.6, 0.74)
    net["images"].append(_image("image", "head probability", 128, 0.78, brier=0.19, calibration=line))
    net["dice"] = {
        kind: {"n": 60, "mean": _around(0.48), "median": 0.53, "threshold": 0.31, "threshold_from": "the head's women"}
        for kind in ("masses", "calcifications")
    }
    pairs = [("untrained", 0.55), ("blob", 0.31)]
    measures = [
        ("sensitivity at 1 false positives per film, any lesion", "lesion"),
        ("sensitivity at 1 false positives per film, malignant lesion", "lesion"),
        ("AUC of the map maximum", "image"),
    ]
    return {
        "format": 1,
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
            "kinds": ["calcification", "mass"],
            "label_rule": "malignant if any lesion of the film is",
            "outlines": {"mask": 141},
            "approximate": False,
            "notes": ["3 films hold lesions of another kind whose place is not known"],
        },
        "systems": [net, _system("untrained", 0.1, 0.51), _system("blob", 0.5, 0.55)],
        "differences": [
            {"a": "net", "b": b, "measure": m, "level": lv, "value": d, "low": d - 0.1, "high": d + 0.1}
            for b, d in pairs
            for m, lv in measures
        ],
        "strata": [
            {
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
