"""What the header of a DICOM mammogram says: whose breast, which side and view, how large, and what sets it apart.

In: a file; its pixels are not read. Out: a `Header`, or the reason why it is no film. Codes are those of PS3.16:
views CID 4014, view modifiers CID 4015, each by SNOMED CT and by the older SNOMED RT code. A view that was acquired
once often comes twice, For Processing (raw) and For Presentation: the first is told by Presentation Intent Type
(0008,0068) or else by its SOP class, and `raw_films` says why each such film is not used.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import uid
from pydicom.dataset import Dataset

from mammomap.errors import ImageError
from mammomap.masks.marker import made_by_us
from mammomap.masks.tables import FLAGS

VIEWS = {
    "399162004": "CC",
    "R-10242": "CC",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399260004": "ML",
    "R-10224": "ML",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "399101009": "XCCM",
    "R-1024B": "XCCM",
}
"""View by code, in the short names of CID 4014."""
MODIFIERS = {
    "399209000": "implant displaced",
    "R-102D5": "implant displaced",
    "399163009": "magnification",
    "R-102D6": "magnification",
    "399055006": "spot",
    "R-102D7": "spot",
}
"""Flag by code of a view modifier."""
MAGNIFIED = 1.2
"""An Estimated Radiographic Magnification Factor above this makes a film a magnification view."""
_SPECIMEN = ("127457009", "G-8310")
_TOMOSYNTHESIS = (uid.BreastTomosynthesisImageStorage, *(f"1.2.840.10008.5.1.4.1.1.13.1.{k}" for k in (4, 5)))
"""Slices, and the projections that they are computed from (For Presentation, For Processing)."""
_RAW = uid.DigitalMammographyXRayImageStorageForProcessing
_PROJECTIONS = (uid.DigitalMammographyXRayImageStorageForPresentation, _RAW)
_SIDES = {"L": "LEFT", "R": "RIGHT"}


@dataclass(frozen=True)
class Header:
    """One film, as its header describes it."""

    path: Path
    instance_uid: str
    series_uid: str
    study_uid: str
    patient_id: str
    side: str
    """LEFT, RIGHT, or empty where the header does not say."""
    view: str
    """A short name of CID 4014; empty where the header does not say."""
    flags: tuple[str, ...]
    """Of `tables.FLAGS`, in that order."""
    rows: int
    cols: int
    spacing_mm: float | None
    """Of the detector, not of the breast: a magnified film shows things larger by its factor."""
    raw: bool
    """For Processing."""
    acquired: str
    """Date and time of the acquisition; empty where the header does not say."""
    sources: tuple[str, ...]
    """SOP Instance UIDs of the images that it was made from."""
    imaging: str
    """film: a digitised film; digital: a digital mammogram; empty where the header does not say."""


def read_header(path: Path) -> Header:
    """The header of a film, raw ones too.

    Raises
    ------
    ImageError
        If the file is no DICOM, or its header says that it is no film that can be read.
    """
    dataset, pixels = open_header(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers
        try:
            reason = refusal(dataset) if pixels else "holds no pixels; not an image, or cut short"
            if not reason:
                return _header(path, dataset)
        except Exception as error:  # a damaged value can fail in many ways, all of them the file's
            reason = f"DICOM header cannot be read ({_first_line(error)})"
    raise ImageError(f"{path.name}: {reason}")


def read_shown(path: Path) -> Header:
    """The header of a film that can be used: of one that is not raw.

    Raises
    ------
    ImageError
        As `read_header`, and if the film is For Processing.
    """
    header = read_header(path)
    if header.raw:
        raise ImageError(f"{path.name}: a FOR PROCESSING image, wanted its FOR PRESENTATION twin")
    return header


def open_header(path: Path) -> tuple[Dataset, bool]:
    """The elements before the pixels, and whether pixels follow.

    Raises
    ------
    ImageError
        If the file is absent, no DICOM, or damaged.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values in headers we do not use
        try:
            with path.open("rb") as file:
                dataset = pydicom.dcmread(file, stop_before_pixels=True)
                here = file.tell()
            deflated = dataset.file_meta.get("TransferSyntaxUID") == uid.DeflatedExplicitVRLittleEndian
            return dataset, deflated or here < path.stat().st_size
        except OSError as error:
            raise ImageError(f"{path.name}: cannot be opened ({error.strerror})") from None
        except InvalidDicomError:
            raise ImageError(f"{path.name}: not a DICOM file") from None
        except Exception as error:
            raise ImageError(f"{path.name}: DICOM header cannot be read ({_first_line(error)})") from None


def refusal(dataset: Dataset) -> str:
    """Why an object with this header is no film; empty where it is one, raw ones included."""
    modality = str(dataset.get("Modality", "") or "") or "none given"
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    channels = int(dataset.get("SamplesPerPixel", 1) or 1)
    photometric = dataset.get("PhotometricInterpretation")
    if made_by_us(dataset):
        return "made by mammomap itself, so left alone"
    if modality != "MG":
        return f"modality {modality}, wanted MG (mammography)"
    if dataset.get("SOPClassUID") in _TOMOSYNTHESIS:
        return f"tomosynthesis ({frames} frames), wanted one film; tomosynthesis is not read"
    if frames != 1:
        return f"{frames} frames, wanted one film (tomosynthesis is not read)"
    if channels != 1:
        return f"{channels} channels, wanted 1; export as MONOCHROME2"
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        return f"{photometric}, wanted MONOCHROME1 or MONOCHROME2"
    return ""


