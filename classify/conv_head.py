"""A small convolutional head on the class map: two layers on a coarse grid -> a raw score in logits.

In: lesion and malignancy of a film, each the highest of a cell, as logits. A cell is a 24th of the film's height, so
that a lesion is as large on the grid as on the film, wherever the breast ends; what lies beyond the last cell counts
there. Out: a ConvNet, plain numbers that are applied with numpy alone; torch is needed only to fit it.

3x3 convolution, ReLU, pool of two, 3x3 convolution, ReLU; highest and mean of each channel; a linear layer: 2,893
weights. Films are turned over in rows and shifted by a cell at random, as few as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from mammomap.masks.mapfile import LAYERS, FilmMap

CELLS = (24, 18)
"""Cells down and across."""
CHANNELS = (len(LAYERS), 12, 24)
LEAST = 1e-4
"""Probabilities keep this far off 0 and 1."""
EPOCHS, BATCH, RATE, DECAY, DROPOUT = 40, 32, 3e-3, 0.05, 0.3
SHAPES = (
    (CHANNELS[1], CHANNELS[0], 3, 3),
    (CHANNELS[1],),
    (CHANNELS[2], CHANNELS[1], 3, 3),
    (CHANNELS[2],),
    (2 * CHANNELS[2],),
    (1,),
)
"""Weights and biases of the two convolutions and of the linear layer, in the order in which they are kept."""
WEIGHTS = sum(int(np.prod(shape)) for shape in SHAPES)


@dataclass(frozen=True)
class ConvNet:
    """A fitted net; `weights` are all of `SHAPES` one after the other, float32."""

    mean: float
    """Of the inputs that it was fitted on; they are taken less it and over the spread."""
    spread: float
    weights: tuple[float, ...]

    def score(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw scores `(n,)` of coarse maps `(n, 2 * cells)`."""
        first, first_bias, second, second_bias, last, bias = self.layers()
        seen = (as_grids(inputs) - self.mean) / self.spread
        seen = _highest_of_four(np.maximum(_convolved(seen, first, first_bias), 0))
        seen = np.maximum(_convolved(seen, second, second_bias), 0)
        pooled = np.concatenate([seen.max((2, 3)), seen.mean((2, 3))], axis=1)
        return pooled @ last + bias

    def layers(self) -> list[NDArray[np.float64]]:
        """The weights in their shapes."""
        ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(np.array(self.weights), ends), SHAPES, strict=True)]


def coarse_map(film_map: FilmMap) -> NDArray[np.float64]:
    """Both layers on the coarse grid, `(2 * cells,)`, in logits: lesion row by row, then malignancy."""
    cell = film_map.grid.working_rows_of_film / CELLS[0]
    made = []
    for name in LAYERS:
        layer = film_map.layer(name)
        for axis, cells in enumerate(CELLS):
            layer = _highest_along(layer, axis, cells, cell)
        made.append(layer.ravel())
    return logit(np.clip(np.concatenate(made).astype(np.float64), LEAST, 1 - LEAST))


def as_grids(inputs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coarse maps `(n, 2 * cells)` as `(n, 2, rows, cols)`."""
    return np.asarray(inputs, np.float64).reshape(-1, len(LAYERS), *CELLS)


def fit_conv(inputs: NDArray[np.float64], malignant: NDArray[np.bool_], seed: int) -> ConvNet:
    """Fit by AdamW on the log loss; `EPOCHS` are fixed, so that nothing is chosen on the films that it is fitted on."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits, conv2d, dropout, max_pool2d, relu

    mean, spread = float(inputs.mean()), max(float(inputs.std()), 1e-6)
    films = torch.from_numpy((as_grids(inputs) - mean) / spread).float()
    truth = torch.from_numpy(np.array(malignant, np.float32))
    rng = np.random.default_rng([seed, 31])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        kept = []
        for shape in SHAPES:
            width = float(np.prod(shape[1:])) if len(shape) > 1 else float("inf")
            kept.append((torch.randn(shape) * (2 / width) ** 0.5).requires_grad_())
        kept[4].data = torch.randn(SHAPES[4]) * 0.01
        first, first_bias, second, second_bias, last, bias = kept
        optimiser = torch.optim.AdamW(kept, lr=RATE, weight_decay=DECAY)
        steps = EPOCHS * -(-len(films) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
        for _ in range(EPOCHS):
            order = rng.permutation(len(films))
            for start in range(0, len(order), BATCH):
                some = order[start : start + BATCH]
                seen = _varied(films[some], rng)
                seen = max_pool2d(relu(conv2d(seen, first, first_bias, padding=1)), 2)
                seen = relu(conv2d(seen, second, second_bias, padding=1))
                pooled = dropout(torch.cat([seen.amax((2, 3)), seen.mean((2, 3))], 1), DROPOUT)
                loss = binary_cross_entropy_with_logits(pooled @ last + bias, truth[some])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    flat = np.concatenate([part.detach().numpy().ravel() for part in kept])
    return ConvNet(mean, spread, tuple(float(str(value)) for value in flat))  # as few digits as say it in float32


def _varied(films, rng: np.random.Generator):
    """A batch turned over in rows, and shifted by up to a cell with the border repeated."""
    from torch.nn.functional import pad

    if rng.random() < 0.5:
        films = films.flip(2)
    down, across = rng.integers(0, 3, 2)
    wide = pad(films, (1, 1, 1, 1), mode="replicate")
    return wide[:, :, down : down + CELLS[0], across : across + CELLS[1]]


def _highest_along(layer: NDArray, axis: int, cells: int, cell: float) -> NDArray:
    """The highest of each cell along an axis; 0 where the breast has ended."""
    where = np.minimum(((np.arange(layer.shape[axis]) + 0.5) / cell).astype(int), cells - 1)
    there, starts = np.unique(where, return_index=True)
    shape = list(layer.shape)
    shape[axis] = cells
    made = np.zeros(shape, layer.dtype)
    made[(slice(None),) * axis + (there,)] = np.maximum.reduceat(layer, starts, axis=axis)
    return made


def _convolved(seen: NDArray, weights: NDArray, bias: NDArray) -> NDArray:
    """3x3 with a rim of zeros, `(n, channels, rows, cols)`."""
    padded = np.pad(seen, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.einsum("ncrsij,kcij->nkrs", windows, weights, optimize=True) + bias[:, None, None]


def _highest_of_four(seen: NDArray) -> NDArray:
    n, channels, rows, cols = seen.shape
    return seen.reshape(n, channels, rows // 2, 2, cols // 2, 2).max((3, 5))
