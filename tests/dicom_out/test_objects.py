"""What every object carries, what a second run does, and what the verb refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import highdicom as hd
import pandas as pd
import pydicom
import pytest
from click.testing import CliRunner
from made.results import KINDS, Painted

from mammomap.cli import main
from mammomap.dicom_out.export import export_dicom
from mammomap.dicom_out.sr import CANDIDATES, IMAGE_PROBABILITY, IMAGE_SCORE, LESION_SCORE
from mammomap.errors import ConfigError, ImageError, TableError
from mammomap.masks.key import read_key, write_key
from mammomap.masks.marker import made_by_us
from mammomap.masks.mg_header import refusal

MODALITY = {"sc": "OT", "sr": "SR", "seg": "SEG", "pm": "OT", "gsps": "PR"}


def objects(dicom: Path) -> dict[str, pydicom.Dataset]:
    return {path.relative_to(dicom).as_posix(): pydicom.dcmread(path) for path in sorted(dicom.rglob("*.dcm"))}


def contents(dicom: Path) -> dict[str, bytes]:
    return {path.relative_to(dicom).as_posix(): path.read_bytes() for path in sorted(dicom.rglob("*.dcm"))}


@pytest.fixture
def small(exported: Painted, tmp_path: Path) -> Painted:
    """A copy of the painted results whose folder of maps a test may change; times are kept."""
    shutil.copytree(exported.out, tmp_path / "maps")
    key = Path(shutil.copy2(exported.key, tmp_path / "maps.key.json"))
    return Painted(
        tmp_path, tmp_path / "maps", key, tmp_path / "dicom", exported.films, exported.place, exported.spot, "film-4"
    )


def test_objects_belong_to_the_films_patient_and_study(exported: Painted) -> None:
    every = objects(exported.dicom)
    assert len(every) == 5 + 2 + 4 + 5 + 4
    films = {image_id: pydicom.dcmread(path) for image_id, path in exported.films.items()}
    studies = {str(film.StudyInstanceUID): film for film in films.values()}
    for name, made in every.items():
        kind = name.split("/")[0]
        film = films.get(name.split("/")[1].removesuffix(".dcm"), studies[str(made.StudyInstanceUID)])
        for attribute in ("PatientID", "PatientName", "PatientSex", "StudyInstanceUID", "StudyDate", "AccessionNumber"):
            assert made[attribute].value == film[attribute].value, (name, attribute)
        assert str(made.PatientName) == "Søren^Ann"
        assert made.Modality == MODALITY[kind] and made.Manufacturer == "mammomap" and made_by_us(made)
        assert made.SeriesNumber > 9000 and "run painted" in made.SeriesDescription
        assert made.SeriesInstanceUID != film.SeriesInstanceUID and refusal(made).startswith("made by mammomap itself")
    assert len({made.SOPInstanceUID for made in every.values()}) == len(every)
    assert len({made.SeriesInstanceUID for made in every.values()}) == len(every)


def test_a_second_run_makes_the_same_bytes_and_writes_only_what_is_missing(small: Painted, exported: Painted) -> None:
    first = export_dicom(small.out, small.key, small.dicom, KINDS)
    assert first.missing == 20 and contents(small.dicom) == contents(exported.dicom)
    lost = small.dicom / "seg" / "film-1.dcm"
    kept = {path: path.stat().st_mtime_ns for path in small.dicom.rglob("*.dcm") if path != lost}
    lost.unlink()
    again = export_dicom(small.out, small.key, small.dicom, KINDS)
    assert [planned.path for planned in again.objects if not planned.there] == [lost]
    assert contents(small.dicom) == contents(exported.dicom)
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


def test_a_dry_run_lists_the_same_and_writes_nothing(small: Painted, exported: Painted) -> None:
    asked = ["export-dicom", str(small.out), "--key", str(small.key), "-o", str(small.dicom), "--dry-run"]
    told = CliRunner().invoke(main, asked)
    assert told.exit_code == 0 and not small.dicom.exists()
    every = objects(exported.dicom)
    wanted = {name: made.SOPInstanceUID for name, made in every.items() if name.split("/")[0] in ("sc", "sr", "seg")}
    assert {line.split()[1] for line in told.stdout.splitlines()[:-1]} == set(wanted.values())
    assert f"{len(wanted)} of {len(wanted)} objects to write" in told.stdout


def test_anonymous_objects_say_nothing_of_the_woman_and_still_belong_together(small: Painted) -> None:
    export_dicom(small.out, small.key, small.dicom, KINDS, anonymous=True)
    every, key = objects(small.dicom), read_key(small.key)
    studies = set()
    for path in small.dicom.rglob("*.dcm"):
        raw, made = path.read_bytes(), pydicom.dcmread(path)
        assert made.PatientID == key.name("woman", made_woman(made, key)) and made.PatientIdentityRemoved == "YES"
        assert not made.StudyDate and not made.AccessionNumber
        for film in key.films.values():
            for told in (film.study_uid, film.series_uid, film.instance_uid):
                assert told.encode() + b"\0" not in raw and told.encode() + b" " not in raw
        assert "Søren".encode("latin-1") not in raw and "Søren".encode() not in raw
        studies.add(made.StudyInstanceUID)
    assert len(studies) == 2
    sc = every["sc/film-0.dcm"].SourceImageSequence[0].ReferencedSOPInstanceUID
    assert sc == every["seg/film-0.dcm"].SourceImageSequence[0].ReferencedSOPInstanceUID


def made_woman(made: pydicom.Dataset, key) -> str:
    """W1 or W2, whose code is the object's PatientID."""
    return next(woman for woman in ("W1", "W2") if key.name("woman", woman) == made.PatientID)


