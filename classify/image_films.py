"""Whole films with a label, for classifiers of images: batches for the loop, and validation.

In: a store and films. Out: float32 `(n, 1, rows, cols)` in [0, 1], films at their own size, padded right and bottom
with air to the largest of the batch and to what the net needs, and 1 for malignant. Film number n depends on the seed
and n alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

from mammomap.errors import ConfigError
from mammomap.eval.images import auc
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.store import Store
from mammomap.masks.tables import Tables
from mammomap.seg.ahead import OnePerThread, drawn_ahead
from mammomap.seg.device import Hardware
from mammomap.seg.inputs import FilmInputs

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

Labelled = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Films, labels, and the rows and columns of each before the batch was padded to the largest."""


def film_augmentation():
    """Films varied as crops are, each at its own size."""
    import albumentations as A

    return A.Compose(
        [
            A.Affine(scale=(0.8, 1.25), keep_ratio=True, rotate=(-25, 25), interpolation=cv2.INTER_LINEAR, p=1),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.5),
            A.RandomGamma(gamma_limit=(80, 125), p=1),
            A.RandomBrightnessContrast(brightness_limit=0.05, contrast_limit=0.1, p=1),
            A.GaussNoise(std_range=(0.0, 0.015), p=0.5),
        ]
    )


class FilmSampler:
    """Draws films, malignant ones in a given share, and varies them as crops are varied; batches in so many threads."""

    def __init__(
        self,
        store: Store,
        malignant: dict[str, bool],
        intensity: IntensitySettings,
        *,
        batch: int,
        least: int,
        share: float,
        seed: int,
        threads: int = 1,
    ) -> None:
        self.batch, self.least, self.share, self.seed, self.threads = batch, least, share, seed, threads
        self._input = FilmInputs(store, malignant, intensity)
        self._augment = OnePerThread(film_augmentation)
        self.by_label = [[i for i, bad in malignant.items() if bad == label] for label in (False, True)]

    def film(self, number: int) -> tuple[NDArray[np.float32], bool]:
        """Film `number` of this seed `(rows, cols)`, and whether it is malignant."""
        rng = np.random.default_rng([self.seed, 17, number])
        bad = bool(rng.random() < self.share)
        among = self.by_label[bad]
        image = self._input(among[rng.integers(len(among))])
        augment = self._augment()
        augment.set_random_seed(int(rng.integers(2**31)))
        return np.clip(augment(image=image)["image"], 0, 1), bad

    def batches(self, start: int, stop: int, ours: range, whole: int) -> Iterator[list[Labelled]]:
        """For steps `start` to `stop` the parts `ours` of each batch, cut into `whole`; the next steps'
        are drawn ahead."""
        size = self.batch // whole

        def drawn(step: int) -> list[Labelled]:
            firsts = [step * self.batch + part * size for part in ours]
            return [together([self.film(first + k) for k in range(size)], self.least) for first in firsts]

        return drawn_ahead(drawn, start, stop, threads=self.threads)


def together(films: Sequence[tuple[NDArray[np.float32], bool]], least: int) -> Labelled:
    """Films of several sizes as one batch; their sizes are at least `least`."""
    sizes = [[max(least, side) for side in image.shape] for image, _ in films]
    rows, cols = (max(its) for its in zip(*sizes, strict=True))
    batch = np.zeros((len(films), 1, rows, cols), np.float32)
    for place, (image, _) in zip(batch, films, strict=True):
        place[0, : image.shape[0], : image.shape[1]] = image
    images = torch.from_numpy(batch).contiguous(memory_format=torch.channels_last)
    return images, torch.tensor([int(bad) for _, bad in films]), torch.tensor(sizes)


def alone(image: NDArray[np.float32], least: int) -> torch.Tensor:
    """One film as a batch of its own."""
    return together([(image, False)], least)[0]


def validate_images(
    net: nn.Module,
    store: Store,
    malignant: dict[str, bool],
    intensity: IntensitySettings,
    least: int,
    hardware: Hardware,
) -> dict[str, float]:
    """Cross-entropy per film and AUC by image of whole films."""
    logits = []
    for image_id in malignant:
        film = alone(net_input(store[image_id].pixels, intensity), least).to(hardware.device)
        with torch.inference_mode(), hardware.autocast:
            logits.append(net(film)[0].float()[0].cpu())
    labels = np.array(list(malignant.values()))
    loss = cross_entropy(torch.stack(logits), torch.from_numpy(labels.astype(np.int64)))
    return {"loss": float(loss), "image_auc": auc(labels, [float(one[1] - one[0]) for one in logits])}


def labels_of(tables: Tables, image_ids: Sequence[str]) -> dict[str, bool]:
    """image_id -> whether the film is malignant, by the label rule of these tables.

    Raises
    ------
    ConfigError
        If the films have one label only.
    """
    films = tables.films.set_index("image_id")["malignant"]
    labels = {image_id: bool(films[image_id]) for image_id in image_ids}
    if len(set(labels.values())) < 2:
        raise ConfigError(f"{len(labels)} films to learn from or to choose by have one label only; wanted both")
    return labels
