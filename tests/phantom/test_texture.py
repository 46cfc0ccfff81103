import numpy as np
import pytest

from mammomap.phantom.texture import Strands, band_noise, dome, power_noise


def _slope(field, low, high):
    """Exponent of the power spectrum between two frequencies in cycles a cell."""
    rows, cols = field.shape
    window = np.hanning(rows)[:, None] * np.hanning(cols)[None, :]
    power = np.abs(np.fft.fft2(field * window)) ** 2
    f = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(cols)[None, :])
    edges = np.geomspace(low, high, 9)
    means = [power[(f >= a) & (f < b)].mean() for a, b in zip(edges, edges[1:], strict=False)]
    return np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(means), 1)[0]


@pytest.mark.parametrize("exponent", [2.0, 3.0])
def test_noise_has_the_power_law_that_is_asked_for(exponent):
    rng = np.random.default_rng(1)
    slopes = [_slope(power_noise(rng, (300, 260), exponent), 0.02, 0.3) for _ in range(4)]
    assert np.mean(slopes) == pytest.approx(-exponent, abs=0.15)
    field = power_noise(rng, (300, 260), exponent)
    assert field.dtype == np.float32 and field.mean() == pytest.approx(0, abs=1e-3)
    assert field.std() == pytest.approx(1, abs=1e-3)


def test_longer_waves_than_the_longest_have_no_more_power():
    rng = np.random.default_rng(2)
    free, held = (
        np.mean([_slope(power_noise(rng, (300, 300), 3.0, n), 0.008, 0.03) for _ in range(6)]) for n in (0, 20)
    )
    assert held > free + 1.5


def test_a_band_has_its_period():
    field = band_noise(np.random.default_rng(3), (256, 256), 16.0)
    power = np.abs(np.fft.fft2(field)) ** 2
    f = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :])
    assert np.average(f, weights=power) == pytest.approx(1 / 16, rel=0.3)


def _sideways(strands, stretch):
    """How much more a field changes across the way to the focus than along it, in three parts of the picture."""
    down, across = np.gradient(strands.noise(np.random.default_rng(5), 2.6, stretch, 40.0))
    y, x = np.mgrid[:300, :240]
    far = np.maximum(np.hypot(y - 150, x - 230), 1)
    towards = ((down * (y - 150) + across * (x - 230)) / far) ** 2
    beside = ((down * (x - 230) - across * (y - 150)) / far) ** 2
    parts = [(slice(top, top + 100), slice(20, 140)) for top in (0, 100, 200)]
    return np.array([np.sqrt(beside[part].mean() / towards[part].mean()) for part in parts])


def test_strands_run_to_their_focus():
    strands = Strands(np.random.default_rng(1), (300, 240), (150.0, 230.0), 120.0)
    assert (_sideways(strands, 4.0) > 1.2).all()
    assert (_sideways(strands, 4.0) > 1.4 * _sideways(strands, 1.0)).all()


def test_a_dome_is_full_in_the_middle_and_ends_at_its_radius():
    assert dome(np.array([0.0, 0.5, 1.0, 2.0])) == pytest.approx([1, 0.917, 0, 0], abs=1e-3)
