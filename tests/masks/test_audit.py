"""The audit against planted troubles: all of them, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made import plant

from mammomap.errors import TableError
from mammomap.masks.audit import Audit, audit
from mammomap.masks.audit_checks import KINDS, Finding, pixels_that_differ, set_pixels, share_outside, third_values
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


def test_a_second_audit_does_nothing_until_a_file_changes(planted: Planted, tmp_path: Path) -> None:
    made, done = audit(planted.tables, tmp_path)
    assert done and made == planted.audit
    again, done = audit(planted.tables, tmp_path)
    assert not done and again == made
    film = next(path for path in sorted(planted.root.rglob("*.dcm")) if "P_00200" in str(path))
    content = film.read_bytes()
    film.write_bytes(content[:-100])
    try:
        changed, done = audit(planted.tables, tmp_path)
        assert done and {Path(f.path) for f in set(changed.findings) - set(made.findings)} == {film.resolve()}
    finally:
        film.write_bytes(content)


def test_rows_that_do_not_add_up_stop_it(planted: Planted, tmp_path: Path) -> None:
    shutil.copytree(planted.tables, tmp_path / "tables")
    rows = pd.read_parquet(tmp_path / "tables" / "list_rows.parquet")
    rows.iloc[1:].to_parquet(tmp_path / "tables" / "list_rows.parquet")
    with pytest.raises(TableError, match="rows do not add up"):
        audit(tmp_path / "tables", tmp_path / "out")
    (tmp_path / "tables" / "list_rows.parquet").unlink()
    with pytest.raises(TableError, match="an index of CBIS-DDSM"):
        audit(tmp_path / "tables", tmp_path / "out")


def test_noise_of_a_jpeg_is_no_third_value_and_a_grey_patch_is() -> None:
    row, col = np.mgrid[:200, :160]
    mask = (((row - 90) ** 2 + (col - 70) ** 2 < 900) * 255).astype(np.uint8)
    grey = mask.copy()
    grey[140:180, 20:60] = 128
    for quality in (60, 75, 95):
        coded, patched = (
            cv2.imdecode(cv2.imencode(".jpg", m, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0) for m in (mask, grey)
        )
        assert len(np.unique(coded)) > 2 and third_values(coded, lossy=True) == (0, [])
        assert third_values(patched, lossy=True)[0] > 500
        assert third_values(coded, lossy=False)[0] > 0
    assert set_pixels(np.full((9, 9), 3, np.uint8), lossy=True).sum() == 0


def test_pixels_that_differ_are_counted_and_sizes_are_not_compared() -> None:
    one = np.arange(12, dtype=np.uint16).reshape(3, 4)
    other = one.copy()
    other[1, 1] = 0
    assert [pixels_that_differ(one, x) for x in (one, other, one.T)] == [0, 1, None]


def test_the_share_outside_is_that_of_the_area() -> None:
    lesion = np.zeros((40, 40), bool)
    lesion[8:16, 10:30] = True
    breast = np.zeros((20, 20), np.uint8)
    breast[:, :10] = 1
    assert share_outside(lesion, breast) == pytest.approx(0.5)
    breast[:, :9] = 0
    assert share_outside(lesion, breast) == pytest.approx(0.9)


def test_every_kind_stands_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
    assert [kind for kind in KINDS if f"`{kind}`" not in text] == []
