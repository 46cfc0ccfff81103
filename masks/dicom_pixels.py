"""The stored values of a single-frame DICOM film, by a decoder that is exact and named.

In: a file and its dataset. Out: stored values `(rows, cols)` as unsigned integers; two's complement for signed ones.
Uncompressed values are mapped from the file, not read. For the rest the decoder is named, since which one pydicom
takes by itself depends on what is installed:

    JPEG lossless, JPEG-LS, JPEG 2000            imagecodecs
    RLE, HTJ2K                                   pylibjpeg (imagecodecs passes over errors in an HTJ2K stream)
    everything else (lossy JPEG, deflated)       pydicom's own choice
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array
from rle.utils import decode_pixel_data

from mammomap.errors import ImageError

_JPEG_LOSSLESS = {uid.JPEGLossless, uid.JPEGLosslessSV1}
_JPEG_LS = {uid.JPEGLSLossless, uid.JPEGLSNearLossless}
_JPEG_2000 = {uid.JPEG2000Lossless, uid.JPEG2000}
_PYLIBJPEG = {uid.RLELossless, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K}
_NATIVE = {uid.ImplicitVRLittleEndian: "<", uid.ExplicitVRLittleEndian: "<", uid.ExplicitVRBigEndian: ">"}
SMALL_ENOUGH = "64 KB"
"""Elements longer than this stay in the file until they are asked for."""


def stored_pixels(path: Path, dataset: Dataset) -> NDArray[np.unsignedinteger]:
    """Stored values of the film, `(rows, cols)`, uint8 or uint16; may be a read-only view into the file.

    `dataset` was read from `path` with `defer_size=SMALL_ENOUGH`.

    Raises
    ------
    ImageError
        If the file ends before its pixels do, or holds another number of them than it says.
    Exception
        Whatever the decoder raises on damaged data.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    shape = (int(dataset.Rows), int(dataset.Columns))
    bits = int(dataset.BitsAllocated)
    if syntax in _NATIVE and bits in (8, 16):
        return _mapped(path, dataset, np.dtype(f"{_NATIVE[syntax]}u{bits // 8}"), shape)
    decoder = _decoder(syntax)
    if decoder is not None:
        pixels = np.asarray(decoder(_frame(path, dataset)))
    elif syntax == uid.RLELossless and bits in (8, 16) and int(dataset.get("SamplesPerPixel", 1)) == 1:
        decoded = decode_pixel_data(
            _frame(path, dataset), version=2, rows=shape[0], columns=shape[1], bits_allocated=bits
        )
        pixels = np.frombuffer(decoded, f"<u{bits // 8}").reshape(shape)
    elif syntax in _PYLIBJPEG:
        pixels = pixel_array(dataset, raw=True, decoding_plugin="pylibjpeg")
    else:
        pixels = pixel_array(dataset, raw=True)
    if pixels.shape != shape or pixels.dtype.itemsize > 2:
        raise ImageError(f"pixels of shape {pixels.shape} and type {pixels.dtype}, the header says {shape}")
    return pixels.view(f"u{pixels.dtype.itemsize}") if pixels.dtype.kind == "i" else pixels


def _frame(path: Path, dataset: Dataset) -> bytes:
    """The one compressed frame, straight from the file where it was left there."""
    element = dataset.get_item("PixelData", keep_deferred=True)
    start = getattr(element, "value_tell", None)
    if element is None or element.value is not None or start is None:
        return get_frame(dataset.PixelData, 0, number_of_frames=1)
    with path.open("rb") as file:
        file.seek(start)
        return get_frame(file, 0, number_of_frames=1)


def _mapped(path: Path, dataset: Dataset, dtype: np.dtype, shape: tuple[int, int]) -> NDArray[np.unsignedinteger]:
    """Uncompressed values, where they lie in the file; from memory where they were short enough to be read."""
    element = dataset.get_item("PixelData", keep_deferred=True)
    wanted = shape[0] * shape[1] * dtype.itemsize
    start = getattr(element, "value_tell", None)
    if element is not None and element.value is None and start is not None:
        if path.stat().st_size < start + wanted:
            raise ImageError(f"{path.stat().st_size - start} bytes of pixels, wanted {wanted}; the file was cut short")
        pixels: NDArray = np.memmap(path, dtype, "r", start, shape)
    else:
        content = dataset.PixelData
        if len(content) < wanted:
            raise ImageError(f"{len(content)} bytes of pixels, wanted {wanted}; the file was cut short")
        pixels = np.frombuffer(content, dtype, shape[0] * shape[1]).reshape(shape)
    return pixels if dtype.isnative else pixels.astype(dtype.newbyteorder("="))


def _decoder(syntax: str) -> Callable[[bytes], NDArray] | None:
    import imagecodecs

    if syntax in _JPEG_LOSSLESS:
        return imagecodecs.jpeg8_decode
    if syntax in _JPEG_LS:
        return imagecodecs.jpegls_decode
    if syntax in _JPEG_2000:
        return lambda data: imagecodecs.jpeg2k_decode(data, numthreads=2)
    return None
