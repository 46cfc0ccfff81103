"""Fully convolutional networks: FCN-32s, 16s and 8s, as first published and in a light form.

In: `(batch, channels, rows, cols)`. Out: logits `(batch, classes, rows, cols)`; full ones take any size.

Full (Long, Shelhamer, Darrell 2015, arXiv 1411.4038): VGG-16 whose two wide layers are convolutions (7x7 and 1x1,
4096 channels, dropout), the film padded by 100 before the first of them. Scores of pool4 and pool3 start at zero, so
that 16s begins where 32s ended, and 8s where 16s ended. Scores are doubled in size by learned kernels that start
bilinear, and brought to the film's size by a fixed bilinear kernel; each is cropped so that centres fall on centres.
At once (Shelhamer, Long, Darrell 2017, arXiv 1605.06211): 8s trained in one go, pool4 scaled by 1/100, pool3 by
1/10,000. Light: any encoder, the wide layers 256 channels with batch norm, each layer padded so that nothing is cut.
Dilated: light, its fc6 a 3x3 kernel with a step of 3, which reaches as far as one of 7x7 with 9 weights for 49 (Chen et
al. 2015, arXiv 1412.7062).
The paper starts from ImageNet's weights (`mammomap.seg.encoder_weights`); without them convolutions start after He et
al. 2015, and the first score always does.
"""

from __future__ import annotations

import segmentation_models_pytorch as smp
import torch
from torch import nn

VGG16 = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)
"""Channels of VGG-16's convolutions (Simonyan, Zisserman 2015); 0 is a pooling by 2."""
POOLS = (17, 24, 31)
"""Where pool3, pool4 and pool5 end in the chain of layers."""
WIDE, NARROW = 4096, 256
"""Channels of fc6 and fc7: full, light."""
BF16_LEAST = 3
"""Smallest side of the map that goes through the light fc6 in bf16: below it, torch 2.14 on CPU gives gradients of a
7x7 convolution from memory that it never wrote. Crops of 96 pixels or more are not concerned."""
PAD = 100
"""Padding before the first convolution of the full net, pixels on each side."""
POOL4_OFFSET, POOL3_OFFSET, FILM_OFFSET = 5, 9, {32: 19, 16: 27, 8: 31}
"""First row and column kept of pool4's and pool3's scores, and of the film-sized scores by their factor; full net."""
POOL4_SCALE, POOL3_SCALE = 1e-2, 1e-4
"""What the skips are multiplied by where all is trained at once."""


class VggTrunk(nn.Module):
    """VGG-16 made convolutional: pool3, pool4 and fc7 of a batch. The layers are in torchvision's order and names."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in VGG16:
            if width:
                layers += [nn.Conv2d(channels, width, 3, padding=1 if layers else PAD), nn.ReLU(inplace=True)]
                channels = width
            else:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
        self.features = nn.Sequential(*layers)
        self.fc6 = nn.Sequential(nn.Conv2d(512, WIDE, 7), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.fc7 = nn.Sequential(nn.Conv2d(WIDE, WIDE, 1), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.widths = (256, 512, WIDE)
        _start(self)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        pool3 = self.features[: POOLS[0]](x)
        pool4 = self.features[POOLS[0] : POOLS[1]](pool3)
        return pool3, pool4, self.fc7(self.fc6(self.features[POOLS[1] :](pool4)))


class LightTrunk(nn.Module):
    """An encoder of segmentation-models-pytorch or timm with narrow fc6 and fc7: features at strides 8, 16 and 32."""

    def __init__(self, channels: int, encoder: str, *, dilated: bool = False) -> None:
        super().__init__()
        self.encoder = smp.encoders.get_encoder(encoder, in_channels=channels, depth=5, weights=None)
        *_, at8, at16, at32 = self.encoder.out_channels

        def narrow(width: int, size: int, step: int = 1) -> nn.Sequential:
            conv = nn.Conv2d(width, NARROW, size, padding=size // 2 * step, dilation=step, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(NARROW), nn.ReLU(inplace=True), nn.Dropout(0.1))

        self.fc6, self.fc7 = narrow(at32, 3, 3) if dilated else narrow(at32, 7), narrow(NARROW, 1)
        self.widths = (at8, at16, NARROW)
        _start(self.fc6)
        _start(self.fc7)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        *_, at8, at16, at32 = self.encoder(x)
        exact = min(at32.shape[-2:]) < BF16_LEAST
        with torch.autocast(x.device.type, enabled=torch.is_autocast_enabled(x.device.type) and not exact):
            wide = self.fc6(at32.float() if exact else at32)
        return at8, at16, self.fc7(wide)


class FCN(nn.Module):
    """Scores of a trunk at stride 32, joined with those at 16 and 8 down to `finest`, brought to the film's size."""

    def __init__(self, trunk: VggTrunk | LightTrunk, classes: int, finest: int, *, at_once: bool = False) -> None:
        super().__init__()
        self.trunk, self.finest = trunk, finest
        self.full = isinstance(trunk, VggTrunk)
        self.scales = (POOL3_SCALE, POOL4_SCALE) if at_once else (1.0, 1.0)
        at8, at16, deep = trunk.widths
        self.score_fr = nn.Conv2d(deep, classes, 1)
        nn.init.normal_(self.score_fr.weight, std=deep**-0.5)
        nn.init.zeros_(self.score_fr.bias)  # type: ignore[arg-type]
        if finest <= 16:
            self.twice_fr = upsampling(classes, 2, padded=not self.full)
            self.score_pool4 = _zero_score(at16, classes)
        if finest <= 8:
            self.twice_pool4 = upsampling(classes, 2, padded=not self.full)
            self.score_pool3 = _zero_score(at8, classes)
        self.last = upsampling(classes, finest, padded=not self.full).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        at8, at16, deep = self.trunk(x)
        score = self.score_fr(deep)
        if self.finest <= 16:
            score = self.twice_fr(score)
            score = score + self._cut(self.score_pool4(at16 * self.scales[1]), POOL4_OFFSET, score)
        if self.finest <= 8:
            score = self.twice_pool4(score)
            score = score + self._cut(self.score_pool3(at8 * self.scales[0]), POOL3_OFFSET, score)
        return self._cut(self.last(score), FILM_OFFSET[self.finest], x)

    def _cut(self, score: torch.Tensor, offset: int, like: torch.Tensor) -> torch.Tensor:
        """The part of a score that lies on `like`; the light net's lie there as they are."""
        first = offset if self.full else 0
        rows, cols = like.shape[-2:]
        return score[..., first : first + rows, first : first + cols]


def bilinear_kernel(factor: int) -> torch.Tensor:
    """`(2 * factor, 2 * factor)` weights by which a transposed convolution of stride `factor`, even, interpolates.

    Pixel i of the coarse image is centred at `factor * i + factor - 0.5` of the fine one; from there its weight falls
    to zero linearly over `factor` pixels, in each direction.
    """
    away = (torch.arange(2 * factor) - (factor - 0.5)).abs() / factor
    return torch.outer(1 - away, 1 - away)


def upsampling(classes: int, factor: int, *, padded: bool) -> nn.ConvTranspose2d:
    """Each class interpolated on its own, without bias; `padded` gives `factor * size`, else a rim of `factor` more."""
    layer = nn.ConvTranspose2d(classes, classes, 2 * factor, factor, factor // 2 if padded else 0, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(classes)[:, :, None, None] * bilinear_kernel(factor))
    return layer


def _zero_score(width: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(width, classes, 1)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


def _start(module: nn.Module) -> None:
    """He's random weights for the convolutions of a part."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
