"""A bundle: one file that holds a trained net and all that goes with it, as it is published.

A zip in which nothing is squeezed (weights do not shrink), with `sums.json`, the SHA-256 of every other member. Equal
members make equal bytes, so that the file's own SHA-256 names the bundle. Members are those of `MEMBERS` and no other;
they are unpacked into a folder of this process that goes when it ends.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mammomap.errors import ModelError
from mammomap.masks.files import whole_file

SUMS = "sums.json"
CARD = "CARD.md"
HEAD = "head.json"
WOMEN = "women_seen.json"
OWN_CODE = "net.py"
"""The copy of the user's file where the net is the user's own; opening it executes it."""
NEEDED = ("config.json", "model.safetensors", "log.jsonl", "environment.json", WOMEN, CARD)
MEMBERS = (*NEEDED, HEAD, OWN_CODE)
LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The time that every member bears, so that equal members make equal bytes."""


def write_bundle(path: Path, members: Mapping[str, bytes]) -> str:
    """Write the members, and give the SHA-256 of the file in hex."""
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    all_members = {SUMS: (json.dumps(sums, indent=1) + "\n").encode(), **members}
    with whole_file(path) as half, zipfile.ZipFile(half, "w", zipfile.ZIP_STORED) as file:
        for name, data in all_members.items():
            file.writestr(zipfile.ZipInfo(name, LONG_AGO), data)
    return file_sum(path)


def file_sum(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_bundle(path: Path) -> dict[str, bytes]:
    """The members of a bundle, all but the sums.

    Raises
    ------
    ModelError
        If the file is absent, no bundle, or a member is absent, unknown, or not what its sum says.
    """
    try:
        with zipfile.ZipFile(path) as file:
            members = {name: file.read(name) for name in file.namelist()}
        sums = json.loads(members.pop(SUMS))
    except OSError:
        raise ModelError(f"{path}: no such file") from None
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError):
        raise ModelError(f"{path}: not a bundle that 'mammomap bundle' made") from None
    for name in NEEDED:
        if name not in members:
            raise ModelError(f"{path}: the bundle lacks {name}")
    for name, data in members.items():
        if name not in MEMBERS:
            raise ModelError(f"{path}: the bundle holds {name[:60]!r}, which no bundle does")
        if sums.get(name) != hashlib.sha256(data).hexdigest():
            raise ModelError(f"{path}: {name} is not what the bundle's sums say; fetch it again")
    return members


def unpacked(path: Path) -> Path:
    """A folder with the members of a bundle, which goes when this process ends."""
    members = read_bundle(path)
    folder = Path(tempfile.mkdtemp(prefix="mammomap-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, data in members.items():
        (folder / name).write_bytes(data)
    return folder


def flips_asked(path: Path) -> bool:
    """Whether the head of a bundle is for maps averaged over flips; False where it holds no head."""
    members = read_bundle(path)
    return HEAD in members and bool(json.loads(members[HEAD])["flips"])


def is_bundle(path: Path) -> bool:
    """Whether a file looks like one; `read_bundle` says whether it is."""
    return path.is_file() and zipfile.is_zipfile(path)
