"""What studies keep of a report: the same figures come back, and other films are refused."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge import Said, judge_system

STUDY = Path(__file__).resolve().parents[2] / "study"
NETS = STUDY / "nets" / "films"


def report_of(facts: dict) -> dict:
    """As much of a report as is kept."""
    curves = dict.fromkeys(("froc", "images", "dice", "pixels"), "left out")
    return {
        "systems": [facts["said"] | curves],
        "data": facts["data"],
        "made": {"date": facts["date"]},
        "runs": [{"facts": facts["run"]}],
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 12 learned weights."""
    (tmp_path / "run").mkdir()
    weights = {"a.weight": np.zeros((3, 2, 1, 1), np.float32), "a.bias": np.zeros(3, np.float32)}
    batch_norm = {"b.weight": np.ones(3, np.float32), "b.running_mean": np.zeros(3, np.float32)}
    save_file(weights | batch_norm | {"b.num_batches_tracked": np.array([7])}, tmp_path / "run" / "model.safetensors")
    (tmp_path / "run" / "log.jsonl").write_text("{}\n")
    return tmp_path / "run"


def test_what_is_kept_comes_back(studies, tmp_path: Path, run: Path) -> None:
    kept = studies("kept")
    facts, evidence = kept.kept(NETS, "fpn")
    report = report_of(facts)
    report["runs"][0]["facts"] |= {"split": str(tmp_path / "split.csv")}
    kept.keep(evidence, report, run, tmp_path, "again", seen=facts["seen"])
    told, back = kept.kept(tmp_path, "again")
    assert told == facts | {"parameters": 12, "run": facts["run"] | {"split": "split.csv"}}
    assert not {"froc", "images", "dice", "pixels"} & set(told["said"])
    for name in ("films", "lesions", "marks", "hits", "scores"):
        assert getattr(back, name).equals(getattr(evidence, name)), name
    assert sorted(path.name for path in tmp_path.glob("*.csv*")) == sorted(path.name for path in NETS.glob("*.csv*"))


def test_two_that_were_judged_on_other_films_do_not_stand_beside_each_other(studies, tmp_path: Path, run: Path) -> None:
    kept = studies("kept")
    facts, evidence = kept.kept(NETS, "fpn")
    shutil.copy(NETS / "lesions.csv", tmp_path)
    (tmp_path / "films.csv").write_text((NETS / "films.csv").read_text().replace("False", "True", 1))
    with pytest.raises(SystemExit, match=r"films.csv: the others were judged on other films"):
        kept.keep(evidence, report_of(facts), run, tmp_path, "fpn")


def some(evidence: Evidence, kept: np.ndarray) -> Evidence:
    """The evidence of some films, as if it were a report's own."""
    its = evidence.of(kept)
    hits = its.hits[its.hits["mark"].isin(its.marks["mark"]) & its.hits["lesion"].isin(its.lesions["lesion"])]
    return replace(its, hits=hits)


def test_folds_together_are_the_whole(studies) -> None:
    """Whether numbers of lesions and marks begin at 0 in each fold, as in a report of its own, or not."""
    kept = studies("kept")
    facts, whole = kept.kept(NETS, "fpn")
    first = whole.film_number.to_numpy() < 100
    folds = [some(whole, first), some(whole, ~first)]
    lesion, mark = int(folds[1].lesions["lesion"].min()), int(folds[1].marks["mark"].min())
    assert lesion > 0 and mark > 0
    of_its_own = replace(
        folds[1],
        lesions=folds[1].lesions.assign(lesion=folds[1].lesions["lesion"] - lesion),
        marks=folds[1].marks.assign(mark=folds[1].marks["mark"] - mark),
        hits=folds[1].hits.assign(mark=folds[1].hits["mark"] - mark, lesion=folds[1].hits["lesion"] - lesion),
    )
    said = Said.of_entry(facts["said"])
    for second in (of_its_own, folds[1]):
        together = kept.joined([folds[0], second])
        assert judge_system(together, said)[0]["froc"] == judge_system(whole, said)[0]["froc"]
    with pytest.raises(ValueError, match="two folds"):
        kept.joined([folds[0], folds[0]])


def test_folds_of_nets_with_scales_of_their_own_are_ranked_by_what_scores_cost(studies) -> None:
    kept = studies("kept")
    facts, whole = kept.kept(NETS, "fpn")
    said = Said.of_entry(facts["said"])

    def figures(evidence: Evidence) -> list:
        entry = judge_system(evidence, said)[0]
        rates = [row for which in entry["froc"].values() for row in which["at"]]
        return rates + [
            row["auc"] for row in entry["images"] if row["score"] == "map maximum" and row["level"] == "image"
        ]

    assert figures(kept.on_one_scale(whole)) == figures(whole)
    first = whole.film_number.to_numpy() < 100
    folds = [some(whole, first), some(whole, ~first)]
    other = replace(
        folds[1],
        marks=folds[1].marks.assign(score=folds[1].marks["score"] ** 3 / 2),
        scores=folds[1].scores.assign(map_max=folds[1].scores["map_max"] / 2),
    )

    def together(*its: Evidence) -> list:
        return figures(kept.joined(its))

    one = [kept.on_one_scale(fold) for fold in folds]
    assert together(one[0], kept.on_one_scale(other)) == together(*one) != together(folds[0], other)


def test_folds_of_uneven_size_are_joined_at_the_same_rate_of_false_positives(studies) -> None:
    kept = studies("kept")
    facts, whole = kept.kept(NETS, "fpn")
    said = Said.of_entry(facts["said"])

    def found(evidence: Evidence) -> tuple[float, int]:
        froc = judge_system(evidence, said)[0]["froc"]["any"]
        return next(row["value"] for row in froc["at"] if row["fp"] == 1), froc["lesions"]

    first = whole.film_number.to_numpy() < 40
    folds = [some(whole, among) for among in (first, ~first)]
    (one, few), (other, many) = (found(fold) for fold in folds)
    value, count = found(kept.joined([kept.on_one_scale(fold) for fold in folds]))
    assert count == few + many and value == pytest.approx((one * few + other * many) / count, abs=1e-5)


def test_only_the_strongest_marks_stay(studies) -> None:
    kept = studies("kept")
    _, evidence = kept.kept(NETS, "fpn")
    few = kept.strongest(evidence)
    for _, marks in few.marks.groupby(["system", "map"]):
        its = evidence.marks[
            (evidence.marks["map"] == marks["map"].iloc[0]) & ~evidence.marks["mark"].isin(marks["mark"])
        ]
        assert len(marks) == min(kept.MARKS * len(evidence.films), len(marks) + len(its))
        assert not len(its) or float(marks["score"].min()) >= float(its["score"].max())
    assert set(few.hits["mark"]) <= set(few.marks["mark"])
