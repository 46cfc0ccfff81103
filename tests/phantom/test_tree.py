import csv
import hashlib
import json

import pydicom
import pytest

import mammomap.phantom.tree as tree
from mammomap.errors import ConfigError
from mammomap.phantom import PhantomConfig
from mammomap.phantom.tree import official_parts, write_tree

CONFIG = PhantomConfig(patients=3, seed=2, rows=300, test_share=0.34, both_breasts=0.5, workers=1)
MASS_COLUMNS = (
    "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
    "mass margins,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
)
CALC_COLUMNS = (
    "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,"
    "calc distribution,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
)


def _bytes(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "tree"
    return folder, write_tree(folder, CONFIG)


def _rows(folder):
    rows = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="") as file:
            rows += [{"file": path.name, **row} for row in csv.DictReader(file)]
    return rows


def test_same_settings_same_bytes_whatever_the_workers(whole, tmp_path):
    again = PhantomConfig(**{**CONFIG.__dict__, "workers": 2})
    write_tree(tmp_path / "tree", again)
    assert _bytes(tmp_path / "tree") == _bytes(whole[0])


def test_counts_agree_with_the_tables_and_the_folder(whole):
    folder, about = whole
    rows = _rows(folder)
    films = {tuple(row[c] for c in ("patient_id", "left or right breast", "image view")) for row in rows}
    assert about["written"] and about["counts"]["lesions"] == len(rows) and about["counts"]["films"] == len(films)
    assert about["counts"]["women"] == len({row["patient_id"] for row in rows}) == 3
    assert about["counts"]["masses"] == sum(row["file"].startswith("mass") for row in rows)
    assert about["pixel_mm"] == pytest.approx(0.8)
    assert json.loads((folder / "phantom.json").read_text())["settings"]["rows"] == 300
    assert not list(folder.rglob(".*"))


def test_tables_have_the_published_columns_and_the_newline_in_the_quoted_path(whole):
    for path in whole[0].glob("*.csv"):
        columns = MASS_COLUMNS if path.name.startswith("mass") else CALC_COLUMNS
        text = path.read_text()
        assert text.splitlines()[0] == columns
        records = sum(row["file"] == path.name for row in _rows(whole[0]))
        assert text.count("\n") == 1 + 2 * records and text.count('"') == 2 * records
    for row in _rows(whole[0]):
        broken = "ROI mask file path" if row["file"].startswith("mass") else "cropped image file path"
        assert row[broken].endswith(".dcm\n") and row["image file path"].endswith("/000000.dcm")
    assert len(list(whole[0].glob("*.csv"))) == 4


def test_every_path_leads_to_a_file_whose_header_fits(whole):
    folder = whole[0] / "CBIS-DDSM"
    uids = set()
    for row in _rows(whole[0]):
        both = []
        for column in ("image file path", "cropped image file path", "ROI mask file path"):
            path = row[column].strip()
            header = pydicom.dcmread(folder / path)
            name, study, series, _ = path.split("/")
            assert (header.PatientID, header.StudyInstanceUID, header.SeriesInstanceUID) == (name, study, series)
            assert header.Modality == "MG" and header.PhotometricInterpretation == "MONOCHROME2"
            assert header.SOPClassUID.name == "Secondary Capture Image Storage"
            assert header.file_meta.TransferSyntaxUID.name == "Implicit VR Little Endian"
            assert "PixelSpacing" not in header and header.SOPInstanceUID.is_valid
            uids.add(header.SOPInstanceUID)
            if column == "image file path":
                assert header.BitsAllocated == 16 and header.Rows == 300
                prefix = "Mass" if row["file"].startswith("mass") else "Calc"
                part = "Test" if "test" in row["file"] else "Training"
                film = "_".join(row[c] for c in ("patient_id", "left or right breast", "image view"))
                assert name == f"{prefix}-{part}_{film}"
            else:
                both.append(header.BitsAllocated)
                if header.BitsAllocated == 8:
                    assert set(header.pixel_array.ravel()) == {0, 255} and header.Rows == 300
                else:
                    assert header.pixel_array.max() == 65535 and header.Rows < 300
        assert sorted(both) == [8, 16]
    assert len(uids) == len(list(folder.rglob("*.dcm")))


def test_a_second_run_does_nothing_and_other_settings_are_refused_by_name(whole):
    folder = whole[0]
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    again = write_tree(folder, PhantomConfig(**{**CONFIG.__dict__, "workers": 2}))
    assert not again["written"] and again["counts"] == whole[1]["counts"]
    with pytest.raises(ConfigError, match="another rows"):
        write_tree(folder, PhantomConfig(**{**CONFIG.__dict__, "rows": 400}))
    assert stamps == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_folder_with_other_things_is_refused_and_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="neither empty nor a phantom"):
        write_tree(tmp_path, CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_stopped_run_leaves_nothing_half_and_goes_on_where_it_was(whole, tmp_path, monkeypatch):
    folder, drawn = tmp_path / "tree", []
    real_write, real_draw = tree.write_film, tree.draw_woman

    def stops(film, parts, half, stamp, traps):
        rows = real_write(film, parts, half, stamp, traps)
        if film.patient_id == "P_00002":
            raise KeyboardInterrupt
        return rows

    monkeypatch.setattr(tree, "write_film", stops)
    with pytest.raises(KeyboardInterrupt):
        write_tree(folder, CONFIG)
    assert not (folder / "phantom.json").exists() and not list(folder.glob("*.csv"))
    assert {p.name.split("P_")[1][:5] for p in (folder / "CBIS-DDSM").iterdir() if p.name[0] != "."} == {"00001"}
    with pytest.raises(ConfigError, match="another seed"):
        write_tree(folder, PhantomConfig(**{**CONFIG.__dict__, "seed": 3}))

    def counted(rng, config, name):
        drawn.append(name)
        return real_draw(rng, config, name)

    monkeypatch.setattr(tree, "write_film", real_write)
    monkeypatch.setattr(tree, "draw_woman", counted)
    assert write_tree(folder, CONFIG)["written"]
    assert drawn == ["P_00002", "P_00003"]
    assert _bytes(folder) == _bytes(whole[0])


def test_series_moved_into_place_by_a_run_that_died_before_its_record_are_replaced(whole, tmp_path, monkeypatch):
    folder = tmp_path / "tree"
    real = tree.write_json

    def dies(path, value):
        if path.name == "P_00003.json":
            raise KeyboardInterrupt
        real(path, value)

    monkeypatch.setattr(tree, "write_json", dies)
    with pytest.raises(KeyboardInterrupt):
        write_tree(folder, CONFIG)
    assert list((folder / "CBIS-DDSM").glob("*P_00003*"))
    monkeypatch.setattr(tree, "write_json", real)
    write_tree(folder, CONFIG)
    assert _bytes(folder) == _bytes(whole[0])


def test_the_official_test_part_is_exact_and_by_seed():
    parts = official_parts(PhantomConfig(patients=60, seed=1))
    assert parts.count("test") == 15 and parts.count("train") == 45
    assert parts != official_parts(PhantomConfig(patients=60, seed=2))
    assert official_parts(PhantomConfig(patients=5, test_share=0)) == ["train"] * 5


def test_progress_is_passed_in_and_sees_every_woman(tmp_path):
    seen = []

    def progress(items, **what):
        seen.append(what["total"])
        return items

    write_tree(tmp_path / "t", PhantomConfig(patients=2, rows=200, workers=1), progress)
    assert seen == [2]
