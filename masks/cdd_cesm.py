"""CDD-CESM, low-energy views -> tables: digital mammograms with outlines drawn by hand.

In: a folder with `table.csv` (image_id, patient_id, side, view, image, mask, pathology, density, birads, findings;
pictures and masks by relative path) and the pictures. Out: tables. A mask holds all lesions of its film; each
connected part is one, outlined by its outer border (holes are filled). Parts smaller than `SPECK` of the film's area
are left by the reduction of the masks, belong to no lesion, and are counted in `about`. The findings are one text a
film, so all lesions of a film are of one kind: calcifications where the text names nothing else, masses otherwise.
Khaled et al., Sci Data 9 (2022), doi 10.1038/s41597-022-01238-0.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError, MammomapError, TableError
from mammomap.masks.read import read_film
from mammomap.masks.tables import Tables, make_tables

COLUMNS = ("image_id", "patient_id", "side", "view", "image", "mask", "pathology", "density", "birads", "findings")
SPECK = 1e-4
"""Share of a film's area below which a part of a mask is no lesion: about 10 pixels of 512 x 200."""
_OTHER = re.compile(r"mass|densit|asymmetr|distort|nodul|edema|scar|lesion|satellite", re.IGNORECASE)
_DENSITY = {"A": 1, "B": 2, "C": 3, "D": 4}


def is_cdd_cesm(root: Path) -> bool:
    """Whether `root` holds such a table."""
    path = root / "table.csv"
    if not path.is_file():
        return False
    with path.open(newline="", encoding="utf-8", errors="replace") as text:
        return set(COLUMNS) <= set(next(csv.reader(text), []))


def index_cdd_cesm(root: Path) -> Tables:
    """Read the table, the films' sizes and the masks. Each row is read or set aside with its reason.

    Raises
    ------
    TableError
        If no film can be used.
    """
    with (root / "table.csv").open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    films: list[dict] = []
    lesions: list[dict] = []
    refused: list[dict] = []
    specks = 0
    for number, row in enumerate(rows, start=2):
        try:
            film, outlines, left_out = _read(root, row)
        except MammomapError as error:
            refused.append({"path": f"table.csv line {number} ({row['image_id']})", "reason": str(error)})
            continue
        films.append(film)
        lesions += outlines
        specks += left_out
    if not films:
        raise TableError(f"{root}: no film can be used; {refused[0]['path']}: {refused[0]['reason']}")
    about = {
        "source": "CDD-CESM",
        "imaging": "digital",
        "layout": "table.csv, a picture and a mask a film",
        "label_rule": "a film has the pathology that the table gives it, and so has each of its lesions",
        "rows_listed": len(rows),
        "rows_read": len(films),
        "rows_set_aside": len(refused),
        "specks_left_out": specks,
    }
    return make_tables(films, lesions, refused, about)


def _read(root: Path, row: dict[str, str]) -> tuple[dict, list[dict], int]:
    """The film, its lesions, and how many specks were left out."""
    pathology = row["pathology"].upper()
    if pathology not in ("BENIGN", "MALIGNANT", "NORMAL"):
        raise TableError(f"pathology {row['pathology']!r}, wanted BENIGN, MALIGNANT or NORMAL")
    path = root / row["image"]
    shape = read_film(path).shape
    borders, specks = ([], 0)
    if row["mask"]:
        mask = read_film(root / row["mask"])
        if mask.shape != shape:
            raise ImageError(f"mask of {mask.shape[0]} x {mask.shape[1]} on a film of {shape[0]} x {shape[1]}")
        borders, specks = _borders(mask > mask.max() // 2)
    if bool(borders) != (pathology != "NORMAL"):
        raise TableError(f"called {pathology}, but its mask holds {len(borders)} lesions")
    film = {
        "image_id": row["image_id"],
        "patient_id": row["patient_id"],
        "side": row["side"].upper(),
        "view": row["view"].upper(),
        "path": str(path.resolve()),
        "rows": shape[0],
        "cols": shape[1],
        "density": _DENSITY.get(row["density"].upper()),
        "malignant": pathology == "MALIGNANT",
        "kinds_outlined": "calcification+mass",
        "source": "CDD-CESM",
    }
    only_calcification = "calcif" in row["findings"].lower() and not _OTHER.search(row["findings"])
    first = re.match(r"[0-6]", row["birads"])
    lesions = [
        {
            "image_id": row["image_id"],
            "lesion_id": str(number),
            "kind": "calcification" if only_calcification else "mass",
            "pathology": pathology,
            "assessment": int(first.group()) if first else None,
            "outline": "polygon",
            "polygon": json.dumps(border.tolist()),
        }
        for number, border in enumerate(borders, start=1)
    ]
    return film, lesions, specks


def _borders(mask: NDArray[np.bool_]) -> tuple[list[NDArray[np.int32]], int]:
    """Outer borders `(n, 2)` (row, col) of the parts, from top to bottom, and the number of specks left out."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    drawn = [np.asarray(c, np.int32)[:, 0, ::-1] for c in contours]
    sizes = [int(cv2.drawContours(np.zeros(mask.shape, np.uint8), [c], -1, 1, -1).sum()) for c in contours]
    kept = [b for b, size in zip(drawn, sizes, strict=True) if size >= SPECK * mask.size and len(b) > 2]
    return sorted(kept, key=lambda b: (int(b[:, 0].min()), int(b[:, 1].min()))), len(drawn) - len(kept)
