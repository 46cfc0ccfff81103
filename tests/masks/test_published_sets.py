"""INbreast, VinDr-Mammo and CMMD by their published formats, on small copies made by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
from made.dicom_films import film, save
from made.published import PIXELS, SIZE, TRIANGLE, cmmd, inbreast, outlines, vindr

from mammomap.errors import TableError
from mammomap.masks.index import index
from mammomap.masks.outlines import outlines_of
from mammomap.masks.tables import Tables

BOX = "10.5,20.0,30.25,40.0"  # xmin, ymin, xmax, ymax


def read(root: Path) -> Tables:
    tables, done = index(root, root.with_name("tables"))
    assert done and not index(root, root.with_name("tables"))[1]
    about = tables.about
    assert about["rows_listed"] == about["rows_read"] + about["rows_set_aside"]
    assert about["rows_set_aside"] == len(tables.refused)
    return tables


def told(tables: Tables) -> dict[str, str]:
    return dict(zip(tables.refused["path"], tables.refused["reason"], strict=True))


def test_inbreast_by_hand(tmp_path: Path) -> None:
    rows = [
        ("20586908", "6c613a14b80a8591", "R", "CC", "3", "5"),
        ("20586934", "6c613a14b80a8591", "L", "MLO", "     ", "1"),
        ("22580192", "aaaa3a14b80a8591", "L", "CC", "1", "4a"),
        ("22580193", "bbbb3a14b80a8591", "R", "MLO", "2", "3"),
        ("22580194", "cccc3a14b80a8591", "R", "MLO", "2", "6"),
    ]
    root = inbreast(tmp_path / "set", rows)
    points = [(5.0, 6.0)]
    shared = [("Mass", TRIANGLE), ("Spiculated Region", TRIANGLE), ("Calcification", points)]
    outlines(root / "AllXML" / "20586908.xml", [*shared, ("Calcifications", [(5.0, 6.0), (9.0, 9.0)])])
    outlines(root / "AllXML" / "22580192.xml", [("Calcification", points)])
    outlines(root / "AllXML" / "22580193.xml", [("Cluster", TRIANGLE), ("Assymetry", TRIANGLE)])
    outlines(root / "AllXML" / "22580194.xml", [("Espiculated Region", TRIANGLE)])
    tables = read(root)
    films = tables.films.set_index("image_id")
    assert len(films) == 5 and not len(tables.refused)
    assert films["malignant"].to_dict() == {name: birads[0] in "456" for name, *_, birads in rows}
    assert films.loc["20586908", ["patient_id", "side", "view"]].tolist() == ["6c613a14b80a8591", "RIGHT", "CC"]
    assert films["density"].fillna(0).tolist() == [3, 0, 1, 2, 2] and set(films["spacing_mm"]) == {0.1}
    assert films["kinds_not_outlined"].fillna("-").tolist() == ["-", "-", "calcification", "-", "-"]
    lesions = tables.lesions
    first = lesions[lesions["image_id"] == "20586908"]
    assert first[["kind", "role", "outline"]].values.tolist() == [
        ["mass", "lesion", "polygon"],
        ["mass", "ignore", "polygon"],
        ["calcification", "ignore", "circle"],
        ["calcification", "ignore", "circle"],
    ]
    assert set(first["pathology"]) == {"MALIGNANT"} and set(first["assessment"]) == {5}
    assert json.loads(first["polygon"].iloc[0]) == [[y, x] for x, y in TRIANGLE]
    dot, pair = outlines_of(first.iloc[2:], SIZE)
    assert dot.centre == (6.0, 5.0) and dot.contains(np.array([[13.0, 5], [13.1, 5]])).tolist() == [True, False]
    assert pair.centre == (7.5, 7.0) and pair.contains(np.array([[6.0, 5], [9, 9]])).all()
    third = lesions[lesions["image_id"] == "22580193"]
    assert third[["kind", "role", "pathology"]].values.tolist() == [
        ["calcification", "lesion", "BENIGN"],
        ["mass", "lesion", "BENIGN"],
    ]
    assert third["mass_shape"].tolist()[1] == "ASYMMETRIC_BREAST_TISSUE"
    assert lesions.loc[lesions["image_id"] == "22580194", "role"].tolist() == ["lesion"]  # rays without a mass
    assert "no biopsy" in tables.about["label_rule"]


@pytest.mark.parametrize(
    ("row", "regions", "spoil", "reason"),
    [
        ({"birads": "7"}, [], None, "Bi-Rads '7'"),
        ({"skip": ("9",)}, [], None, "no film 9_<woman>_MG"),
        ({"birads": "4b"}, [], None, "category 4b, but no outline"),
        ({}, [("Unnamed", TRIANGLE)], None, "an outline called 'Unnamed'"),
        ({}, [("", TRIANGLE)], None, "an outline called ''"),
        ({}, [("Mass", TRIANGLE[:2])], None, "an outline (Mass) of 2 points"),
        ({}, [("Mass", [(1.0, 1.0), (44.5, 2.0), (3.0, 3.0)])], None, "beyond the film of 60 x 44"),
        ({}, [("Mass", TRIANGLE)], {"NumberOfPoints": 4}, "'Mass' has 3 points that can be read"),
        ({}, [("Mass", TRIANGLE)], {"Point_px": ["(1, x)"]}, "'Mass' has 1 points that can be read"),
        ({}, [], "broken", "no list of outlines"),
        ({"listed": "L"}, [], None, "L CC in the list, R CC in the film's name"),
        ({"header": "L"}, [], None, "side R in the film's name, LEFT in its header"),
        ({"name": "8", "skip": ("8",)}, [], None, "stands in the list twice"),
        ({"twin": True}, [], None, "2 film 9_<woman>_MG"),
    ],
)
def test_inbreast_rows_are_set_aside(tmp_path: Path, row: dict, regions: list, spoil, reason: str) -> None:
    root, name = tmp_path / "set", row.get("name", "9")
    rows = [("8", "w8", "L", "CC", "1", "1"), (name, "w9", "R", "CC", "1", row.get("birads", "2"))]
    inbreast(root, rows, row.get("skip", ()))
    if "skip" in row:
        save(film(PIXELS), root / "AllDICOMs" / "8_w8_MG_L_CC_ANON.dcm")
    if "twin" in row:
        save(film(PIXELS), root / "AllDICOMs" / "9_w7_MG_R_CC_ANON.dcm")
    path = root / "AllXML" / "9.xml"
    if spoil == "broken":
        path.parent.mkdir()
        path.write_text("<plist><dict>")
    elif regions:
        outlines(path, regions, spoil)
    if "listed" in row:
        listed = root / "INbreast.csv"
        listed.write_text(listed.read_text().replace(";R;CC;", ";L;CC;"))
    if "header" in row:
        save(film(PIXELS, side=row["header"]), root / "AllDICOMs" / "9_w9_MG_R_CC_ANON.dcm")
    tables = read(root)
    assert tables.films["image_id"].tolist() == ["8"]
    assert told(tables)[f"INbreast.csv line 3 ({name})"].find(reason) >= 0, told(tables)


def test_vindr_by_hand(tmp_path: Path) -> None:
    films = [
        {"image": "a", "birads": 5},
        {"image": "b", "birads": 5, "view": "MLO"},
        {"image": "c", "birads": 1, "side": "R"},
        {"image": "d", "birads": 2, "study": "s2", "split": "test"},
        {"image": "e", "birads": 3, "study": "s2", "split": "test", "side": "R"},
    ]
    findings = [
        ("a", "['Mass', 'Suspicious Calcification']", "BI-RADS 5", BOX),
        ("a", "['Suspicious Calcification']", "BI-RADS 3", BOX),
        ("a", "['Skin Thickening']", "", BOX),
        ("b", "['Nipple Retraction']", "", BOX),
        ("c", "['No Finding']", "", ",,,"),
        ("d", "['No Finding']", "", ",,,"),
        ("e", "['Focal Asymmetry']", "BI-RADS 3", BOX),
        ("z", "['Mass']", "BI-RADS 4", BOX),
    ]
    tables = read(vindr(tmp_path / "set", films, findings))
    rows = tables.films.set_index("image_id")
    assert rows["malignant"].to_dict() == {"a": True, "b": False, "c": False, "d": False, "e": False}
    assert rows["truth"].fillna("-").tolist() == ["-", "unknown", "-", "-", "-"]
    both = "calcification+mass"
    assert rows["kinds_not_outlined"].fillna("-").tolist() == ["-", both, "-", both, "-"]
    assert rows["official_part"].tolist() == ["train"] * 3 + ["test"] * 2
    assert rows.loc["a", ["patient_id", "side", "view", "density", "spacing_mm"]].tolist() == [
        "s1",
        "LEFT",
        "CC",
        3,
        0.1,
    ]
    lesions = tables.lesions[["image_id", "kind", "role", "pathology"]].values.tolist()
    assert lesions == [
        ["a", "mass", "lesion", "MALIGNANT"],
        ["a", "calcification", "lesion", "BENIGN"],
        ["a", "mass", "ignore", "MALIGNANT"],
        ["e", "mass", "lesion", "BENIGN"],
    ]
    assert tables.lesions.iloc[0][["row0", "col0", "row1", "col1"]].tolist() == [20, 10.5, 40, 30.25]
    assert tables.lesions["mass_shape"].tolist()[3] == "FOCAL_ASYMMETRIC_DENSITY"
    assert told(tables) == {"finding_annotations.csv line 9 (z)": "its film is not in the list of films"}
    assert tables.about["rows_listed"] == 13 and "no biopsy" in tables.about["label_rule"]


@pytest.mark.parametrize(
    ("row", "finding", "reason"),
    [
        ({"file": False}, None, "no such file: images/s2/x.dicom"),
        ({"size": (60, 45)}, None, "60 x 45 pixels in the list, 60 x 44 in the film"),
        ({"side": "B"}, None, "laterality 'B'"),
        ({"birads": "X"}, None, "breast_birads 'BI-RADS X'"),
        ({"split": "val"}, None, "split 'val'"),
        ({}, ("['Mass']", "", BOX), "of finding_birads ''"),
        ({}, ("['Mass']", "BI-RADS 4", ",,,"), "(mass) without a box"),
        ({}, ("['Mass']", "BI-RADS 4", "10,10,5,20"), "a box of rows 10 to 20, columns 10 to 5"),
        ({}, ("['Mass']", "BI-RADS 4", "50,10,60,20"), "columns 50 to 60 on 60 x 44 pixels"),
        ({}, ("Mass", "BI-RADS 4", BOX), "finding_categories 'Mass', wanted a list"),
        ({"image": "good"}, None, "stands in the list twice"),
    ],
)
def test_vindr_rows_are_set_aside_with_their_findings(tmp_path: Path, row: dict, finding, reason: str) -> None:
    name = row.get("image", "x")
    films = [{"image": "good"}, {"image": "x", "study": "s2"} | row]
    findings = [("good", "['No Finding']", "", ",,,")] + ([("x", *finding)] if finding else [])
    tables = read(vindr(tmp_path / "set", films, findings))
    assert tables.films["image_id"].tolist() == ["good"] and not len(tables.lesions)
    reasons = told(tables)
    assert reason in reasons.pop(f"breast-level_annotations.csv line 3 ({name})")
    assert set(reasons.values()) == ({"its film was set aside"} if finding else set())


def test_vindr_without_a_column_is_an_error(tmp_path: Path) -> None:
    root = vindr(tmp_path / "set", [{"image": "a"}], [])
    path = root / "finding_annotations.csv"
    path.write_text(path.read_text().replace("finding_birads", "birads"))
    with pytest.raises(TableError, match="column 'finding_birads' is missing"):
        read(root)


@pytest.mark.parametrize("comma", [",", ";"])
def test_cmmd_by_hand(tmp_path: Path, comma: str) -> None:
    rows = [
        ("D1-0001", "R", "calcification", "Benign"),
        ("D1-0002", "L", "both", "Malignant"),
        ("D1-0002", "L", "mass", "Benign"),
        ("D1-0002", "R", "mass", "Malignant"),
        ("D1-0003", "L", "cyst", "Benign"),
        ("D1-0003", "X", "mass", "Benign"),
    ]
    films = [("D1-0001", "R", "CC"), ("D1-0001", "L", "CC"), ("D1-0002", "L", "CC"), ("D1-0002", "L", "MLO")]
    root = cmmd(tmp_path / "set", rows, films, comma)
    save(film(PIXELS, raw=True), root / "CMMD" / "raw.dcm")
    tables = read(root)
    rows_by = tables.films.set_index(["patient_id", "side", "view"])
    assert rows_by["malignant"].to_dict() == {
        ("D1-0001", "RIGHT", "CC"): False,
        ("D1-0001", "LEFT", "CC"): False,
        ("D1-0002", "LEFT", "CC"): True,
        ("D1-0002", "LEFT", "MLO"): True,
    }
    known = rows_by[rows_by["truth"].isna()]
    assert len(known) == 3 and set(known["kinds_not_outlined"]) == {"calcification", "calcification+mass"}
    assert rows_by.loc[("D1-0001", "LEFT", "CC"), "truth"] == "unknown"
    assert not len(tables.lesions) and tables.kinds_outlined == ()
    sheet = "CMMD_clinicaldata_revision.csv line "
    reasons = told(tables)
    assert reasons.pop("CMMD/raw.dcm").startswith("a FOR PROCESSING image")
    assert reasons == {
        f"{sheet}4 (D1-0002 L)": "the breast stands in the sheet twice",
        f"{sheet}5 (D1-0002 R)": "no film of this breast is here",
        f"{sheet}6 (D1-0003 L)": "abnormality 'cyst', classification 'Benign'",
        f"{sheet}7 (D1-0003 X)": "ID1 'D1-0003', LeftRight 'X', wanted L or R",
    }
    assert tables.about["rows_listed"] == 11
