"""Splits: a woman has one part, whatever the rule."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammomap.errors import ConfigError, LeakError, TableError
from mammomap.masks.splits import PARTS, inner_splits, make_split, read_split
from mammomap.masks.tables import Tables, make_tables


def tables_of(women: int, films_each: int = 2, fold: bool = True) -> Tables:
    films, lesions = [], []
    for woman in range(women):
        for film in range(films_each):
            image_id = f"{woman}_{film}"
            films.append(
                dict(image_id=image_id, patient_id=f"P{woman}", side="LEFT", view=f"V{film}", path="x", rows=9, cols=9)
                | dict(malignant=woman % 3 == 0, kinds_outlined="mass", source="t", fold=woman % 5 if fold else None)
                | dict(official_part="test" if woman % 4 == 0 and film == 0 else "train")
            )
            pathology = "MALIGNANT" if woman % 3 == 0 else "BENIGN"
            lesions.append(
                dict(image_id=image_id, lesion_id="1", kind="mass", pathology=pathology, outline="box")
                | dict(row0=1, col0=1, row1=4, col1=4)
            )
    return make_tables(films, lesions)


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 80), st.sampled_from(["random", "official", "fold:0", "fold:3"]), st.integers(0, 5))
def test_no_woman_in_two_parts_and_no_film_lost(women: int, rule: str, seed: int) -> None:
    tables = tables_of(women)
    split = make_split(tables, rule, seed)
    films = [split.tables(tables, part).films for part in PARTS]
    assert sum(len(part) for part in films) == len(tables.films)
    women_of = [set(part["patient_id"]) for part in films]
    for one in range(4):
        for other in range(one):
            assert not women_of[one] & women_of[other]
    assert make_split(tables, rule, seed) == split


def test_shares_and_strata() -> None:
    tables = tables_of(300)
    split = make_split(tables, "fold:0", 1)
    assert {part: len(split.women(part)) for part in PARTS} == {"net": 180, "validation": 19, "head": 41, "test": 60}
    for part in PARTS:
        films = split.tables(tables, part).films
        assert abs(films["malignant"].to_numpy(float).mean() - 1 / 3) < 0.04


def test_official_takes_the_whole_woman() -> None:
    """Her other film stands in the training list; she is a test woman all the same."""
    tables = tables_of(40)
    test = make_split(tables, "official", 0).tables(tables, "test").films
    assert set(test["official_part"]) == {"train", "test"} and len(set(test["patient_id"])) == 10


def test_a_split_survives_its_file_and_a_leak_does_not(tmp_path: Path) -> None:
    split = make_split(tables_of(30), "random", 2)
    split.write(tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == split
    (tmp_path / "bad.csv").write_text("patient_id,part\nP1,net\nP1,test\n")
    with pytest.raises(LeakError, match="P1 stands in two rows"):
        read_split(tmp_path / "bad.csv")
    (tmp_path / "odd.csv").write_text("patient_id,part\nP1,train\n")
    with pytest.raises(TableError, match="part 'train'"):
        read_split(tmp_path / "odd.csv")


@pytest.mark.parametrize("rule", ["fold:7", "fold:x", "halves"])
def test_unknown_rules_are_refused(rule: str) -> None:
    with pytest.raises(ConfigError, match="split"):
        make_split(tables_of(10), rule, 0)


def test_inner_folds_hold_every_untested_woman_once_and_never_train_on_her() -> None:
    tables = tables_of(60)
    outer = make_split(tables, "random", 3)
    inner = inner_splits(outer, tables, 4, seed=5)
    untested = outer.women("net", "validation", "head")
    held = [split.women("head") for split in inner]
    assert sum(map(len, held)) == len(untested) and frozenset().union(*held) == untested
    for split in inner:
        assert split.women("test") == outer.women("test") and split.rule == outer.rule
        assert not split.women("head") & split.women("net", "validation")
        assert split.women("net", "validation", "head") == untested
        assert len(split.women("validation")) >= 3 and len(split.women("net")) > 8 * len(split.women("validation"))
    assert inner_splits(outer, tables, 4, seed=5) == inner and inner_splits(outer, tables, 4, seed=6) != inner


def test_inner_folds_are_the_sets_own_where_there_are_as_many() -> None:
    tables = tables_of(60)
    of_fold = [frozenset(f"P{woman}" for woman in range(60) if woman % 5 == k) for k in range(5)]
    outer = make_split(tables, "fold:1", 3)
    assert [split.women("head") for split in inner_splits(outer, tables, 4, seed=5)] == [
        of_fold[k] for k in (0, 2, 3, 4)
    ]
    everybody = make_split(tables, "all", 3)
    inner = inner_splits(everybody, tables, 5, seed=5)
    assert [split.women("head") for split in inner] == of_fold
    assert all(split.women("net") == everybody.women("net") - split.women("head") for split in inner)
    assert all(split.women("head") not in of_fold for split in inner_splits(outer, tables, 3, seed=5))


def test_by_the_rule_all_everybody_trains() -> None:
    tables = tables_of(12)
    assert make_split(tables, "all", 3).part_of == dict.fromkeys(tables.films["patient_id"], "net")
