"""CBIS-DDSM -> tables: the rows of its lists and the files below them, matched by header and content.

In: a folder with any of the four lists and the files in any layout. Out: tables and an inventory. A film is
(patient, side, view): the 71 films of the real set that stand in both lists become one, with the lesions of both.
Files are matched by SeriesInstanceUID. In a ROI series the file of 8 bits is the mask and that of 16 bits the crop;
where bits do not tell, the pixels do: a mask has the film's size (or 0.87 of it) and two values. File order, table
columns and series descriptions are all wrong somewhere in the set and are never asked. A row whose film or mask is
absent or does not fit is set aside with its reason, and with it all rows of its film: a film with a lesion that
cannot be drawn would teach a falsehood.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammomap.errors import ImageError, TableError
from mammomap.masks.cbis_files import FILES, FileOnDisk, read_inventory
from mammomap.masks.cbis_lists import ListRow, read_lists
from mammomap.masks.mask_fit import mask_fit
from mammomap.masks.read import read_film
from mammomap.masks.tables import KINDS, LISTS, Tables, make_tables

LABEL_RULE = "a film is malignant if any of its lesions in the lists indexed is; BENIGN_WITHOUT_CALLBACK is benign"
_LOOKS = {"mass": ("mass_shape", "mass_margins"), "calcification": ("calc_type", "calc_distribution")}
_PIXEL_TOLERANCE = 0.06
"""Share of the full range by which a JPEG's noise moves a value of 0 or of the maximum."""


class _SetAside(Exception):
    """Why a row cannot be used."""


