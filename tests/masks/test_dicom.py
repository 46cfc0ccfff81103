"""DICOM films of every compression and of every way to say how they want to be shown."""

import os
import time
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.processing import apply_voi_lut
from pydicom.sequence import Sequence

from mammomap.errors import ImageError
from mammomap.masks.read import read_film

RAMP = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
TWELVE = (RAMP // 16).astype(np.uint16)
CODECS = {
    uid.JPEGLosslessSV1: lambda a: imagecodecs.ljpeg_encode(a, bitspersample=16),
    uid.JPEGLSLossless: imagecodecs.jpegls_encode,
    uid.JPEG2000Lossless: lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", reversible=True, level=0),
    uid.HTJ2KLossless: lambda a: imagecodecs.htj2k_encode(a, reversible=True),
}


def dataset(pixels: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, **changes) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = uid.DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.Modality, made.PhotometricInterpretation, made.SamplesPerPixel = "MG", "MONOCHROME2", 1
    made.Rows, made.Columns = pixels.shape
    bits = pixels.dtype.itemsize * 8
    made.BitsAllocated, made.BitsStored = bits, changes.pop("bits", bits)
    made.HighBit, made.PixelRepresentation = made.BitsStored - 1, int(pixels.dtype.kind == "i")
    made.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def read(folder: Path, made: FileDataset) -> np.ndarray:
    path = folder / "film.dcm"
    made.save_as(path, enforce_file_format=True)
    return read_film(path)


def lut(first: int, table: np.ndarray, bits: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(table), first, bits])
    item.add_new("LUTData", "OW", table.astype("<u2").tobytes())
    return item


@pytest.mark.parametrize("syntax", CODECS, ids=lambda s: s.name)
@pytest.mark.parametrize("bits", [12, 16])
def test_lossless_compression_gives_the_stored_values(tmp_path: Path, syntax: uid.UID, bits: int) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 1 << bits, (67, 43)).astype(np.uint16)
    made = dataset(pixels, syntax, bits=bits)
    made.PixelData = encapsulate([CODECS[syntax](pixels)])
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    assert np.array_equal(read(tmp_path, made), pixels)


def test_run_length_and_big_endian_give_the_stored_values(tmp_path: Path) -> None:
    made = dataset(RAMP)
    made.compress(uid.RLELossless)
    assert np.array_equal(read(tmp_path, made), RAMP)
    made = dataset(RAMP.byteswap(), uid.ExplicitVRBigEndian)
    made["PixelData"].VR = "OW"
    pydicom.dcmwrite(tmp_path / "big.dcm", made, implicit_vr=False, little_endian=False, enforce_file_format=True)
    assert np.array_equal(read_film(tmp_path / "big.dcm"), RAMP)


@pytest.mark.parametrize("pixels", [RAMP, RAMP[:16, :16].copy()], ids=["long", "short"])
def test_uncompressed_values_and_a_file_cut_short(tmp_path: Path, pixels: np.ndarray) -> None:
    assert np.array_equal(read(tmp_path, dataset(pixels)), pixels)
    whole = (tmp_path / "film.dcm").read_bytes()
    (tmp_path / "film.dcm").write_bytes(whole[:-40])
    with pytest.raises(ImageError, match="film.dcm: .*(cut short|End of file)"):
        read_film(tmp_path / "film.dcm")


def test_bits_above_those_stored_are_no_grey_value(tmp_path: Path) -> None:
    """Overlays once lay in the unused bits of a pixel."""
    assert np.array_equal(read(tmp_path, dataset(TWELVE | np.uint16(0x8000), bits=12)), TWELVE)


