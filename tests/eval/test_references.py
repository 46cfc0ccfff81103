"""Other people's implementations where they define the same thing, and the differences where they do not.

scikit-learn's average precision stands in test_pixels, DeepMind's surface distances in test_surfaces.
"""

import warnings

import numpy as np
import pytest
from scipy import ndimage

from mammomap.eval.froc import froc
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.overlap import dice, overlap_counts
from mammomap.eval.regions import Region, cut
from mammomap.eval.surfaces import surface_distances

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch
    from monai.metrics.froc import compute_fp_tp_probs, compute_froc_curve_data, compute_froc_score
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance
    from monai.metrics.meandice import compute_dice
    from monai.metrics.meaniou import compute_iou
    from picai_eval import evaluate
    from picai_eval.analysis_utils import calculate_dsc, calculate_iou

CELL, ACROSS = 20, 5


def boxed_film(rng):
    """A film of 3 x 5 cells: boxes of lesions in some, boxes of candidates of one score each in some."""
    lesions, boxes, scores = [], [], []
    for row in range(3):
        for col in range(ACROSS):
            corner = np.array([row, col]) * CELL
            if rng.random() < 0.4:
                lesions.append((*(corner + rng.integers(1, 8, 2)), *rng.integers(5, 12, 2)))
            if rng.random() < 0.5:
                r, c, h, w = (*(corner + rng.integers(1, 8, 2)), *rng.integers(4, 12, 2))
                boxes.append((r, c, r + h, c + w))
                scores.append(rng.integers(1, 4096) / 4096)
    boxes = np.array(boxes, float).reshape(-1, 4)
    marks = FilmMarks((boxes[:, :2] + boxes[:, 2:] - 1) / 2, np.array(scores, float), boxes)
    return marks, [Lesion(Region(int(r), int(c), np.ones((h, w), bool))) for r, c, h, w in lesions]


def volumes(films):
    """The same films as detection maps and labels of one slice."""
    maps, labels = [], []
    for marks, lesions in films:
        map_, label = np.zeros((1, 3 * CELL, ACROSS * CELL), np.float32), np.zeros((1, 3 * CELL, ACROSS * CELL), int)
        for (r0, c0, r1, c1), score in zip(marks.boxes.astype(int), marks.scores, strict=True):
            map_[0, r0:r1, c0:c1] = score
        for lesion in lesions:
            r0, c0, r1, c1 = lesion.region.box
            label[0, r0:r1, c0:c1] = 1
        maps.append(map_)
        labels.append(label)
    return maps, labels


@pytest.mark.parametrize("seed", range(5))
def test_picai_eval_where_each_lesion_has_one_candidate(seed):
    rng = np.random.default_rng(seed)
    films = [boxed_film(rng) for _ in range(8)]
    maps, labels = volumes(films)
    theirs = evaluate(maps, labels, min_overlap=0.2, num_parallel_calls=1)
    found = match([f[0] for f in films], [f[1] for f in films], rule="box")
    curve = froc(found.marks, found.lesion_film, len(films))
    assert (curve.sensitivity[-1] < 1) and theirs.num_lesions == curve.n_lesions
    assert theirs.lesion_TP[-1] < theirs.num_lesions  # asking for it works out the thresholds
    assert theirs.thresholds is not None
    # A missed lesion has their confidence 0, whose threshold they stretch to infinitely many false positives.
    assert theirs.thresholds[-1] == 0
    assert theirs.thresholds[:-1] == pytest.approx(curve.thresholds, abs=1e-9)
    assert theirs.lesion_TP[:-1].tolist() == np.rint(curve.sensitivity * curve.n_lesions).tolist()
    assert theirs.lesion_FP[:-1].tolist() == np.rint(curve.fp_per_film * len(films)).tolist()
    for rate in (0.5, 1, 2, 4):
        assert theirs.lesion_TPR_at_FPR(rate) == pytest.approx(curve.at(rate), abs=1e-5)  # float32


def test_picai_eval_prefers_overlap_to_score():
    # One lesion; a candidate of 0.9 with an IoU of 0.3 and one of 0.4 with an IoU of 0.6.
    boxes = np.array([[0, 0, 3, 10], [3, 0, 9, 10]], float)
    films = [
        (
            FilmMarks(np.array([[1.0, 5], [6, 5]]), np.array([0.9, 0.4]), boxes),
            [Lesion(Region(0, 0, np.ones((10, 10), bool)))],
        )
    ]
    label, map_ = np.zeros((1, 12, 12), int), np.zeros((1, 12, 12), np.float32)
    label[0, :10, :10] = 1
    map_[0, :3, :10], map_[0, 4:9, :10] = 0.9, 0.4  # a row apart, else theirs are one component
    (_, theirs, _), *_ = evaluate([map_], [label], min_overlap=0.2, num_parallel_calls=1).lesion_results_flat
    found = match([films[0][0]], [films[0][1]], rule="box")
    assert theirs == pytest.approx(0.4)
    assert froc(found.marks, found.lesion_film, 1).thresholds[0] == 0.9


