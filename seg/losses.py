"""The losses: logits `(batch, classes, rows, cols)` and int64 targets `(batch, rows, cols)` in, a scalar out.

Pixels of `VOID` count for nothing. The default, `lesion`, is weighted cross-entropy over the classes, Dice on lesion
and on malignancy, and `label_loss`: cross-entropy alone drowns in background; Dice (Milletari et al. 2016) asks for the
lesion as a whole; the two together find lesions and hardly tell one from another. Dice is taken over the batch, and
left out for a layer that no crop of the batch shows.

The others stand alone. `ce`: the same cross-entropy. `dice`, `tversky` (Salehi et al. 2017; a miss costs 0.7, a false
pixel 0.3): over the lesion classes, pooled over the batch; a class that no pixel of the batch shows is left out.
`focal` (Lin et al. 2017): the same cross-entropy, each pixel times (1 - p)^2 for the probability p of its class.
`lovasz` (Berman et al. 2018): Lovász-softmax over the classes that the batch shows.

Where several processes share a batch, counts and sums are added up over all of them before anything is divided, so that
the loss is that of the whole batch; means of Dice would be another loss. Only `lovasz`, which sorts, stays a mean of
the processes' own.
"""

from __future__ import annotations

from collections.abc import Sequence

import segmentation_models_pytorch as smp
import torch
from torch import distributed, nn
from torch.nn import functional as F

from mammomap.masks.targets import malignant_classes
from mammomap.seg.crops import VOID

FOCUS = 2.0
"""Focal loss's exponent."""
MISSED, FALSE = 0.7, 0.3
"""What a missed and a false pixel cost in the Tversky loss."""


def make_loss(name: str, classes: Sequence[int], lesion_weight: float, label_weight: float = 1.0) -> nn.Module:
    """The loss of that name, one of `LOSSES`; `lesion_weight` is for `lesion`, `ce` and `focal`, `label_weight` for
    `lesion`."""
    if name == "lesion":
        return LesionLoss(classes, lesion_weight, label_weight)
    if name in ("ce", "focal"):
        return PixelLoss(classes, lesion_weight, FOCUS if name == "focal" else 0.0)
    if name == "lovasz":
        return LovaszLoss()
    alpha, beta = (0.5, 0.5) if name == "dice" else (FALSE, MISSED)
    return OverlapLoss(alpha, beta)


