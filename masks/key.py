"""The key of a folder of maps: which image_id is which file. It lies beside the folder and never in it.

KEY (JSON): a secret, and for every film its path and, where it is DICOM, its PatientID and UIDs. Names in the folder
are hashes that nobody works out without the secret; who shares the folder keeps the key. A key that is used again
gives the same film the same name.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
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


def write_key(path: Path, key: Key) -> None:
    """Write a key, readable by its owner alone where the system knows owners."""
    films = {name: {**asdict(film), "path": str(film.path.resolve())} for name, film in key.films.items()}
    write_json(path, {"format": KEY_FORMAT, "secret": key.secret, "films": films}, mode=0o600)


def read_key(path: Path) -> Key:
    """Read what `write_key` wrote.

    Raises
    ------
    TableError
        If the file is absent, no key, or of an unknown format.
    """
    try:
        told = json.loads(path.read_text())
        if told["format"] != KEY_FORMAT:
            raise TableError(f"{path}: key format {told['format']}, wanted {KEY_FORMAT}")
        bytes.fromhex(told["secret"])
        films = {name: KeyFilm(**{**film, "path": Path(film["path"])}) for name, film in told["films"].items()}
        return Key(told["secret"], films)
    except FileNotFoundError:
        raise TableError(f"{path}: no such key file; 'mammomap segment … -o OUT' writes OUT.key.json") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{path}: not a key file ({str(error)[:100]})") from None
