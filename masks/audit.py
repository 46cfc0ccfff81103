"""`mammomap audit`: everything that is wrong with a copy of CBIS-DDSM, found before anybody trains on it.

In: an index folder with `files.parquet` and `list_rows.parquet`. Out: an `Audit` and, in a folder, `audit.json`:
counts, and each finding with film, lesion, file and words. Every film, mask and crop is read whole, two processes at
work; nothing is changed. The rules stand in `audit_checks.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import ImageError, TableError
from mammomap.masks import audit_checks as checks
from mammomap.masks.audit_checks import KINDS, Finding, Found
from mammomap.masks.breast import find_breast
from mammomap.masks.cbis_lists import ListRow
from mammomap.masks.files import settings_hash, write_json
from mammomap.masks.parallel import in_processes
from mammomap.masks.read import PICTURE_ENDINGS, read_film
from mammomap.masks.tables import read_tables

AUDIT_FORMAT = 1
_WORKERS = 2
_FEW = 40
"""Films up to which one process is quicker than two."""


@dataclass(frozen=True)
class Audit:
    """What an audit found. `rows`: listed, read, set_aside; `files`: how many are used as what."""

    findings: tuple[Finding, ...]
    rows: dict[str, int]
    files: dict[str, int]
    stamp: str

    @property
    def counts(self) -> dict[str, int]:
        """Findings of each kind, those of which there are none too."""
        return {kind: len(its) for kind, its in checks.split_by_kind(self.findings).items()}


def audit(tables: Path, out: Path, *, progress: Callable[..., Iterable] | None = None) -> tuple[Audit, bool]:
    """Audit the index in `tables`, and write `audit.json` into `out`.

    Returns the audit, and whether anything was done: False where `out` holds that of the same index and files.

    Raises
    ------
    TableError
        If `tables` is no index of CBIS-DDSM, or its rows do not add up.
    """
    indexed = read_tables(tables)
    if not (tables / "files.parquet").is_file() or not (tables / "list_rows.parquet").is_file():
        raise TableError(f"{tables}: no files.parquet and list_rows.parquet; the audit reads an index of CBIS-DDSM")
    files = pd.read_parquet(tables / "files.parquet").fillna("").to_dict("records")
    listed = pd.read_parquet(tables / "list_rows.parquet").to_dict("records")
    rows = [ListRow(**{field.name: record[field.name] for field in fields(ListRow)}) for record in listed]
    now = [_size_and_time(file["path"]) for file in files]
    stamp = settings_hash({"format": AUDIT_FORMAT, "index": indexed.about.get("stamp"), "files": now})
    marker = out / "audit.json"
    if marker.is_file() and (before := json.loads(marker.read_text())).get("stamp") == stamp:
        return Audit(tuple(Finding(**f) for f in before["findings"]), before["rows"], before["files"], stamp), False
    set_aside = len(indexed.refused) - int(indexed.about.get("files_set_aside", 0))
    counted = {"listed": len(rows), "read": len(indexed.lesions), "set_aside": set_aside}
    if counted["read"] + counted["set_aside"] != counted["listed"]:
        raise TableError(f"{tables}: rows do not add up: {counted}; index again")
    used = pd.Series([file["used_as"] or "nothing" for file in files]).value_counts()
    found = _files_of_rows(rows, files)
    findings = _by_tables(rows, files, found) + _by_pixels(found, progress)
    order = list(KINDS)
    unique = sorted(dict.fromkeys(findings), key=lambda f: (order.index(f.kind), f.image_id, f.lesion_id, f.path))
    made = Audit(tuple(unique), counted, {str(name): int(n) for name, n in sorted(used.items())}, stamp)
    write_json(
        marker,
        {
            "format": AUDIT_FORMAT,
            "stamp": stamp,
            "tables": str(tables.resolve()),
            "rows": made.rows,
            "files": made.files,
            "counts": made.counts,
            "kinds": KINDS,
            "findings": [asdict(finding) for finding in made.findings],
        },
    )
    return made, True


def _size_and_time(path: str) -> list[int]:
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]


def _files_of_rows(rows: list[ListRow], files: list[dict]) -> list[Found]:
    series: dict[str, list[dict]] = defaultdict(list)
    unreadable: dict[str, int] = defaultdict(int)
    for file in files:
        if file["fault"]:
            unreadable[file["series_uid"] or Path(file["path"]).parent.name.removeprefix("MG_")] += 1
        elif file["used_as"]:
            series[file["series_uid"]].append(file)

    def of(uids: Iterable[str], how: str) -> tuple[dict, ...]:
        return tuple(file for uid in uids for file in series[uid] if file["used_as"] == how)

    return [
        Found(
            row,
            of([row.image_series], "film"),
            of(row.roi_series, "mask"),
            of(row.roi_series, "crop"),
            unreadable[row.image_series],
            sum(unreadable[uid] for uid in row.roi_series),
        )
        for row in rows
    ]


def _by_tables(rows: list[ListRow], files: list[dict], found: list[Found]) -> list[Finding]:
    return [
        *checks.missing_files(found),
        *checks.extra_files(files, found),
        *[Finding("unreadable_file", "", "", file["path"], file["fault"]) for file in files if file["fault"]],
        *checks.swapped_columns(found),
        *checks.mask_sizes(found),
        *checks.labels_differ(rows),
        *checks.listed_twice(rows),
        *checks.both_parts(rows),
    ]


def _by_pixels(found: list[Found], progress: Callable[..., Iterable] | None) -> list[Finding]:
    """What takes pixels to see, film by film, and then what takes all films."""
    films: dict[str, list[Found]] = defaultdict(list)
    for one in found:
        films[one.row.image_id].append(one)
    jobs = list(films.items())
    workers = 1 if len(jobs) <= _FEW else _WORKERS
    done = in_processes(_audit_film, jobs, what="read pixels", workers=workers, chunk=4, progress=progress)
    findings = [finding for its, _ in done for finding in its]
    digests = {path: named for _, its in done for path, named in its.items()}
    return findings + checks.equal_films(digests)


def _audit_film(job: tuple[str, list[Found]]) -> tuple[list[Finding], dict[str, tuple[str, str]]]:
    """Findings of one film and its files; path -> (image_id, digest) of the films that can be read."""
    image_id, found = job
    findings: list[Finding] = []
    films: dict[str, np.ndarray] = {}
    breasts: dict[str, np.ndarray] = {}
    for path in dict.fromkeys(film["path"] for one in found for film in one.films):
        pixels = _read(path, image_id, "", findings)
        if pixels is None:
            continue
        films[path] = pixels
        try:
            breasts[path] = find_breast(pixels).mask
        except ImageError as reason:
            findings.append(Finding("no_breast", image_id, "", path, str(reason)))
    findings += _two_uids(image_id, found, films)
    seen: set[str] = set()
    for one in found:
        for file in (*one.masks, *one.crops):
            if file["path"] in seen:
                continue
            seen.add(file["path"])
            pixels = _read(file["path"], image_id, one.row.lesion_id, findings)
            if pixels is not None and file["used_as"] == "mask":
                breast = breasts.get(one.films[0]["path"]) if len(one.films) == 1 else None
                findings += _audit_mask(one, file, pixels, breast)
    return findings, {path: (image_id, _digest(pixels)) for path, pixels in films.items()}


def _read(path: str, image_id: str, lesion_id: str, findings: list[Finding]) -> np.ndarray | None:
    try:
        return read_film(Path(path))
    except ImageError as reason:
        findings.append(Finding("unreadable_file", image_id, lesion_id, path, str(reason)))
        return None


def _digest(pixels: np.ndarray) -> str:
    return hashlib.blake2b(
        repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes(), digest_size=16
    ).hexdigest()


def _two_uids(image_id: str, found: list[Found], films: dict[str, np.ndarray]) -> list[Finding]:
    """Each further series of a film against the first, with the pixels that differ."""
    by_series = {film["series_uid"]: film["path"] for one in found for film in one.films[:1]}
    first, *others = [*by_series.items()] or [("", "")]
    findings = []
    for uid, path in others:
        if first[1] not in films or path not in films:
            told = "one of them cannot be read"
        else:
            differ = checks.pixels_that_differ(films[first[1]], films[path])
            sizes = " and ".join("{} x {}".format(*films[p].shape) for p in (first[1], path))
            told = f"sizes differ, {sizes}" if differ is None else f"{differ:,} of {films[path].size:,} pixels differ"
            told = "pixels agree" if differ == 0 else told
        findings.append(Finding("two_uids", image_id, "", path, f"{told}; series {first[0]} and {uid}", first[1]))
    return findings


def _audit_mask(one: Found, file: dict, pixels: np.ndarray, breast: np.ndarray | None) -> list[Finding]:
    mask = (pixels >> 8).astype(np.uint8)
    where = (one.row.image_id, one.row.lesion_id, file["path"])
    lossy = Path(file["path"]).suffix.lower() in PICTURE_ENDINGS
    findings = []
    beyond, values = checks.third_values(mask, lossy)
    if beyond:
        text = f"{beyond:,} of {mask.size:,} pixels hold {', '.join(map(str, values))}"
        findings.append(Finding("third_value", *where, text))
    lesion = checks.set_pixels(mask, lossy)
    if lesion.all() or not lesion.any():
        kind, said = ("full_mask", "set") if lesion.all() else ("empty_mask", "unset")
        return [*findings, Finding(kind, *where, f"all of {mask.shape[0]} x {mask.shape[1]} pixels are {said}")]
    fits = not any(finding.kind == "odd_mask" for finding in checks.mask_sizes([one]))
    if breast is not None and fits:
        outside = checks.share_outside(lesion, breast)
        if outside > checks.MOST_OUTSIDE:
            findings.append(Finding("outside_breast", *where, f"{outside:.1%} of the lesion lies outside the breast"))
    return findings
