"""Twenty fp32 steps of plain gradient descent by the project's loop, for tests of several processes.

    python two_processes.py FOLDER NORM:LOSS:PARTS...

NORM is group, frozen or batch. With more than one part each batch goes through the net in that many parts, and the
loss is that of all of them together. The log of each run lies in its own folder in FOLDER.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from made.films import CLASSES, disc_batch
from torch import nn

from mammomap.seg.config import Steps
from mammomap.seg.device import choose_hardware
from mammomap.seg.losses import make_loss
from mammomap.seg.train import Task, fit

FILMS = 4
RATE = 0.01
"""At 0.05 batch norm makes the loss rise and fall, and roundings grow: 1e-3 after 20 steps on some CPUs."""


class Frozen(nn.BatchNorm2d):
    """Batch norm by its running figures, in training too."""

    def train(self, mode: bool = True) -> Frozen:
        return super().train(False)


def small_net(norm: str) -> nn.Module:
    """Three convolutions with that kind of norm between them."""
    torch.manual_seed(5)
    made = {"group": lambda n: nn.GroupNorm(2, n), "frozen": Frozen, "batch": nn.BatchNorm2d}[norm]
    layers: list[nn.Module] = []
    for before, after in ((1, 8), (8, 8)):
        layers += [nn.Conv2d(before, after, 3, padding=1), made(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(8, len(CLASSES), 1))


def main(folder: Path, norm: str, loss_name: str, parts: int) -> None:
    """Train; the loss of every step stands in the log."""
    images, targets = disc_batch(side=32, films=2 * FILMS)
    loss = make_loss(loss_name, CLASSES, 4.0)

    def batches(start: int, stop: int, ours: range, whole: int) -> Iterator[list]:
        size = FILMS // whole
        for step in range(start, stop):
            first = FILMS * (step % 2)
            yield [(images[k : k + size], targets[k : k + size]) for k in (first + part * size for part in ours)]

    def of_batch(module: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        pieces = zip(*(x.chunk(parts) for x in batch), strict=True)
        made = [(module(image), target) for image, target in pieces]
        return loss(torch.cat([logits for logits, _ in made]), torch.cat([target for _, target in made]))

    how = Steps(steps=20, learning_rate=RATE, optimiser="sgd", validate_every=1, clip=0)
    hardware = replace(choose_hardware(), device="cpu", precision="32-true")

    def look(net: nn.Module, step: int) -> tuple[float, dict]:
        with torch.no_grad():
            return -float(loss(net(images), targets)), {}  # by the first process alone

    fit(Task(small_net(norm), batches, of_batch, look), folder, how, hardware)


if __name__ == "__main__":
    for run in sys.argv[2:]:
        norm, loss, parts = run.split(":")
        main(Path(sys.argv[1]) / run, norm, loss, int(parts))
