"""Models of heads against scikit-learn, and parts that add up."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from mammomap.classify.models import BOOSTING, as_it_is, fit_linear, fit_trees


def drawn(seed: int = 0, films: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(0, 1, (films, 5))
    bent = features[:, 0] + np.abs(features[:, 1]) * (features[:, 2] > 0)
    return features, rng.random(films) < 1 / (1 + np.exp(-2 * bent))


def test_trees_are_scikit_learns() -> None:
    features, malignant = drawn()
    mine = fit_trees(features, malignant, seed=3)
    theirs = GradientBoostingClassifier(**BOOSTING, random_state=3).fit(features, malignant)
    new, _ = drawn(1)
    assert np.allclose(mine.score(new), theirs.decision_function(new), atol=1e-9)
    assert len(mine.roots) == BOOSTING["n_estimators"] and -1 in mine.feature


@pytest.mark.parametrize("fit", [fit_linear, lambda x, y: fit_trees(x, y, 1)])
def test_parts_add_up_to_the_score(fit) -> None:
    features, malignant = drawn()
    model = fit(features, malignant)
    start = getattr(model, "start", model.intercept)
    new, _ = drawn(2)
    assert np.allclose(start + model.parts(new).sum(1), model.score(new))


def test_a_feature_that_says_nothing_moves_nothing_and_the_strongest_moves_most() -> None:
    features, malignant = drawn()
    features[:, 4] = 7.0
    for model in (fit_linear(features, malignant), fit_trees(features, malignant, 1)):
        moved = np.abs(model.parts(features)).mean(0)
        assert moved[4] == 0 and moved.argmax() == 0


def test_the_start_of_trees_is_the_mean_of_their_leaves() -> None:
    """On the films that they were fitted on, with nothing left out, parts are 0 on average."""
    features, malignant = drawn(films=2000)
    model = fit_trees(features, malignant, seed=1)
    assert np.abs(model.parts(features).mean(0)).max() < 0.1
    assert abs(model.start - model.score(features).mean()) < 0.1


def test_one_input_as_it_is() -> None:
    values = np.array([[-2.0], [0.5]])
    assert as_it_is().score(values).tolist() == [-2.0, 0.5] and as_it_is().parts(values).tolist() == values.tolist()
