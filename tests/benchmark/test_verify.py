"""A report repeated from the tables beside it, without films, maps and torch; and reports that cannot be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mammomap.benchmark.run import Asked, benchmark
from mammomap.benchmark.systems import System, read_system
from mammomap.benchmark.truth import Truth
from mammomap.benchmark.verify import verify
from mammomap.cli import main
from mammomap.errors import ConfigError, TableError

pytestmark = pytest.mark.usefixtures("small_blobs")


def system_of(truth: Truth, folder: Path, name: str, spread: float) -> System:
    """Marks beside the lesions' centres, and probabilities that know a little."""
    rng, rows, told = np.random.default_rng(len(name)), [], []
    for film in truth.films.itertuples():
        lesion = truth.tables.lesions_of(film.image_id).iloc[0]
        row, col = lesion["row0"] + 6 + rng.normal(0, spread), lesion["col0"] + 6 + rng.normal(0, spread)
        score = float(np.clip(0.4 + 0.2 * film.malignant + rng.normal(0, 0.15), 0.01, 0.99))
        told.append([film.image_id, score])
        for layer in ("lesion", "malignancy"):
            rows.append([film.image_id, layer, np.clip(row, 0, 159), np.clip(col, 0, 111), score])
            rows.append([film.image_id, layer, *rng.uniform(5, 100, 2), rng.uniform()])
    out = folder / name
    out.mkdir()
    pd.DataFrame(rows, columns=["image_id", "map", "row", "col", "score"]).to_csv(out / "marks.csv", index=False)
    pd.DataFrame(told, columns=["image_id", "probability"]).to_csv(out / "scores.csv", index=False)
    return read_system(name, out, truth.films)


