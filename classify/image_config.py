"""Everything that decides the training of a classifier of images, in one frozen dataclass; config.json of its run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mammomap.classify.patch_to_image import PATCH
from mammomap.errors import ConfigError
from mammomap.masks.intensity import IntensitySettings
from mammomap.seg.config import PRECISIONS, Steps

MAX_POOL, PATCHES = "max-pool-fcn", "patch-to-image"
NETS = (MAX_POOL, PATCHES)
Stages = tuple[tuple[str, float], ...]
"""(what is learned, highest learning rate) of stage after stage."""
PARTS = {"patch": ("head", "last-N", "all"), "image": ("top", "all")}
"""What may be learned in stages on patches and on images; last-N: the encoder's last N convolutions and the head."""


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """Settings of `mammomap train-image`; training is measured in patches and films drawn."""

    net: str = MAX_POOL
    encoder: str = ""
    """Of patch-to-image, a name of segmentation-models-pytorch; resnet50 if none is given."""
    top: str = ""
    """Of patch-to-image, layers above the features; two residual blocks 512-512-1024 if none are given."""
    encoder_weights: str = ""
    """Of patch-to-image, what the encoder starts from: `imagenet`, a file (`mammomap.seg.encoder_weights`), or nothing:
    random weights."""
    heatmap: bool = False
    """Of patch-to-image: the pooled patch classes go to the image's logits too."""
    patch: int = PATCH
    """Side of the patches, in working pixels and a multiple of 32; the paper's 224 is for 1152 rows."""
    patch_stages: Stages = ()
    image_stages: Stages = ()
    """Stages on patches and then on whole films, each with as many draws as `patches` and `films` say. If none are
    given: one stage of all layers at 1e-3 on films, and for patch-to-image one of all at 1e-3 on patches, then the top
    at 1e-3 and all at 1e-4 on films."""
    patches: int = 16_000
    films: int = 8_000
    """Drawn in each stage."""
    patch_batch: int = 32
    batch: int = 8
    """Films a step, padded with air to the largest of them."""
    weight_decay: float = 1e-2
    warmup: float = 0.05
    """Share of a stage in which the learning rate rises."""
    dropout: float = 0.1
    """Of max-pool-fcn: share of the channels that are left out, after each layer."""
    ema: float = 0.99
    malignant_share: float = 0.5
    """Share of the films drawn that are malignant."""
    validations: int = 8
    """In each stage; weights with the highest AUC by image of validation women are kept, on patches with the lowest
    loss."""
    precision: str = ""
    split: str = "random"
    seed: int = 1
    intensity: IntensitySettings = field(default_factory=IntensitySettings)

    def __post_init__(self) -> None:
        own = self.net == PATCHES
        filled = {
            "encoder": self.encoder or ("resnet50" if own else ""),
            "top": self.top or ("512-512-1024,512-512-1024" if own else ""),
            "patch_stages": _stages(self.patch_stages) or ((("all", 1e-3),) if own else ()),
            "image_stages": _stages(self.image_stages) or ((("top", 1e-3), ("all", 1e-4)) if own else (("all", 1e-3),)),
        }
        for name, value in filled.items():
            object.__setattr__(self, name, value)
        faults = [] if self.net in NETS else [f"net {self.net!r}: none of {', '.join(NETS)}"]
        if not own and (self.encoder or self.encoder_weights or self.top or self.heatmap or self.patch_stages):
            faults.append(f"encoder, encoder_weights, top, heatmap and patch_stages are for {PATCHES}")
        for stages, kind in ((self.patch_stages, "patch"), (self.image_stages, "image")):
            parts = PARTS[kind] if own else ("all",)
            faults += [
                f"{kind}_stages: {part!r} at {rate}, wanted one of {', '.join(parts)} at a rate above 0"
                for part, rate in stages
                if re.sub(r"^last-[1-9]\d*$", "last-N", part) not in parts or rate <= 0
            ]
        if self.precision not in ("", *PRECISIONS):
            faults.append(f"precision {self.precision!r}: none of {', '.join(PRECISIONS)}")
        if min(self.batch, self.patch_batch, self.validations, self.films, self.patches) < 1 or self.patch % 32:
            faults.append("films, patches, batch, patch_batch and validations must be positive, patch a multiple of 32")
        shares = (self.dropout, self.ema, self.warmup)
        if not (0 < self.malignant_share < 1 and all(0 <= share < 1 for share in shares)):
            faults.append("malignant_share must lie between 0 and 1, dropout, ema and warmup in [0, 1)")
        if faults:
            raise ConfigError("training settings: " + "; ".join(faults))

    def loop(self, kind: str, rate: float) -> Steps:
        """One stage as the loop takes it. kind: patch or image."""
        draws, batch = (self.patches, self.patch_batch) if kind == "patch" else (self.films, self.batch)
        steps = -(-draws // batch)
        return Steps(
            steps=steps,
            learning_rate=rate,
            warmup=int(self.warmup * steps),
            weight_decay=self.weight_decay,
            ema=self.ema,
            validate_every=max(1, -(-steps // self.validations)),
            seed=self.seed,
        )

    @property
    def stages(self) -> list[tuple[str, str, float]]:
        """(patch or image, what is learned, highest learning rate), in order."""
        return [("patch", *its) for its in self.patch_stages] + [("image", *its) for its in self.image_stages]

    def json(self) -> dict[str, Any]:
        """As plain values, as JSON has them; `from_json` takes them back."""
        stages = {name: [list(stage) for stage in getattr(self, name)] for name in ("patch_stages", "image_stages")}
        return asdict(self) | stages

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ImageConfig:
        """Settings from plain values.

        Raises
        ------
        ConfigError
            If a name is unknown or a value out of range.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ConfigError(f"unknown setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
        plain = dict(values)
        if isinstance(plain.get("intensity"), Mapping):
            try:
                plain["intensity"] = IntensitySettings(**plain["intensity"])
            except (TypeError, ValueError) as error:
                raise ConfigError(f"training settings: intensity: {error}") from None
        return cls(**plain)


def _stages(told: Any) -> Stages:
    """Stages as tuples, whatever JSON made of them."""
    try:
        return tuple((str(part), float(rate)) for part, rate in told)
    except (TypeError, ValueError):
        raise ConfigError(f'stages {told!r}: wanted pairs as [["top", 0.001], ["all", 0.0001]]') from None
