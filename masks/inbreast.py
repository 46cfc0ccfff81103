"""INbreast -> tables: 410 full-field digital mammograms with outlines; labels by BI-RADS, which is no biopsy.

In: a folder with `INbreast.csv` (semicolons: Laterality; View; File Name; ACR; Bi-Rads and others), `AllDICOMs/`
(`<File Name>_<woman>_MG_<side>_<view>_ANON.dcm`) and `AllXML/<File Name>.xml` (property lists of OsiriX: Images,
ROIs, Name, NumberOfPoints, Point_px of "(x, y)"). Out: tables. The woman stands in the name of the film alone.

Labels: a film of category 4, 5 or 6 is malignant, of 1 to 3 benign, and each counted outline has its film's category,
since no outline has one. Outlines named Mass, Asymmetry and Distortion count as masses, Cluster as a calcification.
Single calcifications (Calcification; thousands, most of one point) and the rays round a mass (Spiculated Region,
beside a Mass) count for nothing: the film's category is not about each of them. A malignant film that holds nothing
else has a label and no place. A film with an outline of another name or of none is set aside, as is one without an
outline that is not of category 1 or 2.

Moreira et al., Acad Radiol 19 (2012), doi 10.1016/j.acra.2011.09.014. Names and formats as in the readers of others
(github.com/itzortzis/INBreast_XML_parser and loaders that quote the header line); not run on the real files.
"""

from __future__ import annotations

import csv
import json
import plistlib
import re
from pathlib import Path
from xml.parsers.expat import ExpatError

import numpy as np

from mammomap.errors import ImageError, MammomapError, TableError
from mammomap.masks.mg_header import Header, read_shown
from mammomap.masks.tables import KINDS, Tables, make_tables

COLUMNS = ("Laterality", "View", "File Name", "ACR", "Bi-Rads")
DOT_PX = 7
"""Radius, about half a millimetre, within which a point counts for nothing."""
_NAME = re.compile(r"(?P<file>\d+)_(?P<woman>[0-9a-z]+)_MG_(?P<side>[LR])_(?P<view>[A-Z]+)_ANON", re.IGNORECASE)
_SIDES = {"L": "LEFT", "R": "RIGHT"}
_POINT = re.compile(r"\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)\s*\)")
_BIRADS = re.compile(r"([1-6])[abc]?", re.IGNORECASE)
_ASYMMETRY = {"mass_shape": "ASYMMETRIC_BREAST_TISSUE"}
_MEANING: dict[str, tuple[str, str, dict]] = {
    "mass": ("mass", "lesion", {}),
    "distortion": ("mass", "lesion", {"mass_shape": "ARCHITECTURAL_DISTORTION"}),
    **dict.fromkeys(("asymmetry", "assymetry", "asimmetry"), ("mass", "lesion", _ASYMMETRY)),
    "cluster": ("calcification", "lesion", {}),
    **dict.fromkeys(("calcification", "calcifications"), ("calcification", "ignore", {})),
    **dict.fromkeys(("spiculated region", "espiculated region"), ("mass", "lesion", {"mass_margins": "SPICULATED"})),
}
"""By name, as spelt in the files: kind, role, descriptors."""


def is_inbreast(root: Path) -> bool:
    """Whether `root` holds the list of INbreast and its films."""
    path = root / "INbreast.csv"
    return (root / "AllDICOMs").is_dir() and path.is_file() and not set(COLUMNS) - set(_rows(path)[1])


def index_inbreast(root: Path) -> Tables:
    """Read the list, the films' headers and the outlines. Each row of the list is read or set aside with its reason.

    Raises
    ------
    TableError
        If no film can be used.
    """
    rows, _ = _rows(root / "INbreast.csv")
    dicoms: dict[str, list[tuple[Path, re.Match[str]]]] = {}
    for path in sorted((root / "AllDICOMs").iterdir()):
        if named := _NAME.match(path.name):
            dicoms.setdefault(named["file"], []).append((path, named))
    films: dict[str, dict] = {}
    lesions: list[dict] = []
    refused: list[dict] = []
    for number, row in enumerate(rows, start=2):
        name = row["File Name"].strip()
        try:
            if name in films:
                raise TableError("stands in the list twice")
            film, outlined = _read(root, row, dicoms.get(name, []))
        except MammomapError as error:
            refused.append({"path": f"INbreast.csv line {number} ({name})", "reason": str(error)})
            continue
        films[name] = film
        lesions += outlined
    if not films:
        first = f"; {refused[0]['path']}: {refused[0]['reason']}" if refused else ""
        raise TableError(f"{root}: no film can be used{first}")
    about = {
        "source": "INbreast",
        "imaging": "digital",
        "layout": "INbreast.csv, AllDICOMs, AllXML",
        "label_rule": "a film is malignant if its BI-RADS category is 4, 5 or 6, and so is each counted outline on it; "
        "the category is a reading of the film, no biopsy",
        "rows_listed": len(rows),
        "rows_read": len(films),
        "rows_set_aside": len(refused),
    }
    return make_tables(list(films.values()), lesions, refused, about)


