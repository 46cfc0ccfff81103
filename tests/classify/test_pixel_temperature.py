"""A map made over-confident by a known factor gets that factor back, and is calibrated by it."""

import numpy as np
import pytest
from scipy.special import expit, logit

from mammomap.classify.pixel_temperature import PixelCounts, with_temperature
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap


def film(factor: float, seed: int, rows: int = 200, cols: int = 150) -> tuple[FilmMap, np.ndarray, np.ndarray]:
    """A map whose logits are `factor` times what they should be; its truth; what the pixels should say."""
    rng = np.random.default_rng(seed)
    honest = expit(rng.normal(-2, 2, (rows, cols)))
    truth = rng.random((rows, cols)) < honest
    breast = np.zeros((rows, cols), bool)
    breast[:, : cols - 40] = True
    sure = (expit(factor * logit(honest)) * breast).astype(np.float32)
    return FilmMap(sure, sure * np.float32(0.4), breast, Grid.whole(rows, cols)), truth, honest


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_the_factor_comes_back(factor: float) -> None:
    counts = PixelCounts()
    for seed in range(4):
        made, truth, _ = film(factor, seed)
        counts.add(made, truth, np.ones(truth.shape, bool))
    assert counts.temperature() == pytest.approx(factor, rel=0.03)


def test_pixels_say_what_they_should_and_keep_their_malignant_share() -> None:
    made, _, honest = film(2.0, 0)
    told = with_temperature(made, 2.0)
    inside = made.breast
    kept = inside & (made.lesion > 1e-4)  # what lies lower has no finer steps in a map file
    assert np.allclose(told.lesion[kept], honest[kept], atol=1e-4) and not told.lesion[~inside].any()
    assert np.abs(told.lesion[inside] - honest[inside]).max() < 0.003
    sure = inside & (made.lesion > 0.01)
    assert np.allclose(told.malignancy[sure] / told.lesion[sure], 0.4, atol=1e-4)
    assert (told.malignancy <= told.lesion).all() and told.grid == made.grid
    same = with_temperature(made, 1.0)
    assert np.allclose(same.lesion, made.lesion, atol=1e-5)
    assert (np.diff(told.lesion[sure][np.argsort(made.lesion[sure])]) >= 0).all()
    with pytest.raises(ValueError, match="above 0"):
        with_temperature(made, 0)


def test_only_breast_of_known_truth_counts() -> None:
    made, truth, _ = film(1.0, 0)
    known = np.ones(truth.shape, bool)
    known[:100] = False
    counts, wrong = PixelCounts(), truth.copy()
    wrong[:100] = ~truth[:100]
    wrong[:, 110:] = True
    counts.add(made, wrong, known)
    assert counts.lesion.sum() + counts.other.sum() == 100 * 110
    assert counts.temperature() == pytest.approx(1.0, rel=0.1)
    assert PixelCounts().temperature() is None
