"""A fit for many inputs beside a head's own: the features of the net (`mammomap.classify.net_features`) and the map's.

In: inputs `(films, n)`, a head's own first. Out: a fit for `mammomap.classify.heads.fit_head`. Some hundred women
cannot teach 512 weights. The others are brought to `COMPONENTS` principal components of equal spread, found on the
films that the fit sees; how far these are trusted against the head's own (`TRUST`, the factor on them under one common
penalty) is chosen by the log loss on women left out once more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from mammomap.classify.calibration import log_loss
from mammomap.classify.heads import Fit
from mammomap.classify.models import INVERSE_PENALTY, Linear

COMPONENTS = 16
TRUST = (0.1, 0.3, 1.0)
FOLDS = 5


def fit_beside(own: int, components: int = COMPONENTS) -> Fit:
    """A fit for `fit_head`: logistic regression on the first `own` inputs and, beside them, on the components of the
    others. With `own` 0 the net's features stand alone. The outcome is a plain `Linear` over all inputs."""

    def fit(inputs: NDArray[np.float64], malignant: NDArray[np.bool_], women: NDArray, seed: int) -> Linear:
        folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed).split(inputs, malignant, women))
        losses = []
        for trust in TRUST:
            lost = 0.0
            for others, these in folds:
                made = _fitted(inputs[others], malignant[others], own, components, trust)
                told = expit(made.score(inputs[these]))
                lost += log_loss(malignant[these], told) * len(these)
            losses.append(lost)
        return _fitted(inputs, malignant, own, components, TRUST[int(np.argmin(losses))])

    return fit


def _fitted(inputs: NDArray, malignant: NDArray, own: int, components: int, trust: float) -> Linear:
    """One fit: standardised inputs, turned by the components, weighed, and turned back into weights of the inputs.

    The others share one spread: each brought to its own, principal components that come in would all count alike.
    """
    mean, spread = inputs.mean(0), np.maximum(inputs.std(0), 1e-6)
    spread[own:] = np.sqrt(np.mean(spread[own:] ** 2))
    standard = (inputs - mean) / spread
    found = PCA(min(components, len(inputs) - 1, inputs.shape[1] - own), svd_solver="full").fit(standard[:, own:])
    across = found.components_.T / np.sqrt(np.maximum(found.explained_variance_, 1e-12)) * trust
    turned = np.zeros((inputs.shape[1], own + across.shape[1]))
    turned[:own, :own] = np.eye(own)
    turned[own:, own:] = across
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit(standard @ turned, malignant)
    weights = turned @ fitted.coef_[0]
    return Linear(*(tuple(float(v) for v in values) for values in (mean, spread, weights)), float(fitted.intercept_[0]))
