"""Classifiers of whole images, trained by the one loop stage by stage, and what they say of a film.

In: a store and an ImageConfig. Out: a run folder as `mammomap train` makes it (the same files; earlier stages under
`stages/`), resumed the same way; then for each film a score and a coarse map, in the map files that the referee and the
heads take. The score is the softmax of malignant against benign: no probability until a head of kind `score` has
calibrated it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn.functional import cross_entropy

from mammomap.classify.image_config import MAX_POOL, ImageConfig
from mammomap.classify.image_films import FilmSampler, Labelled, labels_of, validate_images
from mammomap.classify.max_pool_fcn import MaxPoolFCN
from mammomap.classify.patch_to_image import PatchToImage
from mammomap.classify.patches import PatchSampler
from mammomap.errors import ModelError
from mammomap.masks.files import write_json
from mammomap.masks.splits import Split
from mammomap.masks.store import Store
from mammomap.masks.targets import classes_shown, malignant_classes
from mammomap.seg.device import Hardware, choose_hardware
from mammomap.seg.encoder_weights import kept_name, start_encoder
from mammomap.seg.run import RUN_FORMAT, Trained, environment, read_about, said_of
from mammomap.seg.train import Task, fit
from mammomap.seg.train_run import films_to_train_on, refuse_another_run, refuse_another_split, shown_by, split_for

ImageNet = MaxPoolFCN | PatchToImage
LOOKED_AT = 320
"""Patches of validation women on which stages of patches are chosen, each varied once."""


@dataclass(frozen=True, kw_only=True)
class ImageRun(Trained):
    """A finished run of a classifier of images."""

    config: ImageConfig

    def net(self, hardware: Hardware) -> ImageNet:
        """The net with its weights, ready to be applied.

        Raises
        ------
        ModelError
            If the weights do not fit the net exactly.
        """
        net = build_image_net(self.config, self.kinds)
        try:
            net.load_state_dict(load_file(self.folder / "model.safetensors"), strict=True)
        except RuntimeError as error:
            first = str(error).strip().splitlines()[0][:150]
            raise ModelError(f"{self.folder}: these weights are not those of this run's net ({first})") from None
        return net.eval().to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def build_image_net(config: ImageConfig, kinds: Iterable[str]) -> ImageNet:
    """The net with the weights that its seed gives. kinds: of lesions, which decide the classes of patches.

    Raises
    ------
    ConfigError
        If encoder or top layers are unknown.
    """
    torch.manual_seed(config.seed)
    if config.net == MAX_POOL:
        return MaxPoolFCN(dropout=config.dropout)
    classes = classes_shown(kinds)
    malignant = tuple(classes.index(code) for code in malignant_classes(classes))
    return PatchToImage(config.encoder, len(classes), malignant, config.top, config.heatmap)


def read_image_run(folder: Path) -> ImageRun:
    """Open a finished run of a classifier of images.

    Raises
    ------
    ModelError
        If the folder is no such run.
    """
    about = read_about(folder)
    if not about.get("image"):
        raise ModelError(f"{folder}: a run that marks lesions, no classifier of images")
    return ImageRun(config=ImageConfig.from_json(about["training"]), **said_of(folder, about, trained=True))


def train_image(
    store: Store, out: Path, config: ImageConfig, *, progress: Callable[..., Iterable] | None = None
) -> tuple[ImageRun, bool]:
    """Train a classifier of images on the films that a net for lesions would be trained on; returns the run, and
    whether anything was done.

    Raises
    ------
    ConfigError
        If `out` holds a run with other settings, or a part of the split has no films of either label.
    """
    start, config = config.encoder_weights, replace(config, encoder_weights=kept_name(config.encoder_weights))
    split = split_for(store, config.split, config.seed)
    kinds = split.tables(store.tables, "net", "validation").kinds_outlined
    about = {
        "format": RUN_FORMAT,
        "image": True,
        "training": config.json(),
        "kinds": kinds,
        "rows": store.rows,
        "data_hash": store.tables.hash,
        "source": store.tables.about.get("source", ""),
        **shown_by(store),
    }
    if (out / "config.json").is_file():
        refuse_another_run(out, about, b"", lambda values: ImageConfig.from_json(values).json())
        refuse_another_split(out, split)
        if (out / "model.safetensors").is_file():
            return read_image_run(out), False
    net = build_image_net(config, kinds)
    if start:
        start_encoder(net, config.encoder, start)
    work = _Work(store, split, config, choose_hardware(precision=config.precision), classes_shown(kinds), net.least)
    split.write(out / "split.csv")
    write_json(out / "config.json", about)
    write_json(out / "environment.json", environment(work.hardware))
    for number, (kind, part, rate) in enumerate(config.stages, start=1):
        folder = out if number == len(config.stages) else out / "stages" / str(number)
        if not (folder / "model.safetensors").is_file():
            net.zero_grad(set_to_none=True)  # those of the stage before would count when gradients are clipped
            net.requires_grad_(False)
            for module in net.learned_in(part):
                module.requires_grad_(True)
            task = work.on_patches(net) if kind == "patch" else work.on_films(net)
            fit(task, folder, config.loop(kind, rate), work.hardware, progress=progress)
        net.load_state_dict(load_file(folder / "model.safetensors"))
    return read_image_run(out), True


class _Work:
    """What the stages of a run have in common: films, labels, and the two tasks."""

    def __init__(
        self, store: Store, split: Split, config: ImageConfig, hardware: Hardware, classes: tuple[int, ...], least: int
    ) -> None:
        self.store, self.config, self.hardware, self.classes, self.least = store, config, hardware, classes, least
        parts = zip(("net", "validation"), films_to_train_on(store, split), strict=True)
        self.learned, self.chosen = (labels_of(split.tables(store.tables, part), films) for part, films in parts)

    def on_films(self, net: ImageNet) -> Task:
        """Whole films; chosen by the AUC by image."""
        config = self.config
        how = {"least": self.least, "share": config.malignant_share, "seed": config.seed}
        how["threads"] = self.hardware.drawing_threads
        sampler = FilmSampler(self.store, self.learned, config.intensity, batch=config.batch, **how)
        order = np.random.default_rng([config.seed, 13]).permutation(sorted(self.learned))
        seen = {str(image_id): self.learned[image_id] for image_id in order[: len(self.chosen)]}

        def loss(module: nn.Module, batch: Labelled) -> torch.Tensor:
            images, labels, sizes = batch
            return cross_entropy(module(images, sizes)[0].float(), labels)

        def look(average: nn.Module, step: int) -> tuple[float, dict]:
            args = (config.intensity, self.least, self.hardware)
            now, then = (validate_images(average, self.store, films, *args) for films in (self.chosen, seen))
            return now["image_auc"], {"films": step * config.batch, "validation": now, "train": then}

        return Task(net, sampler.batches, loss, look)

    def on_patches(self, net: ImageNet) -> Task:
        """Patches; chosen by the loss on patches of validation women."""
        assert isinstance(net, PatchToImage)
        config, (own, others) = self.config, (self._patches(films) for films in (self.learned, self.chosen))

        def loss(module: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
            return cross_entropy(module(batch[0], patches=True).float(), batch[1])

        def look(average: nn.Module, step: int) -> tuple[float, dict]:
            now, then = (self._patch_figures(average, sampler) for sampler in (others, own))
            return -now["loss"], {"patches": step * config.patch_batch, "validation": now, "train": then}

        return Task(net, own.batches, loss, look)

    def _patches(self, films: dict[str, bool]) -> PatchSampler:
        how = {"batch": self.config.patch_batch, "side": self.config.patch, "seed": self.config.seed}
        how["threads"] = self.hardware.drawing_threads
        return PatchSampler(self.store, list(films), self.classes, self.config.intensity, **how)

    def _patch_figures(self, net: nn.Module, sampler: PatchSampler) -> dict[str, float]:
        losses, right, count = 0.0, 0, 0
        for first in range(0, LOOKED_AT, self.config.patch_batch):
            images, channels = sampler.together(range(first, first + self.config.patch_batch))
            with torch.inference_mode(), self.hardware.autocast:
                logits = net(images.to(self.hardware.device), patches=True).float().cpu()
            losses += float(cross_entropy(logits, channels, reduction="sum"))
            right += int((logits.argmax(1) == channels).sum())
            count += len(channels)
        return {"loss": losses / count, "accuracy": right / count}
