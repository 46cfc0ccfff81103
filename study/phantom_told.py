"""What a net reads off a lesion whose place and outline it is given: the pixels' part of the oracle's AUC on phantoms.

    python study/phantom_told.py -o work [--rows 576] [--women 3000]

Phantoms are drawn at 800 rows as for `phantom_net.py` and brought to the working rows. A lesion is a square of
`SIDE_MM` around the middle of its outline: the film on the breast's range of grey, the film less its surroundings, the
outline. The net is told benign or malignant and, so that it learns from more than that one noisy word, the descriptors
too. It learns from women of `SEED`, one in ten of whom chooses the weights by AUC of their lesions, and scores the
films of `phantom_bounds.py`, a film being as suspicious as its worst lesion.

Net: four times (two 3 x 3 convolutions with batch norm and ReLU, then halving by maximum) with 32, 64, 128 and 256
channels, mean and maximum over the square, dropout of a third, one layer. `PASSES` passes in batches of `BATCH`,
squares turned, mirrored and shifted by up to 2 mm at random.

Kept: `study/phantom/told-ROWS.csv`, one row a film, which `phantom_kinds.py` lays beside the oracle and the nets, and
the log of the training, `told-ROWS_log.jsonl`.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from phantom_bounds import FOLDER, TEST_SEEDS
from phantom_films import WOMEN, progress_bar, words
from safetensors.torch import load_model
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import MultiLabelBinarizer
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.parallel import in_processes
from mammomap.masks.working import working_film
from mammomap.phantom import FILM_HEIGHT_MM, PhantomConfig, PhantomFilm, PhantomLesion
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.seg.config import Steps
from mammomap.seg.device import choose_hardware
from mammomap.seg.train import Task, fit

SEED, DRAWN_ROWS, SIDE_MM, SHIFT_MM, LOCAL_MM = 31, 800, 46.0, 2.0, 5.0
WIDTHS, BATCH, PASSES, CHOOSING = (32, 64, 128, 256), 32, 20, 10
Job = tuple[int, int, tuple[int, ...]]
"""Seed, woman, working rows."""


def lesions_of(job: Job) -> list[dict]:
    """Every lesion of a woman on every film: what is known of it, and its square at each of the working rows."""
    seed, number, all_rows = job
    found = []
    for film in draw_woman(woman_rng(seed, number), PhantomConfig(seed=seed, rows=DRAWN_ROWS), patient_name(number)):
        woman = f"{seed}-{film.patient_id}"
        squares = {rows: squares_of(film, rows) for rows in all_rows}
        for place, lesion in enumerate(film.lesions):
            told = {"image_id": f"{woman}_{film.side}_{film.view}", "woman": woman, "film": film.malignant}
            told |= {"malignant": lesion.pathology == "MALIGNANT", "words": words_of(lesion)}
            found.append(told | {rows: squares[rows][place] for rows in all_rows})
    return found


def words_of(lesion: PhantomLesion) -> frozenset[str]:
    """Its descriptors."""
    return words(lesion.kind, lesion.plan.shape, lesion.plan.margins)


def squares_of(film: PhantomFilm, rows: int) -> list[np.ndarray]:
    """The square of each lesion, uint8 (3, side, side): grey, grey less surroundings, outline; air where no film is."""
    working = working_film(film.image, rows)
    local = IntensitySettings(local=LOCAL_MM * rows / FILM_HEIGHT_MM)
    layers = [np.rint(255 * net_input(working.pixels, how)).astype(np.uint8) for how in (IntensitySettings(), local)]
    side, squares = side_of(rows), []
    for lesion in film.lesions:
        mask = working.grid.mask_to_working(lesion.mask)
        at = [int(round((np.flatnonzero(line)[[0, -1]].sum() + 1) / 2)) for line in (mask.any(1), mask.any(0))]
        stack = np.pad(np.stack([*layers, 255 * mask.astype(np.uint8)]), ((0, 0), (side, side), (side, side)))
        top, left = (place + side - side // 2 for place in at)
        squares.append(stack[:, top : top + side, left : left + side])
    return squares


def side_of(rows: int) -> int:
    """Pixels of a square's side, shifts included: a multiple of 16 and the shift on either side."""
    return 16 * round(SIDE_MM * rows / FILM_HEIGHT_MM / 16) + 2 * shift_of(rows)


def shift_of(rows: int) -> int:
    """The largest shift in pixels."""
    return round(SHIFT_MM * rows / FILM_HEIGHT_MM)


def drawn(seeds: Sequence[int], women: int, all_rows: Sequence[int], workers: int) -> pd.DataFrame:
    """One row a lesion."""
    jobs: list[Job] = [(seed, number, tuple(all_rows)) for seed in seeds for number in range(1, women + 1)]
    parts = in_processes(
        lesions_of, jobs, what="phantoms", unit="woman", workers=workers, chunk=4, progress=progress_bar
    )
    return pd.DataFrame([lesion for part in parts for lesion in part])


