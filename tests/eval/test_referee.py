"""The referee as a whole: what a perfect, an even, an empty and a random map must score, and what it may import."""

import subprocess
import sys

import numpy as np
import pytest

from mammomap.eval.candidates import find_candidates
from mammomap.eval.froc import Marks, froc
from mammomap.eval.images import auc
from mammomap.eval.overlap import OverlapCounts, overlap_counts

FILMS, SHAPE = 40, (192, 128)


def truth():
    """Every other film holds one lesion of 24 x 24 pixels somewhere; boxes as row0, col0, row1, col1."""
    rng = np.random.default_rng(0)
    corner = rng.integers(10, (SHAPE[0] - 34, SHAPE[1] - 34), (FILMS // 2, 2))
    film = np.arange(0, FILMS, 2)
    masks = np.zeros((FILMS, *SHAPE), bool)
    for f, (r, c) in zip(film, corner, strict=True):
        masks[f, r : r + 24, c : c + 24] = True
    return masks, film, np.hstack([corner, corner + 24]).astype(float)


def judged(maps):
    """(sensitivity at 1 false positive, false positives per film in all, AUC of the best peak, pooled Dice at 0.5)"""
    masks, lesion_film, boxes = truth()
    found = [find_candidates(m, film_rows=SHAPE[0]) for m in maps]
    film = np.repeat(np.arange(FILMS), [len(f) for f in found])
    rows, cols, scores = (np.concatenate([getattr(f, k) for f in found]) for k in ("rows", "cols", "scores"))
    row0, col0, row1, col1 = boxes.T
    place = rows[:, None], cols[:, None]
    inside = (row0 <= place[0]) & (place[0] < row1) & (col0 <= place[1]) & (place[1] < col1)
    hit_mark, hit_lesion = np.nonzero(inside & (film[:, None] == lesion_film))
    curve = froc(Marks(film, scores, hit_mark, hit_lesion), lesion_film, FILMS)
    best = [f.scores[0] if len(f) else 0.0 for f in found]
    pooled = sum((overlap_counts(t, m > 0.5) for t, m in zip(masks, maps, strict=True)), OverlapCounts())
    last = curve.fp_per_film[-1] if len(curve.fp_per_film) else 0
    return curve.at(1), last, auc(np.isin(np.arange(FILMS), lesion_film), best), pooled.dice


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("perfect", (1, 0, 1, 1)),
        ("inverse", (0, None, 0.5, 0)),
        ("even", (None, None, 0.5, None)),
        ("empty", (0, 0, 0.5, 0)),
        ("random", (None, None, None, None)),
    ],
)
def test_table_of_expected_values(name, wanted):
    masks, _, boxes = truth()
    maps = {
        "perfect": masks.astype(np.float32),
        "inverse": (~masks).astype(np.float32),
        "even": np.full(masks.shape, 0.9, np.float32),
        "empty": np.zeros(masks.shape, np.float32),
        "random": np.random.default_rng(1).random(masks.shape, dtype=np.float32),
    }[name]
    sensitivity, false, area, overlap = judged(maps)
    for found, expected in zip((sensitivity, false, area, overlap), wanted, strict=True):
        if expected is not None:
            assert found == expected
    share = masks.mean()
    if name == "even":  # one candidate a film, in its middle
        middle = ((boxes[:, :2] <= (95, 63)) & (boxes[:, 2:] > (96, 64))).all(axis=1).sum()
        assert sensitivity == middle / len(boxes)
        assert false == (FILMS - middle) / FILMS
        assert overlap == pytest.approx(2 * share / (1 + share))
    if name == "random":  # chance: about a dozen marks thrown over the film
        assert 6 < false <= 12
        assert sensitivity < 0.25
        assert 0.3 < area < 0.7
        assert overlap == pytest.approx(share / (share + 0.5), abs=0.005)


def test_the_referee_needs_numpy_scipy_and_opencv_alone():
    code = (
        "import sys; from mammomap.eval import blob, candidates, froc, images, intervals, overlap;"
        "from mammomap.eval import calibration, clustered, comparisons, folds, prevalence, resamples;"
        "print([m for m in ('torch', 'pandas', 'pydicom', 'sklearn', 'skimage', 'mammomap.masks') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
