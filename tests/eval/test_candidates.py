"""Candidates: where peaks are found, how flat tops, edges and ties are settled, and that film size does not matter."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.feature import peak_local_max

from mammomap.eval.candidates import (
    CandidateSettings,
    find_candidates,
    find_candidates_each,
    smoothed,
    value_at,
    variants,
)


def bumps(shape, places, sigma=8.0):
    """A map with one Gaussian bump for each (row, col, height)."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    made = [h * np.exp(-((rows - r) ** 2 + (cols - c) ** 2) / (2 * sigma**2)) for r, c, h in places]
    return np.clip(np.sum(made, axis=0), 0, 1).astype(np.float32)


def noise(seed, shape=(300, 200)):
    rng = np.random.default_rng(seed)
    return np.clip(ndimage.gaussian_filter(rng.normal(0, 6, shape), 3) + 0.1, 0, 1).astype(np.float32)


def test_three_bumps_come_back_at_their_pixels_best_first():
    found = find_candidates(bumps((300, 200), [(60, 40, 0.4), (150, 100, 0.9), (240, 150, 0.6)]), film_rows=768)
    assert found.rows.tolist() == [150, 240, 60]
    assert found.cols.tolist() == [100, 150, 40]
    # A bump of sigma 8 blurred by 4 keeps 64 / 80 of its height; half of that is reached at r**2 = 2 ln 2 * 80.
    assert found.scores == pytest.approx([0.72, 0.48, 0.32], rel=1e-3)
    assert found.areas_px == pytest.approx(np.pi * 2 * np.log(2) * 80, rel=0.03)
    assert len(found) == 3


def test_same_peaks_as_scipy_and_skimage_on_random_maps():
    for seed in range(5):
        image = noise(seed)
        found = find_candidates(image, film_rows=768, settings=CandidateSettings(cap=10_000))
        blurred = ndimage.gaussian_filter(image, 4)
        rows, cols = np.nonzero((blurred == ndimage.maximum_filter(blurred, 41)) & (blurred > 0.005))
        assert set(zip(found.rows, found.cols, strict=True)) == set(zip(rows, cols, strict=True))
        assert np.allclose(found.scores, blurred[found.rows.astype(int), found.cols.astype(int)], atol=3e-6)
        # skimage drops peaks near the border only if told to; it thins ties by distance itself.
        theirs = peak_local_max(blurred, min_distance=20, threshold_abs=0.005, exclude_border=False)
        assert {tuple(p) for p in theirs} == set(zip(rows, cols, strict=True))


@pytest.mark.parametrize("value", [0.2, 1.0])
def test_an_even_map_gives_one_candidate_in_its_middle(value):
    found = find_candidates(np.full((301, 201), value, np.float32), film_rows=768)
    assert (found.rows.tolist(), found.cols.tolist()) == ([150], [100])
    assert found.scores == pytest.approx([value], abs=1e-6)
    assert found.areas_px.tolist() == [301 * 201]


def test_a_saturated_region_gives_one_candidate_even_if_it_is_bent():
    image = np.zeros((300, 300), np.float32)
    image[50:250, 50:130] = 1
    image[170:250, 50:250] = 1
    found = find_candidates(image, film_rows=768)
    assert len(found) == 1
    assert image[int(found.rows[0]), int(found.cols[0])] == 1


def test_a_top_that_is_flat_but_for_rounding_is_one():
    rounding = np.random.default_rng(0).integers(0, 2, (300, 200)).astype(np.float32) * np.float32(6e-8)
    assert len(find_candidates(np.float32(0.7) + rounding, film_rows=768)) == 1


def test_pixels_that_touch_by_a_corner_are_one_top():
    image = np.zeros((60, 60), np.float32)
    image[[20, 21, 22], [30, 31, 32]] = 0.9
    found = find_candidates(image, film_rows=768, settings=CandidateSettings(smoothing=0.1 / 768))
    assert (found.rows.tolist(), found.cols.tolist(), found.areas_px.tolist()) == ([21], [31], [3])


def test_below_the_floor_nothing_and_above_it_something():
    assert len(find_candidates(np.zeros((50, 40), np.float32), film_rows=768)) == 0
    assert len(find_candidates(np.full((50, 40), 0.004, np.float32), film_rows=768)) == 0
    assert len(find_candidates(np.full((50, 40), 0.006, np.float32), film_rows=768)) == 1


def test_the_cap_keeps_the_best():
    places = [(40 + 50 * i, 40 + 50 * j, 0.3 + 0.02 * (4 * i + j)) for i in range(4) for j in range(4)]
    found = find_candidates(bumps((240, 240), places), film_rows=768)
    assert len(found) == 12
    assert found.scores.min() > 0.8 * 0.37


