"""How far phantoms are from life: five properties of drawn films beside those of the films of cbis_mass.

    python study/phantom_and_film.py PATH [-o study/phantom/looks.csv] [--picture docs/pictures/phantom_and_film.svg]

PATH holds cbis_mass: the films of folds 1 to 3 are read, never fold 0 or 4. Phantoms go the films' way
(`phantom_pictures.py`) first. Written: one row a picture, and one figure; printed: medians and quartiles.

slope         of the power spectrum inside the breast: squares of 128 pixels wholly inside, half overlapping, mean taken
              off, Hann window; periodograms averaged over the squares of a picture and over directions, fitted on two
              logarithms from 24 to 160 cycles per film height (0.1 to 0.67 per mm where a film is 240 mm high)
grey values   inside the breast after the project's intensity, 32 bins
breast        its share of the film
mass size     longer side of the box, as share of the film's height
contrast      of a mass: mean in the ellipse of its box less that of a ring outside it (1.2 to 1.7 times as wide, inside
              the breast), on the scale of the intensity, which is the breast's range
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
from phantom_pictures import MANY, Box, Job, Picture, film_jobs, phantom_jobs, pictures, women_for
from scipy.signal import windows
from tqdm import tqdm

from mammomap.errors import ImageError
from mammomap.masks.breast import find_breast
from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.parallel import in_processes

ROOT = Path(__file__).resolve().parent.parent
SIDE, LOWEST, HIGHEST, BINS = 128, 24, 160, 32
RING = (1.2, 1.7)
QUARTILES = (25, 50, 75)
PANELS = {
    "slope": "slope of the power spectrum",
    "breast": "breast's share of the film",
    "mass_size": "longer side of a mass, share of film height",
    "contrast": "contrast of a mass, share of the breast's range",
}
COLOURS = {"film": "#3b528b", "phantom": "#d95f02"}


@dataclass(frozen=True)
class Look:
    """What was measured on one picture; mass_size, contrast: one a mass; grey: shares of `BINS` bins."""

    source: str
    woman: str
    image_id: str
    slope: float
    breast: float
    mass_size: tuple[float, ...]
    contrast: tuple[float, ...]
    grey: tuple[float, ...]


def looks(job: Job) -> list[Look]:
    """Every picture of a job; one without a breast is left out, and told by its absence."""
    found = []
    for picture in pictures(job):
        try:
            found.append(look(picture))
        except ImageError as error:
            print(f"{picture.image_id}: {error}", file=sys.stderr)
    return found


def look(picture: Picture) -> Look:
    """Measure one picture."""
    pixels = picture.pixels
    breast = cv2.resize(find_breast(pixels).mask, pixels.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    scaled = net_input(np.where(breast, np.maximum(pixels, 1), 0).astype(np.uint16), IntensitySettings())
    counts = np.histogram(scaled[breast], bins=BINS, range=(0, 1))[0]
    return Look(
        "phantom" if picture.phantom else "film",
        picture.woman,
        picture.image_id,
        spectrum_slope(pixels.astype(np.float32), breast),
        float(breast.mean()),
        tuple(max(box[2] - box[0], box[3] - box[1]) / len(pixels) for box in picture.masses),
        tuple(contrast(scaled, breast, box) for box in picture.masses),
        tuple(counts / counts.sum()),
    )


def spectrum_slope(pixels: np.ndarray, breast: np.ndarray) -> float:
    """The exponent of the falling power spectrum, 3 where power goes with frequency to the -3; NaN without a square."""
    hann = windows.hann(SIDE, sym=False)
    window = np.outer(hann, hann)
    total, squares = np.zeros((SIDE, SIDE)), 0
    for row in range(0, pixels.shape[0] - SIDE + 1, SIDE // 2):
        for col in range(0, pixels.shape[1] - SIDE + 1, SIDE // 2):
            if breast[row : row + SIDE, col : col + SIDE].all():
                part = pixels[row : row + SIDE, col : col + SIDE]
                total += np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
                squares += 1
    if not squares:
        return float("nan")
    cycles = np.fft.fftfreq(SIDE) * len(pixels)  # per film height
    radius = np.hypot(cycles[:, None], cycles[None, :])
    ring = np.rint(radius / (len(pixels) / SIDE)).astype(int)
    used = (radius >= LOWEST) & (radius <= HIGHEST)
    power = np.bincount(ring[used], total[used]) / np.maximum(np.bincount(ring[used]), 1)
    at = np.flatnonzero(power)
    return float(-np.polyfit(np.log(at), np.log(power[at]), 1)[0])


def contrast(scaled: np.ndarray, breast: np.ndarray, box: Box) -> float:
    """Mean in a box's ellipse less that of its ring; NaN where no ring lies in the breast."""
    rows, cols = np.ogrid[: scaled.shape[0], : scaled.shape[1]]
    away = np.hypot(
        (rows + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2),
        (cols + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2),
    )
    inside, ring = (away <= 1) & breast, (away >= RING[0]) & (away <= RING[1]) & breast
    if not inside.any() or not ring.any():
        return float("nan")
    return float(scaled[inside].mean() - scaled[ring].mean())


