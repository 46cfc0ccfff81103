"""From a raw score to a probability: temperature, Platt's line, or an isotonic curve, chosen inside the folds.

In: scores that women got from a model which had not seen them, in logits, and labels. Out: a Calibration that turns
such scores into probabilities, strictly rising, so that no order is lost. Which of the three it is, is decided by the
log loss on women left out once more (Guo et al. 2017, arXiv 1706.04599; Platt 1999; Zadrozny and Elkan 2002).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

KINDS = ("temperature", "platt", "isotonic")
FOLDS = 5
LEAST = 1e-6
RISE = 1e-6
"""Logits that an isotonic step still rises for one logit of the score, so that ties keep their order."""


@dataclass(frozen=True)
class Calibration:
    """One of `KINDS`; everything needed to apply it."""

    kind: str
    intercept: float = 0.0
    slope: float = 1.0
    scores: tuple[float, ...] = ()
    """isotonic: scores at which the curve bends; it is straight between them, and level outside."""
    probabilities: tuple[float, ...] = ()
    """isotonic: the curve there."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities `(n,)` of raw scores `(n,)`."""
        scores = np.asarray(scores, np.float64)
        if self.kind != "isotonic":
            return expit(self.intercept + self.slope * scores)
        curve = np.interp(scores, self.scores, self.probabilities)
        return expit(logit(curve) + RISE * scores)


def fit_calibration(kind: str, scores: NDArray[np.float64], malignant: NDArray[np.bool_]) -> Calibration:
    """Fit one kind. A temperature scales and does not shift; isotonic probabilities keep off 0 and 1 by what one more
    case of either label would make."""
    if kind == "temperature":
        line = LogisticRegression(C=np.inf, fit_intercept=False).fit(scores[:, None], malignant)
        return Calibration(kind, 0.0, float(line.coef_[0, 0]))
    if kind == "platt":
        line = LogisticRegression(C=np.inf).fit(scores[:, None], malignant)
        return Calibration(kind, float(line.intercept_[0]), float(line.coef_[0, 0]))
    edge = 1 / (len(scores) + 2)
    curve = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(scores, malignant)
    return Calibration(kind, 0.0, 1.0, _plain(curve.X_thresholds_), _plain(curve.y_thresholds_))


def choose_calibration(
    scores: NDArray[np.float64], malignant: NDArray[np.bool_], women: Sequence[str], seed: int
) -> tuple[Calibration, dict[str, float]]:
    """The kind with the lowest log loss on women left out, fitted on all; and each kind's log loss.

    A line that does not rise is out, however well it fits: where scores mislead, the order stays theirs, and a curve
    that is all but level says so.
    """
    losses = dict.fromkeys(KINDS, 0.0)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for others, these in folds.split(scores[:, None], malignant, np.asarray(women)):
        for kind in KINDS:
            made = fit_calibration(kind, scores[others], malignant[others])(scores[these])
            losses[kind] += log_loss(malignant[these], made) * len(these) / len(scores)
    fitted = {kind: fit_calibration(kind, scores, malignant) for kind in KINDS}
    rising = [kind for kind in KINDS if fitted[kind].slope > 0]
    return fitted[min(rising, key=lambda kind: losses[kind])], losses


def log_loss(malignant: NDArray[np.bool_], probabilities: NDArray[np.float64]) -> float:
    """Mean negative log of the probability given to what was true."""
    told = np.where(malignant, probabilities, 1 - probabilities)
    return float(-np.log(np.clip(told, LEAST, 1)).mean())


def _plain(values: NDArray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