def test_the_report_says_so_where_there_is_no_finding(exported: Painted) -> None:
    empty = pydicom.dcmread(exported.films[exported.empty])
    (path,) = [p for p in (exported.dicom / "sr").iterdir() if pydicom.dcmread(p).PatientID == empty.PatientID]
    report = hd.sr.srread(path)
    (group,) = report.content.get_image_measurement_groups()
    assert group.get_measurements(CANDIDATES)[0].value == 0
    assert not report.content.get_planar_roi_measurement_groups()
    assert not (exported.dicom / "seg" / f"{exported.empty}.dcm").exists()


def test_each_finding_has_its_own_tracking_uid_and_an_area_in_mm2(exported: Painted) -> None:
    uids, areas = [], []
    for path in (exported.dicom / "sr").iterdir():
        for group in hd.sr.srread(path).content.get_planar_roi_measurement_groups():
            uids.append(group.tracking_uid)
            areas += [
                (m.value, m.unit.value) for m in group.get_measurements(hd.sr.CodedConcept("42798000", "SCT", "Area"))
            ]
    assert len(set(uids)) == len(uids) == 4
    assert areas == [(pytest.approx(81 * 0.01), "mm2")] * 4  # 9 x 9 pixels of 0.1 mm
    segments = {
        str(pydicom.dcmread(path).SegmentSequence[0].TrackingUID) for path in (exported.dicom / "seg").iterdir()
    }
    assert segments == set(uids)


@pytest.mark.parametrize(("column", "name"), [("probability", IMAGE_PROBABILITY), ("score", IMAGE_SCORE)])
def test_a_number_is_called_what_it_is(small: Painted, column: str, name) -> None:
    scores = pd.DataFrame({"image_id": list(small.films), column: [0.1, 0.2, 0.3, 0.4, 0.5]})
    scores.to_csv(small.out / "scores.csv", index=False)
    points = {"candidate 1 false positives per film": 0.6}
    (small.out / "scores.json").write_text(
        json.dumps({"column": column, "operating_points": points, "prevalence": 0.4})
    )
    export_dicom(small.out, small.key, small.dicom, ["sr"])
    said = {}
    for path in small.dicom.rglob("*.dcm"):
        text = path.read_bytes().decode("latin-1")
        assert "robability of cancer" not in text and "111047" not in text
        assert ("prevalence" in text) == (column == "probability")
        for group in hd.sr.srread(path).content.get_image_measurement_groups():
            for measured in group.get_measurements():
                said.setdefault(measured.name.value, []).append(measured.value)
    assert sorted(said[name.value]) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert set(said) == {CANDIDATES.value, LESION_SCORE.value, name.value}


def test_candidates_below_the_operating_point_are_no_findings(small: Painted) -> None:
    points = {"candidate 1 false positives per film": 0.7}
    (small.out / "scores.json").write_text(json.dumps({"column": "score", "operating_points": points}))
    done = export_dicom(small.out, small.key, small.dicom, ["seg", "sr"])
    assert [planned.kind for planned in done.objects] == ["sr", "sr"]


