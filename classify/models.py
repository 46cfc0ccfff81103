"""Two of a head's three models, features to a raw score in logits, with what each feature adds to it.

Linear   logistic regression on standardised features; parts are exact by nature
Trees    gradient boosting; a part is what the score changes by along the paths of the trees where the feature is asked
         (Saabas 2014), and parts and start add up to the score

Both are plain numbers, kept as JSON; scikit-learn fits them and is not needed to apply them. The third, in which
nothing adds up, is `mammomap.classify.conv_head`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

INVERSE_PENALTY = 0.1
"""scikit-learn's C on standardised features: strong, since women are few and the features go together."""
BOOSTING = {"n_estimators": 60, "max_depth": 2, "learning_rate": 0.05, "subsample": 0.7, "min_samples_leaf": 5}
"""Few and small trees, for the same reason."""


@dataclass(frozen=True)
class Linear:
    """score = intercept + sum of weights x (feature - mean) / spread."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def parts(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each feature adds `(n, features)`, counted from the mean film."""
        return (features - np.array(self.mean)) / np.array(self.spread) * np.array(self.weights)

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw scores `(n,)` of features `(n, features)`."""
        return self.intercept + self.parts(features).sum(1)


@dataclass(frozen=True)
class Trees:
    """score = intercept + sum of the trees' values; lists of nodes one after the other, roots where `roots` says."""

    roots: tuple[int, ...]
    feature: tuple[int, ...]
    """The feature that a node asks for; -1 at a leaf."""
    threshold: tuple[float, ...]
    """Left is at or below."""
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]
    """Mean contribution of the node, learning rate in it."""
    intercept: float

    def parts(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each feature adds `(n, features)` along the paths; what the roots give stands in `start`."""
        made = np.zeros(features.shape)
        feature, value = np.array(self.feature), np.array(self.value)
        left, right, threshold = np.array(self.left), np.array(self.right), np.array(self.threshold)
        rows = np.arange(len(features))
        for root in self.roots:
            node = np.full(len(features), root)
            while (inner := feature[node] >= 0).any():
                asked = np.maximum(feature[node], 0)
                goes_left = features[rows, asked].astype(np.float32) <= threshold[node]
                following = np.where(goes_left, left[node], right[node])
                step = np.where(inner, value[following] - value[node], 0.0)
                np.add.at(made, (rows, asked), step)
                node = np.where(inner, following, node)
        return made

    @property
    def start(self) -> float:
        """The score before any feature is asked for."""
        return self.intercept + float(np.array(self.value)[list(self.roots)].sum())

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Raw scores `(n,)` of features `(n, features)`."""
        return self.start + self.parts(features).sum(1)


def as_it_is() -> Linear:
    """The model of a head with one input, whose score is that input."""
    return Linear((0.0,), (1.0,), (1.0,), 0.0)


def fit_linear(features: NDArray[np.float64], malignant: NDArray[np.bool_]) -> Linear:
    """Logistic regression on standardised features."""
    mean, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit((features - mean) / spread, malignant)
    return Linear(_plain(mean), _plain(spread), _plain(fitted.coef_[0]), float(fitted.intercept_[0]))


def fit_trees(features: NDArray[np.float64], malignant: NDArray[np.bool_], seed: int) -> Trees:
    """Gradient boosting on the log loss."""
    fitted = GradientBoostingClassifier(**BOOSTING, random_state=seed).fit(features, malignant)
    columns: dict[str, list] = {name: [] for name in ("feature", "threshold", "left", "right", "value")}
    roots = []
    for (regressor,) in fitted.estimators_:
        tree, first = regressor.tree_, len(columns["feature"])
        roots.append(first)
        columns["feature"] += np.where(tree.children_left < 0, -1, tree.feature).tolist()
        columns["threshold"] += tree.threshold.tolist()
        columns["left"] += (np.maximum(tree.children_left, 0) + first).tolist()
        columns["right"] += (np.maximum(tree.children_right, 0) + first).tolist()
        columns["value"] += (BOOSTING["learning_rate"] * _inner_values(tree)).tolist()
    share = malignant.mean()
    return Trees(tuple(roots), **{name: tuple(its) for name, its in columns.items()}, intercept=_logit(share))


def _inner_values(tree) -> NDArray[np.float64]:
    """Values of all nodes of a tree: leaves have their own, the others the mean of what lies below, by weight."""
    value, weight = tree.value[:, 0, 0].copy(), tree.weighted_n_node_samples
    for node in range(tree.node_count - 1, -1, -1):  # children stand behind their parents
        left, right = tree.children_left[node], tree.children_right[node]
        if left >= 0:
            value[node] = (value[left] * weight[left] + value[right] * weight[right]) / (weight[left] + weight[right])
    return value


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _plain(values: NDArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