@pytest.fixture(scope="module")
def made(drawn: Truth, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report of two systems beside both trivial lines."""
    folder = tmp_path_factory.mktemp("made")
    systems = [system_of(drawn, folder, "near", 3), system_of(drawn, folder, "farther", 9)]
    benchmark(drawn, systems, folder / "report", Asked(title="A test", prevalence=0.01))
    return folder / "report"


def copied(made: Path, folder: Path) -> Path:
    for file in made.glob("*.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_a_report_is_repeated_and_agrees(made: Path) -> None:
    found = verify(made / "report.json")
    assert found.agrees and found.figures > 1000 and found.differing == []
    told = CliRunner().invoke(main, ["benchmark", "--verify", str(made / "report.json")])
    assert told.exit_code == 0 and "figures repeated: all agree" in told.output


def test_it_needs_no_film_and_no_torch(made: Path, tmp_path: Path) -> None:
    copied(made, tmp_path)
    code = (
        "import sys; from mammomap.cli import main\n"
        f"main(['benchmark', '--verify', r'{tmp_path / 'report.json'}'], standalone_mode=False)"
    )
    code = code.replace("main([", "try: main([") + "\nexcept SystemExit as end: assert end.code == 0\n"
    code += "bad = {'torch', 'pydicom', 'matplotlib', 'sklearn'} & set(sys.modules); assert not bad, bad"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "all agree" in done.stdout


def test_a_changed_mark_or_figure_is_named(made: Path, tmp_path: Path) -> None:
    copied(made, tmp_path)
    marks = pd.read_csv(tmp_path / "candidates.csv", dtype=str)
    marks.loc[0, "score"] = "0.999"
    marks.to_csv(tmp_path / "candidates.csv", index=False)
    found = verify(tmp_path / "report.json")
    assert not found.agrees
    assert found.differing[0] == "candidates.csv: not the file that the report was made from"
    assert any(line.startswith("systems[near].froc.any") for line in found.differing)

    copied(made, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    report["systems"][1]["images"][0]["auc"]["value"] += 0.01
    report["strata"][0]["women"] += 1
    (tmp_path / "report.json").write_text(json.dumps(report))
    found = verify(tmp_path / "report.json")
    assert [line.split(":")[0] for line in found.differing] == [
        "systems[farther].images[0].auc.value",
        f"strata[{report['strata'][0]['name']}].women",
    ]
    told = CliRunner().invoke(main, ["benchmark", "--verify", str(tmp_path / "report.json")])
    assert told.exit_code == 1 and "2 things differ" in told.output


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{}", "not a report.json"), ('{"format": 1}', "report format 1, wanted 2"), ("[", "not a rep")],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(TableError, match=reason):
        verify(tmp_path / "report.json")


def test_aggregate_only_leaves_no_value_of_a_case(drawn: Truth, made: Path, tmp_path: Path) -> None:
    systems = [system_of(drawn, tmp_path, "near", 3), system_of(drawn, tmp_path, "farther", 9)]
    strange = systems[0].marks.iloc[:1].assign(image_id="Z_other")
    systems[0].marks = pd.concat([systems[0].marks, strange], ignore_index=True)
    systems[0].films = None
    out = tmp_path / "report"
    benchmark(drawn, systems, out, Asked(pictures=False))  # a full report lay there before
    report, done = benchmark(drawn, systems, out, Asked(aggregate_only=True))
    assert done
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert files == ["index.html", "report.json", "table.md", "table.tex"]
    text = "".join((out / name).read_text() for name in files)
    for film in drawn.films.itertuples():
        assert film.image_id not in text and film.patient_id not in text
    assert "data:image" not in text and "Z_other" not in text
    assert any("1 films that the tables do not know" in note for note in report["systems"][0]["notes"])
    full = json.loads((made / "report.json").read_text())
    values = [entry["auc"]["value"] for entry in report["systems"][0]["images"]]
    assert values == [entry["auc"]["value"] for entry in full["systems"][0]["images"]]
    assert all(len(entry["roc"]) == 21 for entry in report["systems"][0]["images"])
    assert report["differing"] == [] and report["evidence"] == {}
    with pytest.raises(TableError, match="made with --aggregate-only"):
        verify(out / "report.json")


def test_a_stated_prevalence_gives_predictive_values(made: Path) -> None:
    report = json.loads((made / "report.json").read_text())
    entry = next(e for e in report["systems"][0]["images"] if e["score"] == "probability")
    at = entry["at_prevalence"]
    for point in at["points"]:
        called = point["sensitivity"] * 0.01 + (1 - point["specificity"]) * 0.99
        assert point["ppv"] == pytest.approx(point["sensitivity"] * 0.01 / called, abs=1e-5)
    assert at["reason"].startswith("no decision curve: the prevalence that it was fitted at is not known")
    assert "at_prevalence" not in report["systems"][0]["images"][0]
    for wrong in (0.0, 1.0, -1.0):
        with pytest.raises(ConfigError, match="prevalence"):
            Asked(prevalence=wrong)


def test_systems_need_names_of_their_own(drawn: Truth, tmp_path: Path) -> None:
    system = system_of(drawn, tmp_path, "near", 3)
    with pytest.raises(ConfigError, match="two systems are called 'near'"):
        benchmark(drawn, [system, system], tmp_path / "r", Asked(trivial=False))


def test_the_committed_report_on_real_films_is_repeated() -> None:
    found = verify(Path(__file__).parents[2] / "study" / "fold0" / "report.json")
    assert found.agrees and found.figures > 20_000


def test_a_report_that_lacks_what_it_should_say_is_one_line(tmp_path: Path) -> None:
    kept = Path(__file__).parents[2] / "study" / "fold0"
    for file in kept.iterdir():
        if file.suffix in (".csv", ".json"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    report = json.loads((kept / "report.json").read_text())
    del report["systems"][0]["boxes"]
    (tmp_path / "report.json").write_text(json.dumps(report))
    with pytest.raises(TableError, match="a system without 'boxes'; run the benchmark again"):
        verify(tmp_path / "report.json")
