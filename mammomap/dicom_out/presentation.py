"""GSPS: a presentation state that lays the findings' outlines over the film, in viewers that apply one.

In: a film's result. Out: a Grayscale Softcopy Presentation State for the one film: a closed POLYLINE a finding with
its score beside it, and the warning at the upper edge. Window, VOI LUT and polarity are the film's own, so that it
looks as it did. Graphic points count as SCOORD does: the pixel (row, col) is (col + 0.5, row + 0.5).
"""

from __future__ import annotations

from highdicom import PresentationLUTTransformation
from highdicom.color import CIELabColor
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from mammomap.dicom_out.findings import About, FilmResult, Finding, in_dicom
from mammomap.dicom_out.identity import WARNING, Source, uid_of
from mammomap.dicom_out.segmentation import segment_label


def presentation_state(result: FilmResult, about: About, source: Source, tracking: list[str], note: str) -> Dataset:
    """The object, not stamped yet; `result` has a finding at least."""
    rows, cols = result.size
    layer = GraphicLayer("LESIONS", 1, f"mammomap {about.model}"[:64], CIELabColor(90, -20, 60))
    outlines = [
        GraphicObject(
            "POLYLINE",
            in_dicom(finding.outline),
            "PIXEL",
            tracking_id=f"candidate {finding.number}",
            tracking_uid=uid,
        )
        for finding, uid in zip(result.findings, tracking, strict=True)
    ]
    texts = [
        TextObject(segment_label(finding), "PIXEL", anchor_point=_beside(finding, cols)) for finding in result.findings
    ]
    texts.append(TextObject(WARNING, "PIXEL", bounding_box=(0.0, 0.0, float(cols), max(1.0, 0.04 * rows))))
    polarity = "INVERSE" if source.display.get("PhotometricInterpretation") == "MONOCHROME1" else "IDENTITY"
    made = GrayscaleSoftcopyPresentationState(
        [source.reference],
        series_instance_uid=uid_of("later"),
        series_number=1,
        sop_instance_uid=uid_of("later"),
        instance_number=1,
        manufacturer="later",
        manufacturer_model_name="later",
        software_versions="later",
        device_serial_number="later",
        content_label="LESIONS",
        content_description=note or WARNING,
        graphic_annotations=[
            GraphicAnnotation([source.reference], layer, graphic_objects=outlines, text_objects=texts)
        ],
        graphic_layers=[layer],
        presentation_lut_transformation=PresentationLUTTransformation(polarity),
    )
    made.Laterality = result.side[:1]
    _show_as(made, source.display)
    return made


def _show_as(made: Dataset, display: Dataset) -> None:
    """The film's Modality LUT or rescale and the first of its VOI LUTs or else windows, as `read_film` takes them."""
    for name in ("ModalityLUTSequence", "RescaleIntercept", "RescaleSlope", "RescaleType"):
        if name in display:
            made[name] = display[name]
    if "RescaleSlope" in made and "RescaleType" not in made:
        made.RescaleType = "US"
    voi = Dataset()
    if display.get("VOILUTSequence"):
        voi.VOILUTSequence = [display.VOILUTSequence[0]]
    elif all(display.get(name) not in (None, "") for name in ("WindowCenter", "WindowWidth")):
        for name in ("WindowCenter", "WindowWidth"):
            value = display[name].value
            setattr(voi, name, value[0] if isinstance(value, MultiValue) else value)
        if "VOILUTFunction" in display:
            voi.VOILUTFunction = display.VOILUTFunction
    if len(voi):
        made.SoftcopyVOILUTSequence = [voi]


def _beside(finding: Finding, cols: int) -> tuple[float, float]:
    row0, col0, _, col1 = finding.window
    return (float(col1), float(row0)) if col1 < 0.85 * cols else (float(col0), float(row0))
