"""Writes the golden curves anew: PYTHONPATH=tests python -m made.curves, from the root of the repository.

The first line says on which CPU they were made, and which of its flags choose torch's kernels.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import torch
from made.films import loss_curve

from mammomap.seg.device import _cpu_flags, _cpu_name
from mammomap.seg.nets import SUPPORTED, build_net

STEPS = 20
KERNEL_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def main(path: Path) -> None:
    """Train every supported net for some steps; write the losses, a column each, after each net."""
    flags = " ".join(flag for flag in KERNEL_FLAGS if flag in _cpu_flags())
    head = f"# {_cpu_name()}; {flags}; torch {torch.__version__}, fp32, 1 thread\n"
    curves = {}
    for net, encoder in SUPPORTED:
        side = 32 if encoder == "vgg16" else 64
        curves[f"{net} {encoder}"] = loss_curve(build_net(net, encoder, 3, seed=1), STEPS, side)
        with path.open("w", newline="") as file:
            file.write(head)
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["step", *curves])
            for step in range(STEPS):
                writer.writerow([step, *(f"{curve[step]:.6f}" for curve in curves.values())])


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tests/seg/golden_curves.csv"))
