"""Prevalence: Bayes by hand and by drawing another population; predictive values; net benefit; what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score

from mammomap.eval.prevalence import decision_curve, net_benefit, npv, ppv, shift

shares = st.floats(0.01, 0.99)


def test_shift_by_hand():
    # At prevalence one half, odds are likelihood ratios: 0.8 is 4 to 1; at 1 % they become 4 to 99.
    assert shift(0.8, fitted_at=0.5, to=0.01) == pytest.approx(4 / 103)
    assert shift([0, 0.44, 1], fitted_at=0.44, to=0.006) == pytest.approx([0, 0.006, 1])
    assert np.isnan(shift([np.nan], fitted_at=0.4, to=0.1)).all()


@given(p=st.lists(shares, min_size=1, max_size=20), a=shares, b=shares)
def test_shift_goes_there_and_back_and_keeps_the_order(p, a, b):
    there = shift(p, fitted_at=a, to=b)
    assert shift(there, fitted_at=b, to=a) == pytest.approx(p, rel=1e-9)
    assert (np.diff(there[np.argsort(p)]) >= 0).all()
    assert shift(p, fitted_at=a, to=a) == pytest.approx(p, rel=1e-12)


def test_shifted_probabilities_are_right_in_the_other_population():
    rng = np.random.default_rng(0)
    y = rng.random(400_000) < 0.05
    score = rng.normal(size=len(y)) + 1.5 * y
    at_half = 1 / (1 + np.exp(-(1.5 * score - 1.5**2 / 2)))  # what a set with one half malignant teaches
    p = shift(at_half, fitted_at=0.5, to=0.05)
    for low, high in ((0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 1)):
        inside = (p >= low) & (p < high)
        assert y[inside].mean() == pytest.approx(p[inside].mean(), rel=0.05)


def test_predictive_values_by_hand():
    # 1,000 women, 10 malignant: 9 called; of 990 others 99 called.
    assert ppv(0.9, 0.9, prevalence=0.01) == pytest.approx(9 / 108)
    assert npv(0.9, 0.9, prevalence=0.01) == pytest.approx(891 / 892)
    assert np.isnan(ppv(0, 1, prevalence=0.3)) and np.isnan(npv(1, 0, prevalence=0.3))
    assert ppv(1, 0, prevalence=0.3) == pytest.approx(0.3)
    assert ppv([0.5, np.nan], 0.5, prevalence=0.3)[0] == pytest.approx(0.3)


def test_at_the_sets_own_prevalence_they_are_those_of_the_set():
    rng = np.random.default_rng(1)
    y, called = rng.random(200) < 0.3, rng.random(200) < 0.4
    sensitivity, specificity = called[y].mean(), (~called[~y]).mean()
    assert ppv(sensitivity, specificity, prevalence=y.mean()) == pytest.approx(precision_score(y, called), abs=1e-12)
    assert npv(sensitivity, specificity, prevalence=y.mean()) == pytest.approx(precision_score(~y, ~called), abs=1e-12)


def test_decision_curve_by_hand():
    y, p = [1, 1, 0, 0, 0], [0.9, 0.3, 0.6, 0.2, 0.1]
    curve = decision_curve(y, p, [0, 0.25, 0.5, 0.95], prevalence=0.4)
    # (true positives - false positives * odds) / 5; at the set's own prevalence, Vickers and Elkin's formula
    assert curve.net_benefit == pytest.approx([(2 - 0) / 5, (2 - 1 / 3) / 5, (1 - 1) / 5, 0])
    assert curve.call_all == pytest.approx([0.4, 0.4 - 0.6 / 3, 0.4 - 0.6, 0.4 - 0.6 * 19])
    assert curve.sensitivity.tolist() == [1, 1, 0.5, 0] and curve.specificity[1] == pytest.approx(2 / 3)
    rare = decision_curve(y, p, [0.25], prevalence=0.01)
    assert rare.net_benefit == pytest.approx([0.01 - 0.99 / 3 / 3])
    one_class = decision_curve([1, 1], [0.2, 0.6], [0.5], prevalence=0.4)
    assert np.isnan(one_class.net_benefit).all() and one_class.sensitivity == [0.5]


def test_nothing_beats_a_perfect_score_and_resamples_go_through():
    thresholds = np.linspace(0.01, 0.9, 30)
    perfect = decision_curve([1, 0, 1], [1, 0, 1], thresholds, prevalence=0.2)
    assert perfect.net_benefit == pytest.approx(np.full(30, 0.2))
    drawn = net_benefit(np.random.default_rng(0).random((50, 30)), 0.9, thresholds, prevalence=0.2)
    assert drawn.shape == (50, 30) and (drawn <= 0.2).all()


@pytest.mark.parametrize("wrong", [0, 1, 44, -0.1, np.nan])
def test_a_prevalence_must_be_a_share(wrong):
    for call in (
        lambda: shift([0.5], fitted_at=wrong, to=0.5),
        lambda: shift([0.5], fitted_at=0.5, to=wrong),
        lambda: ppv(0.5, 0.5, prevalence=wrong),
        lambda: npv(0.5, 0.5, prevalence=wrong),
        lambda: decision_curve([0, 1], [0.1, 0.9], [0.5], prevalence=wrong),
    ):
        with pytest.raises(ValueError, match="prevalence is"):
            call()


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="probabilities"):
        shift([1.2], fitted_at=0.5, to=0.1)
    with pytest.raises(ValueError, match="sensitivity"):
        ppv(90, 0.5, prevalence=0.1)
    with pytest.raises(ValueError, match="specificity"):
        npv(0.9, -1, prevalence=0.1)
    with pytest.raises(ValueError, match="thresholds"):
        net_benefit(0.9, 0.9, 1.0, prevalence=0.1)
    with pytest.raises(TypeError):
        ppv(0.9, 0.9)  # pyright: ignore  # a prevalence must be stated
