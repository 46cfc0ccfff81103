"""What the studies keep of a report, small enough to commit, and how their tables read it back; no command of its own.

FOLDER/films.csv and lesions.csv: the judged films and lesions, the same for all that stand there. FOLDER/NAME: marks
and their hits, the films' scores and overlap, `facts.json` (settings, parameters, time, date, data hash), the log of
the run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import safe_open

from mammomap.benchmark.evidence import FILES, STANDARD, Evidence, read_evidence, write_evidence
from mammomap.masks.files import write_json

SHARED = ("films", "lesions")
MARKS = 16
MEASURED = ("froc", "images", "dice", "pixels")
"""What is worked out in a report's entry of a system; the rest of it is what the system says of itself."""


def go(*words: object) -> None:
    """One command of mammomap, printed as it would be typed."""
    typed = [str(word) for word in words]
    print("$ mammomap", *typed, flush=True)
    subprocess.run([sys.executable, "-m", "mammomap", *typed], check=True)


def as_options(settings: Mapping[str, object]) -> list[str]:
    """Training settings as `mammomap train` is told them."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]


def keep(evidence: Evidence, report: dict, run: Path, folder: Path, name: str, **more: object) -> None:
    """Write what stays of a report's first system, which is the net of `run`.

    Raises
    ------
    SystemExit
        If what stands in the folder was judged on other films.
    """
    own, entry, its = folder / name, report["systems"][0], report["runs"][0]["facts"]
    write_evidence(evidence, own)
    for part in SHARED:
        here, new = folder / FILES[part], own / FILES[part]
        if here.is_file() and here.read_bytes() != new.read_bytes():
            sys.exit(f"{here}: the others were judged on other films")
        shutil.move(new, here)
    facts = {
        "said": {key: entry[key] for key in entry if key not in MEASURED},
        "data": report["data"],
        "date": report["made"]["date"],
        "run": its | {"split": Path(its["split"]).name},  # a split file's path is of one machine
        "parameters": parameters(run),
    }
    write_json(own / "facts.json", facts | more)
    shutil.copy(run / "log.jsonl", own / "log.jsonl")


def kept(folder: Path, name: str) -> tuple[dict, Evidence]:
    """The facts of one, and what it was judged on and by."""
    facts = json.loads((folder / name / "facts.json").read_text())
    return facts, read_evidence(folder / name, {part: folder / FILES[part] for part in SHARED})


def on_one_scale(fold: Evidence) -> Evidence:
    """A fold's marks and films by what their scores cost there, so that folds judged by different nets can be joined.

    A mark has 1 / (1 + r) where r is how many false positives a film the fold has with its score or more; a film's map
    maximum becomes the share of the fold's benign films that have a lower one, equal ones by half. The order within
    the fold, and so its curves, stay.
    """
    malignant = fold.lesions.set_index("lesion")["malignant"]
    marks, hits, scores = fold.marks.copy(), fold.hits, fold.scores.copy()
    for (_, layer), its in marks.groupby(["system", "map"]):
        right = hits if layer == "lesion" else hits[hits["lesion"].map(malignant).astype(bool)]
        false = np.sort(its.loc[~its["mark"].isin(right["mark"]), "score"])
        above = len(false) - np.searchsorted(false, its["score"], side="left")
        marks.loc[its.index, "score"] = 1 / (1 + above / len(fold.films))
    benign = fold.films.loc[~fold.films["malignant"], "image_id"]
    for _, its in scores.groupby("system") if len(benign) else ():
        lower = np.sort(its.loc[its["image_id"].isin(benign), "map_max"])
        at = [np.searchsorted(lower, its["map_max"], side=side) for side in ("left", "right")]
        scores.loc[its.index, "map_max"] = np.mean(at, axis=0) / len(lower)
    return replace(fold, marks=marks, scores=scores)


def joined(folds: Sequence[Evidence]) -> Evidence:
    """The evidence of several folds as one, numbered anew. Scores are ranked together as they are (`on_one_scale`)."""
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in FILES}
    lesions = marks = 0
    for fold in folds:
        its = {name: getattr(fold, name) for name in FILES}
        lesion, mark, hits, of = its["lesions"]["lesion"], its["marks"]["mark"], its["hits"], its["overlap"]["lesion"]
        by, mark_by = lesions - lesion.min(), marks - mark.min()
        its["lesions"] = its["lesions"].assign(lesion=lesion + by)
        its["marks"] = its["marks"].assign(mark=mark + mark_by)
        its["hits"] = hits.assign(mark=hits["mark"] + mark_by, lesion=hits["lesion"] + by)
        its["overlap"] = its["overlap"].assign(lesion=of.where(of < 0, of + by))
        lesions, marks = its["lesions"]["lesion"].max() + 1, its["marks"]["mark"].max() + 1
        for name, table in its.items():
            tables[name].append(table)
    made = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    if made["films"]["image_id"].duplicated().any():
        raise ValueError("a film stands in two folds")
    return Evidence(**made)


def standard(evidence: Evidence) -> Evidence:
    """Only the marks of the extractor's standard setting, by the rule of the outline."""
    marks = evidence.marks[evidence.marks["setting"] == STANDARD]
    hits = evidence.hits[evidence.hits["mark"].isin(marks["mark"]) & (evidence.hits["rule"] == "outline")]
    return replace(evidence, marks=marks, hits=hits)


def strongest(evidence: Evidence) -> Evidence:
    """Of these the highest of each system and map, `MARKS` a film on average, and their hits."""
    found = standard(evidence)
    marks = found.marks.sort_values("score", ascending=False, kind="stable")
    marks = marks.groupby(["system", "map"]).head(MARKS * len(found.films)).sort_values("mark")
    return replace(found, marks=marks, hits=found.hits[found.hits["mark"].isin(marks["mark"])])


def parameters(run: Path) -> int:
    """How many weights of a net are learned."""
    with safe_open(run / "model.safetensors", "np") as weights:
        shapes = {name: weights.get_slice(name).get_shape() for name in weights.keys()}  # noqa: SIM118 - no dict
    counted = [shape for name, shape in shapes.items() if "running_" not in name and "num_batches" not in name]
    return sum(int(np.prod(shape)) for shape in counted)
