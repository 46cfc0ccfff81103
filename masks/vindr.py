"""VinDr-Mammo -> tables: 20,000 full-field digital mammograms of 5,000 exams, with boxes round findings.

In: a folder with `breast-level_annotations.csv` (one row a film: study_id, image_id, laterality, view_position, height,
width, breast_birads, breast_density, split), `finding_annotations.csv` (one row a finding, or a film with No Finding:
image_id, finding_categories as a Python list, finding_birads, xmin, ymin, xmax, ymax) and
`images/<study_id>/<image_id>.dicom`. Out: tables. An exam stands for a woman: the set tells no more.

Labels: a finding of category 4 or 5 is malignant, of 3 or less benign: a reading, no biopsy. Findings that name a
mass, an asymmetry or a distortion are masses, those that name nothing but calcifications are calcifications; others
(skin, nipple, lymph nodes) count for nothing, and stand as masses since the tables know no third kind. Benign findings
(category 2) were not marked by the readers: a film of a breast of category 2 holds lesions of unknown place. A film
without a counted finding, in a breast of category 3 or more, is of unknown truth: what was read may be in the other
view. A film with a counted finding without a category or a box is set aside.

Nguyen et al., Sci Data 10 (2023), doi 10.1038/s41597-023-02100-7. Names and formats as in that paper and in readers of
others that quote the columns; not run on the real files.
"""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

from mammomap.errors import ImageError, MammomapError, TableError
from mammomap.masks.mg_header import read_shown
from mammomap.masks.tables import KINDS, Tables, make_tables

FILM_COLUMNS = (
    "study_id",
    "image_id",
    "laterality",
    "view_position",
    "height",
    "width",
    "breast_birads",
    "breast_density",
    "split",
)
FINDING_COLUMNS = ("image_id", "finding_categories", "finding_birads", "xmin", "ymin", "xmax", "ymax")
_LISTS = ("breast-level_annotations.csv", "finding_annotations.csv")
_ENDINGS = (".dicom", ".dcm", "")
_SIDES = {"L": "LEFT", "R": "RIGHT"}
_PARTS = {"training": "train", "test": "test"}
_DENSITY = {"A": 1, "B": 2, "C": 3, "D": 4}
_NONE = "no finding"
_CALCIFICATION = "suspicious calcification"
_MASSES = {
    "mass": None,
    "architectural distortion": "ARCHITECTURAL_DISTORTION",
    "asymmetry": "ASYMMETRIC_BREAST_TISSUE",
    "global asymmetry": "ASYMMETRIC_BREAST_TISSUE",
    "focal asymmetry": "FOCAL_ASYMMETRIC_DENSITY",
}
"""Categories that count as masses, and the shape that they say."""


def is_vindr(root: Path) -> bool:
    """Whether `root` holds the two lists of VinDr-Mammo."""
    return all((root / name).is_file() for name in _LISTS)


def index_vindr(root: Path) -> Tables:
    """Read both lists and the films' headers. Each row of either is read or set aside with its reason.

    Raises
    ------
    TableError
        If a column is missing, or no film can be used.
    """
    film_rows, finding_rows = _rows(root / _LISTS[0], FILM_COLUMNS), _rows(root / _LISTS[1], FINDING_COLUMNS)
    by_film: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for number, row in enumerate(finding_rows, start=2):
        by_film.setdefault(row["image_id"], []).append((f"{_LISTS[1]} line {number} ({row['image_id']})", row))
    films: dict[str, dict] = {}
    lesions: list[dict] = []
    refused: list[dict] = []
    for number, row in enumerate(film_rows, start=2):
        name, reason = row["image_id"], ""
        findings = [] if name in films else by_film.pop(name, [])
        try:
            if name in films:
                raise TableError("stands in the list twice")
            film, found = _read(root, row, [finding for _, finding in findings])
            films[name] = film
            lesions += found
        except MammomapError as error:
            reason = str(error)
            refused.append({"path": f"{_LISTS[0]} line {number} ({name})", "reason": reason})
            refused += [{"path": where, "reason": "its film was set aside"} for where, _ in findings]
    for findings in by_film.values():
        refused += [{"path": where, "reason": "its film is not in the list of films"} for where, _ in findings]
    if not films:
        first = f"; {refused[0]['path']}: {refused[0]['reason']}" if refused else ""
        raise TableError(f"{root}: no film can be used{first}")
    about = {
        "source": "VinDr-Mammo",
        "imaging": "digital",
        "layout": "two lists and one DICOM file a film",
        "label_rule": "a film is malignant if a mass or calcification on it is of BI-RADS category 4 or 5; the "
        "category is a reading of the film, no biopsy",
        "rows_listed": len(film_rows) + len(finding_rows),
        "rows_read": len(film_rows) + len(finding_rows) - len(refused),
        "rows_set_aside": len(refused),
    }
    return make_tables(list(films.values()), lesions, refused, about)


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as text:
        reader = csv.DictReader(text)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise TableError(f"{path}: column {missing[0]!r} is missing; it has {', '.join(reader.fieldnames or ())}")
        return [{name: (value or "").strip() for name, value in row.items() if name} for row in reader]


