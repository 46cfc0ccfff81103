"""The same seed gives the same films: again, in another process, and nearly so on another kind of CPU."""

import os
import subprocess
import sys

import numpy as np
import pytest

from mammomap.phantom import draw

DRAW = """
import sys
import numpy as np
from mammomap.phantom import draw
films = [film for seed in (4, 5, 6) for film in draw(np.random.default_rng(seed), rows=300)]
np.savez(sys.argv[1], *[film.image for film in films], *[x.mask for film in films for x in film.lesions])
"""
PLAIN = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR X86_V3",
    "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX512-COMMON,AVX512-ICL,AVX2,FP16,FMA3",
    "OPENCV_IPP": "disabled",
}
"""As on a CPU without AVX2."""


def _elsewhere(path, **environment):
    known = {**os.environ, **environment}
    subprocess.run([sys.executable, "-W", "ignore", "-c", DRAW, str(path)], check=True, env=known)
    with np.load(path) as held:
        return [held[name] for name in held.files]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return _elsewhere(tmp_path_factory.mktemp("here") / "films.npz")


def test_another_process_draws_the_same_bytes(here):
    films = [film for seed in (4, 5, 6) for film in draw(np.random.default_rng(seed), rows=300)]
    again = [film.image for film in films] + [lesion.mask for film in films for lesion in film.lesions]
    assert len(here) == len(again) > 1
    assert all((a == b).all() for a, b in zip(here, again, strict=True))


def test_another_kind_of_cpu_draws_the_same_within_one_grey_level(here, tmp_path):
    there = _elsewhere(tmp_path / "films.npz", **PLAIN)
    assert [x.shape for x in here] == [x.shape for x in there]
    for a, b in zip(here, there, strict=True):
        if a.dtype == bool:
            assert (a != b).sum() <= 2
        else:
            assert np.abs(a.astype(int) - b.astype(int)).max() <= 1
