"""SR: the report of one examination by template TID 1500, findings with their places, films without one too.

In: the results of an examination's films. Out: a Comprehensive SR. A group for each film says how many candidates lie
above the operating point and, where a head has scored it, the image's score. Each finding has its own tracking UID
and two groups: its outline (SCOORD POLYLINE, closed) with scores and area; and the score at its peak (SCOORD POINT).

A number is called a probability only where it was calibrated for these films; every other one has a code of our own
(99MAMMOMAP) whose meaning says score. The standard's "Probability of cancer" is never used. SCOORD counts columns
first, from the outer corner of the first pixel: the pixel (row, col) is the point (col + 0.5, row + 0.5).
"""

from __future__ import annotations

from collections.abc import Sequence

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from mammomap.dicom_out.findings import About, FilmResult, Finding, in_dicom
from mammomap.dicom_out.identity import Source, software_version, uid_of
from mammomap.dicom_out.segmentation import finding_type
from mammomap.masks.marker import MADE_BY

OURS = "99MAMMOMAP"
LESION_SCORE = Code("LESIONSCORE", OURS, "Score of a lesion, 0 to 1, not a probability")
MALIGNANCY_SCORE = Code("MALIGNSCORE", OURS, "Score of malignancy there, 0 to 1, not a probability")
IMAGE_SCORE = Code("IMAGESCORE", OURS, "Score of malignancy of the image, not a probability")
IMAGE_PROBABILITY = Code("IMAGEPROB", OURS, "Calibrated probability of malignancy in the image")
CANDIDATES = Code("CANDIDATES", OURS, "Candidates at or above the threshold")
PIXELS = Code("{pixels}", "UCUM", "pixels of the film")
COUNT = Code("{candidates}", "UCUM", "candidates")
MAMMOGRAPHY = Code("71651007", "SCT", "Mammography")
_SIDES = {"LEFT": codes.SCT.Left, "RIGHT": codes.SCT.Right}


def report(
    films: Sequence[tuple[FilmResult, Source, list[str]]], about: About, former: Sequence[Dataset] = ()
) -> Dataset:
    """The object, not stamped yet. films: result, film, a tracking UID a finding. former: reports that it replaces."""
    groups = []
    for result, source, tracking in films:
        groups.append(_film_group(result, source, about))
        for finding, uid in zip(result.findings, tracking, strict=True):
            groups += _finding_groups(finding, uid, result, source, about)
    observer = sr.ObserverContext(
        codes.DCM.Device,
        sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of("device", about.model), name=MADE_BY, manufacturer_name=MADE_BY, model_name=about.model[:64]
        ),
    )
    content = sr.MeasurementReport(
        sr.ObservationContext(observer_device_context=observer),
        MAMMOGRAPHY,
        groups,
        codes.cid7021.ImagingMeasurementReport,
    )
    return sr.ComprehensiveSR(
        evidence=[source.reference for _, source, _ in films],
        content=content,
        series_instance_uid=uid_of("later"),
        series_number=1,
        sop_instance_uid=uid_of("later"),
        instance_number=1,
        manufacturer=MADE_BY,
        is_complete=True,
        previous_versions=list(former) or None,
    )


def _algorithm(about: About) -> sr.AlgorithmIdentification:
    kinds = ", ".join(about.kinds) or "nothing named"
    told = [f"threshold {about.threshold:.4f} ({about.threshold_from})", f"trained to find: {kinds}"]
    if about.column == "probability" and about.prevalence is not None:
        told.append(f"probability calibrated at a prevalence of {about.prevalence:.3f}")
    told.append("research only, not for diagnosis")
    return sr.AlgorithmIdentification(f"mammomap {about.model}", software_version(), told)


def _site(result: FilmResult) -> list[sr.FindingSite]:
    return [sr.FindingSite(codes.SCT.Breast, _SIDES.get(result.side))]


def _film_group(result: FilmResult, source: Source, about: About) -> sr.MeasurementsAndQualitativeEvaluations:
    numbers = [sr.Measurement(CANDIDATES, len(result.findings), COUNT)]
    if result.image_score is not None:
        name = IMAGE_PROBABILITY if about.column == "probability" else IMAGE_SCORE
        numbers.append(sr.Measurement(name, result.image_score, codes.UCUM.NoUnits))
    where = " ".join(word for word in (result.side, result.view) if word)
    film = source.reference
    return sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(uid_of("film", film.SOPInstanceUID), f"film {where}".strip()),
        algorithm_id=_algorithm(about),
        finding_sites=_site(result),
        measurements=numbers,
        source_images=[sr.SourceImageForMeasurementGroup(film.SOPClassUID, film.SOPInstanceUID)],
    )


def _finding_groups(finding: Finding, uid: str, result: FilmResult, source: Source, about: About) -> list:
    """The region with its numbers (TID 1410), which has room for no second place, and the peak (TID 1501)."""
    film = sr.SourceImageForRegion(source.reference.SOPClassUID, source.reference.SOPInstanceUID)
    peak = sr.CoordinatesForMeasurement("POINT", in_dicom([[finding.row, finding.col]]), film)
    name = f"candidate {finding.number}"
    common = {
        "finding_type": finding_type(about),
        "algorithm_id": _algorithm(about),
        "finding_sites": _site(result),
    }
    region = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(uid, name),
        referenced_region=sr.ImageRegion("POLYLINE", in_dicom(finding.outline), film),
        measurements=[
            sr.Measurement(LESION_SCORE, finding.score, codes.UCUM.NoUnits),
            sr.Measurement(MALIGNANCY_SCORE, finding.malignancy, codes.UCUM.NoUnits),
            sr.Measurement(codes.SCT.Area, *_area(finding, result.spacing_mm)),
        ],
        **common,
    )
    place = sr.MeasurementsAndQualitativeEvaluations(
        sr.TrackingIdentifier(uid, name),
        measurements=[sr.Measurement(LESION_SCORE, finding.score, codes.UCUM.NoUnits, referenced_coordinates=[peak])],
        **common,
    )
    return [region, place]


def _area(finding: Finding, spacing_mm: float | None) -> tuple[float, Code]:
    """In mm2 at the detector where the spacing is known, else in pixels of the film."""
    if spacing_mm is None:
        return float(finding.area_px), PIXELS
    return round(finding.area_px * spacing_mm**2, 3), codes.UCUM.SquareMillimeter
