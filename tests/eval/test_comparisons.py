"""Comparisons: what pairing buys, p beside the interval, Holm by hand, places that are shared and that hold."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from mammomap.eval.comparisons import difference_p, holm, paired_difference, ranks
from mammomap.eval.images import auc
from mammomap.eval.intervals import patient_weights
from mammomap.eval.resamples import auc_bootstrap


def systems(gains, seed=0, women=60):
    """Values and resamples of systems that see the same noise, the positives raised by each gain."""
    rng = np.random.default_rng(seed)
    patient = np.arange(2 * women) // 2
    y = (patient % 2).astype(bool)
    noise = rng.normal(0, 1, len(y))
    weights = patient_weights(patient, 500, seed=0)
    scores = [noise + 0.3 * rng.normal(0, 1, len(y)) + gain * y for gain in gains]
    return np.array([auc(y, s) for s in scores]), np.stack([auc_bootstrap(y, s, patient, weights) for s in scores])


def test_paired_difference_of_equal_scores_is_nought_and_of_a_better_one_is_above():
    (weak, strong), (b, a) = systems([0.5, 1.5])
    same = paired_difference(weak, b, weak, b, n_patients=60)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    better = paired_difference(strong, a, weak, b, n_patients=60)
    assert 0 < better.low < better.value < better.high
    unpaired = np.hypot(np.std(a), np.std(b))
    assert (better.high - better.low) / 3.92 < unpaired
    back = paired_difference(weak, b, strong, a, n_patients=60)
    assert (back.low, back.high) == pytest.approx((-better.high, -better.low))


def test_two_perfect_systems_are_not_known_to_be_equal():
    ones = np.ones(100)
    found = paired_difference(1, ones, 1, ones, n_patients=60, carrying=20)
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 20) - 1, 1 - 0.025 ** (1 / 20)))
    assert "bound" in found.method
    assert difference_p(1, ones, 1, ones, n_patients=60, carrying=20) == 1
    unknown = paired_difference(1, ones, 1, ones, n_patients=60)
    assert np.isnan(unknown.low) and unknown.method.startswith("none")
    apart = difference_p(1, ones, 0.5, ones / 2, n_patients=60, carrying=20)
    assert np.isnan(apart)  # no resample spreads: nothing to measure the difference by


def test_a_resample_without_one_of_the_figures_is_left_out():
    result = paired_difference(1, [1, np.nan, 0.8, 0.9], 0.2, [0, 0, np.nan, 0.4], n_patients=3)
    assert (result.n_resamples, result.n_left_out) == (2, 2)
    with pytest.raises(ValueError, match="same draws"):
        paired_difference(1, [1], 1, [1, 2], n_patients=1)


def test_p_is_below_a_level_where_the_interval_leaves_out_nought():
    for gain in np.linspace(0.5, 1.2, 8):
        values, (b, a) = systems([0.5, gain], seed=3)
        p = difference_p(values[1], a, values[0], b, n_patients=60, carrying=30)
        for level in (0.8, 0.95, 0.99):
            found = paired_difference(values[1], a, values[0], b, n_patients=60, carrying=30, level=level)
            assert (p < 1 - level) == (found.low > 0 or found.high < 0)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []
    with_nan = holm([0.01, np.nan])
    assert with_nan[0] == 0.02 and np.isnan(with_nan[1])
    rng = np.random.default_rng(0)
    p = rng.random(20) ** 3
    assert (p <= holm(p)).all() and (holm(p) <= np.minimum(1, 20 * p)).all()
    assert (false_discovery_control(p) <= holm(p) + 1e-12).all()  # families of errors are dearer than shares of them
    for wrong in ([-0.1], [1.1], [[0.5]]):
        with pytest.raises(ValueError, match="p values"):
            holm(wrong)


def test_places_are_shared_and_reach_as_far_as_pairs_are_not_told_apart():
    values, samples = systems([2.5, 0.5, 0.55, 0.5])
    values[3], samples[3] = values[1], samples[1]
    found = ranks(values, samples, n_patients=60, carrying=30)
    assert found.n_comparisons == 6 and "Holm over 6" in found.method
    assert found.rank.tolist() == [1, 3, 2, 3]
    assert (found.low[0], found.high[0]) == (1, 1)
    assert found.low[1:].tolist() == [2, 2, 2] and found.high[1:].tolist() == [4, 4, 4]
    order = [2, 0, 3, 1]
    again = ranks(values[order], samples[order], n_patients=60, carrying=30)
    assert again.rank.tolist() == found.rank[order].tolist() and again.low.tolist() == found.low[order].tolist()


def test_a_system_without_a_figure_has_no_place():
    values, samples = systems([2.5, 0.5])
    found = ranks([values[0], np.nan, values[1]], np.insert(samples, 1, np.nan, axis=0), n_patients=60)
    assert np.isnan([found.rank[1], found.low[1], found.high[1]]).all()
    assert found.rank[[0, 2]].tolist() == [1, 2] and found.high[[0, 2]].tolist() == [1, 2]
    alone = ranks([0.7], samples[:1], n_patients=60)
    assert (alone.rank[0], alone.low[0], alone.high[0], alone.n_comparisons) == (1, 1, 1, 0)
    with pytest.raises(ValueError, match="a row of each"):
        ranks([0.7, 0.8], samples[:1], n_patients=60)


def test_equal_systems_share_all_places_as_often_as_was_promised():
    """Five systems of equal AUC, 200 sets: every rank interval is 1 to 5 in about 95 of 100."""
    rng = np.random.default_rng(0)
    patient = np.arange(60)
    y = patient % 2 == 1
    held = 0
    for k in range(200):
        scores = rng.normal(size=(5, 60)) + y
        weights = patient_weights(patient, 200, seed=k, strata=y)
        values = [auc(y, s) for s in scores]
        samples = np.stack([auc_bootstrap(y, s, patient, weights) for s in scores])
        found = ranks(values, samples, n_patients=60, carrying=30)
        held += bool((found.low == 1).all() and (found.high == 5).all())
    assert held >= 184  # 95 % of 200, less two standard deviations