def index_cbis(
    root: Path,
    files: Sequence[FileOnDisk],
    known: pd.DataFrame | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[Tables, pd.DataFrame, list[ListRow]]:
    """Index CBIS-DDSM, a part of it, or a phantom, in `root`, whose files are `files`.

    Returns the tables, the inventory (`FILES`, with what each file is used as) and the rows of the lists.
    `about` counts rows: `rows_listed` = `rows_read` + `rows_set_aside`. `refused` names each row set aside, and
    besides them each file whose header cannot be read.

    Raises
    ------
    TableError
        If there is no list, one lacks a column, or no row can be used.
    """
    listed = read_lists(root, [Path(file.path) for file in files])
    inventory = read_inventory(files, known, progress)
    matcher = _Matcher(inventory)
    refused = [
        {"path": row.path, "reason": row.fault}
        for row in inventory.itertuples()
        if isinstance(row.fault, str) and row.fault
    ]
    bad_files = len(refused)
    used: list[tuple[ListRow, dict, dict]] = []
    lost_films: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    for row in listed:
        try:
            image, mask, fit = matcher.match(row)
            if (row.image_id, row.lesion_id) in seen:
                raise _SetAside("the lesion is listed twice")
            seen.add((row.image_id, row.lesion_id))
            used.append((row, image, _lesion(row, mask, fit)))
        except (_SetAside, ImageError) as reason:
            refused.append({"path": row.where, "reason": str(reason)})
            lost_films.setdefault(row.image_id, row.where)
    films: dict[str, list[tuple[ListRow, dict, dict]]] = defaultdict(list)
    for one in used:
        films[one[0].image_id].append(one)
    for film, its_rows in films.items():
        if len({(image["rows"], image["cols"]) for _, image, _ in its_rows}) > 1:
            lost_films.setdefault(film, "its files in the two lists, which differ in size")
    for film, cause in lost_films.items():
        for row, _, _ in films.pop(film, []):
            refused.append({"path": row.where, "reason": f"its film was set aside because of {cause}"})
    if not films:
        first = f"; first: {refused[0]['path']}: {refused[0]['reason']}" if refused else ""
        raise TableError(f"{root}: no film can be used; {len(listed)} rows listed{first}")
    kept = [one for its_rows in films.values() for one in its_rows]
    kinds = "+".join(kind for kind in KINDS if any(row.kind == kind for row, _, _ in kept))
    source = _source(root)
    about = {
        "source": source,
        "imaging": "film",
        "root": str(root.resolve()),
        "layout": "lists of CBIS-DDSM, files matched by SeriesInstanceUID",
        "label_rule": LABEL_RULE,
        "lists": [name for name in LISTS if any(row.list == name for row in listed)],
        "rows_listed": len(listed),
        "rows_read": len(kept),
        "rows_set_aside": len(refused) - bad_files,
        "files_set_aside": bad_files,
        "masks_scaled": sum(lesion["mask_fit"] != "same size" for _, _, lesion in kept),
        "films_in_both_lists": sum(len({row.kind for row, _, _ in its}) > 1 for its in films.values()),
        "films_in_both_parts": sum(len({row.part for row, _, _ in its}) > 1 for its in films.values()),
        "part_rule": "a film in both official parts counts as test",
    }
    tables = make_tables([_film(its, kinds, source) for its in films.values()], [o[2] for o in kept], refused, about)
    return tables, matcher.inventory(), listed


class _Matcher:
    """Finds the files of a row, and remembers what each file is used as."""

    def __init__(self, inventory: pd.DataFrame) -> None:
        self._frame = inventory
        self._used: dict[str, dict[str, str]] = {}
        self._series: dict[str, list[dict[str, Any]]] = defaultdict(list)
        instances: set[str] = set()
        for file in inventory.to_dict("records"):
            instance = file["instance_uid"] or ""
            if file["fault"] or not file["series_uid"] or (instance and instance in instances):
                continue  # a second copy of one instance counts for nothing
            instances.add(instance)
            self._series[file["series_uid"]].append(file)

    def match(self, row: ListRow) -> tuple[dict, dict, str]:
        """Film, mask, and how the mask lies on the film.

        What of the row's files is there is marked as used, even where another one is missing.
        """
        films = self._series.get(row.image_series, [])
        for file in films:
            self._use(file, "film", row)
        regions = [file for uid in row.roi_series for file in self._series.get(uid, [])]
        masks = [file for file in regions if file["bits"] == 8]
        crops = [file for file in regions if file["bits"] == 16]
        if regions and films and (len(masks) != 1 or len(masks) + len(crops) != len(regions)):
            unclear = masks or [file for file in regions if file not in crops] or crops
            masks = [file for file in unclear if _looks_like_a_mask(file, films[0])]
        for file in regions:
            self._use(file, "mask" if file in masks else "crop", row)
        if row.fault:
            raise _SetAside(row.fault)
        if len(films) != 1 or films[0]["bits"] == 8:
            found = f"{len(films)} files" if len(films) != 1 else "a file of 8 bits"
            raise _SetAside(f"no film: {found} in series {row.image_series}, wanted 1 file of 16 bits")
        if len(masks) != 1:
            told = f"{len(regions)} files in series {' or '.join(row.roi_series)}"
            raise _SetAside(f"no mask: {told}, {len(masks)} of them a mask by bits and pixels, wanted 1")
        film, mask = films[0], masks[0]
        return film, mask, mask_fit((mask["rows"], mask["cols"]), (film["rows"], film["cols"]))

    def inventory(self) -> pd.DataFrame:
        """The inventory with the columns that say what each file is used as."""
        told = [self._used.get(path, {"used_as": "", "image_id": "", "lesion_id": ""}) for path in self._frame["path"]]
        bare = self._frame.drop(columns=["used_as", "image_id", "lesion_id"])
        return FILES.shaped(pd.concat([bare, pd.DataFrame(told, index=bare.index)], axis=1))

    def _use(self, file: dict, how: str, row: ListRow) -> None:
        lesion = "" if how == "film" else row.lesion_id
        self._used.setdefault(file["path"], {"used_as": how, "image_id": row.image_id, "lesion_id": lesion})


def _looks_like_a_mask(file: dict, film: dict) -> bool:
    """By pixels: of a size that a mask of this film can have, and black and white."""
    try:
        mask_fit((file["rows"], file["cols"]), (film["rows"], film["cols"]))
        pixels = read_film(Path(file["path"]))
    except ImageError:
        return False
    top = int(pixels.max())
    grey = (pixels > _PIXEL_TOLERANCE * top) & (pixels < (1 - _PIXEL_TOLERANCE) * top)
    return top > 0 and float(np.mean(grey)) < 0.01


def _lesion(row: ListRow, mask: dict, fit: str) -> dict:
    shape, margins = _LOOKS[row.kind]
    return {
        "image_id": row.image_id,
        "lesion_id": row.lesion_id,
        "kind": row.kind,
        "source_list": row.list,
        "pathology": row.pathology,
        "assessment": row.assessment,
        "subtlety": row.subtlety,
        shape: row.shape or None,
        margins: row.margins or None,
        "outline": "mask",
        "mask_path": mask["path"],
        "mask_rows": mask["rows"],
        "mask_cols": mask["cols"],
        "mask_fit": fit,
    }


def _film(its_rows: list[tuple[ListRow, dict, dict]], kinds: str, source: str) -> dict:
    """The film row of all rows of a film. The mass list's file and density are taken where both lists have one."""
    row, image, _ = max(its_rows, key=lambda one: one[0].kind == "mass")
    its_lists = {one.list for one, _, _ in its_rows}
    return {
        "image_id": row.image_id,
        "patient_id": row.patient,
        "side": row.side,
        "view": row.view,
        "path": image["path"],
        "rows": image["rows"],
        "cols": image["cols"],
        "density": row.density,
        "malignant": any(one.pathology == "MALIGNANT" for one, _, _ in its_rows),
        "kinds_outlined": kinds,
        "lists": "+".join(name for name in LISTS if name in its_lists),
        "official_part": "test" if any(one.part == "test" for one, _, _ in its_rows) else "train",
        "source": source,
    }


def _source(root: Path) -> str:
    """CBIS-DDSM, or what the phantom beside the tables calls itself."""
    marker = root / "phantom.json"
    return str(json.loads(marker.read_text())["phantom"]) if marker.is_file() else "CBIS-DDSM"
