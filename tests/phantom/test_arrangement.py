import numpy as np
import pytest
from scipy.stats import spearmanr

from mammomap.phantom.arrangement import arrange, projected, turned
from mammomap.phantom.breast import GRID_MM, draw_breast
from mammomap.phantom.places import place_lesions
from mammomap.phantom.plan import plan_lesion

WIDTH_MM = 2 * GRID_MM * 170


def _views(seed, density=2):
    rng = np.random.default_rng(seed)
    breast = arrange(rng, density)
    return rng, breast, {view: draw_breast(rng, breast, view, WIDTH_MM) for view in ("CC", "MLO")}


@pytest.mark.parametrize("seed", range(4))
def test_a_lesion_stands_at_matching_depth_in_both_views_and_whole_in_the_breast(seed):
    rng, breast, views = _views(seed)
    plans = [plan_lesion(rng, kind, True, 2) for kind in ("mass", "calcification", "mass")]
    fitted, places = place_lesions(rng, plans, breast, views)
    depths = {view: [views[view].nipple[1] - col for _, col in places[view]] for view in views}
    assert depths["CC"] == pytest.approx(depths["MLO"], abs=1e-6)
    for view, anatomy in views.items():
        for k, (plan, (row, col)) in enumerate(zip(fitted, places[view], strict=True)):
            assert anatomy.skin_mm[round(row / GRID_MM - 0.5), round(col / GRID_MM - 0.5)] > plan.size_mm / 2
            assert anatomy.muscle[round(row / GRID_MM - 0.5), round(col / GRID_MM - 0.5)] < 0.3
            for other, place in list(zip(fitted, places[view], strict=True))[:k]:
                if min(plan.size_mm, other.size_mm) > 4.5:  # smaller where there was no room
                    assert np.hypot(row - place[0], col - place[1]) > (plan.size_mm + other.size_mm) / 2


def test_lesions_lie_in_gland_more_often_than_by_chance():
    inside, anywhere = [], []
    for seed in range(12):
        rng, breast, views = _views(seed)
        _, places = place_lesions(rng, [plan_lesion(rng, "mass", False, 2)], breast, views)
        for view, anatomy in views.items():
            (row, col) = places[view][0]
            inside.append(anatomy.gland[round(row / GRID_MM - 0.5), round(col / GRID_MM - 0.5)])
            anywhere.append(anatomy.gland[(anatomy.skin_mm > 8) & (anatomy.muscle < 0.3)].mean())
    assert np.mean(inside) > 1.4 * np.mean(anywhere)


def test_the_breast_is_as_full_of_gland_as_its_density_says():
    share = [np.mean([_gland(seed, density) for seed in range(5)]) for density in (1, 2, 3, 4)]
    assert (np.diff(share) > 0.05).all() and share[0] < 0.15 and share[3] > 0.4


def _gland(seed, density):
    anatomy = _views(seed, density)[2]["CC"]
    return anatomy.gland[anatomy.skin_mm > 8].mean()


def test_both_views_are_projections_of_one_gland():
    """Gland at each depth, summed across the film, is nearly the same from two directions, unlike that of others."""
    rng = np.random.default_rng(0)
    depth, across = np.linspace(0, 110, 120)[:, None], np.linspace(-1, 1, 90)[None, :]
    profiles = []
    for _ in range(6):
        breast = arrange(rng, 2)
        profiles.append([projected(breast, view, depth, across).mean(axis=1) for view in ("CC", "MLO")])
    same = [spearmanr(cc, mlo)[0] for cc, mlo in profiles]
    assert min(same) > 0.93
    rough = [
        np.abs(a / a.sum() - b / b.sum()).sum()
        for i, (a, _) in enumerate(profiles)
        for j, (_, b) in enumerate(profiles)
        if i != j
    ]
    assert max(np.abs(cc / cc.sum() - mlo / mlo.sum()).sum() for cc, mlo in profiles) < np.mean(rough) / 2


def test_places_on_film_follow_depth_from_the_nipple_and_the_side_across():
    _, _, views = _views(3)
    places = np.array([[0.0, 0.0, 0.0], [40.0, 0.0, 0.5], [40.0, 0.5, 0.0], [40.0, 0.5, -0.5]])
    cc, mlo = (views[view].on_film(view, places) for view in ("CC", "MLO"))
    for view, found in (("CC", cc), ("MLO", mlo)):
        assert found[0] == pytest.approx(views[view].nipple, abs=1e-9)
        assert found[1:, 1] == pytest.approx(np.full(3, views[view].nipple[1] - 40))
    assert cc[1, 0] < cc[2, 0] == pytest.approx(views["CC"].nipple[0])  # outer lies up in CC
    assert mlo[1, 0] == pytest.approx(mlo[2, 0]) and mlo[3, 0] == pytest.approx(views["MLO"].nipple[0])
    assert turned(places, "CC")[:, 0].tolist() == places[:, 0].tolist()
