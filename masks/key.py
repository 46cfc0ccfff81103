"""The key of a folder of maps: which image_id is which file. It lies beside the folder and never in it.

KEY (JSON): a secret, and for every film its path and, where it is DICOM, its PatientID and UIDs. Names in the folder
are hashes that nobody works out without the secret; who shares the folder keeps the key. A key that is used again
gives the same film the same name.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mammomap.errors import TableError
from mammomap.masks.files import write_json

KEY_FORMAT = 1


@dataclass(frozen=True)
class KeyFilm:
    """Where a film lies, and what its header calls it; the header's words are empty for a picture."""

    path: Path
    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    instance_uid: str = ""


@dataclass(frozen=True)
class Key:
    """The secret of a folder's names, and its films by image_id."""

    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    films: dict[str, KeyFilm] = field(default_factory=dict)

    def name(self, what: str, text: str) -> str:
        """Twelve hex digits that stand for `text`; `what` keeps films, women and examinations apart."""
        told = f"{what}\0{text}".encode()
        return hmac.new(bytes.fromhex(self.secret), told, hashlib.sha256).hexdigest()[:12]


def key_beside(out: Path) -> Path:
    """Where the key of a folder of maps lies unless it is told otherwise."""
    return out.with_name(f"{out.resolve().name}.key.json")


def open_key(path: Path, out: Path) -> Key:
    """The key at `path`; a new one where there is none yet, on disk before anything is named by it.

    Raises
    ------
    TableError
        If the file is no key, or lies in `out`, the folder whose names it tells.
    """
    if path.resolve().is_relative_to(out.resolve()):
        raise TableError(f"{path}: lies in {out}, whose names it tells; keep the key elsewhere")
    new = Key()
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another shard was faster, or an earlier call
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        write_key(path, new)
        return new
    return read_key(path)


def write_key(path: Path, key: Key) -> None:
    """Write a key, readable by its owner alone where the system knows owners."""
    films = {name: {**asdict(film), "path": str(film.path.resolve())} for name, film in key.films.items()}
    write_json(path, {"format": KEY_FORMAT, "secret": key.secret, "films": films}, mode=0o600)


def _whole_text(path: Path) -> str:
    """A key that another shard has just begun is empty for a moment."""
    for _ in range(50):
        if text := path.read_text():
            return text
        time.sleep(0.1)
    return ""


def read_key(path: Path) -> Key:
    """Read what `write_key` wrote.

    Raises
    ------
    TableError
        If the file is absent, no key, or of an unknown format.
    """
    try:
        told = json.loads(_whole_text(path))
        if told["format"] != KEY_FORMAT:
            raise TableError(f"{path}: key format {told['format']}, wanted {KEY_FORMAT}")
        bytes.fromhex(told["secret"])
        films = {name: KeyFilm(**{**film, "path": Path(film["path"])}) for name, film in told["films"].items()}
        return Key(told["secret"], films)
    except FileNotFoundError:
        raise TableError(f"{path}: no such key file; 'mammomap segment … -o OUT' writes OUT.key.json") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{path}: not a key file ({str(error)[:100]})") from None


def find_key(maps: Path, told: Path | None) -> Key | None:
    """The key that is named, or that beside the maps; None where neither is there.

    Raises
    ------
    TableError
        If a key that is named, or the one beside the maps, cannot be read.
    """
    beside = key_beside(maps)
    return read_key(told) if told else read_key(beside) if beside.is_file() else None
