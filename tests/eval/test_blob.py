"""The blob detector: its response to known blobs, scipy as reference, and the breast's border."""

import numpy as np
import pytest
from scipy import ndimage

from mammomap.eval.blob import BLOB_SCALES_PX, blob_map
from mammomap.eval.candidates import find_candidates

ROWS, COLS = np.mgrid[:320, :240]


def gaussian(row, col, sigma, height):
    return height * np.exp(-((ROWS - row) ** 2 + (COLS - col) ** 2) / (2 * sigma**2))


@pytest.mark.parametrize("sigma", BLOB_SCALES_PX[:6])
def test_blobs_of_any_size_answer_with_their_contrast(sigma):
    answer = blob_map((0.2 + gaussian(150, 120, sigma, 0.5)).astype(np.float32))
    # Half its contrast, by theory, over the constant 2 / e; off the border, which a wide blob touches.
    assert answer[150, 120] == pytest.approx(0.5 * 0.5 * np.e / 2, rel=0.03)
    assert answer.argmax() // 240 == pytest.approx(150, abs=1) and answer.argmax() % 240 == pytest.approx(120, abs=1)


def test_a_white_disc_on_black_is_the_most_there_is():
    disc = ((ROWS - 150) ** 2 + (COLS - 120) ** 2 <= 2 * BLOB_SCALES_PX[3] ** 2).astype(np.float32)
    assert 0.97 < blob_map(disc).max() <= 1
    noise = np.random.default_rng(0).random((320, 240), dtype=np.float32)
    assert blob_map(np.round(noise)).max() < 1


def test_one_scale_is_scipys_laplacian_of_gaussian():
    image = ndimage.gaussian_filter(np.random.default_rng(1).random((317, 235)), 3)
    image = ((image - image.min()) / np.ptp(image)).astype(np.float32)
    for sigma in BLOB_SCALES_PX:
        wanted = np.clip(-(sigma**2) * ndimage.gaussian_laplace(image.astype(float), sigma) * np.e / 2, 0, 1)
        answer = blob_map(image, scales_px=[sigma])
        assert np.abs(answer - wanted).max() < 0.05 * wanted.max()
        assert np.corrcoef(answer.ravel(), wanted.ravel())[0, 1] > 0.998


def test_a_dark_blob_and_an_even_film_give_nothing():
    assert blob_map(np.full((90, 70), 0.6, np.float32)).max() < 1e-3
    dark = (0.8 - gaussian(150, 120, 10, 0.5)).astype(np.float32)
    assert blob_map(dark, scales_px=[10.0])[150, 120] == 0


def test_the_border_of_the_breast_is_no_blob_and_does_not_hide_one():
    inside = (ROWS - 160) ** 2 / 150**2 + COLS**2 / 180**2 < 1
    even = np.where(inside, 0.6, 0).astype(np.float32)
    assert blob_map(even, inside=inside).max() < 0.01
    assert blob_map(even).max() > 0.1  # what it would be
    lesion = np.where(inside, 0.6 + gaussian(160, 160, 6, 0.3), 0).astype(np.float32)
    found = find_candidates(blob_map(lesion, inside=inside), film_rows=768, inside=inside)
    assert abs(found.rows[0] - 160) <= 1 and abs(found.cols[0] - 160) <= 3
    assert (blob_map(lesion, inside=inside)[~inside] == 0).all()


def test_what_lies_outside_the_breast_does_not_matter():
    inside = (ROWS - 160) ** 2 + COLS**2 < 140**2
    image = np.random.default_rng(2).random((320, 240), dtype=np.float32)
    assert np.array_equal(blob_map(image, inside=inside), blob_map(image * inside, inside=inside))


def test_flips_and_shape():
    image = np.random.default_rng(3).random((161, 93), dtype=np.float32)
    answer = blob_map(image)
    assert answer.shape == (161, 93) and answer.dtype == np.float32
    flipped = blob_map(np.ascontiguousarray(image[:, ::-1]))[:, ::-1]
    assert np.corrcoef(answer.ravel(), flipped.ravel())[0, 1] > 0.995
    assert blob_map(np.ones((1, 1), np.float32)).shape == (1, 1)
    assert (blob_map(image, inside=np.zeros(image.shape, bool)) == 0).all()


@pytest.mark.parametrize(
    ("image", "more"),
    [
        (np.zeros((4, 4)), {}),
        (np.full((4, 4), 2, np.float32), {}),
        (np.full((4, 4), np.nan, np.float32), {}),
        (np.zeros((4, 4), np.float32), {"inside": np.ones((4, 5), bool)}),
        (np.zeros((4, 4), np.float32), {"scales_px": []}),
        (np.zeros((4, 4), np.float32), {"scales_px": [0.5]}),
    ],
)
def test_other_arguments_are_refused(image, more):
    with pytest.raises(ValueError, match="wanted"):
        blob_map(image, **more)
