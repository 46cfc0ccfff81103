"""Overlap: the four empty cases, figures by hand, laws, and pooling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mammomap.eval.overlap import OverlapCounts, dice, iou, overlap_counts, precision_recall

masks = arrays(bool, (6, 5))
EMPTY, SOME = np.zeros((4, 4), bool), np.eye(4, dtype=bool)


@pytest.mark.parametrize(
    ("truth", "found", "wanted"),
    [(EMPTY, EMPTY, np.nan), (EMPTY, SOME, 0), (SOME, EMPTY, 0), (SOME, SOME, 1)],
    ids=["both empty", "truth empty", "found empty", "the same"],
)
def test_the_empty_cases(truth, found, wanted):
    figures = [dice(truth, found), iou(truth, found), *precision_recall(truth, found)]
    assert figures == pytest.approx([wanted] * 4, nan_ok=True)


def test_figures_by_hand():
    truth, found = np.zeros((10, 10), bool), np.zeros((10, 10), bool)
    truth[:4, :5] = True  # 20 pixels
    found[2:4, :5] = found[4, :] = True  # 10 in the truth, 10 beside it
    assert overlap_counts(truth, found) == OverlapCounts(10, 10, 10)
    assert (dice(truth, found), iou(truth, found)) == (0.5, pytest.approx(1 / 3))
    found[4, :] = False
    assert precision_recall(truth, found) == (1, 0.5)
    assert dice(truth, found) == pytest.approx(2 / 3)


@settings(deadline=None)
@given(a=masks, b=masks, axis=st.sampled_from([0, 1]))
def test_laws(a, b, axis):
    d, j = dice(a, b), iou(a, b)
    assert dice(b, a) == pytest.approx(d, nan_ok=True)
    assert precision_recall(b, a) == pytest.approx(precision_recall(a, b)[::-1], nan_ok=True)
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
