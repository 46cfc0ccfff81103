"""What the nets of the comparison take: a step of training as `mammomap train` makes it, and the map of a film.

    python speed/nets.py [--rounds 3] [-o study/nets/speed.csv]

Every net is a fresh process with the same crops of drawn films and the same film of 1152 x 896 pixels, all of them once
a round, in turned order. Printed and written are seconds a crop and seconds a film: medians over the rounds, with the
lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from fresh import Rounds, in_turn
from train_step import CLASSES, SKIPPED, STEPS, drawn_store, looped

from mammomap.seg import device
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import CropSampler
from mammomap.seg.maps import film_map
from mammomap.seg.nets import build_net

sys.path.append(str(Path(__file__).resolve().parents[1] / "study"))

from compare_net import NETS  # noqa: E402

ALIKE = "unet-fp32"
"""The U-Net once more, only in another precision."""
FILM, MAPS = (1152, 896), 4
TIMED = [net for net in NETS if net != ALIKE]


def settings(net: str) -> TrainConfig:
    """As the comparison trains the net, as far as it goes with the time."""
    words = NETS[net]
    encoder = words[words.index("--encoder") + 1] if "--encoder" in words else ""
    return TrainConfig(net=net, encoder=encoder)


def seconds(net: str, batch: tuple[torch.Tensor, torch.Tensor]) -> dict[str, float]:
    """A crop's in training, and a film's map."""
    config = settings(net)
    steps, _ = looped(config, lambda start, stop, ours, whole: ([batch] for _ in range(start, stop)), STEPS)
    hardware = device.choose_hardware()
    made = build_net(net, config.encoder, len(CLASSES), config.seed).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image, took = np.random.default_rng(0).random(FILM, np.float32), []
    for _ in range(MAPS):
        began = time.perf_counter()
        film_map(made, image, hardware)
        took.append(time.perf_counter() - began)
    return {"crop": float(np.median(steps[SKIPPED:])) / config.batch, "film": float(np.median(took[1:]))}


def rows(found: Rounds) -> pd.DataFrame:
    """One row a net."""
    told = []
    for net, rounds in found.items():
        row: dict[str, object] = {"net": net}
        for what in ("crop", "film"):
            its = [one[what] for one in rounds]
            row |= {what: np.median(its), f"{what}_low": min(its), f"{what}_high": max(its)}
        told.append(row)
    return pd.DataFrame(told).round(4)


def main() -> None:
    """Time, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--out", type=Path, help="CSV for the table of the comparison")
    parser.add_argument("--only", choices=TIMED, help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=Path, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.only:
        print(json.dumps(seconds(wanted.only, torch.load(wanted.batch))))
        return
    with tempfile.TemporaryDirectory() as name:
        store, kept = drawn_store(Path(name)), Path(name) / "batch.pt"
        sampler = CropSampler(store, list(store.films["image_id"]), CLASSES, TrainConfig())
        torch.save(next(sampler.batches(0, 1, range(1), 1))[0], kept)
        found = in_turn([__file__, "--batch", kept], TIMED, wanted.rounds)
    hardware = device.choose_hardware()
    made = rows(found).assign(hardware=f"{hardware.name}, {hardware.threads} threads, {hardware.precision}")
    print(made.to_string(index=False))
    if wanted.out:
        made.to_csv(wanted.out, index=False)


if __name__ == "__main__":
    main()
