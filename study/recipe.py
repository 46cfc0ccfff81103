"""What each step towards the shipped net buys, one at a time, inside folds 1 to 3 of cbis_mass.

    python study/recipe.py base --films PATH/cbis_mass -o work
    python study/recipe.py rows-768 --films PATH/cbis_mass -o work --seed 2
    python study/recipe_table.py

A net learns from the women of folds 2 and 3, of whom one in ten chooses its checkpoint, and is judged on the women of
fold 1. Folds 0 and 4 are not in the tables. A step is the base with what `TRAINED` says of it; both have the seeds 1
and 2, named before anything was run; 3 was named later, for the spread. A second call does what is missing.

Kept in `study/recipe`: the judged films and lesions, and in STEP-SEED/ the strongest marks with their hits, the films'
scores, and `facts.json`: settings, parameters, time, date, data hash.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path

from folds import of_folds
from kept import as_options, go, keep, strongest

from mammomap.benchmark.evidence import read_evidence
from mammomap.masks.splits import Split, inner_splits
from mammomap.masks.tables import Tables, read_tables, write_tables

FOLDER = Path(__file__).parent / "recipe"
JUDGED, LEARNING = 1, (2, 3)
CHOOSING, SPLIT_SEED = 10, 1
SEEDS = (1, 2, 3)
BASE = {"net": "linknet", "encoder": "tu-resnet10t", "crops": 16_000, "crop": 256, "validate_every": 4_000}
"""Small enough to ship: 5.4 million weights."""
FCN = {"net": "fcn8s-dilated", "label_weight": 0.1}
FCN_LONG = {**FCN, "crops": 32_000, "validate_every": 8_000, "chosen_by": "last"}
FCN_LONGER = {**FCN_LONG, "crops": 64_000, "validate_every": 16_000}
LONG = {"crops": 32_000, "batch": 16, "validate_every": 16_000, "chosen_by": "last"}
"""Nobody chooses a checkpoint: the net that ships has no woman left for that."""


@dataclass(frozen=True)
class Step:
    """How a net is trained and applied, as far as the base does not say it."""

    why: str
    train: dict[str, object]
    rows: int = 576
    maps_of: str = ""
    """A step whose net is taken, where only the maps are made in another way."""
    segment: tuple[str, ...] = ()
    start: bool = False
    """From a run on phantoms, named by --phantoms."""


TRAINED = {
    "base": Step("LinkNet with resnet10t, 16,000 crops of 256 pixels at 576 rows", {}),
    "unet": Step(
        "U-Net with resnet18 (14.3 million weights: too large to ship)", {"net": "unet", "encoder": "resnet18"}
    ),
    "unet-shallow": Step("U-Net with resnet18 less its last stage", {"net": "unet-shallow", "encoder": "tu-resnet18"}),
    "fpn-mobilenet": Step("FPN with mobilenet_v2", {"net": "fpn", "encoder": "mobilenet_v2"}),
    "unet-efficientnet": Step("U-Net with efficientnet-b0", {"net": "unet", "encoder": "efficientnet-b0"}),
    "phantoms-first": Step("started from a net trained on phantoms", {}, start=True),
    "rows-768": Step("768 rows, crops of 320 pixels", {"crop": 320}, rows=768),
    "rows-384": Step(
        "384 rows, crops of 192 pixels, the same pixels in all",
        {"crop": 192, "crops": 28_448, "validate_every": 7_112},
        rows=384,
    ),
    "wide": Step("crops of 384 pixels, the same pixels in all", {"crop": 384, "crops": 7_112, "validate_every": 1_778}),
    "batch-4": Step("batches of 4 crops, so twice the steps", {"batch": 4}),
    "rate-3e-3": Step("a learning rate of 0.003, not 0.001", {"learning_rate": 3e-3}),
    "cross-entropy": Step("cross-entropy alone", {"loss": "ce"}),
    "focal": Step("focal loss", {"loss": "focal"}),
    "no-label": Step("a loss that does not ask which class a lesion is, but by its pixels", {"label_weight": 0.0}),
    "label-tenth": Step("a tenth of the weight for which class a lesion is", {"label_weight": 0.1}),
    "phantoms-label-tenth": Step(
        "started from a net trained on phantoms, then a tenth of the weight for which class a lesion is",
        {"label_weight": 0.1},
        start=True,
    ),
    "fcn": Step("FCN-8s, light, its fc6 dilated; a tenth of the weight for which class a lesion is", FCN),
    "phantoms-fcn": Step(
        "FCN-8s, light, its fc6 dilated; started from a net trained on phantoms, then a tenth of the weight for which "
        "class a lesion is",
        FCN,
        start=True,
    ),
    "phantoms-fcn-crop-192": Step(
        "phantoms-fcn, crops of 192 pixels in batches of 14, as many steps, 2 % fewer pixels in all",
        {**FCN, "crop": 192, "batch": 14, "crops": 28_000, "validate_every": 7_000},
        start=True,
    ),
    "phantoms-fcn-crop-128": Step(
        "phantoms-fcn, crops of 128 pixels in batches of 32, the same pixels and steps in all",
        {**FCN, "crop": 128, "batch": 32, "crops": 64_000, "validate_every": 16_000},
        start=True,
    ),
    "phantoms-fcn-long": Step("phantoms-fcn, 32,000 crops and their last weights", FCN_LONG, start=True),
    "phantoms-fcn-longer": Step("phantoms-fcn, 64,000 crops and their last weights", FCN_LONGER, start=True),
    "background": Step("half of the crops near lesions, not three quarters", {"lesion_share": 0.5}),
    "background-more": Step("one crop in four near lesions", {"lesion_share": 0.25}),
    "phantoms-background": Step(
        "started from a net trained on phantoms, one crop in four near lesions", {"lesion_share": 0.25}, start=True
    ),
    "slow-mean": Step("a running mean of 0.999", {"ema": 0.999}),
    "together": Step(
        "started from a net trained on phantoms, batches of 4, 32,000 crops",
        {"batch": 4, "crops": 32_000, "validate_every": 8_000},
        start=True,
    ),
    "jitter": Step("proportions jittered by 0.15, one crop in three bent", {"proportion": 0.15, "elastic": 0.33}),
    "long-phantoms": Step("32,000 crops in batches of 16 and their last weights, from phantoms", LONG, start=True),
    "long-varied": Step(
        "like long-phantoms, proportions jittered by 0.2, weight decay of 0.05",
        {**LONG, "proportion": 0.2, "weight_decay": 0.05},
        start=True,
    ),
    "long-wide": Step(
        "like long-phantoms, crops of 384 pixels, the same pixels in all",
        {**LONG, "crop": 384, "crops": 14_208, "validate_every": 7_104},
        start=True,
    ),
}

FLIPPED = {
    "base": "flips",
    "phantoms-label-tenth": "phantoms-label-tenth-flips",
    "phantoms-fcn": "phantoms-fcn-flips",
    "phantoms-fcn-long": "phantoms-fcn-long-flips",
    "phantoms-fcn-longer": "phantoms-fcn-longer-flips",
    "long-phantoms": "long-flips",
}
"""Steps whose net is looked at with flips too, and the name of that."""


def every_step() -> dict[str, Step]:
    """All steps, those with flips behind the one whose net they take."""
    steps = {}
    for name, step in TRAINED.items():
        steps[name] = step
        if name in FLIPPED:
            why = f"{name}, maps averaged over the film as it is and turned over"
            steps[FLIPPED[name]] = replace(step, why=why, maps_of=name, segment=("--flips",))
    return steps


STEPS = every_step()

FROZEN = "phantoms-fcn-long-flips"
"""The step that ships (`shipped.py`); empty while the recipe is being chosen."""


def prepared(films: Path, work: Path, rows: int) -> tuple[Path, Path, Path]:
    """Tables of the three folds, their store at so many rows, and the split."""
    tables, store, split = work / "tables", work / f"store-{rows}", work / "split.csv"
    if not (tables / "index.json").is_file():
        go("index", films, "-o", work / "index")
        write_tables(of_folds(read_tables(work / "index"), (JUDGED, *LEARNING)), tables)
    go("prepare", tables, "-o", store, "--rows", rows)
    if not split.is_file():
        dealt(read_tables(tables)).write(split)
    return tables, store, split


def dealt(tables: Tables) -> Split:
    """The part of every woman of the three folds."""
    fold = tables.films.drop_duplicates("patient_id").set_index("patient_id")["fold"]
    learning = Split("folds 2 and 3", dict.fromkeys(sorted(fold.index[fold.isin(LEARNING)]), "net"))
    choosing = inner_splits(learning, learning.tables(tables, "net"), CHOOSING, SPLIT_SEED)[0].women("head")
    part_of = dict(learning.part_of) | dict.fromkeys(choosing, "validation")
    part_of |= dict.fromkeys(fold.index[fold == JUDGED], "test")
    return Split(f"fold {JUDGED} judged, folds {LEARNING[0]} and {LEARNING[1]} learn (seed {SPLIT_SEED})", part_of)


def trained(name: str, seed: int, wanted: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Tables, split and run."""
    step, work = STEPS[name], wanted.out
    tables, store, split = prepared(wanted.films, work, step.rows)
    run = work / f"{step.maps_of or name}-{seed}" / "run"
    options: list[object] = [*as_options({**BASE, **step.train})]
    if step.start:
        if wanted.phantoms is None:
            raise SystemExit("--phantoms RUN is missing")
        options += ["--init-from", wanted.phantoms]
    if not step.maps_of:
        go("train", store, "-o", run, "--split", split, "--seed", seed, *options)
    return tables, split, run


