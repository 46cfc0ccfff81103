"""What `mammomap segment` is given -> the films to be mapped, each with the name that it has in all that is written.

In: tables, one's own films (a folder with films.csv), files, or any folder, nested as it likes. Out: a `Source` a file.
Tables and films.csv say image_id, woman, side and view. Of loose files the header says what it can, and names are
hashes by the key (`mammomap.masks.key`), so that no number or name of a patient's goes into maps, tables and pictures;
without a key the files' own names and the patients' are used. A file that is no film comes along with the reason.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mammomap.errors import ImageError, TableError
from mammomap.masks.key import Key, KeyFilm
from mammomap.masks.mapfile import woman_code, women_codes
from mammomap.masks.marker import is_our_picture
from mammomap.masks.mg_header import Header, raw_films, read_header
from mammomap.masks.own_data import index_own_data, is_own_data
from mammomap.masks.parallel import in_processes
from mammomap.masks.read import DICOM_ENDINGS, PICTURE_ENDINGS
from mammomap.masks.splits import Split
from mammomap.masks.tables import Tables, read_tables

_IN_PARALLEL = 400
"""Fewer files than this are looked at in one process, since starting more takes longer."""
_CBIS_NAME = re.compile(r"(?:Mass|Calc)-(?:Training|Test)_(P_\d{5})_(LEFT|RIGHT)_(CC|MLO)")
"""The PatientID of a CBIS-DDSM film, which names list, side and view beside the woman. Each film of a woman is a study
of its own there, and only this name tells the view."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One film to be mapped, or a file that is none."""

    image_id: str
    path: Path
    film_size: tuple[int, int] | None = None
    """Rows and cols of the original film; None where only its pixels say it."""
    data_set: str = ""
    """The name of the set, where tables say it."""
    data_hash: str = ""
    """Of all tables of the set (`Tables.hash`), where there are any."""
    woman: str = ""
    """Her code or her keyed hash; empty where nobody says who she is."""
    exam: str = ""
    """Films of one examination have the same; empty where unknown."""
    side: str = ""
    view: str = ""
    flags: str = ""
    spacing_mm: float | None = None
    imaging: str = ""
    """film, digital, or empty where it is not known."""
    codes: tuple[str, ...] = ()
    """Codes under which models may know the woman (`mammomap.masks.mapfile.woman_code`)."""
    of_header: KeyFilm | None = None
    """For the key."""
    reason: str = ""
    """Why it is no film; empty where it is one."""

    @property
    def for_key(self) -> KeyFilm:
        """What the key says of it."""
        return self.of_header or KeyFilm(self.path)


