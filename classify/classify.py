"""`mammomap classify`: a folder of maps and a head -> a score for every image.

Out: `scores.csv` (image_id, probability, calls at the head's operating points, the strongest candidate) and beside it
a JSON of the same stem with the operating points and the women seen by net and head.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.classify.features import map_features
from mammomap.classify.heads import Head
from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically, write_json
from mammomap.masks.mapfile import MapFolder

SCORES_FORMAT = 1
_CALLS = ("sensitivity 0.90", "specificity 0.90", "youden")


def classify(
    folder: MapFolder, head: Head, out: Path, *, progress: Callable[..., Iterable] | None = None
) -> tuple[pd.DataFrame, bool]:
    """Score every film of a folder of maps; returns the table, and whether anything was done.

    Raises
    ------
    ConfigError
        If the maps are not those of the run that the head was fitted on.
    """
    if folder.about["model"] != head.model:
        raise ConfigError(f"{folder.folder}: maps of {folder.about['model']}, but the head is for {head.model}")
    about = {
        "format": SCORES_FORMAT,
        "model": head.model,
        "prevalence": head.prevalence,
        "operating_points": head.operating_points,
        "women_seen": list(head.women_seen),
        "score": "probability that the image shows a malignant lesion, calibrated on "
        f"{head.women} women whom the net had not seen, {head.prevalence:.0%} of their images malignant",
    }
    beside = out.with_suffix(".json")
    if out.is_file() and beside.is_file() and json.loads(beside.read_text()) == json.loads(json.dumps(about)):
        scores = pd.read_csv(out, dtype={"image_id": str})
        if scores["image_id"].tolist() == folder.done:
            return scores, False
    by_film = {str(image_id): rows.to_dict("records") for image_id, rows in folder.candidates.groupby("image_id")}
    show = progress or (lambda items, **_: items)
    features = [
        map_features(folder.map(image_id), by_film.get(image_id, []))
        for image_id in show(folder.done, total=len(folder.done), desc="classify", unit="film")
    ]
    scores = pd.DataFrame({"image_id": folder.done, "probability": np.round(head.probability(np.array(features)), 6)})
    for name in _CALLS:
        scores[f"call at {name}"] = (scores["probability"] >= head.operating_points[name]).astype(int)
    write_atomically(out, lambda path: scores.to_csv(path, index=False))
    write_json(beside, about)
    return scores, True
