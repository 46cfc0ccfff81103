"""From films to breasts to women: which films belong together, and one raw score for each.

In: raw scores of films, and of each film its woman, side and view. Out: cases, one a breast or woman.

breast   films of one view are averaged (a view may have been taken twice); the views are joined by their mean, or by a
         `Join` that was learned: the highest and the lowest, weighed; where a view is missing the other stands for both
patient  the highest of her breasts

A woman one of whose films has no side or view stands in neither: which of her films belong together is not known.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sklearn.linear_model import LogisticRegression

LEVELS = ("image", "breast", "patient")
KEYS = {"image": ["image_id"], "breast": ["woman", "side"], "patient": ["woman"]}
"""What one case is, by level."""
INVERSE_PENALTY = 1.0
"""scikit-learn's C where a join is learned."""


@dataclass(frozen=True)
class Join:
    """Weights of the view with the higher score and of the other; equal ones are the mean of all views."""

    higher: float = 0.5
    lower: float = 0.5


MEAN = Join()


def joinable(films: pd.DataFrame) -> pd.DataFrame:
    """The films of women all of whose films have a side and a view."""
    told = ["woman", "side", "view"]
    if not set(told) <= set(films):
        return films.iloc[:0]
    known = (films[told].notna() & (films[told] != "")).all(axis=1)
    return films[known & ~films["woman"].isin(films.loc[~known, "woman"])]


def views_of_breasts(films: pd.DataFrame) -> pd.DataFrame:
    """One row a breast: woman, side, higher, lower, mean, views, films, and `malignant` where the films have it.

    films: image_id, woman, side, view, raw, and perhaps malignant; one row a film. Those not `joinable` are left out.
    """
    films = joinable(films)
    by_view = films.groupby(["woman", "side", "view"], sort=True)["raw"].agg(["mean", "size"]).reset_index()
    breasts = by_view.groupby(["woman", "side"], sort=True).agg(
        higher=("mean", "max"),
        lower=("mean", "min"),
        mean=("mean", "mean"),
        views=("view", "size"),
        films=("size", "sum"),
    )
    if "malignant" in films:
        breasts["malignant"] = films.groupby(["woman", "side"])["malignant"].max()
    return breasts.reset_index()


def cases(films: pd.DataFrame, level: str, join: Join = MEAN) -> pd.DataFrame:
    """One row a case of a level, sorted by its keys: the keys, woman, films, raw, and malignant where films have it."""
    if level == "image":
        return films.assign(films=1)
    breasts = views_of_breasts(films)
    weighed = join.higher * breasts["higher"] + join.lower * breasts["lower"]
    breasts["raw"] = breasts["mean"] if join == MEAN else weighed
    if level == "breast":
        return breasts
    how = {"raw": ("raw", "max"), "films": ("films", "sum"), "breasts": ("side", "size")}
    if "malignant" in breasts:
        how["malignant"] = ("malignant", "max")
    return breasts.groupby("woman", sort=True).agg(**how).reset_index()


def learn_join(films: pd.DataFrame) -> Join:
    """The join that a logistic regression finds on breasts with two views; `MEAN` where it gives a view less than none.

    Weights add up to 1, so that a breast with one view is on the same scale.
    """
    breasts = views_of_breasts(films)
    both = breasts[breasts["views"] >= 2]
    if both["malignant"].nunique() < 2:
        return MEAN
    spread = max(float(both[["higher", "lower"]].to_numpy().std()), 1e-6)
    fitted = LogisticRegression(C=INVERSE_PENALTY).fit(both[["higher", "lower"]].to_numpy() / spread, both["malignant"])
    higher, lower = fitted.coef_[0]
    if min(higher, lower) < 0 or higher + lower <= 0:
        return MEAN if higher + lower <= 0 else Join(*(float(weight > 0) for weight in (higher, lower)))
    return Join(float(higher / (higher + lower)), float(lower / (higher + lower)))


def levels_known(films: pd.DataFrame) -> tuple[str, ...]:
    """The levels that these films can be joined to: all where some are `joinable`, else images alone."""
    return LEVELS if len(joinable(films)) else LEVELS[:1]
