"""The loss: weighted cross-entropy over the classes, and Dice on lesion and on malignancy.

Cross-entropy alone drowns in background; Dice (Milletari et al. 2016) asks for the lesion as a whole. Dice is taken
over the batch, and left out for a layer that no crop of the batch shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn import functional as F

from mammomap.masks.targets import malignant_classes
from mammomap.seg.crops import VOID


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
