"""`mammomap demo-train`: the verbs one after the other, as anyone would type them; nothing in them knows of the demo.

Three groups of women that share nobody: the net's (validation included), the head's, the test's. Beside the trained
net stand the same net before training and the blob detector.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

DRAWN = {"split": "official", "rows": 448, "crops": 5000, "crop": 192, "local": 9}
OTHERS = {"split": "random", "rows": 576, "crops": 36000, "crop": 256, "local": 0}


def demo_train(
    go: Callable[..., None],
    *,
    out: Path,
    films: Path | None,
    split: str | None,
    rows: int | None,
    crops: int | None,
    patients: int,
    seed: int,
    beside: tuple[str, ...],
) -> None:
    """Go the whole way, each step by `go`, which takes the words of a command; what is done is not done again."""
    began = time.monotonic()
    default = DRAWN if films is None else OTHERS
    split, rows, crops = split or default["split"], rows or default["rows"], crops or default["crops"]
    root = films or out / "tree"
    tables, store, run, untrained = out / "tables", out / "store", out / "run", out / "run-untrained"
    if films is None:
        go("phantom", "--patients", patients, "--seed", seed, "--rows", 800, "-o", root)
    go("index", root, "-o", tables)
    go("prepare", tables, "-o", store, "--rows", rows)
    how = ["--encoder", "resnet18", "--split", split, "--seed", seed, "--crop", default["crop"]]
    how += ["--set", f"intensity.local={default['local']}"]
    go("train", store, "-o", run, "--crops", crops, *how, "--set", f"validate_every={max(1000, crops // 9)}")
    go("train", store, "-o", untrained, "--crops", 0, *how)
    part = ["--split", run / "split.csv", "--part", "test"]
    go("segment", tables, *part, "--model", run, "-o", out / "maps")
    go("segment", tables, *part, "--model", untrained, "-o", out / "maps-untrained")
    go("segment", tables, *part, "--model", "blob", "--rows", rows, "-o", out / "maps-blob")
    go("train-head", store, "--model", run, "-o", out / "head.json")
    go("classify", out / "maps", "--head", out / "head.json")
    systems = [f"net={out / 'maps'}", f"untrained={out / 'maps-untrained'}", f"blob={out / 'maps-blob'}", *beside]
    title = "A net trained on drawn films" if films is None else f"A net trained on {films.resolve().name}"
    go("benchmark", tables, *systems, *part, "--run", run, "--title", title, "-o", out / "report")
    click.echo(f"all of it took {(time.monotonic() - began) / 60:.1f} minutes; open {out / 'report' / 'index.html'}")
