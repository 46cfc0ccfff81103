"""Why a score is what it is: what each input and each candidate moved it by, in logits before calibration.

In: a head, a film's map, candidates and inputs. Out: rows for a table.

feature     what the head's model adds for it: exact for a linear head, along the trees' paths for the other; counted
            from the mean film, or from what trees say before they ask anything; a convolutional head has no such
            rows, since nothing in it adds up
candidate   the score less what it is once the candidate is taken out of both maps (the part around its peak that is
            above half of it), everything worked out anew
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label

from mammomap.classify.conv_head import ConvNet
from mammomap.classify.features import SCORE, head_inputs
from mammomap.classify.heads import Head
from mammomap.masks.mapfile import FilmMap
from mammomap.seg.candidates import candidate_rows

COLUMNS = ("image_id", "what", "name", "row", "col", "value", "moved")
MOST = 3
"""Candidates looked at, the highest lesion candidates first."""


def reasons(head: Head, image_id: str, film_map: FilmMap, candidates: Sequence[dict], inputs: NDArray) -> list[dict]:
    """Rows of `COLUMNS`, features and then candidates, each with the strongest first."""
    rows = []
    if not isinstance(head.estimator, ConvNet):
        rows = [
            {"image_id": image_id, "what": "feature", "name": name, "value": float(value), "moved": float(part)}
            for name, value, part in zip(head.inputs, inputs, head.estimator.parts(inputs[None])[0], strict=True)
        ]
    score = float(head.raw(inputs[None])[0])
    lesions = [row for row in candidates if row["map"] == "lesion" and head.kind != SCORE]  # no map moves that
    strongest = sorted(lesions, key=lambda row: -row["score"])[:MOST]
    told = []
    for row in strongest:
        left = without(film_map, row)
        again = head_inputs(head.kind, left, candidate_rows(image_id, left))
        place = {"row": row["row"], "col": row["col"], "value": row["score"]}
        moved = score - float(head.raw(again[None])[0])
        told.append({"image_id": image_id, "what": "candidate", "name": "lesion candidate", **place, "moved": moved})
    return [*sorted(rows, key=_strength), *sorted(told, key=_strength)]


def without(film_map: FilmMap, candidate: dict) -> FilmMap:
    """The map with a candidate taken out of both layers."""
    place = film_map.grid.to_working(np.array([[candidate["row"], candidate["col"]]]))[0]
    row, col = (int(np.clip(round(x), 0, size - 1)) for x, size in zip(place, film_map.lesion.shape, strict=True))
    layer = film_map.layer(candidate["map"])
    parts = label(layer >= min(candidate["score"] / 2, layer[row, col]), connectivity=2)
    gone = parts == parts[row, col]
    lesion, malignancy = (np.where(gone, np.float32(0), its) for its in (film_map.lesion, film_map.malignancy))
    return FilmMap(lesion, malignancy, film_map.breast, film_map.grid, film_map.score)


def in_words(rows: Sequence[dict], most: int = 3) -> str:
    """The strongest features of one film, or candidates where its head has no such parts, as one cell of a table."""
    told = [row for row in rows if row["what"] == "feature"] or list(rows)
    return "; ".join(f"{row['name']} {row['moved']:+.2f}" for row in told[:most])


def _strength(row: dict) -> float:
    return -abs(row["moved"])
