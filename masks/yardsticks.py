"""Scores that need no net: what a system on a set has to be read beside.

In: tables. Out: one row a film. `birads`: the radiologists' BI-RADS, highest over the film's counted lesions; 0
("incomplete", needs more imaging) stands on no scale and is put between 3 and 4 for this score alone. It may rest on
more than this film: earlier films, ultrasound, the other view, what the woman felt. `largest_lesion_px`: area of the
largest outline in pixels of the film, of a box where the outline is one. `film_shape`: 1 - cols / rows, and
`film_px`: rows times cols; both come from the scanner and the cut of the film, not from the breast, and still go with
the label of CBIS-DDSM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import pandas as pd

from mammomap.masks.outlines import Outline, outlines_of
from mammomap.masks.tables import Tables

INCOMPLETE = 3.5
"""Where BI-RADS 0 stands in the score."""
YARDSTICKS = {
    "birads": "the radiologists' BI-RADS",
    "largest_lesion_px": "largest lesion area",
    "film_shape": "narrow films (1 - cols / rows)",
    "film_px": "film size (rows x cols)",
}


def yardsticks(tables: Tables, outlines: Mapping[str, Sequence[Outline]] | None = None) -> pd.DataFrame:
    """The scores of every film: `image_id` and a float64 column for each of `YARDSTICKS`.

    outlines: those of each film, where they are at hand, so that no mask is read twice. NaN where a film has no
    BI-RADS; 0 for the largest lesion of a film without one.
    """
    counted = tables.lesions[tables.lesions["role"] == "lesion"]
    grades = counted["assessment"].astype("Float64").mask((counted["assessment"] == 0).fillna(False), INCOMPLETE)
    birads = grades.groupby(counted["image_id"]).max()
    films = tables.films
    rows, cols = films["rows"].to_numpy(float), films["cols"].to_numpy(float)
    largest = {}
    for film in films.itertuples():
        size = (int(film.rows), int(film.cols))
        its = outlines[film.image_id] if outlines else outlines_of(tables.lesions_of(film.image_id), size)
        largest[film.image_id] = max((area_px(o) for o in its if not o.ignored), default=0.0)
    return pd.DataFrame(
        {
            "image_id": films["image_id"],
            "birads": films["image_id"].map(birads).astype(float),
            "largest_lesion_px": films["image_id"].map(largest).astype(float),
            "film_shape": 1 - cols / rows,
            "film_px": rows * cols,
        }
    )


def area_px(outline: Outline) -> float:
    """The area of an outline in film pixels; a box counts whole, a circle as a circle."""
    if outline.approximate and outline.box is not None:
        row0, col0, row1, col1 = outline.box
        share = np.pi / 4 if outline.shape == "circle" else 1.0
        return float(share * (row1 - row0) * (col1 - col0))
    if outline.points is not None:
        return float(cv2.contourArea(outline.points.astype(np.float32)[:, ::-1].copy()))
    return float(outline.on_film.sum())
