"""One self-contained page from a report: tables, charts, films, what was run.

In: the report as a dict (`report.json`), pictures, the curves of training. Out: one HTML file with everything inside
it: no script, nothing that is fetched. A key that the report lacks leaves its section out; a figure that is None is
shown as a dash. All text is escaped. What the sections hold is worked out in `sections*.py`, the look stands in
`page.html` and, what all pages share, in `look.css`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mammomap.masks.files import write_atomically
from mammomap.report import sections, sections_about, sections_groups, sections_values
from mammomap.report.overlay import BENIGN, COLOURS, MALIGNANT


@dataclass(frozen=True)
class Picture:
    """A film for the page: PNG bytes, what it shows, and the group that it stands in (groups keep their order)."""

    png: bytes
    caption: str
    group: str


def write_page(
    report: Mapping[str, Any], pictures: Sequence[Picture], curves: Mapping[str, Any] | None, path: Path
) -> None:
    """Write the page of a report, whole or not at all.

    curves: {"train": [[crops, loss], ...], "validation": the same, "score": {"name", "train", "validation"} or absent,
    "best": crops of the weights that were kept}; None where no training belongs to the report.
    """
    html = page(report, pictures, curves)
    write_atomically(path, lambda half: half.write_text(html, encoding="utf-8"))


def page(report: Mapping[str, Any], pictures: Sequence[Picture], curves: Mapping[str, Any] | None) -> str:
    """The page as text."""
    groups: dict[str, list[dict[str, str]]] = {}
    for picture in pictures:
        uri = "data:image/png;base64," + base64.b64encode(picture.png).decode()
        groups.setdefault(picture.group.capitalize(), []).append({"uri": uri, "caption": picture.caption})
    return rendered(
        "page.html",
        title=report.get("title") or "Benchmark",
        groups=groups,
        case_rule=report.get("case_rule", ""),
        legend={"gradient": _gradient(), "malignant": _css(MALIGNANT), "benign": _css(BENIGN)},
        **sections.head(report),
        **sections.differences(report),
        **sections.froc(report),
        **sections.images(report),
        **sections_groups.yardsticks(report),
        **sections_values.overlap(report),
        **sections_values.calibration(report),
        **sections_groups.strata(report),
        **sections_groups.failures(report),
        **sections_about.training(curves),
        **sections_about.paper(report),
        **sections_about.background(report),
    )


def rendered(template: str, **values: Any) -> str:
    """A template of this folder, filled in; all text is escaped, a name that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def _gradient() -> str:
    return ", ".join(_css(COLOURS[round(i * 255 / 8)]) for i in range(9))


def _css(colour: Sequence[int]) -> str:
    return "#" + "".join(f"{int(channel):02x}" for channel in colour)
