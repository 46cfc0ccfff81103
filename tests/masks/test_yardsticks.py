"""Scores without a net: by hand, and on the real mass films, where their AUC is known."""

from pathlib import Path

import numpy as np
import pytest

from mammomap.eval.images import auc
from mammomap.eval.intervals import interval, patient_weights
from mammomap.eval.resamples import auc_bootstrap
from mammomap.masks.outlines import Outline
from mammomap.masks.own_data import index_own_data
from mammomap.masks.tables import make_tables
from mammomap.masks.yardsticks import YARDSTICKS, area_px, yardsticks

FILM = {"patient_id": "P", "side": "LEFT", "view": "CC", "path": "x", "malignant": False, "source": "t"}


def test_by_hand() -> None:
    films = [FILM | {"image_id": i, "rows": 100, "cols": 80, "kinds_outlined": "mass"} for i in "abcd"]
    box = {"kind": "mass", "pathology": "BENIGN", "outline": "box", "row0": 0, "col0": 0, "col1": 10}
    lesions = [
        box | {"image_id": "a", "lesion_id": "1", "assessment": 3, "row1": 10},
        box | {"image_id": "a", "lesion_id": "2", "assessment": 0, "row1": 20},
        box | {"image_id": "a", "lesion_id": "3", "assessment": 5, "row1": 90, "role": "ignore"},
        box | {"image_id": "b", "lesion_id": "1", "assessment": 0, "row1": 5},
        box | {"image_id": "b", "lesion_id": "2", "assessment": 4, "row1": 5},
        box | {"image_id": "d", "lesion_id": "1", "assessment": None, "row1": 5},
    ]
    found = yardsticks(make_tables(films, lesions)).set_index("image_id")
    assert found["birads"].fillna(-1).tolist() == [3.5, 4.0, -1.0, -1.0]
    assert found["largest_lesion_px"].tolist() == [200, 50, 0, 50]
    assert np.allclose(found["film_shape"], 0.2) and set(found["film_px"]) == {8000}


def test_areas_of_every_kind_of_outline(tmp_path: Path) -> None:
    common = {"lesion_id": "1", "kind": "mass", "malignant": False, "film_size": (60, 60)}
    square = np.array([[10, 10], [10, 30], [40, 30], [40, 10]], float)
    assert area_px(Outline(shape="polygon", points=square, **common)) == 600
    assert area_px(Outline(shape="circle", box=(10, 10, 30, 30), **common)) == pytest.approx(np.pi * 100)


def test_what_they_reach_on_the_real_mass_films(real_data: Path) -> None:
    tables = index_own_data(real_data / "cbis_mass")
    found = yardsticks(tables)
    labels = tables.films["malignant"].to_numpy(bool)
    woman = np.unique(tables.films["patient_id"].to_numpy(str), return_inverse=True)[1]
    weights = patient_weights(woman, 1000, 7)
    reached = {}
    for name in YARDSTICKS:
        scores = found[name].to_numpy(float)
        samples = auc_bootstrap(labels, scores, woman, weights)
        spread = interval(auc(labels, scores), samples, n_patients=len(weights[0]))
        reached[name] = [round(value, 2) for value in (spread.value, spread.low, spread.high)]
    assert reached["birads"] == pytest.approx([0.84, 0.81, 0.86], abs=0.011)
    assert [reached[name][0] for name in ("largest_lesion_px", "film_shape", "film_px")] == [0.61, 0.59, 0.47]
