"""What to train with: settings proposed from the data's lesions, the device and the time given, before anything runs.

In: a store, wished settings, minutes. Out: a plan of plain values, to be read, edited and given to
`mammomap train --config`: `training` holds the settings, `prepare` the rows that the lesions ask for, and beside them
stand the figures that they come from. The idea is nnU-Net's (Isensee et al. 2021), the rules are for film:

crop    three times the side of a large lesion (`LARGE`), so that a lesion is seen with what surrounds it
rows    so many that a small lesion (`SMALL`) is `LEAST_PX` pixels across
batch   a power of two up to `BATCH`, as memory allows: what all layers put out, twice (gradients), in half of it
crops   what the time allows at the speed of some steps on this device, less that of the validations
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mammomap.errors import ConfigError
from mammomap.masks.store import Store
from mammomap.masks.targets import CLASSES, classes_shown, lesions_shown
from mammomap.seg.config import CROP_STEP, TrainConfig
from mammomap.seg.crops import channel_targets
from mammomap.seg.device import Hardware, choose_hardware
from mammomap.seg.losses import make_loss
from mammomap.seg.maps import MEMORY_SHARE, bytes_per_pixel
from mammomap.seg.nets import build_net, check_net, stride_of

SMALL, LARGE = 10, 90
"""Percentiles of the lesions' sides, the roots of their areas."""
LEAST_PX, CROP_SIDES = 12, 3
BATCH, MOST_CROP, MOST_ROWS, ROWS_STEP = 8, 512, 2560, 64
STATE_BYTES = 20
"""For each parameter: weight, gradient, the two means of AdamW, the running mean."""
TIMED_STEPS = 3
VALIDATIONS, WARMUPS = 8, 10
VALIDATION_SHARE = 0.15
"""Share of the time that validations are taken to need."""


def make_plan(store: Store, config: TrainConfig, minutes: float) -> dict[str, Any]:
    """The plan; net, encoder, loss, split and seed are those of `config`.

    Raises
    ------
    ConfigError
        If the store shows no lesion, or the net fails on a small film.
    """
    hardware = choose_hardware(precision=config.precision)
    sides, sizes = lesion_sides(store), film_sizes(store)
    if not len(sides):
        raise ConfigError(f"{store.folder}: no film shows a lesion, so there is nothing to plan by")
    small, middle, large = (float(np.percentile(sides, p)) for p in (SMALL, 50, LARGE))
    classes = classes_shown(store.tables.kinds_outlined)
    net = build_net(config.net, config.encoder, len(classes), config.seed).to(memory_format=torch.channels_last)
    check_net(net, config.net, len(classes))
    crop = crop_for(large, float(np.median(sizes[:, 1])), math.lcm(stride_of(net), CROP_STEP))
    parameters = sum(p.numel() for p in net.parameters())
    by_crop = 2 * bytes_per_pixel(net.eval(), hardware) * crop * crop
    batch = batch_for(by_crop, STATE_BYTES * parameters, hardware.memory)
    seconds = seconds_per_step(net, config, hardware, classes, crop, batch)
    crops = crops_for(minutes, seconds, batch)
    rise, every = min(config.warmup_crops, crops // WARMUPS), max(batch, crops // VALIDATIONS)
    chosen = replace(config, crop=crop, batch=batch, crops=crops, warmup_crops=rise, validate_every=every)
    return {
        "training": chosen.json(),
        "prepare": {"rows": rows_for(small, store.rows)},
        "because": {
            "films": len(store.films),
            "film_size_median": [int(x) for x in np.median(sizes, axis=0)],
            "lesions": len(sides),
            "lesion_side_px": {"small": round(small, 1), "median": round(middle, 1), "large": round(large, 1)},
            "rows_of_this_store": store.rows,
        },
        "cost": {
            "device": hardware.name,
            "precision": hardware.precision,
            "parameters": parameters,
            "memory_gb": round((batch * by_crop + STATE_BYTES * parameters) / 2**30, 2),
            "memory_of_device_gb": round(hardware.memory / 2**30, 1),
            "seconds_per_step": round(seconds, 3),
            "minutes": minutes,
        },
    }


def lesion_sides(store: Store) -> np.ndarray:
    """Root of the area, in working pixels, of every connected lesion of the store's targets."""
    sides: list[float] = []
    for image_id in store.films["image_id"]:
        sides += np.sqrt(lesions_shown(store[image_id].target, range(len(CLASSES)))[2]).tolist()
    return np.array(sides)


def film_sizes(store: Store) -> np.ndarray:
    """Rows and columns `(films, 2)` of the store's films, cut to the breast."""
    return np.array([store[image_id].pixels.shape for image_id in store.films["image_id"]])


def crop_for(large_px: float, film_cols: float, stride: int) -> int:
    """A multiple of `stride`, no smaller than two of it, no larger than the film is wide."""
    most = min(MOST_CROP, math.ceil(film_cols / stride) * stride)
    return int(min(most, max(2 * stride, math.ceil(CROP_SIDES * large_px / stride) * stride)))


def rows_for(small_px: float, rows: int) -> int:
    """Rows at which a small lesion is `LEAST_PX` across, in steps of `ROWS_STEP`."""
    return int(min(MOST_ROWS, math.ceil(rows * LEAST_PX / small_px / ROWS_STEP) * ROWS_STEP))


def batch_for(crop_bytes: float, net_bytes: float, memory: float) -> int:
    """The largest power of two, at most `BATCH` and at least 1, that half of the memory holds."""
    fits = (MEMORY_SHARE * memory - net_bytes) / crop_bytes
    return 2 ** int(math.log2(min(BATCH, max(1.0, fits))))


def crops_for(minutes: float, step_seconds: float, batch: int) -> int:
    """Whole batches that the time allows."""
    return batch * max(1, int(60 * minutes * (1 - VALIDATION_SHARE) / step_seconds))


def seconds_per_step(
    net: torch.nn.Module, config: TrainConfig, hardware: Hardware, classes: tuple[int, ...], crop: int, batch: int
) -> float:
    """The median of some steps on noise, after one that is not counted."""
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((batch, 1, crop, crop), np.float32)).to(hardware.device)
    targets = torch.from_numpy(channel_targets(rng.choice(classes, (batch, crop, crop)).astype(np.uint8), classes))
    loss = make_loss(config.loss, classes, config.lesion_weight, config.label_weight).to(hardware.device)
    net = net.to(hardware.device).train()
    optimiser = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-6)
    took = []
    for _ in range(1 + TIMED_STEPS):
        began = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        with hardware.autocast:
            made = net(images.contiguous(memory_format=torch.channels_last))
        loss(made, targets.to(hardware.device)).backward()
        optimiser.step()
        if hardware.device == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
    return float(np.median(took[1:]))
