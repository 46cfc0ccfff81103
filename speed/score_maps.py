"""How long the lesion, pixel and overlap figures of 640 maps of 3328 x 2560 take, and in how much memory.

    python speed/score_maps.py [MAPS]

MAPS is 640 unless given. Made-up uint16 maps in the manner of a net's: a breast on half of the film, a dozen blobs, air
at 0; eight of them lie in files and are read again for each film. Two processes, one thread each, as `mammomap
benchmark` could. Of each film: candidates under all five settings, hits under the rules of outline and centre, pixel
histogram, pointing game, Dice, IoU, precision and recall of film and lesions. Of the set: FROC with both denominators,
AFROC, pixel average precision, means and pools, each with 2,000 resamples of women. Surface distances are timed apart.
Memory is the sum of what the processes have held at most (`ru_maxrss`), libraries included.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mammomap.eval.afroc import afroc, afroc_bootstrap
from mammomap.eval.candidates import find_candidates_each, variants
from mammomap.eval.froc import FP_RATES, froc, froc_bootstrap
from mammomap.eval.intervals import interval, patient_weights
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.means import mean_bootstrap, summary
from mammomap.eval.overlap import film_overlap, pooled_bootstrap
from mammomap.eval.pixels import (
    LEVELS,
    PixelHistogram,
    average_precision,
    average_precision_bootstrap,
    pixel_calibration,
    pixel_histogram,
    pointing,
)
from mammomap.eval.regions import cut, film_pair, lesion_pairs
from mammomap.eval.surfaces import surface_distances

SHAPE, DISTINCT, RESAMPLES, WORKERS = (3328, 2560), 8, 2000, 2
THRESHOLD = 20_000


def write_maps(folder: Path) -> None:
    """Eight maps with their lesions; every fourth has none."""
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for number in range(DISTINCT):
        rng = np.random.default_rng(number)
        breast = ((rows - 1664) / 1500) ** 2 + (cols / rng.integers(1200, 1900)) ** 2 < 1
        glow = cv2.resize(rng.random((52, 40), dtype=np.float32) ** 6, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
        levels = (2000 * rng.random(SHAPE, dtype=np.float32) + 50_000 * glow.clip(0, 1)) * breast
        truth = np.zeros((2, *SHAPE), bool)
        for lesion in truth if number % 4 else ():
            row, col, size = rng.integers(500, 2800), rng.integers(50, 900), rng.integers(40, 160)
            lesion |= (rows - row) ** 2 + (cols - col) ** 2 < size**2
            levels += 40_000 * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2.0 * size**2)) * breast
        np.save(folder / f"{number}_map.npy", levels.clip(0, LEVELS - 1).astype(np.uint16))
        np.save(folder / f"{number}_truth.npy", np.packbits(truth))


def read(path: Path, number: int) -> tuple[np.ndarray, list[Lesion]]:
    """The map of a film and its lesions."""
    levels = np.load(path / f"{number % DISTINCT}_map.npy")
    bits = np.load(path / f"{number % DISTINCT}_truth.npy")
    truth = np.unpackbits(bits, count=2 * levels.size).reshape(2, *SHAPE).astype(bool)
    return levels, [Lesion(cut(mask), malignant=number % 2 == 0) for mask in truth if mask.any()]


def score(job: tuple[Path, int]) -> dict:
    """All figures of one film but surface distances."""
    cv2.setNumThreads(1)
    began = time.process_time()
    levels, lesions = read(*job)
    probability = levels.astype(np.float32)
    probability /= LEVELS - 1
    regions = [lesion.region for lesion in lesions]
    found = find_candidates_each(probability, film_rows=SHAPE[0], settings=variants())
    marks = {name: FilmMarks(np.stack([f.rows, f.cols], axis=1), f.scores) for name, f in found.items()}
    return {
        "marks": marks,
        "lesions": lesions,
        "histogram": pixel_histogram(levels, regions),
        "pointing": pointing(levels, regions),
        "overlap": film_overlap(levels >= THRESHOLD, regions),
        "cpu": time.process_time() - began,
        "held": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def surfaces(job: tuple[Path, int]) -> tuple[float, int]:
    """Seconds of processor for the surface distances of a film and its lesions, without reading, and their number."""
    levels, lesions = read(*job)
    mask, regions = levels >= THRESHOLD, [lesion.region for lesion in lesions]
    began = time.process_time()
    pairs = [film_pair(mask, regions), *lesion_pairs(mask, regions)]
    for pair in pairs:
        surface_distances(*pair, pitch=(0.07, 0.07))
    return time.process_time() - began, len(pairs)


def summarise(films: list[dict], histograms: list[PixelHistogram], woman: np.ndarray, weights: np.ndarray) -> None:
    """The figures of the set."""
    lesions = [film["lesions"] for film in films]
    for setting in variants():
        for rule in ("outline", "centre"):
            for which in ("any", "malignant", "malignant, benign hits ignored"):
                matched = match([film["marks"][setting] for film in films], lesions, which=which, rule=rule)
                for free in (None, matched.lesion_free):
                    curve = froc(matched.marks, matched.lesion_film, len(films), fp_films=free)
                    samples = froc_bootstrap(
                        matched.marks, matched.lesion_film, woman, len(films), weights, FP_RATES, fp_films=free
                    )
                    found = interval(curve.mean_sensitivity, samples.mean(axis=1), n_patients=weights.shape[1])
                if setting == "as set" and rule == "outline":
                    print(f"  mean sensitivity, {which}: {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]")
                    area = interval(
                        afroc(matched).area, afroc_bootstrap(matched, woman, weights), n_patients=weights.shape[1]
                    )
                    print(f"  AFROC area, {which}: {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]")
    whole = sum(histograms[1:], histograms[0])
    samples = average_precision_bootstrap(histograms, weights)
    precision = interval(average_precision(whole), samples, n_patients=weights.shape[1])
    print(f"  pixel average precision {precision.value:.3f} [{precision.low:.3f}, {precision.high:.3f}]")
    pixel_calibration(whole)
    pooled_bootstrap([film["overlap"].film for film in films], woman, weights)
    per_film = [film["overlap"].film.dice for film in films]
    mean_bootstrap(per_film, woman, weights)
    mean_bootstrap([film["pointing"] for film in films], woman, weights)
    print(f"  Dice per film: mean {summary(per_film).mean:.3f}, median {summary(per_film).median:.3f}")


def main(n: int) -> None:
    """Print seconds and megabytes."""
    with tempfile.TemporaryDirectory() as name, multiprocessing.get_context("spawn").Pool(WORKERS) as pool:
        folder = Path(name)
        write_maps(folder)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the making of the maps holds more than the scoring
        jobs = [(folder, number) for number in range(n)]
        woman = np.arange(n) // 2
        weights = patient_weights(woman, RESAMPLES, seed=0)
        pool.map(score, jobs[: 2 * WORKERS], chunksize=1)  # imports and first reads
        began, films = time.perf_counter(), []
        histograms = [
            PixelHistogram(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64)) for _ in range(woman[-1] + 1)
        ]
        for number, film in enumerate(pool.imap(score, jobs)):
            histograms[woman[number]] += film.pop("histogram")
            films.append(film)
        scored = time.perf_counter() - began
        summarise(films, histograms, woman, weights)
        done = time.perf_counter() - began
        timed = pool.map(surfaces, jobs[: min(n, 40)], chunksize=1)
        cpu = sum(film["cpu"] for film in films)
        print(f"{n} maps of {SHAPE[0]} x {SHAPE[1]}, {WORKERS} processes; {cpu / n:.2f} s of processor a film")
        print(
            f"films {scored:.1f} s, {scored / n:.2f} s each; figures of the set {done - scored:.1f} s; all {done:.1f} s"
        )
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        workers = sorted(film["held"] for film in films)[-1]
        print(f"memory: {WORKERS} x {workers / 1024:.0f} MB and {max(peak, own) / 1024:.0f} MB in the one that gathers")
        seconds, count = sum(t for t, _ in timed), sum(c for _, c in timed)
        print(
            f"surface distances apart: {1000 * seconds / count:.1f} ms of processor each, {count} on {len(timed)} films"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 640)
