"""Writing that is whole or absent: a file appears under its name only when all of it is on disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, put in its place when the block ends without an error.

    What a killed process leaves of it is hidden, has always the same name, and goes with the next try.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".half-{path.name}")
    try:
        yield half
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a temporary file beside `path` with the same ending, then put it in place in one step."""
    with whole_file(path) as half:
        write(half)


def write_json(path: Path, value: Any, mode: int | None = None) -> None:
    """Write `value` as indented JSON, atomically. NaN is refused, since JSON has none. mode: the file's permissions."""
    text = json.dumps(value, indent=1, allow_nan=False, default=_plain) + "\n"

    def write(half: Path) -> None:
        if mode is not None:
            half.touch(mode)
        half.write_text(text)

    write_atomically(path, write)


def _plain(value: Any) -> Any:
    """Numpy scalars and paths as plain Python."""
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def settings_hash(settings: Any) -> str:
    """Twelve hex digits over settings that JSON can hold; equal settings, equal hash."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=_plain).encode()).hexdigest()[:12]
