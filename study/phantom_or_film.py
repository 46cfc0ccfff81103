"""Can a small net tell phantoms from films at 128 rows? Its AUC, whole picture and breast alone.

    python study/phantom_or_film.py PATH [-o study/phantom/told_apart.csv]

PATH holds cbis_mass. `MANY` phantoms and as many films of folds 1 to 3 (`phantom_pictures.py`: phantoms first go the
films' way, JPEG included), CC and MLO as they come, all with the chest wall on the left, at 128 rows by area, cut or
continued by their last column to 96 columns (so a film's shape shows a little). Three views of the same pictures:

whole    the film as it is, grey values over 65,535
breast   what a net of this project is given: cut to the breast, air 0, the project's intensity
inside   a square of nine tenths of the largest one inside the breast, by area 64 x 64, on its own range of grey values:
         no outline and no film

Net: four times (3 x 3 convolution, batch norm, ReLU, halving) with 16, 32, 48 and 64 channels, mean over the picture,
one number; Adam at 0.002 falling to 0 by a cosine, 15 passes in batches of 32, shifts up to 6 pixels and upside-down
at random; cross-validated by woman in 4 parts. AUC near 0.5: not told apart; 95 % interval by woman.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from phantom_bounds import auc_of, numbered
from phantom_pictures import MANY, SEED, Job, film_jobs, phantom_jobs, pictures, women_for
from sklearn.model_selection import GroupKFold
from torch import nn
from tqdm import tqdm

from mammomap.errors import ImageError
from mammomap.eval.intervals import Interval
from mammomap.masks.breast import find_breast
from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.parallel import in_processes
from mammomap.masks.working import working_film

ROOT = Path(__file__).resolve().parent.parent
ROWS, COLS, PATCH = 128, 96, 64
VIEWS = ("whole", "breast", "inside")
PARTS, PASSES, BATCH, RATE, SHIFT = 4, 15, 32, 2e-3, 6
Seen = tuple[bool, str, dict[str, np.ndarray]]
"""Is it a phantom, whose is it, and its views, float32 in [0, 1]."""


def seen(job: Job) -> list[Seen]:
    """The pictures of a job; one without a breast, or without a square inside, is left out and told."""
    found = []
    for picture in pictures(job):
        try:
            found.append((picture.phantom, picture.woman, views(picture.pixels)))
        except ImageError as error:
            print(f"{picture.image_id}: {error}", file=sys.stderr)
    return found


def views(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """The three views of a picture, each as the module says."""
    size = (round(pixels.shape[1] * ROWS / len(pixels)), ROWS)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 65535
    working = working_film(pixels, ROWS).pixels
    breast = net_input(working, IntensitySettings())
    return {
        "whole": _framed(small if find_breast(pixels).chest_wall_left else small[:, ::-1], continued=True),
        "breast": _framed(breast, continued=False),
        "inside": _inside(pixels),
    }


def _framed(picture: np.ndarray, continued: bool) -> np.ndarray:
    """`ROWS` by `COLS`, the upper left corner kept."""
    part = np.ascontiguousarray(picture[:ROWS, :COLS])
    below, right = ROWS - part.shape[0], COLS - part.shape[1]
    way = cv2.BORDER_REPLICATE if continued else cv2.BORDER_CONSTANT
    return np.asarray(cv2.copyMakeBorder(part, 0, below, 0, right, way, value=0), np.float32)


def _inside(pixels: np.ndarray) -> np.ndarray:
    """The largest square inside the breast, on its own range of grey values."""
    mask = np.pad(find_breast(pixels).mask, 1)
    deep = cv2.distanceTransform(mask, cv2.DIST_C, 3)[1:-1, 1:-1]
    row, col = np.unravel_index(int(np.argmax(deep)), deep.shape)
    down = len(pixels) / len(deep)
    half = int((deep[row, col] - 1) * down * INNER)
    if half < PATCH // 2:
        raise ImageError(f"the largest square inside the breast is {2 * half} pixels wide, wanted {PATCH}")
    middle = int((row + 0.5) * down), int((col + 0.5) * down)
    part = pixels[middle[0] - half : middle[0] + half, middle[1] - half : middle[1] + half].astype(np.float32)
    low, high = np.percentile(part, [1, 99])
    small = cv2.resize(part, (PATCH, PATCH), interpolation=cv2.INTER_AREA)
    return np.clip((small - low) / max(1.0, float(high - low)), 0, 1)


INNER = 0.9
"""The square's share of the largest one, so that the skin stays out."""


