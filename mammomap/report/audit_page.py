"""One self-contained page from an audit: counts, and for each kind its rule, the first findings and a few thumbnails.

In: an `Audit`, and the inventory of the index (`files.parquet`). Out: one HTML file: no script, nothing that is
fetched. A thumbnail shows the film in grey with the outline of the finding's mask (none where no rule says how it
lies); where the finding is about a pair of films, both. Films that cannot be read have no thumbnail. All findings
stand in `audit.json`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from mammomap.errors import MammomapError
from mammomap.masks.audit import Audit
from mammomap.masks.audit_checks import KINDS, Finding, split_by_kind
from mammomap.masks.files import write_atomically
from mammomap.masks.read import read_film
from mammomap.report.page import rendered

THUMBNAIL_ROWS = 240
MOST_THUMBNAILS = 3
MOST_LISTED = 20
_OUTLINE = (255, 96, 0)
_PLAIN = {"missing_film", "missing_mask", "missing_crop", "extra_file", "unreadable_file", "both_parts", "listed_twice"}
"""Kinds that a picture would say nothing about."""


def write_audit_page(audit: Audit, inventory: pd.DataFrame, path: Path) -> None:
    """Write the page, whole or not at all."""
    html = audit_page(audit, inventory)
    write_atomically(path, lambda half: half.write_text(html, encoding="utf-8"))


def audit_page(audit: Audit, inventory: pd.DataFrame) -> str:
    """The page as text."""
    films = (
        inventory[inventory["used_as"] == "film"].drop_duplicates("image_id").set_index("image_id")["path"].to_dict()
    )
    masks = {(row.image_id, row.lesion_id): row.path for row in inventory[inventory["used_as"] == "mask"].itertuples()}
    groups = [
        {
            "kind": kind,
            "name": name_of(kind),
            "meaning": KINDS[kind],
            "count": len(its),
            "findings": its[:MOST_LISTED],
            "more": max(0, len(its) - MOST_LISTED),
            "pictures": [] if kind in _PLAIN else _pictures(its[:MOST_THUMBNAILS], films, masks),
        }
        for kind, its in split_by_kind(audit.findings).items()
    ]
    return rendered("audit.html", rows=audit.rows, files=audit.files, groups=groups, total=len(audit.findings))


def name_of(kind: str) -> str:
    """A kind as the page and the screen call it."""
    return kind.replace("_", " ").replace("uids", "UIDs")


def _pictures(findings: list[Finding], films: Mapping[str, str], masks: Mapping) -> list[dict[str, str]]:
    made = []
    for finding in findings:
        pair = [finding.other_path, finding.path] if finding.other_path else [films.get(finding.image_id, "")]
        mask = (
            ""
            if finding.other_path or finding.kind == "odd_mask"
            else masks.get((finding.image_id, finding.lesion_id), "")
        )
        try:
            panels = [_panel(path, mask) for path in pair if path]
        except MammomapError:
            continue  # what cannot be read is a finding of its own
        if panels:
            caption = f"{finding.image_id} {finding.lesion_id}".strip() + f": {finding.text}"
            made.append({"uri": _uri(panels), "caption": caption})
    return made


def _panel(film_path: str, mask_path: str) -> NDArray[np.uint8]:
    """RGB `(THUMBNAIL_ROWS, cols, 3)`: the film, and the outline of the mask brought to the film's size."""
    film = read_film(Path(film_path))
    size = (max(1, round(film.shape[1] * THUMBNAIL_ROWS / film.shape[0])), THUMBNAIL_ROWS)
    small = cv2.resize(film, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small, [0.5, 99.5])
    grey = (np.clip((small - low) / max(float(high - low), 1.0), 0, 1) * 255).astype(np.uint8)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    if mask_path:
        mask = read_film(Path(mask_path))
        lesion = (mask > int(mask.max()) // 2).astype(np.uint8)
        lesion = cv2.resize(lesion, size, interpolation=cv2.INTER_NEAREST)
        contours, _ = cv2.findContours(lesion, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, contours, -1, _OUTLINE, 2)
    return picture


def _uri(panels: list[NDArray[np.uint8]]) -> str:
    gap = np.full((THUMBNAIL_ROWS, 6, 3), 24, np.uint8)
    joined = panels[0] if len(panels) == 1 else np.hstack([panels[0], gap, panels[1]])
    file = io.BytesIO()
    Image.fromarray(joined).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
