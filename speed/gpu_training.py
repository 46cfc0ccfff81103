"""How busy training keeps a GPU: crops per second as `mammomap train` takes them, the share of the time in which no
kernel runs, and the rate of a step against the GPU's own best product of matrices in bfloat16.

    python speed/gpu_training.py [--net unet] [--encoder resnet34] [--batches 8 32 128] [--steps 200]

drawn      the loop of `mammomap train` with crops drawn beside it
at hand    the same with one batch, drawn once

Crops are of drawn films at 576 rows. Rates are of all steps after the first `SKIPPED`. Kernels are seen by torch's
profiler over `PROFILED` further steps; the time that a step takes without the profiler is what they are set against.
The net's operations are those of its convolutions and products, forward and back.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from train_step import CLASSES, drawn_store, gflop, looped

from mammomap.masks.store import Store
from mammomap.seg import device
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import CropSampler

SKIPPED, PROFILED = 32, 32
SIDE, PRODUCTS = 8192, 20
FEW = 4
"""Crops whose operations are counted, on the CPU."""


def best_product() -> float:
    """TFLOP a second of square matrices of bfloat16."""
    one, other = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    took = []
    for _ in range(PRODUCTS):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        _ = one @ other
        ended.record()
        torch.cuda.synchronize()
        took.append(began.elapsed_time(ended) / 1e3)
    return 2 * SIDE**3 / float(np.median(took[3:])) / 1e12


def busy_seconds(config: TrainConfig, batches: Callable[..., Iterator]) -> float:
    """Seconds a step in which any kernel runs."""
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        looped(config, batches, PROFILED)
        torch.cuda.synchronize()
    spans = sorted(
        (event.time_range.start, event.time_range.end)
        for event in found.events() or ()
        if event.device_type.name == "CUDA" and not event.name.startswith("Mem")
    )
    busy, until = 0.0, 0.0
    for start, end in spans:
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return busy / 1e6 / PROFILED


def row(store: Store, config: TrainConfig, steps: int, peak: float) -> list[str]:
    """Two lines of the table."""
    threads = device.choose_hardware().drawing_threads
    sampler = CropSampler(store, list(store.films["image_id"]), CLASSES, config, threads=threads)
    batch = next(sampler.batches(0, 1, range(1), 1))[0]
    at_hand = lambda start, stop, ours, whole: ([batch] for _ in range(start, stop))  # noqa: E731
    few = batch[0][:FEW], batch[1][:FEW]
    work = gflop(config, few) / 1e3 * config.batch / FEW
    busy, lines = busy_seconds(config, at_hand), []
    for name, batches in (("drawn", sampler.batches), ("at hand", at_hand)):
        took, waits = looped(config, batches, SKIPPED + steps)
        step, wait = took[SKIPPED:].mean(), waits[SKIPPED:].sum() / took[SKIPPED:].sum()
        figures = f"{config.batch / step:,.0f} | {wait:.0%} | {1 - busy / step:.0%} | {work / step:.1f}"
        lines.append(f"| {config.batch} | {name} | {figures} | {work / step / peak:.1%} | {work / busy / peak:.1%} |")
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="unet")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--batches", type=int, nargs="+", default=[TrainConfig().batch, 32, 128])
    parser.add_argument("--steps", type=int, default=200)
    wanted = parser.parse_args()
    hardware = device.choose_hardware()
    if hardware.device != "cuda":
        raise SystemExit("no GPU: speed/train_step.py is for a CPU")
    peak = best_product()
    print(
        f"{hardware.name}, {hardware.threads} threads, {hardware.precision}; {wanted.net} with {wanted.encoder}, crops "
        f"of {TrainConfig().crop} pixels, {wanted.steps} steps; best product {peak:.0f} TFLOP/s\n\n"
        "| batch | crops | crops/s | waits for crops | no kernel runs | TFLOP/s | of the best product | while busy |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        store = drawn_store(Path(name))
        for batch in wanted.batches:
            config = TrainConfig(net=wanted.net, encoder=wanted.encoder, batch=batch)
            print("\n".join(row(store, config, wanted.steps, peak)), flush=True)


if __name__ == "__main__":
    main()
