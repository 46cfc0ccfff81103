"""A run as an ONNX file: the net alone, for other people's programs, in fp32.

In: a run. Out: a file whose input `film` is float32 `(1, 1, rows, cols)` in [0, 1], rows and cols any multiples of the
net's stride, and whose output `probabilities` is float32 `(1, classes, rows, cols)`. What stands before and after the
net (working size, breast, intensity, padding, cropping back) is told in the file's metadata, entry `mammomap`.
"""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import torch
from torch import nn

from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically
from mammomap.masks.targets import malignant_classes
from mammomap.seg.device import choose_hardware
from mammomap.seg.nets import stride_of
from mammomap.seg.run import Run

METADATA = "mammomap"
"""Entry of the file's metadata that holds `about`, as JSON."""


class Probabilities(nn.Module):
    """The net with its softmax."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        """`(batch, 1, rows, cols)` -> `(batch, classes, rows, cols)`."""
        return self.net(film).softmax(1)


def about(run: Run, stride: int) -> dict:
    """What somebody who runs the file has to know."""
    return {
        "model": run.name,
        "rows": run.rows,
        "stride": stride,
        "intensity": run.config.json()["intensity"],
        "classes": list(run.classes),
        "malignant_classes": list(malignant_classes(run.classes)),
        "kinds_trained": list(run.kinds),
    }


def export_onnx(run: Run, out: Path) -> dict:
    """Write the file; returns what its metadata say.

    Raises
    ------
    ConfigError
        If the extra `onnx` is not installed, or the net cannot be exported.
    """
    try:
        import onnx  # noqa: F401 - what torch exports with
        import onnxscript  # noqa: F401
    except ImportError:
        raise ConfigError("export-onnx needs the extra onnx: pip install 'mammomap[onnx]'") from None
    net = run.net(choose_hardware()).cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    stride = stride_of(net)
    sides = {2: stride * torch.export.Dim("row_strides", max=512), 3: stride * torch.export.Dim("col_strides", max=512)}
    example = torch.zeros(1, 1, 3 * stride, 2 * stride)
    told = about(run, stride)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's own parts
            program = torch.onnx.export(
                Probabilities(net).eval(),
                (example,),
                dynamo=True,
                verbose=False,
                input_names=["film"],
                output_names=["probabilities"],
                dynamic_shapes=(sides,),
            )
    except Exception as error:  # whatever a net has that ONNX lacks
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise ConfigError(f"{run.folder}: net {run.config.net!r} cannot be exported ({reason})") from error
    assert program is not None
    program.model.metadata_props[METADATA] = json.dumps(told)
    write_atomically(out, lambda path: program.save(path))
    return told
