"""`benchmark --verify`: a report worked out again from the tables beside it, with no film, no map and no net.

In: report.json and the tables of `evidence` in its folder. Out: how many figures were repeated, which differ, and
which could not be repeated because they come from the maps themselves (pixels). A figure agrees if it is the same to
the six decimals that the report keeps, a text or count if it is the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mammomap.benchmark.evidence import FILES, read_evidence
from mammomap.benchmark.judge import PARTS, Said, judged
from mammomap.errors import TableError
from mammomap.eval import REFEREE_VERSION

REPORT_FORMAT = 2
"""Of report.json; its history stands in docs/report.md."""
FROM_MAPS = "pixels"
"""The part of a system's entry that only its maps can give."""
_LAST_DIGIT = 1.5e-6


@dataclass(frozen=True)
class Verified:
    """What came of it. differing: one line a figure, `path: report, now`."""

    figures: int
    differing: list[str]
    notes: list[str]

    @property
    def agrees(self) -> bool:
        """True where every figure that could be repeated came out the same."""
        return not self.differing


def verify(path: Path, progress: Callable[..., Iterable] | None = None) -> Verified:
    """Repeat a report.

    Raises
    ------
    TableError
        If it is none, is of another format, was made with `--aggregate-only`, or its tables are absent.
    """
    report = read_report(path)
    if report["asked"]["aggregate_only"]:
        raise TableError(f"{path}: made with --aggregate-only, so no value of a case was kept that it could rest on")
    notes, differing = [], []
    for name, digest in report["evidence"].items():
        file = path.parent / name
        if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            differing.append(f"{name}: not the file that the report was made from")
    if report["referee_version"] != REFEREE_VERSION:
        notes.append(f"made by referee {report['referee_version']}, repeated by {REFEREE_VERSION}")
    evidence = read_evidence(path.parent)
    try:
        systems = [Said.of_entry(entry) for entry in report["systems"]]
    except KeyError as error:
        raise TableError(f"{path}: a system without {error}; run the benchmark again") from None
    again = judged(evidence, systems, report["asked"]["prevalence"], progress)
    counted = 0
    for where, there, here in _leaves({part: report[part] for part in PARTS}, again):
        counted += isinstance(here, int | float) and not isinstance(here, bool)
        if not _same(there, here):
            differing.append(f"{where}: report {there!r}, now {here!r}")
    if any(FROM_MAPS in entry for entry in report["systems"]):
        notes.append("figures of pixels come from the maps alone and were not repeated")
    return Verified(counted, differing, notes)


def read_report(path: Path) -> dict[str, Any]:
    """A report.json of this format.

    Raises
    ------
    TableError
        If it is none, or of another format.
    """
    try:
        report = json.loads(path.read_text())
        found = report["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TableError(f"{path}: not a report.json of 'mammomap benchmark' ({error})") from None
    if found != REPORT_FORMAT:
        raise TableError(f"{path}: report format {found}, wanted {REPORT_FORMAT}; run the benchmark again")
    return report


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of each table of the evidence that lies in a folder."""
    there = [name for name in FILES.values() if (folder / name).is_file()]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in there}


def _leaves(there: Any, here: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every value of either side beside that of the other; None where a side has none."""
    if isinstance(there, dict) or isinstance(here, dict):
        a, b = (side if isinstance(side, dict) else {} for side in (there, here))
        for key in a | b:
            if key != FROM_MAPS:
                yield from _leaves(a.get(key), b.get(key), f"{where}.{key}" if where else str(key))
    elif isinstance(there, list) or isinstance(here, list):
        a, b = (side if isinstance(side, list) else [] for side in (there, here))
        for k in range(max(len(a), len(b))):
            label = next((side[k]["name"] for side in (a, b) if k < len(side) and _named(side[k])), k)
            yield from _leaves(a[k] if k < len(a) else None, b[k] if k < len(b) else None, f"{where}[{label}]")
    else:
        yield where, there, here


def _named(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def _same(there: Any, here: Any) -> bool:
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (there, here)]
    return abs(there - here) <= _LAST_DIGIT if all(numbers) else there == here
