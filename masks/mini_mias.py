"""mini-MIAS -> tables: 322 screen-film MLO views, circles round the lesions, two films in three without any.

In: a folder with `Info.txt` and the films (`mdb001.pgm`, or copies as PNG or JPEG). Out: tables. As `Info.txt` says:
films stand in pairs of one woman, even numbers are her left breast; a pixel is 0.2 mm; a circle's centre is (x, y)
with y counted from the bottom. The class of abnormality gives the kind: CALC a calcification, all others a mass.
A film whose lesion has no circle (widely spread calcifications) is set aside: what its map may mark is not known.
Suckling et al., Exerpta Medica ICS 1069 (1994).
"""

from __future__ import annotations

import re
from pathlib import Path

from mammomap.errors import ImageError, TableError
from mammomap.masks.read import PICTURE_ENDINGS, read_film
from mammomap.masks.tables import Tables, make_tables

SPACING_MM = 0.2
_LINE = re.compile(
    r"^(mdb(\d{3})) ([FGD]) (CALC|CIRC|SPIC|MISC|ARCH|ASYM|NORM)(?: ([BM]))?(?: (\d+) (\d+) (\d+))?\b(.*)$"
)
_LOOKS = {
    "CALC": {},
    "CIRC": {"mass_margins": "CIRCUMSCRIBED"},
    "SPIC": {"mass_margins": "SPICULATED"},
    "MISC": {"mass_margins": "ILL_DEFINED"},
    "ARCH": {"mass_shape": "ARCHITECTURAL_DISTORTION"},
    "ASYM": {"mass_shape": "ASYMMETRIC_BREAST_TISSUE"},
}
_PATHOLOGY = {"B": "BENIGN", "M": "MALIGNANT"}


def is_mini_mias(root: Path) -> bool:
    """Whether `root` holds the list of mini-MIAS."""
    path = root / "Info.txt"
    return path.is_file() and bool(_listed(path))


def index_mini_mias(root: Path) -> Tables:
    """Read the list and the sizes of the films. Each line of the list is read or set aside with its reason.

    Raises
    ------
    TableError
        If no film can be used.
    """
    lines = _listed(root / "Info.txt")
    films: dict[str, dict] = {}
    lesions: list[dict] = []
    lost: dict[str, str] = {}
    for match in lines:
        name, number, _, abnormality, severity, *circle, _ = match.groups()
        try:
            if name not in films:
                films[name] = _film(root, name, int(number))
            if abnormality != "NORM":
                lesions.append(_lesion(films[name], lesions, abnormality, severity, circle))
        except (ImageError, TableError) as error:
            lost.setdefault(name, str(error))
    refused = [
        {"path": f"Info.txt line {count} of the list ({match[1]})", "reason": lost[match[1]]}
        for count, match in enumerate(lines, start=1)
        if match[1] in lost
    ]
    kept = {name: film for name, film in films.items() if name not in lost}
    if not kept:
        raise TableError(f"{root}: no film can be used; {refused[0]['path']}: {refused[0]['reason']}")
    lesions = [lesion for lesion in lesions if lesion["image_id"] in kept]
    malignant = {lesion["image_id"] for lesion in lesions if lesion["pathology"] == "MALIGNANT"}
    about = {
        "source": "mini-MIAS",
        "imaging": "film",
        "layout": "Info.txt and one picture a film",
        "label_rule": "a film is malignant if any of its abnormalities is; a film without one is not",
        "rows_listed": len(lines),
        "rows_read": len(lines) - len(refused),
        "rows_set_aside": len(refused),
    }
    rows = [film | {"malignant": name in malignant} for name, film in kept.items()]
    return make_tables(rows, lesions, refused, about)


def _listed(path: Path) -> list[re.Match[str]]:
    lines = path.read_text(encoding="latin-1").splitlines()
    return [match for line in lines if (match := _LINE.match(line.strip()))]


def _film(root: Path, name: str, number: int) -> dict:
    path = next((p for ending in PICTURE_ENDINGS if (p := root / f"{name}{ending}").is_file()), None)
    if path is None:
        raise ImageError(f"no picture {name} with one of the endings {', '.join(PICTURE_ENDINGS)}")
    rows, cols = read_film(path).shape
    return {
        "image_id": name,
        "patient_id": f"mias_{(number + 1) // 2:03d}",
        "side": "RIGHT" if number % 2 else "LEFT",
        "view": "MLO",
        "path": str(path.resolve()),
        "rows": rows,
        "cols": cols,
        "spacing_mm": SPACING_MM,
        "kinds_outlined": "calcification+mass",
        "source": "mini-MIAS",
    }


def _lesion(film: dict, before: list[dict], abnormality: str, severity: str | None, circle: list[str | None]) -> dict:
    if severity is None or None in circle:
        raise TableError(f"its {abnormality} has no {'severity' if severity is None else 'circle'} in the list")
    x, y, radius = (float(value or 0) for value in circle)
    row, col = film["rows"] - 1 - y, x
    return {
        "image_id": film["image_id"],
        "lesion_id": str(1 + sum(lesion["image_id"] == film["image_id"] for lesion in before)),
        "kind": "calcification" if abnormality == "CALC" else "mass",
        "pathology": _PATHOLOGY[severity],
        **_LOOKS[abnormality],
        "outline": "circle",
        "row0": row - radius + 0.5,
        "col0": col - radius + 0.5,
        "row1": row + radius + 0.5,
        "col1": col + radius + 0.5,
    }
