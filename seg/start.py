"""What training starts from: the net as it is built, or with the weights of a run of the same net or a coarser FCN.

FCN go from 32s to 16s to 8s, one at a time. A run for other classes of lesions gives what it has: classes that it does
not know start at random. Nothing is skipped in silence: what is new is named, any other difference refuses. The women
whom that run has seen count as seen by this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from safetensors.torch import load_file
from torch import nn

from mammomap.errors import ConfigError, LeakError
from mammomap.masks.mapfile import women_among
from mammomap.masks.splits import Split
from mammomap.masks.targets import CLASSES
from mammomap.seg.config import TrainConfig, own_net
from mammomap.seg.encoder_weights import kept_name, start_encoder
from mammomap.seg.fcn import FCN
from mammomap.seg.nets import build_net, check_net, stride_of, support_warning
from mammomap.seg.run import OWN_CODE, Run

ADDED = {16: ("score_pool4", "twice_fr"), 8: ("score_pool3", "twice_pool4")}
"""Layers that an FCN has beyond the next coarser one, by its finest stride."""
FIXED = "last"
"""The interpolation to the film's size: never learned, and of another size in each FCN."""


def as_kept(config: TrainConfig, start: Run | None) -> tuple[TrainConfig, bytes]:
    """The settings as a run keeps them, without paths of this machine, and the code of a net of one's own.

    Raises
    ------
    ConfigError
        If that code, or the file of the encoder's weights, is no file.
    """
    if start is not None:
        config = replace(config, init_from=start.name)
    config = replace(config, encoder_weights=kept_name(config.encoder_weights))
    own = own_net(config.net)
    if own is None:
        return config, b""
    if not own[0].is_file():
        raise ConfigError(f"net {config.net}: {own[0]} is no file")
    return replace(config, net=f"{OWN_CODE}:{own[1]}"), own[0].read_bytes()


def first_net(
    config: TrainConfig, classes: Sequence[int], start: Run | None, say: Callable[[str], object]
) -> nn.Module:
    """The net before the first step. `say` is told if it is not among the tested ones, and where its weights are from.

    Raises
    ------
    ConfigError
        If it cannot be built, does not give a logit per class and pixel, or does not fit the crop or the run `start`.
    """
    net = build_net(config.net, config.encoder, len(classes), config.seed)
    check_net(net, config.net, len(classes))
    stride = stride_of(net)
    if config.crop % stride:
        raise ConfigError(f"crop {config.crop} is no multiple of {stride}, the stride of net {config.net!r}")
    if warning := support_warning(config.net, config.encoder):
        say(f"warning: {warning}")
    if config.encoder_weights:
        start_encoder(net, config.encoder, config.encoder_weights)
        say(f"the encoder starts from {kept_name(config.encoder_weights)}")
    if start is not None:
        # As many classes but others: by shape nobody can tell which weights are theirs.
        if len(start.classes) == len(classes) and start.classes != tuple(classes):
            raise ConfigError(f"{start.folder}: trained for the classes {start.classes}, here they are {classes}")
        new = start_from(net, start, classes) + [CLASSES[code] for code in classes if code not in start.classes]
        say(f"weights of {start.name}; new layers: {', '.join(new) or 'none'}")
    return net


def women_seen_before(start: Run, split: Split, source: str) -> list[str]:
    """Codes of the women whom the run has seen, wherever; `split` deals women of the set `source`.

    Raises
    ------
    LeakError
        If the split tests, or fits a head on, a woman whom the run has seen, or validates on one who trained it.
    """
    leaks = {
        "head and test": women_among(split.women("head", "test"), source, start.women_codes),
        "validation": women_among(split.women("validation"), source, start.trained_codes),
    }
    for part, women in leaks.items():
        if women:
            raise LeakError(
                f"{len(women)} women of the part {part} of split {split.name!r} have been seen by {start.name}, "
                f"first {women[0]}; train both by the same split, split.csv of that run"
            )
    return start.women_codes


def start_from(net: nn.Module, start: Run, classes: Sequence[int]) -> list[str]:
    """Copy a run's weights into a net for `classes`; returns the layers that the run does not have.

    Weights of classes that the run does not know stay as they are, those of classes that this net has not are left out.

    Raises
    ------
    ConfigError
        If the two differ in anything but the layers that the next finer FCN adds.
    """
    theirs, ours = load_file(start.folder / "model.safetensors"), net.state_dict()
    theirs = {name: _of_classes(weight, ours.get(name), start.classes, classes) for name, weight in theirs.items()}
    new: tuple[str, ...] = ()
    fixed = f"{FIXED}.weight"
    if isinstance(net, FCN) and fixed in theirs and theirs[fixed].shape != ours[fixed].shape:
        new = ADDED.get(net.finest, ())
        theirs[fixed] = ours[fixed]
    added = {name for name in ours if name.partition(".")[0] in new} - set(theirs)
    wrong = (set(ours) ^ set(theirs)) - added
    wrong |= {name for name in set(ours) & set(theirs) if ours[name].shape != theirs[name].shape}
    if wrong:
        raise ConfigError(
            f"--init-from {start.folder}: {start.config.net} with {start.config.encoder} does not fit this net: "
            f"{len(wrong)} weights differ, first {min(wrong)}; wanted the same net or the next coarser FCN"
        )
    net.load_state_dict({**theirs, **{name: ours[name] for name in added}}, strict=True)
    return sorted({name.partition(".")[0] for name in added})


def _of_classes(
    theirs: torch.Tensor, ours: torch.Tensor | None, before: Sequence[int], after: Sequence[int]
) -> torch.Tensor:
    """Weights for the classes `after` from those for `before`; untouched where it is not the classes that differ."""
    if ours is None or ours.ndim != theirs.ndim or ours.shape == theirs.shape:
        return theirs
    both = [code for code in after if code in before]
    take, put = [], []
    for there, here in zip(theirs.shape, ours.shape, strict=True):
        if (there, here) == (len(before), len(after)):
            take.append(torch.tensor([before.index(code) for code in both]))
            put.append(torch.tensor([after.index(code) for code in both]))
        elif there == here:
            take.append(torch.arange(here))
            put.append(torch.arange(here))
        else:
            return theirs
    made = ours.clone()
    made[torch.meshgrid(*put, indexing="ij")] = theirs[torch.meshgrid(*take, indexing="ij")].to(made.dtype)
    return made
