"""Crops for training: drawn near lesions and in healthy breast, never in empty film, and varied as films vary.

In: a store and the films to draw from. Out: batches of float32 `(batch, 1, crop, crop)` and int64 channel targets
`(batch, crop, crop)`. Crop number n depends on the seed and n alone, so that a resumed run draws the same ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from mammomap.errors import ConfigError
from mammomap.masks.store import Store, StoredFilm
from mammomap.masks.targets import IGNORE, lesions_shown, malignant_classes
from mammomap.seg.ahead import OnePerThread, drawn_ahead
from mammomap.seg.config import TrainConfig
from mammomap.seg.inputs import FilmInputs

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

VOID = -100
"""Target of pixels that the loss leaves out (torch's own code for it)."""
ELASTIC = {"alpha": 540, "sigma": 16}
"""albumentations' strength and smoothness in pixels: displacements with a standard deviation of 2 pixels."""
MARGIN = 1.5
"""A crop is cut this much larger, turned and scaled, then trimmed, so that turning shows film and not void."""


def channel_targets(target: NDArray[np.uint8], classes: Sequence[int]) -> NDArray[np.int64]:
    """Class codes -> channel numbers of a net that has these classes; codes it lacks and 255 become void."""
    table = np.full(256, VOID, np.int64)
    table[list(classes)] = np.arange(len(classes))
    table[IGNORE] = VOID
    return table[target]


class CropSampler:
    """Draws crops of the given films; batches in so many threads.

    Raises
    ------
    ConfigError
        If there is no film, or none with a lesion.
    """

    def __init__(
        self,
        store: Store,
        image_ids: Sequence[str],
        classes: Sequence[int],
        config: TrainConfig,
        *,
        threads: int = 1,
    ) -> None:
        self.store, self.classes, self.config = store, tuple(classes), config
        self.threads, self._augment = threads, OnePerThread(self._augmentation)
        self.image_ids = list(image_ids)
        self._boxes: dict[str, NDArray[np.int64]] = {}
        self._input = FilmInputs(store, self.image_ids, config.intensity)
        bad = malignant_classes(classes)
        self.with_lesion, self.with_malignant = [], []
        for image_id in self.image_ids:
            film = store[image_id]
            self._boxes[image_id] = lesions_shown(film.target, self.classes)[1]
            if len(self._boxes[image_id]):
                self.with_lesion.append(image_id)
            if np.isin(film.target, bad).any():
                self.with_malignant.append(image_id)
        if not self.with_lesion:
            raise ConfigError(f"no film with a lesion among the {len(self.image_ids)} films to train on")

    def _augmentation(self):
        import albumentations as A

        side, share = self.config.crop, self.config.elastic
        bent = [A.ElasticTransform(**ELASTIC, border_mode=cv2.BORDER_REFLECT_101, p=share)] if share else []
        return A.Compose(
            [
                A.Affine(
                    scale=(0.8, 1.25),
                    keep_ratio=True,
                    rotate=(-25, 25),
                    interpolation=cv2.INTER_LINEAR,
                    mask_interpolation=cv2.INTER_NEAREST,
                    p=1,
                ),
                A.CenterCrop(side, side),
                *bent,
                A.HorizontalFlip(p=0.5),
                A.VerticalFlip(p=0.5),
                A.RandomGamma(gamma_limit=(80, 125), p=1),
                A.RandomBrightnessContrast(brightness_limit=0.05, contrast_limit=0.1, p=1),
                A.GaussNoise(std_range=(0.0, 0.015), p=0.5),
            ]
        )

    def crop(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Crop `number` of this seed: image `(crop, crop)` in [0, 1] and channel target `(crop, crop)`."""
        rng = np.random.default_rng([self.config.seed, 11, number])
        film = self._draw_film(rng)
        image, target = self._cut(film, self._draw_centre(film, rng))
        if self.config.proportion:
            image, target = _stretched(image, target, self.config.proportion, rng)
        augment = self._augment()
        augment.set_random_seed(int(rng.integers(2**31)))
        varied = augment(image=image, mask=target)
        return np.clip(varied["image"], 0, 1), channel_targets(varied["mask"], self.classes)

    def batches(
        self, start: int, stop: int, ours: range, whole: int
    ) -> Iterator[list[tuple[torch.Tensor, torch.Tensor]]]:
        """For steps `start` to `stop` the parts `ours` of each batch, cut into `whole` parts; the next steps' are drawn
        while the net works on these."""
        return drawn_ahead(lambda number: self._parts(number, ours, whole), start, stop, threads=self.threads)

    def _parts(self, number: int, ours: range, whole: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        size = self.config.batch // whole
        return [self._batch(number * self.config.batch + part * size, size) for part in ours]

    def _batch(self, first: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
        drawn = [self.crop(first + k) for k in range(size)]
        images = torch.from_numpy(np.stack([image for image, _ in drawn]))[:, None]
        return images.contiguous(memory_format=torch.channels_last), torch.from_numpy(
            np.stack([target for _, target in drawn])
        )

    def _draw_film(self, rng: np.random.Generator) -> StoredFilm:
        among = self.image_ids
        if self.with_malignant and rng.random() < self.config.malignant_share:
            among = self.with_malignant
        return self.store[among[rng.integers(len(among))]]

    def _draw_centre(self, film: StoredFilm, rng: np.random.Generator) -> tuple[int, int]:
        boxes = self._boxes[film.image_id]
        if len(boxes) and rng.random() < self.config.lesion_share:
            row0, col0, row1, col1 = boxes[rng.integers(len(boxes))]
            away = rng.uniform(-0.35, 0.35, 2) * self.config.crop
            return round(rng.uniform(row0, row1) + away[0]), round(rng.uniform(col0, col1) + away[1])
        rows, cols = film.pixels.shape
        for _ in range(100):
            row, col = int(rng.integers(rows)), int(rng.integers(cols))
            if film.pixels[row, col]:
                return row, col
        return rows // 2, cols // 2

    def _cut(self, film: StoredFilm, centre: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """A patch of `MARGIN` times the crop around the centre; air where it leaves the film."""
        side = round(self.config.crop * MARGIN)
        image, target = np.zeros((side, side), np.float32), np.zeros((side, side), np.uint8)
        source, place = [], []
        for middle, size in zip(centre, film.pixels.shape, strict=True):
            start = middle - side // 2
            first, last = max(0, start), min(size, start + side)
            if first >= last:
                return image, target
            source.append(slice(first, last))
            place.append(slice(first - start, last - start))
        here, there = tuple(source), tuple(place)
        image[there] = self._input(film.image_id, here)
        target[there] = film.target[here]
        return image, target


def _stretched(
    image: NDArray[np.float32], target: NDArray[np.uint8], most: float, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Both with the ratio of height to width changed by up to 1 + `most` either way about the centre, area kept."""
    tall = np.exp(rng.uniform(-1, 1) * np.log1p(most) / 2)
    centre = (image.shape[0] - 1) / 2
    turn = np.array([[1 / tall, 0, centre * (1 - 1 / tall)], [0, tall, centre * (1 - tall)]])
    size = image.shape[::-1]
    return (
        cv2.warpAffine(image, turn, size, flags=cv2.INTER_LINEAR).astype(np.float32, copy=False),
        cv2.warpAffine(target, turn, size, flags=cv2.INTER_NEAREST).astype(np.uint8, copy=False),
    )
