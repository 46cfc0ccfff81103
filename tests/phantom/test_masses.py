import dataclasses

import cv2
import numpy as np
import pytest

from mammomap.phantom.descriptors import parts
from mammomap.phantom.masses import MARGINS, SHAPES, draw_mass
from mammomap.phantom.plan import plan_lesion


def _plan(seed=0, **changes):
    return dataclasses.replace(plan_lesion(np.random.default_rng(seed), "mass", seed % 2 == 1, 2), **changes)


def _drawn(plan, pixel_mm=0.2, seed=0):
    film = np.zeros((round(100 / pixel_mm), round(90 / pixel_mm)), np.float32)
    return film, draw_mass(film, plan, (52.0, 40.0), pixel_mm, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(6))
def test_a_mask_is_one_piece_around_what_was_added_and_as_large_at_any_pitch(seed):
    plan = _plan(seed)
    areas = []
    for pixel_mm in (0.2, 0.4):
        film, mask = _drawn(plan, pixel_mm, seed)
        assert mask.dtype == np.bool_ and mask.shape == film.shape
        assert cv2.connectedComponents(mask.astype(np.uint8))[0] == 2
        assert film[mask].mean() > 3 * np.abs(film[~mask]).mean()
        areas.append(mask.sum() * pixel_mm**2)
        rows, cols = np.nonzero(mask)
        assert np.hypot(rows.mean() * pixel_mm - 52, cols.mean() * pixel_mm - 40) < plan.size_mm / 2
    assert areas[1] == pytest.approx(areas[0], rel=0.1)
    assert 0.5 < np.sqrt(areas[0] * 4 / np.pi) / plan.size_mm < 1.2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("margins", MARGINS)
def test_each_description_can_be_drawn(shape, margins):
    film, mask = _drawn(_plan(shape=shape, margins=margins, size_mm=14.0))
    assert mask.any() and film[mask].mean() > 0.01 and np.isfinite(film).all()


def _rim(name):
    """Share of a mass's brightness that is left 1 to 2 mm inside its outline, against 1 to 2 mm outside."""
    inside, outside = [], []
    for seed in range(8):
        film, mask = _drawn(_plan(shape="OVAL", margins=name, size_mm=18.0, contrast=0.15), 0.2, seed)
        within = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) * 0.2
        beyond = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) * 0.2
        inside.append(film[(within > 1) & (within < 2)].mean())
        outside.append(film[(beyond > 1) & (beyond < 2)].mean())
    return np.mean(inside) / max(np.mean(outside), 1e-6)


def test_margins_are_as_sharp_as_they_are_called():
    sharp, soft, hidden = _rim("CIRCUMSCRIBED"), _rim("ILL_DEFINED"), _rim("OBSCURED")
    assert sharp > 2 * hidden > 2 * soft


def _roundness(shape, margins="CIRCUMSCRIBED"):
    """4 pi area / perimeter squared, mean over draws."""
    values = []
    for seed in range(8):
        _, mask = _drawn(_plan(shape=shape, margins=margins, size_mm=20.0), 0.2, seed)
        (outline,), _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        values.append(4 * np.pi * mask.sum() / cv2.arcLength(outline, True) ** 2)
    return np.mean(values)


def test_shapes_are_as_round_as_they_are_called():
    assert _roundness("ROUND") > _roundness("OVAL") > _roundness("LOBULATED") > _roundness("IRREGULAR")
    assert _roundness("OVAL") > _roundness("OVAL", "MICROLOBULATED") + 0.02


def test_spicules_leave_the_body_and_stand_outside_the_mask():
    smooth, spiky = (_plan(shape="OVAL", margins=m, size_mm=16.0, contrast=0.15) for m in ("ILL_DEFINED", "SPICULATED"))
    films, masks = zip(*(_drawn(plan, 0.2, 1) for plan in (smooth, spiky)), strict=True)
    assert (masks[0] == masks[1]).all()
    far = cv2.distanceTransform((~masks[0]).astype(np.uint8), cv2.DIST_L2, 5) * 0.2
    around = (far > 2) & (far < 5)
    assert films[1][around].std() > 1.5 * films[0][around].std()


def test_a_distortion_has_lines_but_hardly_a_body_and_a_node_has_a_hilum():
    def middle(shape):
        return _drawn(_plan(shape=shape, margins="N/A", size_mm=16.0, contrast=0.15))[0][250:270, 190:210].mean()

    assert middle("ARCHITECTURAL_DISTORTION") < 0.7 * middle("IRREGULAR")
    film, mask = _drawn(_plan(shape="LYMPH_NODE", margins="CIRCUMSCRIBED", size_mm=16.0, contrast=0.15))
    core = cv2.erode(mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    smooth = cv2.GaussianBlur(film, (0, 0), 3)
    assert smooth[core].min() < 0.65 * smooth[core].max()


def test_compound_descriptions_lie_between_their_parts():
    between = _rim("CIRCUMSCRIBED-ILL_DEFINED")
    assert _rim("ILL_DEFINED") < between < _rim("CIRCUMSCRIBED")
    assert parts("OVAL-LOBULATED") == {"OVAL", "LOBULATED"}


def test_a_lesion_at_the_films_edge_is_cut_not_wrapped():
    film = np.zeros((100, 80), np.float32)
    mask = draw_mass(film, _plan(size_mm=20.0), (1.0, 20.0), 0.5, np.random.default_rng(2))
    assert mask[0].any() and not mask[70:].any() and not film[70:].any()


@pytest.mark.parametrize("pixel_mm", [0.1, 0.4])
def test_a_round_mass_has_the_area_of_its_disc(pixel_mm):
    areas = []
    for seed in range(6):
        _, mask = _drawn(_plan(shape="ROUND", margins="CIRCUMSCRIBED", size_mm=16.0), pixel_mm, seed)
        areas.append(mask.sum() * pixel_mm**2)
    assert np.mean(areas) == pytest.approx(np.pi * 8**2 * 0.95, rel=0.08)
