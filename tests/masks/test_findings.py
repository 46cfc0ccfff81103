"""What maps amount to, in words."""

import pytest

from mammomap.masks.findings import finding_threshold, findings, outside


def rows(*scores: float) -> list[dict]:
    return [{"map": "lesion", "score": score} for score in scores] + [{"map": "malignancy", "score": 0.9}]


@pytest.mark.parametrize(
    ("scores", "kinds", "told"),
    [
        ((), ("mass",), "no mass candidate above 0.3; calcifications not searched"),
        ((0.29,), ("mass",), "no mass candidate above 0.3; calcifications not searched"),
        ((0.3, 0.1), ("calcification",), "1 calcification candidate above 0.3; masses not searched"),
        ((0.5, 0.4, 0.3), ("calcification", "mass"), "3 calcification or mass candidates above 0.3"),
        ((0.5,), (), "1 bright spot candidate above 0.3"),
    ],
)
def test_findings(scores, kinds, told) -> None:
    assert findings(rows(*scores), kinds, 0.3) == told


def test_a_film_like_those_of_the_training_is_not_outside() -> None:
    assert outside({"imaging": "film", "detail_mm": 0.2}, "film", 0.05, 4000, 1000) == ""
    assert outside({"imaging": "unknown", "detail_mm": None}, "digital", None, 4000, 1000) == ""
    assert outside({}, "", None, 1000, 1000) == ""
    assert outside({"imaging": "film and digital"}, "digital", None, 1000, 1000) == ""


def test_each_way_of_being_outside_is_told() -> None:
    told = outside({"imaging": "film", "detail_mm": 0.1}, "digital", 0.2, 500, 1000)
    assert told == (
        "a digital mammogram, trained on digitised films; 500 rows, fewer than the model's 1000; "
        "pixels of 0.2 mm, trained on 0.1 mm"
    )
    assert outside({"imaging": "digital"}, "film", None, 9, 1) == "a digitised film, trained on digital mammograms"


def test_the_threshold_is_the_heads_else_that_of_the_maps_else_the_default() -> None:
    point = {"candidate 1 false positives per film": 0.3, "candidate 0.25 false positives per film": 0.6}
    assert finding_threshold(point, 0.4) == (0.3, "operating point: candidate 1 false positives per film")
    assert finding_threshold({}, 0.4) == (0.4, "the model's own, for the findings of these maps")
    assert finding_threshold({}) == (0.25, "no operating point yet")
