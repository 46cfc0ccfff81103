"""Two classifiers that learn from labels of images, on the rotation's women, for as many operations as its nets.

    python study/classifiers.py films max-pool-fcn --films PATH/cbis_mass -o work
    python study/classifiers.py films patch-to-image --films PATH/cbis_mass -o work
    python study/classifiers.py films max-pool-fcn -o work --count     print the operations and stop
    python study/rotation_table.py

Stores and splits are those of `rotation.py`; sizes are told the same way. A budget is what training one net of the
rotation takes: the floating point operations of a step forward and back on one crop, counted by torch, times the crops.
The max-pool FCN draws as many films of the middle size as fit into it. Shen's classifier, reduced (`SHEN`: resnet18
from random weights, patches of `--patch` pixels in place of 224 at 1152 rows), spends `PATCH_SHARE` of it on patches
and the rest on films, as many in either stage; a stage that frees only the top layers has less to do on the way back,
and is counted so.

Kept in `study/rotation/SET`: `NET.csv`, one row a film and rotation with the score in logits, and `NET.json`: settings,
operations, minutes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from compare_net import LOCAL
from rotation import ROTATIONS, films_by_part, options, prepared
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from mammomap.classify.features import SCORE, head_inputs
from mammomap.classify.image_config import MAX_POOL, NETS, PATCHES, ImageConfig
from mammomap.classify.image_mapper import ImageMapper
from mammomap.classify.image_run import ImageRun, build_image_net, train_image
from mammomap.masks.files import write_atomically, write_json
from mammomap.masks.intensity import IntensitySettings
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import Split
from mammomap.masks.store import Store
from mammomap.masks.targets import classes_shown
from mammomap.masks.working import WorkingFilm
from mammomap.seg.nets import build_net

SHEN = {"net": PATCHES, "encoder": "resnet18", "top": "512-512-1024,512-512-1024"}
PATCH_SHARE = 0.3
"""Of the operations, on patches."""


def operations(net: nn.Module, forward: Callable[[nn.Module], torch.Tensor]) -> int:
    """Floating point operations of one example, forward and back, as far as its weights are learned."""
    net.train().zero_grad(set_to_none=True)
    with FlopCounterMode(display=False) as counter:
        forward(net).sum().backward()
    return counter.get_total_flops()


def net_budget(store: Store, sizes: argparse.Namespace) -> int:
    """What training one net of the rotation takes."""
    classes = classes_shown(store.tables.kinds_outlined)
    net = build_net("unet", "resnet18", len(classes), sizes.seed)
    crop = torch.zeros(2, 1, sizes.crop, sizes.crop)  # batch norm wants more than one
    return operations(net, lambda net: net(crop)) // 2 * sizes.crops


def planned(name: str, store: Store, data: str, sizes: argparse.Namespace) -> tuple[ImageConfig, dict]:
    """Settings that spend the budget, and the operations in numbers."""
    budget = net_budget(store, sizes)
    net_of = {"net": name} if name == MAX_POOL else {**SHEN, "patch": sizes.patch}
    common = {**net_of, "seed": sizes.seed, "intensity": IntensitySettings(local=LOCAL[data])}
    common |= {"validations": sizes.validations}
    config = ImageConfig(**common)
    net = build_image_net(config, store.tables.kinds_outlined)
    rows, cols = (max(net.least, int(size)) for size in middle_size(store))
    film, patch = torch.zeros(2, 1, rows, cols), torch.zeros(2, 1, config.patch, config.patch)
    counted: dict[str, float] = {"budget": budget, "film rows": rows, "film columns": cols}
    each = []
    for kind, part, _ in config.stages:
        net.requires_grad_(False)
        for module in net.learned_in(part):
            module.requires_grad_(True)
        given = (lambda net: net(film)[0]) if kind == "image" else (lambda net: net(patch, patches=True))
        counted[f"one {kind}, learning {part}"] = operations(net, given) // 2
        each.append((kind, counted[f"one {kind}, learning {part}"]))
    per_film = sum(flops for kind, flops in each if kind == "image")
    per_patch = sum(flops for kind, flops in each if kind == "patch")
    for_patches = PATCH_SHARE * budget if per_patch else 0
    draws = {"films": max(config.batch, int((budget - for_patches) / per_film))}
    if per_patch:
        draws["patches"] = max(config.patch_batch, int(for_patches / per_patch))
    spent = draws["films"] * per_film + draws.get("patches", 0) * per_patch
    return ImageConfig(**common, **draws), counted | draws | {"spent": spent}


def middle_size(store: Store) -> tuple[float, float]:
    """Rows and columns in the middle of the store's films."""
    grids = [json.loads(text) for text in store.films["grid"]]
    return tuple(float(np.median([grid[name] for grid in grids])) for name in ("rows", "cols"))  # type: ignore[return-value]


