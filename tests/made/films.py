"""Small films for nets: discs in noise with their targets, and what a net makes of them step by step."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mammomap.seg.losses import LesionLoss

CLASSES = (0, 3, 4)


def disc_batch(side: int = 64, films: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Images `(films, 1, side, side)` in [0, 1] and channel targets: a dim benign and a bright malignant disc each."""
    rng = np.random.default_rng(7)
    images = rng.uniform(0.2, 0.3, (films, side, side))
    targets = np.zeros((films, side, side), np.int64)
    down, across = np.mgrid[:side, :side]
    for film in range(films):
        for channel, (value, size) in enumerate([(0.6, 5), (0.9, 7)], start=1):
            row, col = rng.uniform(0.2, 0.8, 2) * side
            disc = (down - row) ** 2 + (across - col) ** 2 < (size * side / 64) ** 2
            images[film][disc], targets[film][disc] = value, channel
    return torch.from_numpy(images.astype(np.float32))[:, None], torch.from_numpy(targets)


def loss_curve(net: nn.Module, steps: int, films: int, side: int) -> list[float]:
    """The loss before each step of gradient descent on one batch, fp32 on one thread.

    Steps are short, films more than two: else batch norm makes of another CPU's roundings differences that are seen
    (two films and ten times the rate, FPN: 0.06 after five steps).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    images, targets = disc_batch(side, films)
    loss = LesionLoss(CLASSES, 4.0)
    learned = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.SGD(learned, lr=0.001)
    curve = []
    try:
        net.train()
        for step in range(steps):
            torch.manual_seed(step)
            value = loss(net(images), targets)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimiser.step()
            curve.append(float(value.detach()))
    finally:
        torch.set_num_threads(threads)
    return curve


def overfit_dice(net: nn.Module, steps: int, rate: float = 3e-3) -> float:
    """Dice of lesions against background on one batch, after so many steps of AdamW on it."""
    images, targets = disc_batch()
    loss = LesionLoss(CLASSES, 4.0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate)
    net.train()
    for step in range(steps):
        torch.manual_seed(step)
        optimiser.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimiser.zero_grad(set_to_none=True)
        loss(net(images), targets).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    net.eval()
    with torch.inference_mode():
        found = net(images).argmax(1) > 0
    wanted = targets > 0
    return float(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))
