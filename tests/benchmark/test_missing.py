"""Films without an answer, films of nobody, and women whom a system says it has seen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from made.systems import layer_of

from mammomap.benchmark.systems import read_system
from mammomap.benchmark.truth import Truth, check_systems, read_truth
from mammomap.cli import main
from mammomap.errors import LeakError, TableError
from mammomap.masks.tables import write_tables


@pytest.fixture(scope="module")
def truth(drawn_store) -> Truth:
    """Twelve films of six women."""
    whole = read_truth(drawn_store.tables, None, None)
    return whole.of(whole.films.iloc[:12])


def answer(truth: Truth, folder: Path, leave_out: int = 0, **extra: np.ndarray) -> Path:
    """Maps with one lit pixel at the centre of each lesion's box, for all films but the first few."""
    folder.mkdir()
    for film in list(truth.films.itertuples())[leave_out:]:
        layer = np.zeros((film.rows, film.cols), np.float32)
        for outline in truth.outlines[film.image_id]:
            row0, col0, row1, col1 = outline.box or (0, 0, 1, 1)
            layer[int((row0 + row1) / 2), int((col0 + col1) / 2)] = 1
        np.savez(folder / f"{film.image_id}.npz", lesion=layer)
    for name, layer in extra.items():
        np.savez(folder / f"{name}.npz", lesion=layer)
    return folder


def test_missing_films_refuse_before_a_map_is_read(truth: Truth, tmp_path: Path) -> None:
    folder = answer(truth, tmp_path / "m", leave_out=3, nobody=np.zeros((4, 4)))
    first = truth.films["image_id"].iloc[0]
    line = f"theirs: no map for 3 of 12 films, first {first}; it has 1 of other films, first nobody; --missing empty"
    with pytest.raises(TableError, match=line):
        read_system("theirs", folder, truth.films)
    system = read_system("theirs", folder, truth.films, "empty")
    with pytest.raises(TableError, match=line):
        check_systems(truth, [system], in_sample=False)


def test_missing_films_count_as_empty_where_asked(truth: Truth, tmp_path: Path) -> None:
    folder = answer(truth, tmp_path / "m", leave_out=3, nobody=np.zeros((4, 4)))
    ids = truth.films["image_id"].tolist()
    scores = "".join(f"{image_id},{0.5 + k / 100},{k - 4}\n" for k, image_id in enumerate(ids[3:]))
    (folder / "scores.csv").write_text("image_id,probability,score\n" + scores + "nobody,0.1,-9\n")
    system = read_system("theirs", folder, truth.films, "empty")
    check_systems(truth, [system], False, "empty")
    assert system.said()["missing"] == 3 and system.said()["extra_films"] == ["nobody"]
    assert set(ids[:3]) <= (system.films or set())
    assert not set(ids[:3]) & set(system.marks["image_id"])
    assert [system.map_max[i] for i in ids[:3]] == [0, 0, 0] and system.map_max[ids[3]] > 0
    assert system.probability and [system.probability[i] for i in ids[:4]] == [0, 0, 0, 0.5]
    assert system.image_scores and [system.image_scores[i] for i in ids[:4]] == [-9, -9, -9, -4]
    assert layer_of(system, ids[0], "lesion").shape == (160, 112) and not layer_of(system, ids[0], "lesion").any()
    assert layer_of(system, ids[3], "lesion").sum() == 1
    check_systems(truth, [system], False)  # a second look finds all answered, and counts none twice
    assert system.missing == 3


def test_women_seen_are_refused_by_name(truth: Truth, tmp_path: Path) -> None:
    folder = answer(truth, tmp_path / "m")
    (folder / "women_seen.txt").write_text("W001\nsomebody\n")
    system = read_system("theirs", folder, truth.films)
    with pytest.raises(LeakError, match="theirs: its model has seen 1 of these women, first W001; .*--in-sample"):
        check_systems(truth, [system], in_sample=False)
    check_systems(truth, [system], in_sample=True)


def test_the_report_says_what_was_missing(truth: Truth, drawn_store, tmp_path: Path) -> None:
    """From the command line, with maps of anybody, to report.json."""
    write_tables(drawn_store.tables, tmp_path / "tables")
    part = "".join(f"{woman},test\n" for woman in sorted(truth.films["patient_id"].unique()))
    (tmp_path / "split.csv").write_text("patient_id,part\n" + part)
    folder = answer(truth, tmp_path / "m", leave_out=3, nobody=np.zeros((4, 4)))
    words = ["benchmark", tmp_path / "tables", f"theirs={folder}", "--split", tmp_path / "split.csv"]
    words = [str(word) for word in (*words, "-o", tmp_path / "report", "--no-pictures")]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 1 and "no map for 3 of 12 films" in refused.stderr
    assert not (tmp_path / "report").exists()
    done = CliRunner().invoke(main, [*words, "--missing", "empty"])
    assert done.exit_code == 0, done.output
    assert "3 of 12 films without an answer, counted as empty" in done.stdout
    assert "1 films that the tables do not know, first nobody" in done.stdout
    entry = json.loads((tmp_path / "report" / "report.json").read_text())["systems"][0]
    assert entry["missing"] == 3 and entry["extra_films"] == ["nobody"]
    assert "no malignancy layer: the lesion layer stands for both" in entry["notes"]
    at = next(a["value"] for a in entry["froc"]["any"]["at"] if a["fp"] == 1.0)
    assert at == 9 / 12
