"""One's own films: every row listed or set aside with its reason."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made.dicom_films import code, film, save

from mammomap.errors import TableError
from mammomap.masks.index import index
from mammomap.masks.own_data import index_own_data
from mammomap.masks.tables import read_tables

FILMS = "image_id,patient_id,side,view,file\n"
LESIONS = "image_id,kind,pathology,row0,col0,row1,col1\n"

FLAGGED = (("a.png", ""), ("spot.dcm", ""), ("spot.dcm", "spot"), ("raw.dcm", ""))


def make(root: Path, films: str, lesions: str) -> Path:
    root.mkdir(exist_ok=True)
    cv2.imwrite(str(root / "a.png"), np.full((50, 40), 9000, np.uint16))
    (root / "films.csv").write_text(films)
    (root / "lesions.csv").write_text(lesions)
    return root


def test_a_small_set(tmp_path: Path) -> None:
    root = make(
        tmp_path / "set",
        FILMS + "f1,w1,L,cc,a.png\nf2,w1,RIGHT,MLO,a.png\n",
        LESIONS + "f1,mass,MALIGNANT,1,2,11,22\nf1,mass,BENIGN,20,20,30,30\n",
    )
    tables = index_own_data(root)
    assert tables.films["malignant"].tolist() == [True, False]
    assert tables.films[["side", "view", "rows", "cols"]].values.tolist() == [
        ["LEFT", "CC", 50, 40],
        ["RIGHT", "MLO", 50, 40],
    ]
    assert tables.kinds_outlined == ("mass",)
    assert "by mass lesions only" in tables.about["label_rule"]
    assert tables.lesions["lesion_id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("films", "lesions", "reason"),
    [
        ("f1,w1,UP,CC,a.png\n", "", "side 'UP'"),
        ("f1,w1,LEFT,CC,none.png\n", "", "does not exist"),
        ("f1,,LEFT,CC,a.png\n", "", "patient_id is empty"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,cyst,BENIGN,1,1,5,5\n", "kind 'cyst'"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,ODD,1,1,5,5\n", "pathology 'ODD'"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,BENIGN,5,1,5,5\n", "row0 < row1"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,BENIGN,,,,\n", "no outline"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,BENIGN,500,10,510,50\n", "lies off the film of 50 rows and 40 cols"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,BENIGN,5,-9,15,0\n", "cols -9 to 0, lies off the film of"),
        ("f1,w1,LEFT,CC,a.png\n", "f1,mass,BENIGN,x,1,5,5\n", "row0 is 'x'"),
        ("f1,w1,LEFT,CC,a.png\n", "f9,mass,BENIGN,1,1,5,5\n", "not in films.csv"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason(tmp_path: Path, films: str, lesions: str, reason: str) -> None:
    good = "g,w9,LEFT,CC,a.png\n"
    tables = index_own_data(make(tmp_path / "set", FILMS + good + films, LESIONS + lesions))
    assert reason in " ".join(tables.refused["reason"])
    assert "g" in tables.films["image_id"].tolist()
    read = tables.about["rows_read"]
    assert read == len(tables.films) + len(tables.lesions) + _rows_set_aside(tables.refused)


def _rows_set_aside(refused: pd.DataFrame) -> int:
    """A film that fell with its lesion counts as a row of its own."""
    lesions = refused["path"].str.startswith("lesions.csv line")
    fallen = lesions & ~refused["reason"].str.contains("not in films.csv")
    return len(refused) + int(fallen.sum())


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    root = make(tmp_path / "set", "image_id,side,view,file\nf1,LEFT,CC,a.png\n", LESIONS)
    with pytest.raises(TableError, match="'patient_id' is missing"):
        index_own_data(root)


def test_a_label_that_contradicts_the_lesions_is_refused(tmp_path: Path) -> None:
    films = "image_id,patient_id,side,view,file,pathology\nf1,w1,LEFT,CC,a.png,BENIGN\n"
    root = make(tmp_path / "set", films, LESIONS + "f1,mass,MALIGNANT,1,1,9,9\n")
    with pytest.raises(TableError, match="its lesions say MALIGNANT"):
        index_own_data(root)


def test_outlines_that_leave_the_film_in_part_stay(tmp_path: Path) -> None:
    root = make(tmp_path / "set", FILMS + "f1,w1,LEFT,CC,a.png\n", LESIONS + "f1,mass,BENIGN,45,-5,90,5\n")
    assert len(index_own_data(root).lesions) == 1


@pytest.mark.parametrize(("row", "kept"), [(60, False), (49, True)])
def test_a_polygon_must_meet_its_film(tmp_path: Path, row: int, kept: bool) -> None:
    text = f'f1,mass,BENIGN,"[[{row}, 5], [{row + 9}, 5], [{row + 9}, 9]]"\n'
    films = FILMS + "f1,w1,LEFT,CC,a.png\nf2,w1,LEFT,MLO,a.png\n"
    tables = index_own_data(make(tmp_path / "set", films, "image_id,kind,pathology,polygon\n" + text))
    assert len(tables.lesions) == kept and len(tables.films) == 1 + kept
    assert kept or "off the film of 50 rows and 40 cols" in tables.refused["reason"].iloc[0]


def test_a_circle_becomes_its_bounds(tmp_path: Path) -> None:
    head = "image_id,kind,pathology,centre_row,centre_col,radius\n"
    root = make(tmp_path / "set", FILMS + "f1,w1,LEFT,CC,a.png\n", head + "f1,mass,BENIGN,20,10,4\n")
    lesion = index_own_data(root).lesions.iloc[0]
    assert lesion["outline"] == "circle"
    assert lesion[["row0", "col0", "row1", "col1"]].tolist() == [16.5, 6.5, 24.5, 14.5]


def test_dicom_headers_flag_films_and_raw_ones_are_set_aside(tmp_path: Path) -> None:
    rows = "".join(f"f{k},w1,LEFT,CC,{name},{flags}\n" for k, (name, flags) in enumerate(FLAGGED))
    root = make(tmp_path / "set", FILMS.strip() + ",flags\n" + rows, LESIONS)
    pixels = np.full((50, 40), 9000, np.uint16)
    save(film(pixels, BreastImplantPresent="YES", modifiers=(code("399055006"),)), root / "spot.dcm")
    save(film(pixels, raw=True), root / "raw.dcm")
    tables = index_own_data(root)
    assert tables.films["flags"].fillna("-").tolist() == ["-", "implant; spot", "spot"]
    assert "a FOR PROCESSING image" in tables.refused["reason"].item()


def test_indexing_twice_does_nothing_twice(tmp_path: Path) -> None:
    root = make(tmp_path / "set", FILMS + "f1,w1,LEFT,CC,a.png\n", LESIONS + "f1,mass,BENIGN,1,1,9,9\n")
    first, done = index(root, tmp_path / "tables")
    again, done_again = index(root, tmp_path / "tables")
    assert done and not done_again
    assert again.hash == first.hash == read_tables(tmp_path / "tables").hash
    (root / "lesions.csv").write_text(LESIONS + "f1,mass,MALIGNANT,1,1,9,9\n")
    changed, done_now = index(root, tmp_path / "tables")
    assert done_now and changed.hash != first.hash


def test_the_real_set(real_data: Path) -> None:
    tables = index_own_data(real_data / "cbis_mass")
    assert (len(tables.films), len(tables.lesions), len(tables.refused)) == (1231, 1318, 0)
    assert len(set(tables.films["patient_id"])) == 691
    assert tables.films["kinds_not_outlined"].dropna().size == 53
    assert int(tables.films["malignant"].sum()) == 602
