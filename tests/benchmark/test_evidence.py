"""Evidence: it answers as the referee's own matching does, and what counts for nothing changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammomap.benchmark.collect import collect, places_of, said
from mammomap.benchmark.evidence import QUESTIONS, Evidence, read_evidence, write_evidence
from mammomap.benchmark.failures import differing, failures, found_at
from mammomap.benchmark.judge import judged, margins
from mammomap.benchmark.strata import strata
from mammomap.benchmark.systems import System
from mammomap.benchmark.trivial import BreastOf
from mammomap.benchmark.truth import Truth, read_truth
from mammomap.errors import TableError
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.regions import Region
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.outlines import Outline
from mammomap.masks.tables import make_tables

ROWS, COLS = 100, 80


def truth_of(lesions: dict[str, list[dict]], **films: dict) -> Truth:
    """Films `woman_view` of 100 x 80 pixels with lesions as polygons or boxes."""
    film_rows, lesion_rows = [], []
    for image_id, listed in lesions.items():
        woman, view = image_id.split("_")
        film = dict(image_id=image_id, patient_id=woman, side="LEFT", view=view, path="none", rows=ROWS, cols=COLS)
        film |= dict(source="drawn", kinds_outlined="mass")
        counted = [one for one in listed if one.get("role", "lesion") == "lesion"]
        film["malignant"] = any(one["pathology"] == "MALIGNANT" for one in counted)
        film_rows.append(film | films.get(image_id, {}))
        for number, one in enumerate(listed, start=1):
            lesion_rows.append(dict(image_id=image_id, lesion_id=str(number), kind="mass", outline="box") | one)
    return read_truth(make_tables(film_rows, lesion_rows), None, None)


def box(row: float, col: float, pathology: str = "MALIGNANT", half: int = 5, **more) -> dict:
    return dict(row0=row - half, col0=col - half, row1=row + half, col1=col + half, pathology=pathology) | more


def system_of(name: str, marks: list[tuple[str, float, float, float]]) -> System:
    """Marks (image_id, row, col, score) on both maps."""
    rows = [(i, m, r, c, s) for i, r, c, s in marks for m in ("lesion", "malignancy")]
    frame = pd.DataFrame(rows, columns=["image_id", "map", "row", "col", "score"])
    highest = frame.groupby("image_id")["score"].max().to_dict()
    return System(name, "drawn", frame, None, highest)


def sensitivity(evidence: Evidence, system: System, truth: Truth, which: str = "any") -> list[float]:
    entry = judged(evidence, [said(truth, system)])["systems"][0]
    return [at["value"] for at in entry["froc"][which]["at"]]


@pytest.fixture
def random_set() -> tuple[Truth, System]:
    """Thirty films of fifteen women with 0 to 3 lesions each, some ignored, and marks all over them."""
    rng = np.random.default_rng(3)
    lesions, marks = {}, []
    for woman in range(15):
        for view in ("CC", "MLO"):
            image_id = f"W{woman:02d}_{view}"
            lesions[image_id] = [
                box(
                    *rng.integers(10, 70, 2),
                    pathology=str(rng.choice(["MALIGNANT", "BENIGN"])),
                    role=str(rng.choice(["lesion", "lesion", "ignore"])),
                    half=int(rng.integers(4, 12)),
                )
                for _ in range(rng.integers(0, 4))
            ]
            marks += [(image_id, *rng.uniform(0, 79, 2), round(rng.uniform(), 1)) for _ in range(rng.integers(5, 25))]
    return truth_of(lesions), system_of("a", marks)


@pytest.mark.parametrize("rule", ["outline", "centre"])
@pytest.mark.parametrize("which", QUESTIONS)
def test_a_question_is_answered_as_by_the_referee(random_set, which: str, rule: str) -> None:
    truth, system = random_set
    evidence, _ = collect(truth, [system])
    films, known = [], []
    for image_id in truth.films["image_id"]:
        rows = system.marks[(system.marks["image_id"] == image_id) & (system.marks["map"] == QUESTIONS[which])]
        films.append(FilmMarks(rows[["row", "col"]].to_numpy(float), rows["score"].to_numpy(float)))
        known.append(
            [
                Lesion(Region(*o.part), malignant=o.malignant, ignored=o.ignored, contains=o.contains)
                for o in truth.outlines[image_id]
            ]
        )
    wanted = match(films, known, which=which, rule=rule)
    found = evidence.question("a", which, rule=rule)

    def told(marks, lesion_film):
        """Every mark with its film, score and fate, in an order of its own."""
        hits = {int(m): [] for m in marks.hit_mark}
        for m, lesion in zip(marks.hit_mark, marks.hit_lesion, strict=True):
            hits[int(m)].append(int(lesion))
        return sorted(
            (int(marks.film[k]), float(marks.score[k]), bool(marks.ignored[k]), sorted(hits.get(k, [])))
            for k in range(len(marks.film))
        ), list(lesion_film)

    assert told(found.marks, found.lesion_film) == told(wanted.marks, wanted.lesion_film)
    benign = [
        m for m in range(len(found.rows)) if any(not k.malignant and not k.ignored for k in _hit(known, films, m))
    ]
    assert len(benign) > 5  # so that what becomes of them is seen
    assert found.lesion_free.tolist() == wanted.lesion_free.tolist()


def _hit(known: list[list[Lesion]], films: list[FilmMarks], mark: int) -> list[Lesion]:
    """The lesions that hold the place of a mark, counted over all films."""
    for lesions, marks in zip(known, films, strict=True):
        if mark < len(marks.scores):
            return [one for one in lesions if one.contains and one.contains(marks.places[mark][None])[0]]
        mark -= len(marks.scores)
    return []


def test_the_tables_come_back_as_they_were_written(random_set, tmp_path: Path) -> None:
    truth, system = random_set
    evidence, _ = collect(truth, [system])
    write_evidence(evidence, tmp_path)
    told = [said(truth, system)]
    assert judged(read_evidence(tmp_path), told) == judged(evidence, told)
    (tmp_path / "hits.csv").unlink()
    with pytest.raises(TableError, match="hits.csv: no such file"):
        read_evidence(tmp_path)
    (tmp_path / "hits.csv").write_text("rule,mark\n")
    with pytest.raises(TableError, match="'lesion' is missing"):
        read_evidence(tmp_path)


def test_no_woman_and_no_path_stands_in_the_evidence(random_set) -> None:
    truth, system = random_set
    evidence, _ = collect(truth, [system])
    assert not set(evidence.films["woman"]) & set(truth.films["patient_id"])
    assert "path" not in evidence.films and "mask_path" not in evidence.lesions


def test_lesions_that_count_for_nothing_are_neither_hit_nor_false() -> None:
    """Two films: a lesion at (20, 20), on the first another at (60, 60) that is ignored and holds the highest mark."""
    lesions = {"A_CC": [box(20, 20), box(60, 60, role="ignore")], "B_CC": [box(20, 20)]}
    marks = [("A_CC", 60, 60, 0.9), ("A_CC", 20, 20, 0.5), ("B_CC", 20, 20, 0.4)]
    truth, system = truth_of(lesions), system_of("a", marks)
    evidence, _ = collect(truth, [system])
    for which in QUESTIONS:
        assert sensitivity(evidence, system, truth, which) == [1.0] * 7
    assert margins(evidence, "a") == {"A_CC": 0.5, "B_CC": 0.4}
    found = failures(evidence, "a")
    assert (found["lesions"], found["missed"], found["false_marks"]) == (2, 0, 0)
    counted = truth_of({**lesions, "A_CC": [box(20, 20)]})
    false = collect(counted, [system])[0]
    assert sensitivity(false, system, counted)[:2] == [0.0, 0.0]  # one false mark on two films leads
    assert margins(false, "a")["A_CC"] == pytest.approx(-0.4)


def test_pixels_of_ignored_lesions_are_left_out_of_overlap() -> None:
    """The found mask is the lesion and the ignored one: Dice 1, and with the second counted as background less."""
    square = "[[15, 15], [15, 25], [25, 25], [25, 15]]"
    other = "[[55, 55], [55, 65], [65, 65], [65, 55]]"

    def read(role: str | None) -> tuple[pd.DataFrame, dict]:
        listed = [dict(outline="polygon", polygon=square, pathology="MALIGNANT")]
        if role:
            listed.append(dict(outline="polygon", polygon=other, pathology="BENIGN", role=role))
        truth = truth_of({"A_CC": listed, "B_CC": listed})
        found = np.zeros((ROWS, COLS), np.float32)
        found[15:26, 15:26] = found[55:66, 55:66] = 1
        film_map = FilmMap(found, found, np.ones_like(found, bool), Grid.whole(ROWS, COLS))
        system = replace(system_of("a", [("A_CC", 20, 20, 1.0)]), film_map=lambda _: film_map)
        system.points = {"lesion pixel": 0.5}
        evidence, readings = collect(truth, [system])
        return readings["a"].overlap, judged(evidence, [said(truth, system)])["systems"][0]["dice"]["masses"]

    (ignored, dice), (absent, less) = read("ignore"), read(None)
    assert dice["by_film"]["dice"]["mean"]["value"] == dice["pooled"]["dice"]["value"] == 1.0
    assert less["by_film"]["dice"]["median"] == less["pooled"]["dice"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    assert less["by_lesion"]["dice"]["mean"]["value"] == 1.0 and less["by_lesion"]["n"] == 2
    assert less["by_film"]["hausdorff_95_px"]["mean"]["value"] > 20 and "hausdorff_95_mm" not in less["by_film"]
    assert ignored.loc[ignored["lesion"] < 0, ["tp", "fp", "fn"]].to_numpy().tolist() == [[121, 0, 0]] * 2
    assert absent.loc[absent["lesion"] < 0, ["tp", "fp", "fn"]].to_numpy().tolist() == [[121, 121, 0]] * 2
    assert read("lesion")[0]["lesion"].tolist() == [-1, 0, 1, -1, 2, 3]


def test_a_group_of_lesions_ignores_the_others() -> None:
    """Subtle lesions are found, obvious ones are not; hits on the others are no false marks of a group."""
    lesions = {f"W{k}_CC": [box(20, 20, subtlety=1), box(60, 60, subtlety=5)] for k in range(4)}
    marks = [(name, 20, 20, 0.9) for name in lesions] + [(name, 20, 60, 0.5) for name in lesions]
    truth, system = truth_of(lesions), system_of("a", marks)
    evidence, _ = collect(truth, [system])
    rows = {(row["name"], row["value"]): row for row in strata(evidence, "a")}
    subtle, obvious = rows["subtlety", "1"], rows["subtlety", "5"]
    assert (subtle["sensitivity_at_1"]["value"], obvious["sensitivity_at_1"]["value"]) == (1.0, 0.0)
    assert (subtle["lesions"], subtle["women"], subtle["too_few"], subtle["of"]) == (4, 4, True, "lesions")
    among = (evidence.lesions["subtlety"] == "5").to_numpy()
    question = evidence.question("a", "any", among=among)
    assert question.false.sum() == 4 and question.marks.ignored is not None and question.marks.ignored.sum() == 4


def test_sizes_are_grouped_by_share_or_by_millimetres() -> None:
    """Boxes of side 2, 5 and 10: diameters 2.26, 5.6 and 11.3 % of the film's height."""
    lesions = {f"W{k}_CC": [box(30, 30, half=half)] for k, half in enumerate((1, 2.5, 5))}
    truth, system = truth_of(lesions), system_of("a", [("W0_CC", 30, 30, 1.0)])
    evidence, _ = collect(truth, [system])
    sizes = [row["value"] for row in strata(evidence, "a") if row["name"].startswith("size")]
    assert sizes == ["2 to 4 %", "4 to 8 %", "from 8 %"]
    truth = truth_of(lesions, **{name: {"spacing_mm": 2.0} for name in lesions})
    evidence, _ = collect(truth, [system])
    assert evidence.lesions["size_mm"].round(1).tolist() == [4.5, 11.3, 22.6]
    sizes = [row["value"] for row in strata(evidence, "a") if row["name"].startswith("size")]
    assert sizes == ["below 10 mm", "10 to 20 mm", "20 to 50 mm"]


