"""Intervals: the draws, Student's t on the logit by hand, what happens at a bound, what is left out, what is said."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest, t

from mammomap.eval.cases import women_carrying
from mammomap.eval.intervals import interval, interval_of_variance, patient_weights, percentile_interval

DRAWN = np.r_[np.random.default_rng(0).normal(0.8, 0.05, 400), np.nan, np.nan]


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


def test_draws_do_not_depend_on_the_size_of_a_block(monkeypatch):
    one = patient_weights(np.arange(37), 50, seed=4)
    monkeypatch.setattr("mammomap.eval.intervals._BLOCK", 100)
    assert np.array_equal(one, patient_weights(np.arange(37), 50, seed=4))


def test_strata_keep_their_sizes():
    strata = np.array(["a", "b", "a", "a", "b"])
    weights = patient_weights(np.arange(5), 100, seed=1, strata=strata)
    assert (weights[:, strata == "a"].sum(axis=1) == 3).all()
    assert (weights[:, strata == "b"].sum(axis=1) == 2).all()
    assert len(np.unique(weights, axis=0)) > 5


def test_women_carrying_are_the_rarer_side():
    assert women_carrying([1, 1, 0, 0, 0], ["a", "a", "b", "c", "a"]) == 1
    assert women_carrying([1, 0, 1, 0], [7, 7, 8, 8]) == 2  # both sides in each woman
    assert women_carrying([1, 1], [0, 1]) == women_carrying([], []) == 0
    with pytest.raises(ValueError, match="one length"):
        women_carrying([1, 0], [0])


def test_the_interval_by_hand():
    found = interval(0.8, DRAWN, n_patients=60, carrying=20)
    spread = np.std(DRAWN[:400], ddof=1) * np.sqrt(20 / 19)
    reach = t.ppf(0.975, 19) * spread / (0.8 * 0.2)
    assert (found.low, found.high) == pytest.approx((expit(logit(0.8) - reach), expit(logit(0.8) + reach)), abs=1e-12)
    assert (found.value, found.level, found.n_patients) == (0.8, 0.95, 60)
    assert (found.n_resamples, found.n_left_out) == (400, 2)
    assert found.method == "Student's t on the logit, bootstrap by patient"
    plain = interval(-0.8, -DRAWN, n_patients=60, carrying=20, bounds=None, level=0.9)
    reach = t.ppf(0.95, 19) * spread
    assert (plain.low, plain.high) == pytest.approx((-0.8 - reach, -0.8 + reach), abs=1e-12)
    assert plain.method == "Student's t, bootstrap by patient"
    every = interval(0.8, DRAWN, n_patients=60)
    assert every.low > found.low  # all 60 women taken to carry it


def test_the_interval_stays_inside_its_bounds():
    assert interval(0.9, DRAWN, n_patients=60, carrying=3, bounds=(-1, 1)).high == 1
    found = interval(0.99, DRAWN, n_patients=60, carrying=3)
    assert 0 < found.low < found.high < 1


def test_a_variance_by_formula_gives_the_same_interval():
    variance = np.var(DRAWN[:400], ddof=1) * 20 / 19
    a = interval(0.8, DRAWN, n_patients=60, carrying=20)
    b = interval_of_variance(0.8, variance, n_patients=60, carrying=20)
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=1e-12)
    assert (b.method, b.n_resamples) == ("Student's t on the logit", 0)
    for call in ({"variance": -1}, {"variance": 1, "level": 2}):
        with pytest.raises(ValueError, match="variance"):
            interval_of_variance(0.8, n_patients=60, **call)


@pytest.mark.parametrize("n", [2, 18, 300])
def test_at_a_bound_it_is_scipys_exact_binomial_interval(n):
    ones = np.ones(100)
    for value, hits in ((1, n), (0, 0), (1 - 1e-15, n)):
        found = interval(value, value * ones, n_patients=400, carrying=n)
        wanted = binomtest(hits, n).proportion_ci(method="exact")
        assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)
        assert found.method == f"exact binomial limit of {n} women, the figure being at its bound"


def test_what_has_no_interval_says_why():
    for found, why in (
        (interval(1, np.ones(9), n_patients=40), "at its bound"),
        (interval(np.nan, [0.1, 0.2], n_patients=40), "does not give"),
        (interval(0.5, [np.nan] * 3, n_patients=40), "fewer than two resamples"),
        (interval(0.5, [], n_patients=40), "fewer than two resamples"),
        (interval(0.5, [0.4, 0.6], n_patients=40, carrying=1), "1 women carry"),
        (percentile_interval(0.5, [], n_patients=40), "no resample"),
        (percentile_interval(np.nan, [0.5], n_patients=40), "no resample"),
    ):
        assert np.isnan(found.low) and np.isnan(found.high)
        assert found.method.startswith("none") and why in found.method


def test_percentiles_by_hand_and_what_is_left_out():
    found = percentile_interval(0.4, np.r_[np.arange(101) / 100, np.nan], n_patients=7, level=0.9)
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
    assert (found.n_resamples, found.n_left_out) == (101, 1)


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
    with pytest.raises(ValueError, match="carry"):
        interval(0.5, [0.5], n_patients=1, carrying=2)
    with pytest.raises(ValueError, match="wanted 0"):
        interval(1.5, [0.5], n_patients=9)
