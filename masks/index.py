"""`mammomap index`: a folder of films in whichever known layout -> tables.

CBIS-DDSM is known by its case description tables, one's own data by `films.csv`. A second run on the same files
does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from mammomap.errors import TableError
from mammomap.masks.files import settings_hash
from mammomap.masks.own_data import index_own_data
from mammomap.masks.tables import Tables, read_tables, write_tables


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
    lists = sorted(root.rglob("*_case_description_*_set.csv"))
    sources = lists or [root / name for name in ("films.csv", "lesions.csv", "folds.csv")]
    stamps = {str(p.relative_to(root)): p.stat().st_mtime_ns for p in sources if p.is_file()}
    stamp = settings_hash({"root": str(root.resolve()), "files": stamps, "csv": csv})
    marker = out / "index.json"
    if marker.is_file() and json.loads(marker.read_text()).get("stamp") == stamp:
        return read_tables(out), False
    if lists:
        from mammomap.masks.cbis import index_cbis

        tables = index_cbis(root, progress)
    elif (root / "films.csv").is_file():
        tables = index_own_data(root)
    else:
        raise TableError(
            f"{root}: neither CBIS-DDSM's case description tables nor a films.csv below it (docs/own-data.md)"
        )
    tables.about["stamp"] = stamp
    write_tables(tables, out, csv)
    return tables, True
