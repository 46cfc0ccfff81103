"""Small DICOM films and segmentations for the tests of readers, written field by field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence

VIEW_CODES = {"CC": "399162004", "MLO": "399368009", "ML": "399260004"}


def code(value: str, scheme: str = "SCT", meaning: str = "x") -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def film(
    pixels: np.ndarray,
    patient: str = "W1",
    side: str = "L",
    view: str = "CC",
    *,
    modifiers: tuple[Dataset, ...] = (),
    raw: bool = False,
    **changes,
) -> FileDataset:
    """A For Presentation film (For Processing with `raw`) of uint16 pixels; `changes` set or, with None, remove."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    shown, processing = (
        uid.DigitalMammographyXRayImageStorageForPresentation,
        uid.DigitalMammographyXRayImageStorageForProcessing,
    )
    meta.MediaStorageSOPClassUID = processing if raw else shown
    meta.MediaStorageSOPInstanceUID = uid.generate_uid()
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    made.Modality, made.Manufacturer = "MG", "Maker"
    made.PresentationIntentType = "FOR PROCESSING" if raw else "FOR PRESENTATION"
    made.PatientID, made.PatientName, made.PatientBirthDate, made.PatientSex = patient, "Drawn^Woman", "", "F"
    made.StudyInstanceUID, made.SeriesInstanceUID = f"1.2.3.{sum(patient.encode())}", uid.generate_uid()
    made.StudyDate, made.StudyTime, made.StudyID, made.AccessionNumber = "20200101", "000000", "1", ""
    made.ReferringPhysicianName, made.SeriesNumber, made.InstanceNumber = "", 1, 1
    made.ImageLaterality = side
    seen = code(VIEW_CODES[view])
    seen.ViewModifierCodeSequence = Sequence(modifiers)
    made.ViewCodeSequence = Sequence([seen])
    made.ImagerPixelSpacing, made.BreastImplantPresent = [0.1, 0.1], "NO"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.Rows, made.Columns = pixels.shape
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 16, 15
    made.PixelData = np.ascontiguousarray(pixels, np.uint16).tobytes()
    for name, value in changes.items():
        if value is None:
            delattr(made, name)
        else:
            setattr(made, name, value)
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    return made


def save(made: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)
    return path


def seg(source: Dataset, segments: list[tuple], manufacturer: str = "Maker") -> Dataset:
    """A binary SEG of one film. segments: (mask `(rows, cols)`, label, property type or None, tracking ID or None)."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    described = [
        hd.seg.SegmentDescription(
            number,
            label,
            codes.SCT.MorphologicallyAbnormalStructure,
            kind or codes.SCT.Lesion,
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
            tracking_uid=uid.generate_uid() if tracking else None,
            tracking_id=tracking,
        )
        for number, (_, label, kind, tracking) in enumerate(segments, start=1)
    ]
    stack = np.stack([mask for mask, *_ in segments], axis=-1)[None].astype(np.uint8)
    where = (uid.generate_uid(), 2, uid.generate_uid(), 1, manufacturer, "model", "1", "1")
    return hd.seg.Segmentation([source], stack, hd.seg.SegmentationTypeValues.BINARY, described, *where)
