"""The convolutional head: coarse maps by hand, numpy against torch, what it learns and what it refuses to learn."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import conv2d, max_pool2d

from mammomap.classify.conv_head import CELLS, SHAPES, WEIGHTS, ConvNet, as_grids, coarse_map, fit_conv
from mammomap.classify.features import head_inputs
from mammomap.classify.heads import fit_head, read_head, write_head
from mammomap.classify.reasons import in_words, reasons
from mammomap.eval.images import auc
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import FilmMap
from mammomap.seg.candidates import candidate_rows


def drawn(women: int, seed: int) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Two films a woman: faint blobs anywhere, and in malignant ones a blob of two cells that no single cell gives
    away."""
    rng = np.random.default_rng(seed)
    malignant = np.repeat(rng.random(women) < 0.5, 2)
    maps = rng.normal(-5, 1, (2 * women, 2, *CELLS))
    for film, bad in enumerate(malignant):
        for _ in range(3):  # single cells everywhere
            maps[film, :, rng.integers(2, 22), rng.integers(2, 16)] = 1
        row, col = rng.integers(2, 20), rng.integers(2, 14)
        if bad:
            maps[film, :, row : row + 2, col : col + 2] = 1
    names = [f"W{k // 2:03d}" for k in range(2 * women)]
    films = pd.DataFrame({"image_id": [f"F{k}" for k in range(2 * women)], "woman": names, "malignant": malignant})
    return maps.reshape(2 * women, -1), malignant, films


def test_it_is_small() -> None:
    assert WEIGHTS == 12 * 2 * 9 + 12 + 24 * 12 * 9 + 24 + 48 + 1 == 2893


def test_a_coarse_map_by_hand() -> None:
    """A film of 240 rows: cells of 10 pixels; the breast ends in the ninth column of cells."""
    lesion = np.zeros((240, 85), np.float32)
    lesion[34, 71] = 0.5
    lesion[35, 72] = 0.2
    lesion[239, 84] = 0.9
    made = FilmMap(lesion, lesion / 2, np.ones(lesion.shape, bool), Grid.whole(240, 85))
    grids = as_grids(coarse_map(made))[0]
    least = np.log(1e-4 / (1 - 1e-4))
    assert grids.shape == (2, *CELLS)
    assert grids[0, 3, 7] == pytest.approx(0) and grids[1, 3, 7] == pytest.approx(np.log(1 / 3))
    assert grids[0, 23, 8] == pytest.approx(np.log(9), abs=1e-4)
    assert (np.sort(grids[0].ravel())[:-2] == pytest.approx(least)) and grids[0, :, 9:].max() == pytest.approx(least)


def test_a_breast_wider_than_the_grid_loses_nothing() -> None:
    lesion = np.zeros((48, 60), np.float32)
    lesion[10, 59] = 0.7
    made = FilmMap(lesion, lesion, np.ones(lesion.shape, bool), Grid.whole(48, 60))
    assert as_grids(coarse_map(made))[0, 0, 5, CELLS[1] - 1] == pytest.approx(np.log(7 / 3), abs=1e-5)


def test_numpy_applies_it_as_torch_does() -> None:
    rng = np.random.default_rng(0)
    net = ConvNet(-4.0, 2.0, tuple(rng.normal(0, 0.2, WEIGHTS)))
    inputs = rng.normal(-5, 2, (5, 2 * CELLS[0] * CELLS[1]))
    first, first_bias, second, second_bias, last, bias = (torch.from_numpy(part) for part in net.layers())
    seen = torch.from_numpy((as_grids(inputs) + 4) / 2)
    seen = max_pool2d(conv2d(seen, first, first_bias, padding=1).relu(), 2)
    seen = conv2d(seen, second, second_bias, padding=1).relu()
    wanted = torch.cat([seen.amax((2, 3)), seen.mean((2, 3))], 1) @ last + bias
    assert np.allclose(net.score(inputs), wanted.numpy(), atol=1e-9)
    assert [part.shape for part in net.layers()] == list(SHAPES)


def test_it_learns_what_no_pool_sees() -> None:
    inputs, malignant, _ = drawn(120, 1)
    new, truth, _ = drawn(150, 2)
    assert auc(truth, new.max(1)) < 0.7
    net = fit_conv(inputs, malignant, seed=1)
    assert auc(truth, net.score(new)) > 0.95
    assert net == fit_conv(inputs, malignant, seed=1) != fit_conv(inputs, malignant, seed=2)


def test_it_is_calibrated_kept_and_read_as_the_other_heads(tmp_path) -> None:
    inputs, _, films = drawn(60, 3)
    head = fit_head(inputs, films, kind="conv", model="m", seed=1)
    assert set(head.levels) == {"image"} and len(head.levels["image"].operating_points) == 3
    write_head(tmp_path / "h.json", head)
    back = read_head(tmp_path / "h.json")
    assert back == head and np.array_equal(back.probability(inputs), head.probability(inputs))


def test_its_reasons_are_candidates_alone() -> None:
    inputs, _, films = drawn(60, 3)
    head = fit_head(inputs, films, kind="conv", model="m", seed=1)
    rows, cols = np.ogrid[:96, :70]
    lesion = 0.9 * np.exp(-((rows - 40) ** 2 + (cols - 30) ** 2) / 60).astype(np.float32)
    film = FilmMap(lesion, lesion * np.float32(0.8), np.ones(lesion.shape, bool), Grid.whole(*lesion.shape))
    found = candidate_rows("a", film)
    its = head_inputs("conv", film, found)
    told = reasons(head, "a", film, found, its)
    assert [row["what"] for row in told] == ["candidate"]
    empty = head_inputs("conv", FilmMap(lesion * 0, lesion * 0, film.breast, film.grid), [])
    near = float(head.raw(its[None])[0] - head.raw(empty[None])[0])
    assert told[0]["moved"] * near > 0 and in_words(told).startswith("lesion candidate ")
