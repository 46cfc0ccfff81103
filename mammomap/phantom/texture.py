"""Random fields and lines that tissue is made of; all on a grid of square cells, float32.

In: a random generator, a shape and lengths in cells. Out: noise with a power law (as measured in mammograms: Burgess
2001, doi 10.1118/1.1355308), bands of noise, webs of thin lines
(where a band of noise crosses zero), all of them along strands that run to a point, and lines.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

Field = NDArray[np.floating]


def power_noise(rng: np.random.Generator, shape: tuple[int, ...], exponent: float, longest: float = 0) -> Field:
    """Noise of two or three dimensions with power spectrum 1 / f ** exponent, mean 0, standard deviation 1.

    Waves longer than `longest` cells (half the longest side if 0) have the power of those of that length.
    """
    lowest = 1 / (longest or max(shape) / 2)
    return _shaped(rng, shape, lambda f: np.maximum(f, lowest) ** (-exponent / 2))


def band_noise(rng: np.random.Generator, shape: tuple[int, int], period: float, stretch: float = 1.0) -> Field:
    """Noise whose waves are about `period` cells long, `stretch` times longer across than down; mean 0, sd 1."""
    return _shaped(rng, shape, lambda f: np.exp(-((np.log(np.maximum(f, 1e-6) * period) / 0.45) ** 2)), stretch)


class Strands:
    """Fields drawn out along curved lines that run together at a point, as ducts and ligaments do at the nipple.

    `focus` is that point as row and column, in cells; beyond about `spread` cells from it lines run side by side.
    """

    def __init__(
        self, rng: np.random.Generator, shape: tuple[int, int], focus: tuple[float, float], spread: float
    ) -> None:
        rows, cols = shape
        y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(focus[0])
        x = np.float32(focus[1] + 0.25 * spread) - np.arange(cols, dtype=np.float32)[None, :]
        far = np.hypot(y, x)
        turn = np.arctan2(y, np.maximum(x, 1))
        bend = rng.uniform(0.025, 0.06) * spread * power_noise(rng, shape, 4.0)
        self.shape = rows + int(spread), cols + int(spread)
        self._down = (turn * (0.35 * spread + 0.65 * far) + bend + np.float32(self.shape[0] / 2)).astype(np.float32)
        self._across = far.astype(np.float32)

    def along(self, field: Field) -> Field:
        """`field`, of this object's `shape`, laid along the lines."""
        laid = cv2.remap(field, self._across, self._down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(laid, np.float32)

    def noise(self, rng: np.random.Generator, exponent: float, stretch: float, longest: float) -> Field:
        """Noise with a power law, `stretch` times longer along the lines; mean 0, standard deviation 1, about."""
        lowest = 1 / longest
        return self.along(_shaped(rng, self.shape, lambda f: np.maximum(f, lowest) ** (-exponent / 2), stretch))

    def web(self, rng: np.random.Generator, period: float, thin: float, stretch: float) -> Field:
        """Lines, 0 to 1, about half a `period` apart and `thin` of that wide, that fade in and out along their way."""
        lines = np.exp(-((band_noise(rng, self.shape, period, stretch) / thin) ** 2))
        return self.along(lines * np.clip(0.55 + 0.6 * band_noise(rng, self.shape, 2 * period, stretch), 0, 1.5))


def _shaped(
    rng: np.random.Generator, shape: tuple[int, ...], amplitude: Callable[[Field], Field], stretch: float = 1.0
) -> Field:
    padded = tuple(scipy.fft.next_fast_len(n, real=True) for n in shape)
    axes = [scipy.fft.fftfreq(n).astype(np.float32) for n in padded[:-1]]
    axes.append(scipy.fft.rfftfreq(padded[-1]).astype(np.float32) * np.float32(stretch))
    square = sum(
        np.square(axis).reshape([-1 if i == k else 1 for i in range(len(axes))]) for k, axis in enumerate(axes)
    )
    gain = amplitude(np.sqrt(square)).astype(np.float32)
    gain.flat[0] = 0
    spectrum = np.asarray(scipy.fft.rfftn(rng.standard_normal(padded, dtype=np.float32))) * gain
    field = scipy.fft.irfftn(spectrum, s=padded)[tuple(slice(n) for n in shape)]
    return ((field - field.mean()) / field.std()).astype(np.float32)


def draw_line(layer: NDArray[np.uint8], line: NDArray[np.float64], grey: int, thickness: int) -> None:
    """Draw `(n, 2)` rows and columns, in cells (centres at integers), into a layer of 8 bits."""
    points = np.rint(line[:, ::-1] * 16).astype(np.int32)
    cv2.polylines(layer, [points.reshape(-1, 1, 2)], False, grey, thickness, cv2.LINE_AA, 4)


def dome(radius: Field) -> Field:
    """1 in the middle, 0 from radius 1 on, steep at the edge: the chord through a flattened ball."""
    return np.sqrt(np.clip(1 - radius**2, 0, 1)) ** 0.6
