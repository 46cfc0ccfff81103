"""nnU-Net's raw folders by hand, as NIfTI, and as our own export wrote them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammomap.errors import LeakError, TableError
from mammomap.masks.index import index
from mammomap.masks.nnunet_export import export_nnunet
from mammomap.masks.outlines import outlines_of
from mammomap.masks.own_data import index_own_data
from mammomap.masks.splits import make_split, read_split
from mammomap.masks.tables import Tables

SIZE = (40, 30)
LABELS = {"background": 0, "benign mass": 1, "malignant calcification": 2, "ignore": 3}


def put(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def raw(root: Path, labels: dict | None = None, ending: str = ".png") -> Path:
    root.mkdir()
    named = {"labels": labels or LABELS, "file_ending": ending, "numTraining": 1, "channel_names": {"0": "film"}}
    (root / "dataset.json").write_text(json.dumps(named))
    return root


def case(root: Path, name: str, label: np.ndarray | None, part: str = "Ts") -> None:
    put(root / f"images{part}" / f"{name}_0000.png", np.full(SIZE, 900, np.uint16))
    if label is not None:
        put(root / f"labels{part}" / f"{name}.png", label)


def label(*marked: tuple[int, int, int]) -> np.ndarray:
    values = np.zeros(SIZE, np.uint8)
    for value, row, col in marked:
        values[row : row + 4, col : col + 4] = value
    return values


def test_cases_by_hand(tmp_path: Path) -> None:
    root = raw(tmp_path / "set")
    case(root, "W1_LEFT_CC", label((1, 2, 2), (1, 20, 20), (2, 10, 10)), "Tr")
    case(root, "W_2_R_mlo", label((3, 5, 5), (1, 25, 5)))
    case(root, "W3_LEFT_CC", label())
    case(root, "W4_LEFT_CC", None)
    case(root, "film7", label())
    case(root, "W5_LEFT_CC", label((9, 5, 5)))
    case(root, "W6_LEFT_CC", label()[:-1])
    put(root / "imagesTs" / "W1_LEFT_CC_0001.png", np.full(SIZE, 1, np.uint16))
    tables, done = index(root, tmp_path / "tables")
    assert done and not index(root, tmp_path / "tables")[1]
    films = tables.films.set_index("image_id")
    assert films["official_part"].to_dict() == {
        "W1_LEFT_CC": "train",
        "W3_LEFT_CC": "test",
        "W4_LEFT_CC": "test",
        "W_2_R_mlo": "test",
    }
    assert films.loc["W_2_R_mlo", ["patient_id", "side", "view"]].tolist() == ["W_2", "RIGHT", "MLO"]
    assert films["malignant"].tolist() == [True, False, False, False]
    assert films["truth"].fillna("").tolist() == ["", "", "unknown", ""]
    assert set(films["kinds_outlined"]) == {"calcification+mass"}
    told = tables.lesions[["image_id", "kind", "pathology", "role"]].values.tolist()
    assert told == [
        ["W1_LEFT_CC", "mass", "BENIGN", "lesion"],
        ["W1_LEFT_CC", "mass", "BENIGN", "lesion"],
        ["W1_LEFT_CC", "calcification", "MALIGNANT", "lesion"],
        ["W_2_R_mlo", "mass", "BENIGN", "lesion"],
        ["W_2_R_mlo", "mass", "BENIGN", "ignore"],
    ]
    drawn = np.logical_or.reduce([o.on_film for o in outlines_of(tables.lesions_of("W1_LEFT_CC"), SIZE)])
    assert np.array_equal(drawn, label((1, 2, 2), (1, 20, 20), (2, 10, 10)) > 0)
    reasons = dict(zip(tables.refused["path"], tables.refused["reason"], strict=True))
    assert "not woman_side_view" in reasons["imagesTs/film7_0000.png"]
    assert "label value 9, which" in reasons["imagesTs/W5_LEFT_CC_0000.png"]
    assert "label map of 39 x 30" in reasons["imagesTs/W6_LEFT_CC_0000.png"]
    split = read_split(tmp_path / "tables" / "split.csv")
    assert split.part_of == {"W1": "net", "W_2": "test", "W3": "test", "W4": "test"} and not split.warning
    assert tables.about["rows_listed"] == 7 == tables.about["rows_read"] + len(tables.refused)


def test_cases_that_a_table_names(tmp_path: Path) -> None:
    root = raw(tmp_path / "set")
    case(root, "mam_001", label((1, 2, 2)))
    case(root, "mam_002", label())
    (root / "cases.csv").write_text("case,patient_id,side,view\nmam_001,w1,R,cc\nmam_002,w2,UP,cc\n")
    tables, _ = index(root, tmp_path / "tables")
    assert not (tmp_path / "tables" / "split.csv").exists()
    assert tables.films[["patient_id", "side", "view"]].values.tolist() == [["w1", "RIGHT", "CC"]]
    assert "side 'UP'" in tables.refused["reason"].item()
    (root / "cases.csv").write_text("case,woman\nmam_001,w1\n")
    with pytest.raises(TableError, match="wanted the columns case, patient_id, side, view"):
        index(root, tmp_path / "tables")


def test_a_label_that_says_too_little_sets_its_cases_aside(tmp_path: Path) -> None:
    root = raw(tmp_path / "set", {"background": 0, "malignant": 1, "benign mass": 2})
    case(root, "W1_LEFT_CC", label((1, 2, 2)))
    case(root, "W2_LEFT_CC", label((2, 2, 2)))
    tables, _ = index(root, tmp_path / "tables")
    assert tables.films["image_id"].tolist() == ["W2_LEFT_CC"] and "by mass labels only" in tables.about["label_rule"]
    assert "label 'malignant' does not say mass or calcification" in tables.refused["reason"].item()


@pytest.mark.parametrize("labels", [{"background": 0, "all": [1, 2]}, ["mass"], None])
def test_labels_of_regions_are_refused(tmp_path: Path, labels) -> None:
    root = raw(tmp_path / "set")
    (root / "dataset.json").write_text(json.dumps({} if labels is None else {"labels": labels}))
    case(root, "W1_LEFT_CC", label())
    with pytest.raises(TableError, match="no 'labels' of one value each"):
        index(root, tmp_path / "tables")


def test_a_set_without_a_case_and_a_woman_on_both_sides_are_errors(tmp_path: Path) -> None:
    root = raw(tmp_path / "set")
    (root / "imagesTs").mkdir()
    with pytest.raises(TableError, match=r"no case can be used, no \*_0000.png in it"):
        index(root, tmp_path / "tables")
    for part in ("Tr", "Ts"):
        case(root, "W1_LEFT_CC", label(), part)
    with pytest.raises(LeakError, match="1 women have cases in imagesTr and in imagesTs, first W1"):
        index(root, tmp_path / "tables")


def test_nifti_lies_as_the_film_does(tmp_path: Path) -> None:
    import nibabel

    root, values = raw(tmp_path / "set", ending=".nii.gz"), label((1, 2, 20))
    for folder, name, array in (("images", "W1_LEFT_CC_0000", values * 9), ("labels", "W1_LEFT_CC", values)):
        (root / f"{folder}Ts").mkdir()
        image = nibabel.Nifti1Image(array.T[..., None].astype(np.int16), np.diag([-1.0, -1, 1, 1]))
        nibabel.save(image, root / f"{folder}Ts" / f"{name}.nii.gz")
    tables, _ = index(root, tmp_path / "tables")
    (outline,) = outlines_of(tables.lesions, SIZE)
    assert np.array_equal(outline.on_film, values > 0)


def test_our_own_export_comes_back(drawn_set, tmp_path: Path) -> None:
    """At the films' own size every lesion keeps its place, kind, pathology and part."""
    tables: Tables = index_own_data(drawn_set.root)
    films = tables.films[tables.films["patient_id"] < "W020"]
    few = Tables(
        films, tables.lesions[tables.lesions["image_id"].isin(films["image_id"])], tables.refused, tables.about
    )
    split = make_split(few, "random", 1)
    export_nnunet(few, split, tmp_path / "Dataset501_drawn", rows=160, workers=1)
    again, _ = index(tmp_path / "Dataset501_drawn", tmp_path / "tables")
    assert len(again.films) == len(few.films) == 40 and len(again.lesions) == 40 and not len(again.refused)
    tested = set(again.films.loc[again.films["official_part"] == "test", "patient_id"])
    assert tested == split.women("test")
    for image_id in films["image_id"]:
        (old,), (new,) = (outlines_of(t.lesions_of(image_id), (160, 112)) for t in (few, again))
        assert (old.kind, old.malignant) == (new.kind, new.malignant)
        assert np.array_equal(old.on_film, new.on_film)
