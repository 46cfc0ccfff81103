"""What a stored value looks like on a screen: the grey value pipeline of DICOM as one table.

In: a dataset. Out: a table from stored value to uint16, dense tissue bright, with which a film of any size is turned
in one step. Steps (PS3.3 C.11.1, C.11.2, C.8.11.3): Modality LUT or rescale; then the first item of the VOI LUT
Sequence or, without one, the first window (linear, linear exact or sigmoid), over the full 16 bits; then inverted
where the film is MONOCHROME1 or its Presentation LUT Shape is INVERSE, which are two ways to say one thing. Without a
VOI LUT or window the stored values stay as they are (8 bits times 257), moved up where they are signed: intensity
goes by percentiles inside the breast, so a rescale of positive slope changes nothing there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from mammomap.errors import ImageError

_FULL = 65_535


def grey_table(dataset: Dataset) -> NDArray[np.uint16]:
    """For each stored bit pattern `0 .. 2**BitsStored - 1` the grey value; `(2**BitsStored,)` uint16.

    Raises
    ------
    ImageError
        If the film has fewer than 8 or more than 16 bits.
    Exception
        Whatever pydicom raises on a LUT or window that contradicts itself.
    """
    bits = int(dataset.get("BitsStored", 16))
    if not 8 <= bits <= 16:
        raise ImageError(f"{bits} bits stored, wanted 8 to 16")
    top = (1 << bits) - 1
    pattern = np.arange(top + 1)
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    stored = np.where(pattern > top // 2, pattern - top - 1, pattern) if signed else pattern
    if _shown_by_a_rule(dataset):
        grey = _shown(dataset, stored.astype(np.int32), bits, signed)
    else:
        grey = (stored - stored.min()) * (257 if bits == 8 else 1)
        top = int(grey.max())
    if dataset.PhotometricInterpretation == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE":
        grey = (_FULL if _shown_by_a_rule(dataset) else top) - grey
    return grey.astype(np.uint16)


def _shown_by_a_rule(dataset: Dataset) -> bool:
    """Whether the film says how it wants to be shown. Empty elements, as some exports leave them, say nothing."""
    windowed = dataset.get("WindowCenter") not in (None, "") and dataset.get("WindowWidth") not in (None, "")
    return windowed or bool(dataset.get("VOILUTSequence")) or bool(dataset.get("ModalityLUTSequence"))


def _shown(dataset: Dataset, stored: NDArray[np.int32], bits: int, signed: bool) -> NDArray[np.float64]:
    """Grey values over 0 to 65,535 by Modality LUT and the first VOI LUT or window."""
    values = apply_modality_lut(stored, dataset)
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    low, high = sorted((low * slope + intercept, high * slope + intercept))
    if dataset.get("ModalityLUTSequence"):
        low, high = 0, (1 << int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])) - 1
    if dataset.get("VOILUTSequence"):
        shown = apply_voi_lut(values.astype(np.int64), dataset, index=0, prefer_lut=True)
        low, high = 0, (1 << int(dataset.VOILUTSequence[0].LUTDescriptor[2])) - 1
    elif dataset.get("WindowCenter") not in (None, ""):
        shown = apply_voi_lut(values, dataset, index=0)
    else:
        shown = values
    return np.clip(np.rint((np.asarray(shown, np.float64) - low) * (_FULL / (high - low))), 0, _FULL)
