"""What segment is given: every file is a film or has a reason; names of patients and files stay in the key."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from made.dicom_films import film, save
from pydicom import uid

from mammomap.errors import TableError
from mammomap.masks.grid import Grid
from mammomap.masks.key import Key
from mammomap.masks.mapfile import FilmMap, woman_code
from mammomap.masks.native import native_file, write_native
from mammomap.masks.own_data import index_own_data
from mammomap.masks.sources import find_sources
from mammomap.masks.tables import write_tables

KEY = Key("ab" * 16)
PIXELS = np.arange(40 * 30, dtype=np.uint16).reshape(40, 30)


def test_a_folder_of_everything(tmp_path: Path) -> None:
    shown = film(PIXELS, "Doe^Jane", "R", "MLO")
    save(shown, tmp_path / "a" / "b" / "Jane.dcm")
    save(shown, tmp_path / "copy.dcm")
    save(film(PIXELS, "Doe^Jane", "R", "MLO", raw=True), tmp_path / "raw.dcm")
    save(film(PIXELS, Modality="CT"), tmp_path / "ct.dcm")
    save(film(PIXELS, NumberOfFrames=3, SOPClassUID=uid.BreastTomosynthesisImageStorage), tmp_path / "tomo.dcm")
    save(film(PIXELS, Manufacturer="mammomap"), tmp_path / "ours.dcm")
    (tmp_path / "notes.txt").write_text("about Jane")
    whole = (tmp_path / "copy.dcm").read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[:200])
    cv2.imwrite(str(tmp_path / "film.png"), PIXELS)
    cv2.imwrite(str(tmp_path / "again.png"), PIXELS)
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "plan.json").write_text("{}")
    found = {s.path.name: s for s in find_sources([tmp_path], key=KEY, without=tmp_path / "out")}
    reasons = {name: source.reason for name, source in found.items()}
    again = found["Jane.dcm"].image_id
    assert reasons == {
        "Jane.dcm": "",
        "copy.dcm": f"the same image as {again}",
        "raw.dcm": "a FOR PROCESSING image; its FOR PRESENTATION twin is used",
        "ct.dcm": "modality CT, wanted MG (mammography)",
        "tomo.dcm": "tomosynthesis (3 frames), wanted one film; tomosynthesis is not read",
        "ours.dcm": "made by mammomap itself, so left alone",
        "notes.txt": "not a DICOM file",
        "cut.dcm": reasons["cut.dcm"],
        "again.png": "",
        "film.png": f"the same image as {found['again.png'].image_id}",
    }
    assert reasons["cut.dcm"]
    assert len({source.image_id for source in found.values()}) == len(found)
    jane = found["Jane.dcm"]
    assert (jane.side, jane.view, jane.imaging, jane.spacing_mm) == ("RIGHT", "MLO", "digital", 0.1)
    assert jane.codes == (woman_code("Doe^Jane"),)
    assert jane.for_key.patient_id == "Doe^Jane" and jane.for_key.instance_uid == shown.SOPInstanceUID
    told = " ".join(f"{s.image_id} {s.woman} {s.exam} {s.reason}" for s in found.values())
    assert "Jane" not in told and shown.SOPInstanceUID not in told and shown.StudyInstanceUID not in told


def test_films_of_one_woman_and_examination_have_one_name(tmp_path: Path) -> None:
    for number, (woman, view) in enumerate([("A", "CC"), ("A", "MLO"), ("B", "CC")]):
        save(film(PIXELS, woman, "L", view), tmp_path / f"{number}.dcm")
    first, second, other = find_sources([tmp_path], key=KEY)
    assert first.woman == second.woman != other.woman and first.exam == second.exam != other.exam
    assert first.woman not in (first.exam, woman_code("A"))
    again = find_sources([tmp_path / "1.dcm"], key=KEY)[0]
    assert again.image_id == second.image_id
    assert find_sources([tmp_path / "1.dcm"], key=Key("cd" * 16))[0].image_id != second.image_id


def test_a_cbis_patient_id_is_the_woman_that_models_know(tmp_path: Path) -> None:
    for side, view in (("LEFT", "CC"), ("RIGHT", "MLO")):
        made = film(PIXELS, f"Calc-Test_P_00038_{side}_{view}", ViewCodeSequence=None, ImageLaterality=None)
        save(made, tmp_path / f"{side}.dcm")
    left, right = find_sources([tmp_path], key=KEY)
    assert left.codes == right.codes == (woman_code("P_00038"),)
    assert (left.side, left.view, right.side, right.view) == ("LEFT", "CC", "RIGHT", "MLO")
    assert left.exam == right.exam != ""


def test_without_a_key_files_have_their_own_names(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", "1.2.840.113"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    cv2.imwrite(str(tmp_path / "a" / "x.png"), PIXELS)
    cv2.imwrite(str(tmp_path / "b" / "x.png"), PIXELS[::-1])
    save(film(PIXELS, "Doe^Jane"), tmp_path / "1.2.840.113")
    found = find_sources([tmp_path])
    assert [source.image_id for source in found] == ["1.2.840.113", "x", "x-2"]
    assert found[0].woman == "Doe^Jane"


def test_ones_own_films_are_named_by_their_table(drawn_set, tmp_path: Path) -> None:
    found = find_sources([drawn_set.root], key=KEY)
    tables = index_own_data(drawn_set.root)
    assert [s.image_id for s in found] == tables.films["image_id"].tolist()
    assert found[0].woman == found[0].exam == found[0].codes[0] == woman_code("W000")
    write_tables(tables, tmp_path / "tables")
    assert find_sources([tmp_path / "tables"], key=KEY) == found


def test_our_own_pictures_are_left_alone(tmp_path: Path) -> None:
    level = np.zeros((20, 10), np.float32)
    write_native(tmp_path, "f", FilmMap(level, level, level == 0, Grid.whole(20, 10)))
    found = find_sources([native_file(tmp_path, "lesion", "f")], key=KEY)
    assert [source.reason for source in found] == ["made by mammomap itself, so left alone"]


def test_what_is_not_there_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file or folder"):
        find_sources([tmp_path / "none"], key=KEY)
    with pytest.raises(TableError, match="no file found"):
        find_sources([tmp_path], key=KEY)
