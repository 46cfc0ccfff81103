"""What all tests share: the folder of real films, where there is one, and a small drawn set with a trained net."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--real-data", metavar="PATH", type=Path, help="folder that holds cbis_mass, for tests on real films"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Nothing sees a GPU but the tests that ask for one: bit for bit is promised on CPU alone. Cores are dealt out."""
    if config.option.markexpr != "gpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    if (worker := os.environ.get("PYTEST_XDIST_WORKER")) and hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        own = cores[int(worker.removeprefix("gw")) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
        os.sched_setaffinity(0, own or cores)


@pytest.fixture(scope="session")
def real_data(request: pytest.FixtureRequest) -> Path:
    """The folder of real data sets; the test skips where none was named."""
    folder = request.config.getoption("--real-data")
    if folder is None:
        pytest.skip("needs real films: make test REAL_DATA=PATH")
    if not folder.is_dir():
        pytest.fail(f"--real-data {folder}: no such folder")
    return folder.resolve()


@dataclass(frozen=True)
class DrawnSet:
    """A folder in the documented format of one's own data, drawn by the test and known pixel by pixel."""

    root: Path
    women: int
    films: int


def draw_film(rng: np.random.Generator, rows: int, cols: int, lesions: list, chest_left: bool) -> np.ndarray:
    """A half-ellipse of breast with a little texture and bright discs; uint16, chest wall on the asked side.

    lesions: (row, col, radius, brightness) in the frame whose chest wall is on the left.
    """
    down, across = np.mgrid[:rows, :cols]
    breast = ((down - rows / 2) / (rows * 0.42)) ** 2 + (across / (cols * 0.8)) ** 2 < 1
    texture = cv2.GaussianBlur(rng.normal(0, 1, (rows, cols)), (0, 0), 2) * 1500
    film = np.where(breast, 20_000 + texture, 800)
    for row, col, radius, brightness in lesions:
        film = np.where((down - row) ** 2 + (across - col) ** 2 <= radius**2, brightness + texture, film)
    film = np.clip(film + rng.normal(0, 100, film.shape), 0, 65_535).astype(np.uint16)
    return film if chest_left else np.ascontiguousarray(film[:, ::-1])


def draw_set(root: Path, women: int, seed: int = 5, rows: int = 160, cols: int = 112) -> DrawnSet:
    """Two films a woman; every second woman has a malignant (brighter, larger) mass, the others a benign one."""
    rng = np.random.default_rng(seed)
    films, lesions = [], []
    (root / "films").mkdir(parents=True)
    for woman in range(women):
        malignant = woman % 2 == 0
        for view in ("CC", "MLO"):
            image_id = f"W{woman:03d}_LEFT_{view}"
            chest_left = bool(rng.random() < 0.5)
            radius = int(rng.integers(9, 13)) if malignant else int(rng.integers(6, 9))
            row, col = int(rng.integers(60, 100)), int(rng.integers(15, 55))
            film = draw_film(rng, rows, cols, [(row, col, radius, 52_000 if malignant else 38_000)], chest_left)
            cv2.imwrite(str(root / "films" / f"{image_id}.png"), film)
            here = col if chest_left else cols - 1 - col
            films.append(f"{image_id},W{woman:03d},LEFT,{view},films/{image_id}.png,{woman % 5}")
            pathology = "MALIGNANT" if malignant else "BENIGN"
            lesions.append(f"{image_id},1,mass,{pathology},{row},{here},{radius}")
    (root / "films.csv").write_text("image_id,patient_id,side,view,file,fold_hint\n" + "\n".join(films) + "\n")
    head = "image_id,lesion_id,kind,pathology,centre_row,centre_col,radius\n"
    (root / "lesions.csv").write_text(head + "\n".join(lesions) + "\n")
    return DrawnSet(root, women, 2 * women)


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory: pytest.TempPathFactory) -> DrawnSet:
    """A hundred women, two small films each."""
    return draw_set(tmp_path_factory.mktemp("drawn") / "set", 100)


@pytest.fixture(scope="session")
def drawn_store(drawn_set: DrawnSet, tmp_path_factory: pytest.TempPathFactory):
    """The drawn set prepared at 96 rows."""
    from mammomap.masks.own_data import index_own_data
    from mammomap.masks.store import prepare

    return prepare(index_own_data(drawn_set.root), tmp_path_factory.mktemp("store") / "s", rows=96, workers=1)[0]


@pytest.fixture(scope="session")
def trained_run(drawn_store, tmp_path_factory: pytest.TempPathFactory):
    """A net trained on the drawn set for a few seconds."""
    from mammomap.seg.config import TrainConfig
    from mammomap.seg.train_run import train

    config = TrainConfig(
        encoder="resnet18", crops=320, crop=64, batch=8, warmup_crops=40, validate_every=160, ema=0.9, seed=3
    )
    return train(drawn_store, tmp_path_factory.mktemp("run") / "r", config)[0]
