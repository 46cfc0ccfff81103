"""Resamples by patient against written-out ones judged by scikit-learn, and the sets that give none."""

from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sk

from mammomap.eval.curves import area, partial_area, precision_area, sensitivity_reached, specificity_reached
from mammomap.eval.images import sensitivity_at_specificity, specificity_at_sensitivity
from mammomap.eval.intervals import patient_weights
from mammomap.eval.resamples import auc_bootstrap, mean_bootstrap, rank_bootstrap


def sample(seed, n=200):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    return y, np.round(rng.normal(0, 1, n) + y, 1)


def test_bootstrap_is_a_loop_over_written_out_resamples(monkeypatch):
    rng = np.random.default_rng(3)
    y, s = sample(3, n=60)
    patient = rng.permutation(np.r_[np.arange(15), rng.integers(0, 15, 45)])
    weights = patient_weights(patient, 50, seed=1)
    drawn = auc_bootstrap(y, s, patient, weights)
    for b, weight in enumerate(weights):
        again = np.repeat(np.arange(60), weight[patient].astype(int))
        assert drawn[b] == pytest.approx(sk.roc_auc_score(y[again], s[again]), abs=1e-12)
    monkeypatch.setattr("mammomap.eval.resamples._BLOCK", 100)
    monkeypatch.setattr("mammomap.eval.resamples._CACHE", 100)
    assert np.array_equal(auc_bootstrap(y, s, patient, weights), drawn)


def test_bootstrap_with_one_class_is_nan():
    weights = np.array([[2, 0], [1, 1], [0, 2]], np.float32)
    drawn = auc_bootstrap([1, 0], [0.9, 0.1], np.array([0, 1]), weights)
    assert np.isnan(drawn[[0, 2]]).all() and drawn[1] == 1
    assert np.isnan(auc_bootstrap([1, 1], [0.9, 0.1], np.array([0, 1]), weights)).all()


def test_large_sets_are_counted_in_float64(monkeypatch):
    y, s = sample(5, n=60)
    patient = np.arange(60) // 3
    weights = patient_weights(patient, 20, seed=1)
    drawn = auc_bootstrap(y, s, patient, weights)
    monkeypatch.setattr("mammomap.eval.resamples._EXACT", 1)
    assert np.array_equal(auc_bootstrap(y, s, patient, weights), drawn)


def test_curve_figures_of_written_out_resamples(monkeypatch):
    rng = np.random.default_rng(4)
    y, s = sample(4, n=60)
    patient = rng.permutation(np.r_[np.arange(15), rng.integers(0, 15, 45)])
    weights = patient_weights(patient, 40, seed=1)
    figures = {
        "area": (area, sk.roc_auc_score),
        "precision": (precision_area, sk.average_precision_score),
        "partial": (partial(partial_area, max_fpr=0.3), partial(sk.roc_auc_score, max_fpr=0.3)),
        "sensitivity": (
            partial(sensitivity_reached, specificity=0.8),
            lambda y, s: sensitivity_at_specificity(y, s, 0.8).sensitivity,
        ),
        "specificity": (
            partial(specificity_reached, sensitivity=0.8),
            lambda y, s: specificity_at_sensitivity(y, s, 0.8).specificity,
        ),
    }
    for figure, reference in figures.values():
        drawn = rank_bootstrap(figure, y, s, patient, weights)
        for b, weight in enumerate(weights):
            again = np.repeat(np.arange(60), weight[patient].astype(int))
            assert drawn[b] == pytest.approx(reference(y[again], s[again]), abs=1e-12)
    together = rank_bootstrap(
        lambda tp, fp: np.stack([area(tp, fp), precision_area(tp, fp)], 1), y, s, patient, weights
    )
    assert np.array_equal(together[:, 1], rank_bootstrap(precision_area, y, s, patient, weights))
    monkeypatch.setattr("mammomap.eval.resamples._CACHE", 1)
    assert np.array_equal(rank_bootstrap(precision_area, y, s, patient, weights), together[:, 1])


def test_curve_figures_with_one_class_are_nan():
    weights = np.array([[2, 0], [1, 1], [0, 2]], np.float32)
    for figure in (
        area,
        precision_area,
        partial(partial_area, max_fpr=0.3),
        partial(sensitivity_reached, specificity=1),
    ):
        drawn = rank_bootstrap(figure, [1, 0], [0.9, 0.1], np.array([0, 1]), weights)
        assert np.isnan(drawn[[0, 2]]).all() and drawn[1] == 1
        assert np.isnan(rank_bootstrap(figure, [], [], np.array([], int), weights)).all()


def test_means_by_hand():
    weights = np.array([[1, 1], [2, 0], [0, 2]], np.float32)
    assert mean_bootstrap([1, 2, 6], [0, 0, 1], weights).tolist() == [3, 1.5, 6]
    drawn = mean_bootstrap([[1, 0], [2, 1]], [0, 0], weights)
    assert drawn[:2].tolist() == [[1.5, 0.5]] * 2 and np.isnan(drawn[2]).all()  # nobody of woman 0
    with pytest.raises(ValueError, match="finite"):
        mean_bootstrap([np.nan], [0], weights)


def test_patients_that_do_not_go_together_are_refused():
    for call in (auc_bootstrap, partial(rank_bootstrap, area)):
        with pytest.raises(ValueError, match="patient is"):
            call([0, 1], [1, 2], np.array([0]), np.ones((2, 1)))
        with pytest.raises(ValueError, match="weights for 1"):
            call([0, 1], [1, 2], np.array([0, 1]), np.ones((2, 1)))
        with pytest.raises(ValueError, match="integers"):
            call([0, 1], [1, 2], np.array([0.0, 0.0]), np.ones((2, 1)))
