"""How well scores rank: scikit-learn as reference, laws of the AUC, degenerate sets and points by hand."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mammomap.eval.images import (
    auc,
    average_precision,
    partial_auc,
    precision_recall_curve,
    roc_curve,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)

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
def test_areas_and_curves_are_scikit_learns(ties):
    for seed in range(5):
        y, s = sample(seed, ties=ties)
        assert auc(y, s) == pytest.approx(sk.roc_auc_score(y, s), abs=1e-12)
        fpr, tpr, thresholds = sk.roc_curve(y, s, drop_intermediate=False)
        ours = roc_curve(y, s)
        assert ours.thresholds.tolist() == thresholds.tolist()
        assert ours.fpr == pytest.approx(fpr, abs=1e-12) and ours.tpr == pytest.approx(tpr, abs=1e-12)
        assert np.trapezoid(ours.tpr, ours.fpr) == pytest.approx(auc(y, s), abs=1e-12)
        assert average_precision(y, s) == pytest.approx(sk.average_precision_score(y, s), abs=1e-12)
        precision, recall, thresholds = sk.precision_recall_curve(y, s)
        points = precision_recall_curve(y, s)
        assert points.thresholds[::-1].tolist() == thresholds.tolist()
        assert points.precision[::-1] == pytest.approx(precision[:-1], abs=1e-12)
        assert points.recall[::-1] == pytest.approx(recall[:-1], abs=1e-12)
        for rate in (0.05, 0.1, 0.37, 0.999):
            assert partial_auc(y, s, rate) == pytest.approx(sk.roc_auc_score(y, s, max_fpr=rate), abs=1e-12)
        assert partial_auc(y, s, 1) == pytest.approx(auc(y, s), abs=1e-12)


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


def test_specificity_at_a_sensitivity_by_hand():
    labels, scores = [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 6, 3, 4, 5, 7]
    for wanted, point in {
        0.0: (np.inf, 0, 1),
        0.25: (7, 0.25, 1),
        0.3: (5, 0.5, 0.75),
        0.75: (4, 0.75, 0.75),
        1.0: (3, 1, 0.5),
    }.items():
        found = specificity_at_sensitivity(labels, scores, wanted)
        assert (found.threshold, found.sensitivity, found.specificity) == point
    everybody = specificity_at_sensitivity([0, 1], [2, 1], 0.5)
    assert (everybody.threshold, everybody.sensitivity, everybody.specificity) == (1, 1, 0)
    assert np.isnan(specificity_at_sensitivity([1, 1], [2, 1], 0.5).specificity)
    with pytest.raises(ValueError, match="sensitivity"):
        specificity_at_sensitivity(labels, scores, 90)


def test_partial_area_by_hand():
    # fpr 0, 0, 0.5, 0.5, 1; tpr 0, 0.5, 0.5, 1, 1. Up to 0.25: 0.125, the diagonal 0.03125, a perfect one 0.25.
    labels, scores = [1, 0, 1, 0], [4, 3, 2, 1]
    assert partial_auc(labels, scores, 0.25) == pytest.approx((1 + (0.125 - 0.03125) / 0.21875) / 2)
    assert partial_auc(labels, [1, 1, 1, 1], 0.3) == pytest.approx(0.5)
    assert partial_auc([0, 1], [2, 1], 0.5) == pytest.approx((1 - 0.125 / 0.375) / 2)  # below the diagonal
    for rate in (0, 1.1, -1):
        with pytest.raises(ValueError, match="max_fpr"):
            partial_auc(labels, scores, rate)


def test_average_precision_by_hand():
    assert average_precision([1, 0, 1, 0], [4, 3, 2, 1]) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision([1, 0, 1, 0], [4, 3, 3, 1]) == pytest.approx((1 + 2 / 3) / 2)  # both of a tie at once
    assert average_precision([0, 0, 1], [3, 2, 1]) == pytest.approx(1 / 3)
    points = precision_recall_curve([1, 0, 1, 0], [4, 3, 3, 1])
    assert points.precision == pytest.approx([1, 2 / 3, 0.5]) and points.recall.tolist() == [0.5, 1, 1]
    assert precision_recall_curve([1, 0, 0], [4, 3, 3]).prevalence == pytest.approx(1 / 3)
    assert len(precision_recall_curve([], []).recall) == 0


def test_specificity_is_not_lost_to_rounding():
    for n in range(1, 60):
        for k in range(n + 1):
            scores = np.r_[np.zeros(n - k), np.ones(k), 1]
            point = sensitivity_at_specificity(np.r_[np.zeros(n), 1], scores, (n - k) / n)
            assert (point.threshold, point.sensitivity) == (1, 1)


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [([0, 1], [1], "one length"), ([0, 2], [1, 1], "0 and 1"), ([0, 1], [1, np.nan], "finite")],
)
def test_other_arrays_are_refused(labels, scores, words):
    for metric in (auc, roc_curve, average_precision, precision_recall_curve):
        with pytest.raises(ValueError, match=words):
            metric(labels, scores)
