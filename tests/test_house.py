"""The house itself: what the wheel holds, what an import costs, what every verb says, what no file may hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import mammomap

ROOT = Path(__file__).resolve().parents[1]
HOUSE = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAPPED = HOUSE["tool"]["setuptools"]["package-dir"]
WHEEL_LIMIT = 20_000_000
HEAVY = {"torch", "pandas", "numpy", "scipy", "cv2", "sklearn", "skimage", "matplotlib", "pydicom", "albumentations"}


def modules_of_the_tree() -> set[str]:
    """Every Python file of the package, by the name that it has in a wheel."""
    found = {f"mammomap/{path.name}" for path in (ROOT / "mammomap").glob("*.py")}
    for folder in (ROOT / "mammomap").iterdir():
        if folder.is_dir() and not folder.is_symlink():
            found |= {path.relative_to(ROOT).as_posix() for path in folder.rglob("*.py")}
    for package, folder in MAPPED.items():
        for path in (ROOT / folder).rglob("*.py"):
            found.add(f"{package.replace('.', '/')}/{path.relative_to(ROOT / folder).as_posix()}")
    return found


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


def imported(*arguments: str) -> set[str]:
    """Top names of all modules that a Python process imports."""
    result = python("-X", "importtime", *arguments)
    assert result.returncode == 0, result.stderr[-2000:]
    times = re.findall(r"^import time:.*\|\s*(\S+)$", result.stderr, flags=re.MULTILINE)
    return {name.split(".")[0] for name in times}


def verbs() -> list[str]:
    """The verbs as `mammomap --help` lists them."""
    listed = python("-m", "mammomap", "--help").stdout.partition("Commands:\n")[2]
    return re.findall(r"^  ([a-z][\w-]*)", listed, flags=re.MULTILINE)


def test_the_list_of_packages_is_that_of_the_folders():
    folders = {
        name.removesuffix("/__init__.py").replace("/", ".") for name in modules_of_the_tree() if "__init__" in name
    }
    assert sorted(folders) == HOUSE["tool"]["setuptools"]["packages"]


def test_every_folder_at_the_top_is_linked_into_the_package():
    for package, folder in MAPPED.items():
        link = ROOT / package.replace(".", "/")
        assert link.is_symlink() and link.resolve() == ROOT / folder


def test_the_wheel_holds_every_module_and_the_page(tmp_path):
    tree, out = tmp_path / "tree", tmp_path / "out"
    tree.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    for folder in ("mammomap", *MAPPED.values()):
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(out), str(tree)]
    result = python(*command)
    assert result.returncode == 0, result.stderr[-2000:]
    (wheel,) = out.glob("*.whl")
    assert wheel.stat().st_size < WHEEL_LIMIT
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in held if name.endswith(".py")} == modules_of_the_tree()
    assert {"mammomap/weights/film-masses.zip", "mammomap/phantom/descriptors.csv"} <= held
    assert {"mammomap/py.typed", "mammomap/report/page.html", "mammomap/report/look.css"} <= held
    web = {f"mammomap/viewer/web/{path.name}" for path in (ROOT / "mammomap/viewer/web").iterdir()}
    assert len(web) > 10 and web <= held
    assert any(name.endswith("licenses/LICENSE") for name in held)


def test_the_version_stands_in_one_place():
    assert mammomap.__version__ == version("mammomap") == HOUSE["project"]["version"]
    assert f"version: {mammomap.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_a_checkout_that_is_not_installed_says_so_and_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(mammomap, "_version", nothing)
    assert mammomap.__version__ == "not installed"
    tree = [path for top in ("mammomap", *MAPPED.values()) for path in (ROOT / top).rglob("*.py")]
    asking = {path.parent.name for path in tree if 'version("mammomap")' in path.read_text()}
    assert len(tree) > 100 and asking == {"mammomap"}, "others ask mammomap.__version__"


@pytest.mark.skipif(
    "PYTEST_XDIST_WORKER" not in os.environ or not hasattr(os, "sched_getaffinity"), reason="nothing is dealt out"
)
def test_each_worker_of_a_run_of_tests_has_cores_of_its_own() -> None:
    """Of n workers, number k has every n-th of the cores that the run was given, from the k-th on."""
    given, own = (sorted(os.sched_getaffinity(pid)) for pid in (os.getppid(), 0))
    number, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    if number < len(given):
        assert [given.index(core) % workers for core in own] == [number] * len(own)
        assert own[0] == given[number]
    else:
        assert own == given


def test_importing_the_package_costs_nothing():
    assert not HEAVY & imported("-c", "import mammomap")


def test_help_imports_no_heavy_library():
    assert not HEAVY & imported("-m", "mammomap", "--help")


def test_the_referee_needs_neither_torch_nor_tables():
    names = sorted(path.stem for path in (ROOT / "eval").glob("[a-z]*.py"))
    assert names
    needed = imported("-c", "; ".join(f"import mammomap.eval.{name}" for name in names))
    assert not {"torch", "pandas", "pydicom", "sklearn"} & needed


def test_every_verb_has_help_with_an_example_and_refuses_an_unknown_option():
    listed = verbs()
    assert {"index", "train", "segment", "classify", "benchmark", "phantom", "demo", "demo-train"} <= set(listed)
    for verb in listed:
        told = python("-m", "mammomap", verb, "--help")
        assert told.returncode == 0 and "Example" in told.stdout, verb
        assert python("-m", "mammomap", verb, "--no-such-option").returncode == 2, verb


def test_public_names_are_complete_and_resolve():
    assert sorted(mammomap.__all__) == sorted(mammomap._PUBLIC)
    for name in mammomap.__all__:
        assert getattr(mammomap, name).__name__ == name
    assert set(mammomap.__all__) <= set(dir(mammomap))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = mammomap.no_such_name


def test_constraints_pin_every_dependency_by_version_alone():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert all(re.fullmatch(r"[\w.-]+==[\w.+]+", line) for line in lines[1:])
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines[1:]}
    extras = HOUSE["project"]["optional-dependencies"]
    wanted = [*HOUSE["project"]["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[\[<>=!~ ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= pinned


def test_no_file_names_a_place_on_somebodys_machine():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    roots = "|".join(["work", "home", "root", "tmp", "Users", "mnt", "opt"])
    pattern = re.compile(rf"(?<![\w.)}}\]*-])/(?:{roots})/\w|\.\./sha" + r"red|file:/" + r"/")
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if name == ".ci/run" or not path.is_file() or path.is_symlink():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {match.group()}" for match in pattern.finditer(text)]
    assert found == []
