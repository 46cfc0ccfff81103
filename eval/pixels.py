"""Pixels of maps against outlines: average precision, pointing game, calibration.

In: a map as uint16, probability x 65,535, and the film's lesions as regions. Out: histograms of the map's 65,536 values
in and beside the lesions, and what follows from them. Histograms add, so a set of any number of films has exact
figures without its pixels being kept.

Papers: average precision as scikit-learn defines it, the step sum over thresholds; the pointing game: Zhang et al.,
Int J Comput Vis 126 (2018), here without their tolerance of 15 pixels and with a rule for ties; reliability on bins
of equal width: Guo et al., ICML (2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.eval.regions import Region, check_on_film, painted, union

LEVELS = 65_536
CALIBRATION_BINS = 10

_EXACT = 1 << 24  # OpenCV counts in float32, which is exact up to here
_BLOCK = 1024  # levels in one block of resamples


@dataclass(frozen=True)
class PixelHistogram:
    """How many pixels of each value lie in lesions and beside them, two `(65_536,)` int64. Histograms add."""

    positive: NDArray[np.int64]
    negative: NDArray[np.int64]

    def __add__(self, other: PixelHistogram) -> PixelHistogram:
        return PixelHistogram(self.positive + other.positive, self.negative + other.negative)


@dataclass(frozen=True)
class PixelCalibration:
    """Bins of equal width, `(10,)`, from low to high: pixels, mean probability, share in lesions (NaN in empty bins).

    error: the mean distance of the last two, weighted by pixels; in [0, 1], NaN without pixels. Most pixels of a film
    are background near 0 and rule it: read the bins.
    """

    count: NDArray[np.int64]
    mean_probability: NDArray[np.float64]
    observed_rate: NDArray[np.float64]
    error: float


def as_levels(probability: NDArray[np.floating]) -> NDArray[np.uint16]:
    """A map in [0, 1] as uint16, rounded to the nearest 1/65,535.

    Raises
    ------
    ValueError
        If it leaves [0, 1].
    """
    if not (probability.min(initial=0) >= 0 and probability.max(initial=0) <= 1):
        raise ValueError(f"the map spans {probability.min()} to {probability.max()}, wanted [0, 1]")
    levels = probability * probability.dtype.type(LEVELS - 1)
    return np.rint(levels, out=levels).astype(np.uint16)


def pixel_histogram(
    levels: NDArray[np.uint16],
    lesions: Sequence[Region],
    *,
    inside: NDArray[np.bool_] | None = None,
    ignored: Sequence[Region] = (),
) -> PixelHistogram:
    """The histogram of one film.

    levels: uint16 `(rows, cols)`, of the film's own pixels. inside: bool, same shape, e.g. the breast: only there do
    pixels beside lesions count. Lesions count wherever they lie; pixels in ignored regions and in no lesion do not.

    Raises
    ------
    ValueError
        If a dtype or shape is another or a region leaves the film.
    """
    _check(levels, lesions)
    check_on_film(ignored, levels.shape)
    if inside is not None and (inside.dtype != np.bool_ or inside.shape != levels.shape):
        raise ValueError(f"inside is {inside.dtype} {inside.shape}, wanted bool {levels.shape}")
    truth, void = union(lesions), union([*lesions, *ignored])
    row0, col0, row1, col1 = void.box
    part, left_out = levels[row0:row1, col0:col1], void.mask
    if inside is not None:
        left_out = left_out & inside[row0:row1, col0:col1]
    counted = _counts(levels, inside)
    negative = counted - np.bincount(part[left_out], minlength=LEVELS)
    row0, col0, row1, col1 = truth.box
    return PixelHistogram(np.bincount(levels[row0:row1, col0:col1][truth.mask], minlength=LEVELS), negative)


def average_precision(histogram: PixelHistogram) -> float:
    """Average precision over all pixels, in [0, 1]; the share of lesion pixels for a constant map; NaN without any.

    Formula: the sum over thresholds, falling, of precision times the recall that this threshold adds. Equal values
    enter together.
    """
    found = np.cumsum(histogram.positive[::-1])
    called = found + np.cumsum(histogram.negative[::-1])
    if not found[-1]:
        return float("nan")
    precision = np.divide(found, called, out=np.zeros(LEVELS), where=called > 0)
    return float((histogram.positive[::-1] * precision).sum() / found[-1])


def average_precision_bootstrap(
    histograms: Sequence[PixelHistogram], weights: NDArray[np.floating]
) -> NDArray[np.float64]:
    """`average_precision` of each resample of patients, `(n_resamples,)`; NaN where one has no lesion pixel.

    histograms: one for each patient, the sum over her films. weights: `(n_resamples, n_patients)`.

    Raises
    ------
    ValueError
        If patients and weights do not go together.
    """
    if weights.ndim != 2 or weights.shape[1] != len(histograms):
        raise ValueError(f"weights are {weights.shape}, wanted one column for each of {len(histograms)} patients")
    w = np.asarray(weights, np.float64)
    found, called, area = (np.zeros((len(w), 1)) for _ in range(3))
    for stop in range(LEVELS, 0, -_BLOCK):
        block = slice(stop - _BLOCK, stop)
        positive = np.array([h.positive[block][::-1] for h in histograms], np.float64)
        both = positive + np.array([h.negative[block][::-1] for h in histograms], np.float64)
        used = both.any(axis=0)
        added = w @ positive[:, used]
        tp = found + np.cumsum(added, axis=1)
        pixels = called + np.cumsum(w @ both[:, used], axis=1)
        precision = np.divide(tp, pixels, out=np.zeros_like(tp), where=pixels > 0)
        area += (added * precision).sum(axis=1, keepdims=True)
        if used.any():
            found, called = tp[:, -1:], pixels[:, -1:]
    return np.divide(area, found, out=np.full_like(area, np.nan), where=found > 0)[:, 0]


def pixel_calibration(histogram: PixelHistogram) -> PixelCalibration:
    """Stated probability against the share of pixels in lesions. A value on the edge of two bins is in the lower."""
    level = np.arange(LEVELS)
    place = np.maximum(-(-level * CALIBRATION_BINS // (LEVELS - 1)) - 1, 0)
    pixels = histogram.positive + histogram.negative
    count, inside, stated = (
        np.bincount(place, weights, CALIBRATION_BINS)
        for weights in (pixels, histogram.positive, pixels * (level / (LEVELS - 1)))
    )
    mean, rate = (
        np.divide(part, count, out=np.full(CALIBRATION_BINS, np.nan), where=count > 0) for part in (stated, inside)
    )
    error = float(np.abs(stated - inside).sum() / count.sum()) if count.any() else float("nan")
    return PixelCalibration(count.astype(np.int64), mean, rate, error)


def pointing(levels: NDArray[np.uint16], lesions: Sequence[Region]) -> float:
    """Does the map's highest pixel lie in a lesion? 1, 0, or of several highest ones the share that does.

    An empty map points nowhere: 0. NaN without lesions. Errors as `pixel_histogram`.
    """
    _check(levels, lesions)
    truth = union(lesions)
    if not truth.area_px:
        return float("nan")
    top = int(levels.max())
    if top == 0:
        return 0.0
    row0, col0, row1, col1 = truth.box
    hit = np.count_nonzero((levels[row0:row1, col0:col1] == top) & painted([truth], truth.box))
    return hit / np.count_nonzero(levels == top)


def _counts(levels: NDArray[np.uint16], inside: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """How many pixels have each value, `(65_536,)`."""
    total = np.zeros(LEVELS, np.int64)
    rows = max(1, _EXACT // levels.shape[1])
    for start in range(0, len(levels), rows):
        part = np.ascontiguousarray(levels[start : start + rows])
        mask = None if inside is None else np.ascontiguousarray(inside[start : start + rows]).view(np.uint8)
        total += cv2.calcHist([part], [0], mask, [LEVELS], [0, LEVELS]).ravel().astype(np.int64)
    return total


def _check(levels: NDArray[np.uint16], lesions: Sequence[Region]) -> None:
    if levels.dtype != np.uint16 or levels.ndim != 2 or not levels.size:
        raise ValueError(f"the map is {levels.dtype} {levels.shape}, wanted uint16 (rows, cols)")
    check_on_film(lesions, levels.shape)
