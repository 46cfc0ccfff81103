"""Parametric Map: both layers of a film's map as 16-bit numbers, on the film's own pixels.

In: a film's result. Out: a Parametric Map Storage object of two frames, lesion and malignancy. Stored values are
65,535 times the map's, and a Real World Value Mapping says so; float pixels would take twice the room for nothing
more. JPEG-LS lossless. highdicom's class cannot do without a Frame of Reference, which mammograms have not, so the
object is put together here (PS3.3 A.75).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, ParametricMapStorage

from mammomap.dicom_out.findings import About, FilmResult
from mammomap.dicom_out.identity import WARNING, Source, code_item, reference_item, uid_of
from mammomap.masks.mapfile import LAYERS, MAP_TOP

QUANTITY = code_item("246205007", "SCT", "Quantity")
OF_LAYER = {
    "lesion": ("LESIONMAP", "Score of any lesion, 0 to 1, not a probability"),
    "malignancy": ("MALIGNMAP", "Score of a malignant lesion, 0 to 1, not a probability"),
}


def parametric_map(result: FilmResult, about: About, source: Source, note: str) -> Dataset:
    """The object, not stamped yet. note: up to 64 characters of content description."""
    frames = np.stack([stored(result, layer) for layer in LAYERS])
    film = reference_item(source.reference)
    film.PurposeOfReferenceCodeSequence = [code_item("121322", "DCM", "Source image for image processing operation")]
    dimensions = uid_of("dimensions", str(source.reference.SOPInstanceUID))
    made = Dataset()
    made.SOPClassUID = ParametricMapStorage
    made.Modality = "OT"
    made.ImageType = ["DERIVED", "PRIMARY", "STATIC", "NONE"]
    made.ContentDate = made.ContentTime = made.InstanceCreationDate = made.InstanceCreationTime = ""
    made.ContentLabel, made.ContentDescription = "LESION_MAP", note or None
    made.ContentCreatorName = None
    made.ContentQualification = "RESEARCH"
    made.RecognizableVisualFeatures, made.BurnedInAnnotation, made.LossyImageCompression = "NO", "NO", "00"
    made.PresentationLUTShape = "IDENTITY"
    made.ImageComments = f"Maps of mammomap {about.model}. {WARNING}."
    made.AcquisitionContextSequence = []
    organization = Dataset()
    organization.DimensionOrganizationUID = dimensions
    made.DimensionOrganizationSequence = [organization]
    made.DimensionIndexSequence = [_dimension(dimensions)]
    made.SharedFunctionalGroupsSequence = [_shared(result, film)]
    made.PerFrameFunctionalGroupsSequence = [_frame(k, layer) for k, layer in enumerate(LAYERS, start=1)]
    made.NumberOfFrames = len(LAYERS)
    made.SourceImageSequence = [film]
    series = Dataset()
    series.SeriesInstanceUID = source.reference.SeriesInstanceUID
    series.ReferencedInstanceSequence = [reference_item(source.reference)]
    made.ReferencedSeriesSequence = [series]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = result.size
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.compress(JPEGLSLossless, frames, encoding_plugin="pyjpegls", generate_instance_uid=False)
    return made


def stored(result: FilmResult, layer: str) -> NDArray[np.uint16]:
    """A layer in the film's own pixels, 65,535 times its value."""
    return np.rint(result.map.on_film(layer) * MAP_TOP).astype(np.uint16)


def _shared(result: FilmResult, film: Dataset) -> Dataset:
    shared, measures, derivation, kind, window = (Dataset() for _ in range(5))
    if result.spacing_mm is not None:
        measures.PixelSpacing = [f"{result.spacing_mm:.8g}"] * 2
    shared.PixelMeasuresSequence = [measures]
    derivation.DerivationCodeSequence = [code_item("110004", "DCM", "Computer Aided Detection")]
    derivation.SourceImageSequence = [film]
    shared.DerivationImageSequence = [derivation]
    kind.FrameType = ["DERIVED", "PRIMARY", "STATIC", "NONE"]
    shared.ParametricMapFrameTypeSequence = [kind]
    window.WindowCenter, window.WindowWidth = f"{(MAP_TOP + 1) / 2:g}", f"{MAP_TOP + 1}"
    window.VOILUTFunction = "LINEAR"
    shared.FrameVOILUTSequence = [window]
    values = Dataset()
    values.RescaleIntercept, values.RescaleSlope, values.RescaleType = "0", "1", "US"
    shared.PixelValueTransformationSequence = [values]
    anatomy = Dataset()
    anatomy.AnatomicRegionSequence = [code_item("76752008", "SCT", "Breast")]
    anatomy.FrameLaterality = result.side[:1] or "U"
    shared.FrameAnatomySequence = [anatomy]
    return shared


def _frame(number: int, layer: str) -> Dataset:
    code, meaning = OF_LAYER[layer]
    frame, content, values, quantity = (Dataset() for _ in range(4))
    content.DimensionIndexValues = [number]
    content.StackID, content.InStackPositionNumber = "1", number
    content.FrameLabel = layer
    frame.FrameContentSequence = [content]
    values.RealWorldValueFirstValueMapped, values.RealWorldValueLastValueMapped = 0, MAP_TOP
    values["RealWorldValueFirstValueMapped"].VR = values["RealWorldValueLastValueMapped"].VR = "US"
    values.RealWorldValueIntercept, values.RealWorldValueSlope = 0.0, 1 / MAP_TOP
    values.LUTExplanation, values.LUTLabel = meaning, layer[:16]
    values.MeasurementUnitsCodeSequence = [code_item("1", "UCUM", "no units")]
    quantity.ValueType = "CODE"
    quantity.ConceptNameCodeSequence = [QUANTITY]
    quantity.ConceptCodeSequence = [code_item(code, "99MAMMOMAP", meaning)]
    values.QuantityDefinitionSequence = [quantity]
    frame.RealWorldValueMappingSequence = [values]
    return frame


def _dimension(uid: str) -> Dataset:
    """Frames differ by their place in a stack."""
    index = Dataset()
    index.DimensionOrganizationUID = uid
    index.DimensionIndexPointer = 0x00209057  # In-Stack Position Number
    index.FunctionalGroupPointer = 0x00209111  # Frame Content Sequence
    index.DimensionDescriptionLabel = "layer"
    return index
