"""Headers of mammograms: view, side, flags, raw films and their twins, and what is no film."""

from pathlib import Path

import numpy as np
import pytest
from made.dicom_films import code, film, save
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr import _cid_dict, _concepts_dict, _snomed_dict

from mammomap.errors import ImageError
from mammomap.masks.marker import MADE_BY
from mammomap.masks.mg_header import MODIFIERS, VIEWS, Header, raw_films, read_header
from mammomap.masks.read import read_film

PIXELS = np.arange(48, dtype=np.uint16).reshape(8, 6)


def header(folder: Path, **changes) -> Header:
    return read_header(save(film(PIXELS, **changes), folder / "film"))


def test_a_film_by_hand(tmp_path: Path) -> None:
    found = header(tmp_path, patient="W7", side="R", view="MLO", AcquisitionDate="20200102", AcquisitionTime="101112")
    assert (found.patient_id, found.side, found.view, found.flags) == ("W7", "RIGHT", "MLO", ())
    assert (found.rows, found.cols, found.spacing_mm, found.raw) == (8, 6, 0.1, False)
    assert found.acquired == "20200102101112"


def test_the_codes_are_those_that_pydicom_knows_by_these_names() -> None:
    """CIDs 4014 and 4015 of PS3.16, by their other copy in pydicom."""
    short = {
        "CranioCaudal": "CC",
        "MedioLateralOblique": "MLO",
        "MedioLateral": "ML",
        "LateroMedial": "LM",
        "LateroMedialOblique": "LMO",
        "CaudoCranial": "FB",
        "SuperolateralToInferomedialOblique": "SIO",
        "InferomedialToSuperolateralOblique": "ISO",
        "CranioCaudalExaggeratedLaterally": "XCCL",
        "CranioCaudalExaggeratedMedially": "XCCM",
        "ImplantDisplaced": "implant displaced",
        "Magnification": "magnification",
        "SpotCompression": "spot",
    }
    known = {}
    for cid in (4014, 4015):
        for keyword in _cid_dict.cid_concepts[cid]["SCT"]:
            for value in _concepts_dict.concepts["SCT"][keyword]:
                name = short.get(keyword.removesuffix("Projection"), "")
                known |= {value: name, _snomed_dict.mapping["SCT"][value]: name}
    assert {value: name for value, name in known.items() if name} == VIEWS | MODIFIERS


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"BreastImplantPresent": "YES"}, ("implant",)),
        ({"modifiers": (code("R-102D5", "SRT"),), "BreastImplantPresent": "YES"}, ("implant", "implant displaced")),
        ({"modifiers": (code("399163009"), code("399055006"))}, ("magnification", "spot")),
        ({"modifiers": (code("R-102D6", "SRT"), code("R-102D7", "SRT"))}, ("magnification", "spot")),
        ({"modifiers": (code("R-102D1", "SRT"),)}, ()),
        ({"EstimatedRadiographicMagnificationFactor": "1.8"}, ("magnification",)),
        ({"EstimatedRadiographicMagnificationFactor": "1.073"}, ()),
        ({"BreastImplantPresent": None}, ()),
    ],
)
def test_flags(tmp_path: Path, changes: dict, flags: tuple[str, ...]) -> None:
    assert header(tmp_path, **changes).flags == flags


def test_side_and_view_by_their_second_best(tmp_path: Path) -> None:
    found = header(tmp_path, ImageLaterality=None, Laterality="R", ViewCodeSequence=None, ViewPosition="XCCL")
    assert (found.side, found.view) == ("RIGHT", "XCCL")
    frame, shared = Dataset(), Dataset()
    frame.FrameLaterality = "L"
    shared.FrameAnatomySequence = Sequence([frame])
    changes = {"SharedFunctionalGroupsSequence": Sequence([shared]), "Laterality": "R"}
    assert header(tmp_path, ImageLaterality=None, **changes).side == "LEFT"
    found = header(tmp_path, ImageLaterality="B", ViewCodeSequence=Sequence([code("127457009")]), ViewPosition="CC")
    assert (found.side, found.view) == ("", "")
    assert header(tmp_path, ViewCodeSequence=None, ViewPosition="FLATFIELD").view == ""


def test_spacing_is_the_detector_s(tmp_path: Path) -> None:
    assert header(tmp_path, PixelSpacing=[0.05, 0.05]).spacing_mm == 0.1
    assert header(tmp_path, ImagerPixelSpacing=None, PixelSpacing=[0.05, 0.05]).spacing_mm is None
    scanned = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "ImagerPixelSpacing": None, "PixelSpacing": [0.05, 0.05]}
    assert header(tmp_path, **scanned).spacing_mm == 0.05
    assert header(tmp_path, ImagerPixelSpacing=[0.1, 0.2]).spacing_mm is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"Manufacturer": MADE_BY}, "made by mammomap itself"),
        ({"Modality": "CT"}, "modality CT, wanted MG"),
        ({"Modality": "SEG", "Manufacturer": MADE_BY}, "made by mammomap itself"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.3"}, "tomosynthesis"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.13.1.4"}, "tomosynthesis"),
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "PALETTE COLOR, wanted MONOCHROME"),
        ({"PixelData": None}, "holds no pixels"),
        ({"Rows": None}, "header cannot be read"),
    ],
)
def test_what_is_no_film_is_refused_alike_by_header_and_by_pixels(tmp_path: Path, changes: dict, reason: str) -> None:
    path = save(film(PIXELS, **changes), tmp_path / "film.dcm")
    with pytest.raises(ImageError, match=f"^film.dcm: .*{reason}"):
        read_header(path)
    with pytest.raises(ImageError, match="^film.dcm: " + ("" if "Rows" in changes else f".*{reason}")):
        read_film(path)


