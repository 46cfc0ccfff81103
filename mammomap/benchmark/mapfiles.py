"""Folders of other people's maps: which file is which film's, and how it is read.

In: a folder (docs/submission.md) in one of its formats. Out: its files by image_id, none of them opened but the
headers of DICOM segmentations and Parametric Maps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from mammomap.benchmark.nnunet import find_nnunet
from mammomap.errors import TableError
from mammomap.masks.dicom_pm import is_parametric_map, map_source_films, read_parametric_map
from mammomap.masks.dicom_seg import film_uids, read_seg, source_films
from mammomap.masks.foreign_maps import read_nifti, read_npz, read_picture
from mammomap.masks.mapfile import LAYERS

_FORMS = {".npz": "npz", ".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF", ".nii": "NIfTI", ".nii.gz": "NIfTI"}
_FORMS[".dcm"] = "DICOM"


@dataclass(frozen=True)
class MapFiles:
    """A folder's maps before any is read."""

    form: str
    """npz, PNG, TIFF, NIfTI, DICOM SEG, DICOM Parametric Map, nnU-Net labels or nnU-Net softmax"""
    read: Callable[[Any], dict[str, NDArray]]
    """What stands in `files` -> the stored layers of one film, `(rows, cols)` each; picklable."""
    files: Mapping[str, Any]
    """image_id -> what `read` takes."""
    labels: bool | None = None
    """Integers count as labels 0 and 1, or as shares of their type's range; None: by the highest of each film."""


def find_maps(folder: Path, films: pd.DataFrame) -> MapFiles:
    """List a folder's maps by film; `films` (image_id, and path for DICOM) helps to tell names apart.

    Raises
    ------
    TableError
        If the folder holds no maps, maps of several formats, or files that contradict each other.
    """
    nnunet = find_nnunet(folder)
    if nnunet is not None:
        form, read, files = nnunet
        return MapFiles(form, read, files)
    listed = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    endings = Counter(ending for path in listed if (ending := _ending(path)))
    forms = {_FORMS[ending] for ending in endings}
    if len(forms) != 1:
        found = ", ".join(f"{n} {ending}" for ending, n in endings.items()) or _other_endings(listed)
        wanted = "maps of one format" if forms else "segment.json, marks.csv, boxes.csv or maps"
        raise TableError(f"{folder}: found {found}; wanted {wanted} (docs/submission.md)")
    form = forms.pop()
    paths = [path for path in listed if _ending(path)]
    if form == "DICOM":
        return _find_dicom(folder, paths, films)
    known = set(films["image_id"])
    by_layer: dict[str, dict[str, Path]] = {}
    for path in paths:
        stem = path.name[: -len(_ending(path))]
        layer = "malignancy" if stem.endswith("_malignancy") and stem not in known and form != "npz" else "lesion"
        film = stem.removesuffix("_malignancy") if layer == "malignancy" else stem
        there = by_layer.setdefault(film, {})
        if layer in there:
            raise TableError(f"{folder}: {there[layer].name} and {path.name} are one layer of one film")
        there[layer] = path
    for film, layers in by_layer.items():
        if "lesion" not in layers:
            raise TableError(f"{folder}: {layers['malignancy'].name} without the lesion map of {film} beside it")
    if form == "npz":
        return MapFiles(form, _read_npz, by_layer)
    return MapFiles(form, _read_nifti if form == "NIfTI" else _read_pictures, by_layer)


def _read_pictures(files: Mapping[str, Path]) -> dict[str, NDArray]:
    return {layer: read_picture(files[layer]) for layer in LAYERS if layer in files}


def _read_nifti(files: Mapping[str, Path]) -> dict[str, NDArray]:
    return {layer: read_nifti(files[layer]) for layer in LAYERS if layer in files}


def _read_npz(files: Mapping[str, Path]) -> dict[str, NDArray]:
    return read_npz(files["lesion"])


def _read_seg(file: tuple[Path, str | None]) -> dict[str, NDArray]:
    return read_seg(*file)


def _read_pm(file: tuple[Path, str | None]) -> dict[str, NDArray]:
    return read_parametric_map(file[0])


def _find_dicom(folder: Path, paths: Sequence[Path], films: pd.DataFrame) -> MapFiles:
    maps = [path for path in paths if is_parametric_map(path)]
    if not maps:
        return MapFiles("DICOM SEG", _read_seg, _by_film(paths, films, source_films))
    if len(maps) < len(paths):
        raise TableError(
            f"{folder}: {len(maps)} Parametric Maps of {len(paths)} DICOM files; wanted one kind of object"
        )
    return MapFiles("DICOM Parametric Map", _read_pm, _by_film(maps, films, map_source_films))


def _by_film(
    paths: Sequence[Path], films: pd.DataFrame, films_of: Callable[[Path], list[str]]
) -> dict[str, tuple[Path, str | None]]:
    """DICOM files by film: by the film's SOP Instance UID where films are DICOM, else by the file's name."""
    known: dict[str, str] = {}
    if "path" in films:
        known = film_uids((film.image_id, Path(film.path)) for film in films.itertuples() if film.path)
    found: dict[str, tuple[Path, str | None]] = {}
    for path in paths:
        sources = [uid for uid in films_of(path) if uid in known]
        named = {known[uid]: (path, uid) for uid in sources} or {path.name.removesuffix(".dcm"): (path, None)}
        for image_id, file in named.items():
            if image_id in found:
                raise TableError(f"{found[image_id][0].name} and {path.name} speak of the same film, {image_id}")
            found[image_id] = file
    return found


def _ending(path: Path) -> str:
    return next((ending for ending in _FORMS if path.name.lower().endswith(ending)), "")


def _other_endings(listed: Sequence[Path]) -> str:
    counts = Counter(path.suffix or path.name for path in listed)
    return ", ".join(f"{n} {ending}" for ending, n in counts.most_common(4)) or "nothing"
