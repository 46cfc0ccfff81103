"""The model on other sets: false marks are counted on films without a lesion alone, and a renamed fold is that fold."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammomap.masks.own_data import index_own_data


def test_a_renamed_fold_is_that_fold_under_names_that_nobody_has_seen(studies, drawn_set, tmp_path: Path) -> None:
    films = tmp_path / "films"
    shutil.copytree(drawn_set.root, films)
    women = [f"W{number:03d}" for number in range(drawn_set.women)]
    fold = np.arange(len(women)) % 5
    pd.DataFrame({"patient_id": women, "fold": fold}).to_csv(films / "folds.csv", index=False)
    made = index_own_data(studies("elsewhere").renamed(films, tmp_path / "copy"))
    before = index_own_data(films)
    own = before.films[before.films["patient_id"].isin(np.array(women)[fold == 4])]
    assert len(own) == 40 == len(made.films)
    assert not set(made.films["image_id"]) & set(before.films["image_id"])
    assert not set(made.films["patient_id"]) & set(before.films["patient_id"])
    assert made.films["source"].unique().tolist() == ["films, fold 4 renamed"]
    for now, was in zip(made.films.itertuples(), own.itertuples(), strict=True):
        assert (now.side, now.view) == (was.side, was.view)
        assert Path(now.path).read_bytes() == Path(was.path).read_bytes()
        columns = ["kind", "pathology", "outline", "row0", "col0", "row1", "col1"]
        its, theirs = made.lesions_of(now.image_id)[columns], before.lesions_of(was.image_id)[columns]
        assert len(its) and its.to_numpy().tolist() == theirs.to_numpy().tolist()
    grouped = made.films.groupby("patient_id")["image_id"].count()
    assert set(grouped) == {2} and len(grouped) == 20


def test_two_films_of_one_view_are_not_written_over_each_other(studies, drawn_set, tmp_path: Path) -> None:
    films = tmp_path / "films"
    shutil.copytree(drawn_set.root, films)
    table = pd.read_csv(films / "films.csv")
    table.assign(view="CC").to_csv(films / "films.csv", index=False)
    women = sorted(set(table["patient_id"]))
    pd.DataFrame({"patient_id": women, "fold": 4}).to_csv(films / "folds.csv", index=False)
    with pytest.raises(SystemExit, match="two films of one view"):
        studies("elsewhere").renamed(films, tmp_path / "copy")


def test_marks_are_counted_on_films_without_a_lesion(studies) -> None:
    """By the files as they are kept, without the evidence's own code."""
    kept, table = studies("kept"), studies("elsewhere_table")
    folder = table.FOLDER / "mini-mias"
    facts, evidence = kept.kept(folder, "net")
    count, found = table.false_marks(evidence, facts["candidate_point"])
    films, lesions, marks = (
        pd.read_csv(path) for path in (folder / "films.csv", folder / "lesions.csv", folder / "net" / "candidates.csv")
    )
    free = films[~films["image_id"].isin(lesions["image_id"]) & films["kinds_not_outlined"].isna()]["image_id"]
    strong = marks[(marks["map"] == "lesion") & (marks["score"] >= facts["candidate_point"])]
    on_free = strong[strong["image_id"].isin(free)]
    assert count == len(free) > 0
    assert found["marks per lesion-free film"].value == pytest.approx(len(on_free) / len(free))
    without = 1 - on_free["image_id"].nunique() / len(free)
    assert found["lesion-free films without one"].value == pytest.approx(without)
    assert len(on_free) < len(strong)
