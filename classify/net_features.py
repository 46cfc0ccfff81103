"""What a net knows of a film beside its map: the deepest features of its encoder, averaged over the breast's box.

In: a run and working films. Out: float32 `(channels,)` a film; and a fit that lays them beside a head's own inputs, for
the question whether the map is a bottleneck (Shen et al. 2019 suspected it of theirs). It is a question for a study:
no head that `mammomap train-head` makes takes anything but the map.

Some hundred women cannot teach 512 weights. The features are brought to `COMPONENTS` principal components of equal
spread, found on the films that the fit sees; how far these are trusted against the inputs of the map (`TRUST`, the
factor on them under one common penalty) is chosen by the log loss on women left out once more.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from torch import nn

from mammomap.classify.calibration import log_loss
from mammomap.classify.heads import Fit
from mammomap.classify.models import INVERSE_PENALTY, Linear
from mammomap.errors import ConfigError
from mammomap.masks.intensity import net_input
from mammomap.masks.working import WorkingFilm
from mammomap.seg.device import choose_hardware
from mammomap.seg.nets import stride_of
from mammomap.seg.run import Run

COMPONENTS = 16
TRUST = (0.1, 0.3, 1.0)
FOLDS = 5


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


def fit_beside(own: int, components: int = COMPONENTS) -> Fit:
    """A fit for `fit_head`: logistic regression on the first `own` inputs and, beside them, on the components of the
    others. With `own` 0 the net's features stand alone. The outcome is a plain `Linear` over all inputs."""

    def fit(inputs: NDArray[np.float64], malignant: NDArray[np.bool_], women: NDArray, seed: int) -> Linear:
        folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(inputs, malignant, women))
        losses = []
        for trust in TRUST:
            lost = 0.0
            for others, these in folds:
                made = _fitted(inputs[others], malignant[others], own, components, trust)
                told = 1 / (1 + np.exp(-made.score(inputs[these])))
                lost += log_loss(malignant[these], told) * len(these)
            losses.append(lost)
        return _fitted(inputs, malignant, own, components, TRUST[int(np.argmin(losses))])

    return fit


def _fitted(inputs: NDArray, malignant: NDArray, own: int, components: int, trust: float) -> Linear:
    """One fit: standardised inputs, turned by the components, weighed, and turned back into weights of the inputs."""
    mean, spread = inputs.mean(0), np.maximum(inputs.std(0), 1e-6)
    standard = (inputs - mean) / spread
    found = PCA(min(components, len(inputs) - 1, inputs.shape[1] - own), svd_solver="full").fit(standard[:, own:])
    across = found.components_.T / np.sqrt(np.maximum(found.explained_variance_, 1e-12)) * trust
    turned = np.zeros((inputs.shape[1], own + across.shape[1]))
    turned[:own, :own] = np.eye(own)
    turned[own:, own:] = across
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(standard @ turned, malignant)
    weights = turned @ fitted.coef_[0]
    return Linear(*(tuple(float(v) for v in values) for values in (mean, spread, weights)), float(fitted.intercept_[0]))
