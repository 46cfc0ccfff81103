"""The image classifier of Shen et al. 2019 (Sci Rep 9:12495): first patches, then whole films on the same features.

A net that classifies patches (background, benign and malignant calcification, benign and malignant mass) is applied to
whole films as it stands, one place every 32 pixels: 36 x 28 of them on a film of 1152 x 896. The image's logits come
from top layers on its last features, the patch classes themselves (the heatmap) taken out, or, as a variant, pooled
beside them: whether the heatmap is the bottleneck that the paper suspects can so be asked. Top layers are written as in
the paper: `512-512-1024` is a residual block of 1x1, 3x3 and 1x1 convolutions that halves the map, `512` a 3x3
convolution and a pool of two (VGG), joined by commas.

Pools are over a film's own places, but convolutions see beyond its edge what a batch pads it by: beside a larger film,
in training, its logits are not quite those that it has alone. Films are validated and mapped alone.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import nn
from torch.nn.functional import pad

from mammomap.errors import ConfigError

STEP = 32
"""Pixels between two places, whatever the encoder."""
PATCH = 224
"""Side of the paper's patches, at 1152 rows."""


class PatchToImage(nn.Module):
    """Float `(n, 1, rows, cols)` -> logits of images `(n, 2)` and malignancy of places `(n, rows / 32, cols / 32)`.

    classes: codes of the patch classes (`mammomap.masks.targets`), background first; malignant: their channels.
    """

    step, first = STEP, (STEP - 1) / 2
    least = 2 * STEP

    def __init__(self, encoder: str, classes: int, malignant: tuple[int, ...], top: str, heatmap: bool) -> None:
        super().__init__()
        try:
            self.encoder = smp.encoders.get_encoder(encoder, in_channels=1, depth=5, weights=None)
        except KeyError:
            raise ConfigError(f"encoder {encoder!r}: unknown to segmentation-models-pytorch") from None
        width = self.encoder.out_channels[-1]
        self.patch_head = nn.Conv2d(width, classes, 1)
        self.malignant, self.heatmap = malignant, heatmap
        self.top, width = top_layers(top, width)
        self.halvings = len(self.top)
        self.image_head = nn.Linear(width + 2 * classes * heatmap, 2)

    def forward(self, films: torch.Tensor, sizes: torch.Tensor | None = None, *, patches: bool = False):
        """sizes: int `(n, 2)`, rows and columns of each film where a batch is padded to its largest. patches: give the
        logits of patches instead, `(n, classes)`, the mean of their places'."""
        if patches:
            return self.patch_head(self.encoder(films)[-1]).mean((2, 3))
        sizes = torch.tensor([films.shape[2:]] * len(films)) if sizes is None else sizes
        rows, cols = films.shape[2:]
        features = self.encoder(pad(films, (0, -cols % STEP, 0, -rows % STEP)))[-1]
        heat = self.patch_head(features).float().softmax(1)
        above = self.top(features)
        pooled = [_mean(above, _inside(above, sizes, STEP * 2**self.halvings))]
        if self.heatmap:
            inside = _inside(heat, sizes, STEP)
            pooled += [_mean(heat, inside), heat.masked_fill(~inside, 0).amax((2, 3))]
        return self.image_head(torch.cat(pooled, 1)), heat[:, list(self.malignant)].sum(1)

    def learned_in(self, part: str) -> list[nn.Module]:
        """What a stage of training changes: `head` of patches, `last-N` for the encoder's last N convolutions (with the
        norms after them) and that head, `top` of images, or `all`."""
        if part.startswith("last-"):
            layers = [layer for layer in self.encoder.modules() if not list(layer.children())]
            convolutions = [k for k, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
            first = convolutions[-min(int(part.removeprefix("last-")), len(convolutions))]
            return [*layers[first:], self.patch_head]
        return {"head": [self.patch_head], "top": [self.top, self.image_head], "all": [self]}[part]


class Residual(nn.Module):
    """The bottleneck block of He et al. 2016, which halves the map."""

    def __init__(self, before: int, first: int, middle: int, last: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(before, first, 1, stride=2, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(inplace=True),
            nn.Conv2d(first, middle, 3, padding=1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
            nn.Conv2d(middle, last, 1, bias=False),
            nn.BatchNorm2d(last),
        )
        self.shortcut = nn.Sequential(nn.Conv2d(before, last, 1, stride=2, bias=False), nn.BatchNorm2d(last))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Half the rows and columns, rounded up."""
        return torch.relu(self.path(x) + self.shortcut(x))


def top_layers(told: str, width: int) -> tuple[nn.Sequential, int]:
    """The layers that `told` names, on features of `width` channels, and their width.

    Raises
    ------
    ConfigError
        If it names none.
    """
    layers: list[nn.Module] = []
    for block in told.split(","):
        sizes = [int(text) for text in block.strip().split("-") if text.isdecimal() and int(text)]
        if len(sizes) != block.count("-") + 1 or len(sizes) not in (1, 3):
            raise ConfigError(f"top {told!r}: wanted blocks as 512-512-1024 or 512, joined by commas")
        if len(sizes) == 3:
            layers.append(Residual(width, *sizes))
        else:
            convolved = [nn.Conv2d(width, sizes[0], 3, padding=1, bias=False), nn.BatchNorm2d(sizes[0])]
            layers.append(nn.Sequential(*convolved, nn.ReLU(inplace=True), nn.MaxPool2d(2, ceil_mode=True)))
        width = sizes[-1]
    return nn.Sequential(*layers), width


def _inside(made: torch.Tensor, sizes: torch.Tensor, step: int) -> torch.Tensor:
    """Bool `(n, 1, rows, cols)`: places that a film has of its own, not of what a batch is padded by."""
    inside = torch.zeros(made.shape[0], 1, *made.shape[2:], dtype=torch.bool, device=made.device)
    for film, (rows, cols) in enumerate((-(-sizes // step)).tolist()):
        inside[film, :, :rows, :cols] = True
    return inside


def _mean(made: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """The mean over the places inside `(n, channels)`."""
    return (made * inside).sum((2, 3)) / inside.sum((2, 3))
