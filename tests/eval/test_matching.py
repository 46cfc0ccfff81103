"""Rules of a hit: which marks they take, and what ignored and benign lesions do to them."""

import numpy as np
import pytest

from mammomap.eval.froc import froc
from mammomap.eval.matching import ASKED, FilmMarks, Lesion, asked_for, box_iou, match
from mammomap.eval.regions import Region

DISC = (np.hypot(*(np.mgrid[:21, :21] - 10)) <= 10).astype(bool)


def marks(*listed, boxes=None):
    table = np.array(listed, float).reshape(-1, 3)
    return FilmMarks(table[:, :2], table[:, 2], None if boxes is None else np.array(boxes, float))


def at(row0, col0, height, width, **more):
    return Lesion(Region(row0, col0, np.ones((height, width), bool)), **more)


def hits(matched):
    return sorted(zip(matched.marks.hit_mark.tolist(), matched.marks.hit_lesion.tolist(), strict=True))


def test_the_outline_takes_the_nearest_pixel():
    found = match([marks((10.4, 5, 1), (9.4, 5, 1), (10, 14.6, 1), (10, 14.4, 1))], [[at(10, 5, 2, 10)]])
    assert hits(found) == [(0, 0), (3, 0)]


def test_a_true_box_answers_instead_of_its_drawing():
    drawing = Region(0, 0, DISC)
    corner = marks((1, 1, 0.5))
    assert hits(match([corner], [[Lesion(drawing)]])) == []
    assert hits(match([corner], [[Lesion(drawing, contains=lambda p: (p < 21).all(axis=1))]])) == [(0, 0)]


def test_the_centre_rule_is_stricter_for_a_long_lesion():
    # 4 x 40 pixels: centre (1.5, 19.5), area 160, half the diameter of that disc is 7.14.
    lesion = at(0, 0, 4, 40)
    ends = marks((1, 1, 1), (1, 19.5 - 7.1, 1), (1.5, 19.5 + 7.2, 1), (5, 20, 1))
    assert hits(match([ends], [[lesion]], rule="outline")) == [(0, 0), (1, 0), (2, 0)]
    assert hits(match([ends], [[lesion]], rule="centre")) == [(1, 0), (3, 0)]


def test_a_disc_is_the_same_by_outline_and_by_centre_up_to_its_rim():
    rows, cols = np.mgrid[:21, :21]
    places = np.stack([rows.ravel(), cols.ravel(), np.ones(441)], axis=1)
    by = {rule: match([marks(*places)], [[Lesion(Region(0, 0, DISC))]], rule=rule) for rule in ("outline", "centre")}
    differ = {m for m, _ in hits(by["outline"])} ^ {m for m, _ in hits(by["centre"])}
    away = np.hypot(rows - 10, cols - 10).ravel()
    assert all(9 < away[m] < 11 for m in differ)


def test_box_iou_by_hand():
    boxes = np.array([[0, 0, 10, 10], [0, 5, 10, 15], [0, 10, 10, 20], [3, 3, 3, 9], [2, 2, 4, 4]])
    assert box_iou(boxes, (0, 0, 10, 10)) == pytest.approx([1, 50 / 150, 0, 0, 4 / 100])


def test_the_box_rule_begins_at_a_fifth():
    # A lesion of 10 x 10: boxes within it have an IoU of their area / 100.
    table = marks((5, 5, 0.9), (5, 5, 0.8), boxes=[[0, 0, 4, 5], [0, 0, 4, 4.9]])
    assert hits(match([table], [[at(0, 0, 10, 10)]], rule="box")) == [(0, 0)]


@pytest.mark.parametrize("boxes", [None, [[0, 0, 1, 1], [np.nan] * 4]])
def test_the_box_rule_needs_boxes(boxes):
    with pytest.raises(ValueError, match="places alone"):
        match([marks((0, 0, 1), (1, 1, 1), boxes=boxes)], [[at(0, 0, 2, 2)]], rule="box")


def test_a_lesion_counts_at_its_best_score_not_at_its_best_overlap():
    poor, good = [0, 0, 3, 10], [0, 0, 10, 10]
    found = match([marks((1, 5, 0.9), (5, 5, 0.4), boxes=[poor, good])], [[at(0, 0, 10, 10)]], rule="box")
    curve = froc(found.marks, found.lesion_film, 1)
    assert (curve.thresholds[0], curve.sensitivity[0], curve.fp_per_film[-1]) == (0.9, 1, 0)


def test_benign_hits_are_false_or_nothing():
    lesions = [[at(0, 0, 5, 5, malignant=True), at(0, 10, 5, 5)], [at(0, 0, 5, 5)], []]
    films = [marks((1, 1, 0.5), (1, 11, 0.6), (8, 8, 0.4)), marks((1, 1, 0.7)), marks((1, 1, 0.3))]
    by = {w: match(films, lesions, which=w) for w in ASKED}
    points = {w: froc(m.marks, m.lesion_film, 3) for w, m in by.items()}
    last = {w: (p.n_lesions, p.sensitivity[-1], round(3 * p.fp_per_film[-1])) for w, p in points.items()}
    assert last == {"any": (3, 1, 2), "malignant": (1, 1, 4), "malignant, benign hits ignored": (1, 1, 2)}
    assert all(m.lesion_free.tolist() == [False, False, True] for m in by.values())


def test_a_mark_in_a_counted_and_an_ignored_lesion_is_the_hit():
    found = match([marks((2, 2, 0.9), (2, 6, 0.8))], [[at(0, 0, 5, 5), at(0, 0, 5, 9, ignored=True)]])
    assert hits(found) == [(0, 0)]
    assert found.marks.ignored is not None and found.marks.ignored.tolist() == [False, True]
    assert froc(found.marks, found.lesion_film, 1).fp_per_film.tolist() == [0]


@pytest.mark.parametrize("malignant", [False, True])
@pytest.mark.parametrize("which", ASKED)
def test_an_ignored_lesion_stays_ignored_whatever_is_asked(which, malignant):
    found = match([marks((0, 0, 0.9))], [[at(0, 0, 2, 2, malignant=malignant, ignored=True)]], which=which)
    assert len(found.lesion_film) == 0 and found.marks.ignored is not None and found.marks.ignored.all()


def test_films_without_marks_or_lesions():
    found = match([marks(), marks((1, 1, 0.5)), marks()], [[at(0, 0, 2, 2)], [], []])
    assert found.lesion_film.tolist() == [0] and found.marks.film.tolist() == [1]
    assert found.lesion_free.tolist() == [False, True, True]
    assert match([], []).lesion_free.shape == (0,)


def test_other_arguments_are_refused():
    with pytest.raises(ValueError, match="rule"):
        match([], [], rule="near")
    with pytest.raises(ValueError, match="asked for"):
        asked_for([], "benign")
    with pytest.raises(ValueError, match="zip"):
        match([marks()], [])
    with pytest.raises(ValueError, match="marks:"):
        match([FilmMarks(np.zeros((2, 2)), np.zeros(1))], [[]])
    with pytest.raises(ValueError, match="marks:"):
        match([FilmMarks(np.zeros((1, 2)), np.zeros(1), np.zeros((2, 4)))], [[]])
    with pytest.raises(ValueError, match="region"):
        Region(-1, 0, np.ones((1, 1), bool))
