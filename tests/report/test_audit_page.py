"""The page of an audit stands alone, says every count, and escapes what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.masks.audit import Audit
from mammomap.masks.audit_checks import KINDS, Finding
from mammomap.report.audit_page import MOST_LISTED, MOST_THUMBNAILS, audit_page, write_audit_page


def made(tmp_path: Path) -> tuple[Audit, pd.DataFrame]:
    film = np.random.default_rng(1).integers(0, 60000, (60, 40)).astype(np.uint16)
    mask = np.zeros((60, 40), np.uint8)
    mask[20:30, 10:20] = 255
    files = []
    for name, pixels, lesion in (("film", film, ""), ("mask", mask, "mass_1")):
        path = tmp_path / f"{name}.png"
        assert cv2.imwrite(str(path), pixels)
        files.append({"path": str(path), "used_as": name, "image_id": "P_1_LEFT_CC", "lesion_id": lesion})
    found = [Finding("third_value", "P_1_LEFT_CC", "mass_1", files[1]["path"], f"<b>{n}</b> pixels") for n in range(25)]
    gone = Finding("equal_films", "P_2_LEFT_CC", "", "gone.png", "the film P_3", "gone too.png")
    counts = {"listed": 1234, "read": 1200, "set_aside": 34}
    return Audit((*found, gone), counts, {"film": 1, "mask": 1}, "stamp"), pd.DataFrame(files)


def test_the_page_says_counts_rules_and_findings(tmp_path: Path) -> None:
    html = audit_page(*made(tmp_path))
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert "1,234 rows listed = 1,200 read + 34 set aside" in text
    assert all(meaning in text for meaning in KINDS.values())
    assert "<b>" not in html and html.count("&lt;b&gt;") == MOST_LISTED + 2 * MOST_THUMBNAILS
    assert "and 5 more in audit.json" in text
    assert html.count("<img") == MOST_THUMBNAILS  # a film that cannot be read has no picture


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    write_audit_page(*made(tmp_path), tmp_path / "audit.html")
    html = (tmp_path / "audit.html").read_text()
    assert "<script" not in html and "<link" not in html and "@import" not in html
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in re.findall(r'(?:src|href)="([^"]*)', html))
    assert {link[1:] for link in re.findall(r'href="(#[^"]*)', html)} <= set(re.findall(r'id="([^"]*)', html))
