"""A head: map features -> probability that the image shows a malignant lesion; with operating points.

In: features `(films, len(FEATURES))`, labels and women whom the net has not seen. Out: a Head, kept as JSON.
Logistic regression on standardised features; then Platt's line (Platt 1999) through the scores that each woman got
from a head fitted on the others, so that the probability is calibrated on women whom neither net nor head had seen.
The operating points are read from those same held-out probabilities.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from mammomap.classify.features import FEATURES
from mammomap.errors import ConfigError, ModelError
from mammomap.eval.images import auc, roc_curve
from mammomap.masks.bundle import HEAD, is_bundle, read_bundle
from mammomap.masks.files import write_json

HEAD_FORMAT = 1
FOLDS = 5
INVERSE_PENALTY = 0.1
"""scikit-learn's C on standardised features: strong, since women are few and the features go together."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A fitted head; everything needed to apply it, and what it was fitted on."""

    features: tuple[str, ...]
    mean: tuple[float, ...]
    spread: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    platt: tuple[float, float]
    """Intercept and slope of the line through the held-out scores."""
    prevalence: float
    """Share of malignant images among those that it was calibrated on: the probabilities hold at this share."""
    held_out_auc: float
    films: int
    women: int
    operating_points: dict[str, float]
    """Image level (calls when the probability is at or above): sensitivity 0.90, specificity 0.90, youden. Candidate
    level (lesion candidates at or above): candidate 1 and 0.25 false positives per film. lesion pixel: where set."""
    model: str
    """Name of the run whose maps it was fitted on."""
    women_seen: tuple[str, ...]
    """Codes of the women that net or head have seen."""

    def probability(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities `(films,)` of features `(films, len(FEATURES))`."""
        standard = (features - np.array(self.mean)) / np.array(self.spread)
        raw = standard @ np.array(self.weights) + self.intercept
        return expit(self.platt[0] + self.platt[1] * raw)


def fit_head(
    features: NDArray[np.float64],
    malignant: NDArray[np.bool_],
    women: Sequence[str],
    *,
    model: str,
    women_seen: Sequence[str],
    candidate_points: dict[str, float],
    seed: int,
) -> Head:
    """Fit and calibrate a head; `candidate_points` are thresholds that were chosen on the same women.

    Raises
    ------
    ConfigError
        If there are fewer women of either label than folds.
    """
    groups = np.array(women)
    for label, name in ((True, "malignant"), (False, "benign")):
        count = len(set(groups[malignant == label]))
        if count < FOLDS:
            raise ConfigError(f"{count} women with a {name} image in the head's part, at least {FOLDS} are needed")
    held_out = np.zeros(len(features))
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for others, these in folds.split(features, malignant, groups):
        mean, spread, weights, intercept = _fit(features[others], malignant[others])
        held_out[these] = (features[these] - mean) / spread @ weights + intercept
    line = LogisticRegression(C=np.inf).fit(held_out[:, None], malignant)
    platt = (float(line.intercept_[0]), float(line.coef_[0, 0]))
    mean, spread, weights, intercept = _fit(features, malignant)
    calibrated = expit(platt[0] + platt[1] * held_out)
    return Head(
        features=FEATURES,
        mean=tuple(mean.tolist()),
        spread=tuple(spread.tolist()),
        weights=tuple(weights.tolist()),
        intercept=intercept,
        platt=platt,
        prevalence=float(malignant.mean()),
        held_out_auc=auc(malignant, held_out),
        films=len(features),
        women=len(set(women)),
        operating_points=_image_points(malignant, calibrated) | candidate_points,
        model=model,
        women_seen=tuple(women_seen),
    )


def _fit(features: NDArray, malignant: NDArray) -> tuple[NDArray, NDArray, NDArray, float]:
    mean, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
    fitted = LogisticRegression(C=INVERSE_PENALTY, max_iter=1000).fit((features - mean) / spread, malignant)
    return mean, spread, fitted.coef_[0], float(fitted.intercept_[0])


def _image_points(malignant: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """Thresholds on the probability, read from held-out women."""
    curve = roc_curve(malignant, probability)
    youden = int(np.argmax(curve.tpr - curve.fpr))
    sensitive = int(np.argmax(curve.tpr >= 0.9))
    specific = len(curve.fpr) - 1 - int(np.argmax(curve.fpr[::-1] <= 0.1))
    top = float(probability.max())
    points = {"sensitivity 0.90": sensitive, "specificity 0.90": specific, "youden": youden}
    return {name: min(float(curve.thresholds[k]), top + 1e-9) for name, k in points.items()}


def write_head(path: Path, head: Head) -> None:
    """Write a head as JSON."""
    write_json(path, {"format": HEAD_FORMAT, **asdict(head)})


def read_head(path: Path) -> Head:
    """Read what `write_head` wrote, or the head in a bundle.

    Raises
    ------
    ModelError
        If the file is absent, no head, a bundle without one, of another format, or made for other features.
    """
    try:
        values = json.loads(_head_of_bundle(path) if is_bundle(path) else path.read_text())
        form = values.pop("format")
    except OSError:
        raise ModelError(f"{path}: no such file; make a head with 'mammomap train-head'") from None
    except (ValueError, KeyError, AttributeError):
        raise ModelError(f"{path}: not a head that 'mammomap train-head' made") from None
    if form != HEAD_FORMAT or tuple(values.get("features", ())) != FEATURES:
        raise ModelError(f"{path}: a head of another version; fit it again with 'mammomap train-head'")
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Head(**lists)


def _head_of_bundle(path: Path) -> bytes:
    members = read_bundle(path)
    if HEAD not in members:
        raise ModelError(f"{path}: the bundle holds no head")
    return members[HEAD]
