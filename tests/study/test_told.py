"""The net that is given lesions' places and outlines: what it is shown, and that it learns from it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score

from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, woman_rng


def test_a_square_holds_the_whole_lesion_in_its_middle(studies):
    script = studies("phantom_told")
    films = [film for k in (1, 2, 3) for film in draw_woman(woman_rng(5, k), PhantomConfig(seed=5, rows=800), f"P{k}")]
    seen = 0
    for film in films:
        for lesion, square in zip(film.lesions, script.squares_of(film, 576), strict=True):
            side = script.side_of(576)
            assert square.shape == (3, side, side) and square.dtype == np.uint8
            outline = square[2] > 0
            rows, cols = (np.flatnonzero(outline.any(axis)) for axis in (1, 0))
            if max(len(rows), len(cols)) == side:
                continue  # larger than a square
            seen += 1
            assert abs(rows[[0, -1]].mean() - (side - 1) / 2) <= 1 and abs(cols[[0, -1]].mean() - (side - 1) / 2) <= 1
            assert outline.sum() == pytest.approx(lesion.mask.sum() * (576 / 800) ** 2, rel=0.1, abs=5)
            assert square[0][outline].any() or not film.image[lesion.mask].any()
    assert seen >= 5


def test_a_row_a_lesion_with_what_it_and_the_film_are(studies, monkeypatch):
    script = studies("phantom_told")
    (film, *_) = [film for film in draw_woman(woman_rng(5, 3), PhantomConfig(seed=5, rows=800), "P3") if film.lesions]
    (lesion, *_) = film.lesions
    both = [replace(lesion, plan=replace(lesion.plan, pathology=pathology)) for pathology in ("BENIGN", "MALIGNANT")]
    films = [
        replace(film, lesions=tuple(both)),
        replace(film, view="XX", lesions=(both[0],)),
        replace(film, lesions=()),
    ]
    monkeypatch.setattr(script, "draw_woman", lambda *_: films)
    frame = script.drawn([11], 1, [576], 1)
    assert frame["malignant"].tolist() == [False, True, False]
    assert frame["film"].tolist() == [True, True, False]
    assert frame.groupby("image_id").ngroups == 2 and frame["woman"].nunique() == 1
    assert all(script.words_of(lesion) == found for found in frame["words"])


def test_shifts_turn_and_mirror_a_square_and_lose_no_middle(studies):
    script = studies("phantom_told")
    most = script.shift_of(576)
    down, right = np.mgrid[: 3 * most, : 3 * most]
    square = np.broadcast_to(3 * down + right, (1, 3, 3 * most, 3 * most)).astype(np.uint8)
    made = [script.shifted(square, 576, np.random.default_rng(k))[0, 0].numpy() for k in range(60)]
    assert {part.shape for part in made} == {(most, most)}
    ends = [(float(part[-1, 0] - part[0, 0]), float(part[0, -1] - part[0, 0])) for part in made]
    ways = {(down > 0, right > 0, abs(down) > abs(right)) for down, right in ends}
    assert len(ways) == 8, "four turns, each as it is and mirrored"
    middles = {float(part.mean()) for part in made}
    assert len(middles) > 20
    still = script.shifted(np.full((1, 3, 3 * most, 3 * most), 51, np.uint8), 576, np.random.default_rng(0))
    assert torch.equal(still, torch.full_like(still, 0.2))


def test_it_learns_what_the_squares_show(studies, tmp_path, monkeypatch):
    script = studies("phantom_told")
    monkeypatch.setattr(script, "BATCH", 16)
    rng, side = np.random.default_rng(0), script.side_of(64)
    first, second = rng.random((2, 320)) < 0.5
    ill = first ^ second  # neither layer alone says it
    squares = [rng.integers(0, 80, (3, side, side)).astype(np.uint8) for _ in ill]
    for square, *bright in zip(squares, first, second, strict=True):
        square[:2] += (150 * np.array(bright)).astype(np.uint8)[:, None, None]
    words = [frozenset({"mass", "mass shape ROUND" if rng.random() < 0.5 else "mass shape OVAL"}) for _ in ill]
    women = [f"w{k // 2}" for k in range(320)]
    lesions = pd.DataFrame({"woman": women, "malignant": ill, "words": words, 64: squares})
    net = script.trained(lesions.iloc[:240], 64, tmp_path, passes=5)
    found = script.scored(net, np.stack(squares[240:]), 64)
    assert roc_auc_score(ill[240:], found) > 0.95
    assert found[ill[240:]].mean() - found[~ill[240:]].mean() > 0.7, "the first logit is malignancy's, and has learned"
    assert (tmp_path / "log.jsonl").read_text().count("lesion_auc") == 5


def test_women_who_choose_are_not_learned_from(studies, tmp_path, monkeypatch):
    script = studies("phantom_told")
    monkeypatch.setattr(script, "BATCH", 4)
    side, tasks = script.side_of(64), []
    women = np.repeat(np.arange(30), 2)
    squares = [np.full((3, side, side), woman, np.uint8) for woman in women]
    told = {"woman": [f"w{woman:02}" for woman in women], "malignant": women % 3 == 0, 64: squares}
    lesions = pd.DataFrame(told | {"words": [frozenset({"mass"})] * len(women)})
    monkeypatch.setattr(script, "fit", lambda task, *_, **__: tasks.append(task))
    monkeypatch.setattr(script, "load_model", lambda *_: None)
    script.trained(lesions, 64, tmp_path, passes=2)
    batches = [batch for (batch,) in tasks[0].batches(0, 26, range(1), 1)]
    learned = {round(float(image.max()) * 255) for images, _ in batches for image in images}
    assert learned == set(range(30)) - {0, 10, 20}
    seen = []
    monkeypatch.setattr(script, "scored", lambda _net, given, _rows: seen.extend(given) or given.mean((1, 2, 3)))
    tasks[0].validate(torch.nn.Identity(), 0)
    assert {int(square.max()) for square in seen} == {0, 10, 20}
