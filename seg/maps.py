"""From a film on the working grid to its map: the one function that validation, segment and heads use.

In: float32 `(rows, cols)` in [0, 1] on the breast's box. Out: class probabilities on the same grid, and from them
the two layers of a map: lesion (anything but background) and malignancy (the malignant classes).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mammomap.errors import ImageError
from mammomap.masks.targets import malignant_classes
from mammomap.seg.device import Hardware
from mammomap.seg.nets import STRIDE


def film_map(net: nn.Module, image: NDArray[np.float32], hardware: Hardware) -> NDArray[np.float32]:
    """Per-pixel class probabilities `(classes, rows, cols)` of one film of any size, in one pass.

    The film is padded right and bottom with air to the net's stride, and the map cropped back.

    Raises
    ------
    ImageError
        If `image` leaves [0, 1].
    """
    if image.ndim != 2 or not (image.min() >= 0 and image.max() <= 1):
        raise ImageError(
            f"a film of shape {image.shape} from {image.min()} to {image.max()}, wanted (rows, cols) in 0..1"
        )
    rows, cols = image.shape
    padded = np.pad(image, ((0, -rows % STRIDE), (0, -cols % STRIDE)))
    batch = torch.from_numpy(padded)[None, None].to(hardware.device, memory_format=torch.channels_last)
    with torch.inference_mode(), hardware.autocast:
        logits = net(batch)
    return logits.float().softmax(1)[0, :, :rows, :cols].cpu().numpy()


def map_layers(
    probabilities: NDArray[np.float32], classes: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lesion and malignancy probability, each `(rows, cols)`; `classes` are the codes of the channels."""
    malignant = [channel for channel, code in enumerate(classes) if code in malignant_classes(classes)]
    lesion = np.clip(1 - probabilities[0], 0, 1)
    return lesion, np.clip(probabilities[malignant].sum(0), 0, 1)
