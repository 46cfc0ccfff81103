"""A head: numbers from a film's map -> the probability of a malignant lesion, for images, breasts and women.

In: inputs `(films, n)` of women whom the net has not seen, and what each film is. Out: a Head, kept as JSON. The model
is fitted on all; the scores on which calibration and operating points rest are those that each woman got from a model
fitted on the others, so that a probability is calibrated on women whom neither net nor head had seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from mammomap.classify.calibration import Calibration, choose_calibration
from mammomap.classify.conv_head import ConvNet, fit_conv
from mammomap.classify.features import CONV, KINDS, inputs_named
from mammomap.classify.levels import MEAN, Join, cases, learn_join, levels_known
from mammomap.classify.models import Linear, Trees, as_it_is, fit_linear, fit_trees
from mammomap.errors import ConfigError, ModelError
from mammomap.eval.images import auc, roc_curve
from mammomap.masks.bundle import HEAD, is_bundle, read_bundle
from mammomap.masks.files import write_json

HEAD_FORMAT = 2
FOLDS = 5
JOINS = ("mean", "two-view")
"""How the views of a breast are joined: their mean, or weights that are learned."""
IMAGE_POINTS = ("sensitivity 0.90", "specificity 0.90", "youden")
Estimator = Linear | Trees | ConvNet
Fit = Callable[[NDArray[np.float64], NDArray[np.bool_], NDArray, int], Estimator]
"""Inputs, labels, women, seed -> a model."""


@dataclass(frozen=True, kw_only=True)
class Level:
    """What holds for images, for breasts, or for women."""

    calibration: Calibration
    log_losses: dict[str, float]
    """Of the kinds of calibration, on women left out."""
    prevalence: float
    """Share of malignant cases among those that it was calibrated on: the probabilities hold at this share."""
    held_out_auc: float
    cases: int
    women: int
    operating_points: dict[str, float]
    """`IMAGE_POINTS`: a case is called when its probability is at or above."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """A fitted head; everything needed to apply it, and what it was fitted on."""

    kind: str
    inputs: tuple[str, ...]
    estimator: Estimator
    join: Join
    levels: dict[str, Level]
    """image, and where the films could be joined breast and patient."""
    candidate_points: dict[str, float]
    """Lesion candidates at or above count: candidate 1 and 0.25 false positives per film. lesion pixel: where set."""
    model: str
    """Name of the run whose maps it was fitted on."""
    fitted_on: str
    """Whose maps these were, in words."""
    women_seen: tuple[str, ...]
    """Codes of the women that net or head have seen."""
    pixel_temperature: float | None = None
    """Of the lesion layer's pixels (`mammomap.classify.pixel_temperature`); None where no lesion has an outline."""
    pixel_truth: str = ""
    """What it was fitted against: outlines, or boxes and circles where a set has nothing better."""
    flips: bool = False
    """Whether the maps that it was fitted on, and is for, are means over the film as it is and turned over."""
    data_hash: str = ""
    """Of the tables that net and head were made on; empty in a file from before this was kept."""
    join_asked: str = ""
    """One of `JOINS`; empty in a file from before this was kept."""
    folds: int | None = None
    """How many nets mapped the women out of fold, 0 where the run did; None in a file from before this was kept."""
    seed: int | None = None
    """Of the folds; None in a file from before this was kept."""

    def raw(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores in logits `(films,)` of inputs `(films, n)`, before calibration."""
        return self.estimator.score(inputs)

    def probability(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated probabilities of images `(films,)`."""
        return self.levels["image"].calibration(self.raw(inputs))

    @property
    def operating_points(self) -> dict[str, float]:
        """Those of images and of candidates."""
        return {**self.levels["image"].operating_points, **self.candidate_points}


def fit_head(
    inputs: NDArray[np.float64],
    films: pd.DataFrame,
    *,
    kind: str = "features",
    join: str = "mean",
    model: str,
    fitted_on: str = "women of the part head",
    women_seen: tuple[str, ...] = (),
    candidate_points: Mapping[str, float] | None = None,
    pixels: tuple[float | None, str] = (None, ""),
    named: tuple[str, ...] = (),
    fit: Fit | None = None,
    seed: int,
) -> Head:
    """Fit and calibrate a head. films: image_id, woman, malignant and, for breasts and women, side and view; one row
    for each row of `inputs`. `candidate_points` are thresholds that were chosen on the same women, `pixels` the
    temperature of the map's pixels and what it was fitted against. A study may bring inputs and a model of its own by
    `named` and `fit`; no file holds such a head. Breasts and women are left out where `too_few` says so.

    Raises
    ------
    ConfigError
        If there are fewer women with an image of either label than folds, an input is no number, or a name is unknown.
    """
    if kind not in KINDS or join not in JOINS:
        raise ConfigError(f"head {kind!r} with join {join!r}: wanted one of {', '.join(KINDS)}; {', '.join(JOINS)}")
    if lack := too_few(films, "image"):
        raise ConfigError(f"no head can be fitted: {lack}")
    odd = ~np.isfinite(inputs).all(1)
    if odd.any():
        raise ConfigError(f"{films['image_id'].to_numpy()[odd][0]}: its map gives the head an input that is no number")
    malignant, women = films["malignant"].to_numpy(bool), films["woman"].to_numpy()
    model_of = fit or _fit_of(kind)
    held_out, fold = np.zeros(len(films)), np.zeros(len(films), int)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for number, (others, these) in enumerate(folds.split(inputs, malignant, women)):
        held_out[these] = model_of(inputs[others], malignant[others], women[others], seed).score(inputs[these])
        fold[these] = number
    scored = films.assign(raw=held_out, fold=fold)
    known = [level for level in levels_known(films) if not too_few(films, level)]
    levels = {level: _level(scored, level, join, seed) for level in known}
    return Head(
        kind=kind,
        inputs=named or inputs_named(kind),
        estimator=model_of(inputs, malignant, women, seed),
        join=learn_join(scored) if join == "two-view" and "breast" in levels else MEAN,
        levels=levels,
        candidate_points=dict(candidate_points or {}),
        model=model,
        fitted_on=fitted_on,
        women_seen=tuple(women_seen),
        pixel_temperature=pixels[0],
        pixel_truth=pixels[1],
        join_asked=join,
        seed=seed,
    )


def too_few(films: pd.DataFrame, level: str) -> str:
    """What a level lacks to be calibrated on these films, in words; empty where it lacks nothing."""
    found = cases(films.assign(raw=0.0), level)
    for label, name in ((True, "malignant"), (False, "benign")):
        count = found.loc[found["malignant"] == label, "woman"].nunique()
        if count < FOLDS:
            return f"{count} women with a {name} case of level {level}, at least {FOLDS} are needed"
    return ""


def _fit_of(kind: str) -> Fit:
    by_kind: dict[str, Fit] = {
        "features": lambda inputs, malignant, women, seed: fit_linear(inputs, malignant),
        "trees": lambda inputs, malignant, women, seed: fit_trees(inputs, malignant, seed),
        CONV: lambda inputs, malignant, women, seed: fit_conv(inputs, malignant, seed),
    }
    return by_kind.get(kind, lambda inputs, malignant, women, seed: as_it_is())


def _level(scored: pd.DataFrame, level: str, join: str, seed: int) -> Level:
    """Calibration and operating points from held-out scores; a learned join is one of the other folds."""
    if join == "two-view" and level != "image":
        parts = []
        for number in range(FOLDS):
            others, these = scored[scored["fold"] != number], scored[scored["fold"] == number]
            parts.append(cases(these, level, learn_join(others)))
        found = pd.concat(parts, ignore_index=True)
    else:
        found = cases(scored, level)
    malignant, raw, women = found["malignant"].to_numpy(bool), found["raw"].to_numpy(), found["woman"].to_numpy()
    calibration, losses = choose_calibration(raw, malignant, women, seed)
    return Level(
        calibration=calibration,
        log_losses=losses,
        prevalence=float(malignant.mean()),
        held_out_auc=auc(malignant, raw),
        cases=len(found),
        women=len(set(women)),
        operating_points=_points(malignant, calibration(raw)),
    )


def _points(malignant: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, float]:
    """Thresholds on the probability, read from held-out women."""
    curve = roc_curve(malignant, probability)
    youden = int(np.argmax(curve.tpr - curve.fpr))
    sensitive = int(np.argmax(curve.tpr >= 0.9))
    specific = len(curve.fpr) - 1 - int(np.argmax(curve.fpr[::-1] <= 0.1))
    top = float(probability.max())
    chosen = dict(zip(IMAGE_POINTS, (sensitive, specific, youden), strict=True))
    return {name: min(float(curve.thresholds[k]), top + 1e-9) for name, k in chosen.items()}


def write_head(path: Path, head: Head) -> None:
    """Write a head as JSON."""
    write_json(path, {"format": HEAD_FORMAT, **asdict(head)})


def read_head(path: Path) -> Head:
    """Read what `write_head` wrote, or the head in a bundle.

    Raises
    ------
    ModelError
        If the file is absent, no head, a bundle without one, of another format, or made for other inputs.
    """
    try:
        values = json.loads(_head_of_bundle(path) if is_bundle(path) else path.read_text())
        form = values.pop("format")
    except OSError:
        raise ModelError(f"{path}: no such file; make a head with 'mammomap train-head'") from None
    except (ValueError, KeyError, AttributeError, TypeError):
        raise ModelError(f"{path}: not a head that 'mammomap train-head' made") from None
    kind = values.get("kind")
    if form != HEAD_FORMAT or kind not in KINDS or tuple(values.get("inputs", ())) != inputs_named(kind):
        raise ModelError(f"{path}: a head of another version; fit it again with 'mammomap train-head'")
    model = {"trees": Trees, CONV: ConvNet}.get(kind, Linear)
    levels = {
        name: Level(**{**its, "calibration": Calibration(**_tuples(its["calibration"]))})
        for name, its in values["levels"].items()
    }
    built = {"estimator": model(**_tuples(values["estimator"])), "join": Join(**values["join"]), "levels": levels}
    return Head(**{**_tuples(values), **built})


def _tuples(values: dict) -> dict:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _head_of_bundle(path: Path) -> bytes:
    members = read_bundle(path)
    if HEAD not in members:
        raise ModelError(f"{path}: the bundle holds no head")
    return members[HEAD]
