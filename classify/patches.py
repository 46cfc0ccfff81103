"""Patches of lesions and background for `patch_to_image`: the set that Shen et al. 2019 call S10.

In: a store and films. Out: of each film ten patches for every lesion, each overlapping it by 0.9 or more (of the
smaller of both), and ten of breast that meet no lesion; varied as films are. Patch number n depends on the seed and n
alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from mammomap.classify.image_films import film_augmentation
from mammomap.errors import ConfigError
from mammomap.masks.intensity import IntensitySettings
from mammomap.masks.store import Store, StoredFilm
from mammomap.masks.targets import lesions_shown
from mammomap.seg.ahead import OnePerThread, drawn_ahead
from mammomap.seg.inputs import FilmInputs

EACH, OVERLAP, TRIES = 10, 0.9, 400


def lesion_patches(target: NDArray[np.uint8], codes: Sequence[int], side: int, rng: np.random.Generator) -> list[tuple]:
    """(row, col, code) of the first pixel and the class of up to `EACH` patches of every lesion of a target.

    A patch may leave the film; a lesion that no drawn place overlaps enough (a long thin one) has fewer.
    """
    parts, boxes, areas = lesions_shown(target, codes)
    made = []
    for number, (box, area) in enumerate(zip(boxes, areas, strict=True), start=1):
        row0, col0, row1, col1 = box
        mask = parts[row0:row1, col0:col1] == number
        code = int(np.bincount(target[row0:row1, col0:col1][mask]).argmax())
        summed = np.pad(mask.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        middle, reach = ((row0 + row1) / 2, (col0 + col1) / 2), (side + np.array([row1 - row0, col1 - col0])) / 2
        found = 0
        for _ in range(TRIES):
            top, left = (int(round(m + rng.uniform(-r, r) - side / 2)) for m, r in zip(middle, reach, strict=True))
            rows = np.clip([top - row0, top + side - row0], 0, row1 - row0)
            cols = np.clip([left - col0, left + side - col0], 0, col1 - col0)
            shared = (
                summed[rows[1], cols[1]]
                - summed[rows[0], cols[1]]
                - summed[rows[1], cols[0]]
                + summed[rows[0], cols[0]]
            )
            if shared >= OVERLAP * min(area, side * side):
                made.append((top, left, code))
                found += 1
                if found == EACH:
                    break
    return made


def background_patches(
    target: NDArray[np.uint8], breast: NDArray[np.bool_], side: int, rng: np.random.Generator
) -> list[tuple]:
    """(row, col, 0) of up to `EACH` patches whose middle is breast and that meet no lesion, none of those either that
    count for nothing."""
    inside, made = np.argwhere(breast), []
    for row, col in inside[rng.integers(len(inside), size=TRIES)] if len(inside) else ():
        top, left = int(row - side // 2), int(col - side // 2)
        if not target[max(0, top) : top + side, max(0, left) : left + side].any():
            made.append((top, left, 0))
            if len(made) == EACH:
                break
    return made


class PatchSampler:
    """Draws patches of the given films, as many of lesions as of background; batches in so many threads.

    Raises
    ------
    ConfigError
        If no film has a lesion patch.
    """

    def __init__(
        self,
        store: Store,
        image_ids: Sequence[str],
        classes: Sequence[int],
        intensity: IntensitySettings,
        *,
        batch: int,
        side: int,
        seed: int,
        threads: int = 1,
    ) -> None:
        self.store, self.batch, self.side, self.seed = store, batch, side, seed
        self.threads = threads
        self.channel = {code: channel for channel, code in enumerate(classes)}
        self._input = FilmInputs(store, image_ids, intensity)
        self.lesions: list[tuple] = []
        self.background: list[tuple] = []
        for number, image_id in enumerate(image_ids):
            film, rng = store[image_id], np.random.default_rng([seed, 19, number])
            self.lesions += [(image_id, *its) for its in lesion_patches(film.target, classes, side, rng)]
            breast = film.pixels > 0
            self.background += [(image_id, *its) for its in background_patches(film.target, breast, side, rng)]
        if not self.lesions or not self.background:
            raise ConfigError(f"{len(image_ids)} films give {len(self.lesions)} patches of lesions, none to learn from")
        self._augment = OnePerThread(film_augmentation)

    def patch(self, number: int) -> tuple[NDArray[np.float32], int]:
        """Patch `number` of this seed `(side, side)` and its channel."""
        rng = np.random.default_rng([self.seed, 23, number])
        among = self.lesions if rng.random() < 0.5 else self.background
        image_id, top, left, code = among[rng.integers(len(among))]
        augment = self._augment()
        augment.set_random_seed(int(rng.integers(2**31)))
        varied = augment(image=self._cut(self.store[image_id], top, left))["image"]
        return np.clip(varied, 0, 1), self.channel[code]

    def batches(self, start: int, stop: int, ours: range, whole: int) -> Iterator[list[tuple[torch.Tensor, ...]]]:
        """For steps `start` to `stop` the parts `ours` of each batch, cut into `whole`; the next steps'
        are drawn ahead."""
        size = self.batch // whole

        def drawn(step: int) -> list[tuple[torch.Tensor, ...]]:
            return [self.together(range(f, f + size)) for f in (step * self.batch + part * size for part in ours)]

        return drawn_ahead(drawn, start, stop, threads=self.threads)

    def together(self, numbers: range) -> tuple[torch.Tensor, torch.Tensor]:
        """Patches `(n, 1, side, side)` and channels `(n,)`."""
        made = [self.patch(number) for number in numbers]
        images = torch.from_numpy(np.stack([image for image, _ in made]))[:, None]
        return images.contiguous(memory_format=torch.channels_last), torch.tensor([channel for _, channel in made])

    def _cut(self, film: StoredFilm, top: int, left: int) -> NDArray[np.float32]:
        made, size = np.zeros((self.side, self.side), np.float32), film.pixels.shape
        rows, cols = ((max(0, at), min(end, at + self.side)) for at, end in zip((top, left), size, strict=True))
        here = slice(*rows), slice(*cols)
        made[rows[0] - top : rows[1] - top, cols[0] - left : cols[1] - left] = self._input(film.image_id, here)
        return made
