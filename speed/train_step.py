"""How fast a step of training is as `mammomap train` makes it, against the plain way; and how long it waits for crops.

    python speed/train_step.py [--net unet] [--encoder resnet34] [--rounds 5]

Each variant is a fresh process with the same weights and the same crops of drawn films, all of them once a round; times
are medians of the steps after the first two.

plain               forward, loss, backward, AdamW as most write it: fp32, NCHW, the allocator as it is
train               the loop of `mammomap train`, clipping and the running mean of the weights in it: its precision,
                    channels last, the allocator told to keep memory
allocator as it is  the same without the last

Beside them: the rate of a step against the highest rate of a 3 x 3 convolution that this device reaches in the same
precision, what of it is convolutions, and the share of its time that the loop waits for crops, at the default settings.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from fresh import in_turn, median, ratio, table, told
from torch.nn.functional import conv2d
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from mammomap.masks.index import index
from mammomap.masks.store import Store, prepare
from mammomap.masks.targets import classes_shown
from mammomap.phantom import PhantomConfig
from mammomap.phantom.tree import write_tree
from mammomap.seg import device
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import CropSampler
from mammomap.seg.losses import make_loss
from mammomap.seg.nets import build_net
from mammomap.seg.train import Task, fit

CLASSES = classes_shown(("calcification", "mass"))
STEPS, SKIPPED, WAIT_STEPS = 8, 2, 40
VARIANTS = ("plain", "train", "allocator as it is")
CONVOLUTIONS = ((64, 256), (128, 128), (256, 64), (512, 32))
"""Channels and side of what is convolved, eight of them at once."""

Batch = tuple[torch.Tensor, torch.Tensor]


def plain(config: TrainConfig, batch: Batch) -> list[float]:
    """Seconds of each step."""
    images, targets = batch[0].contiguous(), batch[1]
    net = build_net(config.net, config.encoder, len(CLASSES), config.seed).train()
    loss, optimiser = make_loss(config.loss, CLASSES, config.lesion_weight), torch.optim.AdamW(net.parameters())
    took = []
    for _ in range(STEPS):
        began = time.perf_counter()
        optimiser.zero_grad()
        loss(net(images), targets).backward()
        optimiser.step()
        took.append(time.perf_counter() - began)
    return took


def looped(config: TrainConfig, batches: Callable[..., Iterator], steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Seconds of each step of the project's loop, and of the wait for its crops at their beginning."""
    hardware = device.choose_hardware()
    loss = make_loss(config.loss, CLASSES, config.lesion_weight).to(hardware.device)
    asked, given = [], []

    def stamped(made: Iterator, **_: object) -> Iterator:
        asked.append(time.perf_counter())
        for step in made:
            given.append(time.perf_counter())
            yield step
            asked.append(time.perf_counter())

    net = build_net(config.net, config.encoder, len(CLASSES), config.seed)
    task = Task(net, batches, lambda module, batch: loss(module(batch[0]), batch[1]), lambda net, step: (0.0, {}))
    how = replace(config, crops=steps * config.batch, validate_every=10**6)
    with tempfile.TemporaryDirectory() as folder:
        fit(task, Path(folder), how.loop, hardware, progress=stamped)
    return np.diff(asked), np.array(given) - asked[:steps]


def timed(variant: str, config: TrainConfig, batch: Batch) -> list[float]:
    """Seconds of each step of a variant."""
    if variant == "plain":
        return plain(config, batch)
    if variant == "allocator as it is":
        device._keep_memory = lambda: None
    return looped(config, lambda start, stop, ours, whole: ([batch] for _ in range(start, stop)), STEPS)[0].tolist()


def best_convolution(precision: str) -> float:
    """GFLOP a second."""
    kind, best = torch.bfloat16 if precision == "bf16-mixed" else torch.float32, 0.0
    for channels, side in CONVOLUTIONS:
        x = torch.randn(8, channels, side, side, dtype=kind).to(memory_format=torch.channels_last)
        w = torch.randn(channels, channels, 3, 3, dtype=kind).to(memory_format=torch.channels_last)
        for _ in range(9):
            began = time.perf_counter()
            with torch.inference_mode():
                conv2d(x, w, padding=1)
            best = max(best, 2 * 9 * channels**2 * 8 * side**2 / (time.perf_counter() - began) / 1e9)
    return best


