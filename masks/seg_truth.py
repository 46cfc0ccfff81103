"""DICOM segmentations as truth: the segments that people drew on a film, and what each says that it is.

In: a SEG, binary, or fractional by occupancy (half a pixel and more counts). Out: segments on the film's own pixels.
Kind and pathology are what label, description, property type and its modifiers say, in words or by code (SNOMED CT,
SNOMED RT); where they say nothing, or contradict each other, a segment carries the fault. A segment that a machine
made (Segment Algorithm Type AUTOMATIC) is an answer and no truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from mammomap.masks.dicom_seg import open_seg, segments_on_film
from mammomap.masks.label_words import kind_said, pathology_said

KIND_CODES = {
    **dict.fromkeys(("4147007", "M-03000", "129788004", "F-01791", "111459"), "mass"),
    **dict.fromkeys(
        ("129769006", "F-01775", "129770007", "F-01776", "129748009", "F-01760", "309587003", "F-8A057"),
        "calcification",
    ),
}
"""Mass, mammographic breast mass, mass with calcifications; cluster, individual, radiographic, of the breast."""
PATHOLOGY_CODES = {
    **dict.fromkeys(("21594007", "G-A425", "86049000", "M-80003"), "MALIGNANT"),
    **dict.fromkeys(("30807003", "G-A249"), "BENIGN"),
}
"""Malignant, malignant neoplasm; benign."""


@dataclass(frozen=True)
class Segment:
    """One segment on one film."""

    number: int
    label: str
    kind: str
    pathology: str
    tracked: bool
    """It has a Tracking ID, so that all its pieces are one finding."""
    mask: NDArray[np.bool_]
    """(rows, cols) of the segmentation."""
    fault: str
    """Why it is no truth; empty where it is. Kind and pathology may then be empty."""


def read_segments(path: Path, film_uid: str) -> list[Segment]:
    """The segments of a SEG that mark anything on one of its films.

    Raises
    ------
    ImageError
        If the file is no SEG, or its frames cannot be read.
    """
    seg = open_seg(path)
    numbers = list(seg.segment_numbers)
    stack = segments_on_film(seg, film_uid, path.name)
    probability = str(seg.get("SegmentationFractionalType", "") or "") == "PROBABILITY"
    found = [
        _segment(number, seg.get_segment_description(number), stack[..., k] >= 0.5, probability)
        for k, number in enumerate(numbers)
    ]
    return [segment for segment in found if segment.mask.any()]


def _segment(number: int, described: Dataset, mask: NDArray[np.bool_], probability: bool) -> Segment:
    coded = list(described.get("SegmentedPropertyTypeCodeSequence") or ())
    for item in list(coded):
        coded += list(item.get("SegmentedPropertyTypeModifierCodeSequence") or ())
    codes = [str(item.get("CodeValue", "")) for item in coded]
    label = str(described.get("SegmentLabel", ""))
    texts = [label, str(described.get("SegmentDescription", "") or ""), *(str(i.get("CodeMeaning", "")) for i in coded)]
    kinds = {KIND_CODES.get(code) for code in codes} | {kind_said(text) for text in texts}
    pathologies = {PATHOLOGY_CODES.get(code) for code in codes} | {pathology_said(text) for text in texts}
    kind, no_kind = _one(kinds, "mass or calcification")
    pathology, no_pathology = _one(pathologies, "benign or malignant")
    fault = "; ".join(filter(None, (no_kind, no_pathology)))
    if str(described.get("SegmentAlgorithmType", "")) == "AUTOMATIC":
        fault = "a machine made it (AUTOMATIC), so it is no truth"
    elif probability:
        fault = "it gives probabilities, so it is no truth"
    tracked = bool(described.get("TrackingID"))
    return Segment(number, label, kind, pathology, tracked, mask, fault)


def _one(said: set[str | None], wanted: str) -> tuple[str, str]:
    """The one thing that was said, or what is wrong."""
    values = sorted(value for value in said if value)
    if len(values) == 1:
        return values[0], ""
    return "", f"it says {' and '.join(values)}" if values else f"it does not say {wanted}"