def net() -> nn.Module:
    """The small net."""
    layers: list[nn.Module] = []
    for before, after in zip((1, 16, 32, 48), (16, 32, 48, 64), strict=True):
        layers += [
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 1))


def told(images: np.ndarray, phantom: np.ndarray, women: Sequence[str], passes: int = PASSES) -> np.ndarray:
    """Scores `(n,)` of nets that never saw the woman; images `(n, rows, cols)` float32. The same whenever it is run."""
    scores = np.full(len(images), np.nan)
    for train, test in GroupKFold(PARTS).split(images, groups=numbered(women)):
        torch.manual_seed(SEED)
        model = net()
        x = torch.from_numpy((images - images[train].mean()) / max(1e-6, images[train].std()))[:, None].float()
        y = torch.from_numpy(phantom.astype(np.float32))
        steps = passes * -(-len(train) // BATCH)
        adam = torch.optim.Adam(model.parameters(), RATE)
        fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        for _ in range(passes):
            for some in torch.from_numpy(train)[torch.randperm(len(train))].split(BATCH):
                given = x[some].roll(tuple(torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()), (2, 3))
                loss = nn.functional.binary_cross_entropy_with_logits(
                    model(given.flip(2) if torch.rand(()) < 0.5 else given)[:, 0], y[some]
                )
                adam.zero_grad()
                loss.backward()
                adam.step()
                fall.step()
        model.eval()
        with torch.no_grad():
            scores[test] = torch.cat([model(part)[:, 0] for part in x[torch.from_numpy(test)].split(64)]).numpy()
    return scores


def show(rows: dict[str, Interval], n: tuple[int, int]) -> str:
    """The table in Markdown."""
    lines = [f"| {n[0]} phantoms, {n[1]} films | AUC (95 %) |", "|---|---|"]
    lines += [f"| {name} | {row.value:.3f} ({row.low:.3f} to {row.high:.3f}) |" for name, row in rows.items()]
    return "\n".join(lines)


def main() -> None:
    """Draw, read, train, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "study" / "phantom" / "told_apart.csv")
    parser.add_argument("--pictures", type=int, default=MANY, help="of each sort")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    all_of: list[Seen] = []
    for part in (phantom_jobs(women_for(wanted.pictures)), film_jobs(wanted.path / "cbis_mass", wanted.pictures)):
        done = in_processes(seen, part, what="pictures", workers=wanted.workers, chunk=4, progress=_progress)
        all_of += [one for those in done for one in those][: wanted.pictures]
    phantom, women = np.array([one[0] for one in all_of]), [one[1] for one in all_of]
    torch.set_num_threads(wanted.workers)
    rows = {}
    for name in VIEWS:
        rows[name] = auc_of(phantom, told(np.stack([one[2][name] for one in all_of]), phantom, women), women)
    n = int(phantom.sum()), int((~phantom).sum())
    print(show(rows, n))
    frame = pd.DataFrame(
        [(k, *n, len(set(women)), f"{r.value:.4f}", f"{r.low:.4f}", f"{r.high:.4f}") for k, r in rows.items()],
        columns=["view", "phantoms", "films", "women", "value", "low", "high"],
    )
    write_atomically(wanted.out, lambda path: frame.to_csv(path, index=False))


def _progress(items, **how):
    return tqdm(items, disable=not sys.stderr.isatty(), **how)


if __name__ == "__main__":
    main()
