"""Intervals: the draws, the percentiles, what is left out, and what pairing buys."""

import numpy as np
import pytest

from mammomap.eval.images import auc, auc_bootstrap
from mammomap.eval.intervals import interval, paired_difference, patient_weights


def test_each_resample_draws_as_many_women_as_there_are():
    weights = patient_weights(np.array([3, 0, 1, 1, 2, 3]), 500, seed=4)
    assert weights.shape == (500, 4) and weights.dtype == np.float32
    assert (weights.sum(axis=1) == 4).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(4), abs=0.15)
    assert weights.var(axis=0) == pytest.approx(np.full(4, 0.75), abs=0.15)  # n p (1 - p)


def test_draws_depend_on_seed_and_women_not_on_their_films():
    one = patient_weights(np.array([0, 1, 2]), 50, seed=4)
    assert np.array_equal(one, patient_weights(np.array([2, 2, 1, 0, 0]), 50, seed=4))
    assert not np.array_equal(one, patient_weights(np.array([0, 1, 2]), 50, seed=5))


def test_strata_keep_their_sizes():
    strata = np.array(["a", "b", "a", "a", "b"])
    weights = patient_weights(np.arange(5), 100, seed=1, strata=strata)
    assert (weights[:, strata == "a"].sum(axis=1) == 3).all()
    assert (weights[:, strata == "b"].sum(axis=1) == 2).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_percentiles_by_hand_and_what_is_left_out():
    drawn = np.r_[np.arange(101) / 100, np.nan, np.nan]
    result = interval(0.4, drawn, n_patients=7, level=0.9)
    assert (result.low, result.high) == pytest.approx((0.05, 0.95))
    assert (result.value, result.level, result.n_patients) == (0.4, 0.9, 7)
    assert (result.n_resamples, result.n_left_out) == (101, 2)


@pytest.mark.parametrize(("value", "drawn"), [(np.nan, [0.1, 0.2]), (0.5, [np.nan, np.nan]), (0.5, [])])
def test_no_figure_no_interval(value, drawn):
    result = interval(value, drawn, n_patients=2)
    assert np.isnan(result.low) and np.isnan(result.high)


def test_paired_difference_of_equal_scores_is_nought_and_of_a_better_one_is_above():
    rng = np.random.default_rng(0)
    patient = np.arange(120) // 2
    y = (patient % 2).astype(bool)
    weak = rng.normal(0, 1, 120) + 0.5 * y
    strong = weak + 1.5 * y
    weights = patient_weights(patient, 500, seed=0)
    a, b = (auc_bootstrap(y, s, patient, weights) for s in (strong, weak))
    same = paired_difference(auc(y, weak), b, auc(y, weak), b, n_patients=60)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    better = paired_difference(auc(y, strong), a, auc(y, weak), b, n_patients=60)
    assert 0 < better.low < better.value < better.high
    unpaired = np.hypot(np.std(a), np.std(b))
    assert (better.high - better.low) / 3.92 < unpaired


def test_a_resample_without_one_of_the_figures_is_left_out():
    result = paired_difference(1, [1, np.nan, 2], 0, [0, 0, np.nan], n_patients=3)
    assert (result.n_resamples, result.n_left_out, result.low, result.high) == (1, 2, 1, 1)


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="no gaps"):
        patient_weights(np.array([0, 2]), 5, seed=0)
    with pytest.raises(ValueError, match="at least one"):
        patient_weights(np.array([], int), 5, seed=0)
    with pytest.raises(ValueError, match="integers"):
        patient_weights(np.array([0.0, 1.0]), 5, seed=0)
    with pytest.raises(ValueError, match="strata"):
        patient_weights(np.array([0, 1]), 5, seed=0, strata=np.array([1]))
    with pytest.raises(ValueError, match="level"):
        interval(0.5, [0.5], n_patients=1, level=95)
    with pytest.raises(ValueError, match="same draws"):
        paired_difference(1, [1], 1, [1, 2], n_patients=1)
