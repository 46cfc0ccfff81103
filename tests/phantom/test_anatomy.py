"""What a breast is drawn with, each part alone: how often it comes, where, and brighter or darker than its tissue."""

import numpy as np
import pytest

from mammomap.phantom.arrangement import arrange
from mammomap.phantom.breast import (
    GRID_MM,
    Anatomy,
    _folds,
    _nipple,
    _nodes,
    _overlaps,
    _vessels,
    _web,
    draw_breast,
)
from mammomap.phantom.texture import Strands

TIMES = 150


@pytest.fixture(scope="module")
def breast():
    return arrange(np.random.default_rng(1), 2)


@pytest.fixture(scope="module")
def views(breast) -> dict[str, Anatomy]:
    return {view: draw_breast(np.random.default_rng(2), breast, view, 320 * GRID_MM) for view in ("CC", "MLO")}


def millimetres(anatomy: Anatomy):
    return tuple(((np.arange(size) + 0.5) * GRID_MM).astype(np.float32) for size in anatomy.attenuation.shape)


def fields(draw, times: int = TIMES):
    return [draw(np.random.default_rng(seed)) for seed in range(times)]


def share_drawn(found) -> float:
    return float(np.mean([bool(np.any(field)) for field in found]))


def test_pectoral_muscle_is_in_the_upper_corner_of_mlo_and_nowhere_else(views):
    muscle = views["MLO"].muscle
    assert not views["CC"].muscle.any() and muscle[:10, :10].min() > 0.9
    assert muscle[-10:].max() < 0.01 and muscle[:, -10:].max() < 0.01


@pytest.mark.parametrize(("view", "often"), [("MLO", 0.55), ("CC", 0.14)])
def test_lymph_nodes_are_bright_and_mostly_high_in_mlo(views, view, often):
    anatomy = views[view]
    down, across = millimetres(anatomy)
    found = fields(lambda rng: _nodes(rng, view, anatomy.skin_mm > 0, anatomy.skin_mm, down, across))
    assert share_drawn(found) == pytest.approx(often, abs=0.12)
    for field in filter(np.any, found):
        row, col = np.unravel_index(field.argmax(), field.shape)
        assert 0.02 < field.max() < 0.4 and across[col] > 3 and (view == "CC" or down[row] < 105)


@pytest.mark.parametrize(("view", "often"), [("MLO", 0.12), ("CC", 0.05)])
def test_skin_folds_are_seldom_and_bright_beside_dark(views, view, often):
    anatomy = views[view]
    found = fields(lambda rng: _folds(rng, anatomy, view, *millimetres(anatomy)))
    assert share_drawn(found) == pytest.approx(often, abs=0.08)
    told = [field for field in found if field.max() > 0.005]
    assert told and all(field.min() < 0 < -2 * field.min() < 4 * field.max() for field in told)
    assert not any(field[anatomy.skin_mm == 0].any() for field in found)


def test_overlaps_are_as_bright_as_masses_and_lie_in_the_breast(views):
    anatomy = views["CC"]
    inside = anatomy.skin_mm > 0
    found = fields(lambda rng: _overlaps(rng, inside, anatomy.skin_mm, anatomy.gland), 20)
    for field in found:
        assert field.min() >= 0 and 0.03 < field.max() < 0.5
        assert anatomy.skin_mm[np.unravel_index(field.argmax(), field.shape)] > 4


def test_vessels_are_bright_bands_within_the_skin(views, breast):
    for view, anatomy in views.items():
        field = _vessels(np.random.default_rng(3), anatomy, breast, view)
        assert field.min() >= 0 and 0.01 < field.max() and not field[anatomy.skin_mm == 0].any()
        assert 0.002 < (field > 0.005).mean() < 0.4


def test_the_nipple_is_a_bright_disc_where_the_contour_says_in_most_films(views):
    anatomy = views["CC"]
    down, across = millimetres(anatomy)
    found = fields(lambda rng: _nipple(rng, anatomy.nipple, down, across))
    assert share_drawn(found) == pytest.approx(0.7, abs=0.12)
    for field in filter(np.any, found):
        row, col = np.unravel_index(field.argmax(), field.shape)
        assert 0.05 < field.max() < 0.2
        assert np.hypot(down[row] - anatomy.nipple[0], across[col] - anatomy.nipple[1]) < 3


def test_the_web_of_ligaments_is_brighter_in_gland():
    shape = (200, 160)
    strands = Strands(np.random.default_rng(4), shape, (100.0, 150.0), 70 / GRID_MM)
    fat, gland = (_web(np.random.default_rng(5), strands, np.full(shape, share, np.float32)) for share in (0.0, 1.0))
    assert fat.std() > 0.002 and fat.max() > 0.02
    assert (gland >= fat - 1e-6).all() and gland.mean() > 1.1 * fat.mean() > 0
