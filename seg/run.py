"""A run is a folder: what was trained, on whom, with what, and the net itself.

config.json          all settings, the classes, the store's rows and data hash
net.py               the code of a net of one's own; opening the run executes it
split.csv            the part of every woman
environment.json     versions and hardware
log.jsonl            one line per validation
examples/            pictures of validation films with the net's maps
last.ckpt            to go on from (loads with weights_only)
model.safetensors    the chosen weights; written last, so its presence marks a finished run
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

import mammomap
from mammomap.errors import ModelError
from mammomap.masks.bundle import OWN_CODE, WOMEN, unpacked
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import Split, read_split
from mammomap.seg.config import LAST, TrainConfig, own_net
from mammomap.seg.device import Hardware
from mammomap.seg.nets import build_net

RUN_FORMAT = 1
LIBRARIES = ("torch", "segmentation-models-pytorch", "numpy", "opencv-python-headless", "albumentations", "pydicom")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What every finished run says of itself: that of a net that marks lesions, or of a classifier of images."""

    folder: Path
    kinds: tuple[str, ...]
    """Kinds of lesion that it was trained to find."""
    rows: int
    """Working rows of a whole film."""
    data_hash: str
    source: str
    split: Split
    """The part of every woman; of a bundle empty."""
    trained_codes: frozenset[str]
    """Codes (`mammomap.masks.mapfile`) of the women whose films trained the net, or whom the run that it started from
    had seen."""
    chosen_codes: frozenset[str]
    """Codes of the women whose films chose its checkpoint."""
    published: str = ""
    """The run's name, where it was opened from a bundle."""
    imaging: str = "unknown"
    """What its films were: one of `mammomap.masks.tables.IMAGING`."""
    detail_mm: float | None = None
    """Side of a working pixel on its films, median; None where their pitch is unknown."""

    @property
    def name(self) -> str:
        """The folder's name and the first digits of the weights' hash."""
        return self.published or f"{self.folder.resolve().name}-{self.weights_hash[:8]}"

    @property
    def trained_for(self) -> dict[str, Any]:
        """Kinds of lesion, film or digital, finest detail in mm: outside it nothing is known of the net."""
        return {"kinds": list(self.kinds), "imaging": self.imaging, "detail_mm": self.detail_mm}

    @cached_property
    def weights_hash(self) -> str:
        """SHA-256 of the weights' file, in hex."""
        return hashlib.sha256((self.folder / "model.safetensors").read_bytes()).hexdigest()

    @property
    def women_codes(self) -> list[str]:
        """Codes of all women seen."""
        return sorted(self.trained_codes | self.chosen_codes)


@dataclass(frozen=True, kw_only=True)
class Run(Trained):
    """A finished run of a net that marks lesions, opened; the net is loaded on first use."""

    config: TrainConfig
    classes: tuple[int, ...]
    """Codes of the net's channels, background first."""

    @property
    def log(self) -> list[dict[str, Any]]:
        """A line per look at the net in training: `crops`, and loss and figures on films of `train` and `validation`
        (None where nobody validates)."""
        return [json.loads(line) for line in (self.folder / "log.jsonl").read_text().splitlines()]

    @property
    def chosen(self) -> dict[str, Any]:
        """The line of the log whose weights were kept."""
        if self.config.chosen_by == LAST:
            return self.log[-1]
        figures = [line["validation"][self.config.chosen_by] for line in self.log]
        return self.log[int(np.argmax([-np.inf if figure is None else figure for figure in figures]))]

    def net(self, hardware: Hardware) -> nn.Module:
        """The net with its weights, ready to be applied.

        Raises
        ------
        ModelError
            If the weights do not fit the net exactly.
        """
        net = build_run_net(self.folder, self.config, len(self.classes))
        path = self.folder / "model.safetensors"
        try:
            net.load_state_dict(load_file(path), strict=True)
        except (SafetensorError, RuntimeError, OSError) as error:
            first = str(error).strip().splitlines()[0][:150]
            raise ModelError(f"{path}: these weights are not those of this run's net ({first})") from None
        return net.eval().to(hardware.device, memory_format=torch.channels_last)


def read_run(folder: Path) -> Run:
    """Open a finished run, or a bundle of one.

    Raises
    ------
    ModelError
        If the folder is no run, is unfinished, or of an unknown format, or the file is no bundle.
    """
    if folder.is_file():
        folder = unpacked(folder)
    about = read_about(folder)
    if "classes" not in about:
        raise ModelError(f"{folder}: the run of a classifier of images, which marks no lesions")
    config = TrainConfig.from_json(about["training"])
    return Run(config=config, classes=tuple(about["classes"]), **said_of(folder, about, trained=config.crops > 0))


def read_about(folder: Path) -> dict:
    """The config.json of a finished run.

    Raises
    ------
    ModelError
        If the folder is no run, is unfinished, or of an unknown format.
    """
    path = folder / "config.json"
    if not folder.is_dir() or not path.is_file():
        raise ModelError(f"{folder}: no run; wanted a folder that 'mammomap train' made, or a bundle")
    try:
        about = json.loads(path.read_text())
        if about.get("format") != RUN_FORMAT:
            raise ModelError(f"{path}: format {about.get('format')}, wanted {RUN_FORMAT}; train again")
    except (ValueError, AttributeError):
        raise ModelError(f"{path}: not the config of a run") from None
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"{folder}: the run is not finished; go on with the same 'mammomap train' command")
    return about


def said_of(folder: Path, about: dict, *, trained: bool) -> dict[str, Any]:
    """The fields of `Trained`; `trained`: whether anybody was learned from."""
    split, learned, chosen = _women(folder, about, trained)
    return {
        "folder": folder,
        "kinds": tuple(about["kinds"]),
        **{name: about[name] for name in ("rows", "data_hash", "source")},
        "split": split,
        "trained_codes": frozenset(learned),
        "chosen_codes": frozenset(chosen),
        "published": about.get("published", ""),
        "imaging": about.get("imaging", "unknown"),
        "detail_mm": about.get("detail_mm"),
    }


def _women(folder: Path, about: dict, trained: bool) -> tuple[Split, list[str], list[str]]:
    """The split, and codes of the women who trained the net and of those who chose its checkpoint."""
    if about.get("published"):
        codes = json.loads((folder / WOMEN).read_text())
        return Split("of a bundle", {}), codes["trained"], codes["chosen"]
    split, before = read_split(folder / "split.csv"), about.get("women_seen_before", [])
    if not trained:
        return split, before, []
    learned, chosen = (women_codes(split.women(part), about["source"]) for part in ("net", "validation"))
    return split, [*learned, *before], chosen


def build_run_net(folder: Path, config: TrainConfig, classes: int) -> nn.Module:
    """The net of a run, with the weights that training starts from; one's own is built by the run's copy of its code.

    Raises
    ------
    ConfigError
        If it cannot be built.
    """
    own = own_net(config.net)
    return build_net(f"{folder / OWN_CODE}:{own[1]}" if own else config.net, config.encoder, classes, config.seed)


def environment(hardware: Hardware) -> dict:
    """Versions and hardware of this process, as plain values."""
    return {
        "mammomap": mammomap.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{library: version(library) for library in LIBRARIES},
        "hardware": hardware.json(),
    }
