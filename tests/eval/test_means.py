"""Means and medians of what is defined, and resamples of the mean written out."""

import numpy as np
import pytest

from mammomap.eval.intervals import patient_weights
from mammomap.eval.means import Summary, mean_bootstrap, summary


def test_what_is_undefined_is_counted_and_left_out():
    assert summary([0.2, np.nan, 0.9, 0.4]) == Summary(4, 1, pytest.approx(0.5), 0.4)
    none = summary([np.nan])
    assert (none.n, none.n_undefined) == (1, 1) and np.isnan([none.mean, none.median]).all()
    assert summary([]).n == 0
    with pytest.raises(ValueError, match="one axis"):
        summary([[1.0]])


def test_resamples_are_means_written_out():
    values, patient = np.array([0.1, np.nan, 0.7, 0.4, np.nan]), np.array([0, 0, 1, 1, 2])
    weights = patient_weights(patient, 60, seed=0)
    samples = mean_bootstrap(values, patient, weights)
    for sample, weight in zip(samples, weights, strict=True):
        drawn = summary(np.repeat(values, weight[patient].astype(int)))
        assert sample == pytest.approx(drawn.mean, abs=1e-12, nan_ok=True)
    assert np.isnan(mean_bootstrap([np.nan], np.array([0]), np.ones((1, 1)))).all()


@pytest.mark.parametrize(("values", "patient"), [([0.5, 0.5], [0]), ([0.5], [1]), ([[0.5]], [0])])
def test_patients_that_do_not_go_together_are_refused(values, patient):
    with pytest.raises(ValueError):
        mean_bootstrap(values, np.array(patient), np.ones((2, 1)))
