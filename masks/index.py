"""`mammomap index`: a folder of films in whichever known layout -> tables.

Each set is known by a file in it (`SETS`, the first that fits); a folder of DICOM files in no such layout is read by
its headers. A second run on the same files does nothing; after a change of CBIS-DDSM only the files that changed are
opened. Beside the tables of every index, that of CBIS-DDSM writes `files.parquet` (each image file and what it is
used as) and `list_rows.parquet` (the lists as read); outlines that no polygon can hold lie in `outlines/`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.cbis_files import FileOnDisk, find_files
from mammomap.masks.cbis_lists import list_files
from mammomap.masks.cdd_cesm import index_cdd_cesm, is_cdd_cesm
from mammomap.masks.cmmd import index_cmmd, is_cmmd
from mammomap.masks.dicom_folder import index_dicom_folder, is_dicom_folder
from mammomap.masks.files import settings_hash, write_atomically
from mammomap.masks.inbreast import index_inbreast, is_inbreast
from mammomap.masks.mini_mias import index_mini_mias, is_mini_mias
from mammomap.masks.nnunet_raw import index_nnunet_raw, is_nnunet_raw
from mammomap.masks.own_data import index_own_data, is_own_data
from mammomap.masks.tables import TABLES_FORMAT, Tables, read_tables, write_tables
from mammomap.masks.vindr import index_vindr, is_vindr


@dataclass(frozen=True)
class Asked:
    """What an index works on."""

    root: Path
    files: Sequence[FileOnDisk]
    """All below the root, but for those in `out`."""
    out: Path
    progress: Callable[..., Iterable] | None


SETS: tuple[tuple[str, Callable[[Asked], bool], Callable[[Asked], Tables]], ...] = (
    ("films.csv (docs/own-data.md)", lambda a: is_own_data(a.root), lambda a: index_own_data(a.root)),
    ("Info.txt of mini-MIAS", lambda a: is_mini_mias(a.root), lambda a: index_mini_mias(a.root)),
    ("table.csv of CDD-CESM", lambda a: is_cdd_cesm(a.root), lambda a: index_cdd_cesm(a.root)),
    ("INbreast.csv", lambda a: is_inbreast(a.root), lambda a: index_inbreast(a.root)),
    ("breast-level_annotations.csv of VinDr-Mammo", lambda a: is_vindr(a.root), lambda a: index_vindr(a.root)),
    ("clinical sheet of CMMD", lambda a: is_cmmd(a.root), lambda a: index_cmmd(a.root, a.files, a.progress)),
    ("dataset.json of nnU-Net", lambda a: is_nnunet_raw(a.root), lambda a: index_nnunet_raw(a.root, a.out, a.progress)),
    ("case description list of CBIS-DDSM", lambda a: _has_cbis_lists(a), lambda a: _index_cbis(a)),
    (
        "DICOM file",
        lambda a: is_dicom_folder(a.files),
        lambda a: index_dicom_folder(a.root, a.files, a.out, a.progress),
    ),
)
"""By what a set is known, whether it is one, and how it is read. The first that fits counts."""


def index(
    root: Path, out: Path, *, csv: bool = False, progress: Callable[..., Iterable] | None = None
) -> tuple[Tables, bool]:
    """Index `root` into the folder `out`.

    Returns the tables, and whether anything was done: False where `out` already holds the index of these files.

    Raises
    ------
    TableError
        If `root` is in no known layout.
    """
    if not root.is_dir():
        raise TableError(f"{root}: no such folder")
    own = is_own_data(root)
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
    asked = Asked(root, files, out, progress)
    read = next((read for _, fits, read in SETS if fits(asked)), None)
    if read is None:
        raise TableError(f"{root}: no set that is known: it has no {', no '.join(name for name, _, _ in SETS)}")
    tables = read(asked)
    tables.about["stamp"] = stamp
    write_tables(tables, out, csv)
    return tables, True


def _has_cbis_lists(asked: Asked) -> bool:
    return bool(list_files([Path(file.path) for file in asked.files]))


def _index_cbis(asked: Asked) -> Tables:
    from mammomap.masks.cbis import index_cbis
    from mammomap.masks.cbis_lists import rows_frame

    before = asked.out / "files.parquet"
    known = pd.read_parquet(before) if before.is_file() else None
    tables, inventory, rows = index_cbis(asked.root, asked.files, known, asked.progress)
    for name, frame in {"files": inventory, "list_rows": rows_frame(rows)}.items():
        write_atomically(asked.out / f"{name}.parquet", lambda path, f=frame: f.to_parquet(path, index=False))
    return tables


def _without(files: Sequence[FileOnDisk], out: Path) -> list[FileOnDisk]:
    """The files that do not lie in `out`, which may be a folder below the root."""
    inside = str(out.resolve()) + "/"
    return [file for file in files if not file.path.startswith(inside)]


def _on_disk(path: Path) -> FileOnDisk:
    status = path.stat()
    return FileOnDisk(str(path.resolve()), status.st_size, status.st_mtime_ns)