def spent(config: TrainConfig, batch: Batch) -> dict[str, float]:
    """Operation -> its share of a step's time, the longest first; the loop's own step without what it writes."""
    hardware = device.choose_hardware()
    net = build_net(config.net, config.encoder, len(CLASSES), config.seed).to(hardware.device).train()
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loss, optimiser = make_loss(config.loss, CLASSES, config.lesion_weight), torch.optim.AdamW(net.parameters())

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with hardware.autocast:
            made = net(batch[0])
        loss(made, batch[1]).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()

    for _ in range(SKIPPED):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(3):
            step()
    rows = sorted(found.key_averages(), key=lambda row: -row.self_cpu_time_total)
    whole = sum(row.self_cpu_time_total for row in rows)
    return {row.key.removeprefix("aten::"): row.self_cpu_time_total / whole for row in rows}


def gflop(config: TrainConfig, batch: Batch) -> float:
    """Of the convolutions and products of a step."""
    net = build_net(config.net, config.encoder, len(CLASSES), config.seed)
    with FlopCounterMode(display=False) as counted:
        make_loss(config.loss, CLASSES, config.lesion_weight)(net(batch[0]), batch[1]).backward()
    return counted.get_total_flops() / 1e9


def drawn_store(folder: Path) -> Store:
    """Films of twelve drawn women."""
    write_tree(folder / "tree", PhantomConfig(patients=12, seed=1, rows=800, workers=2))
    tables, _ = index(folder / "tree", folder / "tables")
    return prepare(tables, folder / "store", rows=576)[0]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="unet")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    config = TrainConfig(net=wanted.net, encoder=wanted.encoder)
    if wanted.only:
        print(told(timed(wanted.only, config, torch.load(wanted.batch)), SKIPPED))
        return
    with tempfile.TemporaryDirectory() as name:
        store, kept = drawn_store(Path(name)), Path(name) / "batch.pt"
        sampler = CropSampler(store, list(store.films["image_id"]), CLASSES, config)
        batch = next(sampler.batches(0, 1, range(1), 1))[0]
        torch.save(batch, kept)
        words = [__file__, "--net", config.net, "--encoder", config.encoder, "--batch", kept]
        found = in_turn(words, VARIANTS, wanted.rounds)
        hardware = device.choose_hardware()
        rate, work = best_convolution(hardware.precision), gflop(config, batch)
        steps, waits = looped(config, sampler.batches, WAIT_STEPS)
        shares = spent(config, batch)
    step = median(found, "train")
    print(
        f"{hardware.name}, {hardware.threads} threads, {hardware.precision}; {config.net} with {config.encoder}, "
        f"{config.batch} crops of {config.crop} pixels a step, {wanted.rounds} rounds\n\n{table(found, 'plain')}\n"
    )
    print(f"Keeping memory makes a step {ratio(found, 'allocator as it is', 'train')} times as fast.")
    print(
        f"A step is {work:.0f} GFLOP: {work / step:.0f} GFLOP/s, {work / step / rate:.0%} of the best convolution's "
        f"{rate:.0f} GFLOP/s."
    )
    convolutions = sum(share for name, share in shares.items() if "convolution" in name)
    others = [f"{name} {share:.1%}" for name, share in shares.items() if "convolution" not in name]
    print(
        f"Convolutions, forward and back, take {convolutions:.0%} of it, at {work / step / rate / convolutions:.0%} of "
        "that rate: a step could reach no more even if all else took no time."
    )
    print(f"The rest: {', '.join(others[:8])}, …")
    print(f"The loop waits for crops {waits[1:].sum() / steps[1:].sum():.1%} of its time, over {WAIT_STEPS - 1} steps.")


if __name__ == "__main__":
    main()
