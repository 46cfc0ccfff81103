"""Laws that every figure of images keeps, over a registry of them, and the table of what they must give."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mammomap.eval import calibration, curves, images
from mammomap.eval.cases import women_carrying
from mammomap.eval.clustered import obuchowski
from mammomap.eval.intervals import interval, interval_of_variance, patient_weights
from mammomap.eval.prevalence import decision_curve, ppv
from mammomap.eval.resamples import auc_bootstrap, mean_bootstrap, rank_bootstrap


@dataclass(frozen=True)
class Figure:
    """value(labels, scores) and resampled(labels, scores, patient, weights); rank: blind to increasing transforms."""

    value: Callable
    resampled: Callable
    rank: bool = False
    bounds: tuple[float, float] | None = (0, 1)


def drawn(figure: Callable, **options) -> Callable:
    return partial(rank_bootstrap, partial(figure, **options))


def benefit(y, p):
    return float(decision_curve(y, p, [0.4], prevalence=0.1).net_benefit[0])


def benefit_drawn(y, p, patient, weights):
    y, called, patient = np.asarray(y, bool), np.asarray(p) >= 0.4, np.asarray(patient)
    found = mean_bootstrap(called[y], patient[y], weights), 1 - mean_bootstrap(called[~y], patient[~y], weights)
    return 0.1 * found[0] - 0.9 * (1 - found[1]) * 0.4 / 0.6


def line(name):
    return lambda y, p: getattr(calibration.calibration_line(y, p), name)


def line_drawn(k):
    return lambda *a: calibration.calibration_bootstrap(*a)[:, k]


FIGURES = {
    "AUC": Figure(images.auc, auc_bootstrap, rank=True),
    "partial AUC to 0.2": Figure(
        lambda y, s: images.partial_auc(y, s, 0.2), drawn(curves.partial_area, max_fpr=0.2), rank=True
    ),
    "average precision": Figure(images.average_precision, drawn(curves.precision_area), rank=True),
    "sensitivity at specificity 0.9": Figure(
        lambda y, s: images.sensitivity_at_specificity(y, s, 0.9).sensitivity,
        drawn(curves.sensitivity_reached, specificity=0.9),
        rank=True,
    ),
    "specificity at sensitivity 0.9": Figure(
        lambda y, s: images.specificity_at_sensitivity(y, s, 0.9).specificity,
        drawn(curves.specificity_reached, sensitivity=0.9),
        rank=True,
    ),
    "Brier score": Figure(calibration.brier, calibration.brier_bootstrap),
    "calibration intercept": Figure(line("intercept"), line_drawn(0), bounds=None),
    "calibration slope": Figure(line("slope"), line_drawn(1), bounds=None),
    "intercept at slope 1": Figure(line("in_the_large"), line_drawn(2), bounds=None),
    "ECE": Figure(
        lambda y, p: calibration.expected_calibration_error(y, p).value,
        lambda *a: calibration.calibration_error_bootstrap(*a).value,
    ),
    "net benefit": Figure(benefit, benefit_drawn, bounds=(-1, 1)),
}
RANKS = [name for name, figure in FIGURES.items() if figure.rank]
seeds = st.integers(0, 10_000)


def drawn_set(seed, women=30):
    """Labels, probabilities with ties, women with one to three films each, some with films of both classes."""
    rng = np.random.default_rng(seed)
    patient = np.repeat(np.arange(women), rng.integers(1, 4, women))
    y = ((rng.random(women) < 0.5)[patient]) ^ (rng.random(len(patient)) < 0.1)
    p = 1 / (1 + np.exp(-rng.normal(0, 1, women)[patient] - rng.normal(0, 1, len(patient)) - y + 0.5))
    return y, np.round(p, 2), patient


@pytest.mark.parametrize("name", FIGURES)
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_the_value_is_its_resample_with_every_woman_once(name, seed):
    y, p, patient = drawn_set(seed)
    once = FIGURES[name].resampled(y, p, patient, np.ones((1, 30), np.float32))
    assert once.shape == (1,)
    assert once[0] == pytest.approx(FIGURES[name].value(y, p), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", RANKS)
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
def test_rank_figures_are_blind_to_increasing_transforms(name, seed):
    y, p, patient = drawn_set(seed)
    weights = patient_weights(patient, 20, seed)
    for bent in (100 * p - 3, np.exp(3 * p), np.cbrt(p - 0.5), np.unique(p, return_inverse=True)[1]):
        assert FIGURES[name].value(y, bent) == FIGURES[name].value(y, p)
        a, b = (FIGURES[name].resampled(y, s, patient, weights) for s in (p, bent))
        assert np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("name", FIGURES)
@settings(max_examples=15, deadline=None)
@given(seed=seeds)
@example(seed=2938)  # once lost the last digits of the calibration line
def test_order_of_rows_and_names_of_women_change_nothing(name, seed):
    y, p, patient = drawn_set(seed)
    rng = np.random.default_rng(seed)
    weights = patient_weights(patient, 20, seed)
    order, renamed = rng.permutation(len(y)), rng.permutation(30)
    again = np.empty_like(weights)
    again[:, renamed] = weights  # the woman keeps her draws under her new name
    assert FIGURES[name].value(y[order], p[order]) == pytest.approx(FIGURES[name].value(y, p), abs=1e-8, nan_ok=True)
    a = FIGURES[name].resampled(y, p, patient, weights)
    b = FIGURES[name].resampled(y[order], p[order], renamed[patient][order], again)
    assert a == pytest.approx(b, abs=1e-8, nan_ok=True)
    assert women_carrying(y, patient) == women_carrying(y[order], np.array([f"w{k}" for k in renamed])[patient][order])


@pytest.mark.parametrize("name", FIGURES)
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_every_film_twice_narrows_no_interval(name, seed):
    y, p, patient = drawn_set(seed)
    weights = patient_weights(patient, 100, seed)
    figure, found = FIGURES[name], []
    for times in (1, 2):
        y2, p2, w2 = np.tile(y, times), np.tile(p, times), np.tile(patient, times)
        samples = figure.resampled(y2, p2, w2, weights)
        carrying = women_carrying(y2, w2)
        found.append(interval(figure.value(y2, p2), samples, n_patients=30, carrying=carrying, bounds=figure.bounds))
    one, both = found
    assert (both.low, both.high) == pytest.approx((one.low, one.high), abs=1e-7, nan_ok=True)


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_the_formula_keeps_the_same_laws(seed):
    y, p, patient = drawn_set(seed)
    order = np.random.default_rng(seed).permutation(len(y))
    whole = obuchowski(y, p, patient)
    mixed = obuchowski(y[order], np.exp(p[order]), np.array([f"w{k}" for k in patient])[order])
    twice = obuchowski(np.tile(y, 2), np.tile(p, 2), np.tile(patient, 2))
    for other in (mixed, twice):
        assert other.auc == pytest.approx(whole.auc, abs=1e-12)
        assert other.covariance == pytest.approx(whole.covariance, abs=1e-12)
        limits = [interval_of_variance(f.auc[0], f.covariance[0, 0], n_patients=30) for f in (whole, other)]
        assert limits[0].low == pytest.approx(limits[1].low, abs=1e-9)


N, SHARE = 20_000, 0.3
LABELS = np.arange(N) < SHARE * N
SCORES = {
    "perfect": LABELS.astype(float),
    "constant": np.full(N, 0.5),
    "random": np.random.default_rng(0).random(N),
}
nan = float("nan")
TABLE = {  # perfect, constant 0.5, random, one class
    "AUC": (1, 0.5, 0.5, nan),
    "partial AUC to 0.2": (1, 0.5, 0.5, nan),
    "average precision": (1, SHARE, SHARE, nan),
    "sensitivity at specificity 0.9": (1, 0, 0.1, nan),
    "specificity at sensitivity 0.9": (1, 0, 0.1, nan),
    "Brier score": (0, 0.25, 1 / 3, 1 / 3),
    "calibration intercept": (nan, nan, np.log(3 / 7), nan),
    "calibration slope": (nan, nan, 0, nan),
    "intercept at slope 1": (nan, np.log(3 / 7), None, nan),
    "ECE": (0, 0.2, None, 0.5),
    "net benefit": (0.1, 0.1 - 0.9 * 2 / 3, 0.6 * (0.1 - 0.9 * 2 / 3), nan),
}


@pytest.mark.parametrize("name", FIGURES)
def test_table_of_expected_values(name):
    figure = FIGURES[name]
    for scores, wanted in zip(SCORES, TABLE[name], strict=False):
        if wanted is not None:
            near = 0.02 if scores == "random" else 1e-9
            assert figure.value(LABELS, SCORES[scores]) == pytest.approx(wanted, abs=near, nan_ok=True), scores
    one_class = figure.value(np.ones(N, bool), SCORES["random"])
    assert one_class == pytest.approx(TABLE[name][3], abs=0.01, nan_ok=True)
    assert np.isnan(figure.value([], []))
    assert np.isnan(figure.resampled([], [], np.array([], int), np.ones((3, 2), np.float32))).all()


def test_what_is_said_of_the_odd_sets():
    assert np.isnan(ppv(0.0, 1.0, prevalence=0.3))  # nobody called
    constant = SCORES["constant"]
    patient = np.arange(N) // 100
    weights = patient_weights(patient, 50, seed=0)
    found = interval(0.5, auc_bootstrap(LABELS, constant, patient, weights), n_patients=200, carrying=60)
    assert (found.low, found.high) == (0.5, 0.5)  # a constant score cannot do otherwise
    best = auc_bootstrap(LABELS, SCORES["perfect"], patient, weights)
    found = interval(1.0, best, n_patients=200, carrying=women_carrying(LABELS, patient))
    assert found.low == pytest.approx(0.025 ** (1 / 60)) and found.high == 1
