"""FROC: cases in words with points worked by hand, a plain walk over films as reference, resamples by patient."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammomap.eval.froc import FP_RATES, Marks, froc, froc_bootstrap
from mammomap.eval.intervals import patient_weights


def marks(film, score, hits=(), ignored=None):
    mark, lesion = np.array(hits, int).reshape(-1, 2).T
    return Marks(
        np.array(film, int), np.array(score, float), mark, lesion, None if ignored is None else np.array(ignored, bool)
    )


# what, marks, films of the lesions, films, points as (threshold, lesions found, false positives)
CASES = [
    ("one mark in the one lesion", marks([0], [0.9], [(0, 0)]), [0], 1, [(0.9, 1, 0)]),
    ("one mark beside the one lesion", marks([0], [0.9]), [0], 1, [(0.9, 0, 1)]),
    ("no marks at all", marks([], []), [0], 1, []),
    ("two marks in one lesion count once, neither is false",
     marks([0, 0], [0.9, 0.5], [(0, 0), (1, 0)]), [0], 1, [(0.9, 1, 0), (0.5, 1, 0)]),
    ("the weaker of two hits comes first in the list: the better one counts",
     marks([0, 0, 0], [0.2, 0.8, 0.5], [(0, 0), (1, 0)]), [0], 1, [(0.8, 1, 0), (0.5, 1, 1), (0.2, 1, 1)]),
    ("one mark in two lesions that lie over each other finds both",
     marks([0], [0.7], [(0, 0), (0, 1)]), [0, 0], 1, [(0.7, 2, 0)]),
    ("a film without lesions: its marks are false, and it counts as a film",
     marks([0, 1], [0.6, 0.8], [(0, 0)]), [0], 2, [(0.8, 0, 1), (0.6, 1, 1)]),
    ("a hit and a false mark of one score enter together",
     marks([0, 0], [0.5, 0.5], [(0, 0)]), [0], 1, [(0.5, 1, 1)]),
    ("an ignored mark is neither, hit or not",
     marks([0, 0, 0, 0], [0.9, 0.8, 0.6, 0.4], [(0, 0), (3, 0)], [1, 1, 0, 0]), [0], 1, [(0.6, 0, 1), (0.4, 1, 1)]),
    ("a lesion that nobody marks stays missed",
     marks([0], [0.9], [(0, 0)]), [0, 0, 1], 2, [(0.9, 1, 0)]),
    ("films with neither marks nor lesions thin the false positives",
     marks([0, 0], [0.9, 0.8], [(0, 0)]), [0], 4, [(0.9, 1, 0), (0.8, 1, 1)]),
    ("negative and large scores are scores like any other",
     marks([0, 1, 1], [-3, 40, 0], [(0, 0), (2, 1)]), [0, 1], 2, [(40, 0, 1), (0, 1, 1), (-3, 2, 1)]),
    ("one mark in two lesions, one of which has a better mark",
     marks([0, 0], [0.3, 0.6], [(0, 0), (0, 1), (1, 1)]), [0, 0], 1, [(0.6, 1, 0), (0.3, 2, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("marks", "lesions", "films", "points"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_points_by_hand(marks, lesions, films, points):
    curve = froc(marks, np.array(lesions), films)
    assert curve.thresholds.tolist() == [t for t, _, _ in points]
    assert curve.sensitivity.tolist() == [tp / len(lesions) for _, tp, _ in points]
    assert curve.fp_per_film.tolist() == [fp / films for _, _, fp in points]
    assert (curve.n_lesions, curve.n_films) == (len(lesions), films)


def test_reading_the_curve_by_hand():
    # Two films, two lesions: a hit, two false marks, a hit, a false mark.
    table = marks([0, 0, 1, 1, 1], [0.9, 0.8, 0.7, 0.6, 0.5], [(0, 0), (3, 1)])
    curve = froc(table, np.array([0, 1]), 2)
    assert curve.fp_per_film.tolist() == [0, 0.5, 1, 1, 1.5]
    assert curve.sensitivity.tolist() == [0.5, 0.5, 0.5, 1, 1]
    assert [curve.at(x) for x in (0, 0.99, 1, 8)] == [0.5, 0.5, 1, 1]
    assert curve.mean_sensitivity == pytest.approx((3 * 0.5 + 4 * 1) / 7)


def test_the_highest_mark_is_false():
    curve = froc(marks([0, 0], [0.9, 0.8], [(1, 0)]), np.array([0]), 1)
    assert (curve.at(0.5), curve.at(1)) == (0, 1)


def test_degenerate_sets():
    none = np.array([], int)
    assert np.isnan(froc(marks([0], [0.5]), none, 1).at(1))
    assert np.isnan(froc(marks([0], [0.5]), none, 1).mean_sensitivity)
    assert froc(marks([0], [0.5]), none, 1).fp_per_film.tolist() == [1]
    assert froc(marks([], []), np.array([0]), 1).at(8) == 0


def walk(film, score, hits, lesion_film, n_films, rate):
    """A plain walk from film to film and from mark to mark, equal scores not thought of."""
    events = []
    for f in range(n_films):
        seen = set()
        for i in sorted(np.flatnonzero(film == f), key=lambda i: -score[i]):
            mine = [lesion for mark, lesion in hits if mark == i]
            if not mine:
                events.append((score[i], 0, 1))
            for lesion in mine:
                if lesion not in seen:
                    seen.add(lesion)
                    events.append((score[i], 1, 0))
    events.sort(key=lambda e: -e[0])
    tp = np.cumsum([e[1] for e in events]) / len(lesion_film)
    fp = np.cumsum([e[2] for e in events]) / n_films
    return tp[fp <= rate].max() if (fp <= rate).any() else 0.0


def random_table(seed, n_films=12, ties=False):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(5, 60)), int(rng.integers(1, 15))
    film, lesion_film = rng.integers(0, n_films, n), rng.integers(0, n_films, m)
    score = rng.integers(0, 6, n).astype(float) if ties else rng.permutation(n) / n
    hits = [(i, j) for i in range(n) for j in range(m) if film[i] == lesion_film[j] and rng.random() < 0.5]
    return film, score, hits, lesion_film


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_agrees_with_a_plain_walk_where_scores_differ(seed):
    film, score, hits, lesion_film = random_table(seed)
    curve = froc(marks(film, score, hits), lesion_film, 12)
    for rate in FP_RATES:
        assert curve.at(rate) == pytest.approx(walk(film, score, hits, lesion_film, 12, rate), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_order_of_marks_and_rising_scales_change_nothing(seed):
    film, score, hits, lesion_film = random_table(seed, ties=True)
    plain = froc(marks(film, score, hits), lesion_film, 12)
    order = np.random.default_rng(seed).permutation(len(film))
    place = np.argsort(order)
    moved = marks(film[order], np.exp(score[order] / 3), [(place[i], j) for i, j in hits][::-1])
    other = froc(moved, lesion_film, 12)
    assert other.sensitivity.tolist() == plain.sensitivity.tolist()
    assert other.fp_per_film.tolist() == plain.fp_per_film.tolist()
    assert (np.diff(plain.sensitivity) >= 0).all() and (np.diff(plain.fp_per_film) >= 0).all()


def repeated(film, score, hits, lesion_film, film_patient, weight):
    """The resample written out: every film of a patient as often as she was drawn."""
    new_film, new_score, new_hits, new_lesions, n_films = [], [], [], [], 0
    for f, patient in enumerate(film_patient):
        for _ in range(int(weight[patient])):
            lesions = {j: len(new_lesions) + k for k, j in enumerate(np.flatnonzero(lesion_film == f))}
            new_lesions += [n_films] * len(lesions)
            for i in np.flatnonzero(film == f):
                new_hits += [(len(new_film), lesions[j]) for mark, j in hits if mark == i]
                new_film.append(n_films)
                new_score.append(score[i])
            n_films += 1
    return marks(new_film, new_score, new_hits), np.array(new_lesions, int), n_films


@pytest.mark.parametrize("ties", [False, True])
def test_the_bootstrap_is_a_loop_over_written_out_resamples(ties):
    film_patient = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6])
    weights = patient_weights(film_patient, 30, seed=2)
    for seed in range(4):
        film, score, hits, lesion_film = random_table(seed, ties=ties)
        drawn = froc_bootstrap(marks(film, score, hits), lesion_film, film_patient, 12, weights, FP_RATES)
        for b, weight in enumerate(weights):
            table, lesions, n_films = repeated(film, score, hits, lesion_film, film_patient, weight)
            curve = froc(table, lesions, n_films)
            assert drawn[b] == pytest.approx([curve.at(rate) for rate in FP_RATES], abs=1e-12, nan_ok=True)


def test_the_bootstrap_in_blocks_is_the_bootstrap(monkeypatch):
    film, score, hits, lesion_film = random_table(1)
    film_patient = np.arange(12) // 2
    weights = patient_weights(film_patient, 20, seed=2)
    whole = froc_bootstrap(marks(film, score, hits), lesion_film, film_patient, 12, weights, (0.5, 1))
    monkeypatch.setattr("mammomap.eval.froc._BLOCK", 100)
    parts = froc_bootstrap(marks(film, score, hits), lesion_film, film_patient, 12, weights, (0.5, 1))
    assert np.array_equal(whole, parts, equal_nan=True)


def test_resamples_with_weight_one_give_the_figure_and_without_lesions_nan():
    film, score, hits, lesion_film = random_table(7)
    lesion_film = np.zeros_like(lesion_film)
    hits = [(i, j) for i, j in hits if film[i] == 0]
    table, film_patient = marks(film, score, hits), np.arange(12)
    weights = np.ones((2, 12), np.float32)
    weights[1, 0] = 0
    drawn = froc_bootstrap(table, lesion_film, film_patient, 12, weights, (0.5, 2))
    curve = froc(table, lesion_film, 12)
    assert drawn[0].tolist() == [curve.at(0.5), curve.at(2)]
    assert np.isnan(drawn[1]).all()


def test_doubling_every_film_narrows_nothing():
    film, score, hits, lesion_film = random_table(3)
    film_patient = np.arange(12) // 2
    twice = marks(
        np.r_[film, film + 12], np.r_[score, score], hits + [(i + len(film), j + len(lesion_film)) for i, j in hits]
    )
    weights = patient_weights(film_patient, 200, seed=0)
    one = froc_bootstrap(marks(film, score, hits), lesion_film, film_patient, 12, weights, FP_RATES)
    both = froc_bootstrap(
        twice, np.r_[lesion_film, lesion_film + 12], np.r_[film_patient, film_patient], 24, weights, FP_RATES
    )
    assert one == pytest.approx(both, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("table", "lesions", "films", "words"),
    [
        (marks([0], [0.5]), [0], 0, "no films"),
        (marks([0], [np.nan]), [0], 1, "finite"),
        (marks([1], [0.5]), [0], 1, "film of a mark"),
        (marks([0], [0.5]), [-1], 1, "film of a lesion"),
        (marks([0], [0.5], [(1, 0)]), [0], 1, "mark of a hit"),
        (marks([0], [0.5], [(0, 1)]), [0], 1, "lesion of a hit"),
        (marks([0], [0.5], [(0, 0)]), [1], 2, "two films"),
        (marks([0], [0.5, 0.4]), [0], 1, "marks:"),
        (marks([0], [0.5], ignored=[0, 1]), [0], 1, "marks:"),
    ],
)
def test_tables_that_do_not_go_together_are_refused(table, lesions, films, words):
    with pytest.raises(ValueError, match=words):
        froc(table, np.array(lesions), films)


def test_patients_that_do_not_go_together_are_refused():
    table = marks([0], [0.5])
    with pytest.raises(ValueError, match="film_patient"):
        froc_bootstrap(table, np.array([0]), np.array([0, 1]), 1, np.ones((3, 2)), (1,))
    with pytest.raises(ValueError, match="weights for 1"):
        froc_bootstrap(table, np.array([0]), np.array([0, 1]), 2, np.ones((3, 1)), (1,))


def test_false_positives_over_lesion_free_films_by_hand():
    # Film 0 holds the lesion and a false mark, films 1 and 2 hold none; film 1 has two marks.
    table = marks([0, 0, 1, 1], [0.9, 0.8, 0.7, 0.6], [(0, 0)])
    free = np.array([False, True, True])
    curve = froc(table, np.array([0]), 3, fp_films=free)
    assert curve.fp_per_film.tolist() == [0, 0, 0.5, 1] and curve.sensitivity.tolist() == [1, 1, 1, 1]
    assert (curve.n_films, curve.n_fp_films) == (3, 2)
    over_all = froc(table, np.array([0]), 3)
    assert over_all.fp_per_film == pytest.approx([0, 1 / 3, 2 / 3, 1]) and over_all.n_fp_films == 3


@pytest.mark.parametrize("ties", [False, True])
def test_the_bootstrap_over_lesion_free_films_is_a_loop(ties):
    film_patient = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6])
    weights = patient_weights(film_patient, 30, seed=2)
    for seed in range(4):
        film, score, hits, lesion_film = random_table(seed, ties=ties)
        free = ~np.isin(np.arange(12), lesion_film)
        table = marks(film, score, hits)
        drawn = froc_bootstrap(table, lesion_film, film_patient, 12, weights, FP_RATES, fp_films=free)
        for b, weight in enumerate(weights):
            if not weight[film_patient[free]].any() or not weight[film_patient[lesion_film]].any():
                assert np.isnan(drawn[b]).all()
                continue
            again, lesions, n_films = repeated(film, score, hits, lesion_film, film_patient, weight)
            curve = froc(again, lesions, n_films, fp_films=~np.isin(np.arange(n_films), lesions))
            assert drawn[b] == pytest.approx([curve.at(rate) for rate in FP_RATES], abs=1e-12)


def test_a_rate_that_is_almost_reached_is_not_reached():
    # Six films, five false marks and then a hit: the number next below 5/6, times 6, rounds to 5.
    table, weights = marks([0, 1, 2, 3, 4, 5], [0.9, 0.9, 0.9, 0.9, 0.9, 0.5], [(5, 0)]), np.ones((1, 6))
    rates = (5 / 6, float(np.nextafter(5 / 6, 0)))
    assert rates[1] * 6 == 5
    curve = froc(table, np.array([5]), 6)
    assert [curve.at(rate) for rate in rates] == [1, 0]
    assert froc_bootstrap(table, np.array([5]), np.arange(6), 6, weights, rates).tolist() == [[1, 0]]


def test_rates_may_stand_in_any_order():
    film, score, hits, lesion_film = random_table(5)
    weights = patient_weights(np.arange(12), 10, seed=0)
    one, other = (
        froc_bootstrap(marks(film, score, hits), lesion_film, np.arange(12), 12, weights, rates)
        for rates in ((0.5, 2), (2, 0.5))
    )
    assert np.array_equal(one, other[:, ::-1], equal_nan=True)
    with pytest.raises(ValueError, match="below 0"):
        froc_bootstrap(marks(film, score, hits), lesion_film, np.arange(12), 12, weights, (-1,))


@pytest.mark.parametrize(
    ("free", "words"),
    [
        ([False, False], "none without"),
        ([True, True], "holds a lesion"),
        ([True], "wanted bool"),
        ([0, 1], "wanted bool"),
    ],
)
def test_other_denominators_are_refused(free, words):
    with pytest.raises(ValueError, match=words):
        froc(marks([0], [0.5], [(0, 0)]), np.array([0]), 2, fp_films=np.array(free))
