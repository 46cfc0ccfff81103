"""A phantom in the layout of one's own films (docs/own-data.md), where digital films and films without a lesion fit.

In: films and the records of women from `tree`. Out: `films/<woman>/<image id>.dcm` and, beside it, a PNG mask a
lesion; `films.csv` and `lesions.csv`. A folder holds all of a woman, so that one move puts her in place.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mammomap.masks.files import write_atomically
from mammomap.phantom.config import PhantomFilm, PhantomLesion
from mammomap.phantom.dicom import scanned, uid_of
from mammomap.phantom.digital_dicom import write_digital
from mammomap.phantom.traps import film_truth

FILMS_FOLDER = "films"
FILM_COLUMNS = (
    "image_id",
    "patient_id",
    "side",
    "view",
    "file",
    "rows",
    "cols",
    "spacing_mm",
    "density",
    "official_part",
    "source",
)
_LOOKS = {"mass": ("mass_shape", "mass_margins"), "calcification": ("calc_type", "calc_distribution")}
LESION_COLUMNS = (
    "image_id",
    "lesion_id",
    "kind",
    "pathology",
    "mask",
    "assessment",
    "subtlety",
    *_LOOKS["mass"],
    *_LOOKS["calcification"],
)


def write_own_film(film: PhantomFilm, part: str, folder: Path, stamp: str) -> list[dict[str, str]]:
    """Write the film and its masks below `folder`; gives its row of films.csv and those of lesions.csv.

    The rows are those of the tables, and `table` says of which; `stamp` and names make the UIDs.
    """
    where = folder / film.patient_id
    where.mkdir(exist_ok=True)
    path = where / f"{film.image_id}.dcm"
    if film.exposure is not None:
        write_digital(film, path, stamp)
    else:
        names = (film.patient_id, "study"), (film.image_id, "series"), (film.image_id, "instance")
        uids = [uid_of(stamp, *name) for name in names]
        scanned(film, film.image, film.patient_id, uids).save_as(path, enforce_file_format=True)
    rows = [{"table": "films.csv"} | _film_row(film, part)]
    for lesion in film.lesions:
        row = _lesion_row(film, lesion)
        mask = lesion.mask.astype(np.uint8) * np.uint8(255)
        if not cv2.imwrite(str(where / Path(row["mask"]).name), mask):
            raise OSError(f"{row['mask']}: cannot be written")
        rows.append({"table": "lesions.csv"} | row)
    return rows


def own_truth(film: PhantomFilm, part: str) -> dict[str, Any]:
    """As in CBIS-DDSM's layout, but for the lists, which there are none of; `part` is train or test."""
    truth = film_truth(film, dict.fromkeys(_LOOKS, part), frozenset())
    lesions = [lesion | {"list": None} for lesion in truth["lesions"]]
    return truth | {"lists": [], "official_part": part, "lesions": lesions}


def write_tables(out: Path, women: list[dict], source: str) -> None:
    """Both tables; one without rows has its header alone. source: of every film, the name of the set."""
    rows = [row | {"source": source} for woman in women for row in woman["rows"]]
    for name, columns in {"lesions.csv": LESION_COLUMNS, "films.csv": FILM_COLUMNS}.items():
        own = [row for row in rows if row["table"] == name]
        write_atomically(out / name, lambda half, c=columns, r=own: _write_table(half, c, r))


def _write_table(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _film_row(film: PhantomFilm, part: str) -> dict[str, str]:
    return {
        "image_id": film.image_id,
        "patient_id": film.patient_id,
        "side": film.side,
        "view": film.view,
        "file": f"{FILMS_FOLDER}/{film.patient_id}/{film.image_id}.dcm",
        "rows": str(film.image.shape[0]),
        "cols": str(film.image.shape[1]),
        "spacing_mm": f"{film.pixel_mm:.8g}",
        "density": str(film.density),
        "official_part": part,
    }


def _lesion_row(film: PhantomFilm, lesion: PhantomLesion) -> dict[str, str]:
    name = f"{lesion.kind}_{lesion.abnormality_id}"
    shape, margins = _LOOKS[lesion.kind]
    return {
        "image_id": film.image_id,
        "lesion_id": name,
        "kind": lesion.kind,
        "pathology": lesion.pathology,
        "mask": f"{FILMS_FOLDER}/{film.patient_id}/{film.image_id}_{name}.png",
        "assessment": str(lesion.assessment),
        "subtlety": str(lesion.subtlety),
        shape: lesion.plan.shape,
        margins: lesion.plan.margins,
    }
