"""Calibration: each kind finds the truth that it can express, and the right one is chosen."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from mammomap.classify.calibration import KINDS, choose_calibration, fit_calibration, log_loss
from mammomap.eval.calibration import calibration_line

RAW = np.random.default_rng(0).normal(0, 2, 20_000)


def drawn(probability: np.ndarray, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).random(len(probability)) < probability


def women(count: int) -> list[str]:
    return [f"W{k // 2}" for k in range(count)]


@pytest.mark.parametrize(("kind", "truth"), [("temperature", expit(0.5 * RAW)), ("platt", expit(-1 + 0.5 * RAW))])
def test_a_line_is_found_again(kind: str, truth: np.ndarray) -> None:
    made = fit_calibration(kind, RAW, drawn(truth))
    assert np.abs(made(RAW) - truth).max() < 0.03
    assert made.slope == pytest.approx(0.5, abs=0.03) and (kind == "platt" or made.intercept == 0)


def test_isotonic_is_scikit_learns_but_for_the_edges_and_keeps_the_order() -> None:
    labels = drawn(expit(np.round(RAW)))
    made = fit_calibration("isotonic", RAW, labels)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(RAW, labels).predict(RAW)
    edge = 1 / (len(RAW) + 2)
    assert np.abs(made(RAW) - np.clip(theirs, edge, 1 - edge)).max() < 1e-4
    assert 0 < made(np.array([-1e3]))[0] and made(np.array([1e3]))[0] < 1
    rising = np.linspace(-5, 5, 1001)
    assert (np.diff(made(rising)) > 0).all()


@pytest.mark.parametrize(
    ("wanted", "truth"),
    [
        ("temperature", expit(0.5 * RAW)),
        ("platt", expit(-2 + 0.5 * RAW)),
        ("isotonic", np.where(RAW > 1, 0.9, np.where(RAW > -1, 0.5, 0.4))),
    ],
)
def test_the_kind_that_fits_is_chosen(wanted: str, truth: np.ndarray) -> None:
    labels = drawn(truth)
    chosen, losses = choose_calibration(RAW, labels, women(len(RAW)), seed=1)
    assert set(losses) == set(KINDS) and min(losses.values()) == losses[chosen.kind]
    floor = log_loss(labels, truth)
    assert losses[chosen.kind] < floor + 0.002
    others = [losses[kind] for kind in KINDS if kind != chosen.kind]
    assert chosen.kind == wanted or losses[wanted] < min(others) + 1e-4  # a temperature is a Platt's line too
    line = calibration_line(drawn(truth, 2), chosen(RAW))
    assert line.slope == pytest.approx(1, abs=0.06)


def test_a_score_that_misleads_is_not_turned_round() -> None:
    labels = drawn(expit(-RAW))
    chosen, losses = choose_calibration(RAW, labels, women(len(RAW)), seed=1)
    assert chosen.kind == "isotonic" and losses["platt"] < losses["isotonic"]
    made = chosen(np.linspace(-5, 5, 101))
    assert (np.diff(made) > 0).all() and np.allclose(made, labels.mean(), atol=1e-4)
    for seed in range(20):  # scores that say nothing: whichever line falls by chance is not taken
        few, said = RAW[seed * 40 : seed * 40 + 40], drawn(np.full(40, 0.5), seed)
        chosen, _ = choose_calibration(few, said, women(40), seed=1)
        assert (np.diff(chosen(np.sort(few))) > 0).all()


def test_log_loss_by_hand() -> None:
    told = log_loss(np.array([True, False]), np.array([0.5, 0.2]))
    assert told == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 2)
