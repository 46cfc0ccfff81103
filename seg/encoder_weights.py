"""Weights that an encoder starts from: those of ImageNet, fetched by segmentation-models-pytorch or timm, or a file's.

In: a net of `mammomap.seg.nets`, and `imagenet` or a file (safetensors, or what `torch.save` wrote of a state dict).
The first convolution takes one channel where the file's takes three: it gets the mean of the three filters. The layers
that classify whole images are left out, except by the full FCN, whose fc6 and fc7 are VGG-16's made convolutional
(Long, Shelhamer, Darrell 2015). Anything else must fit exactly: a renamed or missing layer refuses.
"""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from mammomap.errors import ConfigError
from mammomap.seg.fcn import FCN, VggTrunk

IMAGENET = "imagenet"
CLASSIFIERS = ("fc.", "classifier.", "head.", "last_linear.")
"""How the layers begin that classify whole images."""
VGG_WIDE = {"classifier.0": "fc6.0", "classifier.3": "fc7.0"}
"""VGG-16's fully connected layers -> the convolutions that they become."""
DEPTH = 5
"""Stages of a whole encoder."""
STAGE = re.compile(r"(?:model\.)?(\D+)(\d+)\.")
"""Stem and number of the stage that a layer belongs to."""
COUNTERS = "num_batches_tracked"
"""Batches that a batch norm has seen: older files have none."""


def start_encoder(net: nn.Module, encoder: str, source: str) -> None:
    """Put the weights of `source` into the net's encoder.

    Raises
    ------
    ConfigError
        If they cannot be had, are no weights, or do not fit the encoder.
    """
    state = _fetched(encoder) if source == IMAGENET else _of_file(Path(source))
    fit_encoder(net, state, source)


def kept_name(source: str) -> str:
    """What a run keeps of the source: a file's name and the first digits of its hash, no path.

    Raises
    ------
    ConfigError
        If it is no file.
    """
    if source in ("", IMAGENET):
        return source
    if not Path(source).is_file():
        raise ConfigError(f"--encoder-weights {source}: no such file, and not the word {IMAGENET}")
    with Path(source).open("rb") as file:
        return f"{Path(source).name} ({hashlib.file_digest(file, 'sha256').hexdigest()[:8]})"


def fit_encoder(net: nn.Module, state: Mapping[str, torch.Tensor], source: str) -> None:
    """Copy weights into the encoder of a net.

    Raises
    ------
    ConfigError
        If they do not fit it.
    """
    trunk = net.trunk if isinstance(net, FCN) else net
    target = trunk if isinstance(trunk, VggTrunk) else getattr(trunk, "encoder", None)
    if not isinstance(target, nn.Module):
        raise ConfigError("--encoder-weights: this net has no encoder of a name")
    ours, theirs = target.state_dict(), dict(state)
    if isinstance(target, VggTrunk):
        theirs = {_vgg_name(name): weight for name, weight in theirs.items()}
    elif all(name.startswith("model.") for name in ours) and not any(name.startswith("model.") for name in theirs):
        theirs = {f"model.{name}": weight for name, weight in theirs.items()}  # timm's, as smp wraps it
    bare = {name: name.removeprefix("model.") for name in theirs}
    cut = _stages_cut(target, ours, theirs)
    theirs = {n: weight for n, weight in theirs.items() if n in ours or not bare[n].startswith(CLASSIFIERS + cut)}
    for name, own in ours.items():
        if name in theirs:
            theirs[name] = _shaped(theirs[name], own)
        elif name.endswith(COUNTERS) or (isinstance(target, VggTrunk) and name.startswith("fc")):
            theirs[name] = own
    wrong = set(ours) ^ set(theirs) | {n for n in set(ours) & set(theirs) if ours[n].shape != theirs[n].shape}
    if wrong:
        raise ConfigError(f"--encoder-weights {source}: {len(wrong)} layers do not fit the encoder, first {min(wrong)}")
    nn.Module.load_state_dict(target, theirs, strict=True)  # some encoders' own drops layers and knows no strictness


def _stages_cut(target: nn.Module, ours: Mapping, theirs: Mapping) -> tuple[str, ...]:
    """How the layers begin that an encoder of fewer stages leaves out: `layer4.` where it ends with `layer3.`"""
    if getattr(target, "_depth", DEPTH) >= DEPTH:
        return ()
    numbered = [{tuple(found.groups()) for name in names if (found := STAGE.match(name))} for names in (ours, theirs)]
    last: dict[str, int] = {}
    for stem, number in numbered[0]:
        last[stem] = max(int(number), last.get(stem, 0))
    return tuple(f"{stem}{number}." for stem, number in numbered[1] if stem in last and int(number) > last[stem])


def _vgg_name(name: str) -> str:
    layer, dot, what = name.rpartition(".")
    return f"{VGG_WIDE[layer]}{dot}{what}" if layer in VGG_WIDE else name


def _shaped(weight: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """The mean over three input channels where ours has one; a fully connected layer as the convolution that it is."""
    if own.ndim == weight.ndim == 4 and own.shape[1] == 1 and weight.shape[1] == 3:
        return weight.mean(1, keepdim=True)
    if own.ndim == 4 and weight.ndim == 2 and weight.numel() == own.numel():
        return weight.reshape(own.shape)
    return weight


def _fetched(encoder: str) -> Mapping[str, torch.Tensor]:
    try:
        return smp.encoders.get_encoder(encoder, weights=True if encoder.startswith("tu-") else IMAGENET).state_dict()
    except KeyError:
        raise ConfigError(f"--encoder-weights {IMAGENET}: there are none for {encoder}") from None
    except Exception as error:  # whatever a network, a proxy or a cache can do
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise ConfigError(
            f"--encoder-weights {IMAGENET}: those of {encoder} could not be fetched ({reason}); name a FILE, or leave "
            "the option out to start from random weights"
        ) from error


def _of_file(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, weights_only=True, map_location="cpu")
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
        raise ConfigError(f"--encoder-weights {path}: no weights ({reason})") from None
    for inner in ("state_dict", "model"):
        if isinstance(found, Mapping) and isinstance(found.get(inner), Mapping):
            found = found[inner]
    if not isinstance(found, Mapping) or not all(isinstance(weight, torch.Tensor) for weight in found.values()):
        raise ConfigError(f"--encoder-weights {path}: holds no state dict, a name and a tensor for each layer")
    return found