def scored(number: int, store: Store, run: ImageRun, split: Split, work: Path, sizes: argparse.Namespace) -> Path:
    """The score of every film that the rotation looks at."""
    path = work / str(number) / f"{run.config.net}.csv"
    if path.is_file():
        return path
    mapper, films = ImageMapper(run), store.tables.films.set_index("image_id")
    rows = []
    for part, image_id in tqdm(list(films_by_part(store, split, sizes)), desc=f"rotation {number}", unit="film"):
        stored, film = store[image_id], films.loc[image_id]
        score = head_inputs(SCORE, mapper(WorkingFilm(stored.pixels, stored.grid)), [])[0]
        told = {"rotation": number, "part": "seen" if part == "net" else part, "image_id": image_id}
        told |= {"woman": women_codes([film["patient_id"]], run.source)[0], "side": film["side"], "view": film["view"]}
        rows.append(told | {"malignant": int(film["malignant"]), SCORE: round(float(score), 5)})
    write_atomically(path, lambda half: pd.DataFrame(rows).to_csv(half, index=False))
    return path


def main() -> None:
    """Prepare, count, train, score, keep."""
    parser = options(__doc__ or "")
    parser.add_argument("net", choices=NETS)
    parser.add_argument("--patch", type=int, default=128)
    parser.add_argument("--validations", type=int, default=6)
    parser.add_argument("--count", action="store_true")
    wanted = parser.parse_args()
    work = wanted.out / wanted.set
    store, splits = prepared(wanted.set, wanted.films, work, wanted)
    config, counted = planned(wanted.net, store, wanted.set, wanted)
    for name, value in counted.items():
        print(f"{name}: {value:,.0f}" + ("" if value < 1e6 else f"  ({value / 1e12:.4g} TFLOP)"))
    if wanted.count:
        return
    for number in wanted.rotations:
        folder = work / str(number)
        own = ImageConfig.from_json(config.json() | {"split": str(folder / "split.csv")})
        run, _ = train_image(store, folder / wanted.net, own, progress=tqdm)
        minutes = [json.loads(log.read_text().splitlines()[-1])["seconds"] / 60 for log in logs_of(run.folder)]
        write_json(folder / f"{wanted.net}.json", {"name": run.name, "minutes": round(sum(minutes), 1)})
        scored(number, store, run, splits[number], work, wanted)
    parts = [work / str(number) / f"{wanted.net}.csv" for number in range(ROTATIONS)]
    if not all(path.is_file() for path in parts):
        print("the other rotations are missing")
        return
    kept = wanted.keep / wanted.set
    joined = pd.concat([pd.read_csv(path) for path in parts], ignore_index=True)
    write_atomically(kept / f"{wanted.net}.csv", lambda half: joined.to_csv(half, index=False))
    said = [json.loads(path.with_suffix(".json").read_text()) for path in parts]
    told = {name: value for name, value in config.json().items() if name != "split"}
    write_json(kept / f"{wanted.net}.json", {"rows": store.rows, "settings": told, "operations": counted, "runs": said})
    print(f"{ROTATIONS} rotations -> {kept / wanted.net}.csv")


def logs_of(folder: Path) -> list[Path]:
    """The logs of all stages of a run."""
    return [*sorted((folder / "stages").glob("*/log.jsonl")), folder / "log.jsonl"]


if __name__ == "__main__":
    main()
