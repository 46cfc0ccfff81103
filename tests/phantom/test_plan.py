import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from mammomap.masks.tables import KINDS, PATHOLOGIES
from mammomap.phantom import SUSPICION_GAP, PhantomConfig
from mammomap.phantom.plan import MALIGNANT_SHARE, plan_lesion, plan_woman


@pytest.fixture(scope="module")
def breasts():
    rng = np.random.default_rng(5)
    config = PhantomConfig(both_breasts=0.1)
    return [plan_woman(rng, config) for _ in range(3000)]


def test_shares_are_as_asked(breasts):
    sides = [len(woman) for woman in breasts]
    every = [breast for woman in breasts for breast in woman]
    lesions = [lesion for breast in every for lesion in breast.lesions]
    malignant = [any(x.pathology == "MALIGNANT" for x in b.lesions) for b in every]
    assert np.mean(np.array(sides) == 2) == pytest.approx(0.1, abs=0.02)
    assert np.mean(malignant) == pytest.approx(MALIGNANT_SHARE, abs=0.03)
    assert np.mean([x.kind == "mass" for x in lesions]) == pytest.approx(0.5, abs=0.03)
    assert {len(b.lesions) for b in every} == {1, 2, 3}
    assert {b.views for b in every} == {("CC", "MLO"), ("CC",), ("MLO",)}
    assert {b.side for b in every} == {"LEFT", "RIGHT"}
    assert {b.density for b in every} == {1, 2, 3, 4}


def test_words_and_numbers_are_those_of_the_tables(breasts):
    lesions = [lesion for woman in breasts for breast in woman for lesion in breast.lesions]
    assert {x.kind for x in lesions} == set(KINDS)
    assert {x.pathology for x in lesions} == set(PATHOLOGIES)
    assert {x.assessment for x in lesions} == {0, 2, 3, 4, 5}
    assert {x.subtlety for x in lesions} == {1, 2, 3, 4, 5}
    assert all(5 <= x.size_mm <= (40 if x.kind == "mass" else 30) for x in lesions)


@pytest.mark.parametrize("kind", KINDS)
def test_suspicion_separates_as_stated_and_nothing_separates_better(kind):
    rng = np.random.default_rng(3)
    truth = np.arange(3000) % 2 == 1
    lesions = [plan_lesion(rng, kind, bool(bad)) for bad in truth]
    best = norm.cdf(SUSPICION_GAP / np.sqrt(2))
    assert roc_auc_score(truth, [x.suspicion for x in lesions]) == pytest.approx(best, abs=0.02)
    for looks in ("irregularity", "contrast", "size_mm", "spiculation", "assessment"):
        assert roc_auc_score(truth, [getattr(x, looks) for x in lesions]) < best + 0.02
    assert roc_auc_score(truth, [x.irregularity for x in lesions]) > 0.8
    assert 0.7 < roc_auc_score(truth, [x.assessment for x in lesions]) < 0.85


def test_given_the_suspicion_the_looks_do_not_know_the_pathology():
    rng = np.random.default_rng(4)
    lesions = [plan_lesion(rng, "mass", bool(i % 2)) for i in range(8000)]
    middle = [x for x in lesions if abs(x.suspicion) < 0.25]
    truth = [x.pathology == "MALIGNANT" for x in middle]
    assert 600 < len(middle) and 0.4 < np.mean(truth) < 0.6
    for looks in ("irregularity", "contrast", "size_mm", "spiculation"):
        assert roc_auc_score(truth, [getattr(x, looks) for x in middle]) == pytest.approx(0.5, abs=0.07)
