"""A phantom on disk, written so that a stop costs one woman per process at most.

In: a folder and a `PhantomConfig`. Out: `CBIS-DDSM/<series>/<study UID>/<series UID>/00000k.dcm`, the four
`{mass,calc}_case_description_{train,test}_set.csv`, `truth.json` (films, lesions, lists and traps as they are, whatever
a trap makes of them) and, written last, `phantom.json`. Digital films and screening mixes lie as in `own_tree` instead
of CBIS-DDSM's folders and tables. While it grows, `.women/` holds the settings and a record for
each woman that is whole. Bytes depend on the settings alone, not on `workers`.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mammomap.errors import ConfigError
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.parallel import in_processes
from mammomap.phantom.config import FILM_HEIGHT_MM, PhantomConfig
from mammomap.phantom.dicom import write_film
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.own_tree import FILMS_FOLDER, own_truth, write_own_film, write_tables
from mammomap.phantom.traps import as_listed, film_truth, parts_of, traps_on

PHANTOM_FORMAT = 3
"""Goes up when the same settings draw other films, which `tests/phantom/test_fingerprint.py` finds."""
_COMMON = ("left or right breast", "image view", "abnormality id", "abnormality type")
_TAIL = ("assessment", "pathology", "subtlety", "image file path", "cropped image file path", "ROI mask file path")
LIST_COLUMNS = {
    "mass": ("patient_id", "breast_density", *_COMMON, "mass shape", "mass margins", *_TAIL),
    "calcification": ("patient_id", "breast density", *_COMMON, "calc type", "calc distribution", *_TAIL),
}
LIST_FILES = {"mass": "mass", "calcification": "calc"}


def write_tree(out: Path, config: PhantomConfig, progress: Callable[..., Iterable] | None = None) -> dict:
    """Write the phantom, or finish one that was interrupted.

    Returns `phantom.json` as a dict (`counts`, `trapped_films`, `pixel_mm`, ...) with `written`: False where the folder
    already held this phantom.

    Raises
    ------
    ConfigError
        If `out` holds a phantom of other settings, or anything else.
    """
    settings = {"format": PHANTOM_FORMAT, **{k: v for k, v in asdict(config).items() if k != "workers"}}
    settings["traps"] = list(config.traps)  # as JSON gives it back
    marker, records = out / "phantom.json", out / ".women"
    found = _settings_found(out)
    if found is not None and found != settings:
        differing = sorted(k for k in {*found, *settings} if found.get(k) != settings.get(k))
        raise ConfigError(
            f"{out}: holds a phantom with another {', '.join(differing)}; choose another folder or delete it"
        )
    if marker.is_file():
        shutil.rmtree(records, ignore_errors=True)
        return {**json.loads(marker.read_text()), "written": False}
    if found is None and out.is_dir() and any(out.iterdir()):
        raise ConfigError(f"{out}: is neither empty nor a phantom; choose another folder")
    write_json(records / "plan.json", settings)
    for half in (out / _folder(config)).glob(".half-*"):
        shutil.rmtree(half)
    parts = official_parts(config)
    jobs = [
        (out, config, settings_hash(settings), woman, parts[woman - 1])
        for woman in range(1, config.patients + 1)
        if not (records / f"{patient_name(woman)}.json").is_file()
    ]
    in_processes(_write_woman, jobs, what="phantom", unit="woman", workers=config.workers, progress=progress)
    women = [
        json.loads((records / f"{patient_name(woman)}.json").read_text()) for woman in range(1, config.patients + 1)
    ]
    source = f"phantom seed {config.seed}"
    if config.own_layout:
        write_tables(out, women, source)
    else:
        _write_lists(out, women)
    about = {
        "phantom": source,
        "settings": settings,
        "pixel_mm": config.pixel_mm,
        "film_height_mm": FILM_HEIGHT_MM,
        "counts": _counts(women, config.prevalence is not None),
    }
    films = [film for woman in women for film in woman["films"]]
    if config.traps:
        about["trapped_films"] = {trap: sum(trap in film["traps"] for film in films) for trap in config.traps}
    write_json(out / "truth.json", {"phantom": about["phantom"], "films": films})
    write_json(marker, about)
    shutil.rmtree(records)
    return {**about, "written": True}


def official_parts(config: PhantomConfig) -> list[str]:
    """`train` or `test` for each woman, in order; exactly `test_share` of them, rounded."""
    order = np.random.default_rng(np.random.SeedSequence([config.seed, 0])).permutation(config.patients)
    test = set(order[: round(config.test_share * config.patients)].tolist())
    return ["test" if woman in test else "train" for woman in range(config.patients)]


def _settings_found(out: Path) -> dict | None:
    """Settings of the finished or unfinished phantom in `out`, if there is one."""
    if (out / "phantom.json").is_file():
        try:
            return json.loads((out / "phantom.json").read_text())["settings"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ConfigError(f"{out / 'phantom.json'}: not written by this program; choose another folder") from None
    plan = out / ".women" / "plan.json"
    return json.loads(plan.read_text()) if plan.is_file() else None


def _folder(config: PhantomConfig) -> str:
    """Where the films lie."""
    return FILMS_FOLDER if config.own_layout else "CBIS-DDSM"


def _write_woman(job: tuple[Path, PhantomConfig, str, int, str]) -> None:
    """Draw one woman, put her folders in place whole, then record her."""
    out, config, stamp, woman, part = job
    name = patient_name(woman)
    half = out / _folder(config) / f".half-{name}"
    half.mkdir(parents=True)
    rows: list[dict[str, str]] = []
    films = []
    parts = parts_of(config, name, part)
    for film in draw_woman(woman_rng(config.seed, woman), config, name):
        if config.own_layout:
            rows += write_own_film(film, part, half, stamp)
            films.append(own_truth(film, part))
            continue
        traps = traps_on(config, film, parts)
        listed = as_listed(film, traps)
        rows += write_film(listed, parts, half, stamp, traps)
        films.append(film_truth(listed, parts, traps))
    for folder in sorted(half.iterdir()):
        target = half.parent / folder.name
        if target.exists():  # left by a run that was stopped before it recorded her
            shutil.rmtree(target)
        os.replace(folder, target)
    half.rmdir()
    write_json(out / ".women" / f"{name}.json", {"patient_id": name, "part": part, "films": films, "rows": rows})


def _write_lists(out: Path, women: list[dict]) -> None:
    """The four tables; all are written, a list without rows with its header alone."""
    for kind, columns in LIST_COLUMNS.items():
        for part in ("train", "test"):
            rows = [row for w in women for row in w["rows"] if (row["list"], row["part"]) == (kind, part)]
            path = out / f"{LIST_FILES[kind]}_case_description_{part}_set.csv"
            write_atomically(path, lambda half, c=columns, r=rows: _write_list(half, c, r))


def _write_list(path: Path, columns: tuple[str, ...], rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _counts(women: list[dict], screened: bool) -> dict[str, int]:
    films = [film for woman in women for film in woman["films"]]
    kinds = [lesion["kind"] for film in films for lesion in film["lesions"]]
    counts = {
        "women": len(women),
        "test_women": sum(woman["part"] == "test" for woman in women),
        "films": len(films),
        "malignant_films": sum(film["malignant"] for film in films),
        "lesions": len(kinds),
        "masses": kinds.count("mass"),
        "calcifications": kinds.count("calcification"),
    }
    if screened:
        malignant = [any(film["malignant"] for film in woman["films"]) for woman in women]
        lesion_free = [not any(film["lesions"] for film in woman["films"]) for woman in women]
        counts |= {"malignant_women": sum(malignant), "lesion_free_women": sum(lesion_free)}
    return counts