def test_where_systems_differ_by_the_false_marks_that_a_lesion_costs() -> None:
    """a finds A's lesion at once and never B's; b finds B's at once and A's after one false mark on two films."""
    truth = truth_of({"A_CC": [box(20, 20)], "B_CC": [box(20, 20, "BENIGN")]})
    a = system_of("a", [("A_CC", 20, 20, 0.9)])
    b = system_of("b", [("B_CC", 20, 20, 800.0), ("B_CC", 60, 60, 70.0), ("A_CC", 20, 20, 6.0)])
    evidence, _ = collect(truth, [a, b])
    assert found_at(evidence, "a").tolist() == [0.0, np.inf]
    assert found_at(evidence, "b").tolist() == [0.5, 0.0]
    rows = differing(evidence, "a", "b")
    assert [(r["image_id"], r["better"], r["a_found_at"], r["b_found_at"]) for r in rows] == [
        ("A_CC", "a", 0.0, 0.5),
        ("B_CC", "b", None, 0.0),
    ]


def test_places_of_marks() -> None:
    """A breast that fills the left half of the film; its skin runs down the middle."""
    mask = np.zeros((50, 40), np.uint8)
    mask[:, :20] = 1
    breast = BreastOf(mask, (0, 0, 100, 40), True, (100, 80))
    outline = Outline("1", "mass", True, "box", (100, 80), box=(50, 10, 60, 20))
    points = np.array([[5, 3], [80, 10], [80, 38], [80, 60], [47, 15], [55, 15]], float)
    wanted = ["upper corner at the chest wall", "elsewhere", "breast border", "breast border", "beside a lesion"]
    assert places_of(points, [outline], breast, "MLO")[:5] == wanted
    assert places_of(points, [outline], breast, "CC")[0] == "elsewhere"
    assert places_of(points, [], None, "MLO") == ["unknown"] * 6
    mirrored = BreastOf(mask[:, ::-1], (0, 40, 100, 80), False, (100, 80))
    there = points * [1, -1] + [0, 79]
    assert places_of(there, [], mirrored, "MLO")[0] == "upper corner at the chest wall"
    assert np.allclose(breast.on_film(breast.placed(points)), points)
    assert np.allclose(mirrored.placed(there), breast.placed(points))
    assert np.allclose(mirrored.on_film(mirrored.placed(there)), there)


def test_words_that_look_like_nothing_stay_words(tmp_path: Path) -> None:
    """CBIS-DDSM's lists have margins N/A; a film of no fold has no text there."""
    truth = truth_of({"A_CC": [box(30, 30, mass_margins="N/A")], "B_CC": [box(30, 30)]})
    system = system_of("one", [("A_CC", 30, 30, 0.9)])
    evidence, _ = collect(truth, [system])
    write_evidence(evidence, tmp_path)
    back = read_evidence(tmp_path)
    assert back.lesions["mass_margins"].tolist() == evidence.lesions["mass_margins"].tolist() == ["N/A", ""]
    assert back.films["fold"].tolist() == ["", ""]
    assert np.isnan(back.scores["score"]).all()
    moved = tmp_path / "elsewhere" / "films.csv"
    moved.parent.mkdir()
    (tmp_path / "films.csv").rename(moved)
    assert read_evidence(tmp_path, {"films": moved}).films.equals(back.films)
