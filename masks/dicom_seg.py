"""DICOM segmentations: which film each one speaks of, and its segments as layers on that film.

In: SEG files, binary or fractional (fractions of MaximumFractionalValue, whether probability or occupancy). Out:
float32 `(rows, cols)` in [0, 1], in the film's own pixels. A segment labelled `lesion` is the lesion layer; without
one, all segments together are (their maximum). Segments whose label says malignant are the malignancy layer.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.foreign_maps import says_malignant


def read_seg(path: Path, film_uid: str | None) -> dict[str, NDArray[np.float32]]:
    """The layers that a SEG gives one of its films; the only one where `film_uid` is None.

    Raises
    ------
    ImageError
        If the file is no SEG, names no film, or names several and none was asked for.
    """
    seg = open_seg(path)
    sources = [str(uid) for _, _, uid in seg.get_source_image_uids()]
    if film_uid is None and len(sources) != 1:
        raise ImageError(f"{path.name}: speaks of {len(sources)} films, none of them known by its SOP Instance UID")
    stack = segments_on_film(seg, film_uid or sources[0], path.name)
    labels = [str(seg.get_segment_description(number).segment_label) for number in seg.segment_numbers]
    return layers_of_segments(stack, labels)


def layers_of_segments(stack: NDArray[np.float32], labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Layers from segments `(rows, cols, n)` and their labels; no malignancy layer where no label says so."""
    named = [k for k, label in enumerate(labels) if label.strip().lower() == "lesion"]
    malignant = [k for k, label in enumerate(labels) if says_malignant(label)]
    layers = {"lesion": stack[..., named or list(range(len(labels)))].max(axis=-1)}
    if malignant:
        layers["malignancy"] = stack[..., malignant].max(axis=-1)
    return layers


def segments_on_film(seg, film_uid: str, name: str) -> NDArray[np.float32]:
    """All segments of an opened SEG on one film, `(rows, cols, n)` in [0, 1], in the order of their numbers.

    Raises
    ------
    ImageError
        If its frames cannot be read; `name` is the file's.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return seg.get_pixels_by_source_instance(
                [film_uid],
                ignore_spatial_locations=True,
                assert_missing_frames_are_empty=True,
                skip_overlap_checks=True,
                dtype=np.float32,
            )[0]
        except Exception as error:  # any fault of the file's inner order
            raise ImageError(f"{name}: segments cannot be read ({_first_line(error)})") from None


def source_films(path: Path) -> list[str]:
    """SOP Instance UIDs of the films that a SEG speaks of.

    Raises
    ------
    ImageError
        If the file is no SEG.
    """
    return [str(uid) for _, _, uid in open_seg(path).get_source_image_uids()]


def film_uids(paths: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """SOP Instance UID -> image_id for those `(image_id, path)` that are DICOM films."""
    import pydicom

    found = {}
    for image_id, path in paths:
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
            found[str(header.SOPInstanceUID)] = image_id
        except Exception:  # a picture, or a file that lies elsewhere: it has no UID to go by
            continue
    return found


def open_seg(path: Path):
    """The SEG in a file, as highdicom knows it.

    Raises
    ------
    ImageError
        If the file is no SEG.
    """
    import highdicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers we do not use
        try:
            seg = highdicom.seg.segread(path)
        except Exception as error:  # no DICOM, no SEG, or cut short
            raise ImageError(f"{path.name}: not a DICOM segmentation ({_first_line(error)})") from None
    return seg


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
