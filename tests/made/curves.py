"""Writes golden curves, from the root of the repository: all of them anew, or only those of some nets.

    PYTHONPATH=tests python -m made.curves
    PYTHONPATH=tests python -m made.curves "linknet resnet18" "fcn16s vgg16"

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

GOLDEN = Path("tests/seg/golden_curves.csv")
STEPS = 20
KERNEL_FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def cpu_kind() -> str:
    """Name of this CPU, and those of its flags that choose kernels: machines of one name may differ in these."""
    return f"{_cpu_name()}; {' '.join(flag for flag in KERNEL_FLAGS if flag in _cpu_flags())}"


def golden_curve(net: str, encoder: str) -> list[float]:
    """The losses of a supported net; the full FCN, which pads films by 100 pixels, gets fewer and smaller ones."""
    films, side = (2, 32) if encoder == "vgg16" else (4, 64)
    return loss_curve(build_net(net, encoder, 3, seed=1), STEPS, films, side)


def main(only: list[str]) -> None:
    """Train supported nets for some steps; write the losses, a column each, after each net."""
    head = f"# {cpu_kind()}; torch {torch.__version__}, fp32, 1 thread"
    curves: dict[str, list[str]] = {}
    if only:
        there, *lines = GOLDEN.read_text().splitlines()
        if there != head:
            sys.exit(f"{GOLDEN} was made elsewhere, {there}; here it is {head}: make all of them")
        rows = list(csv.DictReader(lines))
        curves = {name: [row[name] for row in rows] for name in rows[0] if name != "step"}
    names = [f"{net} {encoder}" for net, encoder in SUPPORTED]
    for name in only or names:
        curves[name] = [f"{loss:.6f}" for loss in golden_curve(*name.split())]
        with GOLDEN.open("w", newline="") as file:
            file.write(f"{head}\n")
            writer = csv.writer(file, lineterminator="\n")
            ordered = [its for its in names if its in curves]
            writer.writerow(["step", *ordered])
            writer.writerows([step, *(curves[its][step] for its in ordered)] for step in range(STEPS))


if __name__ == "__main__":
    main(sys.argv[1:])
