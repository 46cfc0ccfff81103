"""How good the net is now: loss and lesion sensitivity on whole films, by the referee's own functions.

In: a net and stored films with targets. Out: one dict of numbers. A lesion is a connected part of the target here,
and a hit is a candidate's peak inside it; candidates in void, or in a kind of lesion that the net does not learn, are
neither hit nor false. The benchmark judges by the tables' outlines instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from mammomap.eval.candidates import find_candidates
from mammomap.eval.froc import Marks, froc
from mammomap.eval.images import auc
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.store import Store
from mammomap.masks.targets import lesions_shown, malignant_classes
from mammomap.seg.crops import channel_targets
from mammomap.seg.device import Hardware
from mammomap.seg.maps import film_map, map_layers

FP_RATES = (0.25, 0.5, 1.0, 2.0)


def validate(
    net: nn.Module,
    store: Store,
    image_ids: Sequence[str],
    classes: Sequence[int],
    loss: nn.Module,
    intensity: IntensitySettings,
    hardware: Hardware,
) -> dict[str, float]:
    """Loss per film, mean sensitivity over `FP_RATES`, sensitivity at 1 false positive per film, and image AUC of
    the malignancy map's highest candidate."""
    losses, labels, scores = [], [], []
    mark_film, mark_score, hit_mark, hit_lesion, lesion_film = [], [], [], [], []
    for number, image_id in enumerate(image_ids):
        film = store[image_id]
        probabilities = film_map(net, net_input(film.pixels, intensity), hardware)
        logits = torch.from_numpy(np.log(np.maximum(probabilities, 1e-7)))[None]
        targets = torch.from_numpy(channel_targets(film.target, classes))[None]
        losses.append(float(loss(logits.to(hardware.device), targets.to(hardware.device))))
        lesion, malignancy = map_layers(probabilities, classes)
        inside, film_rows = film.pixels > 0, film.grid.working_rows_of_film
        found = find_candidates(lesion, film_rows=film_rows, inside=inside)
        bad = find_candidates(malignancy, film_rows=film_rows, inside=inside)
        labels.append(bool(np.isin(film.target, malignant_classes(classes)).any()))
        scores.append(float(bad.scores[0]) if len(bad) else 0.0)
        parts, _, areas = lesions_shown(film.target, classes)
        first = len(lesion_film)
        lesion_film += [number] * len(areas)
        for row, col, score in zip(found.rows, found.cols, found.scores, strict=True):
            hit = int(parts[int(row), int(col)])
            if hit:
                hit_mark.append(len(mark_film))
                hit_lesion.append(first + hit - 1)
            elif film.target[int(row), int(col)]:
                continue  # a lesion that counts for nothing here
            mark_film.append(number)
            mark_score.append(score)
    marks = Marks(
        np.array(mark_film, int), np.array(mark_score, float), np.array(hit_mark, int), np.array(hit_lesion, int)
    )
    curve = froc(marks, np.array(lesion_film, int), len(image_ids))
    return {
        "loss": float(np.mean(losses)),
        "mean_sensitivity": float(np.mean([curve.at(rate) for rate in FP_RATES])),
        "sensitivity_at_1": curve.at(1.0),
        "image_auc": auc(np.array(labels), np.array(scores)),
    }
