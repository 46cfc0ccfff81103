"""A folder of DICOM files as a PACS exports it -> tables: mammograms, with DICOM segmentations as truth.

In: a folder, nested as it likes, files of any name; other modalities lie beside the films. Out: tables. Woman, side,
view, size, pixel pitch and flags are what each header says (`mg_header`); a film is called by a hash of its SOP
Instance UID, so that no name or number of hers goes into maps and reports. Lesions are the segments that people drew
(`seg_truth`): each connected part of a segment, or all of it where it has a Tracking ID. A film that segmentations
name and mark nothing on holds no lesion. A film that none names is of unknown truth; so is one on which a segment
cannot be used, since it holds something of which too little is known, and its other segments are set aside with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mammomap.errors import ImageError, TableError
from mammomap.masks.cbis_files import FileOnDisk
from mammomap.masks.dicom_seg import source_films
from mammomap.masks.marker import made_by_us
from mammomap.masks.mg_header import Header, open_header, raw_films, read_header
from mammomap.masks.parallel import in_processes
from mammomap.masks.parts import outline_columns, parts_of, whole
from mammomap.masks.seg_truth import Segment, read_segments
from mammomap.masks.tables import KINDS, Tables, make_tables, together

_IN_PARALLEL = 400
"""Fewer files than this are read in one process, since starting more takes longer."""
_SEG = "a segmentation"
_OTHER = "no DICOM file"


def is_dicom_folder(files: Sequence[FileOnDisk]) -> bool:
    """Whether any of the files is DICOM."""
    return any(_is_dicom(Path(file.path)) for file in files)


def index_dicom_folder(
    root: Path, files: Sequence[FileOnDisk], out: Path, progress: Callable[..., Iterable] | None = None
) -> Tables:
    """Read every header and every segmentation. Each DICOM file and each segment is read or set aside.

    Raises
    ------
    TableError
        If no film can be used.
    """
    films, reasons, dicom, segs = look_at(files, progress)
    if not films:
        first = next(iter(reasons.items()), (root, "no DICOM file"))
        raise TableError(f"{root}: no film can be used of {len(files)} files; first {first[0].name}: {first[1]}")
    named, seg_reasons = _named(segs, {film.instance_uid for film in films})
    reasons |= seg_reasons
    refused = [{"path": str(path.relative_to(root.resolve())), "reason": reason} for path, reason in reasons.items()]
    rows, lesions, segments, used = [], [], 0, 0
    for film in films:
        drawn, lost, count = _lesions(root, film, named.get(film.instance_uid), out)
        unknown = bool(lost) or film.instance_uid not in named
        rows.append(film_row(film, root.resolve().name, unknown))
        lesions += drawn
        refused += lost
        segments += count
        used += count - len(lost)
    kinds = [kind for kind in KINDS if any(lesion["kind"] == kind for lesion in lesions)]
    malignant = {lesion["image_id"] for lesion in lesions if lesion["pathology"] == "MALIGNANT"}
    for row in rows:
        row |= {"kinds_outlined": "+".join(kinds), "malignant": row["image_id"] in malignant}
    about = {
        "source": root.resolve().name,
        "imaging": together(film.imaging for film in films),
        "layout": "DICOM films, DICOM segmentations as truth",
        "label_rule": "a film is malignant if any segment on it says so; one that no segmentation names has no label"
        + (f"; by {kinds[0]} segments only" if len(kinds) == 1 else ""),
        "rows_listed": dicom + segments,
        "rows_read": dicom - len(reasons) + used,
        "rows_set_aside": len(refused),
        "other_files": len(files) - dicom,
    }
    return make_tables(rows, lesions, refused, about)


def look_at(
    files: Sequence[FileOnDisk], progress: Callable[..., Iterable] | None = None
) -> tuple[list[Header], dict[Path, str], int, list[Path]]:
    """The films among files that can be used, why other DICOM files cannot, how many there are, and segmentations."""
    paths = [Path(file.path) for file in files]
    workers = None if len(paths) >= _IN_PARALLEL else 1
    looks = in_processes(_look, paths, what="read headers", unit="file", workers=workers, chunk=50, progress=progress)
    films, reasons = usable_films([header for header in looks if isinstance(header, Header)])
    told = {path: what for path, what in zip(paths, looks, strict=True) if isinstance(what, str)}
    reasons |= {path: what for path, what in told.items() if what not in (_SEG, _OTHER)}
    segs = [path for path, what in told.items() if what == _SEG]
    return films, reasons, sum(what != _OTHER for what in looks), segs


def usable_films(headers: Sequence[Header]) -> tuple[list[Header], dict[Path, str]]:
    """Films that the tables can hold, and why the others cannot be used: raw ones, copies, too little said."""
    films: dict[str, Header] = {}
    reasons = raw_films(headers)
    for header in headers:
        lacking = [name for name in ("patient_id", "side", "view", "instance_uid") if not getattr(header, name)]
        if header.path in reasons:
            continue
        if lacking:
            reasons[header.path] = f"its header does not say the {lacking[0].replace('_', ' ')}"
        elif header.instance_uid in films:
            reasons[header.path] = f"the same image as {films[header.instance_uid].path.name}"
        else:
            films[header.instance_uid] = header
    return list(films.values()), reasons


def image_id_of(film: Header) -> str:
    """Twelve hex digits over the SOP Instance UID, side and view."""
    return f"{hashlib.sha256(film.instance_uid.encode()).hexdigest()[:12]}_{film.side}_{film.view}"


def film_row(film: Header, source: str, unknown: bool) -> dict:
    """A row of the film table without label and kinds_outlined."""
    return {
        "image_id": image_id_of(film),
        "patient_id": film.patient_id,
        "side": film.side,
        "view": film.view,
        "path": str(film.path.resolve()),
        "rows": film.rows,
        "cols": film.cols,
        "spacing_mm": film.spacing_mm,
        "kinds_not_outlined": "+".join(KINDS) if unknown else None,
        "flags": "; ".join(film.flags) or None,
        "truth": "unknown" if unknown else None,
        "source": source,
    }


def _look(path: Path) -> Header | str:
    """A film's header, or what the file is instead."""
    if not _is_dicom(path):
        return _OTHER
    try:
        header, _ = open_header(path)
        if str(header.get("Modality", "")) == "SEG" and not made_by_us(header):
            return _SEG
        return read_header(path)
    except ImageError as error:
        return str(error).removeprefix(f"{path.name}: ")


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _named(segs: Sequence[Path], films: set[str]) -> tuple[dict[str, list[Path]], dict[Path, str]]:
    """The segmentations that name each film, and why the others are not used."""
    named: dict[str, list[Path]] = {}
    reasons = {}
    for path in segs:
        try:
            theirs = [film for film in dict.fromkeys(source_films(path)) if film in films]
        except ImageError as error:
            reasons[path] = str(error).removeprefix(f"{path.name}: ")
            continue
        if not theirs:
            reasons[path] = "speaks of no film that is here and can be used"
        for film in theirs:
            named.setdefault(film, []).append(path)
    return named, reasons


