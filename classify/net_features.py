"""What a net knows of a film beside its map: the deepest features of its encoder, averaged over the breast's box.

In: a run and working films. Out: float32 `(channels,)` a film, for the question whether the map is a bottleneck (Shen
et al. 2019 suspected it of theirs; `mammomap.classify.beside` fits). It is a question for a study: no head that
`mammomap train-head` makes takes anything but the map.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mammomap.errors import ConfigError
from mammomap.masks.intensity import net_input
from mammomap.masks.working import WorkingFilm
from mammomap.seg.device import choose_hardware
from mammomap.seg.nets import stride_of
from mammomap.seg.run import Run


class NetFeatures:
    """Pools the features of a run's encoder.

    Raises
    ------
    ConfigError
        If the net has no encoder of segmentation-models-pytorch.
    """

    def __init__(self, run: Run) -> None:
        self.run, self.hardware = run, choose_hardware(precision=run.config.precision)
        self.net = run.net(self.hardware)
        encoder = getattr(self.net, "encoder", getattr(getattr(self.net, "trunk", None), "encoder", None))
        if not isinstance(encoder, nn.Module) or not hasattr(encoder, "out_channels"):
            raise ConfigError(f"{run.name}: the net {run.config.net} has no encoder whose features could be pooled")
        self.encoder = encoder

    def __call__(self, film: WorkingFilm) -> NDArray[np.float32]:
        """The mean over the breast's box of each of the last channels."""
        image = net_input(film.pixels, self.run.config.intensity)
        return pooled(self.encoder, image, stride_of(self.net), self.hardware)


def pooled(encoder: nn.Module, image: NDArray[np.float32], stride: int, hardware) -> NDArray[np.float32]:
    """The last features of an encoder, averaged over the places that `image` has of its own `(channels,)`."""
    rows, cols = image.shape
    padded = np.pad(image, ((0, -rows % stride), (0, -cols % stride)))
    batch = torch.from_numpy(padded)[None, None].to(hardware.device, memory_format=torch.channels_last)
    with torch.inference_mode(), hardware.autocast:
        last = encoder(batch)[-1].float()
    down, across = (
        -(-size * made // whole) for size, made, whole in zip(image.shape, last.shape[2:], padded.shape, strict=True)
    )
    return last[0, :, :down, :across].mean((1, 2)).cpu().numpy()
