"""SEG: one binary segment a finding, on the pixels of its one source film.

In: a film's result. Out: a Segmentation Storage object, a frame and a segment a finding, best first. There is no Frame
of Reference, as mammograms have none: the pixels are those of the film that Source Image Sequence names. A segment
carries the finding's tracking UID, and says AUTOMATIC: an answer of a machine, which `index` does not take for truth.
"""

from __future__ import annotations

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from mammomap.dicom_out.findings import About, FilmResult, Finding
from mammomap.dicom_out.identity import Source, reference_item, software_version, uid_of

KIND_CODES = {"mass": codes.SCT.Mass, "calcification": codes.SCT.CalcificationCluster}


def segmentation(result: FilmResult, about: About, source: Source, tracking: list[str], note: str) -> Dataset:
    """The object, not stamped yet; `result` has a finding at least. tracking: a UID a finding. note: 64 characters."""
    algorithm = AlgorithmIdentificationSequence(
        name=f"mammomap {about.model}"[:64], family=codes.DCM.ArtificialIntelligence, version=software_version()
    )
    described = [
        SegmentDescription(
            finding.number,
            segment_label(finding),
            codes.SCT.MorphologicallyAbnormalStructure,
            finding_type(about),
            SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm,
            tracking_uid=uid,
            tracking_id=f"candidate {finding.number}",
            anatomic_regions=[codes.SCT.Breast],
        )
        for finding, uid in zip(result.findings, tracking, strict=True)
    ]
    stack = np.stack([finding.on_film(result.size) for finding in result.findings], axis=-1)[None].astype(np.uint8)
    made = Segmentation(
        [source.reference],
        stack,
        SegmentationTypeValues.BINARY,
        described,
        series_instance_uid=uid_of("later"),
        series_number=1,
        sop_instance_uid=uid_of("later"),
        instance_number=1,
        manufacturer="later",
        manufacturer_model_name="later",
        software_versions="later",
        device_serial_number="later",
        content_label="LESIONS",
        content_description=note or None,
    )
    made.PatientOrientation = source.reference.get("PatientOrientation", "")
    made.SourceImageSequence = [reference_item(source.reference)]
    _same_dimensions(made, source)
    return made


def finding_type(about: About):
    """The code of what the model marks: its one kind of lesion, or a lesion where it knows several."""
    return KIND_CODES[about.kinds[0]] if len(about.kinds) == 1 and about.kinds[0] in KIND_CODES else codes.SCT.Lesion


def segment_label(finding: Finding) -> str:
    """Number and score, which is no probability."""
    return f"candidate {finding.number}, score {finding.score:.2f}"


def _same_dimensions(made: Dataset, source: Source) -> None:
    """highdicom draws the UID of the dimensions at random; ours is the film's, so that bytes repeat."""
    uid = uid_of("dimensions", str(source.reference.SOPInstanceUID))
    items = [*made.DimensionOrganizationSequence, *made.DimensionIndexSequence]
    for item in items:
        if "DimensionOrganizationUID" in item:
            item.DimensionOrganizationUID = uid
