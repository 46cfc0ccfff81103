"""The key of a folder of maps."""

import json
import stat

import pytest

from mammomap.errors import TableError
from mammomap.masks.key import Key, KeyFilm, key_beside, read_key, write_key


def test_a_key_comes_back_as_it_was(tmp_path):
    key = Key(films={"a": KeyFilm(tmp_path / "f.dcm", "Jane^Doe", "1.2", "1.2.3", "1.2.3.4"), "b": KeyFilm(tmp_path)})
    write_key(tmp_path / "k.json", key)
    assert read_key(tmp_path / "k.json") == key
    assert stat.S_IMODE((tmp_path / "k.json").stat().st_mode) == 0o600


def test_names_depend_on_secret_kind_and_text():
    key = Key("00" * 16)
    names = [
        key.name("film", "1.2"),
        key.name("exam", "1.2"),
        key.name("film", "1.3"),
        Key("01" * 16).name("film", "1.2"),
    ]
    assert len(set(names)) == 4 and all(len(name) == 12 for name in names)
    assert key.name("film", "1.2") == Key("00" * 16).name("film", "1.2")
    assert Key().secret != Key().secret
    assert key.secret not in repr(key)


def test_the_key_lies_beside_the_folder(tmp_path, monkeypatch):
    assert key_beside(tmp_path / "maps") == tmp_path / "maps.key.json"
    monkeypatch.chdir(tmp_path)
    assert key_beside(tmp_path / ".").name == f"{tmp_path.name}.key.json"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format": 1, "secret": "x", "films": {}}', '{"format": 1}']
)
def test_what_is_no_key_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "k.json"
    path.write_text(text)
    with pytest.raises(TableError, match="k.json") as told:
        read_key(path)
    assert "\n" not in str(told.value)


def test_an_absent_key_says_what_makes_one(tmp_path):
    with pytest.raises(TableError, match="segment"):
        read_key(tmp_path / "none.json")


def test_a_film_with_an_unknown_field_is_refused(tmp_path):
    path = tmp_path / "k.json"
    path.write_text(json.dumps({"format": 1, "secret": "ab", "films": {"a": {"path": "x", "more": 1}}}))
    with pytest.raises(TableError, match="not a key file"):
        read_key(path)
