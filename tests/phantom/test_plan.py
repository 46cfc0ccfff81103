import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import mammomap.phantom.descriptors as descriptors
from mammomap.masks.tables import KINDS, PATHOLOGIES
from mammomap.phantom import PhantomConfig
from mammomap.phantom.descriptors import draw_descriptors, parts
from mammomap.phantom.plan import DENSITY_SHARES, MALIGNANT_SHARE, plan_lesion, plan_woman


@pytest.fixture(scope="module")
def breasts():
    rng = np.random.default_rng(5)
    config = PhantomConfig(both_breasts=0.1)
    return [plan_woman(rng, config) for _ in range(3000)]


@pytest.fixture(scope="module")
def counted():
    with (Path(descriptors.__file__).parent / "descriptors.csv").open(newline="") as file:
        return list(csv.DictReader(file))


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
    assert [np.mean([b.density == d for b in every]) for d in (1, 2, 3, 4)] == pytest.approx(DENSITY_SHARES, abs=0.03)


def test_words_and_numbers_are_those_of_the_tables(breasts, counted):
    lesions = [lesion for woman in breasts for breast in woman for lesion in breast.lesions]
    assert {x.kind for x in lesions} == set(KINDS)
    assert {x.pathology for x in lesions} == set(PATHOLOGIES)
    together = {(r["kind"], r["pathology"], r["shape"], r["margins"]) for r in counted}
    assert {(x.kind, x.pathology, x.shape, x.margins) for x in lesions} <= together
    assert {x.subtlety for x in lesions} == {1, 2, 3, 4, 5}
    assert all((4 <= x.size_mm <= 50) if x.kind == "mass" else (3 <= x.size_mm <= 60) for x in lesions)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("malignant", [False, True])
def test_descriptors_stand_together_as_often_as_in_the_lists(counted, kind, malignant):
    rows = [r for r in counted if (r["kind"], r["density"], r["pathology"] == "MALIGNANT") == (kind, "2", malignant)]
    wanted = Counter()
    for r in rows:
        wanted[r["shape"], r["margins"], int(r["subtlety"])] += int(r["count"])
    rng = np.random.default_rng(3)
    drawn = [draw_descriptors(rng, kind, malignant, 2) for _ in range(8000)]
    seen = Counter((x.shape, x.margins, x.subtlety) for x in drawn)
    assert set(seen) <= set(wanted)
    for words, count in wanted.items():
        share = count / wanted.total()
        assert seen[words] / 8000 == pytest.approx(share, abs=4 * (share / 8000) ** 0.5 + 1e-4), words


def test_the_counts_are_those_of_the_published_training_lists(counted, real_data):
    """Made again from the lists; 2,864 rows of which two have no subtlety."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("descriptors_study", Path("study/descriptors.py"))
    assert spec is not None and spec.loader is not None
    study = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(study)
    again = study.count(real_data / "cbis_ddsm_tables")
    assert again.astype(str).to_dict("records") == counted
    assert again["count"].sum() == 2862


def test_parts_of_compound_words():
    assert parts("PUNCTATE-LUCENT_CENTERED") == {"PUNCTATE", "LUCENT_CENTER"}
    assert parts("N/A") == {"N/A"}


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_rises_from_subtle_to_obvious_and_falls_with_density(kind):
    rng = np.random.default_rng(1)
    lesions = {d: [plan_lesion(rng, kind, bool(i % 2), d) for i in range(3000)] for d in (1, 4)}
    means = [np.mean([x.contrast for x in lesions[1] if x.subtlety == s]) for s in (2, 3, 4, 5)]
    assert (np.diff(means) > 0).all()
    for subtlety in (3, 4, 5):
        thin, dense = (np.mean([x.contrast for x in lesions[d] if x.subtlety == subtlety]) for d in (1, 4))
        assert dense < 0.9 * thin


def test_pathology_shows_in_nothing_but_the_words():
    """Among lesions of one description, size and contrast do not know the class."""
    rng = np.random.default_rng(2)
    looks: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for i in range(40000):
        x = plan_lesion(rng, "mass", bool(i % 2), 2)
        if (x.shape, x.margins, x.subtlety) == ("IRREGULAR", "ILL_DEFINED", 4):
            looks[bool(i % 2)].append((x.size_mm, x.contrast))
    benign, malignant = (np.array(looks[key]) for key in (False, True))
    assert min(len(benign), len(malignant)) > 60
    error = np.sqrt(benign.var(axis=0) / len(benign) + malignant.var(axis=0) / len(malignant))
    assert (np.abs(benign.mean(axis=0) - malignant.mean(axis=0)) < 4 * error).all()
