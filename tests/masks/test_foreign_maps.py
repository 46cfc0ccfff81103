"""Reading other people's map files: what was written comes back, and what is no map is refused in one line."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mammomap.errors import ImageError
from mammomap.masks.foreign_maps import (
    as_probability,
    grid_of_map,
    nifti_plane,
    read_nifti,
    read_npz,
    read_picture,
    says_malignant,
)

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
STRAIGHT = np.diag([-0.07, -0.07, 1.0, 1.0])


def save_picture(path: Path, values: np.ndarray) -> None:
    import tifffile

    if path.suffix == ".png":
        cv2.imwrite(str(path), values)
    else:
        tifffile.imwrite(path, values, photometric="minisblack")


@pytest.mark.parametrize(
    ("name", "dtype"), [("m.png", "u1"), ("m.png", "u2"), ("m.tif", "u1"), ("m.tif", "u2"), ("m.tiff", "f4")]
)
@settings(deadline=None)
@given(data=st.data())
def test_a_picture_comes_back_as_it_was_written(name: str, dtype: str, data) -> None:
    elements = st.floats(0, 1, width=32) if dtype == "f4" else None
    values = data.draw(arrays(dtype, SHAPES, elements=elements))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        save_picture(path, values)
        found = read_picture(path)
    assert found.dtype == values.dtype and np.array_equal(found, values)


@settings(deadline=None)
@given(values=arrays("f4", SHAPES, elements=st.floats(0, 1, width=32)), sign=st.sampled_from([1, -1]))
def test_a_nifti_comes_back_as_it_was_written(values: np.ndarray, sign: int) -> None:
    import nibabel

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.nii.gz"
        nibabel.save(nibabel.Nifti1Image(values.T[..., None], np.diag([sign, sign, 1, 1])), path)
        assert np.array_equal(read_nifti(path), values)


@settings(deadline=None)
@given(values=arrays("f8", SHAPES, elements=st.floats(0, 1)))
def test_an_npz_comes_back_as_it_was_written(values: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        np.savez_compressed(Path(folder) / "m.npz", lesion=values, malignancy=values[::-1])
        found = read_npz(Path(folder) / "m.npz")
    assert list(found) == ["lesion", "malignancy"]
    assert np.array_equal(found["lesion"], values) and np.array_equal(found["malignancy"], values[::-1])


def test_simpleitk_writes_the_affine_that_is_taken_for_straight() -> None:
    """Its identity is left-posterior, NIfTI's right-anterior: both in-plane axes carry a minus."""
    stored = np.arange(6).reshape(3, 2, 1)  # x, y, z of a film of 2 rows and 3 columns
    assert nifti_plane("m", stored, STRAIGHT).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert nifti_plane("m", stored[..., 0], np.eye(4)).tolist() == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize(
    ("shape", "affine", "reason"),
    [
        ((3, 2, 4), STRAIGHT, "NIfTI of 3 x 2 x 4, wanted columns x rows"),
        ((1, 3, 2), STRAIGHT, "NIfTI of 1 x 3 x 2"),
        ((3, 2, 1, 2), STRAIGHT, "NIfTI of 3 x 2 x 1 x 2"),
        ((3,), STRAIGHT, "NIfTI of 3, wanted"),
        ((3, 2, 1), np.diag([-1.0, 1, 1, 1]), "turns or mirrors the film"),
        ((3, 2, 1), np.diag([1.0, -1, 1, 1]), "turns or mirrors the film"),
        ((3, 2, 1), np.eye(4)[[1, 0, 2, 3]], "turns or mirrors the film"),
        ((3, 2, 1), np.zeros((4, 4)), "turns or mirrors the film"),
    ],
)
def test_a_nifti_that_could_lie_otherwise_is_refused(shape: tuple, affine: np.ndarray, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        nifti_plane("m.nii", np.zeros(shape), affine)


def test_numbers_become_probabilities() -> None:
    assert as_probability(np.array([[0, 255]], np.uint8), "m").tolist() == [[0, 1]]
    assert as_probability(np.array([[0, 65_535]], np.uint16), "m").tolist() == [[0, 1]]
    assert as_probability(np.array([[0, 1]], np.uint8), "m").tolist() == [[0, np.float32(1 / 255)]]
    assert as_probability(np.array([[0, 1]], np.uint8), "m", labels=True).tolist() == [[0, 1]]
    for dtype in (bool, np.int64, np.float16, np.float64):
        found = as_probability(np.array([[0, 1]], dtype), "m")
        assert found.dtype == np.float32 and found.tolist() == [[0, 1]]
    assert as_probability(np.array([[1 + 1e-6, -1e-6]]), "m").tolist() == [[1, 0]]  # a softmax's rounding


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[0.5, np.nan]]), "1 values are no finite numbers"),
        (np.array([[0.5, np.inf]]), "1 values are no finite numbers"),
        (np.array([[-0.1, 0.5]]), "float64 from -0.1 to 0.5, wanted 0 to 1"),
        (np.array([[0, 40.0]]), "float64 from 0 to 40, wanted 0 to 1"),
        (np.array([[0, 2]], np.int16), "int16 from 0 to 2, wanted 0 and 1, or uint8 or uint16"),
        (np.array([[1j, 0]]), "values of type complex128"),
        (np.array([["a"]]), "values of type <U1"),
        (np.zeros((2, 3, 3)), "an array of 2 x 3 x 3, wanted rows x cols"),
        (np.zeros((0, 3)), "an array of 0 x 3"),
    ],
)
def test_numbers_that_are_none_are_refused(values: np.ndarray, reason: str) -> None:
    with pytest.raises(ImageError, match=f"film lesion: {reason}"):
        as_probability(values, "film lesion")