def _lesions(root: Path, film: Header, segs: list[Path] | None, out: Path) -> tuple[list[dict], list[dict], int]:
    """Lesions of a film, segments set aside, and how many segments there were. If any is set aside, all are."""
    image_id, size = image_id_of(film), (film.rows, film.cols)
    found: dict[str, Segment] = {}
    faults: dict[str, str] = {}
    for path in segs or ():
        where = f"{path.relative_to(root.resolve())} on {image_id}"
        try:
            segments = read_segments(path, film.instance_uid)
        except ImageError as error:
            faults[where] = str(error).removeprefix(f"{path.name}: ")
            continue
        for segment in segments:
            name = f"{where}, segment {segment.number} ({segment.label})"
            found[name] = segment
            if segment.fault:
                faults[name] = segment.fault
            elif segment.mask.shape != size:
                faults[name] = f"segments of {segment.mask.shape} pixels on a film of {size}"
    if faults:
        lost = dict.fromkeys(found, "another segment of its film cannot be used") | faults
        return [], [{"path": name, "reason": reason} for name, reason in lost.items()], len(lost)
    lesions: list[dict] = []
    for segment in found.values():
        for part in [whole(segment.mask)] if segment.tracked else parts_of(segment.mask):
            lesion_id = str(len(lesions) + 1)
            picture = out / "outlines" / f"{image_id}_{lesion_id}.png"
            names = {"image_id": image_id, "lesion_id": lesion_id, "kind": segment.kind, "pathology": segment.pathology}
            lesions.append(names | outline_columns(part, size, picture))
    return lesions, [], len(found)
