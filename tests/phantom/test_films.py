import numpy as np
import pytest

from mammomap.masks.breast import find_breast
from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng

CONFIG = PhantomConfig(patients=12, seed=11, rows=300)


def _woman(number, config=CONFIG):
    return draw_woman(woman_rng(config.seed, number), config, patient_name(number))


@pytest.fixture(scope="module")
def films():
    return [film for number in range(1, 13) for film in _woman(number)]


def test_the_same_seed_gives_the_same_films_and_another_one_others():
    once, again = _woman(3), _woman(3)
    assert len(once) == len(again)
    for a, b in zip(once, again, strict=True):
        assert (a.image == b.image).all() and a.chest_wall_left == b.chest_wall_left
        assert all((x.mask == y.mask).all() for x, y in zip(a.lesions, b.lesions, strict=True))
    other = draw_woman(woman_rng(12, 3), CONFIG, "P_00003")
    assert once[0].image.shape != other[0].image.shape or (once[0].image != other[0].image).any()


def test_films_are_16_bit_with_a_background_that_is_not_zero(films):
    for film in films:
        assert film.image.dtype == np.uint16 and film.image.shape[0] == 300
        assert 0.45 < film.image.shape[1] / 300 < 0.65
        dark = film.image[film.image < 6000]
        assert dark.size > 0.1 * film.image.size and dark.mean() > 300 and len(np.unique(dark)) > 8
        assert film.image.max() > 25000
        assert film.density in (1, 2, 3, 4) and film.view in ("CC", "MLO")


def test_the_stated_direction_is_that_of_the_pixels_and_side_does_not_give_it(films):
    for film in films:
        assert find_breast(film.image).chest_wall_left == film.chest_wall_left, film.image_id
    usual = [film.chest_wall_left == (film.side == "LEFT") for film in films]
    assert 0 < np.mean(usual) < 1


def test_lesions_lie_in_the_breast_apart_from_each_other_and_are_brighter_than_their_surroundings(films):
    brighter = []
    for film in films:
        box = find_breast(film.image).box
        together = np.zeros(film.image.shape, int)
        assert film.lesions
        for lesion in film.lesions:
            assert lesion.mask.shape == film.image.shape and lesion.mask.any()
            rows, cols = np.nonzero(lesion.mask)
            assert box[0] <= rows.min() and rows.max() < box[2] and box[1] <= cols.min() and cols.max() < box[3]
            together += lesion.mask
            near = np.zeros_like(lesion.mask)
            near[max(0, rows.min() - 8) : rows.max() + 9, max(0, cols.min() - 8) : cols.max() + 9] = True
            if lesion.kind == "mass":
                ring = film.image[near & ~lesion.mask].mean()
                brighter.append((film.chest_wall_left, film.image[lesion.mask].mean() > ring))
        assert together.max() == 1
    for wall_left in (True, False):
        told = [bright for left, bright in brighter if left == wall_left]
        assert len(told) >= 3 and np.mean(told) > 0.8


def test_both_views_show_the_same_lesions(films):
    both = [
        (a, b) for a in films for b in films if a.patient_id == b.patient_id and a.side == b.side and a.view < b.view
    ]
    assert both
    for cc, mlo in both:
        assert [x.plan for x in cc.lesions] == [x.plan for x in mlo.lesions]
        assert [x.abnormality_id for x in cc.lesions] == list(range(1, len(cc.lesions) + 1))


def test_more_rows_show_the_same_woman_finer():
    coarse, fine = _woman(2), _woman(2, PhantomConfig(seed=11, rows=600))
    for a, b in zip(coarse, fine, strict=True):
        assert a.image.shape[1] * 2 == b.image.shape[1] and a.chest_wall_left == b.chest_wall_left
        for x, y in zip(a.lesions, b.lesions, strict=True):
            assert x.plan == y.plan
            at = [(np.argwhere(mask).mean(axis=0) + 0.5) * mm for mask, mm in ((x.mask, 0.8), (y.mask, 0.4))]
            assert at[0] == pytest.approx(at[1], abs=0.5)


def test_a_film_is_malignant_if_any_lesion_is(films):
    assert {film.malignant for film in films} == {True, False}
    for film in films:
        assert film.malignant == ("MALIGNANT" in [x.pathology for x in film.lesions])
