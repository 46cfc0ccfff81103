"""`mammomap view` as a user types it."""

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

from click.testing import CliRunner, Result
from made.viewed import Seen

from mammomap.cli import main


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["view", *(str(word) for word in words)])


def test_a_folder_and_again(seen: Seen, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    words = (seen.folder.folder, "--truth", seen.tables, "-o", tmp_path / "page")
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"5 films, 3 with their pixels -> {tmp_path / 'page' / 'index.html'}\n"
    assert "note: 1 films are shown without their pixels" in done.stderr
    assert run(*words).stdout.startswith("nothing to do: 5 films, 3 with their pixels")


def test_one_file(seen: Seen, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    done = run(seen.folder.folder, "--single-file", "-o", tmp_path / "page.html")
    assert done.exit_code == 0 and " MB -> " in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_faults_are_one_line(seen: Seen, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("x")
    maps = seen.folder.folder
    for words, reason in (
        ((tmp_path / "absent", "-o", tmp_path / "p"), "no finished folder of maps"),
        ((maps, "-o", tmp_path), "holds other files than a page"),
        ((maps, "--key", tmp_path / "mine.txt", "-o", tmp_path / "p"), "not a key file"),
        ((maps, "--truth", maps, "-o", tmp_path / "p"), "no index.json"),
    ):
        done = run(*words)
        assert done.exit_code == 1 and reason in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert run(maps, "--single-file", "--serve", "-o", tmp_path / "p").exit_code == 2


def test_it_is_served_until_it_is_stopped(seen: Seen, tmp_path: Path):
    words = [sys.executable, "-m", "mammomap", "view", seen.folder.folder, "-o", tmp_path / "page", "--serve", "0"]
    how = {"stdout": subprocess.PIPE, "text": True, "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    served = subprocess.Popen([str(word) for word in words], **how)  # what runs in the background may ignore SIGINT
    try:
        assert served.stdout is not None
        assert "3 with their pixels" in served.stdout.readline()
        url = served.stdout.readline().split()[0]
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b'content="mammomap view"' in page.read()
        served.send_signal(signal.SIGINT)
        assert served.wait(timeout=20) == 0
    finally:
        served.kill()
        served.wait()
        if served.stdout:
            served.stdout.close()
