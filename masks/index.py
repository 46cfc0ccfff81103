"""`mammomap index`: a folder of films in whichever known layout -> tables.

CBIS-DDSM is known by its case description lists, mini-MIAS by `Info.txt`, CDD-CESM by `table.csv`, one's own data by
`films.csv`. A second run on the same files
does nothing; after a change only the files that changed are opened. Beside the tables of every index, that of
CBIS-DDSM writes `files.parquet` (each image file and what it is used as) and `list_rows.parquet` (the lists as read).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path

import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.cbis_files import FileOnDisk, find_files
from mammomap.masks.cbis_lists import list_files
from mammomap.masks.cdd_cesm import index_cdd_cesm, is_cdd_cesm
from mammomap.masks.files import settings_hash, write_atomically
from mammomap.masks.mini_mias import index_mini_mias, is_mini_mias
from mammomap.masks.own_data import index_own_data
from mammomap.masks.tables import TABLES_FORMAT, Tables, read_tables, write_tables


def index(root: Path, out: Path, *, csv: bool = False, progress: Callable | None = None) -> tuple[Tables, bool]:
    """Index `root` into the folder `out`.

    Returns the tables, and whether anything was done: False where `out` already holds the index of these files.

    Raises
    ------
    TableError
        If `root` is in no known layout.
    """
    if not root.is_dir():
        raise TableError(f"{root}: no such folder")
    own = (root / "films.csv").is_file()
    own_tables = [root / name for name in ("films.csv", "lesions.csv", "folds.csv")]
    files = [_on_disk(path) for path in own_tables if path.is_file()] if own else _without(find_files(root), out)
    stamp = settings_hash(
        {
            "format": TABLES_FORMAT,
            "root": str(root.resolve()),
            "files": [astuple(f) for f in files],
            "csv": csv,
        }
    )
    marker = out / "index.json"
    if marker.is_file() and json.loads(marker.read_text()).get("stamp") == stamp:
        return read_tables(out), False
    extra: dict[str, pd.DataFrame] = {}
    if own:
        tables = index_own_data(root)
    elif is_mini_mias(root):
        tables = index_mini_mias(root)
    elif is_cdd_cesm(root):
        tables = index_cdd_cesm(root)
    elif list_files([Path(file.path) for file in files]):
        tables, extra = _index_cbis(root, files, out, progress)
    else:
        raise TableError(
            f"{root}: no set that is known: no films.csv in it (docs/own-data.md), no case description lists of "
            "CBIS-DDSM below it, no Info.txt of mini-MIAS, no table.csv of CDD-CESM"
        )
    tables.about["stamp"] = stamp
    for name, frame in extra.items():
        write_atomically(out / f"{name}.parquet", lambda path, f=frame: f.to_parquet(path, index=False))
    write_tables(tables, out, csv)
    return tables, True


def _index_cbis(
    root: Path, files: Sequence[FileOnDisk], out: Path, progress: Callable | None
) -> tuple[Tables, dict[str, pd.DataFrame]]:
    from mammomap.masks.cbis import index_cbis
    from mammomap.masks.cbis_lists import rows_frame

    before = out / "files.parquet"
    known = pd.read_parquet(before) if before.is_file() else None
    tables, inventory, rows = index_cbis(root, files, known, progress)
    return tables, {"files": inventory, "list_rows": rows_frame(rows)}


def _without(files: Sequence[FileOnDisk], out: Path) -> list[FileOnDisk]:
    """The files that do not lie in `out`, which may be a folder below the root."""
    inside = str(out.resolve()) + "/"
    return [file for file in files if not file.path.startswith(inside)]


def _on_disk(path: Path) -> FileOnDisk:
    status = path.stat()
    return FileOnDisk(str(path.resolve()), status.st_size, status.st_mtime_ns)