class _SumOverProcesses(torch.autograd.Function):
    """A sum over all processes whose gradient is the sum of theirs."""

    @staticmethod
    def forward(_, value: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        whole = value.clone()
        distributed.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        whole = gradient.clone()
        distributed.all_reduce(whole)
        return whole


def pooled(value: torch.Tensor) -> torch.Tensor:
    """The sum over all processes; gradients go back to every one. As it is where there is but one process, and in
    validation, which one process does alone: nothing there asks for a gradient."""
    many = distributed.is_initialized() and distributed.get_world_size() > 1
    return _SumOverProcesses.apply(value) if many and value.requires_grad else value


class PixelLoss(nn.Module):
    """Weighted cross-entropy, each pixel times (1 - p)^focus; the mean by weight over the pixels that are not void."""

    weight: torch.Tensor

    def __init__(self, classes: Sequence[int], lesion_weight: float, focus: float) -> None:
        super().__init__()
        self.focus = focus
        self.register_buffer("weight", torch.tensor([1.0] + [lesion_weight] * (len(classes) - 1)))

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        surprise = F.cross_entropy(logits.float(), targets, ignore_index=VOID, reduction="none")  # 0 where void
        weight = torch.where(targets == VOID, 0.0, self.weight[targets.clamp(min=0)])
        by_pixel = weight * surprise if not self.focus else weight * (1 - torch.exp(-surprise)) ** self.focus * surprise
        total, weights = pooled(torch.stack([by_pixel.sum(), weight.sum()]))
        return total / weights.clamp(min=1e-6)


def overlap(
    found: torch.Tensor, wanted: torch.Tensor, known: torch.Tensor, false: float, missed: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """One minus the Tversky index of each layer over the whole batch, smoothed by one pixel, and whether it is shown.

    found: probabilities `(batch, layers, rows, cols)`; wanted: bool, the same shape; known: bool
    `(batch, rows, cols)`. A layer that is not shown has 0. With a half for false and for missed the index is Dice.
    """
    known = known[:, None]
    found, wanted = found * known, (wanted & known).float()
    sums = torch.stack([(found * wanted).sum((0, 2, 3)), found.sum((0, 2, 3)), wanted.sum((0, 2, 3))])
    hit, all_found, all_wanted = pooled(sums)
    index = (hit + 1) / (hit + false * (all_found - hit) + missed * (all_wanted - hit) + 1)
    shown = all_wanted > 0
    return (1 - index) * shown, shown


class OverlapLoss(nn.Module):
    """One minus the Tversky index of each lesion class that the batch shows, their mean; 0 where it shows none."""

    def __init__(self, false: float, missed: float) -> None:
        super().__init__()
        self.false, self.missed = false, missed

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found = logits.float().softmax(1)[:, 1:]
        wanted = torch.stack([targets == channel for channel in range(1, logits.shape[1])], 1)
        by_class, shown = overlap(found, wanted, targets != VOID, self.false, self.missed)
        return by_class.sum() / shown.sum().clamp(min=1)


class LovaszLoss(nn.Module):
    """The Lovász extension of one minus the Jaccard index, the mean over the classes that the batch shows."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = smp.losses.LovaszLoss("multiclass", ignore_index=VOID)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if not bool((targets != VOID).any()):
            return logits.sum() * 0
        return self.loss(logits.float(), targets)


def label_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Which lesion is it, given that it is one? Cross-entropy among the lesion classes, the mean over all classes of
    all crops; a class of a crop is judged by its mean logits there, so that large lesions count no more than small
    ones. 0 where the batch shows none."""
    masks = torch.stack([targets == channel for channel in range(1, logits.shape[1])], 1).float()
    size = masks.sum((2, 3))
    mean = torch.einsum("bkrc,blrc->bkl", masks, logits[:, 1:]) / size.clamp(min=1)[..., None]
    wanted = torch.arange(masks.shape[1], device=logits.device).expand(len(logits), -1)
    surprise = F.cross_entropy(mean.flatten(0, 1), wanted.flatten(), reduction="none") * (size > 0).flatten()
    total, count = pooled(torch.stack([surprise.sum(), (size > 0).float().sum()]))
    return total / count.clamp(min=1)


class LesionLoss(nn.Module):
    """Mean weighted cross-entropy, half the sum of Dice on lesion and on malignancy, `label_loss` times its weight; at
    least 0.

    In: logits `(batch, classes, rows, cols)`, targets int64 `(batch, rows, cols)` with `VOID` where nothing is known.
    """

    malignant: torch.Tensor

    def __init__(self, classes: Sequence[int], lesion_weight: float, label_weight: float = 1.0) -> None:
        super().__init__()
        self.label_weight, bad = label_weight, malignant_classes(classes)
        malignant = [channel for channel, code in enumerate(classes) if code in bad]
        self.register_buffer("malignant", torch.tensor(malignant, dtype=torch.int64))
        self.cross_entropy = PixelLoss(classes, lesion_weight, 0.0)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        probabilities = logits.float().softmax(1)
        found = torch.stack([1 - probabilities[:, 0], probabilities[:, self.malignant].sum(1)], 1)
        bad = torch.isin(targets, self.malignant)
        by_layer, _ = overlap(found, torch.stack([targets > 0, bad], 1), targets != VOID, 0.5, 0.5)
        found_or_not = self.cross_entropy(logits, targets) + 0.5 * by_layer.sum()
        return found_or_not + self.label_weight * label_loss(logits.float(), targets)
