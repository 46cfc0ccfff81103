"""One phantom film as DICOM series, the way CBIS-DDSM holds them: full mammogram, and a mask and a crop per lesion.

In: a `PhantomFilm` and where to put it. Out: folders `<series name>/<study UID>/<series UID>/00000k.dcm` and rows of
the case description tables. As in the real set: Secondary Capture, modality MG, MONOCHROME2, Implicit VR Little
Endian, no pixel spacing; PatientID is the series' name; a film with masses and calcifications stands in both lists
with a file in each; file order and table columns do not tell mask from crop, only the bits do (8 mask, 16 crop).
Traps (`TRAPS`) make single films odder still.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from mammomap.masks.mask_fit import SMALL
from mammomap.phantom.config import PhantomFilm, PhantomLesion

LIST_NAMES = {"mass": "Mass", "calcification": "Calc"}
PART_NAMES = {"train": "Training", "test": "Test"}
UNFIT = (1.014, 1.0105)
"""Mask over film, down and across, where no rule fits: as in one calcification of the real set."""
DATE = "20160101"


def write_film(
    film: PhantomFilm, parts: Mapping[str, str], folder: Path, stamp: str, traps: frozenset[str] = frozenset()
) -> list[dict[str, str]]:
    """Write all series of one film below `folder`.

    Parameters
    ----------
    parts
        train or test, for each kind of lesion.
    stamp
        What makes the UIDs: equal stamp and name, equal UID.
    traps
        Names from `TRAPS` that hit this film.

    Returns
    -------
    list of dict
        A row per lesion, keys as in the published tables plus `list` (mass or calcification) and `part`.
    """
    rows = []
    for kind in LIST_NAMES:
        lesions = [lesion for lesion in film.lesions if lesion.kind == kind]
        if not lesions:
            continue
        odd = traps if kind == "calcification" else traps - {"odd-headers", "dcm-folders"}
        name = f"{LIST_NAMES[kind]}-{PART_NAMES[parts[kind]]}_{film.image_id}"
        image = _File(name, "full mammogram images", film.image)
        _write(folder, film, image, stamp, odd)
        for lesion in lesions:
            rows.append(
                {"list": kind, "part": parts[kind]}
                | _row(film, lesion)
                | {"image file path": image.path(stamp)}
                | _write_roi(folder, film, lesion, f"{name}_{lesion.abnormality_id}", stamp, odd)
            )
    return rows


@dataclass(frozen=True)
class _File:
    """A file of the set before it is written."""

    name: str
    """Of its series, e.g. `Mass-Training_P_00001_LEFT_CC_1`."""
    description: str
    pixels: NDArray
    number: int = 0
    """Place within its series."""
    series: int = 1
    """2 for the second series of one name."""

    def uid(self, stamp: str, what: str) -> str:
        return uid_of(stamp, self.name, what if self.series == 1 else f"{what} {self.series}")

    def path(self, stamp: str) -> str:
        """As the lists name it."""
        return f"{self.name}/{self.uid(stamp, 'study')}/{self.uid(stamp, 'series')}/{self.number:06d}.dcm"


def _write_roi(
    folder: Path, film: PhantomFilm, lesion: PhantomLesion, name: str, stamp: str, traps: frozenset[str]
) -> dict[str, str]:
    """Write mask and crop of a lesion; gives the two columns that name them, with the newline that each row has.

    In one series the crop comes first for calcifications and for half of the masses, and which file a column names
    follows the list, as published. In two series the columns are right.
    """
    mask = lesion.mask.astype(np.uint8) * np.uint8(255)
    is_mass, swapped = lesion.kind == "mass", "swapped" in traps
    if is_mass and "small-masks" in traps:
        mask = _resize(mask, SMALL, SMALL)
    if not is_mass and "unfit-masks" in traps:
        mask = _resize(mask, *UNFIT)
    pictures = [("ROI mask images", mask), ("cropped images", _crop(film.image, lesion.mask))]
    if "two-series" in traps:
        second, first = (_File(name, *picture, series=k) for k, picture in enumerate(pictures, start=1))
        in_crop_column = second if swapped else first
    else:
        crop_first = not is_mass or int(uid_of(stamp, name, "order").rsplit(".")[-1]) % 2 == 0
        ordered = reversed(pictures) if crop_first != swapped else pictures
        first, second = (_File(name, *picture, number=k) for k, picture in enumerate(ordered))
        in_crop_column = first if is_mass else second
    in_mask_column = second if in_crop_column is first else first
    for file in (first, second):
        _write(folder, film, file, stamp, traps)
    return {
        "cropped image file path": in_crop_column.path(stamp) + ("" if is_mass else "\n"),
        "ROI mask file path": in_mask_column.path(stamp) + ("\n" if is_mass else ""),
    }


def _row(film: PhantomFilm, lesion: PhantomLesion) -> dict[str, str]:
    """A row of the tables without its paths."""
    is_mass = lesion.kind == "mass"
    looks = ("mass shape", "mass margins") if is_mass else ("calc type", "calc distribution")
    return {
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
    }


def _resize(mask: NDArray[np.uint8], down: float, across: float) -> NDArray[np.uint8]:
    size = round(across * mask.shape[1]), round(down * mask.shape[0])
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


def _crop(image: NDArray[np.uint16], mask: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """The lesion's bounds with a margin of a fifth, stretched to the full range on its own."""
    rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = 2 + (rows[-1] - rows[0] + cols[-1] - cols[0]) // 10
    crop = image[
        max(0, rows[0] - margin) : rows[-1] + margin + 1, max(0, cols[0] - margin) : cols[-1] + margin + 1
    ].astype(np.float64)
    low, high = crop.min(), crop.max()
    return np.rint((crop - low) / max(high - low, 1) * 65535).astype(np.uint16)


