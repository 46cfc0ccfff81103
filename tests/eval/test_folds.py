"""Folds: two models' scores are not ranked together unless each was calibrated in its fold."""

from functools import partial

import numpy as np
import pytest

from mammomap.eval.curves import precision_area
from mammomap.eval.folds import fold_mean, pooled
from mammomap.eval.images import auc, average_precision
from mammomap.eval.intervals import patient_weights
from mammomap.eval.resamples import auc_bootstrap, rank_bootstrap

RNG = np.random.default_rng(0)
PATIENT = np.arange(120) // 2
FOLD = np.array(["a", "b", "c"])[PATIENT % 3]
LABELS = np.repeat(RNG.random(60) < 0.5, 2)
SCORES = RNG.normal(size=120) + 1.5 * LABELS
OFFSET = SCORES + 10.0 * (PATIENT % 3)  # the same ranking in each fold, on three scales
STRATA = np.array([f"{f}{y}" for f, y in zip(FOLD[::2], LABELS[::2], strict=True)])
WEIGHTS = patient_weights(PATIENT, 200, seed=0, strata=STRATA)


def test_the_mean_of_folds_knows_no_scale_and_the_pool_does():
    means = [fold_mean(auc_bootstrap, LABELS, s, PATIENT, FOLD, WEIGHTS) for s in (SCORES, OFFSET)]
    assert means[0].value == means[1].value and np.array_equal(means[0].samples, means[1].samples)
    each = [auc(LABELS[FOLD == f], SCORES[FOLD == f]) for f in "abc"]
    assert means[0].value == pytest.approx(np.mean(each), abs=1e-12)
    assert means[0].in_folds == pytest.approx(each, abs=1e-12) and means[0].folds.tolist() == ["a", "b", "c"]
    assert means[0].how == "mean of folds" and not np.isnan(means[0].samples).any()
    fooled = pooled(auc_bootstrap, LABELS, OFFSET, PATIENT, FOLD, WEIGHTS, calibrated_in_folds=True)
    assert fooled.value < means[0].value - 0.1


def test_raw_scores_of_folds_are_not_pooled():
    with pytest.raises(ValueError, match="3 folds, not calibrated"):
        pooled(auc_bootstrap, LABELS, SCORES, PATIENT, FOLD, WEIGHTS, calibrated_in_folds=False)
    calibrated = pooled(auc_bootstrap, LABELS, SCORES, PATIENT, FOLD, WEIGHTS, calibrated_in_folds=True)
    assert calibrated.how == "pooled" and calibrated.value == pytest.approx(auc(LABELS, SCORES), abs=1e-12)
    assert np.array_equal(calibrated.samples, auc_bootstrap(LABELS, SCORES, PATIENT, WEIGHTS))
    one = pooled(auc_bootstrap, LABELS, SCORES, PATIENT, np.zeros(120), WEIGHTS, calibrated_in_folds=False)
    assert one.value == calibrated.value  # one fold needs no calibration


def test_any_figure_and_any_order():
    figure = partial(rank_bootstrap, precision_area)
    order = RNG.permutation(120)
    found = fold_mean(figure, LABELS, SCORES, PATIENT, FOLD, WEIGHTS)
    mixed = fold_mean(figure, LABELS[order], SCORES[order], PATIENT[order], FOLD[order], WEIGHTS)
    assert found.value == pytest.approx(mixed.value, abs=1e-12)
    each = [average_precision(LABELS[FOLD == f], SCORES[FOLD == f]) for f in "abc"]
    assert found.value == pytest.approx(np.mean(each), abs=1e-12)


def test_a_fold_without_a_class_leaves_no_mean():
    labels = LABELS & (FOLD != "b")
    found = fold_mean(auc_bootstrap, labels, SCORES, PATIENT, FOLD, WEIGHTS)
    assert np.isnan(found.value) and np.isnan(found.in_folds[1]) and np.isfinite(found.in_folds[0])
    empty = fold_mean(auc_bootstrap, [], [], np.array([], int), [], WEIGHTS)
    assert np.isnan(empty.value) and len(empty.folds) == 0


def test_a_woman_in_two_folds_and_odd_lengths_are_refused():
    fold = FOLD.copy()
    fold[4] = "a"  # woman 2 stands in c
    with pytest.raises(ValueError, match="patient 2 is in two folds"):
        fold_mean(auc_bootstrap, LABELS, SCORES, PATIENT, fold, WEIGHTS)
    with pytest.raises(ValueError, match="not one length"):
        fold_mean(auc_bootstrap, LABELS, SCORES, PATIENT, fold[:5], WEIGHTS)
