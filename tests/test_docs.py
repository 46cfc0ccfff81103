"""The docs keep up with the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mammomap.cli import main
from mammomap.masks.own_data import FILM_COLUMNS, LESION_COLUMNS
from mammomap.masks.shipped import SUM
from mammomap.masks.tables import FILMS, LESIONS, REFUSED, Table
from mammomap.phantom.config import TRAPS

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_the_docs_exist(page: Path) -> None:
    """Every `mammomap VERB --option` in a code block names a verb and options that there are."""
    for block in re.findall(r"```[a-z]*\n(.*?)```", page.read_text(), re.S):
        for line in block.splitlines():
            words = line.split("#")[0].split()
            if words[:1] != ["mammomap"] or len(words) < 2:
                continue
            assert words[1] in main.commands, line
            verb = main.commands[words[1]]
            if isinstance(verb, click.Group):
                assert words[2] in verb.commands, line
                verb = verb.commands[words[2]]
            known = {name for parameter in verb.params for name in parameter.opts}
            assert {w for w in words[2:] if w.startswith("-")} <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_verb_stands_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    for verb in main.commands:
        assert f"mammomap {verb}" in text, verb


def test_needed_columns_stand_in_the_docs() -> None:
    text = (ROOT / "docs" / "own-data.md").read_text()
    for column in (*FILM_COLUMNS, *LESION_COLUMNS):
        assert f"`{column}`" in text


def test_tables_of_results_are_those_of_the_reports(tmp_path: Path) -> None:
    """And nobody needs torch for them."""
    (tmp_path / "torch.py").write_text('raise ImportError("a table of results needs torch")\n')
    check = [sys.executable, str(ROOT / "study" / "tables.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("table", [FILMS, LESIONS, REFUSED], ids=lambda t: t.name)
def test_the_columns_in_the_docs_are_those_of_the_schema(table: Table) -> None:
    assert table.markdown() in (ROOT / "docs" / "tables.md").read_text()


def test_the_row_left_empty_names_the_file_that_ships() -> None:
    assert f"SHA-256 `{SUM}`" in (ROOT / "docs" / "weights.md").read_text()


def test_every_trap_of_the_phantom_stands_in_the_docs() -> None:
    text = (ROOT / "docs" / "phantom.md").read_text()
    for trap, meaning in TRAPS.items():
        assert f"| `{trap}` | {meaning} |" in text