def test_pictures_that_are_no_maps_are_refused(tmp_path: Path) -> None:
    import tifffile

    cv2.imwrite(str(tmp_path / "rgb.png"), np.zeros((4, 3, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "rgba.png"), np.zeros((4, 3, 4), np.uint8))
    tifffile.imwrite(tmp_path / "pages.tif", np.zeros((5, 40, 30), np.uint16), photometric="minisblack")
    cv2.imwrite(str(tmp_path / "whole.png"), np.random.default_rng(0).integers(0, 9999, (40, 30)).astype(np.uint16))
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.tif").write_text("no picture")
    for name, reason in (
        ("rgb.png", "3 channels"),
        ("rgba.png", "4 channels"),
        ("pages.tif", "5 pages"),
        ("empty.png", "cannot be decoded as a PNG"),
        ("text.tif", "cannot be decoded as a TIF"),
    ):
        with pytest.raises(ImageError, match=f"{name}: .*{reason}"):
            read_picture(tmp_path / name)


@settings(deadline=None)
@given(cut=st.integers(0, 2_000))
def test_a_file_cut_short_is_refused_or_whole(cut: int) -> None:
    """Never a map that is partly made up."""
    values = np.random.default_rng(0).random((20, 16)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.npz"
        np.savez_compressed(path, lesion=values)
        path.write_bytes(path.read_bytes()[:cut])
        try:
            assert np.array_equal(read_npz(path)["lesion"], values)
        except ImageError as error:
            assert "m.npz" in str(error)


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("name", ["m.png", "m.nii.gz"])
def test_pictures_cut_short_are_refused(name: str, share: float, tmp_path: Path) -> None:
    import nibabel

    path, values = tmp_path / name, np.random.default_rng(0).integers(0, 9999, (90, 70)).astype(np.uint16)
    if name == "m.png":
        cv2.imwrite(str(path), values)
    else:
        nibabel.save(nibabel.Nifti1Image(values.T[..., None], STRAIGHT), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(ImageError, match=name):
        (read_picture if name == "m.png" else read_nifti)(path)


def test_an_npz_of_other_arrays_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", softmax=np.zeros((2, 2)))
    np.savez(tmp_path / "b.npz", lesion=np.zeros((2, 2)), uncertainty=np.zeros((2, 2)))
    np.savez(tmp_path / "c.npz", lesion=np.zeros((2, 2)), malignancy=np.zeros((2, 2)), grid=np.array("{}"))
    np.savez(tmp_path / "d.npz", lesion=np.array([[object()]]))
    for name, reason in (("a", "arrays softmax"), ("b", "uncertainty"), ("c", "mammomap's own"), ("d", "as npz")):
        with pytest.raises(ImageError, match=reason):
            read_npz(tmp_path / f"{name}.npz")


@settings(deadline=None)
@given(st.integers(200, 5000), st.integers(200, 5000), st.floats(0.05, 1), st.sampled_from([round, np.floor, np.ceil]))
def test_every_reduced_copy_is_known(rows: int, cols: int, scale: float, rounded) -> None:
    shape = (max(1, int(rounded(rows * scale))), max(1, int(rounded(cols * scale))))
    grid = grid_of_map(shape, (rows, cols), "m")
    assert (grid.rows, grid.cols) == shape and (grid.film_rows, grid.film_cols) == (rows, cols)


@pytest.mark.parametrize("shape", [(1000, 800), (3000, 4000), (8000, 6000), (512, 512), (400, 303)])
def test_a_map_of_other_proportions_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match=f"map of {shape[0]} x {shape[1]} on a film of 4000 x 3000"):
        grid_of_map(shape, (4000, 3000), "m")


def test_the_words_that_mean_malignant() -> None:
    for label in ("malignant", "Malignant mass", "malignant_calcification", "cancer", "MALIGNANCY"):
        assert says_malignant(label), label
    for label in ("benign", "non-malignant", "nonmalignant mass", "not malignant", "no cancer", "mass", "cancerous?"):
        assert not says_malignant(label), label
