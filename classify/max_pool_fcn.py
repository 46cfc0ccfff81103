"""The image classifier of the course project "FCN on CBIS-DDSM": valid convolutions, and the highest place decides.

Seven convolutions without padding bring a film of any size to a coarse map of two logits, benign and malignant; the
image's logits are the highest of each. Batch norm and dropout stand after all seven, ReLU after all but the last. With
three channels 10,377,286 parameters; a place sees 263 pixels and the next one stands 180 further on.

The project overfitted, and was chosen by its training loss on radiologists' crops, checked on its test set. Here the
same net sees whole films and is chosen on validation women (`mammomap.classify.image_run`).
"""

from __future__ import annotations

import torch
from torch import nn

from mammomap.errors import ConfigError

CHANNELS, KERNELS, STRIDES = (32, 64, 128, 256, 512, 64, 2), (3, 5, 6, 7, 8, 1, 1), (1, 2, 3, 5, 6, 1, 1)
SEES, STEP = 263, 180
"""Pixels that a place of the map sees, and between two places."""


class MaxPoolFCN(nn.Module):
    """Float `(n, channels, rows, cols)` -> logits of images `(n, 2)` and malignancy of places `(n, rows', cols')`."""

    step, first, least = STEP, (SEES - 1) / 2, SEES

    def __init__(self, channels: int = 1, dropout: float = 0.1) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels
        for width, kernel, stride in zip(CHANNELS, KERNELS, STRIDES, strict=True):
            layers += [
                nn.Conv2d(before, width, kernel, stride),
                nn.BatchNorm2d(width),
                nn.Dropout2d(dropout),
                nn.ReLU(),
            ]
            before = width
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, films: torch.Tensor, sizes: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """sizes: int `(n, 2)`, rows and columns of each film where a batch is padded to its largest."""
        places = self.places(films).float()
        return image_logits(places, sizes), places.softmax(1)[:, 1]

    def learned_in(self, part: str) -> list[nn.Module]:
        """What a stage of training changes: all."""
        return {"all": [self]}[part]

    def places(self, films: torch.Tensor) -> torch.Tensor:
        """Logits of the places `(n, 2, rows', cols')`.

        Raises
        ------
        ConfigError
            If a side is shorter than what a place sees.
        """
        rows, cols = films.shape[-2:]
        if min(rows, cols) < SEES:
            raise ConfigError(f"a film of {rows} x {cols} pixels; this net needs at least {SEES} a side")
        return self.layers(films)


def image_logits(places: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
    """`(n, 2)` of `(n, 2, rows, cols)`: the highest of each class, wherever it is.

    sizes: int `(n, 2)`, the rows and columns of each film where a batch is padded to its largest; places that a film
    would not have alone count for nothing.
    """
    if sizes is not None:
        outside = torch.zeros(places.shape[0], 1, *places.shape[2:], dtype=torch.bool, device=places.device)
        for film, (rows, cols) in enumerate(sizes.tolist()):
            outside[film, :, places_along(rows) :] = True
            outside[film, :, :, places_along(cols) :] = True
        places = places.masked_fill(outside, -torch.inf)
    return places.amax((2, 3))


def places_along(size: int) -> int:
    """How many places of the map lie along a side."""
    for kernel, stride in zip(KERNELS, STRIDES, strict=True):
        size = (size - kernel) // stride + 1
    return size
