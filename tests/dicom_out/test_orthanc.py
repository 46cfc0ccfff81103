"""A true Orthanc with the configuration and the script of docs/examples; make test-orthanc says what it needs."""

from __future__ import annotations

import email
import email.policy
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from made.dicom_films import film, save
from made.results import SIZE, breast, paint

pytestmark = pytest.mark.orthanc
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
STUDIES, VIEWS = 10, (("L", "CC"), ("R", "CC"), ("L", "MLO"), ("R", "MLO"))
WITHOUT = 3
"""Every so many-th film has nothing painted on it."""


@dataclass
class Server:
    """A running Orthanc."""

    http: int
    dicom: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def get(self, path: str):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return json.loads(answer.read())

    def send(self, files: list[Path]) -> subprocess.Popen:
        command = ["storescu", "--propose-jls-lossless", "--required", "127.0.0.1", str(self.dicom), *map(str, files)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ours(self) -> dict[str, dict]:
        """Our objects by SOP Instance UID: study, modality, SOP class."""
        found: dict[str, dict] = {}
        for series in self.get("/series?expand"):
            if series["MainDicomTags"].get("Manufacturer") == "mammomap":
                for one in series["Instances"]:
                    tags = self.get(f"/instances/{one}/simplified-tags")
                    assert tags["SOPInstanceUID"] not in found
                    found[tags["SOPInstanceUID"]] = tags | {"ID": one}
        return found


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orthanc")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    missing = [name for name in ("Orthanc", "storescu") if shutil.which(name) is None]
    if missing:
        pytest.fail(f"no {' and no '.join(missing)}; on Debian: apt-get install orthanc orthanc-dicomweb dcmtk")
    running = Server(free_port(), free_port())
    settings = json.loads((EXAMPLES / "orthanc.json").read_text())
    settings |= {"HttpPort": running.http, "DicomPort": running.dicom, "StableAge": 4}
    settings |= {"StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db")}
    settings["Plugins"] = [name for name in settings["Plugins"] if Path(name).exists()]
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    wait_until(lambda: answers(running), 60)
    yield running
    process.terminate()
    process.wait(30)


def answers(server: Server) -> bool:
    try:
        return bool(server.get("/system"))
    except OSError:
        return False


