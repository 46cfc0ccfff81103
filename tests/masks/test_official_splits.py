"""The rules on CBIS-DDSM's lists: counts on the real ones, and what counts on which side in a set made by hand."""

from pathlib import Path

import numpy as np
import pytest

from mammomap.errors import ConfigError, LeakError
from mammomap.masks.cbis_lists import read_lists
from mammomap.masks.split_rules import RULES, rule_named
from mammomap.masks.splits import Split, make_split, read_split
from mammomap.masks.tables import Tables, make_tables

LOOKS = {"rows": 9, "cols": 9, "path": "x", "source": "t", "kinds_outlined": "calcification+mass"}
BOX = {"outline": "box", "row0": 1, "col0": 1, "row1": 4, "col1": 4}


def tables_of(rows: list[tuple]) -> Tables:
    """Tables of (patient, view, list, number, pathology)."""
    films: dict[str, dict] = {}
    lesions = []
    for patient, view, name, number, pathology in rows:
        image_id = f"{patient}_LEFT_{view}"
        film = films.setdefault(image_id, dict(image_id=image_id, patient_id=patient, side="LEFT", view=view, **LOOKS))
        film["lists"] = "+".join(filter(None, (film.get("lists"), name)))
        film["malignant"] = film.get("malignant", False) or pathology == "MALIGNANT"
        film["official_part"] = "test" if "test" in film["lists"] else "train"
        kind = "mass" if name.startswith("mass") else "calcification"
        lesion = dict(image_id=image_id, lesion_id=f"{kind}_{number}", kind=kind, source_list=name)
        lesions.append(lesion | {"pathology": pathology} | BOX)
    return make_tables(list(films.values()), lesions)


@pytest.fixture(scope="module")
def real(real_data: Path) -> Tables:
    listed = read_lists(real_data / "cbis_ddsm_tables")
    sides = {row.image_id: f"{row.side}{row.view}" for row in listed}
    rows = [(row.patient, sides[row.image_id], row.list, row.abnormality, row.pathology) for row in listed]
    return tables_of(rows)


@pytest.mark.parametrize(
    ("rule", "train", "test"),
    [
        ("official-leak-free", (2356, 1065), (641, 262)),
        ("official", (2420, 1097), (641, 262)),
        ("mass-official", (1231, 602), (361, 145)),
        ("calc-official", (1227, 509), (284, 119)),
    ],
)
def test_films_and_malignant_ones_of_the_real_lists(
    real: Tables, rule: str, train: tuple[int, int], test: tuple[int, int]
) -> None:
    split = make_split(real, rule, 1)
    sides = [split.tables(real, "net", "validation", "head"), split.tables(real, "test")]
    assert [(len(t.films), int(np.sum(t.films["malignant"]))) for t in sides] == [train, test]
    both = set(sides[0].films["patient_id"]) & set(sides[1].films["patient_id"])
    assert len(both) == (31 if rule == "official" else 0) == len(split.on_both_sides)
    assert bool(split.warning) == (rule == "official") and split.rule is RULES[rule]


def test_a_net_of_one_list_has_seen_women_of_the_other_lists_test_part(real: Tables) -> None:
    mass, calc = make_split(real, "mass-official", 1), make_split(real, "calc-official", 1)
    assert len(mass.women("net", "validation", "head") & calc.women("test")) == 13
    assert len(calc.women("net", "validation", "head") & mass.women("test")) == 18


def test_shen_like_deals_the_training_lists(real: Tables) -> None:
    split = make_split(real, "shen-like", 1)
    women = {part: len(split.women(part)) for part in ("net", "validation", "head", "test")}
    total = sum(women.values())
    assert women["head"] == 0 and abs(women["test"] - 0.15 * total) <= 1
    assert abs(women["validation"] - 0.1 * (total - women["test"])) <= 2
    lists = set(split.tables(real, "test").films["lists"])
    assert all("train" in name for name in lists)


