"""Laws that every lesion, pixel and overlap measure keeps: a registry of measures, and properties over it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mammomap.eval.afroc import afroc, afroc_bootstrap
from mammomap.eval.froc import FP_RATES, froc, froc_bootstrap
from mammomap.eval.intervals import patient_weights
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.means import mean_bootstrap, summary
from mammomap.eval.overlap import MEASURES, OverlapCounts, film_overlap, pooled_bootstrap
from mammomap.eval.pixels import (
    average_precision,
    average_precision_bootstrap,
    pixel_calibration,
    pixel_histogram,
    pointing,
)
from mammomap.eval.regions import Region, film_pair, lesion_pairs
from mammomap.eval.surfaces import surface_distances

SHAPE, TOP = (40, 32), 250


@dataclass(frozen=True)
class Film:
    """One film of a set: its map, its marks, its lesions, its woman."""

    levels: np.ndarray
    marks: FilmMarks
    lesions: tuple[Lesion, ...]
    woman: int

    @property
    def regions(self):
        return [lesion.region for lesion in self.lesions if not lesion.ignored]

    @property
    def found(self):
        return self.levels >= TOP * 0.8


def random_film(rng, woman, ill):
    lesions = []
    for _ in range(int(rng.integers(1, 4)) if ill else 0):
        row, col = rng.integers(0, 30), rng.integers(0, 22)
        mask = rng.random((rng.integers(3, 9), rng.integers(3, 9))) < 0.8
        lesions.append(Lesion(Region(int(row), int(col), mask), bool(rng.random() < 0.5), bool(rng.random() < 0.2)))
    places = rng.integers(0, SHAPE, (int(rng.integers(0, 8)), 2)).astype(float)
    scores = rng.integers(0, 12, len(places)) / 12
    levels = rng.integers(0, TOP, SHAPE).astype(np.uint16)
    return Film(levels, FilmMarks(places, scores), tuple(lesions), woman)


def random_set(seed):
    """Ten women, at least two of them without a lesion, with one to three films each."""
    rng = np.random.default_rng(seed)
    return [random_film(rng, woman, woman > 2) for woman in range(10) for _ in range(int(rng.integers(1, 4)))]


def women(films):
    return np.array([film.woman for film in films])


def matched(films, which="any", rule="outline"):
    return match([film.marks for film in films], [film.lesions for film in films], which=which, rule=rule)


def lesions_found(which, rule, apart=False):
    def measure(films, weights):
        found = matched(films, which, rule)
        free = found.lesion_free if apart else None
        value = froc(found.marks, found.lesion_film, len(films), fp_films=free).mean_sensitivity
        samples = froc_bootstrap(
            found.marks, found.lesion_film, women(films), len(films), weights, FP_RATES, fp_films=free
        )
        return value, samples.mean(axis=1)

    return measure


def afroc_area(films, weights):
    return afroc(matched(films)).area, afroc_bootstrap(matched(films), women(films), weights)


def histograms(films):
    nothing = pixel_histogram(np.zeros((1, 1), np.uint16), [])
    held = [replace(nothing, negative=0 * nothing.negative)] * weights_of(films)
    for film in films:
        held[film.woman] = held[film.woman] + pixel_histogram(film.levels, film.regions)
    return held


def weights_of(films):
    return int(women(films).max()) + 1


def pixel_precision(films, weights):
    held = histograms(films)
    return average_precision(sum(held[1:], held[0])), average_precision_bootstrap(held, weights)


def pixel_error(films, weights):
    held = histograms(films)
    return pixel_calibration(sum(held[1:], held[0])).error, None


def means_of(values_of):
    def measure(films, weights):
        values = [values_of(film) for film in films]
        flat = np.concatenate([np.zeros(0), *values])
        woman = np.repeat(women(films), [len(v) for v in values])
        return summary(flat).mean, mean_bootstrap(flat, woman, weights)

    return measure


def pooled(name):
    def measure(films, weights):
        counts = [film_overlap(film.found, film.regions).film for film in films]
        whole = getattr(sum(counts, OverlapCounts()), name)
        return whole, pooled_bootstrap(counts, women(films), weights)[name]

    return measure


RANK = {
    "FROC": lesions_found("any", "outline"),
    "FROC over lesion-free films": lesions_found("any", "outline", apart=True),
    "FROC, malignant": lesions_found("malignant", "outline"),
    "FROC, malignant, benign hits ignored": lesions_found("malignant, benign hits ignored", "outline"),
    "FROC by the centre": lesions_found("any", "centre"),
    "AFROC": afroc_area,
    "pixel average precision": pixel_precision,
    "pointing game": means_of(lambda film: [pointing(film.levels, film.regions)]),
}
MEASURED = RANK | {
    "pixel calibration error": pixel_error,
    **{f"{name}, pooled": pooled(name) for name in MEASURES},
    "Dice per film": means_of(lambda film: [film_overlap(film.found, film.regions).film.dice]),
    "Dice per lesion": means_of(lambda film: [c.dice for c in film_overlap(film.found, film.regions).lesions]),
    "Hausdorff 95 per film": means_of(
        lambda film: [surface_distances(*film_pair(film.found, film.regions)).hausdorff_95]
    ),
    "average surface distance per lesion": means_of(
        lambda film: [surface_distances(*pair).average for pair in lesion_pairs(film.found, film.regions)]
    ),
}


@pytest.mark.parametrize("name", RANK)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_an_increasing_transform_changes_nothing(name, seed):
    films = random_set(seed)
    weights = patient_weights(women(films), 20, seed=0)
    bent = [
        replace(
            film,
            levels=film.levels**2 + 3 * film.levels,
            marks=replace(film.marks, scores=np.exp(5 * film.marks.scores) - 40),
        )
        for film in films
    ]
    value, samples = RANK[name](films, weights)
    other, bent_samples = RANK[name](bent, weights)
    assert other == pytest.approx(value, abs=1e-12)
    assert bent_samples == pytest.approx(samples, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", MEASURED)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_order_and_names_change_nothing(name, seed):
    films = random_set(seed)
    rng = np.random.default_rng(seed)
    weights = patient_weights(women(films), 20, seed=0)
    value, samples = MEASURED[name](films, weights)
    moved = []
    for place in rng.permutation(len(films)):
        film = films[place]
        order = rng.permutation(len(film.marks.scores))
        marks = FilmMarks(film.marks.places[order], film.marks.scores[order])
        lesions = tuple(film.lesions[k] for k in rng.permutation(len(film.lesions)))
        moved.append(replace(film, marks=marks, lesions=lesions))
    other, moved_samples = MEASURED[name](moved, weights)
    assert other == pytest.approx(value, abs=1e-12, nan_ok=True)
    if samples is not None:
        assert moved_samples == pytest.approx(samples, abs=1e-9, nan_ok=True)
    names = rng.permutation(10)
    renamed, renamed_samples = MEASURED[name](
        [replace(film, woman=int(names[film.woman])) for film in films], weights[:, np.argsort(names)]
    )
    assert renamed == pytest.approx(value, abs=1e-12, nan_ok=True)
    if samples is not None:
        assert renamed_samples == pytest.approx(samples, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", MEASURED)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_doubling_every_film_narrows_no_interval(name, seed):
    films = random_set(seed)
    weights = patient_weights(women(films), 40, seed=0)
    value, samples = MEASURED[name](films, weights)
    both, both_samples = MEASURED[name](films + films, weights)
    assert both == pytest.approx(value, abs=1e-12, nan_ok=True)
    if samples is not None:
        assert both_samples == pytest.approx(samples, abs=1e-9, nan_ok=True)
