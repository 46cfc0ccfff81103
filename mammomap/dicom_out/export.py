"""`mammomap export-dicom`: a folder of maps and its key in, DICOM objects out.

DICOM/sc/<image_id>.dcm      the overlay as a picture          DICOM/pm/<image_id>.dcm      both layers as numbers
DICOM/seg/<image_id>.dcm     one segment a finding             DICOM/gsps/<image_id>.dcm    outlines over the film
DICOM/sr/<examination>.dcm   the report; <examination> is a code

A film without a finding has a place in the report and a picture, but no SEG or GSPS. A second run writes only what is
missing; objects of another model or other settings are never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pydicom
from pydicom import uid as uids
from pydicom.dataset import Dataset

from mammomap.dicom_out.findings import About, FilmResult, read_about, read_result
from mammomap.dicom_out.identity import OBJECTS_FORMAT, Source, read_source, software_version, stamp, uid_in, uid_of
from mammomap.errors import ConfigError, ImageError, TableError
from mammomap.masks.files import settings_hash, write_atomically
from mammomap.masks.key import Key, read_key
from mammomap.masks.mapfile import MapFolder, read_map_folder
from mammomap.masks.marker import made_by_us

OBJECTS = {
    "sc": ("overlay", uids.SecondaryCaptureImageStorage),
    "sr": ("report", uids.ComprehensiveSRStorage),
    "seg": ("lesions", uids.SegmentationStorage),
    "pm": ("map", uids.ParametricMapStorage),
    "gsps": ("outlines", uids.GrayscaleSoftcopyPresentationStateStorage),
}
"""Kind of object: its name in the series description, its SOP class."""
NEED_FINDINGS = ("seg", "gsps")


@dataclass(frozen=True)
class Planned:
    """One object: where it goes, its UID, what it replaces (a UID or empty), and whether it is there already."""

    kind: str
    path: Path
    uid: str
    replaces: str
    there: bool


@dataclass(frozen=True)
class Exported:
    """What came of it."""

    objects: list[Planned]
    set_aside: list[tuple[str, str]]
    """image_id and reason of films without objects."""

    @property
    def missing(self) -> int:
        """Objects that were not there before."""
        return sum(not planned.there for planned in self.objects)


@dataclass(frozen=True)
class _Film:
    """A film with its result, its source, and a tracking UID a finding."""

    result: FilmResult
    source: Source
    tracking: list[str]


def export_dicom(
    out: Path,
    key_path: Path,
    dicom: Path,
    objects: Sequence[str] = ("sc", "sr", "seg"),
    *,
    anonymous: bool = False,
    replaces: Path | None = None,
    dry_run: bool = False,
    progress: Callable[..., Iterable] | None = None,
) -> Exported:
    """Write the objects of every film that has a map and is DICOM; with `dry_run` only say which.

    Raises
    ------
    ConfigError
        If an object is unknown, or `dicom` holds objects of another model or other settings.
    TableError
        If folder or key cannot be read, the key lacks a film, or no film is DICOM.
    """
    unknown = [kind for kind in objects if kind not in OBJECTS]
    if unknown or not objects:
        raise ConfigError(f"--objects {','.join(objects)}: unknown {unknown}; wanted some of {','.join(OBJECTS)}")
    folder, key = read_map_folder(out), read_key(key_path)
    lacking = [image_id for image_id in folder.done if image_id not in key.films]
    if lacking:
        raise TableError(f"{key_path}: lacks {len(lacking)} films of {out}, first {lacking[0]}; wanted its own key")
    about, former = read_about(folder), former_objects(replaces)
    sources, set_aside = _sources(folder, key, anonymous)
    if not sources:
        first = f"; first {set_aside[0][0]}: {set_aside[0][1]}" if set_aside else ""
        raise TableError(f"{out}: no DICOM film of {len(folder.done)} that objects could be made for{first}")
    wanted = [kind for kind in OBJECTS if kind in objects]
    for planned in _each(folder, key, about, sources, wanted, former, dicom, write=False):
        if not planned.there and planned.path.exists():
            raise ConfigError(
                f"{planned.path}: holds a result of another model or other settings; choose another folder, and name "
                "this one by --replaces if the new results take its place"
            )
    if dry_run:
        done = list(_each(folder, key, about, sources, wanted, former, dicom, write=False))
    else:
        show = progress or (lambda items, **_: items)
        made = _each(folder, key, about, sources, wanted, former, dicom, write=True)
        done = list(show(made, desc="export", unit="object"))
    return Exported(done, set_aside)


def former_objects(folder: Path | None) -> dict[tuple[str, str], list[Dataset]]:
    """Objects that mammomap made, below a folder, latest last, by SOP class and film (reports: by study).

    Raises
    ------
    TableError
        If a folder is named and holds none.
    """
    found: dict[tuple[str, str], list[Dataset]] = {}
    if folder is None:
        return found
    headers = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True)
        except Exception:  # no DICOM: not ours
            continue
        if made_by_us(header):
            headers.append(header)
    if not headers:
        raise TableError(f"{folder}: holds no DICOM object that mammomap made, so there is nothing to replace")
    for header in sorted(headers, key=_when):
        for of in _films_of(header):
            found.setdefault((str(header.SOPClassUID), of), []).append(header)
    return found


def _when(header: Dataset) -> tuple[str, str]:
    day = header.get("ContentDate") or header.get("PresentationCreationDate") or ""
    clock = header.get("ContentTime") or header.get("PresentationCreationTime") or ""
    return f"{day}{clock}", str(header.SOPInstanceUID)


def _films_of(header: Dataset) -> set[str]:
    """UIDs of the films that an object of ours speaks of; of a report its study."""
    if header.SOPClassUID == uids.ComprehensiveSRStorage:
        return {str(header.StudyInstanceUID)}
    items = list(header.get("SourceImageSequence") or ())
    for series in header.get("ReferencedSeriesSequence") or ():
        items += list(series.get("ReferencedImageSequence") or ())
    return {str(item.ReferencedSOPInstanceUID) for item in items if "ReferencedSOPInstanceUID" in item}


def _sources(folder: MapFolder, key: Key, anonymous: bool) -> tuple[dict[str, Source], list[tuple[str, str]]]:
    """Films by image_id, and why others have no objects."""
    women = folder.films.set_index("image_id").get("woman")
    found, set_aside = {}, []
    for image_id in folder.done:
        film = key.films[image_id]
        woman = str(women[image_id]) if women is not None else ""
        try:
            found[image_id] = read_source(film.path, film.instance_uid, key, anonymous, woman)
        except ImageError as error:
            set_aside.append((image_id, str(error).replace(f"{film.path.name}: ", "")))
    return found, set_aside


def _each(
    folder: MapFolder,
    key: Key,
    about: About,
    sources: dict[str, Source],
    wanted: Sequence[str],
    former: dict[tuple[str, str], list[Dataset]],
    dicom: Path,
    *,
    write: bool,
) -> Iterable[Planned]:
    """Every object in order, examination by examination; with `write`, those that are missing are made."""
    exams: dict[str, list[str]] = {}
    for image_id, source in sources.items():
        exams.setdefault(source.study_uid, []).append(image_id)
    for study, members in exams.items():
        films = [_film(read_result(folder, image_id, about), sources[image_id], about) for image_id in members]
        for kind in wanted:
            if kind == "sr":
                name = key.name("examination", study)
                yield _one(kind, name, sorted(films, key=_by_view), about, former, dicom, write)
                continue
            for film in films:
                if film.result.findings or kind not in NEED_FINDINGS:
                    yield _one(kind, film.result.image_id, [film], about, former, dicom, write)


def _film(result: FilmResult, source: Source, about: About) -> _Film:
    if result.size != (source.reference.Rows, source.reference.Columns):
        found = f"{source.reference.Rows} x {source.reference.Columns}"
        raise ImageError(f"{source.path.name}: a film of {found}, its map is for one of {result.size}; segment again")
    digest, film = result.digest(), str(source.reference.SOPInstanceUID)
    tracking = [uid_of("finding", film, about.model, digest, str(f.number)) for f in result.findings]
    return _Film(result, source, tracking)


def _by_view(film: _Film) -> tuple[str, str, str]:
    return film.result.side, film.result.view, str(film.source.reference.SOPInstanceUID)


def _one(
    kind: str,
    name: str,
    films: Sequence[_Film],
    about: About,
    former: dict[tuple[str, str], list[Dataset]],
    dicom: Path,
    write: bool,
) -> Planned:
    what, sop_class = OBJECTS[kind]
    settings = settings_hash({**asdict(about), "format": OBJECTS_FORMAT, "version": software_version()})
    told = [text for film in films for text in (str(film.source.reference.SOPInstanceUID), film.result.digest())]
    uid = uid_of("object", kind, settings, *told)
    first = films[0]
    of = first.source.reference.StudyInstanceUID if kind == "sr" else first.source.reference.SOPInstanceUID
    others = [header for header in former.get((str(sop_class), str(of)), []) if header.SOPInstanceUID != uid]
    replaced = others[-1] if others else None
    path = dicom / kind / f"{name}.dcm"
    there = path.is_file() and uid_in(path) == uid
    planned = Planned(kind, path, uid, str(replaced.SOPInstanceUID) if replaced else "", there)
    if write and not there:
        made = stamp(
            _make(kind, films, about, replaced),
            first.source,
            kind=kind,
            uid=uid,
            what=what,
            model=about.model,
            side="" if kind == "sr" else first.result.side,
            view="" if kind == "sr" else first.result.view,
            time=max(film.result.made for film in films),
        )
        write_atomically(path, lambda half: made.save_as(half, enforce_file_format=True))
    return planned


def _make(kind: str, films: Sequence[_Film], about: About, replaced: Dataset | None) -> Dataset:
    """The object before it is stamped."""
    from mammomap.dicom_out.parametric_map import parametric_map
    from mammomap.dicom_out.presentation import presentation_state
    from mammomap.dicom_out.sc import secondary_capture
    from mammomap.dicom_out.segmentation import segmentation
    from mammomap.dicom_out.sr import report
    from mammomap.masks.read import read_film

    note = f"replaces {replaced.SOPInstanceUID}" if replaced else ""
    film = films[0]
    if kind == "sr":
        every = [(film.result, film.source, film.tracking) for film in films]
        return report(every, about, [replaced] if replaced else [])
    if kind == "sc":
        return secondary_capture(film.result, about, film.source, read_film(film.source.path), note)
    if kind == "seg":
        return segmentation(film.result, about, film.source, film.tracking, note)
    if kind == "pm":
        return parametric_map(film.result, about, film.source, note)
    return presentation_state(film.result, about, film.source, film.tracking, note)
