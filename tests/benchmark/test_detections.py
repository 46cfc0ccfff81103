"""Marks, boxes, scores of images and women seen: read as they stand, refused in one line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from mammomap.benchmark.detections import read_marks, read_scores, read_women
from mammomap.benchmark.systems import read_system
from mammomap.errors import MammomapError, TableError
from mammomap.masks.mapfile import women_codes

FILMS = pd.DataFrame([{"image_id": "a", "rows": 100, "cols": 80}, {"image_id": "b", "rows": 50, "cols": 40}])


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_box_is_judged_by_its_centre(tmp_path: Path) -> None:
    """Pixels 10 to 19 down and 5 to 7 across: the centre is (14.5, 6)."""
    path = write(tmp_path / "b.csv", "image_id,map,row0,col0,row1,col1,score", "a,lesion,10,5,20,8,0.7")
    marks = read_marks(path)
    assert marks[["row", "col", "row0", "col0", "row1", "col1", "score"]].to_numpy().tolist() == [
        [14.5, 6, 10, 5, 20, 8, 0.7]
    ]
    system = read_system("d", path, FILMS)
    assert (
        system.origin == "boxes, each judged by its centre, in b.csv; a film without marks counts as searched and empty"
    )
    assert system.marks["map"].tolist() == ["lesion", "malignancy"] and system.map_max == {"a": 0.7}
    assert "no marks of malignancy: those of lesions stand for both" in system.notes
    assert system.film_map is None


def test_marks_of_both_maps_are_kept_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "image_id,map,row,col,score", "a,lesion,1,2,5", "a,malignant,3,4,-2")
    system = read_system("d", path, FILMS)
    assert system.marks["map"].tolist() == ["lesion", "malignancy"] and system.map_max == {"a": -2}
    assert "row0" not in system.marks and not any("stand for both" in note for note in system.notes)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (
            ["image_id,map,row0,col0,row1,score", "a,lesion,1,1,2,1"],
            "column 'row' is missing; wanted image_id, map, row",
        ),
        (["image_id,map,row0,col0,row1,col1", "a,lesion,1,1,2,2"], "column 'score' is missing; wanted .*row0"),
        (["image_id,map,row0,col0,row1,col1,score", "a,lesion,9,1,9,2,1"], "line 2: a box without area"),
        (["image_id,map,row,col,score", "a,lesion,1,1,1", "a,lesion,x,1,1"], "line 3: row is 'x', not a finite number"),
        (["image_id,map,row,col,score", "a,lesion,1,1,"], "line 2: score is '(nan)?'"),
        (["image_id,map,row,col,score", ",lesion,1,1,1"], "line 2: image_id is empty"),
        (["image_id,map,row,col,score", "a,,1,1,1"], "map '', wanted lesion or malignancy"),
        (
            ["image_id,map,row,col,score", "a,lesion,100,1,1"],
            r"1 of 1 marks lie off their film, first \(100, 1\) on a of 100",
        ),
        (["image_id,map,row,col,score", "a,lesion,1,-0.6,1"], "1 of 1 marks lie off their film"),
    ],
)
def test_faulty_marks_are_refused(lines: list[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=reason) as caught:
        read_system("d", write(tmp_path / "m.csv", *lines), FILMS)
    assert "\n" not in str(caught.value)


def test_a_mark_may_stand_on_the_outermost_pixel(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "image_id,map,row,col,score", "a,lesion,99.5,-0.5,1", "other,lesion,999,1,1")
    assert len(read_system("d", path, FILMS).marks) == 4


def test_a_folder_brings_scores_and_women_beside_its_marks(tmp_path: Path) -> None:
    write(tmp_path / "boxes.csv", "image_id,map,row0,col0,row1,col1,score", "a,lesion,10,5,20,8,0.7")
    write(tmp_path / "scores.csv", "image_id,probability,score", "a,0.25,12", "b,0,3")
    write(tmp_path / "women_seen.txt", "# trained on", "W001", "", " W002 ")
    system = read_system("d", tmp_path, FILMS)
    assert system.films == {"a", "b"}
    assert system.probability == {"a": 0.25, "b": 0} and system.image_scores == {"a": 12, "b": 3}
    assert system.women_seen == frozenset(women_codes(["W001", "W002"]))
    assert not any("women_seen" in note for note in system.notes)
    write(tmp_path / "marks.csv", "image_id,map,row,col,score")
    with pytest.raises(TableError, match="marks.csv and boxes.csv; wanted one"):
        read_system("d", tmp_path, FILMS)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["image_id,logit", "a,1"], "columns image_id, logit; wanted image_id and score or probability"),
        (["image_id,probability", "a,1.5"], "probability 1.5 of a, wanted 0 to 1"),
        (["image_id,score", "a,1", "a,2"], "a stands twice"),
        (["image_id,score", "a,inf"], "line 2: score is 'inf'"),
    ],
)
def test_faulty_scores_are_refused(lines: list[str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(TableError, match=reason):
        read_scores(write(tmp_path / "scores.csv", *lines))


def test_scores_for_some_maps_only_are_refused(tmp_path: Path) -> None:
    import numpy as np

    for film in FILMS.itertuples():
        np.savez(tmp_path / f"{film.image_id}.npz", lesion=np.zeros((film.rows, film.cols)))
    write(tmp_path / "scores.csv", "image_id,score", "a,1")
    with pytest.raises(TableError, match="no score for 1 films, first b"):
        read_system("d", tmp_path, FILMS)


def test_a_list_of_women_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "women_seen.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MammomapError, match="not a text of patient_ids"):
        read_women(tmp_path / "women_seen.txt")