def test_monai_froc():
    rng = np.random.default_rng(0)
    films, fp, tp = [], [], []
    pool = iter(rng.permutation(4096) / 4096)
    for _ in range(10):
        label = np.zeros((60, 60), np.uint8)
        for k, corner in enumerate(((3, 3), (30, 8), (12, 40))[: int(rng.integers(0, 4))]):
            label[corner[0] : corner[0] + 12, corner[1] : corner[1] + 9] = k + 1
        places, scores = rng.integers(0, 60, (12, 2)), np.array([next(pool) for _ in range(12)])
        false, true, _ = compute_fp_tp_probs(
            probs=scores, y_coord=places[:, 0], x_coord=places[:, 1], evaluation_mask=label
        )
        fp += list(false)
        tp += list(true)
        lesions = [Lesion(cut(label == k)) for k in range(1, label.max() + 1)]
        films.append((FilmMarks(places, scores), lesions))
    found = match([f[0] for f in films], [f[1] for f in films])
    curve = froc(found.marks, found.lesion_film, len(films))
    # Theirs has the score 0 for each missed lesion; from the lowest score up, which they leave out, then the origin.
    false, sensitivity = compute_froc_curve_data(np.array(fp), np.array(tp), curve.n_lesions, len(films))
    # Marks that only repeat a hit are thresholds of ours and none of theirs: the curve through the points is the same.
    points = {(round(x, 9), round(y, 9)) for x, y in zip(curve.fp_per_film, curve.sensitivity, strict=True)}
    assert {(round(x, 9), round(y, 9)) for x, y in zip(false, sensitivity, strict=True)} <= points | {(0.0, 0.0)}
    # They read between points along straight lines, so their score is not the sensitivity at any threshold.
    x, y = np.r_[0, curve.fp_per_film], np.r_[0, curve.sensitivity]
    ours = np.mean(np.interp((0.25, 0.5, 1, 2, 4, 8), x, y))
    assert compute_froc_score(false, sensitivity) == pytest.approx(ours, abs=1e-9)
    assert compute_froc_score(false, sensitivity) >= np.mean([curve.at(r) for r in (0.25, 0.5, 1, 2, 4, 8)])


def blobs(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(70, 50)), 4)
    return noise > np.quantile(noise, 0.8)


def batch(mask):
    return torch.from_numpy(mask[None, None].astype(np.float32))


def monai_hausdorff(a, b):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it calls its own functions in a way that it has deprecated
        return float(compute_hausdorff_distance(batch(b), batch(a), include_background=True, percentile=95))


@pytest.mark.parametrize("seed", range(5))
def test_overlap_as_in_monai_and_picai_eval(seed):
    a, b = blobs(seed), blobs(seed + 50)
    assert float(compute_dice(batch(b), batch(a))) == pytest.approx(dice(a, b), abs=1e-5)
    assert float(compute_iou(batch(b), batch(a))) == pytest.approx(overlap_counts(a, b).iou, abs=1e-5)
    assert calculate_dsc(b, a) == pytest.approx(dice(a, b), abs=1e-7)  # they add 1e-8 to the denominator
    assert calculate_iou(b, a) == pytest.approx(overlap_counts(a, b).iou, abs=1e-7)


def test_two_empty_masks_are_a_choice():
    none = np.zeros((5, 5), bool)
    assert np.isnan(dice(none, none)) and np.isnan(float(compute_dice(batch(none), batch(none))))
    assert calculate_dsc(none, none) == 1


@pytest.mark.parametrize("seed", range(5))
def test_monai_measures_between_edge_pixels(seed):
    # Theirs are distances of the masks' outermost pixels, each of one weight, the percentile interpolated.
    a, b = blobs(seed), blobs(seed + 50)
    theirs = monai_hausdorff(a, b)
    assert surface_distances(a, b).hausdorff_95 == pytest.approx(theirs, abs=1.5)


def test_monai_agrees_on_bars_that_are_moved():
    a, b = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    a[5:25, 4:9], b[5:25, 20:25] = True, True
    theirs = monai_hausdorff(a, b)
    assert surface_distances(a, b).hausdorff_95 == pytest.approx(theirs, abs=1e-5)
