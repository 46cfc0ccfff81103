"""The audit against planted troubles: all of them, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from made import plant

from mammomap.masks.audit import Audit, audit
from mammomap.masks.audit_checks import KINDS, Finding
from mammomap.masks.index import index


@dataclass(frozen=True)
class Planted:
    root: Path
    tables: Path
    truth: dict[str, set]
    near: dict[str, set[str]]
    audit: Audit


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    root, tables = tmp_path_factory.mktemp("planted"), tmp_path_factory.mktemp("tables")
    truth, near = plant.plant(root)
    index(root, tables)
    made, done = audit(tables, tables)
    assert done
    return Planted(root, tables, truth, near, made)


def key_of(finding: Finding, root: Path, name_of: Callable[[str], str]) -> object:
    """What the truth calls a finding."""
    if finding.kind in ("extra_file", "unreadable_file"):
        return str(Path(finding.path).relative_to(root.resolve()))
    if finding.kind == "equal_films":
        return frozenset((finding.image_id, name_of(finding.other_path)))
    if finding.kind == "two_uids":
        told = finding.text.split()
        return finding.image_id, 0 if told[1] == "agree;" else -1 if told[0] == "sizes" else int(told[0])
    return (finding.image_id, int(finding.lesion_id.split("_")[1])) if finding.lesion_id else finding.image_id


def test_every_planted_trouble_is_found_and_nothing_else(planted: Planted, capsys: pytest.CaptureFixture) -> None:
    def name_of(path: str) -> str:
        return Path(path).parents[2].name.split("_", 1)[1]

    lines = [f"{'kind':16} planted found precision recall"]
    for kind in KINDS:
        keys = [key_of(f, planted.root, name_of) for f in planted.audit.findings if f.kind == kind]
        truth = planted.truth[kind]
        assert len(keys) == len(set(keys)), kind
        hits = len(truth & set(keys))
        lines.append(f"{kind:16} {len(truth):7} {len(keys):5} {hits / max(1, len(keys)):9.3f} {hits / len(truth):6.3f}")
        assert len(truth) >= 3 and set(keys) == truth, (kind, set(keys) ^ truth)
    with capsys.disabled():
        print("\n" + "\n".join(lines))


@pytest.mark.parametrize("name", ["crop of most of the film", "crop of two values", "bright border", "mask of 0 and 1"])
def test_a_near_miss_is_no_finding(planted: Planted, name: str) -> None:
    assert len(planted.near[name]) >= 3
    assert not [f for f in planted.audit.findings if f.image_id in planted.near[name]]


def test_no_near_miss_of_any_name_is_a_finding(planted: Planted) -> None:
    films = set().union(*planted.near.values())
    assert len(planted.near) >= 9 and not [f for f in planted.audit.findings if f.image_id in films]


def test_rows_add_up_and_the_file_holds_it_all(planted: Planted) -> None:
    written = json.loads((planted.tables / "audit.json").read_text())
    rows = written["rows"]
    assert rows["listed"] == rows["read"] + rows["set_aside"] > 500
    assert written["format"] == 1 and written["counts"] == planted.audit.counts
    assert sum(written["counts"].values()) == len(written["findings"]) == len(planted.audit.findings)
    assert set(written["findings"][0]) == {"kind", "image_id", "lesion_id", "path", "text", "other_path"}
