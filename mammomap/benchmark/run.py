"""From truth and systems to the report folder: judge, compare, choose the pictures, write; report.json last."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import mammomap
from mammomap.benchmark.aggregate import aggregated
from mammomap.benchmark.cases import RULE, case_pictures, differing_pictures
from mammomap.benchmark.collect import collect, said
from mammomap.benchmark.evidence import FILES, RESAMPLES, SEED, Evidence, write_evidence
from mammomap.benchmark.judge import judged, margins
from mammomap.benchmark.judge_overlap import pixel_entry
from mammomap.benchmark.systems import System
from mammomap.benchmark.trivial import CACHE_FILES, Trivial, trivial_systems
from mammomap.benchmark.truth import Truth, check_systems
from mammomap.benchmark.verify import REPORT_FORMAT, digests
from mammomap.errors import ConfigError
from mammomap.eval import REFEREE_VERSION
from mammomap.eval.candidates import CANDIDATES_VERSION
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.report.page import write_page
from mammomap.report.texts import table_latex, table_markdown
from mammomap.seg.run import Run

TABLES = ("table.md", "table.tex")
CACHED = tuple(f"trivial/{name}" for name in CACHE_FILES)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a report was asked for."""

    title: str = "Lesion maps against truth"
    in_sample: bool = False
    pictures: bool = True
    trivial: bool = True
    """Whether the lines that need film pixels are drawn: place map, blob detector, breast area."""
    aggregate_only: bool = False
    prevalence: float | None = None
    """Where probabilities are moved to, and predictive values hold."""

    def __post_init__(self) -> None:
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ConfigError(f"prevalence {self.prevalence:g}: wanted a share between 0 and 1, neither of them")


def benchmark(
    truth: Truth,
    systems: Sequence[System],
    out: Path,
    asked: Asked = Asked(),
    *,
    run: Run | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[dict, bool]:
    """Judge the systems and write the report; the first system is compared with each other one.

    Returns the report, and whether anything was done: False where `out` already holds this report.

    Raises
    ------
    TableError, LeakError
        As `check_systems`.
    ConfigError
        If two systems have one name.
    """
    began = time.monotonic()
    check_systems(truth, systems, asked.in_sample)
    stamp = _stamp(truth, systems, asked, run)
    target = out / "report.json"
    if target.is_file() and (out / "index.html").is_file():
        there = json.loads(target.read_text())
        if there.get("stamp") == stamp:
            return there, False
    cache = None if asked.aggregate_only else out / "trivial"
    drawn = trivial_systems(truth, systems, cache, progress) if asked.trivial else Trivial(lacking=[NOT_ASKED])
    everybody = [*systems, *drawn.systems]
    _refuse_equal_names(everybody)
    evidence, readings = collect(truth, everybody, drawn.breasts, ranges=True, progress=progress)
    told = [said(truth, system, "submitted", asked.in_sample) for system in systems]
    told += [said(truth, system, "trivial", asked.in_sample) for system in drawn.systems]
    found = judged(evidence, told, asked.prevalence, progress)
    for entry in found["systems"]:
        if entry["name"] in readings:
            entry["pixels"] = pixel_entry(evidence, readings[entry["name"]])
    pictures = []
    if asked.pictures and not asked.aggregate_only:
        pictures = case_pictures(truth, systems[0], margins(evidence, systems[0].name), progress)
        pictures += differing_pictures(truth, systems, found["differing"])
    for name in (target.name, *FILES.values(), *TABLES, *(CACHED if asked.aggregate_only else ())):
        (out / name).unlink(missing_ok=True)
    if not asked.aggregate_only:
        write_evidence(evidence, out)
    report: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "stamp": stamp,
        "title": asked.title,
        "referee_version": REFEREE_VERSION,
        "candidates_version": CANDIDATES_VERSION,
        "made": {
            "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "mammomap": mammomap.__version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "intervals": f"95 %, {RESAMPLES} resamples of women, seed {SEED}, stratified by any film malignant",
        },
        "asked": {
            "in_sample": asked.in_sample,
            "pictures": asked.pictures,
            "trivial": asked.trivial,
            "aggregate_only": asked.aggregate_only,
            "prevalence": asked.prevalence,
        },
        "data": _data(truth, evidence),
        **found,
        "lacking": drawn.lacking,
        "evidence": digests(out),
        "runs": [{"name": run.name, "facts": _run_facts(run)}] if run else [],
        **({"case_rule": RULE} if pictures else {}),
    }
    report = aggregated(report) if asked.aggregate_only else report
    report["made"]["seconds"] = round(time.monotonic() - began, 1)
    for name, text in zip(TABLES, (table_markdown(report), table_latex(report)), strict=True):
        write_atomically(out / name, lambda path, t=text: path.write_text(t, encoding="utf-8"))
    write_page(report, pictures, training_curves(run), out / "index.html")
    write_json(target, report)
    return report, True


NOT_ASKED = "place map, blob detector and breast area: not asked for (--no-trivial)"


def _refuse_equal_names(systems: Sequence[System]) -> None:
    names = [system.name for system in systems]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"two systems are called {twice!r}; the benchmark's own lines need names of their own too")


def _stamp(truth: Truth, systems: Sequence[System], asked: Asked, run: Run | None) -> str:
    """The same for the same films, answers, code and wishes."""
    columns = ["image_id", "map", "row", "col", "score"]
    films = truth.films["image_id"]
    return settings_hash(
        {
            "data": truth.tables.hash,
            "part": [truth.split, truth.part, truth.counted.hash],
            "versions": [REFEREE_VERSION, CANDIDATES_VERSION, REPORT_FORMAT, mammomap.__version__],
            "asked": [repr(asked), run.name if run else ""],
            "systems": [
                [s.name, s.origin, s.said(), s.points, s.prevalence]
                + [s.marks.loc[s.marks["image_id"].isin(films), columns].to_csv(index=False)]
                + [[scores and [scores.get(i) for i in films] for scores in (s.map_max, s.image_scores, s.probability)]]
                for s in systems
            ],
        }
    )


def _data(truth: Truth, evidence: Evidence) -> dict:
    every = [o for image_id in truth.films["image_id"] for o in truth.outlines[image_id]]
    outlines = [o for o in every if not o.ignored]
    shapes = [o.shape for o in outlines]
    unknown = int(np.count_nonzero(truth.films["kinds_not_outlined"].notna()))
    notes = [f"{unknown} films hold lesions of another kind whose place is not known"] if unknown else []
    if truth.of_unknown_truth:
        notes.append(f"{truth.of_unknown_truth} more films are not judged: nothing says what they hold")
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
        "prevalence": round(float(truth.films["malignant"].mean()), 6),
        "lesion_free_films": int(np.count_nonzero(evidence.lesion_free)),
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
    log = run.log
    counts = {"net": len(run.trained_codes), "validation": len(run.chosen_codes)}
    counts |= {} if run.published else {part: len(run.split.women(part)) for part in ("head", "test")}
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


def training_curves(run: Run | None) -> dict | None:
    """Loss on whole films of the net's own women and of validation women, by crops seen."""
    if run is None:
        return None
    return {
        **_curve(run, "loss"),
        "score": {"name": "mean lesion sensitivity", **_curve(run, "mean_sensitivity")},
        "best": run.chosen["crops"],
    }


def _curve(run: Run, figure: str) -> dict[str, list]:
    """A figure by crops seen, on the net's own women and on those of validation, where there are any."""
    return {
        part: [[line["crops"], line[part][figure]] for line in run.log if line[part]]
        for part in ("train", "validation")
    }