def test_k_folds_share_no_woman_and_are_alike(real: Tables) -> None:
    folds = [make_split(real, f"k-fold:{k}", 4).women("test") for k in range(5)]
    assert sum(len(fold) for fold in folds) == 1566 == len(frozenset().union(*folds))
    malignant = set(real.films.loc[real.films["malignant"], "patient_id"])
    assert max(len(f & malignant) for f in folds) - min(len(f & malignant) for f in folds) <= 3
    assert len(make_split(real, "k-fold:2/3", 4).women("test")) == 522
    for wrong in ("k-fold:5", "k-fold:x", "k-fold:3/3", "k-fold:"):
        with pytest.raises(ConfigError, match="k-fold"):
            make_split(real, wrong, 4)


def by_hand() -> Tables:
    """A leaks: benign mass in test, malignant calcification in train, on one film. B trains, C is tested."""
    return tables_of(
        [
            ("A", "CC", "mass-test", "1", "BENIGN"),
            ("A", "CC", "calc-train", "2", "MALIGNANT"),
            ("A", "MLO", "calc-train", "1", "MALIGNANT"),
            *[(f"B{n}", "CC", "mass-train", "1", "MALIGNANT") for n in range(8)],
            *[(f"B{n}", "CC", "calc-train", "2", "BENIGN") for n in range(4)],
            *[(f"C{n}", "CC", "calc-test", "1", "BENIGN") for n in range(3)],
        ]
    )


def test_lesions_of_the_other_side_count_for_nothing() -> None:
    tables = by_hand()
    test = make_split(tables, "official-leak-free", 1).tables(tables, "test")
    assert sorted(test.films["image_id"]) == ["A_LEFT_CC", *[f"C{n}_LEFT_CC" for n in range(3)]]
    assert set(test.films["malignant"]) == {False} and "of its side" in test.about["label_rule"]
    assert dict(zip(test.lesions["lesion_id"][:2], test.lesions["role"][:2], strict=True)) == {
        "calcification_2": "ignore",
        "mass_1": "lesion",
    }
    all_of_them = make_split(tables, "random", 1)
    whole = all_of_them.tables(tables, "net", "validation", "head", "test")
    assert np.sum(whole.films["malignant"]) == 10 and set(whole.lesions["role"]) == {"lesion"}


def test_the_other_kind_counts_for_nothing_in_a_list_of_one_kind() -> None:
    tables = by_hand()
    split = make_split(tables, "mass-official", 1)
    train = split.tables(tables, "net", "validation", "head")
    assert train.kinds_outlined == ("mass",) and len(train.films) == 8
    assert train.lesions.groupby("kind")["role"].first().to_dict() == {"calcification": "ignore", "mass": "lesion"}
    assert set(split.part_of) == {"A", *[f"B{n}" for n in range(8)]}


def test_official_says_who_is_on_both_sides_in_its_file_too(tmp_path: Path) -> None:
    tables = by_hand()
    split = make_split(tables, "official", 1)
    assert split.on_both_sides == {"A"} and "1 women stand on both sides" in split.warning
    assert "A" in split.women("test") and "A" in split.women("net", "validation", "head")
    split.write(tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == split
    text = (tmp_path / "split.csv").read_text()
    assert "+test" in text and "published lists as they are" in text
    (tmp_path / "split.csv").write_text(text.replace("official (seed 1)", "random (seed 1)"))
    with pytest.raises(LeakError, match="A stands on both sides"):
        read_split(tmp_path / "split.csv")


def test_rules_need_their_lists_and_refuse_a_woman_in_both() -> None:
    plain = tables_of([(f"B{n}", "CC", "mass-train", "1", "BENIGN") for n in range(9)])
    with pytest.raises(ConfigError, match="no lists calc-train"):
        make_split(plain, "calc-official", 1)
    leaking = tables_of([("A", "CC", "mass-train", "1", "BENIGN"), ("A", "MLO", "mass-test", "1", "BENIGN")])
    with pytest.raises(LeakError, match="1 women stand in both"):
        make_split(leaking, "mass-official", 1)


def test_every_rule_says_what_it_does() -> None:
    for name, rule in RULES.items():
        assert rule.leak_rule and rule.label_rule and rule_named(f"{name}:0 (seed 3)") is rule
    assert rule_named("my list").leak_rule.startswith("women as listed by hand")
    assert Split("x", {"A": "net"}).warning == ""