def test_equal_peaks_stand_by_row_then_column_and_close_ties_give_one():
    image = np.zeros((200, 300), np.float32)
    for r, c in [(150, 50), (50, 250), (50, 50)]:
        image[r, c] = 1
    found = find_candidates(image, film_rows=768)
    assert list(zip(found.rows, found.cols, strict=True)) == [(50, 50), (50, 250), (150, 50)]
    image = np.zeros((200, 300), np.float32)
    image[100, 100] = image[100, 118] = 1
    assert find_candidates(image, film_rows=768).cols.tolist() == [100]
    image[100, 118], image[100, 122] = 0, 1
    assert find_candidates(image, film_rows=768).cols.tolist() == [100, 122]


def test_peaks_stay_inside_and_see_nothing_outside():
    image = bumps((300, 200), [(60, 40, 0.9), (240, 150, 0.5)])
    inside = np.zeros(image.shape, bool)
    inside[150:] = True
    found = find_candidates(image, film_rows=768, inside=inside)
    assert (found.rows.tolist(), found.cols.tolist()) == ([240], [150])


def test_a_lesion_at_the_chest_wall_keeps_its_score():
    image = bumps((300, 200), [(150, 0, 0.8)])
    found = find_candidates(image, film_rows=768)
    assert (found.rows[0], found.cols[0]) == (150, 0)
    assert found.scores[0] > 0.6


def test_sizes_are_shares_of_the_film():
    small = bumps((384, 256), [(100, 60, 0.9), (116, 60, 0.6), (300, 200, 0.5)], sigma=5)
    large = cv2.resize(small, (512, 768), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    a, b = (find_candidates(m, film_rows=m.shape[0]) for m in (small, large))
    assert len(a) == len(b) == 3
    assert np.abs(2 * a.rows + 0.5 - b.rows).max() <= 1 and np.abs(2 * a.cols + 0.5 - b.cols).max() <= 1
    assert a.scores == pytest.approx(b.scores, rel=0.01)
    # A crop is still a part of the same film.
    crop = find_candidates(np.ascontiguousarray(small[50:200]), film_rows=384)
    assert (crop.rows + 50).tolist() == a.rows[:2].tolist()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), axis=st.sampled_from([0, 1]))
def test_a_flip_flips_the_candidates(seed, axis):
    image = noise(seed, (160, 120))
    plain, flipped = (find_candidates(m, film_rows=768) for m in (image, np.flip(image, axis)))
    rows, cols = flipped.rows, flipped.cols
    rows, cols = (159 - rows, cols) if axis == 0 else (rows, 119 - cols)
    # Of a flat top of two pixels the upper or left one is the candidate, so that a flip may move it by one pixel.
    away = np.maximum(np.abs(np.subtract.outer(plain.rows, rows)), np.abs(np.subtract.outer(plain.cols, cols)))
    assert len(plain) == len(flipped) and away.min(axis=0).max() <= 1 and away.min(axis=1).max() <= 1
    assert plain.scores == pytest.approx(flipped.scores, abs=3e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60), cols=st.integers(1, 60))
def test_any_map_keeps_the_rules(seed, rows, cols):
    image = np.random.default_rng(seed).random((rows, cols), dtype=np.float32)
    found = find_candidates(image, film_rows=200)
    assert 1 <= len(found) <= 12
    assert (np.diff(found.scores) <= 0).all() and (found.scores > 0.005).all() and (found.areas_px >= 1).all()
    apart = np.maximum(*(np.abs(np.subtract.outer(v, v)) for v in (found.rows, found.cols)))
    assert (apart[~np.eye(len(found), dtype=bool)] > round(20 / 768 * 200)).all()


def test_value_at_reads_the_same_smoothing():
    image = noise(3)
    found = find_candidates(image, film_rows=768)
    assert value_at(image, found.rows, found.cols, 768).tolist() == found.scores.tolist()
    other = noise(4)
    there = value_at(other, found.rows, found.cols, 768)
    assert there == pytest.approx(
        ndimage.gaussian_filter(other, 4)[found.rows.astype(int), found.cols.astype(int)], abs=3e-6
    )
    with pytest.raises(ValueError, match="outside"):
        value_at(image, np.array([300.0]), np.array([0.0]), 768)


def test_smoothing_agrees_with_scipy_at_the_edges_too():
    image = noise(5)
    assert np.abs(smoothed(image, film_rows=768) - ndimage.gaussian_filter(image, 4)).max() < 3e-6


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4)),
        np.zeros((4, 4, 1), np.float32),
        np.zeros((0, 4), np.float32),
        np.full((4, 4), 1.1, np.float32),
        np.full((4, 4), np.nan, np.float32),
    ],
)
def test_other_arrays_are_refused(image):
    with pytest.raises(ValueError, match="wanted"):
        find_candidates(image, film_rows=768)


def test_other_arguments_are_refused():
    image = np.zeros((4, 4), np.float32)
    with pytest.raises(ValueError, match="film_rows"):
        find_candidates(image, film_rows=0)
    with pytest.raises(ValueError, match="inside"):
        find_candidates(image, film_rows=768, inside=np.ones((4, 5), bool))


