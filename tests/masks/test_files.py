"""A file is whole or absent."""

from pathlib import Path

import pytest

from mammomap.masks.files import settings_hash, write_atomically, write_json


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_atomically(path, lambda half: half.write_text("whole"))

    def failing(half: Path) -> None:
        half.write_text("ha")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_atomically(path, failing)
    assert path.read_text() == "whole" and list(path.parent.iterdir()) == [path]


def test_what_a_kill_left_goes_with_the_next_try(tmp_path: Path) -> None:
    (tmp_path / ".half-a.json").write_text("{")
    write_json(tmp_path / "a.json", {"x": 1})
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_json_has_no_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_equal_settings_equal_hash() -> None:
    assert settings_hash({"a": 1, "b": [2]}) == settings_hash({"b": (2,), "a": 1}) != settings_hash({"a": 2, "b": [2]})
