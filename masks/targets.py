"""What the net is to learn on one film: a class per working pixel.

In: outlines and a Grid. Out: uint8 `(rows, cols)` with the codes below; 255 is void in the loss. Where lesions
overlap, malignant stands over benign and, within that, calcification over mass; lesions that count for nothing
(role `ignore`) are void, and lie below all others.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.masks.grid import Grid
from mammomap.masks.outlines import Outline

CLASSES = ("background", "benign calcification", "malignant calcification", "benign mass", "malignant mass")
IGNORE = 255
_CODE = {(kind, bad): 1 + 2 * k + bad for k, kind in enumerate(("calcification", "mass")) for bad in (False, True)}
_DRAW_ORDER = [("mass", False), ("calcification", False), ("mass", True), ("calcification", True)]


def draw_target(outlines: Iterable[Outline], grid: Grid) -> NDArray[np.uint8]:
    """Class codes on the working grid, uint8 `(grid.rows, grid.cols)`."""
    target = np.zeros((grid.rows, grid.cols), np.uint8)
    listed = list(outlines)
    for outline in listed:
        if outline.ignored:
            target[outline.on_grid(grid)] = IGNORE
    for outline in sorted((o for o in listed if not o.ignored), key=lambda o: _DRAW_ORDER.index((o.kind, o.malignant))):
        target[outline.on_grid(grid)] = _CODE[outline.kind, outline.malignant]
    return target


def classes_shown(kinds_outlined: Iterable[str]) -> tuple[int, ...]:
    """Codes of the classes that a set with these kinds of outlines can teach; background is always one."""
    kinds = set(kinds_outlined)
    return (0, *sorted(code for (kind, _), code in _CODE.items() if kind in kinds))


def malignant_classes(codes: Iterable[int]) -> tuple[int, ...]:
    """Those of the codes that stand for malignant lesions."""
    return tuple(code for code in codes if code in (2, 4))


def lesions_shown(
    target: NDArray[np.uint8], codes: Iterable[int]
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The lesions of these classes that a target shows: its connected parts that are not background.

    Returns
    -------
    parts : int32 `(rows, cols)`
        0 where there is none, else the lesion's number from 1.
    boxes : int64 `(n, 4)`
        Half-open: first row, first column, last row, last column.
    areas : int64 `(n,)`
        In pixels.
    """
    shown = np.isin(target, [code for code in codes if code]).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(shown)
    col, row, width, height, areas = stats[1:].T.astype(np.int64)
    return parts, np.stack([row, col, row + height, col + width], axis=1), areas
