"""Who an object belongs to and what it is: patient and study from the film, UIDs, series, equipment, dates.

In: the film's header. Out: objects that belong to the film's patient and study, and that are the same whenever and
wherever they are made again: UIDs are name-based (2.25, RFC 4122 version 5) over film, model, settings and what the
object says, and its date is that of the map's file. With `anonymous`, patient and study are the codes of the key's
secret, dates are left empty, and the film is named by a code too.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

import mammomap
from mammomap.errors import ImageError
from mammomap.masks.key import Key
from mammomap.masks.marker import MADE_BY
from mammomap.masks.mg_header import open_header
from mammomap.masks.read import PICTURE_ENDINGS

OBJECTS_FORMAT = 1
"""Goes up when the same results make other objects."""
WARNING = "Research only, not for diagnosis"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "mammomap/dicom_out")
_PATIENT = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDs"),
    *("PatientIdentityRemoved", "DeidentificationMethod"),
)
_STUDY = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
    *("StudyDescription", "PatientAge", "PatientSize", "PatientWeight"),
)
_ALWAYS = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName"),
)
"""Type 2 in every object: present, though perhaps empty."""
_DISPLAY = (
    *("WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "PhotometricInterpretation"),
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "RescaleType"),
)
NUMBERS = {"sc": 9100, "sr": 9200, "seg": 9300, "pm": 9400, "gsps": 9500}
"""Series numbers begin here: behind those of the films."""
_VIEWS = ("RIGHT CC", "LEFT CC", "RIGHT MLO", "LEFT MLO")


@dataclass(frozen=True)
class Source:
    """A film as its objects refer to it."""

    path: Path
    carried: Dataset
    """Patient and study, as every object of the film carries them."""
    reference: Dataset
    """Class, UIDs and size of the film, without patient or pixels."""
    display: Dataset
    """How the film is shown: its window or table, and its polarity."""
    film_uid: str
    """Its true SOP Instance UID."""
    study_uid: str
    """Its true Study Instance UID."""


def uid_of(*told: str) -> UID:
    """A UID that stands for these words: the same words, the same UID."""
    return UID(f"2.25.{uuid.uuid5(_SPACE, chr(0).join(told)).int}")


def read_source(path: Path, instance_uid: str, key: Key, anonymous: bool, woman: str = "") -> Source:
    """The film of a key.

    Raises
    ------
    ImageError
        If the file is a picture, gone, damaged, or not the film that the key means. A key of tables says no UID.
    """
    if path.suffix.lower() in PICTURE_ENDINGS:
        raise ImageError(f"{path.name}: a picture, so it belongs to no study")
    header, _ = open_header(path)
    found = str(header.get("SOPInstanceUID", ""))
    if not found or (instance_uid and found != instance_uid):
        raise ImageError(f"{path.name}: holds film {found or 'without a UID'}, the key means {instance_uid}")
    study_uid = str(header.get("StudyInstanceUID", ""))
    if not study_uid:
        raise ImageError(f"{path.name}: no Study Instance UID, so its results belong nowhere")
    carried, reference, display = Dataset(), Dataset(), Dataset()
    for name in (*_PATIENT, *_STUDY):
        if name in header and (not anonymous or name == "PatientSex"):
            carried[name] = header[name]
    for name in _ALWAYS:
        if name not in carried:
            setattr(carried, name, None)
    for name in _DISPLAY:
        if name in header:
            display[name] = header[name]
    reference.SOPClassUID, reference.SOPInstanceUID = header.SOPClassUID, UID(found)
    reference.StudyInstanceUID, reference.SeriesInstanceUID = UID(study_uid), header.SeriesInstanceUID
    reference.Modality = header.get("Modality", "MG")
    reference.Rows, reference.Columns, reference.SamplesPerPixel = header.Rows, header.Columns, 1
    if (orientation := _orientation(header)) is not None:
        reference.PatientOrientation = orientation
    for name in _ALWAYS:
        setattr(reference, name, None)
    carried.SpecificCharacterSet = header.get("SpecificCharacterSet") or "ISO_IR 192"
    carried.StudyInstanceUID = reference.StudyInstanceUID
    if anonymous:
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(reference, name, uid_of("anonymous", key.secret, str(reference[name].value)))
        carried.StudyInstanceUID = reference.StudyInstanceUID
        carried.PatientID = carried.PatientName = woman or key.name("woman", str(header.get("PatientID", "")))
        carried.PatientIdentityRemoved = "YES"
        carried.DeidentificationMethod = "names, numbers and dates left out; UIDs are codes"
        carried.SpecificCharacterSet = "ISO_IR 192"
    return Source(path, carried, reference, display, found, study_uid)


def _orientation(header: Dataset) -> list | None:
    """Patient Orientation where it is one; scanned films may name the view there."""
    value = header.get("PatientOrientation")
    values = [value] if isinstance(value, str) or value is None else list(value)
    if len(values) == 2 and all(text and not set(text) - set("LRAPHF") for text in values):
        return values
    return None


def stamp(
    made: Dataset, source: Source, *, kind: str, uid: UID, what: str, model: str, side: str, view: str, time: float
) -> Dataset:
    """Give an object its patient, study, series, maker, dates and UIDs, whatever it had; returns it.

    what: the kind of result in words, for the series description. time: seconds since 1970.
    """
    for element in source.carried:
        made[element.tag] = element
    where = " ".join(word for word in (side, view) if word)
    number = NUMBERS[kind] + (_VIEWS.index(where) + 1 if where in _VIEWS else 0)
    made.SOPInstanceUID = uid
    made.SeriesInstanceUID = uid_of("series", str(uid))
    made.SeriesNumber, made.InstanceNumber = number, 1
    made.SeriesDescription = f"mammomap {what}{' ' * bool(where)}{where}, {model}"[:64]
    made.Manufacturer, made.ManufacturerModelName = MADE_BY, model[:64]
    made.SoftwareVersions, made.DeviceSerialNumber = software_version(), "none"
    moment = datetime.fromtimestamp(int(time))
    day, clock = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")
    for name, value in {
        **dict.fromkeys(("InstanceCreationDate", "ContentDate", "PresentationCreationDate"), day),
        **dict.fromkeys(("InstanceCreationTime", "ContentTime", "PresentationCreationTime"), clock),
    }.items():
        if name in made:
            setattr(made, name, value)
    for name in ("ContributingEquipmentSequence", "TimezoneOffsetFromUTC"):
        if name in made:
            delattr(made, name)
    syntax = getattr(getattr(made, "file_meta", None), "TransferSyntaxUID", ExplicitVRLittleEndian)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = made.SOPClassUID, uid
    made.file_meta.ImplementationClassUID = uid_of("implementation")
    made.file_meta.ImplementationVersionName = "MAMMOMAP"
    made.preamble = bytes(128)
    return made


def software_version() -> str:
    """The version that stands in every object."""
    return mammomap.__version__


def reference_item(reference: Dataset) -> Dataset:
    """An item that names a film by class and UID."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = reference.SOPClassUID, reference.SOPInstanceUID
    return item


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def uid_in(path: Path) -> str:
    """The SOP Instance UID of a file; empty where it is no DICOM."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
        return str(header.get("SOPInstanceUID", ""))
    except Exception:  # any fault of the file's: it is not ours then
        return ""
