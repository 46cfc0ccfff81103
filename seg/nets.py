"""The nets by name: one grey channel in, a logit per class out, random weights that depend on the seed alone.

A net is the architecture's name, and the name of its encoder. The architectures are those of
segmentation-models-pytorch (`unet` is Ronneberger et al. 2015), the encoders its own and timm's (`tu-` before the
name), and the FCN of `mammomap.seg.fcn`. `file.py:build` is a net of one's own: `build(classes)` gives a torch module
that takes float32 `(batch, 1, rows, cols)` in [0, 1], rows and cols multiples of its stride, and gives logits
`(batch, classes, rows, cols)`. Its stride is its attribute `stride`, `STRIDE` where it has none.
"""

from __future__ import annotations

import copy
import importlib.util
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from torch import nn

from mammomap.errors import ConfigError
from mammomap.seg.config import VGG_NETS, own_net
from mammomap.seg.fcn import FCN, LightTrunk, VggTrunk

STRIDE = 32
"""Rows and columns that go into a net are multiples of this, where the net does not say otherwise."""
DILATED = "fcn8s-dilated"
"""The light FCN-8s with a dilated fc6, which has 9 weights where the other has 49."""
LIGHT_NETS = ("fcn32s-light", "fcn16s-light", "fcn8s-light", DILATED)
SHALLOW = "unet-shallow"
"""U-Net without the last stage of its encoder, which holds most of a small encoder's weights."""
SHALLOW_CHANNELS = (256, 128, 64, 32)
"""Of its decoder's stages; four, so that its stride is 16."""
NETS = (*smp.MODEL_ARCHITECTURES_MAPPING, SHALLOW, *VGG_NETS, *LIGHT_NETS)

SUPPORTED: dict[tuple[str, str], bool] = {
    ("unet", "resnet18"): True,
    ("unet", "resnet34"): True,
    ("unet", "vgg11_bn"): True,
    ("unet", "densenet121"): True,
    ("unet", "mobilenet_v2"): True,
    ("unet", "tu-convnext_atto"): True,
    ("unet", "tu-efficientnet_b0"): False,
    ("unet-shallow", "tu-resnet18"): True,
    ("unetplusplus", "resnet18"): True,
    ("linknet", "resnet18"): True,
    ("linknet", "tu-resnet10t"): True,
    ("fpn", "resnet18"): False,
    ("manet", "resnet18"): False,
    ("pspnet", "tu-resnet18"): False,
    ("deeplabv3plus", "resnet18"): False,
    ("upernet", "resnet18"): False,
    ("segformer", "mit_b0"): False,
    ("fcn32s-light", "resnet18"): True,
    ("fcn16s-light", "resnet18"): True,
    ("fcn8s-light", "resnet18"): True,
    ("fcn8s-dilated", "tu-resnet10t"): True,
    ("fcn32s", "vgg16"): True,
    ("fcn16s", "vgg16"): True,
    ("fcn8s", "vgg16"): True,
    ("fcn8s-at-once", "vgg16"): True,
}
"""The nets that the tests know, and whether each sees locally: a film shifted by the stride has its map shifted.

Squeeze-and-excitation, global pooling, attention and group norm look at the whole film, so that a map depends on what
lies anywhere in it.
"""


def build_net(net: str, encoder: str, classes: int, seed: int, *, channels: int = 1) -> nn.Module:
    """A net with random weights.

    Raises
    ------
    ConfigError
        If there is no such net or encoder, if they do not go together, or if the user's own file does not build one.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        if own := own_net(net):
            return _build_own(*own, classes)
        if net not in NETS:
            raise ConfigError(f"net {net!r}: none of {', '.join(NETS)}, and no FILE.py:FUNCTION")
        try:
            if net in VGG_NETS or net in LIGHT_NETS:
                finest = int(net.removeprefix("fcn").partition("s")[0])
                full = net in VGG_NETS
                trunk = VggTrunk(channels) if full else LightTrunk(channels, encoder, dilated=net == DILATED)
                return FCN(trunk, classes, finest, at_once=net.endswith("at-once"))
            make = smp.MODEL_ARCHITECTURES_MAPPING[net.removesuffix("-shallow")]
            cut = {"encoder_depth": 4, "decoder_channels": SHALLOW_CHANNELS} if net == SHALLOW else {}
            made = make(encoder, encoder_weights=None, in_channels=channels, classes=classes, **cut)
            if net == SHALLOW:
                made.stride = 16
            return made
        except (KeyError, ValueError, RuntimeError, NotImplementedError, AssertionError) as error:
            reason = (str(error).strip(" '\"").splitlines() or [type(error).__name__])[0][:160]
            raise ConfigError(f"net {net!r} with encoder {encoder!r} cannot be built: {reason}") from None


def check_net(net: nn.Module, name: str, classes: int) -> None:
    """Two small films through a net, of different shapes.

    Raises
    ------
    ConfigError
        If it does not give a logit per class and pixel.
    """
    stride, net = stride_of(net), copy.deepcopy(net).eval()  # what a net keeps of its first film stays out of training
    for rows, cols in ((2 * stride, stride), (stride, 3 * stride)):
        try:
            with torch.no_grad():
                made = net(torch.zeros(1, 1, rows, cols))
        except Exception as error:  # anything may go wrong in a net that nobody here has seen
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
            raise ConfigError(f"net {name!r} fails on a film of {rows}x{cols}: {reason}") from error
        got, wanted = getattr(made, "shape", type(made).__name__), (1, classes, rows, cols)
        if got != wanted:
            raise ConfigError(f"net {name!r} gives {got} for a film of {rows}x{cols}, wanted {wanted}")


def stride_of(net: nn.Module) -> int:
    """What rows and columns of the net's input must be multiples of."""
    own = getattr(net, "stride", STRIDE)
    return own if isinstance(own, int) else STRIDE  # a bare convolution has a stride of another meaning


def sees_locally(net: str, encoder: str) -> bool:
    """Whether a shift of the film by the stride is known to shift the map (`SUPPORTED`)."""
    return SUPPORTED.get((net, encoder), False)


def support_warning(net: str, encoder: str) -> str:
    """What has to be said about a net that the tests do not know; empty for the others, and for one's own."""
    if own_net(net) or (net, encoder) in SUPPORTED:
        return ""
    return f"net {net!r} with encoder {encoder!r} is not among those that are tested (docs/nets.md)"


def _build_own(path: Path, function: str, classes: int) -> nn.Module:
    where = f"{path.name}:{function}"
    if not path.is_file():
        raise ConfigError(f"net {where}: {path} is no file")
    spec = importlib.util.spec_from_file_location(f"mammomap_own_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        made = getattr(module, function)(classes)
    except Exception as error:  # the user's code
        raise ConfigError(f"net {where}: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise ConfigError(f"net {where}: gives {type(made).__name__}, wanted a torch.nn.Module")
    return made
