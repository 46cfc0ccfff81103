"""From Orthanc to mammomap and back: every stable study with mammograms gets its results, once.

    python3 orthanc_route.py --model run --state route

Asks Orthanc for studies that came to rest, fetches their films, runs `mammomap segment` and `mammomap export-dicom`,
and stores the objects back. Needs Python alone, and Orthanc's configuration beside this file (docs/orthanc.md).

Loops are cut on both sides. Here, a study is done once for a set of films and a model, and the mark of that lies in
Orthanc with the study, so that results and films that come back start no second round; what mammomap made is never
taken for a film. There, `mammomap segment` sets objects of its own making aside. A script that was killed goes on at
its next start: UIDs of results are the same each time, and Orthanc keeps an object that it has.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import logging
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

MARK = "mammomap"
"""User metadata of a study, named in orthanc.json: for which films and model it is done."""
MADE_BY = "mammomap"
"""Manufacturer of our objects."""
log = logging.getLogger("route")


class Orthanc:
    """The few calls of its REST interface that are needed."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def raw(self, path: str, method: str = "GET", body: bytes | None = None) -> bytes:
        request = urllib.request.Request(self.url + path, data=body, method=method)
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read()

    def get(self, path: str):
        return json.loads(self.raw(path))

    def mark(self, study: str) -> str:
        try:
            return self.raw(f"/studies/{study}/metadata/{MARK}").decode()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return ""
            raise


def instances(orthanc: Orthanc, study: str) -> tuple[dict[str, str], list[str]]:
    """Films of a study (SOP Instance UID -> Orthanc's ID), and the IDs of our objects in it."""
    films: dict[str, str] = {}
    ours: list[str] = []
    for series in orthanc.get(f"/studies/{study}/series"):
        tags = series["MainDicomTags"]
        if tags.get("Manufacturer", "").strip() == MADE_BY:
            ours += series["Instances"]
        elif tags.get("Modality") == "MG":
            for one in orthanc.get(f"/series/{series['ID']}/instances"):
                films[one["MainDicomTags"]["SOPInstanceUID"]] = one["ID"]
    return films, ours


def fetch(orthanc: Orthanc, ids: list[str], folder: Path) -> None:
    folder.mkdir()
    for number, one in enumerate(ids):
        (folder / f"{number:04}.dcm").write_bytes(orthanc.raw(f"/instances/{one}/file"))


def results(args: argparse.Namespace, orthanc: Orthanc, films: list[str], ours: list[str], work: Path) -> list[Path]:
    """Fetch, segment, export; the objects to be stored."""
    fetch(orthanc, films, work / "films")
    made = [*args.mammomap, "segment", str(work / "films"), "--model", args.model, "-o", str(work / "maps")]
    subprocess.run(made, check=True, stdout=sys.stderr)
    asked = ["--key", str(work / "maps.key.json"), "-o", str(work / "dicom"), "--objects", args.objects]
    if ours:
        fetch(orthanc, ours, work / "former")
        asked += ["--replaces", str(work / "former")]
    subprocess.run([*args.mammomap, "export-dicom", str(work / "maps"), *asked], check=True, stdout=sys.stderr)
    return sorted((work / "dicom").rglob("*.dcm"))


def handle(args: argparse.Namespace, orthanc: Orthanc, study: str) -> None:
    """Do one study, unless it holds no film or is done for these films and this model."""
    films, ours = instances(orthanc, study)
    told = "\0".join([args.model, args.objects, *sorted(films)])
    wanted = hashlib.sha256(told.encode()).hexdigest()[:16]
    if not films or orthanc.mark(study) == wanted:
        return
    work = Path(tempfile.mkdtemp(prefix="study-", dir=args.state))
    try:
        objects = results(args, orthanc, [films[uid] for uid in sorted(films)], ours, work)
        new = [json.loads(orthanc.raw("/instances", "POST", path.read_bytes()))["Status"] for path in objects]
        orthanc.raw(f"/studies/{study}/metadata/{MARK}", "PUT", wanted.encode())
        log.info("study %s: %d films, %d objects, %d new", study, len(films), len(new), new.count("Success"))
    except (
        subprocess.CalledProcessError
    ) as error:  # its reason stands above; another start, or another film, tries again
        log.error("study %s: %s failed with exit code %d", study, error.cmd[-1] if error.cmd else "?", error.returncode)
    finally:
        shutil.rmtree(work)


def stable(orthanc: Orthanc, since: int) -> tuple[list[str], int]:
    """Studies that came to rest since a change, in order, and the last change seen."""
    found: list[str] = []
    while True:
        page = orthanc.get(f"/changes?since={since}&limit=200")
        found += [one["ID"] for one in page["Changes"] if one["ChangeType"] == "StableStudy"]
        since = page["Last"]
        if page["Done"]:
            return list(dict.fromkeys(found)), since


def everything_at_rest(orthanc: Orthanc) -> list[str]:
    """Studies that are at rest now: what a script that was not running, or an Orthanc started again, would miss."""
    return [study for study in orthanc.get("/studies") if orthanc.get(f"/studies/{study}")["IsStable"]]


def watch(args: argparse.Namespace) -> None:
    """Until it is stopped."""
    orthanc, since, first = Orthanc(args.orthanc), 0, True
    while True:
        try:
            if first:
                since = orthanc.get("/changes?last")["Last"]
                studies, first = everything_at_rest(orthanc), False
            else:
                studies, since = stable(orthanc, since)
            for study in studies:
                handle(args, orthanc, study)
        except (OSError, ValueError) as error:  # Orthanc is away, or went away in the middle: look at everything again
            log.warning("Orthanc at %s: %s", args.orthanc, error)
            first = True
        if args.once:
            return
        time.sleep(args.poll)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orthanc", default="http://127.0.0.1:8042", help="its HTTP address")
    parser.add_argument("--model", required=True, help="what 'mammomap segment --model' takes")
    parser.add_argument("--objects", default="sc,sr,seg", help="what 'mammomap export-dicom --objects' takes")
    parser.add_argument("--state", type=Path, required=True, help="folder for films on their way; emptied")
    parser.add_argument("--poll", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--once", action="store_true", help="one look, then stop")
    parser.add_argument(
        "--mammomap", type=shlex.split, default=["mammomap"], help="the command, e.g. 'python3 -m mammomap'"
    )
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    args.state.mkdir(parents=True, exist_ok=True)
    with (args.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            sys.exit(f"{args.state}: another script is at work there")
        for left in args.state.glob("study-*"):  # of a script that was killed
            shutil.rmtree(left)
        watch(args)


if __name__ == "__main__":
    main()
