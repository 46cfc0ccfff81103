"""Pools of a map against formulas worked by hand, and what all of them have in common."""

from dataclasses import replace

import numpy as np
import pytest

from mammomap.classify.conv_head import CELLS
from mammomap.classify.features import CONV, FEATURES, KINDS, head_inputs, inputs_named
from mammomap.classify.pooling import POOLS
from mammomap.errors import ConfigError
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap


def made(values: np.ndarray, breast: np.ndarray | None = None) -> FilmMap:
    values = values.astype(np.float32)
    inside = np.ones(values.shape, bool) if breast is None else breast
    return FilmMap(values, values, inside, Grid.whole(*values.shape))


def rows(*scores: float) -> list[dict]:
    return [{"map": "malignancy", "score": score} for score in scores] + [{"map": "lesion", "score": 0.99}]


def test_by_hand() -> None:
    values = np.zeros((50, 40))
    values[0, :3] = [0.9, 0.7, 0.2]
    film = made(values)
    assert POOLS["max"](film, rows(0.3, 0.6)) == 0.6 and POOLS["max"](film, rows()) == 0.0
    assert POOLS["top-k"](film, []) == pytest.approx((0.9 + 0.7) / 2)  # two of 2,000 pixels
    assert POOLS["noisy-or"](film, rows(0.5, 0.2)) == pytest.approx(1 - 0.5 * 0.8)
    told = np.log((np.exp(9) + np.exp(7) + np.exp(2) + 1997) / 2000) / 10
    assert POOLS["log-sum-exp"](film, []) == pytest.approx(told, rel=1e-6)
    assert POOLS["generalised-mean"](film, []) == pytest.approx(
        ((0.9**8 + 0.7**8 + 0.2**8) / 2000) ** (1 / 8), rel=1e-6
    )


@pytest.mark.parametrize("name", POOLS)
def test_every_pool_is_a_number_from_0_to_1_and_rises_with_the_map(name: str) -> None:
    values = np.random.default_rng(0).random((30, 30)) * 0.5
    low = POOLS[name](made(values), rows(0.3, 0.2))
    high = POOLS[name](made(values * 1.8), rows(0.54, 0.36))
    assert 0 <= low < high <= 1
    assert POOLS[name](made(values * 0), []) == 0
    assert POOLS[name](made(values, np.zeros((30, 30), bool)), []) == 0


@pytest.mark.parametrize("name", [name for name in POOLS if name not in ("max", "noisy-or")])
def test_what_lies_outside_the_breast_counts_for_nothing(name: str) -> None:
    values = np.random.default_rng(0).random((30, 30)) * 0.5
    breast = np.zeros((30, 30), bool)
    breast[:, :20] = True
    bright = values.copy()
    bright[:, 20:] = 1
    assert POOLS[name](made(values, breast), []) == POOLS[name](made(bright, breast), [])


def test_inputs_are_those_that_are_named() -> None:
    film = made(np.random.default_rng(0).random((30, 30)))
    candidates = [
        {"map": "lesion", "score": 0.5, "malignancy": 0.25, "area": 4.0},
        {"map": "malignancy", "score": 0.25, "malignancy": 0.25, "area": 4.0},
    ]
    scored = replace(film, score=0.75)
    for kind in KINDS:
        each = CELLS[0] * CELLS[1] if kind == CONV else 1
        assert head_inputs(kind, scored, candidates).shape == (each * len(inputs_named(kind)),)
    assert head_inputs("score", scored, candidates)[0] == pytest.approx(np.log(3))
    with pytest.raises(ConfigError, match="these maps come with no score"):
        head_inputs("score", film, candidates)
    assert inputs_named("trees") == inputs_named("features") == FEATURES and inputs_named("max") == ("max",)
    assert head_inputs("max", film, candidates)[0] == pytest.approx(np.log(0.25 / 0.75))