def uid_of(stamp: str, *names: str) -> str:
    """A UID under 2.25 (a UUID as a decimal number, 128 bits of a hash)."""
    digest = hashlib.sha256("/".join((stamp, *names)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _write(folder: Path, film: PhantomFilm, file: _File, stamp: str, traps: frozenset[str]) -> None:
    """Write one file below `folder`, at its path but for a folder whose name ends in `.dcm`."""
    odd_name = file.name[file.name.index("P_") :] + ".dcm"
    odd = "odd-headers" in traps and file.description != "cropped images"
    relative = Path(file.path(stamp))
    path = folder / (odd_name if "dcm-folders" in traps else file.name) / Path(*relative.parts[1:])
    uids = [file.uid(stamp, what) for what in ("study", "series", f"instance {file.number}")]
    dataset = scanned(film, file.pixels, odd_name if odd else file.name, uids)
    dataset.SeriesDescription = "" if odd else file.description
    if odd:  # no code string, as in the real set
        body_part = f"{film.side.title()} Breast"
        dataset["BodyPartExamined"] = DataElement("BodyPartExamined", "CS", body_part, validation_mode=IGNORE)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def scanned(film: PhantomFilm, pixels: NDArray, patient_id: str, uids: Sequence[str]) -> Dataset:
    """Pixels of a digitised film, uint8 or uint16, as Secondary Capture; `uids` of study, series and instance."""
    bits = pixels.dtype.itemsize * 8
    study, series, instance = (UID(uid) for uid in uids)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset = Dataset()
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = instance
    dataset.StudyDate = DATE
    dataset.ContentDate = DATE
    dataset.StudyTime = "000000"
    dataset.AccessionNumber = ""
    dataset.Modality = "MG"
    dataset.ConversionType = "WSD"
    dataset.Manufacturer = "mammomap phantom"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = "drawn, no woman"
    dataset.SeriesDescription = ""
    dataset.PatientName = patient_id
    dataset.PatientID = patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.BodyPartExamined = "BREAST"
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = series
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
    return dataset
