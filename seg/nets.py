"""The net: a U-Net (Ronneberger et al. 2015) with a residual encoder, one grey channel in, a logit per class out."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import nn

from mammomap.errors import ConfigError

STRIDE = 32
"""Rows and columns that go into the net must be multiples of this."""


def build_net(encoder: str, classes: int, seed: int) -> nn.Module:
    """A U-Net with random weights that depend on the seed alone.

    Raises
    ------
    ConfigError
        If the encoder is unknown.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            return smp.Unet(encoder, encoder_weights=None, in_channels=1, classes=classes)
        except KeyError:
            raise ConfigError(f"encoder {encoder!r} is not known to segmentation-models-pytorch") from None
