"""Trivial lines: where lesions mostly are, bright blobs, and what predicts the class without looking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mammomap.benchmark.collect import collect
from mammomap.benchmark.run import Asked, benchmark
from mammomap.benchmark.systems import System, read_system
from mammomap.benchmark.trivial import other_films, place_peaks, trivial_systems
from mammomap.benchmark.truth import Truth, read_truth
from mammomap.benchmark.yardstick import warnings, yardstick_entries
from mammomap.masks.splits import Split

pytestmark = pytest.mark.usefixtures("small_blobs")


def some_system(folder: Path) -> System:
    (folder / "m.csv").write_text("image_id,map,row,col,score\n")
    return read_system("empty", folder / "m.csv")


def test_the_place_map_knows_where_most_lesions_lie() -> None:
    places = np.repeat([[0.3, 0.4], [0.7, 0.6]], [20, 5], axis=0)
    shares, scores = place_peaks(places)
    assert np.abs(shares - [[0.3, 0.4], [0.7, 0.6]]).max() < 0.02
    assert scores[0] > 3 * scores[1] > 0
    assert len(place_peaks(np.zeros((0, 2)))[0]) == 0


def test_it_learns_from_women_who_are_not_judged(drawn: Truth) -> None:
    women = sorted(drawn.films["patient_id"].unique())
    part = {woman: "test" if number < 10 else "net" for number, woman in enumerate(women)}
    truth = read_truth(drawn.tables, Split("own", part), "test")
    others = other_films(truth)
    assert len(others) == 60 and not set(others["patient_id"]) & set(truth.films["patient_id"])
    assert len(other_films(drawn)) == 0


def test_without_other_women_no_film_is_marked_by_its_own_lesions(drawn: Truth) -> None:
    """One woman's lesions are moved to where no other lesion lies: her own map must not know it."""
    found = trivial_systems(drawn, [], None)
    name = drawn.films["image_id"].iloc[0]
    woman = drawn.films["patient_id"].iloc[0]
    hers = drawn.films.loc[drawn.films["patient_id"] == woman, "image_id"]
    moved = dict(drawn.outlines)
    for image_id in hers:
        moved[image_id] = [replace(o, box=(150.0, 100.0, 158.0, 108.0)) for o in drawn.outlines[image_id]]
    again = trivial_systems(replace(drawn, outlines=moved), [], None)

    def marks(found_lines, image_id: str) -> list:
        place = next(system for system in found_lines.systems if system.name == "place map")
        rows = place.marks[place.marks["image_id"] == image_id]
        return rows[["map", "row", "col", "score"]].to_numpy().tolist()

    assert marks(found, name) and marks(found, name) == marks(again, name)
    others = [i for i in drawn.films["image_id"] if i not in set(hers)]
    assert any(marks(found, i) != marks(again, i) for i in others)


def test_the_lines_stand_beside_the_systems_and_are_kept(drawn: Truth, tmp_path: Path) -> None:
    report, _ = benchmark(drawn, [some_system(tmp_path)], tmp_path / "r", Asked(pictures=False))
    assert [s["name"] for s in report["systems"]] == ["empty", "place map", "blob detector"]
    blob = report["systems"][2]["froc"]["any"]["mean"]["value"]
    assert blob > 0.3  # the drawn lesions are bright discs
    kept = (tmp_path / "r" / "trivial" / "trivial.json").stat().st_mtime_ns
    again, done = benchmark(drawn, [some_system(tmp_path)], tmp_path / "r", Asked(pictures=False, title="other"))
    assert done and again["systems"] == report["systems"]
    assert (tmp_path / "r" / "trivial" / "trivial.json").stat().st_mtime_ns == kept
    columns = [row["column"] for row in report["yardsticks"]]
    assert columns == ["largest_lesion_px", "film_shape", "film_px", "breast_share"]


def test_films_that_cannot_be_read_leave_a_reason(drawn: Truth, tmp_path: Path) -> None:
    gone = replace(drawn, films=drawn.films.assign(path="absent.png"))
    found = trivial_systems(gone, [], None)
    assert found.systems == [] and "no breast could be read on 80 of 80 films" in found.lacking[0]
    report, _ = benchmark(gone, [some_system(tmp_path)], tmp_path / "r", Asked(pictures=False))
    assert [s["name"] for s in report["systems"]] == ["empty"] and report["lacking"] == found.lacking
    report, _ = benchmark(drawn, [some_system(tmp_path)], tmp_path / "r", Asked(pictures=False, trivial=False))
    assert "--no-trivial" in report["lacking"][0]


def test_a_source_that_predicts_the_class_is_warned_of(drawn: Truth, tmp_path: Path) -> None:
    """Nine of ten malignant films from one clinic, nine of ten others from another."""
    number = np.arange(len(drawn.films)) % 10
    clinic = np.where((number == 0) ^ drawn.films["malignant"].to_numpy(bool), "north", "south")
    told = {}
    for name, source in (("telling", clinic), ("mixed", np.where(number % 4 < 2, "north", "south"))):
        truth = replace(drawn, films=drawn.films.assign(source=source))
        evidence, _ = collect(truth, [some_system(tmp_path)])
        told[name] = warnings(evidence, yardstick_entries(evidence, "empty"))
    assert len(told["telling"]) == 1 and told["telling"][0].startswith("the source of a film alone predicts")
    assert "north 9" in told["telling"][0]
    assert told["mixed"] == []


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [(0.8, 0.7, 0.9, 1), (0.2, 0.1, 0.3, 1), (0.7, 0.45, 0.9, 0), (0.53, 0.51, 0.55, 0), (None, None, None, 0)],
)
def test_the_bar_of_a_warning(drawn: Truth, tmp_path: Path, value, low, high, said: int) -> None:
    evidence, _ = collect(drawn, [some_system(tmp_path)])
    entry = {"column": "film_shape", "name": "narrow films", "auc": {"value": value, "low": low, "high": high}}
    assert len(warnings(evidence, [entry])) == said
    assert warnings(evidence, [entry | {"column": "birads"}]) == []  # what a reader says is no leak