def is_raw(dataset: Dataset) -> bool:
    """Whether the image is For Processing: by its intent, or where it has none by its SOP class."""
    intent = str(dataset.get("PresentationIntentType", "") or "")
    return intent == "FOR PROCESSING" or (not intent and dataset.get("SOPClassUID") == _RAW)


def raw_films(films: Sequence[Header]) -> dict[Path, str]:
    """Why each For Processing film among `films` is not used: another file shows the same exposure, or none does.

    Two files show one exposure if one names the other as its source; or if woman, study, side, view and flags are the
    same, and so is the time of acquisition where both tell it.
    """
    reasons = {}
    shown = [film for film in films if not film.raw]
    for film in films:
        if film.raw:
            twin = next((other.path.name for other in shown if _one_exposure(film, other)), None)
            reasons[film.path] = (
                f"a FOR PROCESSING image; its FOR PRESENTATION twin {twin} is used"
                if twin
                else "a FOR PROCESSING image, wanted its FOR PRESENTATION twin, which is not here"
            )
    return reasons


def _one_exposure(raw: Header, shown: Header) -> bool:
    if raw.instance_uid in shown.sources:
        return True
    same = [(h.patient_id, h.study_uid, h.side, h.view, h.flags) for h in (raw, shown)]
    return same[0] == same[1] and (raw.acquired == shown.acquired or not (raw.acquired and shown.acquired))


def _header(path: Path, dataset: Dataset) -> Header:
    return Header(
        path=path,
        instance_uid=_text(dataset, "SOPInstanceUID"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        patient_id=_text(dataset, "PatientID"),
        side=_SIDES.get(_laterality(dataset), ""),
        view=_view(dataset),
        flags=_flags(dataset),
        rows=int(dataset.Rows),
        cols=int(dataset.Columns),
        spacing_mm=_spacing(dataset),
        raw=is_raw(dataset),
        acquired=_text(dataset, "AcquisitionDateTime")
        or (_text(dataset, "AcquisitionDate") + _text(dataset, "AcquisitionTime")),
        sources=tuple(
            text
            for item in dataset.get("SourceImageSequence") or ()
            if (text := _text(item, "ReferencedSOPInstanceUID"))
        ),
        imaging=_imaging(dataset),
    )


def _text(dataset: Dataset, name: str) -> str:
    return str(dataset.get(name, "") or "").strip()


def _imaging(dataset: Dataset) -> str:
    """By SOP class; by Conversion Type, film digitiser, where the image is a copy (Secondary Capture), as CBIS-DDSM's
    are, which say workstation."""
    sop_class = dataset.get("SOPClassUID")
    if sop_class in _PROJECTIONS:
        return "digital"
    return "film" if sop_class == uid.SecondaryCaptureImageStorage else ""


def _laterality(dataset: Dataset) -> str:
    """Image Laterality, Frame Laterality of a single frame, or Laterality of the series."""
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    frame = (shared.get("FrameAnatomySequence") or [Dataset()])[0]
    return _text(dataset, "ImageLaterality") or _text(frame, "FrameLaterality") or _text(dataset, "Laterality")


def _codes(items: Sequence[Dataset] | None) -> list[str]:
    return [_text(item, "CodeValue") for item in items or ()]


def _view(dataset: Dataset) -> str:
    codes = _codes(dataset.get("ViewCodeSequence"))
    if any(code in _SPECIMEN for code in codes):
        return ""
    said = _text(dataset, "ViewPosition").upper()
    return next((VIEWS[code] for code in codes if code in VIEWS), said if said in VIEWS.values() else "")


def _flags(dataset: Dataset) -> tuple[str, ...]:
    views = dataset.get("ViewCodeSequence") or ()
    modifiers = [code for view in views for code in _codes(view.get("ViewModifierCodeSequence"))]
    found = {MODIFIERS[code] for code in modifiers if code in MODIFIERS}
    if _text(dataset, "BreastImplantPresent").upper() == "YES":
        found.add("implant")
    if float(dataset.get("EstimatedRadiographicMagnificationFactor") or 1) > MAGNIFIED:
        found.add("magnification")
    return tuple(flag for flag in FLAGS if flag in found)


def _spacing(dataset: Dataset) -> float | None:
    """Imager Pixel Spacing; Pixel Spacing only where the image is no projection but a copy, such as a scanned film.
    Nothing where the pixels are not square."""
    values = dataset.get("ImagerPixelSpacing")
    if not values and dataset.get("SOPClassUID") not in _PROJECTIONS:
        values = dataset.get("PixelSpacing")
    if not values or len(values) != 2:
        return None
    down, across = (float(value) for value in values)
    return down if down > 0 and abs(down - across) <= 0.01 * down else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
