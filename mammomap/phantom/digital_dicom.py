"""A digital phantom film as "Digital Mammography X-Ray Image Storage - For Presentation" (PS3.3 A.27).

In: a `PhantomFilm` with its `exposure`. Out: one DICOM file. MONOCHROME1 files hold the stored values inverted and
mirrored curves; several windows or tables stand in a row, as real machines give them, and the first counts. Patient
Orientation goes by the pixels: A where the breast points to the right. Losslessly compressed on some machines.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from mammomap.phantom.config import PhantomFilm
from mammomap.phantom.dicom import DATE, uid_of
from mammomap.phantom.digital import LUT_BITS, Exposure, Machine, lookup_table

_VIEWS = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
_DOWN = {("LEFT", "CC"): "R", ("RIGHT", "CC"): "L", ("LEFT", "MLO"): "FR", ("RIGHT", "MLO"): "FL"}
"""What lies towards the lower edge: the inner side, and in MLO the feet before it."""
_SYNTAXES = {"plain": ExplicitVRLittleEndian, "rle": RLELossless, "jpeg": JPEGLosslessSV1}
_CURVES = {"NORMAL": (0.0, 1.0), "HARDER": (0.1, 0.8), "SOFTER": (0.0, 1.3)}
"""Shift of the centre, in widths, and factor on the width; the first is how the film is shown."""


def write_digital(film: PhantomFilm, path: Path, stamp: str) -> None:
    """Write the film to `path`; equal stamp and film, equal UIDs."""
    if film.exposure is None:
        raise ValueError(f"{film.image_id} is no digital film")
    dataset = _header(film, stamp)
    _curves(dataset, film.exposure)
    _pixels(dataset, film.exposure)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def _header(film: PhantomFilm, stamp: str) -> Dataset:
    """All but what depends on the stored values."""
    woman, name = film.patient_id, film.image_id
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.ImageType = ["DERIVED", "PRIMARY", ""]
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = UID(uid_of(stamp, name, "instance"))
    dataset.StudyDate = dataset.AcquisitionDate = dataset.ContentDate = DATE
    dataset.StudyTime = dataset.AcquisitionTime = dataset.ContentTime = "000000"
    dataset.AccessionNumber = ""
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = "Phantom"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "drawn, no woman"
    dataset.SeriesDescription = f"{film.side[0]} {film.view}"
    dataset.AnatomicRegionSequence = [_code("76752008", "Breast")]
    dataset.PatientName = dataset.PatientID = woman
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "F"
    dataset.BodyPartExamined = "BREAST"
    dataset.ImagerPixelSpacing = [f"{film.pixel_mm:.8g}"] * 2
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.ViewPosition = film.view
    dataset.DetectorType = "DIRECT"
    dataset.StudyInstanceUID = UID(uid_of(stamp, woman, "study"))
    dataset.SeriesInstanceUID = UID(uid_of(stamp, name, "series"))
    dataset.StudyID = "PHANTOM"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.PatientOrientation = ["A" if film.chest_wall_left else "P", _DOWN[film.side, film.view]]
    dataset.ImageLaterality = film.side[0]
    dataset.BurnedInAnnotation = "NO"
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.BreastImplantPresent = "NO"
    dataset.LossyImageCompression = "00"
    dataset.OrganExposed = "BREAST"
    dataset.AcquisitionContextSequence = []
    view = _code(*_VIEWS[film.view])
    view.ViewModifierCodeSequence = []
    dataset.ViewCodeSequence = [view]
    return dataset


def _curves(dataset: Dataset, exposure: Exposure) -> None:
    """Windows, and tables where the machine has them."""
    machine, top = exposure.machine, (1 << exposure.machine.bits) - 1
    named = {
        name: (round(exposure.centre + shift * exposure.width), max(2, 2 * round(factor * exposure.width / 2)))
        for name, (shift, factor) in _CURVES.items()
    }
    linear = machine.voi == "linear"  # whose middle is half a value below the Window Center
    centres = [centre + (0 if linear else 0.5) for centre, _ in named.values()]
    dataset.WindowCenter = [top + linear - centre if machine.monochrome1 else centre for centre in centres]
    dataset.WindowWidth = [width for _, width in named.values()]
    dataset.WindowCenterWidthExplanation = list(named)
    if not linear:
        dataset.VOILUTFunction = "SIGMOID"
    if machine.voi == "lut":
        dataset.VOILUTSequence = [_table(name, *curve, exposure) for name, curve in named.items()]


def _table(name: str, centre: int, width: int, exposure: Exposure) -> Dataset:
    bits = exposure.machine.bits
    first, entries = lookup_table(centre, width, bits)
    if exposure.machine.monochrome1:
        first = (1 << bits) - first - len(entries)
        entries = (1 << LUT_BITS) - 1 - entries[::-1]
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, LUT_BITS])
    item.LUTExplanation = name
    item.add_new("LUTData", "US", entries.tolist())
    return item


def _pixels(dataset: Dataset, exposure: Exposure) -> None:
    machine, values = exposure.machine, exposure.values
    if machine.monochrome1:
        values = np.uint16((1 << machine.bits) - 1) - values
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if machine.monochrome1 else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if machine.monochrome1 else "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if machine.monochrome1 else -1
    dataset.Rows, dataset.Columns = values.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, machine.bits, machine.bits - 1
    dataset.PixelRepresentation = 0
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = _SYNTAXES[machine.transfer]
    dataset.add_new("PixelData", "OW" if machine.transfer == "plain" else "OB", _encoded(values, machine))
    dataset["PixelData"].is_undefined_length = machine.transfer != "plain"


def _encoded(values: NDArray[np.uint16], machine: Machine) -> bytes:
    if machine.transfer == "jpeg":
        import imagecodecs

        return encapsulate([imagecodecs.jpeg8_encode(values, lossless=True, bitspersample=machine.bits, predictor=1)])
    plain = np.ascontiguousarray(values, "<u2").tobytes()
    if machine.transfer == "rle":
        from rle.utils import encode_pixel_data

        rows, cols = values.shape
        how = {"rows": rows, "columns": cols, "samples_per_pixel": 1, "bits_allocated": 16}
        return encapsulate([encode_pixel_data(plain, byteorder="<", **how)])
    return plain


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item