def _read(root: Path, row: dict[str, str], findings: list[dict[str, str]]) -> tuple[dict, list[dict]]:
    """The film and its lesions."""
    name, side, part = row["image_id"], _SIDES.get(row["laterality"].upper()), _PARTS.get(row["split"])
    breast = _category(row["breast_birads"])
    if side is None or part is None or breast is None or not row["view_position"] or not row["study_id"]:
        raise TableError(
            f"study {row['study_id']!r}, laterality {row['laterality']!r}, view {row['view_position']!r}, "
            f"breast_birads {row['breast_birads']!r}, split {row['split']!r}"
        )
    paths = [root / "images" / row["study_id"] / f"{name}{ending}" for ending in _ENDINGS]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise ImageError(f"no such file: images/{row['study_id']}/{name}.dicom")
    header = read_shown(path)
    listed = (row["height"].partition(".")[0], row["width"].partition(".")[0])
    if listed != (str(header.rows), str(header.cols)):
        raise TableError(f"{' x '.join(listed)} pixels in the list, {header.rows} x {header.cols} in the film")
    lesions = [_lesion(number, finding, header.rows, header.cols, breast) for number, finding in _marked(findings)]
    counted = [lesion for lesion in lesions if lesion["role"] == "lesion"]
    unknown = breast >= 3 and not counted
    density = re.search(r"[A-D]$", row["breast_density"].upper())
    film = {
        "image_id": name,
        "patient_id": row["study_id"],
        "side": side,
        "view": row["view_position"].upper(),
        "path": str(path.resolve()),
        "rows": header.rows,
        "cols": header.cols,
        "spacing_mm": header.spacing_mm,
        "density": _DENSITY[density.group()] if density else None,
        "malignant": any(lesion["pathology"] == "MALIGNANT" for lesion in counted),
        "kinds_outlined": "+".join(KINDS),
        "kinds_not_outlined": "+".join(KINDS) if unknown or breast == 2 else None,
        "official_part": part,
        "flags": "; ".join(header.flags) or None,
        "truth": "unknown" if unknown else None,
        "source": "VinDr-Mammo",
    }
    return film, [] if unknown else lesions


def _marked(findings: list[dict[str, str]]) -> list[tuple[int, dict[str, str]]]:
    return [(k, finding) for k, finding in enumerate(findings, start=1) if _NONE not in _categories(finding)]


def _categories(finding: dict[str, str]) -> list[str]:
    try:
        listed = ast.literal_eval(finding["finding_categories"])
        return [str(name).strip().lower() for name in ([listed] if isinstance(listed, str) else listed)]
    except (ValueError, SyntaxError, TypeError):
        raise TableError(f"finding_categories {finding['finding_categories']!r}, wanted a list of names") from None


def _category(text: str) -> int | None:
    found = re.fullmatch(r"(?:BI-RADS )?([0-6])(?:\.0)?", text, re.IGNORECASE)
    return int(found[1]) if found else None


def _lesion(number: int, finding: dict[str, str], rows: int, cols: int, breast: int) -> dict:
    categories, birads = _categories(finding), _category(finding["finding_birads"])
    mass = next((name for name in _MASSES if name in categories), None)
    counts = mass is not None or _CALCIFICATION in categories
    if counts and birads is None:
        raise TableError(f"a finding ({', '.join(categories)}) of finding_birads {finding['finding_birads']!r}")
    try:
        col0, row0, col1, row1 = (float(finding[edge]) for edge in ("xmin", "ymin", "xmax", "ymax"))
    except ValueError:
        raise TableError(f"a finding ({', '.join(categories)}) without a box") from None
    if not (row0 < row1 and col0 < col1 and row1 > 0 and col1 > 0 and row0 < rows and col0 < cols):
        raise TableError(f"a box of rows {row0:g} to {row1:g}, columns {col0:g} to {col1:g} on {rows} x {cols} pixels")
    return {
        "image_id": finding["image_id"],
        "lesion_id": str(number),
        "kind": "calcification" if mass is None and counts else "mass",
        "role": "lesion" if counts else "ignore",
        "pathology": "MALIGNANT" if (breast if birads is None else birads) >= 4 else "BENIGN",
        "assessment": birads,
        "mass_shape": _MASSES[mass] if mass else None,
        "outline": "box",
        "row0": row0,
        "col0": col0,
        "row1": row1,
        "col1": col1,
    }
