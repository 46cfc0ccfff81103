"""A detector that has learnt nothing: bright blobs, by a Laplacian of Gaussian at several scales.

In: a film, float32 in [0, 1], air 0. Out: a map like a net's, float32 in [0, 1], same shape: the line that a trained
map has to beat. For each scale sigma the response is -sigma**2 times the Laplacian of the blurred film, which does
not depend on the size of a blob that fits; the map is the maximum over scales, divided by 2 / e = 0.7358. That is the
most that any film in [0, 1] can give, at the centre of a white disc of radius sqrt(2) sigma on black, so nothing
saturates; a Gaussian blob of contrast A reaches 0.68 A. Dark blobs give 0.

The breast's border: the step from breast to air would outshine every lesion. So for each scale air is first filled
with the normalised average of the breast nearby (Gaussian of the same sigma; farther than the kernel reaches, the
breast's mean), and outside the breast the map is 0. A flat breast gives 0 up to its border; a skin line brighter
than the tissue behind it still answers at small scales. At the array's edge the film is mirrored.

Coarse scales are worked out on reduced films (area means), within a few percent of the plain convolution.
Papers: Lindeberg, Int J Comput Vis 30 (1998); normalised averages: Knutsson and Westin, CVPR (1993).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

BLOB_SCALES_PX = tuple(float(s) for s in np.geomspace(3, 40, 8))
"""Standard deviations in pixels of a film of about 768 rows: lesions of about 1.5 to 20 mm in radius."""

_LARGEST_RESPONSE = 2 / np.e
_FINEST = 10.0  # a film is halved as long as the scale stays at least this many of its pixels


def blob_map(
    image: NDArray[np.float32],
    *,
    inside: NDArray[np.bool_] | None = None,
    scales_px: Sequence[float] = BLOB_SCALES_PX,
) -> NDArray[np.float32]:
    """How blob-like each pixel is.

    image: `(rows, cols)`, float32 in [0, 1]. inside: bool, same shape, the breast; without it the whole array counts.
    scales_px: standard deviations in pixels, each at least 1. Returns float32 in [0, 1], same shape; all 0 for an
    even film or an empty breast.

    Raises
    ------
    ValueError
        If dtype, shape or range of an argument is another.
    """
    if image.dtype != np.float32 or image.ndim != 2 or not image.size:
        raise ValueError(f"the film is {image.dtype} {image.shape}, wanted float32 (rows, cols)")
    if not (image.min() >= 0 and image.max() <= 1):
        raise ValueError(f"the film spans {image.min()} to {image.max()}, wanted [0, 1]")
    if not len(scales_px) or not min(scales_px) >= 1:
        raise ValueError(f"scales are {list(scales_px)}, wanted some, each at least 1 pixel")
    if inside is None:
        inside = np.ones(image.shape, bool)
    if inside.dtype != np.bool_ or inside.shape != image.shape:
        raise ValueError(f"inside is {inside.dtype} {inside.shape}, wanted bool {image.shape}")
    if not inside.any():
        return np.zeros(image.shape, np.float32)
    best = np.zeros(image.shape, np.float32)
    for sigma in scales_px:
        np.maximum(best, _response(image, inside, sigma), out=best)
    return np.clip(best / np.float32(_LARGEST_RESPONSE), 0, 1) * inside


def _response(image: NDArray[np.float32], inside: NDArray[np.bool_], sigma: float) -> NDArray[np.float32]:
    """The scale-normalised response at one scale, on the film's own pixels."""
    factor = 1
    while sigma / (2 * factor) >= _FINEST:
        factor *= 2
    rows, cols = image.shape
    light, weight = (_reduced(values, factor, sigma) for values in (image * inside, inside.astype(np.float32)))
    # Averaging blocks has blurred the film already, by this much variance.
    scale = float(np.sqrt(sigma**2 - (factor**2 - 1) / 12)) / factor
    nearby = _blurred(weight, scale)
    filler = np.full(light.shape, light.sum() / weight.sum(), np.float32)
    np.divide(_blurred(light, scale), nearby, out=filler, where=nearby > 1e-6)
    blurred = _blurred(light + (1 - weight) * filler, scale)
    response = -(np.float32((sigma / factor) ** 2)) * cv2.Laplacian(blurred, cv2.CV_32F, borderType=cv2.BORDER_REFLECT)
    if factor > 1:
        size = (response.shape[1] * factor, response.shape[0] * factor)
        response = cv2.resize(response, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(response[:rows, :cols], np.float32)


def _reduced(values: NDArray[np.float32], factor: int, sigma: float) -> NDArray[np.float32]:
    """Means of blocks of factor x factor pixels.

    The film is mirrored beyond its far edges as far as a kernel reaches: mirroring the blocks would be off by a part
    of a block. At the near edges blocks and film begin together.
    """
    if factor == 1:
        return values
    reach = int(np.ceil(4 * sigma))
    rows, cols = (-(-(length + reach) // factor) for length in values.shape)
    below, right = rows * factor - values.shape[0], cols * factor - values.shape[1]
    padded = cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(padded, (cols, rows), interpolation=cv2.INTER_AREA), np.float32)


def _blurred(values: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    width = 2 * round(4 * sigma) + 1
    blurred = cv2.GaussianBlur(values, (width, width), sigmaX=sigma, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)
