"""The study of how far phantoms are from films: what it measures is what it says."""

import importlib
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

STUDY = str(Path(__file__).resolve().parents[2] / "study")


@pytest.fixture(scope="module")
def study():
    """A script of study/ by name; behind the libraries on the path, so that none of their names is taken."""
    sys.path.append(STUDY)
    yield importlib.import_module
    sys.path.remove(STUDY)


def noise(exponent, rng, shape=(1024, 600)):
    """Noise whose power falls with frequency to this exponent."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :]
    radius = np.hypot(down, across)
    radius[0, 0] = 1
    field = np.fft.ifft2(np.fft.fft2(rng.standard_normal(shape)) * radius ** (-exponent / 2)).real
    return (field / field.std()).astype(np.float32)


@pytest.mark.parametrize("exponent", [1.5, 2.5, 3.0])
def test_the_slope_is_that_of_the_noise(study, exponent):
    look = study("phantom_and_film")
    picture = noise(exponent, np.random.default_rng(0))
    breast = np.zeros(picture.shape, bool)
    breast[100:900, :500] = True
    assert look.spectrum_slope(picture, breast) == pytest.approx(exponent, abs=0.15)
    ramp = picture + np.linspace(0, 60, 1024, dtype=np.float32)[:, None]
    assert look.spectrum_slope(ramp, breast) == pytest.approx(exponent, abs=0.15), "a gradient is no texture"
    edged = np.where(breast, picture, 1e4).astype(np.float32)
    assert look.spectrum_slope(edged, breast) == look.spectrum_slope(picture, breast), "only what lies inside counts"
    assert np.isnan(look.spectrum_slope(picture, np.zeros_like(breast)))


def test_contrast_is_that_of_an_ellipse_against_its_ring(study):
    look = study("phantom_and_film")
    scaled = np.full((200, 200), 0.3, np.float32)
    cv2.ellipse(scaled, (100, 80), (20, 10), 0, 0, 360, 0.5, -1)
    breast = np.ones((200, 200), bool)
    assert look.contrast(scaled, breast, (70, 80, 91, 121)) == pytest.approx(0.2, abs=0.01)
    breast[:, 101:], scaled[:, 101:] = False, 0.0
    assert look.contrast(scaled, breast, (70, 80, 91, 121)) == pytest.approx(0.2, abs=0.01), "air is no surroundings"
    assert np.isnan(look.contrast(scaled, np.zeros_like(breast), (70, 80, 91, 121)))


def test_phantoms_go_the_way_of_the_films(study):
    shots = study("phantom_pictures")
    first = [picture for job in shots.phantom_jobs(2) for picture in shots.pictures(job)]
    assert {picture.woman for picture in first} == {"phantom P_00001", "phantom P_00002"}
    for picture in first:
        assert len(picture.pixels) == shots.HEIGHT and (picture.pixels % 257 == 0).all()
        for row0, col0, row1, col1 in picture.masses:
            assert 0 <= row0 < row1 <= shots.HEIGHT and 0 <= col0 < col1 <= picture.pixels.shape[1]
    sharp = (np.indices((1600, 900)).sum(axis=0) % 2 * 65535).astype(np.uint16)
    assert shots.as_published(sharp).std() < 0.1 * sharp.std(), "detail beyond 800 pixels is gone"


def test_a_phantom_is_looked_at_and_kept(study, tmp_path):
    look, shots = study("phantom_and_film"), study("phantom_pictures")
    found = [one for job in shots.phantom_jobs(3) for one in look.looks(job)]
    rows = look.kept(found)
    assert 2 < rows["slope"].astype(float).mean() < 4 and look.greys(rows, "phantom").sum() == pytest.approx(len(rows))
    assert len(look.values(rows, "phantom", "mass_size")) == sum(len(one.mass_size) for one in found)
    both = pd.concat([rows, rows.assign(source="film")])
    both.to_csv(tmp_path / "looks.csv", index=False)
    assert look.medians(look.looks_of(tmp_path / "looks.csv")) == look.medians(both)
    assert look.medians(both).count("|\n") == 6
    look.draw(both, tmp_path / "a.svg")
    look.draw(both, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_films_are_those_of_three_folds(study, real_data):
    shots = study("phantom_pictures")
    folds = pd.read_csv(real_data / "cbis_mass" / "folds.csv").set_index("patient_id")["fold"]
    jobs = shots.film_jobs(real_data / "cbis_mass")
    assert len(jobs) == 743 and set(folds[[job.woman for job in jobs]]) == {1, 2, 3}
    some = shots.film_jobs(real_data / "cbis_mass", 10)
    assert [job.path for job in some] == [job.path for job in jobs[:10]]
    (picture,) = shots.pictures(some[0])
    assert not picture.phantom and len(picture.pixels) == 1024 and picture.masses


def test_the_net_tells_a_planted_mark_and_nothing_where_there_is_nothing(study):
    told = study("phantom_or_film")
    rng = np.random.default_rng(0)
    images = rng.random((80, 32, 32)).astype(np.float32)
    phantom, women = rng.random(80) < 0.5, [f"w{k // 2}" for k in range(80)]
    bounds = study("phantom_bounds")
    blind = bounds.auc_of(phantom, told.told(images, phantom, women, passes=2), women)
    assert blind.low < 0.5 < blind.high
    images[phantom, 10:20, 10:20] += 1
    assert bounds.auc_of(phantom, told.told(images, phantom, women, passes=4), women).value > 0.95


def test_the_views_have_the_chest_wall_on_the_left(study):
    told, shots = study("phantom_or_film"), study("phantom_pictures")
    (picture, *_) = shots.pictures(shots.phantom_jobs(1)[0])
    once = told.views(picture.pixels)
    again = told.views(np.ascontiguousarray(picture.pixels[:, ::-1]))
    assert {name: image.shape for name, image in once.items()} == {
        "whole": (128, 96), "breast": (128, 96), "inside": (64, 64)
    }  # fmt: skip
    for name in ("whole", "breast"):
        assert np.abs(once[name] - again[name]).mean() < 0.01, "whichever way the film lies"
    assert once["breast"][:, :40].mean() > once["breast"][:, -20:].mean()
    assert min(image.min() for image in once.values()) >= 0 and max(image.max() for image in once.values()) <= 1


def test_the_sheet_fits(study):
    sheet = study("phantom_sheet")
    rng = np.random.default_rng(0)
    some = [(rng.random((1024, 500 + 20 * k)) * 65535).astype(np.uint16) for k in range(16)]
    picture = sheet.sheet(some, some)
    assert picture.dtype == np.uint8 and picture.shape == (4 * (sheet.CELL + 6), 8 * (sheet.WIDTH + 6))
    assert len(sheet.coded(picture, 900_000)) <= 900_000
    with pytest.raises(ValueError, match="does not fit"):
        sheet.coded(picture, 100)
