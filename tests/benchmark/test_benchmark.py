"""The benchmark from end to end on films whose answer is known: perfect, empty, mirrored and leaking systems."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammomap.benchmark.cases import case_pictures, contour_of
from mammomap.benchmark.collect import collect, said
from mammomap.benchmark.judge import judged, margins
from mammomap.benchmark.run import Asked, benchmark
from mammomap.benchmark.systems import PIXEL, System, read_system
from mammomap.benchmark.truth import Truth, check_systems, read_truth
from mammomap.errors import LeakError, TableError
from mammomap.masks.grid import Grid
from mammomap.masks.outlines import Outline
from mammomap.masks.sources import find_sources
from mammomap.masks.splits import read_split
from mammomap.masks.tables import Tables
from mammomap.seg.mappers import BlobMapper, RunMapper
from mammomap.seg.run import Run
from mammomap.seg.segment import segment


def marks_of(tables: Tables, path: Path, how: str) -> Path:
    """A CSV of marks: one mark a lesion at its centre, scored by its malignancy, or spoiled in a named way."""
    rows = []
    for lesion in tables.lesions.to_dict("records"):
        row, col = (lesion["row0"] + lesion["row1"] - 1) / 2, (lesion["col0"] + lesion["col1"] - 1) / 2
        bad = lesion["pathology"] == "MALIGNANT"
        if how == "beside":
            row += lesion["row1"] - lesion["row0"]
        score = {"swapped": 0.2 if bad else 0.9}.get(how, 0.9 if bad else 0.2)
        rows.append([lesion["image_id"], "lesion", row, col, score])
        rows.append([lesion["image_id"], "malignant", row, col, score])
    frame = pd.DataFrame(rows, columns=["image_id", "map", "row", "col", "score"])
    frame.iloc[: 0 if how == "empty" else None].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def truth(drawn_store) -> Truth:
    return read_truth(drawn_store.tables, None, None)


def figures(truth: Truth, tmp_path: Path, how: str) -> dict:
    system = read_system(how, marks_of(truth.tables, tmp_path / f"{how}.csv", how))
    return entry_of(truth, system)


def entry_of(truth: Truth, system: System, in_sample: bool = False) -> dict:
    """What the report has of one system."""
    told = said(truth, system, in_sample=in_sample)
    return judged(collect(truth, [system])[0], [told])["systems"][0]


def parts_of(truth: Truth, *systems: System) -> dict:
    """All parts of a report that rest on the evidence."""
    return judged(collect(truth, systems)[0], [said(truth, system) for system in systems])


def at_one(entry: dict, which: str) -> float:
    return next(a["value"] for a in entry["froc"][which]["at"] if a["fp"] == 1.0)


def auc_of(entry: dict, level: str) -> float:
    return next(e["auc"]["value"] for e in entry["images"] if e["level"] == level)


@pytest.mark.parametrize(
    ("how", "any_lesion", "malignant", "auc"),
    [("perfect", 1.0, 1.0, 1.0), ("empty", 0.0, 0.0, 0.5), ("beside", 0.0, 0.0, 1.0), ("swapped", 1.0, 1.0, 0.0)],
)
def test_systems_whose_figures_are_known(
    truth: Truth, tmp_path: Path, how: str, any_lesion: float, malignant: float, auc: float
) -> None:
    """'swapped' finds each malignant lesion only after every benign one: still within one false mark a film."""
    entry = figures(truth, tmp_path, how)
    assert at_one(entry, "any") == any_lesion
    assert at_one(entry, "malignant") == malignant
    for level in ("image", "breast", "patient"):
        assert auc_of(entry, level) == auc
    assert entry["dice"] == {"reason": "marks only, no maps"}


def test_a_benign_hit_is_false_on_the_malignancy_map(truth: Truth, tmp_path: Path) -> None:
    entry = figures(truth, tmp_path, "swapped")
    quarter = next(a["value"] for a in entry["froc"]["malignant"]["at"] if a["fp"] == 0.25)
    assert quarter == 0.0  # half of the films carry a benign mark with a higher score
    assert entry["froc"]["malignant"]["lesions"] == truth.tables.films["malignant"].sum()


def test_a_system_does_not_differ_from_itself(truth: Truth, tmp_path: Path) -> None:
    marks = marks_of(truth.tables, tmp_path / "a.csv", "perfect")
    same = parts_of(truth, read_system("a", marks), read_system("b", marks))
    assert same["differences"] and all(row["value"] == 0 for row in same["differences"])
    assert all(place["rank"] == 1 for entry in same["ranks"] for place in entry["places"])
    assert same["differing"] == []
    other = read_system("b", marks_of(truth.tables, tmp_path / "b.csv", "beside"))
    found = parts_of(truth, read_system("a", marks), other)
    row = next(row for row in found["differences"] if row["measure"].endswith("any lesion"))
    assert row["value"] == 1.0 and 0.9 < row["low"] < 1
    ranked = next(entry for entry in found["ranks"] if entry["measure"].endswith("any lesion"))
    assert [place["rank"] for place in ranked["places"]] == [1, 2]
    assert {row["better"] for row in found["differing"]} == {"a"}


def test_strata_add_up(truth: Truth, tmp_path: Path) -> None:
    found = parts_of(truth, read_system("a", marks_of(truth.tables, tmp_path / "a.csv", "perfect")))
    rows = [row for row in found["strata"] if row["name"] == "view"]
    assert [row["value"] for row in rows] == ["CC", "MLO"]
    assert sum(row["films"] for row in rows) == len(truth.films)
    assert sum(row["lesions"] for row in rows) == len(truth.tables.lesions)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image_id,map,row,col\nf,lesion,1,1\n", "'score' is missing"),
        ("image_id,map,row,col,score\nf,tumour,1,1,1\n", "map 'tumour'"),
        ("image_id,map,row,col,score\nf,lesion,1,1,inf\n", "not a finite number"),
    ],
)
def test_bad_marks_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "m.csv").write_text(text)
    with pytest.raises(TableError, match=reason):
        read_system("m", tmp_path / "m.csv")


@pytest.fixture(scope="module")
def mapped(trained_run: Run, drawn_store, tmp_path_factory) -> Path:
    """Maps of the test women, classified."""
    from mammomap.classify.classify import classify
    from mammomap.classify.train_head import train_head
    from mammomap.masks.tables import write_tables

    out = tmp_path_factory.mktemp("mapped")
    write_tables(drawn_store.tables, out / "tables")
    sources = find_sources([out / "tables"], trained_run.split, "test")
    folder, _ = segment(sources, RunMapper(trained_run), out / "maps")
    segment(sources, BlobMapper(96), out / "blob")
    head, _ = train_head(drawn_store, trained_run, out / "head.json")
    classify(folder, head, out / "maps" / "scores.csv")
    return out


def test_a_threshold_beside_our_own_maps_counts(mapped: Path) -> None:
    before = read_system("blob", mapped / "blob")
    (mapped / "blob" / "threshold.txt").write_text("0.4")
    after = read_system("blob", mapped / "blob")
    (mapped / "blob" / "threshold.txt").unlink()
    assert PIXEL not in before.points and before.threshold_from == ""
    assert after.points[PIXEL] == 0.4 and after.threshold_from == "threshold.txt of the submission"


def test_the_whole_report(mapped: Path, trained_run: Run, drawn_store) -> None:
    split = read_split(trained_run.folder / "split.csv")
    truth = read_truth(drawn_store.tables, split, "test")
    systems = [read_system("net", mapped / "maps"), read_system("blob", mapped / "blob")]
    report, done = benchmark(truth, systems, mapped / "report", Asked(title="A test"), run=trained_run)
    assert done
    assert json.loads((mapped / "report" / "report.json").read_text()) == report
    net = report["systems"][0]
    assert [e["score"] for e in net["images"]] == ["map maximum"] * 3 + ["probability"] * 3
    calibration = net["images"][3]["calibration"]
    assert 0 <= calibration["ece"]["value"] <= 1 and sum(row[0] for row in calibration["bins"]) == len(truth.films)
    assert net["dice"]["reason"].startswith("the outlines are boxes or circles")
    assert report["data"]["women"] == len(split.women("test"))
    assert "A test" in (mapped / "report" / "index.html").read_text()
    kept = pd.read_csv(mapped / "report" / "candidates.csv")
    assert set(kept["system"]) == {"net", "blob", "place map"}
    assert [system["role"] for system in report["systems"]] == ["submitted", "submitted", "trivial"]
    stamp = (mapped / "report" / "report.json").stat().st_mtime_ns
    again, done = benchmark(truth, systems, mapped / "report", Asked(title="A test"), run=trained_run)
    assert not done and again == report
    assert (mapped / "report" / "report.json").stat().st_mtime_ns == stamp


def test_the_cases_are_best_median_and_worst(mapped: Path, trained_run: Run, drawn_store) -> None:
    truth = read_truth(drawn_store.tables, trained_run.split, "test")
    system = read_system("net", mapped / "maps")
    found = margins(collect(truth, [system])[0], system.name)
    pictures = case_pictures(truth, system, found)
    assert [p.group for p in pictures] == ["best"] * 3 + ["median"] * 3 + ["worst"] * 3
    shown = [found[p.caption.split(":")[0]] for p in pictures]
    assert shown == sorted(shown, reverse=True)
    assert all(p.png.startswith(b"\x89PNG") for p in pictures)


def test_women_that_the_model_has_seen_are_refused_by_name(mapped: Path, trained_run: Run, drawn_store) -> None:
    woman = min(trained_run.split.women("net"))
    films = drawn_store.tables.films
    part_of = {w: "test" for w in trained_run.split.women("test")} | {woman: "test"}
    truth = read_truth(drawn_store.tables, type(trained_run.split)("leak", part_of), "test")
    system = read_system("net", mapped / "maps")
    system.films = frozenset(films["image_id"])
    with pytest.raises(LeakError, match=woman):
        check_systems(truth, [system], in_sample=False)
    check_systems(truth, [system], in_sample=True)
    assert said(truth, system, in_sample=True).in_sample is True
    about = {**truth.tables.about, "source": "phantom seed 3"}
    drawn = replace(truth, tables=replace(truth.tables, about=about))
    check_systems(drawn, [system], in_sample=False)  # drawn women are nobody, whatever their names
    assert said(drawn, system, in_sample=True).in_sample is False


def test_a_missing_film_is_refused(mapped: Path, drawn_store) -> None:
    truth = read_truth(drawn_store.tables, None, None)
    with pytest.raises(TableError, match="no map for"):
        check_systems(truth, [read_system("net", mapped / "maps")], in_sample=True)


def test_the_published_floor_comes_out_as_its_script_says(real_data: Path) -> None:
    """0.54, 0.60, 0.70, 0.78 for any mass, 0.48, 0.61, 0.71, 0.79 for malignant ones, AUC 0.625 by image."""
    from mammomap.masks.own_data import index_own_data
    from mammomap.masks.splits import make_split

    marks = real_data.parent / "floor" / "fold0_candidates.csv"
    if not marks.is_file():
        pytest.skip("no floor beside the data")
    tables = index_own_data(real_data / "cbis_mass")
    truth = read_truth(tables, make_split(tables, "fold:0", 1), "test")
    entry = entry_of(truth, read_system("floor", marks))
    rates = (0.25, 0.5, 1.0, 2.0)
    for which, wanted in (("any", [0.54, 0.60, 0.70, 0.78]), ("malignant", [0.48, 0.61, 0.71, 0.79])):
        found = [a["value"] for a in entry["froc"][which]["at"] if a["fp"] in rates]
        assert np.round(found, 2).tolist() == wanted
    assert round(auc_of(entry, "image"), 3) == 0.625 and round(auc_of(entry, "breast"), 3) == 0.651


def test_a_contour_runs_around_its_lesion() -> None:
    """A box of 8 x 6 pixels becomes an ellipse whose contour stays within half a pixel of the box's edges."""
    outline = Outline("1", "mass", True, "box", (40, 30), box=(10, 5, 18, 11))
    contour = contour_of(outline, Grid.whole(40, 30))
    assert np.allclose(contour.min(0), [9.5, 4.5]) and np.allclose(contour.max(0), [17.5, 10.5])