def test_a_phantom_is_no_output_and_a_file_of_another_kind_is_no_dicom(tmp_path: Path) -> None:
    assert header(tmp_path, Manufacturer=f"{MADE_BY} phantom").view == "CC"
    (tmp_path / "note").write_text("no film")
    for path, reason in ((tmp_path / "note", "not a DICOM file"), (tmp_path / "none", "cannot be opened")):
        with pytest.raises(ImageError, match=reason):
            read_header(path)


def raw_and_shown(folder: Path, shown: dict, raw: dict) -> dict[Path, str]:
    films = {"shown.dcm": film(PIXELS, **shown), "raw.dcm": film(PIXELS, raw=True, **raw)}
    return raw_films([read_header(save(made, folder / name)) for name, made in films.items()])


def test_a_raw_film_is_told_by_intent_and_else_by_class(tmp_path: Path) -> None:
    assert header(tmp_path, raw=True).raw and header(tmp_path, raw=True, PresentationIntentType=None).raw
    assert header(tmp_path, PresentationIntentType="FOR PROCESSING").raw
    assert not header(tmp_path, raw=True, PresentationIntentType="FOR PRESENTATION").raw
    path = save(film(PIXELS, raw=True, PresentationIntentType=None), tmp_path / "raw")
    with pytest.raises(ImageError, match="a FOR PROCESSING image, wanted its FOR PRESENTATION twin"):
        read_film(path)


@pytest.mark.parametrize(
    ("shown", "raw", "twin"),
    [
        ({}, {}, True),
        ({"AcquisitionTime": "000001"}, {"AcquisitionTime": "000001"}, True),
        ({"AcquisitionTime": "000001"}, {}, True),
        ({"AcquisitionTime": "000001"}, {"AcquisitionTime": "000002"}, False),
        ({"view": "MLO"}, {}, False),
        ({"side": "R"}, {}, False),
        ({"patient": "W2"}, {}, False),
        ({"StudyInstanceUID": "1.9"}, {}, False),
        ({"modifiers": (code("399055006"),)}, {}, False),
    ],
)
def test_of_a_pair_of_one_exposure_one_is_used(tmp_path: Path, shown: dict, raw: dict, twin: bool) -> None:
    reasons = raw_and_shown(tmp_path, shown, raw)
    assert list(reasons) == [tmp_path / "raw.dcm"]
    said = "its FOR PRESENTATION twin shown.dcm is used" if twin else "twin, which is not here"
    assert reasons[tmp_path / "raw.dcm"].endswith(said)


def test_a_source_that_is_named_makes_a_pair_whatever_the_times(tmp_path: Path) -> None:
    raw = film(PIXELS, raw=True, AcquisitionTime="000001")
    source = Dataset()
    source.ReferencedSOPInstanceUID = raw.SOPInstanceUID
    shown = film(PIXELS, AcquisitionTime="000002", SourceImageSequence=Sequence([Dataset(), source]))
    films = [read_header(save(made, tmp_path / name)) for name, made in (("shown", shown), ("raw", raw))]
    assert "twin shown is used" in raw_films(films)[tmp_path / "raw"]


def test_the_real_headers(real_data: Path) -> None:
    """GE: a pair, a second exposure of the same view whose raw image is not here, a lone raw image; a magnification
    view of unknown make; a Hologic file without pixels."""
    films, refused = {}, {}
    for path in sorted((real_data / "mg_headers").glob("*")):
        try:
            films[path.name] = read_header(path)
        except ImageError as error:
            refused[path.name] = str(error)
    assert list(refused) == ["openrem_MG-Im-Hologic-PropProj.dcm"] and "no pixels" in next(iter(refused.values()))
    told = {name: (f.side, f.view, f.flags, f.spacing_mm, f.raw) for name, f in films.items()}
    ge = ("LEFT", "CC", (), 0.094090909)
    assert told == {
        "notZaki_MG_Explicit_Little.dcm": ("RIGHT", "CC", ("magnification",), 0.5, False),
        "openrem_MG-Im-GE-SenDS-scaled.dcm": (*ge, True),
        "openrem_MG-Im-GE_Seno_1_ForPresentation.dcm": (*ge, False),
        "openrem_MG-Im-GE_Seno_1_ForProcessing.dcm": (*ge, True),
        "openrem_MG-Im-GE_Seno_2_ForPresentation.dcm": (*ge, False),
    }
    reasons = {path.name: reason for path, reason in raw_films(list(films.values())).items()}
    assert "Seno_1_ForPresentation.dcm is used" in reasons["openrem_MG-Im-GE_Seno_1_ForProcessing.dcm"]
    assert "not here" in reasons["openrem_MG-Im-GE-SenDS-scaled.dcm"]
