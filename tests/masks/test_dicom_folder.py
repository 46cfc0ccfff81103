"""A PACS export by hand: films, raw twins, other modalities, segmentations that say enough and that do not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made.dicom_films import code, film, save, seg
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes

from mammomap.errors import TableError
from mammomap.masks.dicom_folder import image_id_of
from mammomap.masks.index import index
from mammomap.masks.marker import MADE_BY
from mammomap.masks.mg_header import read_header
from mammomap.masks.outlines import outlines_of
from mammomap.masks.tables import Tables

SIZE = (60, 44)
PIXELS = np.full(SIZE, 900, np.uint16)


def blob(row: int, col: int, side: int = 6) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[row : row + side, col : col + side] = True
    return mask


def ids(root: Path) -> dict[str, str]:
    return {path.name: image_id_of(read_header(path)) for path in (root / "films").rglob("*") if path.is_file()}


def counts_add_up(tables: Tables) -> bool:
    about = tables.about
    return (
        about["rows_listed"] == about["rows_read"] + about["rows_set_aside"] == about["rows_read"] + len(tables.refused)
    )


def test_an_export_by_hand(tmp_path: Path) -> None:
    root = tmp_path / "export"
    films = {
        "a/IM001": film(PIXELS, "W1", "L", "CC", BreastImplantPresent="YES"),
        "a/IM002": film(PIXELS, "W1", "L", "CC", BreastImplantPresent="YES", raw=True),
        "b/x.dcm": film(PIXELS, "W2", "R", "MLO"),
        "b/y": film(PIXELS, "W2", "R", "CC", modifiers=(code("399163009"),)),
        "c/1.2.3": film(PIXELS, "W3", "L", "MLO"),
    }
    for name, made in films.items():
        save(made, root / "films" / name)
    beside = {
        "ct": film(PIXELS, Modality="CT"),
        "tomo": film(PIXELS, SOPClassUID="1.2.840.10008.5.1.4.1.1.13.1.3", NumberOfFrames=40),
        "ours": film(PIXELS, Manufacturer=MADE_BY),
        "lone raw": film(PIXELS, "W9", raw=True),
        "sideless": film(PIXELS, "W9", ImageLaterality=None),
        "viewless": film(PIXELS, "W9", ViewCodeSequence=Sequence([code("127457009")])),
        "nobody": film(PIXELS, "", ImageLaterality="L"),
        "copy": films["b/x.dcm"],
    }
    for name, made in beside.items():
        save(made, root / "other" / name)
    (root / "readme.txt").write_text("no DICOM")
    two = blob(10, 10) | blob(30, 20)
    two[12, 12] = False  # a hole
    save(seg(films["a/IM001"], [(two, "malignant mass", None, None)]), root / "segs" / "1")
    dots = blob(5, 5, 2) | blob(9, 9, 2)
    save(seg(films["b/x.dcm"], [(dots, "Benign", codes.SCT.CalcificationCluster, "cluster 1")]), root / "segs" / "2")
    save(seg(films["b/y"], [(blob(3, 3), "malignant mass", None, None)], MADE_BY), root / "segs" / "ours")
    save(seg(beside["ct"], [(blob(3, 3), "malignant mass", None, None)]), root / "segs" / "of a CT")

    tables, done = index(root, tmp_path / "tables")
    assert done and not index(root, tmp_path / "tables")[1] and counts_add_up(tables)
    called = ids(root)
    rows = tables.films.set_index("image_id")
    assert set(rows.index) == {called[name] for name in ("IM001", "x.dcm", "y", "1.2.3")}
    first = rows.loc[called["IM001"]]
    assert called["IM001"].endswith("_LEFT_CC") and "W1" not in called["IM001"]
    assert (first["patient_id"], first["side"], first["view"], first["flags"]) == ("W1", "LEFT", "CC", "implant")
    assert (first["rows"], first["cols"], first["spacing_mm"], first["malignant"]) == (*SIZE, 0.1, True)
    assert rows.loc[called["y"], "flags"] == "magnification"
    unknown = pd.Series(rows["truth"] == "unknown")
    assert set(unknown.index[unknown]) == {called["y"], called["1.2.3"]}
    assert set(rows.loc[unknown, "kinds_not_outlined"]) == {"calcification+mass"}
    assert rows.loc[~unknown, "kinds_not_outlined"].isna().all()

    lesions = tables.lesions_of(called["IM001"])
    assert lesions[["kind", "pathology"]].values.tolist() == [["mass", "MALIGNANT"]] * 2
    assert lesions["outline"].tolist() == ["mask", "polygon"]  # the first has a hole
    assert np.array_equal(np.logical_or.reduce([o.on_film for o in outlines_of(lesions, SIZE)]), two)
    (cluster,) = outlines_of(tables.lesions_of(called["x.dcm"]), SIZE)
    assert (cluster.kind, cluster.malignant) == ("calcification", False) and np.array_equal(cluster.on_film, dots)

    told = dict(zip(tables.refused["path"], tables.refused["reason"], strict=True))
    wanted = {
        "films/a/IM002": "its FOR PRESENTATION twin IM001 is used",
        "other/ct": "modality CT",
        "other/tomo": "tomosynthesis (40 frames)",
        "other/ours": "made by mammomap itself",
        "other/lone raw": "twin, which is not here",
        "other/sideless": "does not say the side",
        "other/viewless": "does not say the view",
        "other/nobody": "does not say the patient id",
        "other/copy": "the same image as x.dcm",
        "segs/ours": "made by mammomap itself",
        "segs/of a CT": "speaks of no film that is here",
    }
    assert set(told) == set(wanted)
    assert all(reason in told[path] for path, reason in wanted.items()), told
    assert tables.about["other_files"] == 1 and "no segmentation names has no label" in tables.about["label_rule"]


@pytest.mark.parametrize(
    ("segment", "reason"),
    [
        (("mass", None), "it does not say benign or malignant"),
        (("malignant", None), "it does not say mass or calcification"),
        (("benign mass", codes.SCT.IndividualCalcification), "it says calcification and mass"),
        (("lesion 1", None), "it does not say mass or calcification; it does not say benign or malignant"),
    ],
)
def test_a_segment_that_does_not_say_enough_leaves_its_film_unknown(
    tmp_path: Path, segment: tuple, reason: str
) -> None:
    made = film(PIXELS)
    save(made, tmp_path / "set" / "films" / "f")
    known = (blob(20, 20), "benign mass", None, None)
    save(seg(made, [known, (blob(3, 3), *segment, None)]), tmp_path / "set" / "s")
    tables, _ = index(tmp_path / "set", tmp_path / "tables")
    assert counts_add_up(tables) and not len(tables.lesions)
    assert tables.films["truth"].tolist() == ["unknown"]
    assert sorted(tables.refused["reason"]) == sorted([reason, "another segment of its film cannot be used"])


@pytest.mark.parametrize(
    ("kind", "said"), [(codes.SCT.MammographicBreastMass, "mass"), (codes.SCT.CalcificationCluster, "calcification")]
)
def test_kind_and_pathology_by_code_alone(tmp_path: Path, kind, said: str) -> None:
    made = film(PIXELS)
    save(made, tmp_path / "set" / "films" / "f")
    drawn = seg(made, [(blob(3, 3), "finding 1", kind, None)])
    type_code = drawn.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]
    type_code.CodeMeaning = "x"
    type_code.SegmentedPropertyTypeModifierCodeSequence = Sequence([code("G-A425", "SRT")])
    save(drawn, tmp_path / "set" / "s")
    lesions = index(tmp_path / "set", tmp_path / "tables")[0].lesions
    assert lesions[["kind", "pathology"]].values.tolist() == [[said, "MALIGNANT"]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"SegmentAlgorithmType": "AUTOMATIC", "SegmentAlgorithmName": "net"}, "a machine made it"),
        ({}, "probabilities"),
    ],
)
def test_what_a_machine_made_is_no_truth(tmp_path: Path, change: dict, reason: str) -> None:
    made = film(PIXELS)
    save(made, tmp_path / "set" / "films" / "f")
    drawn = seg(made, [(blob(3, 3), "malignant mass", None, None)])
    if change:
        for name, value in change.items():
            setattr(drawn.SegmentSequence[0], name, value)
    else:
        drawn.SegmentationFractionalType = "PROBABILITY"
    save(drawn, tmp_path / "set" / "s")
    tables, _ = index(tmp_path / "set", tmp_path / "tables")
    assert reason in tables.refused["reason"].item() and tables.films["truth"].tolist() == ["unknown"]


def test_a_film_that_a_segmentation_names_and_leaves_empty_holds_no_lesion(tmp_path: Path) -> None:
    films = [film(PIXELS, "W1", view=view) for view in ("CC", "MLO")]
    for number, made in enumerate(films):
        made.StudyInstanceUID = "1.2"
        save(made, tmp_path / "set" / "films" / str(number))
    drawn = seg(films[0], [(blob(3, 3), "benign mass", None, None)])
    save(drawn, tmp_path / "set" / "s1")
    empty = seg(films[1], [(blob(3, 3), "benign mass", None, None)])
    empty.PixelData = bytes(len(empty.PixelData))
    save(empty, tmp_path / "set" / "s2")
    tables, _ = index(tmp_path / "set", tmp_path / "tables")
    assert counts_add_up(tables) and len(tables.lesions) == 1
    assert tables.films["truth"].fillna("").tolist() == ["", ""]


def test_a_folder_without_a_film_is_an_error(tmp_path: Path) -> None:
    save(film(PIXELS, Modality="CT"), tmp_path / "set" / "ct")
    with pytest.raises(TableError, match="no film can be used of 1 files; first ct: modality CT"):
        index(tmp_path / "set", tmp_path / "tables")


def test_the_real_headers(real_data: Path, tmp_path: Path) -> None:
    tables, _ = index(real_data / "mg_headers", tmp_path / "tables")
    assert counts_add_up(tables) and (len(tables.films), len(tables.refused)) == (3, 3)
    assert sorted(tables.films["flags"].fillna("")) == ["", "", "magnification"]
    assert tables.films["truth"].tolist() == ["unknown"] * 3 and len(set(tables.films["patient_id"])) == 2
    reasons = tables.refused["reason"].tolist()
    assert sum("is used" in reason for reason in reasons) == 1 == sum("not here" in reason for reason in reasons)