def find_sources(
    inputs: Sequence[Path],
    split: Split | None = None,
    part: str | None = None,
    *,
    key: Key | None = None,
    without: Path | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> list[Source]:
    """The films that the inputs name.

    key: names loose files; None: by their own names. without: a folder below the inputs that is not looked into.

    Raises
    ------
    TableError
        If an input does not exist, holds no file, or a part is asked for without tables.
    """
    tables = _tables(inputs)
    if tables is not None:
        data_hash = tables.hash
        if part is not None:
            if split is None:
                raise TableError(f"--part {part} needs a split: a run as --model, or --split FILE")
            tables = split.tables(tables, part)
            if not len(tables.films):
                raise TableError(f"split {split.name!r} has no film of these tables in part {part}")
        return _of_tables(tables, data_hash)
    if part is not None:
        raise TableError("--part is for tables; these are files")
    files = list(dict.fromkeys(_files(inputs, without)))
    if not files:
        raise TableError("no file found; wanted DICOM or picture files, or tables of 'mammomap index'")
    workers = None if len(files) >= _IN_PARALLEL else 1
    looks = in_processes(_look, files, what="read headers", unit="file", workers=workers, chunk=20, progress=progress)
    return _named(files, looks, key)


def _tables(inputs: Sequence[Path]) -> Tables | None:
    if len(inputs) != 1:
        return None
    if (inputs[0] / "index.json").is_file():
        return read_tables(inputs[0])
    return index_own_data(inputs[0]) if is_own_data(inputs[0]) else None


def _of_tables(tables: Tables, data_hash: str) -> list[Source]:
    source, imaging = tables.about.get("source", ""), tables.about.get("imaging", "")
    found = []
    for film in tables.films.itertuples():
        code = women_codes([film.patient_id], source)[0]
        path = Path(film.path)
        found.append(
            Source(
                image_id=film.image_id,
                path=path,
                film_size=(int(film.rows), int(film.cols)),
                data_set=source,
                data_hash=data_hash,
                woman=code,
                exam=code,
                side=film.side,
                view=film.view,
                flags="" if pd.isna(film.flags) else film.flags,
                spacing_mm=None if pd.isna(film.spacing_mm) else float(film.spacing_mm),
                imaging=imaging if imaging in ("film", "digital") else "",
                codes=(code,),
                of_header=KeyFilm(path, patient_id=film.patient_id),
            )
        )
    return found


def _files(inputs: Sequence[Path], without: Path | None) -> Iterable[Path]:
    for path in inputs:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            yield from (p for p in inside if without is None or not p.resolve().is_relative_to(without.resolve()))
        elif path.is_file():
            yield path
        else:
            raise TableError(f"{path}: no such file or folder")


def _look(path: Path) -> tuple[str, Header | str]:
    """What tells the file from others, and its header, nothing for a picture, or the reason why it is no film."""
    if path.suffix.lower() in PICTURE_ENDINGS:
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        return own, "made by mammomap itself, so left alone" if is_our_picture(path) else ""
    try:
        header = read_header(path)
        return header.instance_uid or str(path.resolve()), header
    except ImageError as error:
        return str(path.resolve()), str(error).removeprefix(f"{path.name}: ")


def _named(files: Sequence[Path], looks: Sequence[tuple[str, Header | str]], key: Key | None) -> list[Source]:
    """A source for each file; of several files of one image the first is mapped."""
    raw = raw_films([look for _, look in looks if isinstance(look, Header)])
    found: list[Source] = []
    first: dict[str, str] = {}
    for path, (own, look) in zip(files, looks, strict=True):
        what = look if isinstance(look, Header) else None
        reason = _without_names(raw.get(path, "")) if what else str(look)
        if not reason and own in first:
            reason = f"the same image as {first[own]}"
        image_id = key.name("film", f"{own}\0{path.resolve()}" if reason else own) if key else _bare_name(path)
        if not reason:
            first[own] = image_id
        bare = Source(image_id=image_id, path=path, reason=reason)
        found.append(_with_header(bare, what, key) if what else bare)
    return found if key else _apart(found)


def _with_header(bare: Source, header: Header, key: Key | None) -> Source:
    named = _CBIS_NAME.match(header.patient_id)
    woman, side, view = named.groups() if named else (header.patient_id, header.side, header.view)
    exam = woman if named else header.study_uid
    return replace(
        bare,
        film_size=(header.rows, header.cols),
        woman=(key.name("woman", woman) if key else woman) if woman else "",
        exam=(key.name("exam", exam) if key else exam) if exam else "",
        side=side,
        view=view,
        flags="; ".join(header.flags),
        spacing_mm=header.spacing_mm,
        imaging=header.imaging,
        codes=(woman_code(woman),) if woman else (),
        of_header=KeyFilm(bare.path, woman, header.study_uid, header.series_uid, header.instance_uid),
    )


def _bare_name(path: Path) -> str:
    """Without the ending, where it is one: UIDs have points too."""
    return path.stem if path.suffix.lower() in (*PICTURE_ENDINGS, *DICOM_ENDINGS) else path.name


def _without_names(reason: str) -> str:
    """The reason without the name of the twin's file."""
    return re.sub(r"twin .+ is used", "twin is used", reason)


def _apart(sources: Sequence[Source]) -> list[Source]:
    """Files of one name in several folders, told apart by a number."""
    counts: dict[str, int] = {}
    told = []
    for source in sources:
        counts[source.image_id] = counts.get(source.image_id, 0) + 1
        number = counts[source.image_id]
        told.append(replace(source, image_id=f"{source.image_id}-{number}") if number > 1 else source)
    return told