def judged(name: str, at: Path, tables: Path, split: Path, run: Path) -> Path:
    """The report on the judged women."""
    test = ("--split", split, "--part", "test")
    go("segment", tables, *test, "--model", run, *STEPS[name].segment, "-o", at / "maps")
    plain = ("--run", run, "--no-pictures", "--no-trivial")
    go("benchmark", tables, f"{name}={at / 'maps'}", *test, *plain, "-o", at / "report")
    return at / "report"


def main() -> None:
    """Prepare, train, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=STEPS)
    parser.add_argument("--films", type=Path, required=True, help="cbis_mass")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, stores, runs and maps")
    parser.add_argument("--seed", type=int, choices=SEEDS, default=SEEDS[0])
    parser.add_argument("--phantoms", type=Path, metavar="RUN", help="a run on phantoms to start from")
    parser.add_argument("--train-only", action="store_true", help="stop before the judging")
    wanted = parser.parse_args()
    name = f"{wanted.step}-{wanted.seed}"
    tables, split, run = trained(wanted.step, wanted.seed, wanted)
    if not wanted.train_only:
        report = judged(wanted.step, wanted.out / name, tables, split, run)
        told, evidence = json.loads((report / "report.json").read_text()), strongest(read_evidence(report))
        keep(evidence, told, run, FOLDER, name)


if __name__ == "__main__":
    main()
