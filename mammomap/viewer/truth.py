"""True outlines for the page: closed lines in film pixels.

In: rows of the lesion table and the film's size. Out: one dictionary a lesion, its points `[row, col]` with pixel
centres at integers. A mask is traced halfway between its pixels and the others, to within 0.7 pixels; a box or circle
is drawn as an ellipse, marked approximate.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.measure import approximate_polygon, find_contours

from mammomap.errors import MammomapError
from mammomap.masks.outlines import Outline, outline_of

TOLERANCE_PX = 0.7
ELLIPSE_POINTS = 72


def true_outlines(lesions: Sequence[dict], film_size: tuple[int, int]) -> list[dict]:
    """What the page draws of these lesions; one whose mask cannot be read has no lines and says so."""
    told = []
    for lesion in lesions:
        outline, lines, note = None, [], ""
        try:
            outline = outline_of(lesion, film_size)
            lines = [np.round(line, 1).tolist() for line in lines_of(outline)]
        except MammomapError:  # its text may name a file
            note = "outline cannot be read"
        told.append(
            {
                "lesion": str(lesion["lesion_id"]),
                "kind": str(lesion["kind"]),
                "malignant": lesion["pathology"] == "MALIGNANT",
                "approximate": outline is not None and outline.approximate,
                "ignored": lesion.get("role", "lesion") == "ignore",
                "lines": lines,
                "note": note,
            }
        )
    return told


def lines_of(outline: Outline) -> list[NDArray[np.float64]]:
    """Closed lines `(n, 2)`, row and col in film pixels; the first point is not repeated."""
    if outline.approximate and outline.box is not None:
        row0, col0, row1, col1 = outline.box
        angle = np.linspace(0, 2 * np.pi, ELLIPSE_POINTS, endpoint=False)
        rows = (row0 + row1) / 2 - 0.5 + (row1 - row0) / 2 * np.sin(angle)
        return [np.stack([rows, (col0 + col1) / 2 - 0.5 + (col1 - col0) / 2 * np.cos(angle)], axis=1)]
    if outline.points is not None:
        return [outline.points]
    row0, col0, mask = outline.part
    traced = find_contours(np.pad(mask, 1).astype(np.float32), 0.5)
    return [approximate_polygon(line, TOLERANCE_PX)[:-1] + [row0 - 1, col0 - 1] for line in traced]
