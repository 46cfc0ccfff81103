"""One film file -> `uint16` pixels, bright where the film is dense, whatever the file holds.

In: a path to DICOM (any compression: `dicom_pixels`) or PNG, JPEG, TIFF, PGM. Out: `(rows, cols)` uint16, shown by
the DICOM rule (`dicom_values`); 8-bit values times 257. Nothing is cropped, mirrored or stretched. A file that is no
single-frame mammogram is refused in one line.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".pgm")
DICOM_ENDINGS = (".dcm", ".dicom", "")


def read_film(path: Path) -> NDArray[np.uint16]:
    """Pixels of one film, `(rows, cols)` uint16.

    Raises
    ------
    ImageError
        If the file is absent, truncated, not a mammogram, or not one grey frame.
    """
    if not path.is_file():
        raise ImageError(f"{path.name}: no such file")
    pixels = _read_picture(path) if path.suffix.lower() in PICTURE_ENDINGS else _read_dicom(path)
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint16) * np.uint16(257)
    return pixels


def _read_picture(path: Path) -> NDArray:
    raw = np.fromfile(path, np.uint8)
    pixels = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    if pixels is None:
        raise ImageError(f"{path.name}: cannot be decoded as a {path.suffix[1:].upper()} picture; is it whole?")
    if pixels.ndim == 3:
        if not (pixels[..., :1] == pixels[..., 1:3]).all():
            raise ImageError(f"{path.name}: a coloured picture, wanted one grey channel")
        pixels = np.ascontiguousarray(pixels[..., 0])
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{path.name}: pixels of type {pixels.dtype}, wanted 8 or 16 bit")
    return pixels


def _read_dicom(path: Path) -> NDArray[np.uint16]:
    import pydicom
    from pydicom.errors import InvalidDicomError

    from mammomap.masks.dicom_pixels import SMALL_ENOUGH, stored_pixels
    from mammomap.masks.dicom_values import grey_table

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers we do not use
        try:
            dataset = pydicom.dcmread(path, defer_size=SMALL_ENOUGH)
        except InvalidDicomError:
            raise ImageError(f"{path.name}: not a DICOM file") from None
        except Exception as error:  # a damaged header can fail in many ways, all of them the file's
            raise ImageError(f"{path.name}: DICOM header cannot be read ({_first_line(error)})") from None
        try:
            _refuse_other_than_film(dataset)
            table = grey_table(dataset)
            pixels = stored_pixels(path, dataset)
        except ImageError as error:
            raise ImageError(f"{path.name}: {error}") from None
        except Exception as error:  # likewise the pixels
            raise ImageError(f"{path.name}: pixels cannot be decoded ({_first_line(error)})") from None
    return _through(table, pixels)


def _through(table: NDArray[np.uint16], pixels: NDArray[np.unsignedinteger]) -> NDArray[np.uint16]:
    """Stored values as grey values. Bits above those stored are no grey value: the table repeats."""
    if len(table) > np.iinfo(pixels.dtype).max and np.array_equal(table, np.arange(len(table))):
        return pixels.astype(np.uint16, copy=False)
    every = np.resize(table, np.iinfo(pixels.dtype).max + 1)
    return np.asarray(cv2.LUT(pixels, every), np.uint16)


def _refuse_other_than_film(dataset) -> None:
    from mammomap.masks.mg_header import is_raw, refusal

    reason = refusal(dataset) if "PixelData" in dataset else "holds no pixels; not an image, or cut short"
    if not reason and is_raw(dataset):
        reason = "a FOR PROCESSING image, wanted its FOR PRESENTATION twin"
    if reason:
        raise ImageError(reason)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
