"""The fit for many more inputs beside a head's own."""

import numpy as np
import pandas as pd

from mammomap.classify.beside import fit_beside
from mammomap.classify.heads import fit_head
from mammomap.classify.models import fit_linear
from mammomap.eval.images import auc

OWN, DEEP = 3, 200


def drawn(women: int, seed: int, told: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Two films a woman: three inputs that know something, and many features that go together, some of which know
    `told` more."""
    rng, across = np.random.default_rng(seed), np.random.default_rng(99).normal(0, 1, (6, DEEP))
    malignant = np.repeat(rng.random(women) < 0.5, 2)
    own = rng.normal(0, 1, (2 * women, OWN)) + 0.6 * malignant[:, None]
    hidden = rng.normal(0, 1, (2 * women, 6))
    hidden[:, 0] += told * malignant
    deep = hidden @ across + rng.normal(0, 0.5, (2 * women, DEEP))
    names = [f"W{k // 2}" for k in range(2 * women)]
    ids = [f"F{k}" for k in range(2 * women)]
    return np.hstack([own, deep]), pd.DataFrame({"image_id": ids, "woman": names, "malignant": malignant})


def test_it_takes_what_the_features_know_and_is_not_led_astray_by_what_they_do_not() -> None:
    for told, gain in ((2.0, 0.05), (0.0, -0.03)):
        (inputs, films), (new, truth) = drawn(150, 1, told), drawn(400, 2, told)
        malignant = films["malignant"].to_numpy(bool)
        head = fit_head(inputs, films, model="m", seed=1, fit=fit_beside(OWN), named=("x",) * inputs.shape[1])
        alone = fit_linear(inputs[:, :OWN], malignant).score(new[:, :OWN])
        beside, plain = auc(truth["malignant"], head.raw(new)), auc(truth["malignant"], alone)
        assert beside - plain > gain, (told, beside, plain)
        all_at_once = auc(truth["malignant"], fit_linear(inputs, malignant).score(new))
        assert beside >= all_at_once - 0.01


def test_features_alone_and_a_map_alone_are_its_bounds() -> None:
    inputs, films = drawn(100, 3, 2.0)
    malignant, women = films["malignant"].to_numpy(bool), films["woman"].to_numpy()
    alone = fit_beside(0)(inputs[:, OWN:], malignant, women, 1)
    assert len(alone.weights) == DEEP and auc(malignant, alone.score(inputs[:, OWN:])) > 0.8
    both = fit_beside(OWN)(inputs, malignant, women, 1)
    assert np.allclose(both.intercept + both.parts(inputs).sum(1), both.score(inputs))
    assert np.abs(np.array(both.weights)[:OWN]).max() > np.abs(np.array(both.weights)[OWN:]).max()


def test_it_does_not_matter_how_the_features_are_turned() -> None:
    """Principal components of features are as good as the features: no direction of little spread is blown up."""
    inputs, films = drawn(100, 4, 1.0)
    malignant, women = films["malignant"].to_numpy(bool), films["woman"].to_numpy()
    deep = inputs[:, OWN:] - inputs[:, OWN:].mean(0)
    turned = np.hstack([inputs[:, :OWN], deep @ np.linalg.svd(deep, full_matrices=True)[2].T])
    one, other = (fit_beside(OWN)(given, malignant, women, 1).score(given) for given in (inputs, turned))
    assert np.allclose(one, other, atol=1e-3)
