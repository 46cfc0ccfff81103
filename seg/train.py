"""The training loop, read from top to bottom: settings, women, net, optimiser, steps, validation, the run folder.

In: a store and a TrainConfig. Out: a run folder (`mammomap.seg.run`). The same command goes on where it was stopped;
on a finished run it does nothing. Crops depend on seed and number alone, so stopping changes nothing in the result.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from safetensors.torch import save_file
from torch import nn

from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically, write_json
from mammomap.masks.splits import Split, make_split, read_split
from mammomap.masks.store import Store
from mammomap.masks.targets import classes_shown
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import CropSampler
from mammomap.seg.device import Hardware, choose_hardware
from mammomap.seg.losses import make_loss
from mammomap.seg.run import OWN_CODE, RUN_FORMAT, Run, environment, read_run
from mammomap.seg.start import as_kept, first_net, women_seen_before
from mammomap.seg.validate import validate

SAVE_SECONDS = 45
"""A checkpoint at least this often, so that a kill loses less than a minute."""
SEED_STEP = 1_000_003
"""Distance of the random states of two seeds, in steps."""
CHOSEN_BY = "mean_sensitivity"
"""The validation figure that chooses the checkpoint."""


def train(
    store: Store,
    out: Path,
    config: TrainConfig,
    *,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> tuple[Run, bool]:
    """Train a net; returns the run, and whether anything was done. `say` takes lines for the user.

    Raises
    ------
    ConfigError
        If `out` holds a run with other settings, a part of the split has no films, or the net cannot be built.
    LeakError
        If the run to start from has seen women whom this split keeps for head or test.
    """
    split = read_split(Path(config.split)) if config.split.endswith(".csv") else _deal(store, config)
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
    }
    if start is not None:
        about["women_seen_before"] = sorted(women_seen_before(start, split))
    begun = (out / "config.json").is_file()
    if begun:
        _refuse_another_run(out, about, code)
        if (out / "model.safetensors").is_file():
            return read_run(out), False
    net = first_net(config, classes, start, say)
    net_films, validation_films = films_to_train_on(store, split)
    if not begun:
        if code:
            write_atomically(out / OWN_CODE, lambda path: path.write_bytes(code))
        split.write(out / "split.csv")
        write_json(out / "config.json", about)
    hardware = choose_hardware()
    write_json(out / "environment.json", environment(hardware))
    _fit(store, out, kept, hardware, classes, net_films, validation_films, net, progress)
    return read_run(out), True


def films_to_train_on(store: Store, split: Split) -> tuple[list[str], list[str]]:
    """Films of the parts net and validation, those with lesions of unknown place left out.

    Raises
    ------
    ConfigError
        If either part is empty.
    """
    parts = []
    for part in ("net", "validation"):
        films = split.tables(store.tables, part).films
        usable = films["kinds_not_outlined"].isna() & films["image_id"].isin(store.films["image_id"])
        parts.append(films.loc[usable, "image_id"].tolist())
        if not parts[-1]:
            raise ConfigError(f"split {split.name!r} leaves no film for the part {part}")
    return parts[0], parts[1]


def _deal(store: Store, config: TrainConfig) -> Split:
    return make_split(store.tables, config.split, config.seed)


def _refuse_another_run(out: Path, about: dict, code: bytes) -> None:
    there = json.loads((out / "config.json").read_text())
    there["training"] = TrainConfig.from_json(there.get("training", {})).json()  # settings that came later
    wanted = json.loads(json.dumps(about))
    if code and (not (out / OWN_CODE).is_file() or (out / OWN_CODE).read_bytes() != code):
        raise ConfigError(f"{out}: the net's code has changed since this run began; choose another folder")
    different = [key for key in wanted if there.get(key) != wanted[key]]
    if "training" in different:
        before, now = there.get("training", {}), wanted["training"]
        different += [f"training.{key}" for key in now if before.get(key) != now[key]]
        different.remove("training")
    if different:
        raise ConfigError(f"{out}: holds a run with other settings ({', '.join(different)}); choose another folder")


def _fit(
    store: Store,
    out: Path,
    config: TrainConfig,
    hardware: Hardware,
    classes: tuple[int, ...],
    net_films: list[str],
    validation_films: list[str],
    net: nn.Module,
    progress: Callable[..., Iterable] | None,
) -> None:
    seed_everything(config.seed, verbose=False)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # the run folder says which precision is used
    fabric = Fabric(accelerator=hardware.device, devices=1, precision=hardware.precision)  # type: ignore[arg-type]
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net)
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    module, optimiser = fabric.setup(net, optimiser)
    average = average.to(fabric.device).eval()
    loss = make_loss(config.loss, classes, config.lesion_weight).to(fabric.device)
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "running": [], "log": [], "best": None}
    if (out / "last.ckpt").is_file():
        saved = torch.load(out / "last.ckpt", weights_only=True, map_location=fabric.device)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        state = saved["state"]
    rng = np.random.default_rng([config.seed, 13])
    count = min(len(validation_films), len(net_films))
    seen_films = [net_films[k] for k in sorted(rng.permutation(len(net_films))[:count])]
    every = max(1, config.validate_every // config.batch)

    def save() -> None:
        content = {
            "net": net.state_dict(),
            "average": average.state_dict(),
            "optimiser": optimiser.state_dict(),
            "state": state,
        }
        write_atomically(out / "last.ckpt", lambda path: torch.save(content, path))

    def look() -> None:
        """Validate the running mean, log it, keep its weights if they are the best so far."""
        args = (classes, loss, config.intensity, hardware)
        now = validate(average, store, validation_films, *args)
        line = {
            "crops": state["step"] * config.batch,
            "seconds": round(state["seconds"], 1),
            "crop_loss": float(np.mean(state["running"])) if state["running"] else None,
            "validation": now,
            "train": validate(average, store, seen_films, *args),
        }
        state["log"].append(line)
        state["running"] = []
        if state["best"] is None or now[CHOSEN_BY] > state["best"][CHOSEN_BY]:
            state["best"] = {"crops": line["crops"], CHOSEN_BY: now[CHOSEN_BY]}
            weights = {name: value.contiguous().cpu() for name, value in average.state_dict().items()}
            write_atomically(out / "best.safetensors", lambda path: save_file(weights, path))
        save()
        text = "".join(json.dumps(_without_nan(entry)) + "\n" for entry in state["log"])
        write_atomically(out / "log.jsonl", lambda path: path.write_text(text))

    sampler = CropSampler(store, net_films, classes, config)
    show = progress or (lambda items, **_: items)
    began, saved_at = time.monotonic() - state["seconds"], time.monotonic()
    steps = sampler.batches(state["step"], config.steps)
    for images, targets in show(steps, total=config.steps, initial=state["step"], desc="train", unit="step"):
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(state["step"], config)
        module.train()
        torch.manual_seed(config.seed * SEED_STEP + state["step"])  # dropout: the same after a stop
        value = loss(module(images.to(fabric.device)), targets.to(fabric.device))
        if not torch.isfinite(value):
            raise ConfigError(f"the loss is {float(value)} after {state['step']} steps; lower learning_rate")
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(value)
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        _update_average(average, net, config.ema, state["step"])
        state["step"] += 1
        state["running"].append(float(value.detach()))
        state["seconds"] = time.monotonic() - began
        if state["step"] % every == 0 and state["step"] < config.steps:
            look()
            saved_at = time.monotonic()
        elif time.monotonic() - saved_at > SAVE_SECONDS:
            save()
            saved_at = time.monotonic()
    if not state["log"] or state["log"][-1]["crops"] < state["step"] * config.batch:
        look()
    (out / "best.safetensors").replace(out / "model.safetensors")


def _learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine from the highest rate to a hundredth of it."""
    warmup = max(1, config.warmup_crops // config.batch)
    rise = min(1.0, (step + 1) / warmup)
    fall = 0.5 * (1 + math.cos(math.pi * step / max(1, config.steps)))
    return config.learning_rate * rise * (0.01 + 0.99 * fall)


@torch.no_grad()
def _update_average(average: nn.Module, net: nn.Module, share: float, step: int) -> None:
    """Running mean of weights and batch statistics; it starts short, so that early steps do not linger."""
    share = min(share, (1 + step) / (10 + step))
    for kept, new in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - share)
        else:
            kept.copy_(new)


def _without_nan(value: Any) -> Any:
    """NaN as None, since JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
