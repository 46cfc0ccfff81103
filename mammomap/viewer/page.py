"""The whole page of a folder of maps: films in parallel, the list, what the browser needs.

In: a folder of maps, its key, tables of truth. Out: PAGE/index.html with data/, tiles/ and viewer/ beside it. A second
run does only what is missing; what belongs to films that are no longer in the folder of maps goes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from mammomap.errors import ConfigError, TableError
from mammomap.masks.files import write_atomically
from mammomap.masks.key import Key
from mammomap.masks.mapfile import MapFolder
from mammomap.masks.parallel import in_processes
from mammomap.masks.tables import Tables
from mammomap.report.overlay import BENIGN, COLOURS, MALIGNANT
from mammomap.viewer.film import GONE, NO_KEY, NOT_IN_KEY, FilmJob, as_script, write_film
from mammomap.viewer.listing import Scores, about, list_films, read_scores

WEB = Path(__file__).parent / "web"
SCRIPTS = (
    "openseadragon.min.js",
    "data.js",
    "words.js",
    "colours.js",
    "marks.js",
    "pane.js",
    "step.js",
    "list.js",
    "controls.js",
    "keys.js",
    "start.js",
)
BESIDE = ("viewer.css", "openseadragon-LICENSE.txt")
_OURS = ("index.html", "data", "tiles", "viewer")


@dataclass(frozen=True)
class Viewed:
    """What came of it."""

    films: int
    with_pixels: int
    written: int
    """Films that this call wrote."""
    changed: bool
    """Whether anything at all was written."""
    notes: tuple[str, ...] = ()


def write_page(
    folder: MapFolder,
    page: Path,
    *,
    key: Key | None,
    truth: Tables | None = None,
    workers: int | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> Viewed:
    """Write the page of a folder of maps.

    key: which image_id is which file; without it films are shown without their pixels. truth: tables whose lesions are
    drawn on the films that both know.

    Raises
    ------
    ConfigError
        If `page` holds other files than those of a page.
    TableError
        If no film of the folder stands in `truth`.
    """
    refuse_other_files(page)
    scores = read_scores(folder)
    jobs = film_jobs(folder, page, key, truth, scores)
    made = in_processes(write_film, jobs, what="view", workers=workers, progress=progress)
    briefs = {job.image_id: brief for job, (brief, _) in zip(jobs, made, strict=True)}
    films = [{**film, **briefs.get(film["id"], {"pixels": False})} for film in list_films(folder, scores)]
    changed = _remove_others(page, set(briefs))
    set_script = as_script("set", {**about(folder, scores), **_colours(), "truth": truth is not None, "films": films})
    for path, content in (
        (page / "data" / "films.js", set_script.encode()),
        *((page / "viewer" / name, (WEB / name).read_bytes()) for name in (*SCRIPTS, *BESIDE)),
        (page / "index.html", html().encode()),
    ):
        changed |= _write_if_new(path, content)
    pixels = sum(brief["pixels"] for brief in briefs.values())
    written = sum(did for _, did in made)
    return Viewed(len(films), pixels, written, changed or written > 0, tuple(_notes(folder, key, truth, jobs, pixels)))


def film_jobs(folder: MapFolder, page: Path, key: Key | None, truth: Tables | None, scores: Scores) -> list[FilmJob]:
    """One job a mapped film."""
    candidates: dict[str, list[dict]] = {}
    for row in folder.candidates.to_dict("records"):
        candidates.setdefault(str(row["image_id"]), []).append({str(name): value for name, value in row.items()})
    lesions = _lesions(folder, truth)
    jobs = []
    for image_id in folder.done:
        named = key.films.get(image_id) if key else None
        jobs.append(
            FilmJob(
                image_id,
                page,
                folder.folder / "maps" / f"{image_id}.npz",
                named.path if named and named.path.is_file() else None,
                "" if named and named.path.is_file() else GONE if named else NOT_IN_KEY if key else NO_KEY,
                candidates.get(image_id, []),
                scores.reasons.get(image_id, []),
                lesions.get(image_id),
            )
        )
    return jobs


def html(style: str = "", scripts: tuple[str, ...] = ()) -> str:
    """index.html; with style and scripts, all of them stand inside it."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(_template())
    return template.render(
        style=Markup(style),
        inline=[Markup(script) for script in scripts],
        scripts=["data/films.js" if name == "" else f"viewer/{name}" for name in script_order()],
    )


def script_order() -> tuple[str, ...]:
    """The scripts as the page loads them; "" stands for the list of films, which needs data.js."""
    return (*SCRIPTS[:2], "", *SCRIPTS[2:])


def refuse_other_files(page: Path) -> None:
    """A folder that is none of ours is left alone."""
    if page.is_file():
        raise ConfigError(f"{page}: a file, wanted a folder for the page; --single-file writes one file")
    strangers = [path.name for path in page.iterdir() if path.name not in _OURS] if page.is_dir() else []
    if strangers:
        raise ConfigError(f"{page}: holds other files than a page ({min(strangers)}); choose an empty folder")


@cache
def _template() -> str:
    return (WEB / "page.html").read_text(encoding="utf-8")


def _colours() -> dict:
    """The colours of map values 0 to 1 and of outlines, the same as in all other pictures."""
    return {
        "colours": ["".join(f"{int(channel):02x}" for channel in colour) for colour in COLOURS],
        "malignant": "#" + "".join(f"{channel:02x}" for channel in MALIGNANT),
        "benign": "#" + "".join(f"{channel:02x}" for channel in BENIGN),
    }


def _lesions(folder: MapFolder, truth: Tables | None) -> dict[str, list[dict] | None]:
    """The lesions of each film that the tables know; a film of unknown truth has none that could be drawn."""
    if truth is None:
        return {}
    known = set(truth.with_truth().films["image_id"]) & set(folder.done)
    if not known:
        raise TableError(f"--truth: no film of {folder.folder} stands in these tables; wanted those it was made of")
    found: dict[str, list[dict] | None] = {image_id: [] for image_id in sorted(known)}
    for row in truth.lesions[truth.lesions["image_id"].isin(sorted(known))].to_dict("records"):
        of_film = found[str(row["image_id"])]
        if of_film is not None:
            of_film.append({str(name): value for name, value in row.items()})
    return found


def _notes(folder: MapFolder, key: Key | None, truth: Tables | None, jobs: list[FilmJob], pixels: int) -> list[str]:
    notes = []
    if key is None:
        notes.append("no key: all films are shown without their pixels; give the key by --key")
    elif pixels < len(jobs):
        notes.append(f"{len(jobs) - pixels} films are shown without their pixels; the page says why")
    without = sum(job.lesions is None for job in jobs)
    if truth is not None and without:
        notes.append(f"the tables know nothing of {without} films")
    return notes


def _remove_others(page: Path, wanted: set[str]) -> bool:
    """Films that the folder of maps no longer holds; they might have been taken out for a reason."""
    scripts = [path for path in page.glob("data/film-*.js") if path.stem.removeprefix("film-") not in wanted]
    folders = [path for path in page.glob("tiles/*") if path.name not in wanted]
    for path in scripts:
        path.unlink()
    for path in folders:
        shutil.rmtree(path)
    return bool(scripts or folders)


def _write_if_new(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    write_atomically(path, lambda half: half.write_bytes(content))
    return True
