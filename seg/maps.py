"""From a film on the working grid to its map: the one function that validation, segment and heads use.

In: float32 `(rows, cols)` in [0, 1] on the breast's box. Out: class probabilities on the same grid, and from them
the two layers of a map: lesion (anything but background) and malignancy (the malignant classes).

A film goes through the net in one pass. Where that takes more than half of the device's memory, by an estimate that
is too high rather than too low, it goes in square tiles that overlap by half, joined with Gaussian weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from mammomap.errors import ConfigError, ImageError
from mammomap.masks.targets import malignant_classes
from mammomap.seg.device import Hardware
from mammomap.seg.nets import stride_of

TILE_SIGMA = 1 / 8
"""Standard deviation of a tile's Gaussian weights, as a share of its side."""
MEMORY_SHARE = 0.5
"""Share of the device's memory that a pass may take."""
SMALLEST_TILE = 8
"""Side of the smallest tile that is chosen for want of memory, in strides."""
FLIPS = ((), (0,), (1,), (0, 1))
"""The axes that are turned over, pass by pass, where flips are asked for."""


def film_map(
    net: nn.Module, image: NDArray[np.float32], hardware: Hardware, *, flips: bool = False, tile: int | None = None
) -> NDArray[np.float32]:
    """Per-pixel class probabilities `(classes, rows, cols)` of one film of any size.

    The film is padded right and bottom with air to the net's stride, and the map cropped back. `flips`: the mean of
    the probabilities of the film as it is and turned over in rows, in columns and in both. `tile`: side of the tiles,
    a multiple of twice the stride; None for one pass, or for the tiles that memory demands (`tile_for_memory`).

    Raises
    ------
    ImageError
        If `image` leaves [0, 1].
    ConfigError
        If `tile` is no multiple of twice the net's stride.
    """
    if image.ndim != 2 or not (image.min() >= 0 and image.max() <= 1):
        raise ImageError(
            f"a film of shape {image.shape} from {image.min()} to {image.max()}, wanted (rows, cols) in 0..1"
        )
    check_tile(net, tile)
    made = [
        np.flip(_one_film(net, np.flip(image, axes), hardware, tile), [a + 1 for a in axes])
        for axes in (FLIPS if flips else FLIPS[:1])
    ]
    return made[0] if len(made) == 1 else np.mean(made, axis=0)


def check_tile(net: nn.Module, tile: int | None) -> None:
    """Refuse a tile that the net's stride does not divide twice.

    Raises
    ------
    ConfigError
        If it is no multiple of twice the stride.
    """
    double = 2 * stride_of(net)
    if tile is not None and (tile < double or tile % double):
        raise ConfigError(f"tile {tile}: wanted a multiple of {double}, twice the net's stride")


def _one_film(net: nn.Module, image: NDArray[np.float32], hardware: Hardware, tile: int | None) -> NDArray[np.float32]:
    (rows, cols), stride = image.shape, stride_of(net)
    padded = np.pad(image, ((0, -rows % stride), (0, -cols % stride)))
    if tile is None:
        tile = tile_for_memory(net, padded.shape, hardware)
    if tile is None or (padded.shape[0] <= tile and padded.shape[1] <= tile):
        return _one_pass(net, padded, hardware)[:, :rows, :cols]
    return _tiled(net, padded, hardware, tile)[:, :rows, :cols]


def _one_pass(net: nn.Module, padded: NDArray[np.float32], hardware: Hardware) -> NDArray[np.float32]:
    batch = torch.from_numpy(padded)[None, None].to(hardware.device, memory_format=torch.channels_last)
    with torch.inference_mode(), hardware.autocast:
        logits = net(batch)
    return logits.float().softmax(1)[0].cpu().numpy()


def _tiled(net: nn.Module, padded: NDArray[np.float32], hardware: Hardware, tile: int) -> NDArray[np.float32]:
    sides = [min(tile, size) for size in padded.shape]
    weight = np.outer(*(_gaussian(side, tile) for side in sides))
    total, weights = None, np.zeros(padded.shape, np.float32)
    down, across = (tile_starts(size, tile, stride_of(net)) for size in padded.shape)
    for row in down:
        for col in across:
            place = slice(row, row + sides[0]), slice(col, col + sides[1])
            made = _one_pass(net, np.ascontiguousarray(padded[place]), hardware)
            if total is None:
                total = np.zeros((len(made), *padded.shape), np.float32)
            total[:, *place] += made * weight
            weights[place] += weight
    assert total is not None
    return total / weights


def tile_starts(size: int, tile: int, stride: int) -> list[int]:
    """First pixels of the tiles along one axis: multiples of the stride, evenly laid, at most half a tile apart."""
    last = max(0, size - tile)
    steps = -(-last // (tile // 2))
    return [stride * round(last / stride * step / max(1, steps)) for step in range(steps + 1)]


def _gaussian(side: int, tile: int) -> NDArray[np.float32]:
    away = (np.arange(side) - (side - 1) / 2) / (TILE_SIGMA * tile)
    return np.exp(-0.5 * away**2).astype(np.float32)


def tile_for_memory(net: nn.Module, size: tuple[int, ...], hardware: Hardware) -> int | None:
    """None where a film of this size may go in one pass, else the side of the largest square tile that may.

    The rule: what all layers of the net put out for one pixel, as if none of it were given back, times the film's
    pixels, must not exceed `MEMORY_SHARE` of all memory of the device. It asks for all memory and not for what is
    free, so that the same film has the same map whatever else the machine does.
    """
    if net not in _BYTES:
        _BYTES[net] = bytes_per_pixel(net, hardware)
    pixels = MEMORY_SHARE * hardware.memory / _BYTES[net]
    if size[0] * size[1] <= pixels:
        return None
    step = 2 * stride_of(net)
    return max(int(pixels**0.5) // step * step, SMALLEST_TILE // 2 * step)


_BYTES: WeakKeyDictionary[nn.Module, float] = WeakKeyDictionary()


def bytes_per_pixel(net: nn.Module, hardware: Hardware) -> float:
    """Bytes that the net's layers put out for one more pixel of film: counted on squares of four and eight strides."""
    counted = 0

    def count(_module: nn.Module, _inputs: object, made: object) -> None:
        nonlocal counted
        if isinstance(made, torch.Tensor):
            counted += made.numel() * made.element_size()

    handles = [m.register_forward_hook(count) for m in net.modules() if next(m.children(), None) is None]
    sums, sides = [], (4 * stride_of(net), 8 * stride_of(net))
    try:
        for side in sides:
            counted = 0
            _one_pass(net, np.zeros((side, side), np.float32), hardware)
            sums.append(counted)
    finally:
        for handle in handles:
            handle.remove()
    return max(1.0, (sums[1] - sums[0]) / (sides[1] ** 2 - sides[0] ** 2))


def map_layers(
    probabilities: NDArray[np.float32], classes: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lesion and malignancy probability, each `(rows, cols)`; `classes` are the codes of the channels."""
    malignant = [channel for channel, code in enumerate(classes) if code in malignant_classes(classes)]
    lesion = np.clip(1 - probabilities[0], 0, 1)
    return lesion, np.clip(probabilities[malignant].sum(0), 0, 1)
