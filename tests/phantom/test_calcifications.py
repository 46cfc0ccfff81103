import dataclasses

import cv2
import numpy as np
import pytest

from mammomap.phantom.arrangement import turned
from mammomap.phantom.calcifications import HULL_MM, TYPES, add_speck, draw_calcifications, near_hull
from mammomap.phantom.descriptors import parts
from mammomap.phantom.plan import plan_lesion


def _plan(seed, **changes):
    return dataclasses.replace(plan_lesion(np.random.default_rng(seed), "calcification", seed % 2 == 1, 2), **changes)


def _drawn(plan, pixel_mm=0.2, seed=0, view="CC"):
    film = np.zeros((round(120 / pixel_mm), round(110 / pixel_mm)), np.float32)
    return film, draw_calcifications(film, plan, (60.0, 55.0), pixel_mm, np.random.default_rng(seed), view)


@pytest.mark.parametrize("pixel_mm", [0.05, 0.2, 0.8])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_speck_weighs_the_same_on_coarse_and_fine_pixels(pixel_mm, angle):
    film = np.zeros((round(40 / pixel_mm), round(32 / pixel_mm)), np.float32)
    add_speck(film, np.array([20.3, 15.1]), 1.0, 0.4, angle, 0.5, pixel_mm)
    assert film.sum() * pixel_mm**2 == pytest.approx(0.5 * np.pi * 0.5 * 0.2, rel=0.1)
    rows, cols = np.indices(film.shape)
    centre = [(film * at).sum() / film.sum() * pixel_mm + pixel_mm / 2 for at in (rows, cols)]
    assert centre == pytest.approx([20.3, 15.1], abs=0.1)


def test_a_speck_at_an_angle_runs_down_and_right():
    film = np.zeros((100, 100), np.float32)
    add_speck(film, np.array([10.0, 10.0]), 4.0, 0.4, np.pi / 4, 1.0, 0.2)
    assert film[55, 55] > 10 * max(film[55, 44], 1e-6)


def _mask(specks, pixel=0.05):
    at = ((np.arange(500) + 0.5) * pixel).astype(np.float32)
    return at, near_hull(np.array(specks), at[:, None], at[None, :], pixel)


def test_the_mask_of_a_cluster_is_the_hull_widened_on_all_sides():
    at, mask = _mask([[10.0, 10.0], [10.0, 16.0], [14.0, 16.0], [14.0, 10.0], [12.0, 12.0]])
    steiner = 4 * 6 + 2 * (4 + 6) * HULL_MM + np.pi * HULL_MM**2
    assert mask.sum() * 0.05**2 == pytest.approx(steiner, rel=0.01)
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    bounds = [at[rows[0]], at[rows[-1]], at[cols[0]], at[cols[-1]]]
    assert bounds == pytest.approx([10 - HULL_MM, 14 + HULL_MM, 10 - HULL_MM, 16 + HULL_MM], abs=0.06)


@pytest.mark.parametrize("specks, area", [([[12.0, 12.0]], 0.0), ([[12.0, 9.0], [12.0, 15.0]], 6 * 2 * HULL_MM)])
def test_one_speck_has_a_disc_and_two_have_a_stadium(specks, area):
    assert _mask(specks)[1].sum() * 0.05**2 == pytest.approx(area + np.pi * HULL_MM**2, rel=0.02)


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_is_one_piece_around_what_was_added_and_as_large_at_any_pitch(seed):
    plan = _plan(seed)
    areas = []
    for pixel_mm in (0.2, 0.4):
        film, mask = _drawn(plan, pixel_mm, seed)
        assert mask.dtype == np.bool_ and mask.shape == film.shape
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
        assert film[mask].sum() > 0.95 * film.sum() > 0
        areas.append(mask.sum() * pixel_mm**2)
    assert areas[1] == pytest.approx(areas[0], rel=0.1)


@pytest.mark.parametrize("name", TYPES)
def test_each_type_can_be_drawn_and_leaves_a_trace(name):
    film, mask = _drawn(_plan(0, shape=name, margins="CLUSTERED", size_mm=14.0))
    assert film.max() > 0.02 and mask.any()


def test_types_look_as_they_are_called():
    def of(name, **changes):
        return _drawn(_plan(0, **{"shape": name, "margins": "CLUSTERED", "size_mm": 14.0, "contrast": 0.4, **changes}))

    assert of("COARSE")[0].sum() > 2 * of("PUNCTATE")[0].sum()
    assert of("AMORPHOUS")[0].max() < 0.7 * of("PUNCTATE")[0].max()
    film, _ = of("EGGSHELL")
    row, col = np.unravel_index(np.argmax(cv2.GaussianBlur(film, (0, 0), 5)), film.shape)
    assert film[row - 12 : row + 13, col - 12 : col + 13].max() > 1.3 * film[row, col]


def test_distributions_spread_as_they_are_called():
    def spread(name, size):
        """Longest and shortest axis of the specks, mean over draws, as standard deviations in mm."""
        axes = []
        for seed in range(6):
            plan = _plan(0, shape="PLEOMORPHIC", margins=name, size_mm=size)
            film, _ = _drawn(plan, 0.2, seed)
            places = np.argwhere(film > 0.3 * film.max()) * 0.2
            axes.append(np.sqrt(np.linalg.eigvalsh(np.cov(places.T)))[::-1])
        return np.mean(axes, axis=0)

    clustered, linear = spread("CLUSTERED", 12.0), spread("LINEAR", 24.0)
    assert linear[0] > 1.5 * clustered[0] and linear[1] < 0.5 * linear[0]
    assert clustered[1] > 0.5 * clustered[0]
    few, many = (_drawn(_plan(0, shape="PUNCTATE", margins=m, size_mm=12.0))[0].sum() for m in ("N/A", "CLUSTERED"))
    assert few < 0.5 * many


def test_both_views_show_the_same_specks_at_the_same_depth():
    plan = _plan(2, shape="PLEOMORPHIC", margins="CLUSTERED", size_mm=20.0)
    profiles = [_drawn(plan, 0.2, 5, view)[0].sum(axis=0) for view in ("CC", "MLO")]
    assert np.corrcoef(*profiles)[0, 1] > 0.95
    across = [_drawn(plan, 0.2, 5, view)[0].sum(axis=1) for view in ("CC", "MLO")]
    assert np.corrcoef(*across)[0, 1] < 0.9


def test_the_two_views_look_along_up_and_from_upper_inner_to_lower_outer():
    places = np.array([[10.0, 1.0, 0.0], [20.0, 0.0, 1.0], [30.0, 1.0, -1.0]])
    assert turned(places, "CC").tolist() == [[10, 0], [20, 1], [30, -1]]
    assert turned(places, "MLO") == pytest.approx(np.array([[10, 0.7071], [20, 0.7071], [30, 0]]), abs=1e-3)
    assert parts("CLUSTERED-LINEAR") == {"CLUSTERED", "LINEAR"}
