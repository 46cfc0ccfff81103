"""mini-MIAS and CDD-CESM: small sets made by hand, and the real ones where they lie."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammomap.errors import TableError
from mammomap.masks.index import index
from mammomap.masks.outlines import outlines_of

MIAS = """Some words about the set.
mdb001 G CIRC B 30 20 6
mdb002 D NORM
mdb003 F SPIC M 10 50 4
mdb003 F CALC B 40 50 3
mdb004 F CALC M *NOTE 3*
mdb005 F ASYM B 5 5 2
"""
HEAD = "image_id,patient_id,side,view,image,mask,pathology,density,birads,findings,age\n"


def picture(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)


def test_mini_mias_by_hand(tmp_path: Path) -> None:
    root = tmp_path / "set"
    for number in range(1, 5):
        picture(root / f"mdb00{number}.{'pgm' if number < 3 else 'png'}", np.full((64, 48), 90, np.uint8))
    (root / "Info.txt").write_text(MIAS)
    tables, done = index(root, tmp_path / "tables")
    assert done and not index(root, tmp_path / "tables")[1]
    films = tables.films.set_index("image_id")
    assert films["patient_id"].to_dict() == {"mdb001": "mias_001", "mdb002": "mias_001", "mdb003": "mias_002"}
    assert films["side"].to_dict() == {"mdb001": "RIGHT", "mdb002": "LEFT", "mdb003": "RIGHT"}
    assert films["malignant"].to_dict() == {"mdb001": False, "mdb002": False, "mdb003": True}
    assert not len(tables.lesions_of("mdb002")) and set(films["spacing_mm"]) == {0.2}
    (circle,) = outlines_of(tables.lesions_of("mdb001"), (64, 48))
    assert circle.contains(np.array([[63 - 20, 30], [63 - 20 + 6, 30], [63 - 20 + 6.1, 30]])).tolist() == [1, 1, 0]
    assert tables.lesions_of("mdb003")["kind"].tolist() == ["mass", "calcification"]
    told = dict(zip(tables.refused["path"].str[-7:-1], tables.refused["reason"], strict=True))
    assert "no circle" in told["mdb004"] and "no picture mdb005" in told["mdb005"]
    assert tables.about["rows_listed"] == 6 == tables.about["rows_read"] + tables.about["rows_set_aside"]


def test_cdd_cesm_by_hand(tmp_path: Path) -> None:
    root, size = tmp_path / "set", (200, 150)
    mask = np.zeros(size, np.uint8)
    mask[20:40, 30:60], mask[100:130, 10:30], mask[150, 100] = 255, 255, 255  # two lesions and a speck
    mask[25:28, 40:44] = 0  # a hole
    for name in ("a", "b", "c"):
        picture(root / f"images/{name}.png", np.full(size, 80, np.uint8))
    picture(root / "masks/a.png", mask)
    picture(root / "masks/b.png", mask[:100])
    rows = [
        "a,P1,L,CC,images/a.png,masks/a.png,Malignant,C,4$2,High density mass,50",
        "b,P2,RIGHT,MLO,images/b.png,masks/b.png,BENIGN,B,2,Benign macrocalcification,50",
        "c,P3,RIGHT,CC,images/c.png,,NORMAL,_,1,Normal,50",
        "d,P4,RIGHT,CC,images/d.png,,NORMAL,_,1,Normal,50",
        "e,P5,RIGHT,CC,images/c.png,masks/a.png,NORMAL,_,1,Normal,50",
    ]
    (root / "table.csv").write_text(HEAD + "\n".join(row.replace(",L,", ",LEFT,") for row in rows) + "\n")
    tables, _ = index(root, tmp_path / "tables")
    assert tables.films["image_id"].tolist() == ["a", "c"] and tables.films["malignant"].tolist() == [True, False]
    assert tables.films["density"].fillna(0).tolist() == [3, 0] and tables.about["specks_left_out"] == 1
    lesions = tables.lesions_of("a")
    first, second = outlines_of(lesions, size)
    true = np.zeros(size, bool)
    true[20:40, 30:60] = True
    assert (first.on_film == true).all() and second.on_film.sum() == 30 * 20 and not first.approximate
    assert lesions["kind"].tolist() == ["mass", "mass"] and lesions["assessment"].tolist() == [4, 4]
    assert [len(json.loads(text)) for text in lesions["polygon"]] == [4, 4]
    reasons = "; ".join(tables.refused["reason"])
    assert "mask of 100 x 150" in reasons and "no such file" in reasons and "called NORMAL, but" in reasons


def test_a_list_without_any_picture_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Info.txt").write_text(MIAS)
    with pytest.raises(TableError, match="no film can be used"):
        index(tmp_path, tmp_path / "tables")
    (tmp_path / "Info.txt").write_text("nothing of the kind")
    with pytest.raises(TableError, match="no set that is known"):
        index(tmp_path, tmp_path / "tables")


def test_the_real_sets(real_data: Path, tmp_path: Path) -> None:
    mias, _ = index(real_data / "mini_mias", tmp_path / "mias")
    assert (len(mias.films), mias.films["patient_id"].nunique(), len(mias.lesions)) == (239, 121, 87)
    assert len(set(mias.films["image_id"]) - set(mias.lesions["image_id"])) == 157
    assert mias.about["rows_listed"] == 330 and sum("no circle" in reason for reason in mias.refused["reason"]) == 3
    cesm, _ = index(real_data / "cdd_cesm", tmp_path / "cesm")
    assert (len(cesm.films), cesm.films["patient_id"].nunique(), len(cesm.refused)) == (249, 135, 0)
    for film in cesm.films.iloc[::25].itertuples():
        mask = cv2.imread(str(real_data / "cdd_cesm" / "masks" / f"{film.image_id}.png"), 0)
        assert mask is not None
        found = np.logical_or.reduce([o.on_film for o in outlines_of(cesm.lesions_of(film.image_id), mask.shape)])
        assert (found & (mask > 127)).sum() >= (mask > 127).sum() - 0.001 * mask.size
        assert (found & (mask <= 127)).sum() <= 0.02 * mask.size