@pytest.mark.parametrize("said", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}])
def test_two_ways_to_say_inverted_are_one(tmp_path: Path, said: dict) -> None:
    both = {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"}
    assert np.array_equal(read(tmp_path, dataset(4095 - TWELVE, bits=12, **said)), TWELVE)
    assert np.array_equal(read(tmp_path, dataset(4095 - TWELVE, bits=12, **both)), TWELVE)
    window = {"WindowCenter": "2000", "WindowWidth": "1000"}
    plain = read(tmp_path, dataset(TWELVE, bits=12, **window)).astype(int)
    assert np.array_equal(read(tmp_path, dataset(TWELVE, bits=12, **window, **said)), 65_535 - plain)


def test_a_linear_window_by_hand(tmp_path: Path) -> None:
    """PS3.3 C.11.2.1.2.1: below c - 0.5 - (w - 1) / 2 black, above c - 0.5 + (w - 1) / 2 white, linear between."""
    shown = read(tmp_path, dataset(TWELVE, bits=12, WindowCenter=["2048", "9"], WindowWidth=["4096", "5"]))
    assert np.array_equal(shown, np.rint(TWELVE / 4095 * 65_535).astype(np.uint16))
    shown = read(tmp_path, dataset(TWELVE, bits=12, WindowCenter="101", WindowWidth="11"))
    at = {int(t): int(s) for t, s in zip(TWELVE.ravel(), shown.ravel(), strict=True)}
    assert (at[95], at[96], at[106]) == (0, round(65_535 * 0.05), 65_535)
    exact = read(
        tmp_path, dataset(TWELVE, bits=12, WindowCenter="100", WindowWidth="10", VOILUTFunction="LINEAR_EXACT")
    )
    at = {int(t): int(s) for t, s in zip(TWELVE.ravel(), exact.ravel(), strict=True)}
    assert (at[95], at[100], at[105]) == (0, 32_768, 65_535)


def test_a_sigmoid_window_by_hand(tmp_path: Path) -> None:
    """PS3.3 C.11.2.1.3.1: range / (1 + exp(-4 (x - c) / w))."""
    how = {"WindowCenter": "2000", "WindowWidth": "500", "VOILUTFunction": "SIGMOID"}
    shown = read(tmp_path, dataset(TWELVE, bits=12, **how)).astype(float)
    assert np.abs(shown - 65_535 / (1 + np.exp(-4 * (TWELVE - 2000.0) / 500))).max() <= 1


def test_a_voi_lut_sequence_wins_over_windows_and_its_first_item_counts(tmp_path: Path) -> None:
    bent = (np.linspace(0, 1, 1000) ** 2 * 4095).astype(np.uint16)
    items = Sequence([lut(500, bent, 12), lut(0, bent[::-1].copy(), 12)])
    made = dataset(TWELVE, bits=12, VOILUTSequence=items, WindowCenter="2000", WindowWidth="500")
    index = np.clip(TWELVE.astype(int) - 500, 0, 999)
    assert np.array_equal(read(tmp_path, made), np.rint(bent[index] / 4095 * 65_535).astype(np.uint16))


def test_signed_values_and_a_rescale_under_a_window(tmp_path: Path) -> None:
    signed = (TWELVE.astype(np.int32) - 2048).astype(np.int16)
    assert np.array_equal(read(tmp_path, dataset(signed, bits=12)), TWELVE)
    rescaled = {"RescaleSlope": "2", "RescaleIntercept": "100", "WindowCenter": "4195.5", "WindowWidth": "8191"}
    shown = read(tmp_path, dataset(TWELVE, bits=12, **rescaled)).astype(int)
    assert np.abs(shown - TWELVE / 4095 * 65_535).max() <= 17 and (np.diff(shown.ravel()) >= 0).all()


def test_empty_windows_say_nothing(tmp_path: Path) -> None:
    assert np.array_equal(read(tmp_path, dataset(TWELVE, bits=12, WindowCenter="", WindowWidth="")), TWELVE)


def test_real_headers_show_what_the_rule_says(real_data: Path, tmp_path: Path) -> None:
    """GE headers with three VOI LUTs and three sigmoid windows, over a ramp: the first LUT, as pydicom applies it."""
    shown = 0
    for path in sorted((real_data / "mg_headers").glob("*ForPresentation.dcm")):
        made = pydicom.dcmread(path)
        bits = int(made.BitsStored)
        ramp = np.arange(1 << bits, dtype=np.uint16).reshape(32, -1)
        made.Rows, made.Columns = ramp.shape
        made.PixelData = ramp.tobytes()
        expected = apply_voi_lut(ramp, made, index=0) / 4095 * 65_535
        assert np.abs(read(tmp_path, made) - expected).max() <= 0.5
        shown += 1
    assert shown == 2
    for path in sorted((real_data / "mg_headers").glob("*")):
        if "ForPresentation" not in path.name and "Explicit" not in path.name:
            with pytest.raises(ImageError, match="FOR PROCESSING|frames|no pixels|cut short"):
                read_film(path)


def test_every_test_file_of_pydicom_gives_pixels_or_one_line() -> None:
    folder = Path(os.path.dirname(pydicom.__file__)) / "data" / "test_files"
    outcomes = {"pixels": 0, "refused": 0}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            assert read_film(path).dtype == np.uint16
            outcomes["pixels"] += 1
        except ImageError as error:
            assert path.name in str(error) and "\n" not in str(error)
            outcomes["refused"] += 1
    assert sum(outcomes.values()) > 100 and outcomes["refused"] > 50


def _mutated(folder: Path, count: int) -> None:
    """Bytes flipped anywhere in plain and compressed films: pixels or one ImageError, and soon."""
    rng = np.random.default_rng(11)
    sources = []
    for syntax, encode in CODECS.items():
        made = dataset(TWELVE[:40, :40].copy(), syntax, bits=12, WindowCenter="2000", WindowWidth="500")
        made.PixelData = encapsulate([encode(TWELVE[:40, :40].copy())])
        made["PixelData"].VR = "OB"
        sources.append(made)
    sources.append(dataset(TWELVE[:40, :40].copy(), bits=12, VOILUTSequence=Sequence([lut(9, TWELVE[0], 12)])))
    whole = []
    for number, made in enumerate(sources):
        made.save_as(folder / f"{number}.dcm", enforce_file_format=True)
        whole.append((folder / f"{number}.dcm").read_bytes())
    outcomes = set()
    for number in range(count):
        damaged = bytearray(whole[number % len(whole)])
        for place in rng.integers(132, len(damaged), int(rng.integers(1, 6))):
            damaged[place] = int(rng.integers(256))
        if number % 7 == 0:
            del damaged[int(rng.integers(132, len(damaged))) :]
        (folder / "damaged.dcm").write_bytes(damaged)
        began = time.monotonic()
        try:
            read_film(folder / "damaged.dcm")
            outcomes.add("pixels")
        except ImageError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
        assert time.monotonic() - began < 5
    assert outcomes == {"pixels", "refused"}


def test_mutated_films_never_crash(tmp_path: Path) -> None:
    _mutated(tmp_path, 300)


@pytest.mark.slow
def test_two_thousand_mutated_films_never_crash(tmp_path: Path) -> None:
    _mutated(tmp_path, 2000)
