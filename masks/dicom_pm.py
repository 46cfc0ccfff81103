"""DICOM Parametric Maps: which film each one speaks of, and its frames as layers on that film.

In: a Parametric Map of integers with a Real World Value Mapping, or of floats; of one film. Out: float32
`(rows, cols)` in the file's own pixels, as real-world values. A frame whose label says malignant is the malignancy
layer; one labelled `lesion` is the lesion layer; without that one, all frames together are (their maximum).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.dicom_seg import layers_of_segments

if TYPE_CHECKING:  # the referee imports this module and may do without DICOM
    from pydicom.dataset import Dataset

PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
"""SOP class: Parametric Map Storage."""


def is_parametric_map(path: Path) -> bool:
    """Whether a file is one, by its SOP class; False for what is no DICOM."""
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
    except Exception:  # no DICOM, or cut short: another reader will say so
        return False
    return header.get("SOPClassUID") == PARAMETRIC_MAP


def map_source_films(path: Path) -> list[str]:
    """SOP Instance UIDs of the films that a Parametric Map was made from.

    Raises
    ------
    ImageError
        If the file is none.
    """
    return _sources(_open(path, pixels=False))


def read_parametric_map(path: Path) -> dict[str, NDArray[np.float32]]:
    """The layers of a Parametric Map.

    Raises
    ------
    ImageError
        If the file is none, speaks of several films, or its values have no real-world meaning.
    """
    made = _open(path, pixels=True)
    if len(films := _sources(made)) > 1:
        raise ImageError(f"{path.name}: speaks of {len(films)} films, wanted one file a film")
    try:
        frames = np.asarray(made.pixel_array)
        frames = frames[None] if frames.ndim == 2 else frames
        groups = list(made.get("PerFrameFunctionalGroupsSequence") or [{}] * len(frames))
        shared = (made.get("SharedFunctionalGroupsSequence") or [{}])[0]
        values, labels = [], []
        for stored, own in zip(frames, groups, strict=True):
            mapping = (
                own.get("RealWorldValueMappingSequence") or shared.get("RealWorldValueMappingSequence") or [None]
            )[0]
            if mapping is None and stored.dtype.kind != "f":
                raise ImageError(
                    f"{path.name}: integers without a Real World Value Mapping, so nothing says what they are"
                )
            values.append(stored.astype(np.float32) if mapping is None else _real(stored, mapping))
            labels.append(_label(own, mapping))
    except ImageError:
        raise
    except Exception as error:  # any fault of the file's inner order
        raise ImageError(f"{path.name}: frames cannot be read ({str(error)[:100]})") from None
    return layers_of_segments(np.stack(values, axis=-1), labels)


def _open(path: Path, *, pixels: bool) -> Dataset:
    import pydicom

    try:
        made = pydicom.dcmread(path, stop_before_pixels=not pixels)
    except Exception as error:  # no DICOM, or cut short
        raise ImageError(f"{path.name}: not a Parametric Map ({str(error)[:100]})") from None
    if made.get("SOPClassUID") != PARAMETRIC_MAP:
        raise ImageError(f"{path.name}: not a Parametric Map, but {made.get('Modality') or 'of no modality'}")
    return made


def _real(stored: NDArray, mapping: Dataset) -> NDArray[np.float32]:
    """Real-world values by a table or a straight line (PS3.3 C.7.6.16.2.11)."""
    if "RealWorldValueLUTData" in mapping:
        table = np.asarray(mapping.RealWorldValueLUTData, np.float64)
        return table[stored.astype(np.int64) - int(mapping.RealWorldValueFirstValueMapped)].astype(np.float32)
    slope, intercept = float(mapping.RealWorldValueSlope), float(mapping.RealWorldValueIntercept)
    return (stored * slope + intercept).astype(np.float32)


def _label(own: Dataset | dict, mapping: Dataset | None) -> str:
    """What a frame is called: its own label, or that of its mapping."""
    content = (own.get("FrameContentSequence") or [{}])[0]
    label = str(content.get("FrameLabel", "") or "")
    return label or ("" if mapping is None else str(mapping.get("LUTLabel", "") or ""))


def _sources(made: Dataset) -> list[str]:
    groups = [
        *(made.get("SharedFunctionalGroupsSequence") or ()),
        *(made.get("PerFrameFunctionalGroupsSequence") or ()),
    ]
    derived = (item for group in groups for item in group.get("DerivationImageSequence") or ())
    return list(dict.fromkeys(_named(made) + [uid for item in derived for uid in _named(item)]))


def _named(item: Dataset) -> list[str]:
    films: Iterable[Dataset] = item.get("SourceImageSequence") or ()
    return [str(film.ReferencedSOPInstanceUID) for film in films if "ReferencedSOPInstanceUID" in film]
