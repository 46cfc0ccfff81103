"""Are scores probabilities: scikit-learn as reference, sets worked by hand, resamples against written-out ones."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from mammomap.eval.calibration import (
    brier,
    brier_bootstrap,
    calibration_bootstrap,
    calibration_error_bootstrap,
    calibration_line,
    expected_calibration_error,
)
from mammomap.eval.intervals import patient_weights


def sample(seed, n=200):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    return y, np.round(rng.normal(0, 1, n) + y, 1)


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


def test_brier_is_scikit_learns():
    for seed in range(5):
        y, s = sample(seed)
        p = 1 / (1 + np.exp(-s))
        assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_intercept_at_slope_one_makes_the_mean_right():
    y, s = sample(2)
    p = 1 / (1 + np.exp(-s))
    line = calibration_line(y, p)
    assert (1 / (1 + np.exp(-s - line.in_the_large))).mean() == pytest.approx(y.mean(), abs=1e-9)
    parted = calibration_line([0, 0, 1], [0.1, 0.2, 0.9])  # no line, but a mean
    assert np.isnan(parted.slope) and np.isfinite(parted.in_the_large)
    assert np.isnan(calibration_line([1, 1], [0.2, 0.7]).in_the_large)


def test_resamples_are_those_of_written_out_sets():
    y, s = sample(7, n=60)
    p = 1 / (1 + np.exp(-s))
    patient = np.r_[np.arange(20), np.random.default_rng(0).integers(0, 20, 40)]
    weights = patient_weights(patient, 30, seed=1)
    scores, lines = brier_bootstrap(y, p, patient, weights), calibration_bootstrap(y, p, patient, weights)
    assert lines.shape == (30, 3)
    for b, weight in enumerate(weights):
        again = np.repeat(np.arange(60), weight[patient].astype(int))
        assert scores[b] == pytest.approx(brier(y[again], p[again]), abs=1e-12)
        line = calibration_line(y[again], p[again])
        assert lines[b] == pytest.approx([line.intercept, line.slope, line.in_the_large], abs=1e-8, nan_ok=True)


def test_calibration_error_of_resamples_keeps_the_bins():
    y, s = sample(8)
    p = 1 / (1 + np.exp(-s))
    patient = np.arange(200) // 2
    whole = expected_calibration_error(y, p)
    once = calibration_error_bootstrap(y, p, patient, np.ones((1, 100)))
    assert once.value[0] == pytest.approx(whole.value, abs=1e-12)
    assert once.observed_rate[0] == pytest.approx(whole.observed_rate, abs=1e-12)
    drawn = calibration_error_bootstrap(y, p, patient, patient_weights(patient, 500, seed=0))
    assert drawn.observed_rate.shape == (500, len(whole.count))
    assert drawn.value.mean() > whole.value  # noise on noise: why its percentiles are of no use
    assert np.isnan(calibration_error_bootstrap([], [], np.array([], int), np.ones((2, 1))).value).all()


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [([0, 1], [1], "one length"), ([0, 2], [1, 1], "0 and 1"), ([0, 1], [1, np.nan], "finite"), ([1], [2], "span")],
)
def test_other_arrays_are_refused(labels, scores, words):
    for metric in (brier, calibration_line, expected_calibration_error):
        with pytest.raises(ValueError, match=words):
            metric(labels, scores)
