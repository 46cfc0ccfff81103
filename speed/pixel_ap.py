"""How much faster the average precision of a 3328 x 2560 map is from a histogram than from scikit-learn.

    python speed/pixel_ap.py

A made-up uint16 map of a film: half air at 0, a lesion of 300 pixels across. Both run in one process, in rotated order;
their figures are compared.
"""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np
from sklearn.metrics import average_precision_score

from mammomap.eval.pixels import average_precision, pixel_histogram
from mammomap.eval.regions import cut

SHAPE, ROUNDS = (3328, 2560), 7


def main() -> None:
    """Print milliseconds of processor of both and the ratio over rounds."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    breast = ((rows - 1664) / 1500) ** 2 + (cols / 1700) ** 2 < 1
    truth = (rows - 1500) ** 2 + (cols - 600) ** 2 < 150**2
    levels = np.where(breast, rng.gamma(0.3, 4000, SHAPE) + 20_000 * truth, 0).clip(0, 65_535).astype(np.uint16)
    region = [cut(truth)]
    ways = {
        "scikit-learn": lambda: float(average_precision_score(truth.ravel(), levels.ravel())),
        "histogram": lambda: average_precision(pixel_histogram(levels, region)),
    }
    rounds, values = [], {}
    for number in range(ROUNDS + 1):
        seconds = {}
        for name in list(ways)[:: 1 if number % 2 else -1]:
            began = time.process_time()
            values[name] = ways[name]()
            seconds[name] = time.process_time() - began
        if number:  # the first warms up
            rounds.append(seconds)
    ratios = sorted(s["scikit-learn"] / s["histogram"] for s in rounds)
    print(f"{SHAPE[0]} x {SHAPE[1]} pixels, {truth.sum()} of them in the lesion, {len(np.unique(levels))} values")
    for name in ways:
        print(f"{name:13s}{1000 * statistics.median(s[name] for s in rounds):8.1f} ms   AP {values[name]:.15f}")
    print(f"ratio        x{statistics.median(ratios):.0f} [{ratios[0]:.0f}..{ratios[-1]:.0f}], {ROUNDS} rounds")
    print(f"difference   {abs(values['scikit-learn'] - values['histogram']):.1e}")


if __name__ == "__main__":
    main()
