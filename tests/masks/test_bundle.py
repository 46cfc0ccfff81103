"""Bundles and fetching: whole and checked, or refused in one line."""

import hashlib
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mammomap.errors import ConfigError, DownloadError, ModelError
from mammomap.masks.bundle import MEMBERS, NEEDED, SUMS, file_sum, is_bundle, read_bundle, unpacked, write_bundle
from mammomap.masks.fetch import fetch, wanted_sum

WHOLE = {name: f"what {name} holds ".encode() * 9 for name in MEMBERS}


def test_what_goes_in_comes_out_and_equal_members_make_equal_files(tmp_path: Path) -> None:
    first, second = (write_bundle(tmp_path / name, WHOLE) for name in ("a.zip", "b.zip"))
    assert first == second == hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()
    assert read_bundle(tmp_path / "a.zip") == WHOLE and is_bundle(tmp_path / "a.zip")
    folder = unpacked(tmp_path / "a.zip")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == WHOLE
    assert write_bundle(tmp_path / "c.zip", {**WHOLE, "CARD.md": b"other"}) != first


@pytest.mark.parametrize("name", [*NEEDED, SUMS])
def test_a_bundle_that_lacks_a_member_is_refused(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.zip", WHOLE)
    _again(tmp_path / "a.zip", lambda members: members.pop(name))
    with pytest.raises(ModelError, match=f"lacks {name}" if name != SUMS else "not a bundle"):
        read_bundle(tmp_path / "a.zip")


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_that_was_changed_is_refused(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.zip", WHOLE)
    _again(tmp_path / "a.zip", lambda members: members.update({name: members[name][:-1] + b"x"}))
    with pytest.raises(ModelError, match=f"{name} is not what the bundle's sums say"):
        read_bundle(tmp_path / "a.zip")


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/passwd", "more.py", "a/config.json"])
def test_a_member_that_no_bundle_has_is_refused(name: str, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.zip", {**WHOLE, name: b"odd"})
    with pytest.raises(ModelError, match="which no bundle does"):
        unpacked(tmp_path / "a.zip")


def test_files_that_are_no_bundle_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    whole = tmp_path / "whole.zip"
    write_bundle(whole, WHOLE)
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:-40])
    for name, told in {"text.zip": "not a bundle", "cut.zip": "not a bundle", "absent.zip": "no such file"}.items():
        with pytest.raises(ModelError, match=told):
            read_bundle(tmp_path / name)


def test_no_flipped_byte_of_a_member_passes(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a.zip", WHOLE)
    data = (tmp_path / "a.zip").read_bytes()
    for name in MEMBERS:
        place = data.index(WHOLE[name]) + 3
        (tmp_path / "b.zip").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(ModelError):
            read_bundle(tmp_path / "b.zip")


def test_the_sum_stands_behind_the_url_or_apart() -> None:
    right = "ab" * 32
    assert wanted_sum(f"https://x/y.zip#sha256={right.upper()}", None) == ("https://x/y.zip", right)
    assert wanted_sum("file:y.zip", right) == ("file:y.zip", right)
    for url, apart, told in [
        ("https://x/y.zip", None, "no checksum"),
        (f"https://x/y.zip#sha256={right}", "cd" * 32, "two different"),
        ("https://x/y.zip#sha256=abc", None, "no SHA-256"),
        (f"ftp://x/y.zip#sha256={right}", None, "begins with https:"),
        (f"y.zip#sha256={right}", None, "begins with https:"),
    ]:
        with pytest.raises(ConfigError, match=told):
            wanted_sum(url, apart)


def test_a_file_is_fetched_once_and_only_the_right_one(tmp_path: Path) -> None:
    source, out = tmp_path / "source.bin", tmp_path / "new" / "out.bin"
    source.write_bytes(bytes(range(256)) * 12_000)
    right = file_sum(source)
    with pytest.raises(DownloadError, match="its SHA-256 is .* nothing is kept"):
        fetch(source.as_uri(), "0" * 64, out)
    with pytest.raises(DownloadError, match="cannot be fetched"):
        fetch((tmp_path / "absent").as_uri(), right, out)
    with pytest.raises(ModelError):
        fetch(source.as_uri(), right, out, check=read_bundle)
    assert not list(out.parent.iterdir())
    assert fetch(source.as_uri(), right, out) and out.read_bytes() == source.read_bytes()
    source.unlink()
    assert not fetch(source.as_uri(), right, out)
    with pytest.raises(ConfigError, match="another file is there"):
        fetch(source.as_uri(), "0" * 64, out)


class _BreaksOff(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5000")
        self.end_headers()
        self.wfile.write(b"x" * 3000)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def test_over_http(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    source = tmp_path / "there" / "a.bin"
    source.write_bytes(b"mammomap" * 400_000)
    with _serving(partial(_Quiet, directory=str(source.parent))) as server:
        shown: list[int] = []
        assert fetch(f"{server}/a.bin", file_sum(source), tmp_path / "a.bin", progress=_counting(shown))
        assert len(shown) == 4 and (tmp_path / "a.bin").read_bytes() == source.read_bytes()
        with pytest.raises(DownloadError, match=r"absent.bin: cannot be fetched \(.*404"):
            fetch(f"{server}/absent.bin", "0" * 64, tmp_path / "b.bin")
    with _serving(_BreaksOff) as server, pytest.raises(DownloadError, match="broke off after 3,000 of 5,000|cannot be"):
        fetch(f"{server}/x", "0" * 64, tmp_path / "b.bin")
    with pytest.raises(DownloadError, match="cannot be fetched"):
        fetch(f"{server}/x", "0" * 64, tmp_path / "b.bin")
    assert not (tmp_path / "b.bin").exists()


def _counting(shown: list[int]):
    def progress(pieces, total: int, **_):
        for piece in pieces:
            shown.append(total)
            yield piece

    return progress


class _serving:  # noqa: N801 - reads as a verb
    """A server on this machine for as long as the block lasts; gives its address."""

    def __init__(self, handler) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def _again(path: Path, change) -> None:
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
