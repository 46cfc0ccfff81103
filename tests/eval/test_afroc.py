"""AFROC: areas by hand, a double loop as reference, refusal, resamples by patient."""

import numpy as np
import pytest

from mammomap.eval.afroc import afroc, afroc_bootstrap
from mammomap.eval.froc import Marks
from mammomap.eval.intervals import patient_weights
from mammomap.eval.matching import Matched


def matched(film, score, hits, lesion_film, n_films, ignored=None):
    mark, lesion = np.array(hits, int).reshape(-1, 2).T
    table = Marks(np.array(film, int), np.array(score, float), mark, lesion, ignored)
    lesion_film = np.array(lesion_film, int)
    return Matched(table, lesion_film, ~np.isin(np.arange(n_films), lesion_film))


@pytest.mark.parametrize(
    ("words", "case", "area"),
    [
        ("a found lesion above a marked film", matched([0, 1], [0.9, 0.5], [(0, 0)], [0], 2), 1),
        ("a found lesion below it", matched([0, 1], [0.4, 0.5], [(0, 0)], [0], 2), 0),
        ("level with it", matched([0, 1], [0.5, 0.5], [(0, 0)], [0], 2), 0.5),
        ("a found lesion and a film that nobody marked", matched([0], [0.1], [(0, 0)], [0], 2), 1),
        ("a missed lesion and a marked film", matched([1], [0.1], [], [0], 2), 0),
        ("nobody marked anything", matched([], [], [], [0], 2), 0.5),
        ("a false mark on the ill film does not count", matched([0, 0], [0.9, 0.3], [(1, 0)], [0], 2), 1),
        ("an ignored mark does not count",
         matched([0, 1], [0.5, 0.9], [(0, 0)], [0], 2, np.array([False, True])), 1),
        ("the highest of a film's marks counts", matched([0, 1, 1], [0.5, 0.2, 0.8], [(0, 0)], [0], 2), 0),
        ("one found above and one missed, one film marked and one not: 1, 1, 0 and half",
         matched([0, 1], [0.9, 0.5], [(0, 0)], [0, 0], 3), 2.5 / 4),
    ],
)  # fmt: skip
def test_areas_by_hand(words, case, area):
    assert afroc(case).area == area, words


def test_the_curve_by_hand():
    curve = afroc(matched([0, 1, 2], [0.9, 0.5, 0.5], [(0, 0)], [0, 0], 4))
    assert curve.false_film_share.tolist() == [0, 0, 2 / 3, 1]
    assert curve.sensitivity.tolist() == [0, 0.5, 0.5, 1]
    assert (curve.n_lesions, curve.n_lesion_free) == (2, 3)
    assert curve.area == pytest.approx(np.trapezoid(curve.sensitivity, curve.false_film_share))


def test_without_lesion_free_films_it_is_refused_and_without_lesions_nan():
    with pytest.raises(ValueError, match="needs films without lesions"):
        afroc(matched([0], [0.5], [(0, 0)], [0], 1))
    assert np.isnan(afroc(matched([0], [0.5], [], [], 1)).area)
    case = matched([0], [0.5], [(0, 0)], [0], 2)
    with pytest.raises(ValueError, match="holds a lesion"):
        afroc(Matched(case.marks, case.lesion_film, np.array([True, True])))


def random_case(seed, n_films=14):
    rng = np.random.default_rng(seed)
    lesion_film = np.sort(rng.integers(0, 7, 9))
    film = rng.integers(0, n_films, 40)
    hits = [(i, j) for i in range(40) for j in range(9) if film[i] == lesion_film[j] and rng.random() < 0.5]
    return film, rng.integers(0, 8, 40), hits, lesion_film, n_films


def loop(film, score, hits, lesion_film, n_films):
    """Every lesion against every lesion-free film."""
    won = []
    for j in range(len(lesion_film)):
        mine = max([score[i] for i, lesion in hits if lesion == j], default=-np.inf)
        for f in set(range(n_films)) - set(lesion_film.tolist()):
            other = max(score[film == f], default=-np.inf)
            won.append(1.0 if mine > other else 0.5 if mine == other else 0.0)
    return np.mean(won) if won else np.nan


@pytest.mark.parametrize("seed", range(8))
def test_the_area_is_a_double_loop(seed):
    case = random_case(seed)
    assert afroc(matched(*case)).area == pytest.approx(loop(*case), abs=1e-12)


def test_the_bootstrap_is_a_loop_over_written_out_resamples():
    film, score, hits, lesion_film, n_films = random_case(3)
    film_patient = np.array([0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 0, 1, 7, 7])
    weights = patient_weights(film_patient, 30, seed=1)
    weights[0] = film_patient.max() == np.arange(8)  # no lesion there
    samples = afroc_bootstrap(matched(film, score, hits, lesion_film, n_films), film_patient, weights)
    assert np.isnan(samples[0])
    for sample, weight in zip(samples[1:], weights[1:], strict=True):
        new_film, new_score, new_hits, new_lesions, number = [], [], [], [], 0
        for f in range(n_films):
            for _ in range(int(weight[film_patient[f]])):
                place = {j: len(new_lesions) + k for k, j in enumerate(np.flatnonzero(lesion_film == f))}
                new_lesions += [number] * len(place)
                for i in np.flatnonzero(film == f):
                    new_hits += [(len(new_film), place[j]) for mark, j in hits if mark == i]
                    new_film.append(number)
                    new_score.append(score[i])
                number += 1
        wanted = loop(np.array(new_film), np.array(new_score), new_hits, np.array(new_lesions, int), number)
        assert sample == pytest.approx(wanted, abs=1e-12, nan_ok=True)


def test_patients_that_do_not_go_together_are_refused():
    case = matched([0], [0.5], [(0, 0)], [0], 2)
    with pytest.raises(ValueError, match="film_patient"):
        afroc_bootstrap(case, np.array([0]), np.ones((2, 1)))
