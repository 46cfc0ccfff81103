"""From truth and systems to the report folder: judge, compare, choose the pictures, write; report.json last."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.benchmark.cases import RULE, case_pictures
from mammomap.benchmark.judge import compare, judge, strata, yardstick_rows
from mammomap.benchmark.systems import System
from mammomap.benchmark.truth import RESAMPLES, SEED, Truth, check_systems
from mammomap.eval import REFEREE_VERSION
from mammomap.eval.candidates import CANDIDATES_VERSION
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.report.page import write_page
from mammomap.seg.run import Run

REPORT_FORMAT = 1


def benchmark(
    truth: Truth,
    systems: Sequence[System],
    out: Path,
    *,
    title: str,
    run: Run | None = None,
    in_sample: bool = False,
    pictures: bool = True,
    facts: dict | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[dict, bool]:
    """Judge the systems and write the report; the first system is compared with each other one.

    Returns the report, and whether anything was done: False where `out` already holds this report.

    Raises
    ------
    TableError, LeakError
        As `check_systems`.
    """
    began = time.monotonic()
    check_systems(truth, systems, in_sample)
    marks, scores = _evidence(truth, systems)
    stamp = settings_hash(
        {
            "data": truth.tables.hash,
            "part": [truth.split, truth.part, truth.counted.hash],
            "systems": [[system.name, system.origin] for system in systems],
            "versions": [REFEREE_VERSION, CANDIDATES_VERSION, REPORT_FORMAT, version("mammomap")],
            "marks": marks.to_csv(index=False),
            "scores": scores.to_csv(index=False),
            "asked": [title, in_sample, pictures, run.name if run else "", facts or {}],
        }
    )
    target = out / "report.json"
    if target.is_file() and (out / "index.html").is_file():
        there = json.loads(target.read_text())
        if there.get("stamp") == stamp:
            return there, False
    show = progress or (lambda items, **_: items)
    judged = [judge(truth, s, in_sample) for s in show(list(systems), total=len(systems), desc="judge", unit="system")]
    report = {
        "format": REPORT_FORMAT,
        "stamp": stamp,
        "title": title,
        "referee_version": REFEREE_VERSION,
        "candidates_version": CANDIDATES_VERSION,
        "made": {
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "mammomap": version("mammomap"),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "intervals": f"95 %, {RESAMPLES} resamples of women, seed {SEED}",
            **(facts or {}),
        },
        "data": _data(truth),
        "systems": [one.entry for one in judged],
        "differences": compare(judged, truth),
        "strata": strata(truth, systems[0]),
        "yardsticks": yardstick_rows(truth),
        "runs": [{"name": run.name, "facts": _run_facts(run)}] if run else [],
    }
    if pictures:
        report["case_rule"] = RULE
    chosen = case_pictures(truth, systems[0], judged[0].margins, progress) if pictures else []
    report["made"]["seconds"] = round(time.monotonic() - began, 1)
    write_atomically(out / "candidates.csv", lambda path: marks.to_csv(path, index=False))
    write_atomically(out / "scores.csv", lambda path: scores.to_csv(path, index=False))
    write_page(report, chosen, _curves(run), out / "index.html")
    write_json(target, report)
    return report, True


def _evidence(truth: Truth, systems: Sequence[System]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The marks and image scores of all systems on the judged films, as the report folder keeps them."""
    films = set(truth.films["image_id"])
    columns = ["image_id", "map", "row", "col", "score"]
    marks = [s.marks.loc[s.marks["image_id"].isin(sorted(films)), columns].assign(system=s.name) for s in systems]
    scores = [
        {
            "system": system.name,
            "image_id": image_id,
            "map_max": system.map_max.get(image_id, 0.0),
            "probability": None if system.probability is None else system.probability[image_id],
        }
        for system in systems
        for image_id in truth.films["image_id"]
    ]
    return pd.concat(marks, ignore_index=True), pd.DataFrame(scores)


def _data(truth: Truth) -> dict:
    every = [o for image_id in truth.films["image_id"] for o in truth.outlines[image_id]]
    outlines = [o for o in every if not o.ignored]
    shapes = [o.shape for o in outlines]
    unknown = int(np.count_nonzero(truth.films["kinds_not_outlined"].notna()))
    notes = [f"{unknown} films hold lesions of another kind whose place is not known"] if unknown else []
    if len(every) > len(outlines):
        notes.append(f"{len(every) - len(outlines)} lesions count for nothing: neither hit nor false positive")
    return {
        "source": truth.tables.about.get("source", ""),
        "data_hash": truth.tables.hash,
        "split": truth.split,
        "part": truth.part,
        "films": len(truth.films),
        "women": truth.women,
        "lesions": len(outlines),
        "malignant_lesions": sum(o.malignant for o in outlines),
        "malignant_films": int(np.count_nonzero(truth.films["malignant"])),
        "kinds": list(truth.counted.kinds_outlined),
        "leak_rule": truth.leak_rule,
        "label_rule": truth.counted.about.get("label_rule", ""),
        "outlines": {shape: shapes.count(shape) for shape in sorted(set(shapes))},
        "approximate": any(o.approximate for o in outlines),
        "hit_rule": "a candidate hits a lesion when its peak lies in the outline (mask, polygon, true box or circle)",
        "notes": [*filter(None, [truth.warning]), *notes],
    }


def _run_facts(run: Run) -> dict:
    environment = json.loads((run.folder / "environment.json").read_text())
    log = _log(run)
    counts = {part: len(run.split.women(part)) for part in ("net", "validation", "head", "test")}
    return {
        **{name: value for name, value in run.config.json().items() if name != "intensity"},
        "rows": run.rows,
        "kinds": list(run.kinds),
        "women": counts,
        "data_hash": run.data_hash,
        "weights_sha256": run.weights_hash,
        "training_seconds": log[-1]["seconds"] if log else None,
        **{name: value for name, value in environment.items() if name != "hardware"},
        **environment["hardware"],
    }


def _log(run: Run) -> list[dict]:
    return [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]


def _curves(run: Run | None) -> dict | None:
    """Loss on whole films of the net's own women and of validation women, by crops seen."""
    if run is None:
        return None
    log = _log(run)
    best = max(log, key=lambda line: line["validation"]["mean_sensitivity"])
    return {
        "train": [[line["crops"], line["train"]["loss"]] for line in log],
        "validation": [[line["crops"], line["validation"]["loss"]] for line in log],
        "score": {
            "name": "mean lesion sensitivity",
            "train": [[line["crops"], line["train"]["mean_sensitivity"]] for line in log],
            "validation": [[line["crops"], line["validation"]["mean_sensitivity"]] for line in log],
        },
        "best": best["crops"],
    }
