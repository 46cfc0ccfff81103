"""Films, breasts and women: what belongs together, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from mammomap.classify.levels import MEAN, Join, cases, learn_join, levels_known

ROWS = [
    ("a1", "A", "LEFT", "CC", 1.0, False),
    ("a2", "A", "LEFT", "CC", 3.0, False),  # the same view twice: 2
    ("a3", "A", "LEFT", "MLO", 6.0, True),
    ("a4", "A", "RIGHT", "MLO", -1.0, False),  # CC is missing
    ("b1", "B", "RIGHT", "CC", 0.5, False),
    ("b2", "B", "RIGHT", "MLO", -0.5, False),
]
FILMS = pd.DataFrame(ROWS, columns=["image_id", "woman", "side", "view", "raw", "malignant"])


def test_breasts_and_women_by_hand() -> None:
    breasts = cases(FILMS, "breast").set_index(["woman", "side"])
    assert breasts["raw"].to_dict() == {("A", "LEFT"): 4.0, ("A", "RIGHT"): -1.0, ("B", "RIGHT"): 0.0}
    assert breasts["films"].tolist() == [3, 1, 2] and breasts["views"].tolist() == [2, 1, 2]
    assert breasts["malignant"].tolist() == [True, False, False]
    women = cases(FILMS, "patient").set_index("woman")
    assert women["raw"].to_dict() == {"A": 4.0, "B": 0.0} and women["malignant"].tolist() == [True, False]
    assert women["films"].tolist() == [4, 2] and women["breasts"].tolist() == [2, 1]
    higher = cases(FILMS, "breast", Join(1.0, 0.0))
    assert higher["raw"].tolist() == [6.0, -1.0, 0.5]
    assert cases(FILMS, "image")["raw"].tolist() == FILMS["raw"].tolist()


def test_the_order_of_films_does_not_matter() -> None:
    for level in ("breast", "patient"):
        turned = cases(FILMS.iloc[::-1].reset_index(drop=True), level)
        pd.testing.assert_frame_equal(turned, cases(FILMS, level))


def test_levels_need_to_be_told() -> None:
    assert levels_known(FILMS) == ("image", "breast", "patient")
    for value in ("", None):
        assert levels_known(FILMS.assign(view=value)) == ("image",)
    assert levels_known(FILMS[["image_id"]]) == ("image",)


@pytest.mark.parametrize("column", ["side", "view"])
@pytest.mark.parametrize("value", ["", None])
def test_a_film_without_a_view_leaves_out_its_woman_alone(column: str, value: str | None) -> None:
    films = FILMS.assign(**{column: [value, *FILMS[column][1:]]})
    assert levels_known(films) == ("image", "breast", "patient")
    assert cases(films, "breast")["woman"].tolist() == ["B"] and cases(films, "patient")["raw"].tolist() == [0.0]
    assert len(cases(films, "image")) == len(FILMS)
    of_nobody = FILMS.assign(woman=["", *FILMS["woman"][1:]], **{column: films[column]})
    assert cases(of_nobody, "patient")["woman"].tolist() == ["A", "B"]


def test_three_views_are_averaged_unless_weights_were_learned() -> None:
    films = pd.concat([FILMS, pd.DataFrame([("b3", "B", "RIGHT", "XCCL", 3.0, False)], columns=FILMS.columns)])
    assert cases(films, "breast")["raw"].tolist() == [4.0, -1.0, 1.0]
    assert cases(films, "breast", Join(0.75, 0.25))["raw"].tolist()[2] == pytest.approx(0.75 * 3 - 0.25 * 0.5)


def drawn(weight: float, women: int = 3000) -> pd.DataFrame:
    """Breasts whose label follows weight x higher + (1 - weight) x lower."""
    rng = np.random.default_rng(0)
    views = rng.normal(0, 2, (women, 2))
    told = weight * views.max(1) + (1 - weight) * views.min(1)
    malignant = rng.random(women) < 1 / (1 + np.exp(-2 * told))
    rows = [
        (f"{k}{v}", f"W{k}", "LEFT", view, views[k, v], malignant[k])
        for k in range(women)
        for v, view in enumerate("CM")
    ]
    return pd.DataFrame(rows, columns=FILMS.columns)


@pytest.mark.parametrize("weight", [0.5, 0.8, 0.2])
def test_a_join_is_learned(weight: float) -> None:
    join = learn_join(drawn(weight))
    assert join.higher == pytest.approx(weight, abs=0.06) and join.higher + join.lower == pytest.approx(1)


def test_a_join_never_counts_a_view_against_her() -> None:
    films = drawn(0.5)
    assert learn_join(films.assign(malignant=~films["malignant"])) == MEAN
    assert learn_join(films.assign(malignant=True)) == MEAN
    assert learn_join(films[films["view"] == "C"]) == MEAN
    only = learn_join(drawn(1.3))
    assert only == Join(1.0, 0.0)
