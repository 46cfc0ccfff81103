"""What is drawn does not change unnoticed: a few films, as coarse as a stamp, beside those that were written down.

`python tests/phantom/test_fingerprint.py` writes them anew: raise `PHANTOM_FORMAT` first.
"""

from pathlib import Path

import cv2
import numpy as np

from mammomap.phantom import draw
from mammomap.phantom.tree import PHANTOM_FORMAT

WRITTEN = Path(__file__).with_name("fingerprint.txt")
BLOCKS = (8, 6)
"""Rows and columns of the means of a film, in grey levels of 0 to 255."""
WITHIN = 0.5


def drawn() -> dict[str, np.ndarray]:
    """The means, one line a film, and under `lesions` each mask's centre and size; by the film's name."""
    found = {}
    for look, seed in (("film", 4), ("film", 5), ("film", 6), ("digital", 7)):
        for film in draw(np.random.default_rng(seed), rows=240, look=look):
            name = f"{look} {seed} {film.side} {film.view}"
            grey = (
                film.image if film.exposure is None else film.exposure.values / 2.0 ** (film.exposure.machine.bits - 16)
            )
            means = cv2.resize(grey.astype(np.float32) / 257, BLOCKS[::-1], interpolation=cv2.INTER_AREA)
            found[name] = means.ravel()
            for lesion in film.lesions:
                rows, cols = np.nonzero(lesion.mask)
                found[f"{name} lesion {lesion.abnormality_id}"] = np.array([rows.mean(), cols.mean(), len(rows) ** 0.5])
    return found


def lines() -> list[str]:
    return [f"{name}: {' '.join(f'{value:.1f}' for value in values)}" for name, values in drawn().items()]


def test_the_same_format_draws_the_same_films():
    first, *rest = WRITTEN.read_text().splitlines()
    assert first == f"format {PHANTOM_FORMAT}", "another format: write the fingerprint anew"
    written = {name: np.array(text.split(), float) for name, text in (line.split(": ") for line in rest)}
    now = drawn()
    assert list(now) == list(written), "other films: raise PHANTOM_FORMAT and write the fingerprint anew"
    for name, values in now.items():
        away = np.abs(values - written[name]).max()
        assert away <= WITHIN, f"{name} is {away:.1f} away: raise PHANTOM_FORMAT and write the fingerprint anew"


if __name__ == "__main__":
    WRITTEN.write_text("\n".join([f"format {PHANTOM_FORMAT}", *lines()]) + "\n")
