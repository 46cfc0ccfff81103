"""What a perfect, a constant, an empty and a random map score by each lesion, pixel and overlap measure."""

from functools import cache

import numpy as np
import pytest

from mammomap.eval.afroc import afroc
from mammomap.eval.candidates import find_candidates
from mammomap.eval.froc import froc
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.means import summary
from mammomap.eval.overlap import MEASURES, OverlapCounts, film_overlap
from mammomap.eval.pixels import as_levels, average_precision, pixel_calibration, pixel_histogram, pointing
from mammomap.eval.regions import cut, film_pair
from mammomap.eval.surfaces import surface_distances

FILMS, SHAPE, SIDE = 40, (192, 128), 24
MAPS = {
    "perfect": lambda masks: masks.astype(np.float32),
    "constant": lambda masks: np.full(masks.shape, 0.9, np.float32),
    "empty": lambda masks: np.zeros(masks.shape, np.float32),
    "random": lambda masks: np.random.default_rng(1).random(masks.shape, dtype=np.float32),
}


def truth():
    """Every other film holds one square lesion somewhere."""
    rng = np.random.default_rng(0)
    masks = np.zeros((FILMS, *SHAPE), bool)
    for film in range(0, FILMS, 2):
        row, col = rng.integers(4, (SHAPE[0] - 28, SHAPE[1] - 28))
        masks[film, row : row + SIDE, col : col + SIDE] = True
    return masks


P = truth().mean()  # the share of lesion pixels
ON_ILL = SIDE**2 / (SHAPE[0] * SHAPE[1])  # the same on films that have a lesion
MIDDLE = truth()[::2, 95, 63].mean()  # lesions that hold the middle of their film, where a constant map has its peak

NAN = float("nan")
# measure: perfect, constant, empty, random; a pair is a range
TABLE = {
    "false positives per film": (0, (FILMS - MIDDLE * FILMS / 2) / FILMS, 0, (6, 12)),
    "sensitivity before all false positives": (1, 0, 0, (0, 0.6)),
    "mean sensitivity": (1, MIDDLE * 4 / 7, 0, (0, 0.4)),
    "mean sensitivity, lesion-free films": (1, MIDDLE * 4 / 7, 0, (0, 0.4)),
    "AFROC area": (1, MIDDLE / 2, 0.5, (0, 0.3)),
    "pixel average precision": (1, P, P, (0.95 * P, 1.1 * P)),
    "pointing game": (1, ON_ILL, 0, (0, 0.15)),
    "pixel calibration error": (0, 0.9 - P, P, (0.45, 0.5)),
    "dice": (1, 2 * P / (1 + P), 0, (0.97 * P / (P + 0.5), 1.03 * P / (P + 0.5))),
    "iou": (1, P, 0, (0.97 * 0.5 * P / (0.5 + P / 2), 1.03 * 0.5 * P / (0.5 + P / 2))),
    "precision": (1, P, 0, (0.97 * P, 1.03 * P)),
    "recall": (1, 1, 0, (0.47, 0.53)),
    "dice per lesion, mean": (
        1,
        2 * ON_ILL / (1 + ON_ILL),
        0,
        (0.97 * ON_ILL / (ON_ILL + 0.5), 1.03 * ON_ILL / (ON_ILL + 0.5)),
    ),
    "films without a surface distance": (FILMS / 2, FILMS / 2, FILMS, FILMS / 2),
    "hausdorff 95, mean": (0, (60, 192), NAN, (60, 192)),
    "average surface distance, mean": (0, (20, 100), NAN, (20, 100)),
}


@cache
def scored(name):
    masks = truth()
    maps = MAPS[name](masks)
    regions = [[cut(mask)] if mask.any() else [] for mask in masks]
    films = []
    for one in maps:
        found = find_candidates(one, film_rows=SHAPE[0])
        films.append(FilmMarks(np.stack([found.rows, found.cols], axis=1), found.scores))
    matched = match(films, [[Lesion(r) for r in held] for held in regions])
    curve = froc(matched.marks, matched.lesion_film, FILMS)
    apart = froc(matched.marks, matched.lesion_film, FILMS, fp_films=matched.lesion_free)
    levels = [as_levels(one) for one in maps]
    histograms = [pixel_histogram(one, held) for one, held in zip(levels, regions, strict=True)]
    histogram = sum(histograms[1:], histograms[0])
    overlaps = [film_overlap(one >= 0.5, held) for one, held in zip(maps, regions, strict=True)]
    pooled = sum((one.film for one in overlaps), OverlapCounts())
    distances = [surface_distances(*film_pair(m >= 0.5, held)) for m, held in zip(maps, regions, strict=True)]
    hausdorff = summary([d.hausdorff_95 for d in distances])
    last = curve.fp_per_film[-1] if len(curve.fp_per_film) else 0.0
    return {
        "false positives per film": last,
        "sensitivity before all false positives": curve.at(np.nextafter(last, 0)) if last else curve.at(0),
        "mean sensitivity": curve.mean_sensitivity,
        "mean sensitivity, lesion-free films": apart.mean_sensitivity,
        "AFROC area": afroc(matched).area,
        "pixel average precision": average_precision(histogram),
        "pointing game": summary([pointing(*pair) for pair in zip(levels, regions, strict=True)]).mean,
        "pixel calibration error": pixel_calibration(histogram).error,
        **{measure: getattr(pooled, measure) for measure in MEASURES},
        "dice per lesion, mean": summary([c.dice for one in overlaps for c in one.lesions]).mean,
        "films without a surface distance": hausdorff.n_undefined,
        "hausdorff 95, mean": hausdorff.mean,
        "average surface distance, mean": summary([d.average for d in distances]).mean,
    }


@pytest.mark.parametrize("measure", TABLE)
@pytest.mark.parametrize("name", MAPS)
def test_table_of_expected_values(name, measure):
    found, wanted = scored(name)[measure], TABLE[measure][list(MAPS).index(name)]
    if isinstance(wanted, tuple):
        assert wanted[0] <= found <= wanted[1]
    else:
        assert found == pytest.approx(wanted, abs=1e-5, nan_ok=True)


def test_a_constant_map_finds_no_lesion_before_all_its_false_positives():
    matched = [c for c in scored("constant").items() if c[0] in ("false positives per film", "mean sensitivity")]
    assert dict(matched)["false positives per film"] > 0.9
    assert scored("constant")["sensitivity before all false positives"] == 0
    assert MIDDLE > 0  # or the row would say nothing
