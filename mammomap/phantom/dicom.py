"""One phantom film as DICOM series, the way CBIS-DDSM holds them: full mammogram, and a mask and a crop per lesion.

In: a `PhantomFilm` and where to put it. Out: folders `<series name>/<study UID>/<series UID>/00000k.dcm` and rows of
the case description tables. As in the real set: Secondary Capture, modality MG, MONOCHROME2, Implicit VR Little
Endian, no pixel spacing; PatientID is the series' name; a film with masses and calcifications stands in both lists
with a file in each; file order and table columns do not tell mask from crop, only the bits do (8 mask, 16 crop).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from mammomap.phantom.config import PhantomFilm, PhantomLesion

LIST_NAMES = {"mass": "Mass", "calcification": "Calc"}
PART_NAMES = {"train": "Training", "test": "Test"}
_DATE = "20160101"


def write_film(film: PhantomFilm, part: str, folder: Path, stamp: str) -> list[dict[str, str]]:
    """Write all series of one film below `folder`.

    Parameters
    ----------
    part
        train or test.
    stamp
        What makes the UIDs: equal stamp and name, equal UID.

    Returns
    -------
    list of dict
        A row per lesion, keys as in the published tables plus `list` (mass or calcification).
    """
    rows = []
    for kind in LIST_NAMES:
        lesions = [lesion for lesion in film.lesions if lesion.kind == kind]
        if not lesions:
            continue
        name = f"{LIST_NAMES[kind]}-{PART_NAMES[part]}_{film.image_id}"
        image_path = _write(folder, name, 0, "full mammogram images", film, film.image, stamp)
        for lesion in lesions:
            roi = f"{name}_{lesion.abnormality_id}"
            pictures = [
                ("ROI mask images", lesion.mask.astype(np.uint8) * np.uint8(255)),
                ("cropped images", _crop(film.image, lesion.mask)),
            ]
            crop_first = kind == "calcification" or int(_uid(stamp, roi, "order").rsplit(".")[-1]) % 2 == 0
            for number, (description, pixels) in enumerate(reversed(pictures) if crop_first else pictures):
                _write(folder, roi, number, description, film, pixels, stamp)
            rows.append(_row(film, lesion, image_path, _path(roi, 0, stamp), _path(roi, 1, stamp)))
    return rows


def _row(film: PhantomFilm, lesion: PhantomLesion, image_path: str, first: str, second: str) -> dict[str, str]:
    """A row of the tables; which of the two ROI files a column names follows the list, as published."""
    is_mass = lesion.kind == "mass"
    looks = ("mass shape", "mass margins") if is_mass else ("calc type", "calc distribution")
    return {
        "list": lesion.kind,
        "patient_id": film.patient_id,
        "breast_density" if is_mass else "breast density": str(film.density),
        "left or right breast": film.side,
        "image view": film.view,
        "abnormality id": str(lesion.abnormality_id),
        "abnormality type": lesion.kind,
        looks[0]: lesion.plan.shape,
        looks[1]: lesion.plan.margins,
        "assessment": str(lesion.assessment),
        "pathology": lesion.pathology,
        "subtlety": str(lesion.subtlety),
        "image file path": image_path,
        "cropped image file path": first if is_mass else second + "\n",
        "ROI mask file path": second + "\n" if is_mass else first,
    }


def _crop(image: NDArray[np.uint16], mask: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """The lesion's bounds with a margin of a fifth, stretched to the full range on its own."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = 2 + (rows[-1] - rows[0] + cols[-1] - cols[0]) // 10
    crop = image[
        max(0, rows[0] - margin) : rows[-1] + margin + 1, max(0, cols[0] - margin) : cols[-1] + margin + 1
    ].astype(np.float64)
    low, high = crop.min(), crop.max()
    return np.rint((crop - low) / max(high - low, 1) * 65535).astype(np.uint16)


def _uid(stamp: str, *names: str) -> str:
    """A UID under 2.25 (a UUID as a decimal number, 128 bits of a hash)."""
    digest = hashlib.sha256("/".join((stamp, *names)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _path(name: str, number: int, stamp: str) -> str:
    return f"{name}/{_uid(stamp, name, 'study')}/{_uid(stamp, name, 'series')}/{number:06d}.dcm"


def _write(
    folder: Path, name: str, number: int, description: str, film: PhantomFilm, pixels: NDArray, stamp: str
) -> str:
    """Write one file; gives its path below `folder`."""
    relative = _path(name, number, stamp)
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    bits = pixels.dtype.itemsize * 8
    instance = UID(_uid(stamp, name, f"instance {number}"))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = instance
    dataset.StudyDate = _DATE
    dataset.ContentDate = _DATE
    dataset.StudyTime = "000000"
    dataset.AccessionNumber = ""
    dataset.Modality = "MG"
    dataset.ConversionType = "WSD"
    dataset.Manufacturer = "mammomap phantom"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "drawn, no woman"
    dataset.SeriesDescription = description
    dataset.PatientName = name
    dataset.PatientID = name
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.BodyPartExamined = "BREAST"
    dataset.StudyInstanceUID = UID(_uid(stamp, name, "study"))
    dataset.SeriesInstanceUID = UID(_uid(stamp, name, "series"))
    dataset.StudyID = "PHANTOM"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = 1
    dataset.PatientOrientation = film.view
    dataset.Laterality = film.side[0]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.SmallestImagePixelValue = int(pixels.min())
    dataset.LargestImagePixelValue = int(pixels.max())
    data = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset.save_as(path, enforce_file_format=True)
    return relative
