"""The losses: logits `(batch, classes, rows, cols)` and int64 targets `(batch, rows, cols)` in, a scalar out.

Pixels of `VOID` count for nothing. The default, `lesion`, is weighted cross-entropy over the classes and Dice on lesion
and on malignancy: cross-entropy alone drowns in background; Dice (Milletari et al. 2016) asks for the lesion as a
whole. Dice is taken over the batch, and left out for a layer that no crop of the batch shows.

The others stand alone. `ce`: the same cross-entropy. `dice`, `tversky` (Salehi et al. 2017; a miss costs 0.7, a false
pixel 0.3): over the lesion classes, pooled over the batch; a class that no pixel of the batch shows is left out.
`focal` (Lin et al. 2017): the same cross-entropy, each pixel times (1 - p)^2 for the probability p of its class.
`lovasz` (Berman et al. 2018): Lovász-softmax over the classes that the batch shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional as F

from mammomap.masks.targets import malignant_classes
from mammomap.seg.crops import VOID

FOCUS = 2.0
"""Focal loss's exponent."""
MISSED, FALSE = 0.7, 0.3
"""What a missed and a false pixel cost in the Tversky loss."""


def make_loss(name: str, classes: Sequence[int], lesion_weight: float) -> nn.Module:
    """The loss of that name, one of `LOSSES`; `lesion_weight` is for `lesion`, `ce` and `focal`."""
    if name == "lesion":
        return LesionLoss(classes, lesion_weight)
    if name in ("ce", "focal"):
        return PixelLoss(classes, lesion_weight, FOCUS if name == "focal" else 0.0)
    if name == "lovasz":
        return LovaszLoss()
    alpha, beta = (0.5, 0.5) if name == "dice" else (FALSE, MISSED)
    return OverlapLoss(alpha, beta)


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
        return (weight * (1 - torch.exp(-surprise)) ** self.focus * surprise).sum() / weight.sum().clamp(min=1e-6)


class OverlapLoss(nn.Module):
    """One minus the Tversky index of each lesion class that the batch shows, their mean; 0 where it shows none.

    With a half for false and a half for missed pixels the index is Dice.
    """

    def __init__(self, false: float, missed: float) -> None:
        super().__init__()
        self.index = smp.losses.TverskyLoss(
            "multilabel", from_logits=False, smooth=1.0, ignore_index=VOID, alpha=false, beta=missed
        )

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        found = logits.float().softmax(1)
        shown = [channel for channel in range(1, logits.shape[1]) if bool((targets == channel).any())]
        if not shown:
            return found.sum() * 0
        wanted = torch.stack([targets == channel for channel in shown], 1).float()
        wanted = torch.where((targets == VOID)[:, None], torch.full_like(wanted, VOID), wanted)
        return self.index(found[:, shown], wanted)


class LovaszLoss(nn.Module):
    """The Lovász extension of one minus the Jaccard index, the mean over the classes that the batch shows."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = smp.losses.LovaszLoss("multiclass", ignore_index=VOID)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if not bool((targets != VOID).any()):
            return logits.sum() * 0
        return self.loss(logits.float(), targets)


class LesionLoss(nn.Module):
    """Mean weighted cross-entropy plus half the sum of the two Dice losses; a scalar, at least 0.

    In: logits `(batch, classes, rows, cols)`, targets int64 `(batch, rows, cols)` with `VOID` where nothing is known.
    """

    weight: torch.Tensor

    def __init__(self, classes: Sequence[int], lesion_weight: float) -> None:
        super().__init__()
        self.register_buffer("weight", torch.tensor([1.0] + [lesion_weight] * (len(classes) - 1)))
        bad = malignant_classes(classes)
        self.malignant = [channel for channel, code in enumerate(classes) if code in bad]
        self.dice = smp.losses.DiceLoss("multilabel", from_logits=False, smooth=1.0, ignore_index=VOID)

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = logits.float()
        cross_entropy = F.cross_entropy(logits, targets, weight=self.weight, ignore_index=VOID)
        probabilities = logits.softmax(1)
        found = torch.stack([1 - probabilities[:, 0], probabilities[:, self.malignant].sum(1)], 1)
        bad = torch.isin(targets, torch.tensor(self.malignant, device=targets.device))
        wanted = torch.stack([targets > 0, bad], 1).float()
        wanted = torch.where((targets == VOID)[:, None], torch.full_like(wanted, VOID), wanted)
        return cross_entropy + 2 * 0.5 * self.dice(found, wanted)  # DiceLoss is the mean over the two layers