def _rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Rows and columns; the last lines of some exports are empty."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as text:
        reader = csv.DictReader(text, delimiter=";")
        columns = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        rows = [{name: value or "" for name, value in row.items() if name} for row in reader]
    return [row for row in rows if row.get("File Name", "").strip()], columns


def _read(root: Path, row: dict[str, str], found: list[tuple[Path, re.Match[str]]]) -> tuple[dict, list[dict]]:
    """The film and its lesions."""
    name = row["File Name"].strip()
    category = _BIRADS.fullmatch(row["Bi-Rads"].strip())
    if category is None:
        raise TableError(f"Bi-Rads {row['Bi-Rads']!r}, wanted 1 to 6, 4a, 4b or 4c")
    if len(found) != 1:
        raise ImageError(f"{len(found) or 'no'} film {name}_<woman>_MG_<side>_<view>_ANON in AllDICOMs, wanted one")
    path, named = found[0]
    side, view = named["side"].upper(), named["view"].upper()
    if (row["Laterality"].strip().upper(), row["View"].strip().upper()) != (side, view):
        raise TableError(f"{row['Laterality']} {row['View']} in the list, {side} {view} in the film's name")
    header = read_shown(path)
    if header.side not in ("", _SIDES[side]):
        raise TableError(f"side {side} in the film's name, {header.side} in its header")
    malignant = category[1] in "456"
    regions = _regions(root / "AllXML" / f"{name}.xml")
    if not regions and category[1] not in "12":
        raise TableError(f"category {category[0]}, but no outline")
    lesions = _lesions(name, regions, header, int(category[1]), malignant)
    placed = any(lesion["role"] == "lesion" for lesion in lesions)
    density = row["ACR"].strip()
    film = {
        "image_id": name,
        "patient_id": named["woman"].lower(),
        "side": _SIDES[side],
        "view": view,
        "path": str(path.resolve()),
        "rows": header.rows,
        "cols": header.cols,
        "spacing_mm": header.spacing_mm,
        "density": int(density) if density in ("1", "2", "3", "4") else None,
        "malignant": malignant,
        "kinds_outlined": "+".join(KINDS),
        "kinds_not_outlined": "calcification" if malignant and not placed else None,
        "flags": "; ".join(header.flags) or None,
        "source": "INbreast",
    }
    return film, lesions


def _regions(path: Path) -> list[tuple[str, np.ndarray]]:
    """Names and points `(n, 2)` (row, col) of the outlines; none where there is no file."""
    if not path.is_file():
        return []
    found = []
    try:
        with path.open("rb") as file:
            regions = plistlib.load(file)["Images"][0]["ROIs"]
        for region in regions:
            points = [_POINT.fullmatch(str(text).strip()) for text in region["Point_px"]]
            if not points or None in points or len(points) != int(region["NumberOfPoints"]):
                raise TableError(f"{path.name}: {region.get('Name')!r} has {len(points)} points that can be read")
            places = np.array([(float(point[2]), float(point[1])) for point in points if point])
            found.append((str(region.get("Name") or "").strip(), places))
    except (plistlib.InvalidFileException, ExpatError, KeyError, IndexError, TypeError, ValueError) as error:
        raise TableError(f"{path.name}: no list of outlines ({type(error).__name__}: {str(error)[:80]})") from None
    return found


def _lesions(name: str, regions: list, header: Header, category: int, malignant: bool) -> list[dict]:
    masses = any(region.lower() == "mass" for region, _ in regions)
    lesions = []
    for number, (region, points) in enumerate(regions, start=1):
        if region.lower() not in _MEANING:
            raise TableError(f"an outline called {region!r}, which is no mass and no calcification")
        kind, role, looks = _MEANING[region.lower()]
        if "mass_margins" in looks and masses:
            role = "ignore"
        if (points < -1).any() or (points > [header.rows, header.cols]).any():
            raise TableError(f"an outline ({region}) beyond the film of {header.rows} x {header.cols}")
        if len(points) < 3 and role == "lesion":
            raise TableError(f"an outline ({region}) of {len(points)} points")
        lesions.append(
            {
                "image_id": name,
                "lesion_id": str(number),
                "kind": kind,
                "role": role,
                "pathology": "MALIGNANT" if malignant else "BENIGN",
                "assessment": category,
                **looks,
                **_outline(points),
            }
        )
    return lesions


def _outline(points: np.ndarray) -> dict:
    """A polygon, or round one or two points a circle."""
    if len(points) > 2:
        return {"outline": "polygon", "polygon": json.dumps(points.tolist())}
    row, col = points.mean(axis=0)
    radius = DOT_PX + float(np.hypot(*(points[0] - points[-1]))) / 2
    edges = {"row0": row - radius, "col0": col - radius, "row1": row + radius, "col1": col + radius}
    return {"outline": "circle", **{edge: float(value) + 0.5 for edge, value in edges.items()}}
