"""Pixels: precision, pointing and calibration by hand, scikit-learn as reference, sums over films, resamples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score

from mammomap.eval.intervals import patient_weights
from mammomap.eval.pixels import (
    as_levels,
    average_precision,
    average_precision_bootstrap,
    pixel_calibration,
    pixel_histogram,
    pointing,
)
from mammomap.eval.regions import Region, cut


def film(seed, few=False, shape=(40, 30)):
    """A map, its truth, and its lesions; with few distinct values where asked."""
    rng = np.random.default_rng(seed)
    truth = np.zeros(shape, bool)
    top, left = rng.integers(0, 25, 2)
    truth[top : top + 9, left : left + 5] = rng.random((9, 5))[: shape[0] - top, : shape[1] - left] < 0.8
    levels = rng.integers(0, 6 if few else 65_536, shape).astype(np.uint16)
    return levels, truth, [cut(truth)]


def test_precision_by_hand():
    # Falling: a lesion pixel, a false one, then one of each at one value, then the rest at 0.
    levels = np.array([[9, 7, 5, 5, 0, 0]], np.uint16)
    truth = np.array([[True, False, True, False, False, False]])
    histogram = pixel_histogram(levels, [cut(truth)])
    assert (histogram.positive.sum(), histogram.negative.sum()) == (2, 4)
    assert average_precision(histogram) == 0.5 * 1 + 0.5 * 2 / 4


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), few=st.booleans())
def test_precision_is_scikit_learns(seed, few):
    levels, truth, lesions = film(seed, few)
    if truth.any():
        wanted = average_precision_score(truth.ravel(), levels.ravel())
        assert average_precision(pixel_histogram(levels, lesions)) == pytest.approx(wanted, abs=1e-12)


def test_sums_of_histograms_are_all_pixels_together():
    films = [film(seed) for seed in range(5)]
    total = sum((pixel_histogram(m, r) for m, _, r in films[1:]), pixel_histogram(films[0][0], films[0][2]))
    truth, levels = (np.concatenate([f[k].ravel() for f in films]) for k in (1, 0))
    assert average_precision(total) == pytest.approx(average_precision_score(truth, levels), abs=1e-12)


def test_what_counts_beside_lesions():
    levels = np.array([[1, 2, 3, 4, 5, 6]], np.uint16)
    lesion, ignored = Region(0, 0, np.array([[True]])), Region(0, 0, np.ones((1, 3), bool))
    inside = np.array([[False, True, True, True, True, False]])
    histogram = pixel_histogram(levels, [lesion], inside=inside, ignored=[ignored])
    assert np.flatnonzero(histogram.positive).tolist() == [1]  # a lesion counts wherever it lies
    assert np.flatnonzero(histogram.negative).tolist() == [4, 5]


def test_more_pixels_than_float32_can_count():
    levels = np.zeros((4201, 4101), np.uint16)  # 17.2 million, an odd number above 2**24
    histogram = pixel_histogram(levels, [])
    assert histogram.negative[0] == 4201 * 4101
    assert np.isnan(average_precision(histogram))


def test_calibration_is_scikit_learns():
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 65_536, (300, 200)).astype(np.uint16)
    levels[:20] = rng.integers(0, 6, (20, 200)) * 13_107  # on the edges of bins
    truth = rng.random(levels.shape) < (levels / 65_535) ** 2
    result = pixel_calibration(pixel_histogram(levels, [cut(truth)]))
    observed, stated = calibration_curve(truth.ravel(), levels.ravel() / 65_535, n_bins=10)
    assert result.observed_rate == pytest.approx(observed, abs=1e-12)
    assert result.mean_probability == pytest.approx(stated, abs=1e-12)
    assert result.error == pytest.approx((result.count * np.abs(observed - stated)).sum() / levels.size, abs=1e-12)
    assert result.count.sum() == levels.size


def test_calibration_by_hand():
    levels = np.array([[0, 0, 65_535, 65_535]], np.uint16)
    result = pixel_calibration(pixel_histogram(levels, [Region(0, 2, np.array([[True, False]]))]))
    assert result.count.tolist() == [2] + [0] * 8 + [2]
    assert (result.observed_rate[0], result.observed_rate[9]) == (0, 0.5)
    assert np.isnan(result.observed_rate[1:9]).all()
    assert result.error == 0.25


def test_pointing_by_hand():
    levels = np.array([[3, 9, 0], [9, 1, 9]], np.uint16)
    lesion = [Region(0, 0, np.array([[True, True]]))]
    assert pointing(levels, lesion) == 1 / 3  # three equal peaks, one of them in the lesion
    levels[0, 1] = 10
    assert pointing(levels, lesion) == 1
    levels[1, 1] = 11
    assert pointing(levels, lesion) == 0
    assert pointing(np.zeros_like(levels), lesion) == 0
    assert np.isnan(pointing(levels, []))


def test_resamples_are_sums_written_out():
    patient = np.array([0, 0, 1, 2, 3])
    films = [film(seed, few=seed % 2 == 0) for seed in range(5)]
    each = [pixel_histogram(m, r if seed else []) for seed, (m, _, r) in enumerate(films)]
    women = [each[0] + each[1], *each[2:]]
    weights = patient_weights(patient, 30, seed=3)
    weights[0] = 0
    samples = average_precision_bootstrap(women, weights)
    assert np.isnan(samples[0])
    for sample, weight in zip(samples[1:], weights[1:], strict=True):
        drawn = [h for h, times in zip(women, weight, strict=True) for _ in range(int(times))]
        assert sample == pytest.approx(average_precision(sum(drawn[1:], drawn[0])), abs=1e-12)


def test_levels_are_rounded_probabilities():
    assert as_levels(np.array([[0, 0.5, 1]], np.float32)).tolist() == [[0, 32_768, 65_535]]
    with pytest.raises(ValueError, match="wanted"):
        as_levels(np.array([[1.5]], np.float32))


@pytest.mark.parametrize(
    ("levels", "lesions", "more", "words"),
    [
        (np.zeros((3, 3), np.float32), [], {}, "uint16"),
        (np.zeros((0, 3), np.uint16), [], {}, "uint16"),
        (np.zeros((3, 3), np.uint16), [Region(2, 2, np.ones((2, 1), bool))], {}, "leaves"),
        (np.zeros((3, 3), np.uint16), [], {"ignored": [Region(0, 3, np.ones((1, 1), bool))]}, "leaves"),
        (np.zeros((3, 3), np.uint16), [], {"inside": np.ones((3, 4), bool)}, "inside"),
    ],
)
def test_other_arguments_are_refused(levels, lesions, more, words):
    with pytest.raises(ValueError, match=words):
        pixel_histogram(levels, lesions, **more)


def test_weights_for_other_patients_are_refused():
    with pytest.raises(ValueError, match="one column"):
        average_precision_bootstrap([], np.ones((2, 1)))
