import numpy as np
import pytest

from mammomap.phantom.frame import SCANNERS, _scan, _tag, digitise


def _noise(scanner, density):
    flat = np.full((200, 200), density, np.float32)
    return _scan(np.random.default_rng(1), flat, scanner)


@pytest.mark.parametrize("scanner", SCANNERS)
def test_a_scanner_reads_the_density_right_and_is_noisier_where_the_film_is_dark(scanner):
    spreads = []
    for density in (0.3, 1.5, 3.0):
        seen = _noise(scanner, density)
        assert seen.mean() == pytest.approx(density, abs=0.02)
        spreads.append(seen.std())
    assert spreads[0] < 0.02 and spreads[2] > 2 * spreads[0]


def test_the_logarithmic_scanner_is_as_noisy_as_was_published():
    """Standard deviations of grey levels that the University of South Florida gives for a step wedge: 37201 (583.6) at
    0.21, 3797 (44.4) at 1.13, 132 (2.7) at 2.52, 34 (1.6) at 3.13. The drawn ones lie within a factor of 1.7."""
    for density, level, published in ((0.21, 37201, 583.6), (1.13, 3797, 44.4), (2.52, 132, 2.7), (3.13, 34, 1.6)):
        drawn = 10 ** (4.80662 - 1.07553 * _noise("DBA", density))
        assert drawn.mean() == pytest.approx(level, rel=0.25)
        assert 1 / 1.7 < drawn.std() / published < 1.7


def test_scanners_differ():
    dark = {scanner: _noise(scanner, 3.2).std() for scanner in SCANNERS}
    assert dark["LUMISYS"] < 0.7 * dark["HOWTEK"] and dark["LUMISYS"] < 0.7 * dark["DBA"]


def _film(seed, mirrored=False, attenuation=0.0):
    field = np.full((300, 220), attenuation, np.float32)
    breast = np.zeros(field.shape, bool)
    return digitise(np.random.default_rng(seed), field, breast, 0.8, "LCC", mirrored)


def test_grey_rises_with_attenuation_and_air_is_dark():
    levels = [np.median(_film(3, attenuation=a)) for a in (0.0, 0.15, 0.3, 0.6, 1.2)]
    assert (np.diff(levels) > 0).all() and levels[0] < 6000 and levels[-1] > 45000


def test_a_tag_never_lies_on_the_breast():
    for seed in range(20):
        field, breast = np.zeros((300, 220), np.float32), np.zeros((300, 220), bool)
        breast[:, :170] = True
        left = digitise(np.random.default_rng(seed), field, breast, 0.8, "LCC", False)
        inside = left[20:-20, 10:165]
        assert (inside > 12000).mean() < 0.004  # dust alone


def _tagged(seed, mirrored):
    film = np.zeros((300, 220), np.float32)
    _tag(np.random.default_rng(seed), film, np.zeros(film.shape, bool), 0.8, "LCC", mirrored)
    return film


def _letters(film):
    rows, cols = np.nonzero(film)
    return film[rows.min() : rows.max() + 1, cols.min() : cols.max() + 1], (cols.min(), cols.max())


def test_tags_are_written_to_be_read_on_either_side():
    """On a mirrored film the same letters stand at the other side, and are not mirrored."""
    whole = 0
    for seed in range(12):
        plain, turned = _tagged(seed, False), _tagged(seed, True)
        assert plain.any() == turned.any()
        if not plain.any() or plain[:, -1].any() or turned[:, 0].any():
            continue  # cut by the edge, where each side keeps another part
        letters, (_, last) = _letters(plain)
        again, (first, _) = _letters(turned)
        assert letters.shape == again.shape and np.array_equal(letters, again)
        assert not np.array_equal(letters, letters[:, ::-1]) and last > 110 > first
        whole += 1
    assert whole > 3