def kept(found: list[Look]) -> pd.DataFrame:
    """One row a picture; several masses joined by a space."""

    def joined(values: tuple[float, ...]) -> str:
        return " ".join(f"{value:.4g}" for value in values)

    columns = ["source", "woman", "image_id", "slope", "breast", "mass_size", "contrast", "grey"]
    rows = [
        (x.source, x.woman, x.image_id, f"{x.slope:.3f}", f"{x.breast:.3f}",
         joined(x.mass_size), joined(x.contrast), " ".join(f"{1000 * v:.0f}" for v in x.grey))
        for x in found
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def values(rows: pd.DataFrame, source: str, name: str) -> np.ndarray:
    """All values of one property, of the pictures or masses of one source; NaN left out."""
    texts = rows.loc[rows["source"] == source, name].dropna().astype(str)
    numbers = np.array([float(part) for text in texts for part in text.split()])
    return numbers[np.isfinite(numbers)]


def greys(rows: pd.DataFrame, source: str) -> np.ndarray:
    """Histograms `(pictures, BINS)`, each of sum 1."""
    counts = np.array([[float(x) for x in text.split()] for text in rows.loc[rows["source"] == source, "grey"]])
    return counts / counts.sum(axis=1, keepdims=True)


def looks_of(path: Path) -> pd.DataFrame:
    """The rows that `main` wrote."""
    return pd.read_csv(path, dtype={"mass_size": str, "contrast": str, "grey": str})


def medians(rows: pd.DataFrame) -> str:
    """Medians and quartiles in Markdown."""
    lines = ["| | films: median (quartiles) | phantoms: median (quartiles) | n |", "|---|---|---|---|"]
    for name, told in PANELS.items():
        cells, n = [], []
        for source in ("film", "phantom"):
            found = values(rows, source, name)
            low, middle, high = np.percentile(found, QUARTILES)
            cells.append(f"{middle:.2f} ({low:.2f} to {high:.2f})")
            n.append(str(len(found)))
        lines.append(f"| {told} | {' | '.join(cells)} | {', '.join(n)} |")
    shares = [
        " / ".join(f"{greys(rows, source)[:, part].sum(axis=1).mean():.2f}" for part in _THIRDS)
        for source in ("film", "phantom")
    ]
    n = ", ".join(str(len(greys(rows, source))) for source in ("film", "phantom"))
    lines.append(
        f"| grey values: share of the breast in the dark, middle and bright third | {' | '.join(shares)} | {n} |"
    )
    return "\n".join(lines)


_THIRDS = (slice(0, 11), slice(11, 21), slice(21, BINS))


def draw(rows: pd.DataFrame, path: Path) -> None:
    """Five panels, two beside each other; the same bytes whenever it is drawn."""
    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    with matplotlib.rc_context(
        {"svg.hashsalt": "mammomap", "svg.fonttype": "none", "font.size": 13, "axes.spines.top": False}
    ):
        figure, axes = plt.subplots(3, 2, figsize=(9, 10), layout="constrained")
        for axis, (name, told) in zip(axes.flat, PANELS.items(), strict=False):
            both = np.concatenate([values(rows, source, name) for source in COLOURS])
            edges = np.linspace(*np.percentile(both, [0.5, 99.5]), 25)
            for source, colour in COLOURS.items():
                counts = np.histogram(values(rows, source, name), edges)[0]
                axis.stairs(counts / max(1, counts.sum()), edges, color=colour, lw=2.5, label=f"{source}s")
            axis.set(xlabel=told.replace(", ", ",\n"), ylabel="share")
        axis, edges = axes.flat[4], np.linspace(0, 1, BINS + 1)
        for source, colour in COLOURS.items():
            low, middle, high = np.percentile(greys(rows, source), QUARTILES, axis=0)
            axis.stairs(middle, edges, color=colour, lw=2.5)
            axis.stairs(high, edges, baseline=low, fill=True, color=colour, alpha=0.2)
        axis.set(xlabel="grey value in the breast (quartiles)", ylabel="share")
        axes.flat[5].axis("off")
        axes.flat[5].legend(*axes.flat[0].get_legend_handles_labels(), loc="center", fontsize=16, frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda into: figure.savefig(into, format="svg", metadata={"Date": None}))
        plt.close(figure)


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "study" / "phantom" / "looks.csv")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "phantom_and_film.svg")
    parser.add_argument("--pictures", type=int, default=MANY, help="phantoms")
    parser.add_argument("--films", type=int, help="at most; all if absent")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    jobs = phantom_jobs(women_for(wanted.pictures)), film_jobs(wanted.path / "cbis_mass", wanted.films)
    found: list[Look] = []
    for part, at_most in zip(jobs, (wanted.pictures, None), strict=True):
        done = in_processes(looks, part, what="look", workers=wanted.workers, chunk=4, progress=_progress)
        found += [one for those in done for one in those][:at_most]
    rows = kept(found)
    write_atomically(wanted.out, lambda path: rows.to_csv(path, index=False))
    draw(rows, wanted.picture)
    print(medians(rows))


def _progress(items, **how):
    return tqdm(items, disable=not sys.stderr.isatty(), **how)


if __name__ == "__main__":
    main()