def test_variants_are_halves_and_doubles_one_at_a_time():
    base = CandidateSettings(smoothing=0.01, distance=0.04, floor=0.2, cap=3)
    made = variants(base)
    assert {name: (v.smoothing, v.distance, v.floor, v.cap) for name, v in made.items()} == {
        "as set": (0.01, 0.04, 0.2, 3),
        "smoothing halved": (0.005, 0.04, 0.2, 3),
        "smoothing doubled": (0.02, 0.04, 0.2, 3),
        "distance halved": (0.01, 0.02, 0.2, 3),
        "distance doubled": (0.01, 0.08, 0.2, 3),
    }


def test_smoothing_and_distance_do_what_their_names_say():
    # Two narrow bumps 30 apart: more than the distance of 20, less than its double.
    image = bumps((200, 200), [(100, 85, 0.9), (100, 115, 0.8)], sigma=5.0)
    found = find_candidates_each(image, film_rows=768, settings=variants())
    wanted = dict.fromkeys(variants(), 2) | {"distance doubled": 1}
    assert {name: len(f) for name, f in found.items()} == wanted
    assert found["smoothing halved"].scores[0] > found["as set"].scores[0] > found["smoothing doubled"].scores[0]


def plainly(image, film_rows, one, inside):
    """The peaks without crops and composed windows, on the whole map."""
    sigma = one.smoothing * film_rows
    width = 2 * round(4 * sigma) + 1
    blurred = cv2.GaussianBlur(image, (width, width), sigmaX=sigma, borderType=cv2.BORDER_REFLECT)
    smooth = np.clip(np.rint(blurred * np.float32(2**20)) / np.float32(2**20), 0, 1)
    if inside is not None:
        smooth = smooth * inside
    radius = max(1, round(one.distance * film_rows))
    highest = cv2.dilate(smooth, np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
    label, n = ndimage.label((smooth == highest) & (smooth > one.floor), np.ones((3, 3)))  # type: ignore[misc]
    tops = []
    for k in range(1, n + 1):
        rows, cols = np.nonzero(label == k)
        i = np.lexsort((cols, rows, np.hypot(rows - rows.mean(), cols - cols.mean())))[0]
        regions = ndimage.label(smooth >= smooth[rows[i], cols[i]] / 2, np.ones((3, 3)))[0]  # type: ignore[index]
        tops.append((-smooth[rows[i], cols[i]], rows[i], cols[i], (regions == regions[rows[i], cols[i]]).sum()))
    kept = []
    for top in sorted(tops):
        if len(kept) < one.cap and all(max(abs(top[1] - k[1]), abs(top[2] - k[2])) > radius for k in kept):
            kept.append(top)
    return smooth, [(-score, row, col, area) for score, row, col, area in kept]


@pytest.mark.parametrize("kind", ["noise", "saturated", "islands"])
@pytest.mark.parametrize("seed", range(4))
def test_crops_and_composed_windows_change_nothing_bit_for_bit(kind, seed):
    rng = np.random.default_rng(seed)
    image = np.zeros((330, 277), np.float32)
    top, left = rng.integers(0, 100, 2)
    part = image[top : top + 180, left : left + 150]
    if kind == "noise":
        part[:] = noise(seed, part.shape)
    else:
        coarse = np.round(rng.random((6, 5), dtype=np.float32))
        flags = cv2.INTER_NEAREST if kind == "saturated" else cv2.INTER_CUBIC
        part[:] = cv2.resize(coarse, (150, 180), interpolation=flags).clip(0, 1)
    inside = None
    if seed % 2:
        inside = np.zeros(image.shape, bool)
        inside[40:250, 60:] = True
    for film_rows in (330.0, 1500.0):
        found = find_candidates_each(image, film_rows=film_rows, settings=variants(), inside=inside)
        for name, one in variants().items():
            smooth, wanted = plainly(image, film_rows, one, inside)
            got = found[name]
            assert list(zip(got.scores, got.rows, got.cols, got.areas_px, strict=True)) == wanted, name
            if inside is None:
                assert np.array_equal(smoothed(image, film_rows=film_rows, settings=one), smooth)


def test_a_large_area_is_counted_to_its_end():
    image = np.zeros((700, 900), np.float32)
    image[20:680, 30:870] = 0.5
    image[300:340, 300:340] = 0.9
    found = find_candidates(image, film_rows=768)
    assert found.scores[1] == pytest.approx(0.5) and found.areas_px[1] == pytest.approx(660 * 840, rel=0.001)


def test_the_cap_holds_for_a_map_of_many_saturated_spots():
    image = np.zeros((400, 400), np.float32)
    image[20::45, 20::45] = 1
    found = find_candidates(image, film_rows=768)
    assert len(found) == 12 and len(set(found.scores)) == 1
    assert found.rows.tolist() == [20] * 9 + [65] * 3
