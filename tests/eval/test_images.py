"""Image scores: scikit-learn as reference, laws of the AUC, degenerate sets by hand, resamples by patient."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import roc_curve as reference_curve

from mammomap.eval.images import (
    auc,
    auc_bootstrap,
    brier,
    calibration_line,
    expected_calibration_error,
    roc_curve,
    sensitivity_at_specificity,
)
from mammomap.eval.intervals import interval, patient_weights

cases = st.lists(st.tuples(st.booleans(), st.integers(-5, 5)), min_size=2, max_size=40)


def sample(seed, n=200, ties=True):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    s = rng.normal(0, 1, n) + y
    return y, (np.round(s, 1) if ties else s)


@pytest.mark.parametrize(
    ("labels", "scores", "wanted"),
    [
        ([0, 0, 1, 1], [1, 2, 3, 4], 1.0),
        ([1, 1, 0, 0], [1, 2, 3, 4], 0.0),
        ([0, 1, 0, 1], [7, 7, 7, 7], 0.5),
        ([0, 0, 1, 1], [1, 3, 2, 3], 0.625),  # wins: 2>1, 2<3, 3>1, 3=3
        ([1, 1], [1, 2], np.nan),
        ([0, 0], [1, 2], np.nan),
        ([], [], np.nan),
    ],
)
def test_auc_by_hand(labels, scores, wanted):
    assert auc(labels, scores) == pytest.approx(wanted, nan_ok=True)


def test_auc_of_random_scores_is_near_a_half():
    rng = np.random.default_rng(0)
    assert auc(rng.random(20_000) < 0.3, rng.random(20_000)) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("ties", [True, False])
def test_auc_brier_and_curve_are_scikit_learns(ties):
    for seed in range(5):
        y, s = sample(seed, ties=ties)
        assert auc(y, s) == pytest.approx(roc_auc_score(y, s), abs=1e-12)
        fpr, tpr, thresholds = reference_curve(y, s, drop_intermediate=False)
        ours = roc_curve(y, s)
        assert ours.thresholds.tolist() == thresholds.tolist()
        assert ours.fpr == pytest.approx(fpr, abs=1e-12) and ours.tpr == pytest.approx(tpr, abs=1e-12)
        assert np.trapezoid(ours.tpr, ours.fpr) == pytest.approx(auc(y, s), abs=1e-12)
        p = 1 / (1 + np.exp(-s))
        assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(table=cases, seed=st.integers(0, 1000))
def test_auc_laws(table, seed):
    y, s = np.array([c[0] for c in table]), np.array([c[1] for c in table], float)
    assume(y.any() and not y.all())
    order = np.random.default_rng(seed).permutation(len(y))
    assert auc(y, np.exp(s) * 3 - 1) == auc(y, s)
    assert auc(y[order], s[order]) == pytest.approx(auc(y, s), abs=1e-12)
    assert auc(y, -s) == pytest.approx(1 - auc(y, s), abs=1e-12)
    assert auc(~y, s) == pytest.approx(1 - auc(y, s), abs=1e-12)


def test_curve_without_a_class():
    curve = roc_curve([1, 1], [0.2, 0.7])
    assert np.isnan(curve.fpr).all() and curve.tpr.tolist() == [0, 0.5, 1]
    assert len(roc_curve([], []).fpr) == 1


def test_operating_point_by_hand():
    labels, scores = [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 3, 4, 5, 7]
    strict = sensitivity_at_specificity(labels, scores, 1.0)
    assert (strict.threshold, strict.sensitivity, strict.specificity) == (7, 0.25, 1)
    middle = sensitivity_at_specificity(labels, scores, 0.75)
    assert (middle.threshold, middle.sensitivity, middle.specificity) == (4, 0.75, 0.75)
    loose = sensitivity_at_specificity(labels, scores, 0.0)
    assert (loose.threshold, loose.sensitivity, loose.specificity) == (3, 1, 0.5)
    nobody = sensitivity_at_specificity([0, 1], [2, 1], 0.5)
    assert (nobody.threshold, nobody.sensitivity, nobody.specificity) == (np.inf, 0, 1)
    assert np.isnan(sensitivity_at_specificity([1, 1], [2, 1], 0.5).sensitivity)
    with pytest.raises(ValueError, match="specificity"):
        sensitivity_at_specificity(labels, scores, 90)


def test_specificity_is_not_lost_to_rounding():
    for n in range(1, 60):
        for k in range(n + 1):
            scores = np.r_[np.zeros(n - k), np.ones(k), 1]
            point = sensitivity_at_specificity(np.r_[np.zeros(n), 1], scores, (n - k) / n)
            assert (point.threshold, point.sensitivity) == (1, 1)


def test_bootstrap_is_a_loop_over_written_out_resamples(monkeypatch):
    rng = np.random.default_rng(3)
    y, s = sample(3, n=60)
    patient = rng.permutation(np.r_[np.arange(15), rng.integers(0, 15, 45)])
    weights = patient_weights(patient, 50, seed=1)
    drawn = auc_bootstrap(y, s, patient, weights)
    for b, weight in enumerate(weights):
        again = np.repeat(np.arange(60), weight[patient].astype(int))
        assert drawn[b] == pytest.approx(roc_auc_score(y[again], s[again]), abs=1e-12)
    monkeypatch.setattr("mammomap.eval.images._BLOCK", 100)
    assert np.array_equal(auc_bootstrap(y, s, patient, weights), drawn)


def test_bootstrap_with_one_class_is_nan():
    weights = np.array([[2, 0], [1, 1], [0, 2]], np.float32)
    drawn = auc_bootstrap([1, 0], [0.9, 0.1], np.array([0, 1]), weights)
    assert np.isnan(drawn[[0, 2]]).all() and drawn[1] == 1
    assert np.isnan(auc_bootstrap([1, 1], [0.9, 0.1], np.array([0, 1]), weights)).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_doubling_every_film_narrows_no_interval(seed):
    y, s = sample(seed, n=40)
    patient = np.arange(40) // 2
    weights = patient_weights(patient, 100, seed=seed)
    one = auc_bootstrap(y, s, patient, weights)
    both = auc_bootstrap(np.r_[y, y], np.r_[s, s], np.r_[patient, patient], weights)
    assert one == pytest.approx(both, abs=1e-12, nan_ok=True)
    a, b = (interval(auc(y, s), drawn, n_patients=20) for drawn in (one, both))
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=1e-12)


def test_brier_by_hand():
    assert brier([1, 0], [1, 0]) == 0
    assert brier([1, 0], [0, 1]) == 1
    assert brier([1, 1], [0.5, 0.5]) == 0.25
    assert np.isnan(brier([], []))
    with pytest.raises(ValueError, match="probabilities"):
        brier([1], [1.2])


def test_calibration_line_is_the_unpenalised_logistic_regression():
    for seed in range(5):
        y, s = sample(seed)
        p = 1 / (1 + np.exp(-2 * s))
        line = calibration_line(y, p)
        x = np.log(p / (1 - p))[:, None]
        reference = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, y)
        assert line.slope == pytest.approx(reference.coef_[0, 0], abs=1e-5)
        assert line.intercept == pytest.approx(reference.intercept_[0], abs=1e-5)


def test_calibration_line_of_true_and_of_bent_probabilities():
    rng = np.random.default_rng(0)
    logit = rng.normal(0, 1.5, 200_000)
    y = rng.random(len(logit)) < 1 / (1 + np.exp(-logit))
    line = calibration_line(y, 1 / (1 + np.exp(-logit)))
    assert (line.intercept, line.slope) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    line = calibration_line(y, 1 / (1 + np.exp(-(2 * logit + 1))))  # logit = (stated - 1) / 2
    assert (line.intercept, line.slope) == (pytest.approx(-0.5, abs=0.03), pytest.approx(0.5, abs=0.03))


@pytest.mark.parametrize(
    ("labels", "p"),
    [([1, 1], [0.2, 0.7]), ([0, 1], [0.4, 0.4]), ([0, 0, 1], [0.1, 0.2, 0.9]), ([1, 0], [0, 1]), ([], [])],
)
def test_calibration_line_that_does_not_exist(labels, p):
    line = calibration_line(labels, p)
    assert np.isnan(line.intercept) and np.isnan(line.slope)


def test_calibration_line_bears_certainties_and_wrong_ones():
    line = calibration_line([0, 1, 1, 0, 1, 0], [0, 1, 0, 1, 0.6, 0.4])
    assert np.isfinite(line.slope)


def test_expected_calibration_error_by_hand():
    # Twenty cases, two in each tenth; stated 0.05, 0.15, ...; the lower ten are all negative, the upper all positive.
    p = np.repeat(np.arange(10) / 10 + 0.05, 2)
    y = p > 0.5
    result = expected_calibration_error(y, p)
    assert result.count.tolist() == [2] * 10
    assert result.mean_probability == pytest.approx(np.arange(10) / 10 + 0.05)
    assert result.observed_rate.tolist() == [0] * 5 + [1] * 5
    assert result.value == pytest.approx(0.25)


def test_expected_calibration_error_of_odd_sets():
    even = expected_calibration_error([0, 1, 1, 1], [0.5] * 4)
    assert (even.value, even.count.tolist()) == (0.25, [4])
    tied = expected_calibration_error([0] * 20, np.r_[0.1, 0.2, 0.2, 0.2, np.arange(5, 21) / 21])
    assert tied.count.tolist() == [4] + [2] * 8  # the second tenth has gone with the first
    assert np.isnan(expected_calibration_error([], []).value)
    assert expected_calibration_error([1], [1.0]).value == 0
    y, s = sample(1)
    p = 1 / (1 + np.exp(-s))
    order = np.random.default_rng(0).permutation(len(y))
    a, b = expected_calibration_error(y, p), expected_calibration_error(y[order], p[order])
    assert a.value == pytest.approx(b.value, abs=1e-12) and a.count.tolist() == b.count.tolist()


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [([0, 1], [1], "one length"), ([0, 2], [1, 1], "0 and 1"), ([0, 1], [1, np.nan], "finite")],
)
def test_other_arrays_are_refused(labels, scores, words):
    for metric in (auc, roc_curve, brier, calibration_line, expected_calibration_error):
        with pytest.raises(ValueError, match=words):
            metric(labels, scores)


def test_patients_that_do_not_go_together_are_refused():
    with pytest.raises(ValueError, match="patient is"):
        auc_bootstrap([0, 1], [1, 2], np.array([0]), np.ones((2, 1)))
    with pytest.raises(ValueError, match="weights for 1"):
        auc_bootstrap([0, 1], [1, 2], np.array([0, 1]), np.ones((2, 1)))
