"""Everything that decides a training run, in one frozen dataclass; stands in the run as config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from mammomap.errors import ConfigError
from mammomap.masks.intensity import IntensitySettings


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How the loop steps (`mammomap.seg.train`); all in steps of the optimiser."""

    steps: int
    """In all; 0 keeps the net as it is."""
    learning_rate: float
    """The highest; linear warm-up, then a cosine to a hundredth."""
    warmup: int = 0
    weight_decay: float = 0.0
    optimiser: str = "adamw"
    """adamw, or sgd: plain gradient descent at a constant rate, without momentum."""
    parts: int = 1
    """Batches that each process takes in a step."""
    clip: float = 1.0
    """Longest gradient; 0 does not clip."""
    ema: float = 0.0
    """Share of the running mean that stays at each step."""
    validate_every: int
    patience: int = 0
    """Validations in a row without a better figure after which training stops; 0: it does not."""
    compile: str = ""
    """Backend of torch.compile for the net in training, such as inductor; empty: none."""
    seed: int = 1


VGG_NETS = ("fcn32s", "fcn16s", "fcn8s", "fcn8s-at-once")
"""Nets that are VGG-16 by definition."""
FIGURES = ("mean_sensitivity", "sensitivity_at_1", "image_auc")
LAST = "last"
"""Weights are not chosen: those at the end are kept."""
LOSSES = ("lesion", "ce", "dice", "focal", "tversky", "lovasz")
CROP_STEP = 32
"""Sides of crops are multiples of this."""
PRECISIONS = ("32-true", "bf16-mixed")
ENCODER = "resnet34"
"""Encoder of the other nets where none is named."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Settings of `mammomap train`. Lengths in working pixels; training is measured in crops, never in minutes."""

    net: str = "unet"
    """The net, a name of docs/nets.md or `FILE.py:FUNCTION` for one's own (docs/own-net.md)."""
    encoder: str = ""
    """Its encoder, a name of segmentation-models-pytorch or, behind `tu-`, of timm. If none is given, resnet34, and
    vgg16 for the nets that are made of it; one's own net has none."""
    encoder_weights: str = ""
    """What the encoder starts from: `imagenet`, a file (`mammomap.seg.encoder_weights`), or nothing: random weights."""
    init_from: str = ""
    """A run whose weights this one starts from; the same net, or the next finer FCN."""
    crops: int = 16_000
    """Crops drawn in all. 0 gives the net as it was initialised."""
    crop: int = 256
    """Side of a crop; a multiple of 32."""
    batch: int = 8
    """Crops per step."""
    accumulate: int = 1
    """Parts of a batch that go through the net one after the other, where memory does not hold the whole of it; batch
    norm and Dice are taken over a part."""
    learning_rate: float = 1e-3
    """Highest learning rate of AdamW; linear warm-up, then cosine to a hundredth."""
    weight_decay: float = 1e-2
    """Weight decay of AdamW."""
    warmup_crops: int = 800
    """Crops over which the learning rate rises."""
    loss: str = "lesion"
    """What training lowers, one of `LOSSES` (`mammomap.seg.losses`)."""
    lesion_weight: float = 4.0
    """Weight of each lesion class in the cross-entropy; background has 1."""
    label_weight: float = 1.0
    """Weight of the part of the loss `lesion` that asks which class a lesion is; 0 leaves it out."""
    ema: float = 0.995
    """Share of the running mean that stays at each step; validation and the saved model use the running mean."""
    malignant_share: float = 0.4
    """Share of crops drawn on a film with a malignant lesion."""
    lesion_share: float = 0.75
    """Share of crops centred near a lesion; the others lie anywhere in a breast."""
    proportion: float = 0.0
    """Largest stretch of a crop's height against its width; 0.1 draws the ratio from 1/1.1 to 1.1."""
    elastic: float = 0.0
    """Share of crops that are bent smoothly, as a breast gives way, by about 2 pixels."""
    validate_every: int = 2_000
    """Crops between two validations on whole films."""
    chosen_by: str = "mean_sensitivity"
    """The figure of the validation that chooses the weights, one of `FIGURES` (`mammomap.seg.validate`), or `last`: the
    weights at the end are kept, and the split may have no women for validation."""
    patience: int = 0
    """Validations in a row without a better figure after which training stops; 0: it does not."""
    precision: str = ""
    """32-true or bf16-mixed, in training and for maps; if none is given, bf16-mixed where the device computes in it."""
    compile: str = ""
    """Backend of torch.compile for the net in training, such as inductor, which needs a C++ compiler; empty: none."""
    split: str = "random"
    """Rule that deals the women (random, official, fold:K), or a path to a split file."""
    seed: int = 1
    """Seed of the split, the weights and the crops."""
    intensity: IntensitySettings = field(default_factory=IntensitySettings)
    """How grey values become the net's input."""

    def __post_init__(self) -> None:
        own, vgg = own_net(self.net), self.net in VGG_NETS
        if not self.encoder and not own:
            object.__setattr__(self, "encoder", "vgg16" if vgg else ENCODER)
        faults = [f"loss {self.loss!r}: none of {', '.join(LOSSES)}"] if self.loss not in LOSSES else []
        if own and self.encoder:
            faults.append(f"encoder {self.encoder!r}: a net of one's own ({self.net}) brings its own")
        if self.encoder_weights and (own or self.init_from):
            faults.append("encoder_weights: not for a net of one's own, nor where init_from gives all weights")
        if vgg and self.encoder != "vgg16":
            faults.append(f"encoder {self.encoder!r}: {self.net} is made of vgg16; {self.net}-light takes any")
        if self.crop < CROP_STEP or self.crop % CROP_STEP:
            faults.append(f"crop {self.crop} is no multiple of {CROP_STEP}")
        if self.batch < 1 or self.crops < 0 or self.validate_every < 1 or self.patience < 0:
            faults.append("batch and validate_every must be positive, crops and patience not negative")
        elif self.accumulate < 1 or self.batch % self.accumulate:
            faults.append(f"accumulate {self.accumulate} does not divide batch {self.batch}")
        if self.precision not in ("", *PRECISIONS):
            faults.append(f"precision {self.precision!r}: none of {', '.join(PRECISIONS)}")
        if self.chosen_by not in (*FIGURES, LAST):
            faults.append(f"chosen_by {self.chosen_by!r}: none of {', '.join((*FIGURES, LAST))}")
        elif self.chosen_by == LAST and self.patience:
            faults.append("patience: nothing ends early where the last weights are kept")
        shares = (self.malignant_share, self.lesion_share, self.elastic)
        if not (all(0 <= share <= 1 for share in shares) and 0 <= self.ema < 1 and 0 <= self.proportion < 1):
            faults.append("shares must lie in [0, 1], ema and proportion in [0, 1)")
        if self.learning_rate <= 0 or self.lesion_weight <= 0 or self.label_weight < 0:
            faults.append("learning_rate and lesion_weight must be positive, label_weight not negative")
        if faults:
            raise ConfigError("training settings: " + "; ".join(faults))

    @property
    def loop(self) -> Steps:
        """These settings as the loop takes them."""
        return Steps(
            steps=-(-self.crops // self.batch),
            learning_rate=self.learning_rate,
            warmup=self.warmup_crops // self.batch,
            weight_decay=self.weight_decay,
            parts=self.accumulate,
            ema=self.ema,
            validate_every=max(1, self.validate_every // self.batch),
            patience=self.patience,
            compile=self.compile,
            seed=self.seed,
        )

    def json(self) -> dict[str, Any]:
        """As plain values; `from_json` takes them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Settings from plain values.

        Raises
        ------
        ConfigError
            If a name is unknown or a value out of range.
        """
        kinds = {f.name: str(f.type) for f in fields(cls)}
        unknown = sorted(set(values) - set(kinds))
        if unknown:
            raise ConfigError(f"unknown training setting {unknown[0]!r}; known: {', '.join(sorted(kinds))}")
        plain = {name: _typed(name, kinds[name], value) for name, value in values.items()}
        if "intensity" in plain:
            try:
                plain["intensity"] = IntensitySettings(**plain["intensity"])
            except (TypeError, ValueError) as error:
                raise ConfigError(f"training settings: intensity: {error}") from None
        return cls(**plain)


def _typed(name: str, kind: str, value: Any) -> Any:
    """A value as its setting takes it: 1e2 is a whole number, `abc` is none."""
    if kind == "int" and isinstance(value, float) and value.is_integer():
        return int(value)
    wanted = {"int": int, "float": (int, float), "str": str}.get(kind, object)
    if isinstance(value, bool) or not isinstance(value, wanted):
        what = {"int": "a whole number", "float": "a number", "str": "a word"}.get(kind, "settings")
        raise ConfigError(f"training settings: {name} must be {what}, not {value!r}")
    return value


def own_net(net: str) -> tuple[Path, str] | None:
    """File and function of a net of one's own, `FILE.py:FUNCTION`; None for a net by name."""
    path, colon, function = net.rpartition(":")
    return (Path(path), function) if colon and path.endswith(".py") and function.isidentifier() else None