def test_other_results_are_refused_beside_the_first_and_name_what_they_replace(small: Painted, tmp_path: Path) -> None:
    export_dicom(small.out, small.key, small.dicom, KINDS)
    before = objects(small.dicom)
    about = json.loads((small.out / "segment.json").read_text())
    (small.out / "segment.json").write_text(json.dumps(about | {"model": "another run"}))
    kept = contents(small.dicom)
    with pytest.raises(ConfigError, match="holds a result of another model.*--replaces"):
        export_dicom(small.out, small.key, small.dicom, KINDS)
    assert contents(small.dicom) == kept
    done = export_dicom(small.out, small.key, tmp_path / "new", KINDS, replaces=small.dicom)
    after = objects(tmp_path / "new")
    for planned in done.objects:
        name = planned.path.relative_to(tmp_path / "new").as_posix()
        old, new = before[name], after[name]
        assert planned.replaces == old.SOPInstanceUID != new.SOPInstanceUID
        if planned.kind == "sr":
            told = new.PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
            assert told.ReferencedSOPInstanceUID == old.SOPInstanceUID
        elif planned.kind == "sc":
            assert new.DerivationDescription.endswith(f"replaces {old.SOPInstanceUID}")
        else:
            assert new.ContentDescription == f"replaces {old.SOPInstanceUID}"
    with pytest.raises(TableError, match="nothing to replace"):
        export_dicom(small.out, small.key, tmp_path / "x", KINDS, replaces=small.out)


def test_what_is_refused(small: Painted, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown.*cad"):
        export_dicom(small.out, small.key, small.dicom, ["cad"])
    key = read_key(small.key)
    write_key(tmp_path / "half.json", type(key)(key.secret, {"film-0": key.films["film-0"]}))
    with pytest.raises(TableError, match="lacks 4 films"):
        export_dicom(small.out, tmp_path / "half.json", small.dicom)
    other = key.films | {"film-0": key.films["film-1"]}
    shifted = {name: type(film)(**{**film.__dict__, "path": Path("nowhere.dcm")}) for name, film in other.items()}
    write_key(tmp_path / "gone.json", type(key)(key.secret, shifted))
    with pytest.raises(TableError, match="no DICOM film of 5.*no such file|cannot be opened"):
        export_dicom(small.out, tmp_path / "gone.json", small.dicom)
    moved = key.films | {"film-0": type(key.films["film-0"])(key.films["film-1"].path, instance_uid="1.2")}
    write_key(tmp_path / "moved.json", type(key)(key.secret, moved))
    done = export_dicom(small.out, tmp_path / "moved.json", small.dicom, ["sc"])
    assert len(done.objects) == 4 and "the key means 1.2" in done.set_aside[0][1]


def test_the_date_is_that_of_the_map(small: Painted) -> None:
    os.utime(small.out / "maps" / "film-0.npz", (1_000_000_000, 1_000_000_000))
    export_dicom(small.out, small.key, small.dicom, ["seg"])
    assert pydicom.dcmread(small.dicom / "seg" / "film-0.dcm").ContentDate in ("20010908", "20010909")


def test_a_map_of_another_size_is_refused(small: Painted) -> None:
    (small.out / "maps" / "film-0.npz").write_bytes(b"no map")
    with pytest.raises(ImageError, match="not a map"):
        export_dicom(small.out, small.key, small.dicom)


def test_a_key_of_tables_tells_no_uid_and_pictures_are_set_aside(small: Painted) -> None:
    key = read_key(small.key)
    plain = {name: type(film)(film.path, film.patient_id) for name, film in key.films.items()}
    plain["film-4"] = type(plain["film-4"])(Path("film.png"))
    write_key(small.key, type(key)(key.secret, plain))
    done = export_dicom(small.out, small.key, small.dicom, ["seg", "sr", "sc"])
    assert done.set_aside == [("film-4", "a picture, so it belongs to no study")]
    assert sorted(planned.kind for planned in done.objects) == ["sc"] * 4 + ["seg"] * 4 + ["sr"]


def test_a_candidate_beside_its_region_takes_the_nearest_pixels(small: Painted) -> None:
    """The smoothed peak may lie where the map itself is low."""
    candidates = pd.read_csv(small.out / "candidates.csv")
    row = candidates.index[(candidates["image_id"] == "film-0") & (candidates["map"] == "lesion")][0]
    candidates.loc[row, "col"] += 7  # the spot reaches 4 pixels
    candidates.to_csv(small.out / "candidates.csv", index=False)
    export_dicom(small.out, small.key, small.dicom, ["seg"])
    found = pydicom.dcmread(small.dicom / "seg" / "film-0.dcm").pixel_array > 0
    assert (found.reshape(small.spot["film-0"].shape) == small.spot["film-0"]).all()