class LesionNet(nn.Module):
    """A logit of malignancy, and one of each descriptor, of squares (n, 3, side, side)."""

    def __init__(self, words: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *WIDTHS), WIDTHS, strict=False):
            for given in (before, after):
                layers += [nn.Conv2d(given, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
        self.trunk = nn.Sequential(*layers)
        self.last = nn.Sequential(nn.Dropout(1 / 3), nn.Linear(2 * WIDTHS[-1], 1 + words))

    def forward(self, squares: torch.Tensor) -> torch.Tensor:
        """Logits (n, 1 + words)."""
        seen = self.trunk(squares)
        return self.last(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], 1))


def trained(lesions: pd.DataFrame, rows: int, out: Path, passes: int = PASSES) -> LesionNet:
    """The net of the pass at which the women who choose had the highest AUC."""
    women = pd.factorize(lesions["woman"])[0]
    choosing = women % CHOOSING == 0
    learning = np.flatnonzero(~choosing)
    told = np.column_stack([lesions["malignant"], MultiLabelBinarizer().fit_transform(lesions["words"])])
    squares, targets = np.stack(lesions[rows].tolist()), torch.from_numpy(told.astype(np.float32))
    a_pass = len(learning) // BATCH
    torch.manual_seed(SEED)
    net = LesionNet(told.shape[1] - 1)

    def batches(first: int, last: int, _ours: range, _whole: int) -> Iterator[list]:
        for step in range(first, last):
            order = np.random.default_rng((SEED, step // a_pass)).permutation(learning)
            some = order[step % a_pass * BATCH :][:BATCH]
            yield [(shifted(squares[some], rows, np.random.default_rng((SEED, 1, step))), targets[some])]

    def loss(net: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        logits, wanted = net(batch[0]).float(), batch[1]
        first, others = (
            binary_cross_entropy_with_logits(logits[:, part], wanted[:, part]) for part in (0, slice(1, None))
        )
        return first + others

    def validate(net: nn.Module, _step: int) -> tuple[float, dict]:
        scores = scored(net, squares[choosing], rows)
        figure = float(roc_auc_score(lesions["malignant"][choosing], scores))
        return figure, {"lesion_auc": round(figure, 4)}

    how = Steps(
        steps=passes * a_pass, learning_rate=2e-3, warmup=a_pass // 2, weight_decay=0.01, ema=0.99,
        validate_every=a_pass, seed=SEED,
    )  # fmt: skip
    fit(Task(net, batches, loss, validate), out, how, choose_hardware(), progress=progress_bar)
    load_model(net, out / "model.safetensors")
    return net


def shifted(squares: np.ndarray, rows: int, rng: np.random.Generator) -> torch.Tensor:
    """Squares as the net takes them, each moved, turned and mirrored at random."""
    most, made = shift_of(rows), []
    for square in squares:
        down, right = rng.integers(0, 2 * most + 1, 2)
        part = square[:, down : down + square.shape[1] - 2 * most, right : right + square.shape[2] - 2 * most]
        part = np.rot90(part, int(rng.integers(4)), (1, 2))
        made.append(part[:, ::-1] if rng.random() < 0.5 else part)
    return torch.from_numpy(np.stack(made)).float() / 255


def scored(net: nn.Module, squares: np.ndarray, rows: int) -> np.ndarray:
    """The logit of malignancy of each square, mean over its four turns, each as it is and mirrored."""
    hardware, most, found = choose_hardware(), shift_of(rows), []
    net.eval()
    for part in np.array_split(squares[:, :, most:-most, most:-most], -(-len(squares) // 64)):
        images = torch.from_numpy(part).float().to(memory_format=torch.channels_last) / 255
        with torch.inference_mode(), hardware.autocast:
            turned = [images.rot90(turn, (2, 3)) for turn in range(4)]
            logits = [net(way)[:, 0].float() for whole in turned for way in (whole, whole.flip(2))]
        found.append(torch.stack(logits).mean(0).numpy())
    return np.concatenate(found)


def main() -> None:
    """Draw, train, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the nets")
    parser.add_argument("--rows", type=int, nargs="+", default=[576])
    parser.add_argument("--women", type=int, default=3000, help="to learn from")
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    learned = drawn([SEED], wanted.women, wanted.rows, wanted.workers)
    test = drawn(TEST_SEEDS, WOMEN, wanted.rows, wanted.workers)
    torch.set_num_threads(wanted.workers)
    for rows in wanted.rows:
        net = trained(learned, rows, wanted.out / str(rows), wanted.passes)
        lesions = test.assign(score=scored(net, np.stack(test[rows].tolist()), rows))
        films = lesions.groupby("image_id").agg(
            woman=("woman", "first"), malignant=("film", "max"), score=("score", "max")
        )
        made = films.reset_index().assign(malignant=films["malignant"].to_numpy().astype(int)).round({"score": 4})
        write_atomically(FOLDER / f"told-{rows}.csv", lambda path, made=made: made.to_csv(path, index=False))
        shutil.copyfile(wanted.out / str(rows) / "log.jsonl", FOLDER / f"told-{rows}_log.jsonl")
        print(f"{rows} rows: {len(learned)} lesions learned, {len(made)} films scored")


if __name__ == "__main__":
    main()
