"""Overlap: the four empty cases for every measure, figures by hand, laws, lesions of a film, and pooling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammomap.eval.intervals import patient_weights
from mammomap.eval.overlap import (
    MEASURES,
    OverlapCounts,
    dice,
    film_overlap,
    overlap_counts,
    pooled_bootstrap,
)
from mammomap.eval.regions import cut
from mammomap.eval.surfaces import surface_distances

masks = arrays(bool, (6, 5))
EMPTY, SOME = np.zeros((4, 4), bool), np.eye(4, dtype=bool)


@pytest.mark.parametrize(
    ("truth", "found", "wanted"),
    [(EMPTY, EMPTY, np.nan), (EMPTY, SOME, 0), (SOME, EMPTY, 0), (SOME, SOME, 1)],
    ids=["both empty", "truth empty", "found empty", "the same"],
)
def test_the_empty_cases(truth, found, wanted):
    counts = overlap_counts(truth, found)
    figures = [dice(truth, found), *(getattr(counts, measure) for measure in MEASURES)]
    assert figures == pytest.approx([wanted] * 5, nan_ok=True)
    distances = surface_distances(truth, found)
    wanted = 0 if wanted == 1 else np.nan
    assert [distances.hausdorff_95, distances.average] == pytest.approx([wanted] * 2, nan_ok=True)


def test_figures_by_hand():
    truth, found = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    truth[:4, :5] = True  # 20 pixels
    found[2:4, :5] = found[4, :] = True  # 10 in the truth, 10 beside it
    assert overlap_counts(truth, found) == OverlapCounts(10, 10, 10)
    counts = overlap_counts(truth, found)
    assert (dice(truth, found), counts.iou, counts.precision, counts.recall) == (0.5, 10 / 30, 0.5, 0.5)
    found[4, :] = False
    counts = overlap_counts(truth, found)
    assert (counts.dice, counts.precision, counts.recall) == (20 / 30, 1, 0.5)


@settings(deadline=None)
@given(a=masks, b=masks, axis=st.sampled_from([0, 1]))
def test_laws(a, b, axis):
    one, other = overlap_counts(a, b), overlap_counts(b, a)
    d, j = one.dice, one.iou
    assert (other.dice, other.recall) == pytest.approx((d, one.precision), nan_ok=True)
    assert dice(np.flip(a, axis), np.flip(b, axis)) == pytest.approx(d, nan_ok=True)
    assert d == pytest.approx(2 * j / (1 + j), nan_ok=True)
    if (a | b).any():
        assert 0 <= j <= d <= 1


@settings(deadline=None)
@given(a=masks, b=masks, c=masks, d=masks)
def test_pooled_counts_are_the_counts_of_all_films_laid_side_by_side(a, b, c, d):
    pooled = overlap_counts(a, b) + overlap_counts(c, d)
    assert pooled == overlap_counts(np.hstack([a, c]), np.hstack([b, d]))


def test_false_pixels_of_an_empty_film_count_in_the_pool():
    pooled = overlap_counts(SOME, SOME) + overlap_counts(EMPTY, SOME)
    assert pooled.dice == pytest.approx(2 / 3)
    assert np.isnan(sum([OverlapCounts()], OverlapCounts()).dice)


@pytest.mark.parametrize(("truth", "found"), [(SOME, SOME.astype(np.uint8)), (SOME, np.zeros((4, 5), bool))])
def test_other_masks_are_refused(truth, found):
    with pytest.raises(ValueError, match="wanted bool"):
        dice(truth, found)


def drawn(*rows):
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def test_a_film_with_two_lesions_by_hand():
    upper = drawn("##......", "##......", "........", "........", "........")
    lower = drawn("........", "........", "........", "......##", "......##")
    found = drawn("##......", "..#.....", "........", "....###.", "#.......")
    # One part touches the upper lesion by a corner and reaches past it, one covers a quarter of the lower, one is
    # alone.
    overlap = film_overlap(found, [cut(upper), cut(lower)])
    assert overlap.film == OverlapCounts(2 + 1, 1 + 2 + 1, 2 + 3)
    assert overlap.lesions == (OverlapCounts(2, 1, 2), OverlapCounts(1, 2, 3))


def test_a_part_that_spreads_over_two_lesions_is_false_for_neither():
    left, right = drawn("##...."), drawn("....##")
    overlap = film_overlap(drawn("######"), [cut(left), cut(right)])
    assert overlap.film == OverlapCounts(4, 2, 0)
    assert overlap.lesions == (OverlapCounts(2, 2, 0), OverlapCounts(2, 2, 0))


def test_ignored_pixels_count_for_nothing_unless_a_lesion_has_them_too():
    lesion, ignored = drawn("###....."), drawn("..#####.")
    overlap = film_overlap(drawn(".#######"), [cut(lesion)], [cut(ignored)])
    assert overlap.film == OverlapCounts(2, 1, 1) and overlap.lesions == (OverlapCounts(2, 1, 1),)


def test_a_film_without_lesions_and_one_without_a_find():
    found = drawn("#..", ".#.")
    assert film_overlap(found, []).film == OverlapCounts(0, 2, 0)
    assert film_overlap(found, []).lesions == ()
    nothing = film_overlap(np.zeros((2, 3), bool), [cut(found)])
    assert nothing.film == OverlapCounts(0, 0, 2) and nothing.lesions == (OverlapCounts(0, 0, 2),)


@settings(deadline=None)
@given(a=masks, b=masks, c=masks)
def test_the_bounding_box_changes_nothing(a, b, c):
    ignored = c & ~b
    assert film_overlap(a, [cut(b)], [cut(c)]).film == overlap_counts(b, a & ~ignored)


def test_pooled_resamples_are_pools_written_out():
    counts = [OverlapCounts(3, 1, 0), OverlapCounts(0, 2, 0), OverlapCounts(1, 0, 5), OverlapCounts()]
    patient = np.array([0, 0, 1, 2])
    weights = patient_weights(patient, 40, seed=1)
    samples = pooled_bootstrap(counts, patient, weights)
    for b, weight in enumerate(weights):
        pool = OverlapCounts()
        for count, woman in zip(counts, patient, strict=True):
            for _ in range(int(weight[woman])):
                pool += count
        for measure in MEASURES:
            assert samples[measure][b] == pytest.approx(getattr(pool, measure), nan_ok=True)
    with pytest.raises(ValueError, match="weights for 3"):
        pooled_bootstrap(counts, np.array([0, 0, 1, 3]), weights)
