"""The verbs as a user types them: exit codes, one-line errors, nothing done twice."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from mammomap.cli import main


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def work(drawn_set, tmp_path_factory) -> Path:
    """The drawn set, indexed and prepared by the verbs."""
    out = tmp_path_factory.mktemp("work")
    assert run("index", drawn_set.root, "-o", out / "tables", "--csv").exit_code == 0
    assert run("prepare", out / "tables", "-o", out / "store", "--rows", 96, "--workers", 1).exit_code == 0
    return out


def test_every_verb_has_help_with_an_example() -> None:
    for name in main.list_commands(None):  # type: ignore[arg-type]
        result = run(name, "--help")
        assert result.exit_code == 0 and f"mammomap {name}" in result.output, name
        assert "Example" in result.output, name


def test_wrong_words_exit_2() -> None:
    assert run("train").exit_code == 2
    assert run("prepare", "x", "-o", "y", "--rows", "3").exit_code == 2
    assert run("benchmark", "x", "no-equals-sign", "-o", "y").exit_code == 2
    assert run("nonsense").exit_code == 2
    for shard in ("0/4", "5/4", "2", "a/b", "1/0"):
        refused = run("prepare", "x", "-o", "y", "--shard", shard)
        assert refused.exit_code == 2 and "wanted I/N with I from 1 to N" in refused.output
    assert run("prepare", "x", "-o", "y", "--shard", "1/2", "--export", "nnunet").exit_code == 2


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("index", "absent", "-o", "t"), "no such folder"),
        (("prepare", "absent", "-o", "s"), "no index.json"),
        (("train", "absent", "-o", "r"), "no finished store"),
        (("segment", "absent.dcm", "--model", "absent", "-o", "m"), "no run"),
        (("train-head", "absent", "--model", "absent", "-o", "h"), "no finished store"),
        (("classify", "absent", "--head", "h"), "no finished folder"),
        (("benchmark", "absent", "a=b", "-o", "r"), "no index.json"),
        (("train", "absent", "-o", "r", "--config", "absent.json"), "cannot be read as JSON"),
    ],
)
def test_faults_of_the_input_exit_1_with_one_line(words: tuple, reason: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == 1, result.output
    assert reason in result.stderr and len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "something was left behind"


VERBS_THAT_WRITE = (("phantom", "--patients", "1"), ("index", "set"), ("segment", "a.png", "--model", "blob"))


@pytest.mark.parametrize("words", VERBS_THAT_WRITE)
def test_a_folder_that_cannot_be_made_is_one_line(words: tuple, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").write_text("no folder")
    (tmp_path / "set").mkdir()
    cv2.imwrite("a.png", np.zeros((80, 60), np.uint16))
    cv2.imwrite("set/a.png", np.zeros((80, 60), np.uint16))
    (tmp_path / "set" / "films.csv").write_text("image_id,patient_id,side,view,file\n1,w,LEFT,CC,a.png\n")
    (tmp_path / "set" / "lesions.csv").write_text("image_id,kind,pathology\n")
    result = run(*words, "-o", "f/x")
    assert result.exit_code == 1 and result.stderr.startswith("mammomap: ") and "f" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_a_second_run_does_nothing(work: Path, drawn_set) -> None:
    again = run("index", drawn_set.root, "-o", work / "tables", "--csv")
    assert again.output.startswith("nothing to do: 200 films of 100 women, 200 lesions")
    assert run("prepare", work / "tables", "-o", work / "store", "--rows", 96).output.startswith("nothing to do: 200")
    assert (work / "tables" / "films.csv").read_text().count("\n") == 201


def test_a_model_that_is_none(work: Path) -> None:
    (work / "fake").mkdir(exist_ok=True)
    (work / "fake" / "config.json").write_text("[]")
    result = run("segment", work / "tables", "--model", work / "fake", "-o", work / "m")
    assert result.exit_code == 1 and "not the config of a run" in result.stderr


def test_an_unknown_setting(work: Path) -> None:
    result = run("train", work / "store", "-o", work / "r", "--set", "colour=red")
    assert result.exit_code == 1 and "unknown training setting 'colour'" in result.stderr
    assert not (work / "r").exists()


@pytest.mark.slow
def test_the_demo_on_ones_own_films(drawn_set, tmp_path: Path) -> None:
    words = ["demo-train", "--films", drawn_set.root, "--rows", 96, "--crops", 400, "-o", tmp_path / "d"]
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "d" / "report" / "index.html").is_file()
    assert "blob" in result.output and "untrained" in result.output
    again = run(*words)
    assert again.exit_code == 0 and again.output.count("nothing to do") == 11


def test_help_imports_neither_torch_nor_pandas() -> None:
    code = """
import sys
from mammomap.cli import main
main(["--help"], standalone_mode=False)
print({"torch", "pandas", "cv2"} & set(sys.modules))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip().endswith("set()")
