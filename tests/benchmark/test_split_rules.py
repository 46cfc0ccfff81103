"""A benchmark by a rule on lists: what counts for nothing is no lesion, no label and no false positive."""

from pathlib import Path

import pytest

from mammomap.benchmark.run import Asked, benchmark
from mammomap.benchmark.systems import read_system
from mammomap.benchmark.truth import read_truth
from mammomap.errors import LeakError
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import make_split
from mammomap.masks.tables import Tables, make_tables


def tables() -> Tables:
    """Six women train; of six tested ones each has a mass, and three a malignant calcification of the other list."""
    films, lesions = [], []
    for woman in range(12):
        name = "mass-train" if woman < 6 else "mass-test"
        other = "calc-train" if 6 <= woman < 9 else ""
        image_id = f"P{woman:02d}_LEFT_CC"
        film = dict(image_id=image_id, patient_id=f"P{woman:02d}", side="LEFT", view="CC", path="x", rows=100, cols=80)
        film |= dict(source="t", kinds_outlined="calcification+mass", lists="+".join(filter(None, (name, other))))
        films.append(film | dict(malignant=bool(woman % 2 or other)))
        box = dict(image_id=image_id, outline="box", row0=10, col0=10, row1=30, col1=30)
        pathology = "MALIGNANT" if woman % 2 else "BENIGN"
        lesions.append(box | dict(lesion_id="mass_1", kind="mass", pathology=pathology, source_list=name))
        if other:
            place = dict(row0=60, col0=50, row1=80, col1=70, lesion_id="calcification_1", kind="calcification")
            lesions.append(box | place | dict(pathology="MALIGNANT", source_list=other))
    return make_tables(films, lesions)


def marks(folder: Path) -> Path:
    """On every film a mark in the mass; on the three a stronger one in the calcification."""
    rows = [f"P{w:02d}_LEFT_CC,{m},20,20,0.5" for w in range(6, 12) for m in ("lesion", "malignancy")]
    rows += [f"P{w:02d}_LEFT_CC,{m},70,60,0.9" for w in range(6, 9) for m in ("lesion", "malignancy")]
    (folder / "marks.csv").write_text("image_id,map,row,col,score\n" + "\n".join(rows) + "\n")
    return folder / "marks.csv"


@pytest.mark.parametrize(("rule", "lesions", "malignant"), [("mass-official", 6, 3), ("official-leak-free", 6, 3)])
def test_lesions_of_other_lists_change_nothing(tmp_path: Path, rule: str, lesions: int, malignant: int) -> None:
    read = tables()
    truth = read_truth(read, make_split(read, rule, 1), "test")
    system = read_system("marks", marks(tmp_path))
    report, _ = benchmark(truth, [system], tmp_path / "report", Asked(title="t", pictures=False))
    data, froc = report["data"], report["systems"][0]["froc"]
    sticks = {row["name"]: row for row in report["yardsticks"]}
    assert "the radiologists' BI-RADS" not in sticks  # this set has none
    assert sticks["largest lesion area"]["auc"]["value"] == 0.5 and sticks["film size (rows x cols)"]["n"] == 6
    assert "largest lesion area" in (tmp_path / "report" / "index.html").read_text()
    assert (data["films"], data["lesions"], data["malignant_films"]) == (6, lesions, malignant)
    assert "of its side" in data["label_rule"] and data["leak_rule"]
    assert any("3 lesions count for nothing" in note for note in data["notes"])
    assert froc["any"]["lesions"] == lesions and froc["malignant"]["lesions"] == malignant
    assert [at["value"] for at in froc["any"]["at"]] == [1.0] * len(froc["any"]["at"])


def test_all_lesions_count_without_a_rule_on_lists(tmp_path: Path) -> None:
    report, _ = benchmark(
        read_truth(tables(), None, None),
        [read_system("marks", marks(tmp_path))],
        tmp_path / "report",
        Asked(title="t", pictures=False),
    )
    assert report["data"]["lesions"] == 15 and report["data"]["malignant_films"] == 8


def test_a_net_of_one_list_is_refused_on_women_it_has_seen(tmp_path: Path) -> None:
    from mammomap.benchmark.truth import check_systems

    read = tables()
    truth = read_truth(read, make_split(read, "mass-official", 1), "test")
    system = read_system("marks", marks(tmp_path))
    system.women_seen = frozenset(women_codes(["P07", "P01"]))
    with pytest.raises(LeakError, match="has seen 1 of these women, first P07"):
        check_systems(truth, [system], in_sample=False)
