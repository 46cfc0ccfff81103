import dataclasses

import cv2
import numpy as np
import pytest

from mammomap.phantom.lesions import HULL_MM, _near_hull, add_speck, draw_calcifications, draw_mass
from mammomap.phantom.plan import plan_lesion


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


def test_the_mask_of_a_cluster_is_the_hull_widened_on_all_sides():
    specks = np.array([[10.0, 10.0], [10.0, 16.0], [14.0, 16.0], [14.0, 10.0], [12.0, 12.0]])
    pixel = 0.05
    at = ((np.arange(500) + 0.5) * pixel).astype(np.float32)
    mask = _near_hull(specks, at[:, None], at[None, :], pixel)
    steiner = 4 * 6 + 2 * (4 + 6) * HULL_MM + np.pi * HULL_MM**2
    assert mask.sum() * pixel**2 == pytest.approx(steiner, rel=0.01)
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    bounds = [at[rows[0]], at[rows[-1]], at[cols[0]], at[cols[-1]]]
    assert bounds == pytest.approx([10 - HULL_MM, 14 + HULL_MM, 10 - HULL_MM, 16 + HULL_MM], abs=0.06)


@pytest.mark.parametrize("kind", ["mass", "calcification"])
@pytest.mark.parametrize("seed", range(6))
def test_a_mask_is_one_piece_around_what_was_added_and_as_large_at_any_pitch(kind, seed):
    plan = plan_lesion(np.random.default_rng(seed), kind, seed % 2 == 1)
    draw = draw_mass if kind == "mass" else draw_calcifications
    areas = []
    for pixel_mm in (0.2, 0.4):
        film = np.zeros((round(100 / pixel_mm), round(90 / pixel_mm)), np.float32)
        mask = draw(film, plan, (52.0, 40.0), pixel_mm, np.random.default_rng(seed))
        assert mask.dtype == np.bool_ and mask.shape == film.shape
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
        assert film[mask].mean() > 3 * np.abs(film[~mask]).mean()
        areas.append(mask.sum() * pixel_mm**2)
        rows, cols = np.nonzero(mask)
        assert np.hypot(rows.mean() * pixel_mm - 52, cols.mean() * pixel_mm - 40) < plan.size_mm / 2
    assert areas[1] == pytest.approx(areas[0], rel=0.1)
    assert 0.15 < np.sqrt(areas[0] * 4 / np.pi) / (plan.size_mm + 2 * HULL_MM) < 1.4


def test_spicules_leave_the_body_and_stand_outside_the_mask():
    smooth = dataclasses.replace(plan_lesion(np.random.default_rng(0), "mass", False), spiculation=0.0, size_mm=16.0)
    spiky = dataclasses.replace(smooth, spiculation=0.9)
    films, masks = [], []
    for plan in (smooth, spiky):
        film = np.zeros((400, 400), np.float32)
        masks.append(draw_mass(film, plan, (40.0, 40.0), 0.2, np.random.default_rng(1)))
        films.append(film)
    assert (masks[0] == masks[1]).all()
    around = cv2.dilate(masks[0].astype(np.uint8), np.ones((21, 21), np.uint8)) > masks[0]
    assert films[1][around].std() > 1.3 * films[0][around].std()


def test_a_lesion_at_the_films_edge_is_cut_not_wrapped():
    plan = dataclasses.replace(plan_lesion(np.random.default_rng(0), "mass", False), size_mm=20.0)
    film = np.zeros((100, 80), np.float32)
    mask = draw_mass(film, plan, (1.0, 20.0), 0.5, np.random.default_rng(2))
    assert mask[0].any() and not mask[60:].any() and not film[60:].any()


@pytest.mark.parametrize("pixel_mm", [0.1, 0.4])
def test_a_round_regular_mass_has_the_area_of_its_disc(pixel_mm):
    plan = plan_lesion(np.random.default_rng(0), "mass", False)
    plan = dataclasses.replace(plan, shape="ROUND", irregularity=0.0, spiculation=0.0, size_mm=16.0)
    film = np.zeros((round(40 / pixel_mm), round(40 / pixel_mm)), np.float32)
    mask = draw_mass(film, plan, (20.0, 20.0), pixel_mm, np.random.default_rng(3))
    assert mask.sum() * pixel_mm**2 == pytest.approx(np.pi * 8**2, rel=0.13)
