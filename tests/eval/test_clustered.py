"""Variances of the AUC by formula, against plain loops written from the papers, case by case and pair by pair."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mammomap.eval.clustered import delong, obuchowski
from mammomap.eval.images import auc
from mammomap.eval.intervals import patient_weights
from mammomap.eval.resamples import auc_bootstrap


def psi(positive, negative):
    return 1.0 if positive > negative else 0.5 if positive == negative else 0.0


def plain_delong(labels, first, second):
    """DeLong et al. 1988, eq. 4 to 6: the covariance of two areas from structural components, cases independent."""
    m, n = sum(labels), len(labels) - sum(labels)
    components = []
    for scores in (first, second):
        x = [s for s, y in zip(scores, labels, strict=True) if y]
        z = [s for s, y in zip(scores, labels, strict=True) if not y]
        v10 = [sum(psi(a, b) for b in z) / n for a in x]
        v01 = [sum(psi(a, b) for a in x) / m for b in z]
        components.append((v10, v01, sum(v10) / m))
    (x1, z1, t1), (x2, z2, t2) = components
    s10 = sum((a - t1) * (b - t2) for a, b in zip(x1, x2, strict=True)) / (m - 1)
    s01 = sum((a - t1) * (b - t2) for a, b in zip(z1, z2, strict=True)) / (n - 1)
    return s10 / m + s01 / n


def plain_obuchowski(labels, first, second, patient):
    """Obuchowski 1997, the estimator for clustered data: sums of components over each cluster, three S terms."""
    clusters = sorted(set(patient))
    m, n = sum(labels), len(labels) - sum(labels)
    sums, theta = [], []
    for scores in (first, second):
        x = [s for s, y in zip(scores, labels, strict=True) if y]
        z = [s for s, y in zip(scores, labels, strict=True) if not y]
        theta.append(sum(psi(a, b) for a in x for b in z) / (m * n))
        v10, v01 = dict.fromkeys(clusters, 0.0), dict.fromkeys(clusters, 0.0)
        for score, y, c in zip(scores, labels, patient, strict=True):
            if y:
                v10[c] += sum(psi(score, b) for b in z) / n
            else:
                v01[c] += sum(psi(a, score) for a in x) / m
        sums.append((v10, v01))
    count = {c: [sum(1 for y, p in zip(labels, patient, strict=True) if p == c and y == k) for k in (1, 0)]
             for c in clusters}  # fmt: skip
    with_1, with_0 = (sum(1 for c in clusters if count[c][k]) for k in (0, 1))

    def dev(system, kind, c):
        return sums[system][kind][c] - count[c][kind] * theta[system]

    s10 = with_1 / ((with_1 - 1) * m) * sum(dev(0, 0, c) * dev(1, 0, c) for c in clusters)
    s01 = with_0 / ((with_0 - 1) * n) * sum(dev(0, 1, c) * dev(1, 1, c) for c in clusters)
    i = len(clusters)
    s11 = i / (i - 1) * sum(dev(0, 0, c) * dev(1, 1, c) for c in clusters)
    s11_back = i / (i - 1) * sum(dev(1, 0, c) * dev(0, 1, c) for c in clusters)
    return s10 / m + s01 / n + (s11 + s11_back) / (m * n)


def drawn(seed, women=20, films=50, mixed=True):
    rng = np.random.default_rng(seed)
    patient = rng.permutation(np.r_[np.arange(women), rng.integers(0, women, films - women)])
    y = rng.random(films) < 0.4 if mixed else (rng.random(women) < 0.4)[patient]
    own = rng.normal(size=women)[patient]
    scores = np.round(own[:, None] + rng.normal(size=(films, 2)) + y[:, None] * [1.0, 0.5], 1)
    return y, scores, patient


@pytest.mark.parametrize("seed", range(4))
def test_delong_is_the_papers(seed):
    y, scores, _ = drawn(seed)
    found = delong(y, scores, np.arange(50))
    assert found.auc == pytest.approx([roc_auc_score(y, s) for s in scores.T], abs=1e-12)
    for a in (0, 1):
        for b in (0, 1):
            assert found.covariance[a, b] == pytest.approx(plain_delong(y, scores[:, a], scores[:, b]), abs=1e-12)


@pytest.mark.parametrize("mixed", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_obuchowski_is_the_papers(seed, mixed):
    y, scores, patient = drawn(seed, mixed=mixed)
    found = obuchowski(y, scores, patient)
    for a in (0, 1):
        for b in (0, 1):
            wanted = plain_obuchowski(y.tolist(), scores[:, a].tolist(), scores[:, b].tolist(), patient.tolist())
            assert found.covariance[a, b] == pytest.approx(wanted, abs=1e-12)
    difference, variance = found.difference(0, 1)
    assert difference == pytest.approx(auc(y, scores[:, 0]) - auc(y, scores[:, 1]), abs=1e-12)
    c = found.covariance
    assert variance == pytest.approx(c[0, 0] + c[1, 1] - 2 * c[0, 1], abs=1e-15)


def test_one_case_each_is_delong_by_hand():
    # Positives 3, 1 and negatives 2, 0: V10 = 1, 0.5; V01 = 0.5, 1; AUC 0.75; S10 = S01 = 0.125; 0.125 / 2 twice.
    found = delong([1, 1, 0, 0], [3, 1, 2, 0], ["a", "b", "c", "d"])
    assert (found.auc[0], found.covariance[0, 0]) == (0.75, 0.125)


def test_delong_refuses_two_films_of_a_woman():
    with pytest.raises(ValueError, match="patient w2 has 2 cases"):
        delong([1, 0, 1], [3, 2, 1], ["w1", "w2", "w2"])


def test_twice_the_same_films_are_no_more_known():
    y, scores, patient = drawn(1)
    once = obuchowski(y, scores, patient)
    twice = obuchowski(np.r_[y, y], np.r_[scores, scores], np.r_[patient, patient])
    assert twice.covariance == pytest.approx(once.covariance, abs=1e-12)
    fooled = delong(np.r_[y, y], np.r_[scores, scores], np.arange(100))  # as if they were other women
    assert fooled.covariance[0, 0] < 0.55 * delong(y, scores, np.arange(50)).covariance[0, 0]


def test_formula_and_resamples_agree():
    y, scores, patient = drawn(3, women=150, films=400)
    by_formula = obuchowski(y, scores, patient).covariance
    weights = patient_weights(patient, 4000, seed=0)
    samples = np.stack([auc_bootstrap(y, s, patient, weights) for s in scores.T])
    assert np.cov(samples) == pytest.approx(by_formula, rel=0.12)


def test_what_cannot_be_given_is_nan_and_other_arrays_are_refused():
    assert np.isnan(obuchowski([1, 1], [1, 2], [0, 1]).auc).all()
    alone = obuchowski([1, 0, 0], [1, 2, 0], [0, 1, 2])
    assert alone.auc[0] == 0.5 and np.isnan(alone.covariance).all()
    same = obuchowski([1, 0, 1, 0], np.ones((4, 2)), [0, 1, 2, 3])
    assert same.difference(0, 1) == (0, 0)
    with pytest.raises(ValueError, match="one for each"):
        obuchowski([1, 0], [1, 2], [0])
    with pytest.raises(ValueError, match="n_systems"):
        obuchowski([1, 0], np.zeros((2, 1, 1)), [0, 1])
    with pytest.raises(ValueError, match="finite"):
        obuchowski([1, 0], [[1, 2], [1, np.nan]], [0, 1])