def wait_until(true, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not so after {seconds} s"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def films(folder: Path) -> list[Path]:
    rng, files = np.random.default_rng(8), []
    for number in range(STUDIES * len(VIEWS)):
        study, (side, view) = number // 4, VIEWS[number % 4]
        pixels = breast(rng, bool(number % 2))
        if number % WITHOUT:
            paint(pixels, 80, 20 if number % 2 else SIZE[1] - 21, 4)
        made = film(pixels, f"W{study:02}", side, view, StudyInstanceUID=f"1.2.3.{study + 1}")
        files.append(save(made, folder / "films" / f"{number:02}.dcm"))
    return files


def route(server: Server, folder: Path, log: str = "calls.txt") -> subprocess.Popen:
    stand_in = [sys.executable, str(ROOT / "tests" / "made" / "painted_mammomap.py"), str(folder / log)]
    command = [sys.executable, str(EXAMPLES / "orthanc_route.py"), "--orthanc", server.url, "--model", "painted"]
    command += ["--objects", "sc,sr,seg,pm,gsps", "--state", str(folder / "state"), "--poll", "1"]
    with (folder / "route.log").open("a") as out:
        return subprocess.Popen(
            [*command, "--mammomap", shlex.join(stand_in)],
            stdout=out,
            stderr=out,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )


def test_a_study_goes_through_the_true_segment(server: Server, folder: Path) -> None:
    """Before all others, so that Orthanc holds nothing else; the blob detector finds the painted square."""
    pixels = breast(np.random.default_rng(9), True)
    paint(pixels, 80, 30, 4)
    sent = save(film(pixels, "W99", StudyInstanceUID="1.2.3.99"), folder / "one" / "film.dcm")
    assert server.send([sent]).wait(60) == 0
    wait_until(lambda: all(server.get(f"/studies/{study}")["IsStable"] for study in server.get("/studies")), 60)
    command = [sys.executable, str(EXAMPLES / "orthanc_route.py"), "--orthanc", server.url, "--model", "blob", "--once"]
    command += ["--state", str(folder / "true"), "--mammomap", shlex.join([sys.executable, "-m", "mammomap"])]
    try:
        for _ in range(2):
            told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
            assert told.returncode == 0, told.stderr
        made = server.ours()
        assert sorted(tags["Modality"] for tags in made.values()) == ["OT", "SEG", "SR"], told.stderr
        assert {tags["PatientID"] for tags in made.values()} == {"W99"}
    finally:
        for study in server.get("/studies"):
            urllib.request.urlopen(urllib.request.Request(f"{server.url}/studies/{study}", method="DELETE"))


def counts(server: Server) -> dict[str, int]:
    return dict(Counter(tags["SOPClassUID"].rsplit("5.1.4.1.1.")[-1] for tags in server.ours().values()))


PAINTED = sum(bool(number % WITHOUT) for number in range(STUDIES * len(VIEWS)))
WANTED = {"7": 40, "88.33": STUDIES, "66.4": PAINTED, "30": 40, "11.1": PAINTED}
"""SC, SR, SEG, Parametric Map, GSPS."""


def test_forty_films_by_three_senders_and_a_killed_script(server: Server, films: list[Path], folder: Path) -> None:
    senders = [server.send(films[k::3]) for k in range(3)]
    script = route(server, folder)
    try:
        assert [sender.wait(120) for sender in senders] == [0, 0, 0]
        wait_until(lambda: sum(counts(server).values()) > 25, 240)  # in the middle of the second study
        script.send_signal(signal.SIGKILL)
        script.wait()
        before = counts(server)
        assert before != WANTED
        script = route(server, folder)
        wait_until(lambda: counts(server) == WANTED, 400)
        time.sleep(8)  # studies come to rest again, now with results
        assert counts(server) == WANTED
        calls = Counter((folder / "calls.txt").read_text().split())
        assert set(calls) == {f"1.2.3.{study + 1}" for study in range(STUDIES)}
        assert sum(calls.values()) <= STUDIES + 1  # the one study that was cut off is done again
    finally:
        script.kill()
        script.wait()


def test_pixels_come_back_by_dicomweb_byte_by_byte(server: Server, folder: Path) -> None:
    """Against objects that the same films give when exported here."""
    for uid, tags in server.ours().items():
        path = f"/dicom-web/studies/{tags['StudyInstanceUID']}/series/{tags['SeriesInstanceUID']}/instances"
        listed = server.get(f"{path}?includefield=00080018")
        assert [one["00080018"]["Value"] for one in listed] == [[uid]]
        stored = folder / "one.dcm"
        with urllib.request.urlopen(f"{server.url}/instances/{tags['ID']}/file") as answer:
            stored.write_bytes(answer.read())
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        request = urllib.request.Request(f"{server.url}{path}/{uid}", headers={"Accept": accept})
        with urllib.request.urlopen(request) as answer:
            kind, body = answer.headers["Content-Type"], answer.read()
        message = email.message_from_bytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=email.policy.HTTP
        )
        (part,) = message.iter_parts()
        fetched = folder / "fetched.dcm"
        fetched.write_bytes(part.get_payload(decode=True))
        ours, theirs = pydicom.dcmread(stored), pydicom.dcmread(fetched)
        assert theirs.SOPInstanceUID == uid and ours.get("PixelData") == theirs.get("PixelData")


def test_objects_arrive_by_storescu_as_they_were_written(server: Server, films: list[Path], folder: Path) -> None:
    from made.results import KINDS, write_results

    from mammomap.dicom_out.export import export_dicom

    mine = {f"film-{number}": path for number, path in enumerate(films[:4])}
    key = write_results(folder / "again", mine, model="sent by hand")
    done = export_dicom(folder / "again", key, folder / "dicom", KINDS)
    sender = server.send([planned.path for planned in done.objects])
    assert sender.wait(60) == 0
    there = server.ours()
    for planned in done.objects:
        with urllib.request.urlopen(f"{server.url}/instances/{there[planned.uid]['ID']}/file") as answer:
            (folder / "one.dcm").write_bytes(answer.read())
        written, stored = pydicom.dcmread(planned.path), pydicom.dcmread(folder / "one.dcm")
        assert written.get("PixelData") == stored.get("PixelData")
        assert stored.file_meta.TransferSyntaxUID == written.file_meta.TransferSyntaxUID
        urllib.request.urlopen(
            urllib.request.Request(f"{server.url}/instances/{there[planned.uid]['ID']}", method="DELETE")
        )


def test_everything_sent_back_starts_no_second_round(server: Server, folder: Path) -> None:
    back = folder / "back"
    back.mkdir()
    for one in server.get("/instances"):
        with urllib.request.urlopen(f"{server.url}/instances/{one}/file") as answer:
            (back / f"{one}.dcm").write_bytes(answer.read())
    before, calls = server.get("/statistics")["CountInstances"], (folder / "calls.txt").read_text()
    script = route(server, folder)
    try:
        assert server.send(sorted(back.iterdir())).wait(120) == 0
        time.sleep(12)  # beyond the age at which a study is at rest
        assert server.get("/statistics")["CountInstances"] == before
        assert (folder / "calls.txt").read_text() == calls
    finally:
        script.kill()
        script.wait()
