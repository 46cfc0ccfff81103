import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from mammomap.errors import TableError
from mammomap.masks.cbis import index_cbis as index_files
from mammomap.masks.cbis_files import find_files
from mammomap.masks.outlines import outline_of
from mammomap.masks.read import read_film
from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.tree import official_parts, write_tree

CONFIG = PhantomConfig(patients=4, seed=32, rows=300, test_share=0.25, both_breasts=0.5, workers=1)
COMMON = ["left or right breast", "image view", "abnormality id", "abnormality type"]
TAIL = ["assessment", "pathology", "subtlety", "image file path", "cropped image file path", "ROI mask file path"]
COLUMNS = {
    "mass": ["patient_id", "breast_density", *COMMON, "mass shape", "mass margins", *TAIL],
    "calc": ["patient_id", "breast density", *COMMON, "calc type", "calc distribution", *TAIL],
}


def _dicom(path: Path, series: str, bits: int, shape=(8, 6), value=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    ds, ds.file_meta = Dataset(), FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SecondaryCaptureImageStorage
    number = int.from_bytes(str(path).encode()[-12:], "big")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID(f"2.25.{number}")
    ds.SeriesInstanceUID, ds.Modality, ds.PhotometricInterpretation = series, "MG", "MONOCHROME2"
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.SamplesPerPixel, ds.PixelRepresentation = bits - 1, 1, 0
    ds.PixelData = np.full(shape, value, f"<u{bits // 8}").tobytes()
    ds.save_as(path, enforce_file_format=True)


def index_cbis(root, progress=None):
    return index_files(root, find_files(root), progress=progress)[0]


class Small:
    """A set of a few tiny films, worked by hand."""

    def __init__(self, root: Path):
        self.root, self.rows, self.series = root, {}, 0

    def uid(self):
        self.series += 1
        return f"1.2.{self.series}"

    def film(self, name, shape=(8, 6)):
        uid = self.uid()
        _dicom(self.root / "any" / name / f"{uid}.dcm", uid, 16, shape)
        return f"{name}/1.1/{uid}/000000.dcm"

    def roi(self, name, mask_first=True, shape=(8, 6)):
        uid = self.uid()
        for number, bits in enumerate((8, 16) if mask_first else (16, 8)):
            _dicom(self.root / "any" / name / f"{uid}-{number}.dcm", uid, bits, shape, value=255)
        return [f"{name}/1.1/{uid}/00000{n}.dcm" for n in (0, 1)]

    def row(self, table, patient, number, pathology, image, roi, **other):
        kind, part = table.split("_")
        series = f"{kind.title()}-{'Training' if part == 'train' else 'Test'}_{patient}_LEFT_CC"
        image = "/".join([series, *image.split("/")[1:]])
        values = {
            "patient_id": patient,
            "density": "3",
            "left or right breast": "LEFT",
            "image view": "CC",
            "abnormality id": number,
            "looks 1": "OVAL",
            "looks 2": "N/A",
            "assessment": "4",
            "pathology": pathology,
            "subtlety": "5",
        } | other
        looks = [values.pop("looks 1"), values.pop("looks 2")]
        tail = [values["assessment"], values["pathology"], values["subtlety"], image, roi[0], roi[1] + "\n"]
        start = [values[c] for c in ("patient_id", "density", "left or right breast", "image view", "abnormality id")]
        self.rows.setdefault(table, []).append([*start, kind, *looks, *tail])

    def write(self, drop=None):
        self.root.mkdir(parents=True, exist_ok=True)
        for table, rows in self.rows.items():
            kind, part = table.split("_")
            columns = COLUMNS[kind]
            kept = [i for i, column in enumerate(columns) if column != drop]
            with (self.root / f"{kind}_case_description_{part}_set.csv").open("w", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows([[r[i] for i in kept] for r in [columns, *rows]])
        return self.root


@pytest.fixture
def small(tmp_path):
    return Small(tmp_path / "set")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    root = tmp_path_factory.mktemp("phantom") / "tree"
    write_tree(root, CONFIG)
    return root


def test_a_phantom_comes_back_as_drawn_labels_lesions_pixels_and_masks(phantom):
    tables = index_cbis(phantom)
    parts = official_parts(CONFIG)
    drawn = {
        film.image_id: (film, parts[number - 1])
        for number in range(1, 5)
        for film in draw_woman(woman_rng(CONFIG.seed, number), CONFIG, patient_name(number))
    }
    assert list(tables.films["image_id"]) == sorted(drawn) and not len(tables.refused)
    assert tables.about["source"] == "phantom seed 32" and tables.kinds_outlined == ("calcification", "mass")
    assert any(len({x.kind for x in film.lesions}) == 2 for film, _ in drawn.values()), "choose a seed with such a film"
    for row in tables.films.to_dict("records"):
        film, part = drawn[row["image_id"]]
        said = [row[c] for c in ("patient_id", "side", "view", "density", "malignant", "rows", "cols", "official_part")]
        true = [film.patient_id, film.side, film.view, film.density, film.malignant, *film.image.shape, part]
        assert said == true
        assert (read_film(Path(row["path"])) == film.image).all()
        lesions = {f"{x.kind}_{x.abnormality_id}": x for x in film.lesions}
        found = tables.lesions_of(row["image_id"]).to_dict("records")
        assert {x["lesion_id"] for x in found} == set(lesions)
        for lesion in found:
            true_lesion = lesions[lesion["lesion_id"]]
            said = [lesion[c] for c in ("kind", "pathology", "assessment", "subtlety")]
            assert said == [getattr(true_lesion, c) for c in ("kind", "pathology", "assessment", "subtlety")]
            looks = ("mass_shape", "mass_margins") if lesion["kind"] == "mass" else ("calc_type", "calc_distribution")
            assert [lesion[c] for c in looks] == [true_lesion.plan.shape, true_lesion.plan.margins]
            assert (outline_of(lesion, film.image.shape).on_film == true_lesion.mask).all()


def test_the_mask_is_the_8_bit_file_wherever_it_stands(small):
    for number, mask_first in enumerate((True, False)):
        name = f"P_{number}"
        small.row("mass_train", name, "1", "BENIGN", small.film(name), small.roi(f"{name}_1", mask_first))
    lesions = index_cbis(small.write()).lesions
    assert [Path(path).stem[-1] for path in lesions["mask_path"]] == ["0", "1"]


def test_mask_and_crop_may_lie_in_two_series_under_exchanged_columns(small):
    mask, crop = small.uid(), small.uid()
    _dicom(small.root / "a.dcm", mask, 8)
    _dicom(small.root / "b.dcm", crop, 16)
    roi = [f"x/1.1/{mask}/000000.dcm", f"x/1.1/{crop}/000000.dcm"]
    small.row("calc_train", "P_1", "1", "BENIGN", small.film("P_1"), roi)
    (lesion,) = index_cbis(small.write()).lesions.to_dict("records")
    assert Path(lesion["mask_path"]).name == "a.dcm"


def test_a_film_in_both_lists_is_one_film_with_all_its_lesions(small):
    mass, calc = small.film("M"), small.film("C")
    small.row("mass_train", "P_1", "1", "BENIGN", mass, small.roi("m1"))
    small.row("calc_test", "P_1", "2", "MALIGNANT", calc, small.roi("c2"), density="2")
    tables = index_cbis(small.write())
    (film,) = tables.films.to_dict("records")
    assert film["image_id"] == "P_1_LEFT_CC" and film["malignant"] and film["official_part"] == "test"
    assert Path(film["path"]).parent.name == "M" and film["density"] == 3
    assert film["kinds_outlined"] == "calcification+mass"
    assert list(tables.lesions["lesion_id"]) == ["calcification_2", "mass_1"]
    assert tables.about["films_in_both_lists"] == tables.about["films_in_both_parts"] == 1
    assert tables.about["source"] == "CBIS-DDSM"


def test_two_files_of_a_film_that_differ_in_size_are_not_merged(small):
    small.row("mass_train", "P_1", "1", "BENIGN", small.film("M"), small.roi("m1"))
    small.row("calc_train", "P_1", "2", "BENIGN", small.film("C", (8, 8)), small.roi("c2", shape=(8, 8)))
    small.row("calc_train", "P_2", "1", "BENIGN", small.film("D"), small.roi("d1"))
    tables = index_cbis(small.write())
    assert list(tables.films["patient_id"]) == ["P_2"] and len(tables.refused) == 2
    assert tables.refused["reason"].str.contains("differ in size").all()


def test_values_as_published_become_what_they_mean(small):
    odd = {"density": "0", "subtlety": "0", "assessment": "0", "looks 1": "N/A"}
    small.row("mass_train", "P_1", "1", "BENIGN_WITHOUT_CALLBACK", small.film("M"), small.roi("m1"), **odd)
    tables = index_cbis(small.write())
    (film,), (lesion,) = tables.films.to_dict("records"), tables.lesions.to_dict("records")
    assert pd.isna(film["density"]) and pd.isna(lesion["subtlety"])
    assert lesion["assessment"] == 0 and lesion["mass_shape"] == "N/A"
    assert not film["malignant"] and film["kinds_outlined"] == "mass" and tables.kinds_outlined == ("mass",)


def test_rows_set_aside_carry_their_reason_and_the_counts_add_up(small):
    for patient in ("P_1", "P_2", "P_3", "P_4", "P_5"):
        small.row("mass_train", patient, "1", "BENIGN", small.film(patient), small.roi(f"{patient}_1"))
    small.row("mass_train", "P_1", "2", "MALIGNANT", "x/1/9.9.9/000000.dcm", small.roi("q"))
    small.row("mass_train", "P_2", "2", "PERHAPS", small.rows["mass_train"][1][11], small.roi("r"))
    small.row("calc_train", "P_3", "2", "BENIGN", small.rows["mass_train"][2][11], ["y/1/8.8/0.dcm", "y/1/8.8/1.dcm"])
    small.row("mass_train", "P_4", "1", "BENIGN", small.rows["mass_train"][3][11], small.roi("s"))
    small.row("mass_train", "P_6", "1", "BENIGN", small.film("P_6"), small.roi("t"), subtlety="high")
    (small.root / "any" / "text.dcm").write_text("not a picture")
    tables = index_cbis(small.write())
    assert list(tables.films["patient_id"]) == ["P_5"]
    about = tables.about
    assert about["rows_listed"] == 10 == about["rows_read"] + about["rows_set_aside"]
    assert about["files_set_aside"] == 1 and len(tables.refused) == about["rows_set_aside"] + 1
    told = dict(zip(tables.refused["path"], tables.refused["reason"], strict=True))
    assert "no film: 0 files in series 9.9.9" in told["mass_case_description_train_set.csv row 6 (P_1_LEFT_CC 2)"]
    assert "its film was set aside" in told["mass_case_description_train_set.csv row 1 (P_1_LEFT_CC 1)"]
    assert "PERHAPS" in told["mass_case_description_train_set.csv row 7 (P_2_LEFT_CC 2)"]
    assert "no mask" in told["calc_case_description_train_set.csv row 1 (P_3_LEFT_CC 2)"]
    assert "listed twice" in told["mass_case_description_train_set.csv row 8 (P_4_LEFT_CC 1)"]
    assert "'high'" in told["mass_case_description_train_set.csv row 9 (P_6_LEFT_CC 1)"]
    assert "cannot be read" in told[str(small.root / "any" / "text.dcm")]


def test_a_series_with_two_masks_is_not_guessed_at(small):
    roi = small.roi("m1")
    _dicom(small.root / "third.dcm", roi[0].split("/")[2], 8)
    small.row("mass_train", "P_1", "1", "BENIGN", small.film("M"), roi)
    with pytest.raises(TableError, match="3 files in series .*, 2 of them a mask"):
        index_cbis(small.write())


@pytest.mark.parametrize("column", ["breast_density", "mass margins", "ROI mask file path", "pathology"])
def test_a_missing_column_is_named_with_its_file(small, column):
    small.row("mass_train", "P_1", "1", "BENIGN", small.film("M"), small.roi("m1"))
    with pytest.raises(TableError, match=f"mass_case_description_train_set.csv: column '{column}' is missing"):
        index_cbis(small.write(drop=column))


def test_no_table_or_no_usable_row_is_an_error(small, tmp_path):
    with pytest.raises(TableError, match="no case description list"):
        index_cbis(tmp_path)
    small.row("mass_train", "P_1", "1", "BENIGN", "x/1/9.9/0.dcm", small.roi("m1"))
    with pytest.raises(TableError, match="no film can be used; 1 rows listed; first: .*9.9"):
        index_cbis(small.write())


def test_two_tables_of_one_name_must_agree(small):
    small.row("mass_train", "P_1", "1", "BENIGN", small.film("M"), small.roi("m1"))
    root = small.write()
    name = "mass_case_description_train_set.csv"
    (root / "copy").mkdir()
    (root / "copy" / name).write_bytes((root / name).read_bytes())
    assert len(index_cbis(root).films) == 1
    (root / "copy" / name).write_bytes((root / name).read_bytes().replace(b"OVAL", b"ROUND"))
    with pytest.raises(TableError, match="differ"):
        index_cbis(root)


def test_a_file_that_lies_there_twice_counts_once_and_folders_may_end_in_dcm(small):
    small.row("mass_train", "P_1", "1", "BENIGN", small.film("M"), small.roi("m1"))
    (film,) = (small.root / "any" / "M").glob("*.dcm")
    (small.root / "copy.dcm").mkdir(parents=True)
    (small.root / "copy.dcm" / "film.dcm").write_bytes(film.read_bytes())
    assert len(index_cbis(small.write()).films) == 1


def test_progress_is_passed_in(phantom):
    seen = []
    index_cbis(phantom, lambda items, **what: seen.append(what["total"]) or items)
    assert seen == [len(list(phantom.rglob("*.dcm")))]
