"""What the tables hold of films whose truth is not known, or known without a place."""

import hashlib

import pytest

from mammomap.errors import TableError
from mammomap.masks.splits import make_split
from mammomap.masks.tables import Tables, make_tables

BOTH = "calcification+mass"
FILM = {"side": "LEFT", "view": "CC", "path": "x", "rows": 9, "cols": 9, "kinds_outlined": "mass", "source": "s"}
BOX = {"kind": "mass", "pathology": "MALIGNANT", "outline": "box", "row0": 1, "col0": 1, "row1": 3, "col1": 3}


def film(image_id: str, malignant: bool = False, **more) -> dict:
    return FILM | {"image_id": image_id, "patient_id": f"w{image_id}", "malignant": malignant} | more


def lesion(image_id: str, **more) -> dict:
    return BOX | {"image_id": image_id, "lesion_id": "1"} | more


def test_a_label_without_a_place_is_allowed_only_where_the_table_says_so() -> None:
    tables = make_tables([film("a", True, kinds_not_outlined="mass")], [])
    assert tables.films["malignant"].tolist() == [True]
    for bad in ([film("a", True)], [film("a", False, kinds_not_outlined="mass")]):
        with pytest.raises(TableError, match="'malignant' contradicts"):
            make_tables(bad, [] if bad[0]["malignant"] else [lesion("a")])


@pytest.mark.parametrize(
    ("row", "lesions"),
    [
        (film("a", truth="unknown"), []),
        (film("a", True, truth="unknown", kinds_not_outlined=BOTH), []),
        (film("a", truth="unknown", kinds_not_outlined=BOTH), [lesion("a", pathology="BENIGN")]),
    ],
)
def test_a_film_of_unknown_truth_has_no_label_and_no_lesion(row: dict, lesions: list[dict]) -> None:
    with pytest.raises(TableError, match="of unknown truth have a label, a lesion or no kinds_not_outlined"):
        make_tables([row], lesions)


def test_no_split_deals_a_woman_of_whom_nothing_is_known() -> None:
    unknown = {"truth": "unknown", "kinds_not_outlined": BOTH}
    films = [film("a", True), film("b"), film("c", **unknown), film("d", **unknown, patient_id="wa")]
    tables = make_tables(films, [lesion("a")])
    assert tables.with_truth().films["image_id"].tolist() == ["a", "b"]
    split = make_split(tables, "random", 1)
    assert set(split.part_of) == {"wa", "wb"}
    together = split.tables(tables, *set(split.part_of.values()))
    assert together.films["image_id"].tolist() == ["a", "b", "d"]  # it follows its woman, and is mapped


def test_columns_that_came_later_leave_the_hash_alone_where_they_are_empty() -> None:
    plain = make_tables([film("a", True)], [lesion("a")])
    digest = hashlib.sha256()
    for frame, later in ((plain.films, ["path", "flags", "truth"]), (plain.lesions, ["mask_path"])):
        digest.update(frame.drop(columns=later).to_csv(index=False).encode())
    assert plain.hash == digest.hexdigest()[:12]
    flagged: Tables = make_tables([film("a", True, flags="spot")], [lesion("a")])
    assert flagged.hash != plain.hash
