"""Surface distances: worked by hand, DeepMind's surface-distance as reference, and where MONAI's differ."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from mammomap.eval.regions import cut, film_pair
from mammomap.eval.surfaces import surface_distances

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import surface_distance as deepmind

masks = arrays(bool, (9, 7))
pitches = st.tuples(st.sampled_from([1.0, 0.05, 0.07, 2.5]), st.sampled_from([1.0, 0.05, 0.1]))


def square(top, left, size=6, shape=(20, 24)):
    mask = np.zeros(shape, bool)
    mask[top : top + size, left : left + size] = True
    return mask


def blobs(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(70, 50)), 4)
    return noise > np.quantile(noise, 0.8)


def theirs(truth, found, pitch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        d = deepmind.compute_surface_distances(truth, found, pitch)
        away = np.concatenate([d["distances_gt_to_pred"], d["distances_pred_to_gt"]])
        length = np.concatenate([d["surfel_areas_gt"], d["surfel_areas_pred"]])
        return deepmind.compute_robust_hausdorff(d, 95), (away * length).sum() / length.sum()


def test_one_pixel_and_another_four_columns_off():
    # The left pixel's corners stand at columns 0 and 1, the right one's at 4 and 5: 4 and 3 away, and 3 and 4.
    result = surface_distances(square(3, 3, 1), square(3, 7, 1))
    assert (result.hausdorff_95, result.average) == pytest.approx((4, 3.5), abs=1e-12)


def test_a_square_inside_another_by_hand():
    # A 6 x 6 square in a 10 x 10 one, 2 pixels off on all sides. Inner outline: 24 pieces 2 away from the outer.
    # Outer: sides of 9 pieces of length 1, of which the middle 7 face the inner side (2 away) and 2 on each end lie
    # beyond its corner (hypot(2, 1) away), and 4 corner pieces of length sqrt(1/2), hypot(2, 2) away.
    inner, outer = square(7, 7), square(5, 5, 10)
    half = np.sqrt(0.5)
    inner_length = 4 * 5 + 4 * half
    outer_sum = 4 * (7 * 2 + 2 * np.hypot(2, 1)) + 4 * half * np.hypot(2, 2)
    wanted = (2 * inner_length + outer_sum) / (inner_length + 36 + 4 * half)
    result = surface_distances(outer, inner)
    assert result.average == pytest.approx(wanted, abs=1e-12)
    # Lengths at hypot(2, 2): 2.83 of 38.83, more than 5 %.
    assert result.hausdorff_95 == pytest.approx(np.hypot(2, 2), abs=1e-12)


def test_millimetres_of_rows_and_columns_are_kept_apart():
    a, down, across = square(3, 3), square(7, 3), square(3, 7)
    assert surface_distances(a, down, (0.5, 0.1)).hausdorff_95 == pytest.approx(2.0)
    assert surface_distances(a, across, (0.5, 0.1)).hausdorff_95 == pytest.approx(0.4)


@settings(max_examples=60, deadline=None)
@given(a=masks, b=masks, pitch=pitches)
def test_small_masks_as_in_surface_distance(a, b, pitch):
    if a.any() and b.any():
        result = surface_distances(a, b, pitch)
        assert (result.hausdorff_95, result.average) == pytest.approx(theirs(a, b, pitch), abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_blobs_as_in_surface_distance(seed):
    a, b = blobs(seed), blobs(seed + 100)
    result = surface_distances(a, b, (0.05, 0.07))
    assert (result.hausdorff_95, result.average) == pytest.approx(theirs(a, b, (0.05, 0.07)), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(a=masks, b=masks, axis=st.sampled_from([0, 1]))
def test_laws(a, b, axis):
    plain = surface_distances(a, b)
    for other in (surface_distances(b, a), surface_distances(np.flip(a, axis), np.flip(b, axis))):
        assert (other.hausdorff_95, other.average) == pytest.approx((plain.hausdorff_95, plain.average), nan_ok=True)
    boxed = surface_distances(*film_pair(b, [cut(a)]))
    assert (boxed.hausdorff_95, boxed.average) == pytest.approx((plain.hausdorff_95, plain.average), nan_ok=True)
    if a.any():
        assert surface_distances(a, a) == type(plain)(0.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "pitch"),
    [
        (square(1, 1), square(1, 1).astype(np.uint8), (1.0, 1.0)),
        (square(1, 1), square(1, 1, shape=(9, 9)), (1.0, 1.0)),
        (square(1, 1), square(1, 1), (1.0, 0.0)),
        (square(1, 1), square(1, 1), (1.0,)),
    ],
)
def test_other_arguments_are_refused(a, b, pitch):
    with pytest.raises(ValueError, match="wanted"):
        surface_distances(a, b, pitch)
