"""A net trained on the lesions of a store: settings, women, net, crops, loss, validation; `mammomap.seg.train` trains.

In: a store and a TrainConfig. Out: a run folder (`mammomap.seg.run`). The same command goes on where it was stopped;
on a finished run it does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically, write_json
from mammomap.masks.splits import Split, make_split, read_split
from mammomap.masks.store import Store
from mammomap.masks.targets import classes_shown
from mammomap.seg.config import LAST, TrainConfig
from mammomap.seg.crops import CropSampler
from mammomap.seg.device import Hardware, choose_hardware, is_first_process
from mammomap.seg.losses import make_loss
from mammomap.seg.run import OWN_CODE, RUN_FORMAT, Run, environment, read_run
from mammomap.seg.start import as_kept, first_net, women_seen_before
from mammomap.seg.train import Task, fit
from mammomap.seg.validate import validate

LATER = ("imaging", "detail_mm")
"""What config.json did not say at first."""
LOOKED_AT = 100
"""Films of the net's own women that are looked at in training where nobody validates."""


def train(
    store: Store,
    out: Path,
    config: TrainConfig,
    *,
    devices: int = 1,
    nodes: int = 1,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Run, bool]:
    """Train a net; returns the run, and whether anything was done. `say` takes lines for the user.

    With several devices (GPUs of one machine, or processes where there is none) or nodes each takes its share of every
    batch; under torchrun the numbers are torchrun's.

    Raises
    ------
    ConfigError
        If `out` holds a run with other settings or another split, a part of the split has no films, or the net cannot
        be built.
    LeakError
        If the run to start from has seen women whom this split keeps for head or test.
    """
    split = split_for(store, config.split, config.seed)
    kinds = split.tables(store.tables, "net", "validation").kinds_outlined
    classes = classes_shown(kinds)
    start = read_run(Path(config.init_from)) if config.init_from else None
    kept, code = as_kept(config, start)
    about = {
        "format": RUN_FORMAT,
        "training": kept.json(),
        "classes": classes,
        "kinds": kinds,
        "rows": store.rows,
        "data_hash": store.tables.hash,
        "source": store.tables.about.get("source", ""),
        **shown_by(store),
    }
    if start is not None:
        about["women_seen_before"] = women_seen_before(start, split, about["source"])
    finished = (out / "model.safetensors").is_file()
    if finished or (out / "last.ckpt").is_file():
        refuse_another_run(out, about, code, lambda values: TrainConfig.from_json(values).json())
        refuse_another_split(out, split)
        if finished:
            return read_run(out), False
    net = first_net(config, classes, start, say)
    net_films, validation_films = films_to_train_on(store, split)
    for part, films in (("net", net_films), ("validation", validation_films)):
        if not films and (part == "net" or config.chosen_by != LAST):
            raise ConfigError(f"split {split.name!r} leaves no film for the part {part}")
    hardware = choose_hardware(devices, nodes, config.precision)
    shares = config.accumulate * hardware.processes
    if config.batch % shares:
        raise ConfigError(f"batch {config.batch} does not divide into {shares} parts (processes times accumulate)")
    task = _task(store, kept, hardware, classes, net, net_films, validation_films)
    if is_first_process():  # and only when all is known to be well: a folder that holds a run is that run's
        if code:
            write_atomically(out / OWN_CODE, lambda path: path.write_bytes(code))
        split.write(out / "split.csv")
        write_json(out / "config.json", about)
        write_json(out / "environment.json", environment(hardware))
    fit(task, out, kept.loop, hardware, progress=progress)
    return read_run(out), True


def films_to_train_on(store: Store, split: Split) -> tuple[list[str], list[str]]:
    """Films of the parts net and validation, those with lesions of unknown place left out."""
    parts = []
    for part in ("net", "validation"):
        films = split.tables(store.tables, part).films
        usable = films["kinds_not_outlined"].isna() & films["image_id"].isin(store.films["image_id"])
        parts.append(films.loc[usable, "image_id"].tolist())
    return parts[0], parts[1]


def shown_by(store: Store) -> dict[str, str | float | None]:
    """What the films of a store are: `imaging`, and `detail_mm`, the median side of a working pixel."""
    films = store.tables.films
    pitch = (films["spacing_mm"] * films["rows"] / store.rows).median()
    detail = None if pd.isna(pitch) else round(float(pitch), 4)
    return {"imaging": store.tables.about.get("imaging", "unknown"), "detail_mm": detail}


def split_for(store: Store, rule: str, seed: int) -> Split:
    """The split of a store by a rule, or that of a file."""
    return read_split(Path(rule)) if rule.endswith(".csv") else make_split(store.tables, rule, seed)


def refuse_another_run(out: Path, about: dict, code: bytes, filled: Callable[[dict], dict]) -> None:
    """Refuse to go on with a run whose config.json is not `about`; `filled` adds settings that came later.

    Raises
    ------
    ConfigError
        If the folder holds a run with other settings, or the net's code has changed.
    """
    there = json.loads((out / "config.json").read_text())
    there["training"] = filled(there.get("training", {}))
    wanted = json.loads(json.dumps(about))
    if code and (not (out / OWN_CODE).is_file() or (out / OWN_CODE).read_bytes() != code):
        raise ConfigError(f"{out}: the net's code has changed since this run began; choose another folder")
    wanted = {key: value for key, value in wanted.items() if key in there or key not in LATER}
    different = [key for key in wanted if there.get(key) != wanted[key]]
    if "training" in different:
        before, now = there.get("training", {}), wanted["training"]
        different += [f"training.{key}" for key in now if before.get(key) != now[key]]
        different.remove("training")
    if different:
        raise ConfigError(f"{out}: holds a run with other settings ({', '.join(different)}); choose another folder")


def refuse_another_split(out: Path, split: Split) -> None:
    """Refuse to go on with a run that began with the women dealt otherwise: it would learn from women whom it does not
    say that it has seen.

    Raises
    ------
    ConfigError
        If they are.
    """
    if read_split(out / "split.csv").part_of != split.part_of:
        raise ConfigError(
            f"{out}: holds a run that began with another split (the file or the rule {split.name!r} deals the women "
            "otherwise now); choose another folder"
        )


def _task(
    store: Store,
    config: TrainConfig,
    hardware: Hardware,
    classes: tuple[int, ...],
    net: nn.Module,
    net_films: list[str],
    validation_films: list[str],
) -> Task:
    """Crops of the net's films, the loss of the settings, validation on whole films; as many of the net's own films
    are looked at beside it, so that overfitting shows."""
    loss = make_loss(config.loss, classes, config.lesion_weight, config.label_weight)
    sampler = CropSampler(store, net_films, classes, config, threads=hardware.drawing_threads)
    rng = np.random.default_rng([config.seed, 13])
    count = min(len(validation_films) or LOOKED_AT, len(net_films))
    seen_films = [net_films[k] for k in sorted(rng.permutation(len(net_films))[:count])]

    def of_batch(module: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        images, targets = batch
        return loss.to(images.device)(module(images), targets)

    def look(average: nn.Module, step: int) -> tuple[float, dict]:
        args = (classes, loss.to(hardware.device), config.intensity, hardware)
        now = validate(average, store, validation_films, *args) if validation_films else None
        line = {"crops": step * config.batch, "validation": now, "train": validate(average, store, seen_films, *args)}
        return (float(step) if config.chosen_by == LAST or now is None else now[config.chosen_by]), line

    return Task(net, sampler.batches, of_batch, look)
