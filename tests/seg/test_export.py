"""The net as an ONNX file: onnxruntime gives torch's maps on films of several sizes, as the docs say."""

import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

from mammomap.cli import main
from mammomap.errors import ConfigError
from mammomap.masks.grid import Grid
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.config import TrainConfig
from mammomap.seg.device import Hardware
from mammomap.seg.export import METADATA, export_onnx
from mammomap.seg.maps import film_map, map_layers
from mammomap.seg.run import Run
from mammomap.seg.train_run import train

EXACT = Hardware("cpu", "a CPU", "32-true", 1)
DOCS = Path(__file__).parents[2] / "docs" / "nets.md"


@pytest.mark.parametrize(
    ("net", "encoder"),
    [
        ("unet", "resnet18"),
        ("fpn", "resnet18"),
        ("fcn8s-light", "resnet18"),
        ("fcn8s-dilated", "tu-resnet10t"),
        pytest.param("segformer", "mit_b0", marks=pytest.mark.slow),
    ],
)
def test_maps_are_those_of_torch(net: str, encoder: str, drawn_store: Store, tmp_path: Path) -> None:
    config = TrainConfig(net=net, encoder=encoder, crops=8, crop=64, batch=4, warmup_crops=8, validate_every=8, seed=3)
    run, _ = train(drawn_store, tmp_path / "run", config)
    export_onnx(run, tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    module, rng = run.net(EXACT), np.random.default_rng(0)
    for rows, cols in [(96, 64), (64, 160), (224, 192), (32, 32)]:
        image = rng.random((rows, cols), np.float32)
        found = np.asarray(session.run(None, {"film": image[None, None]})[0])
        wanted = film_map(module, image, EXACT)
        assert wanted.std() > 1e-3
        assert np.abs(found[0] - wanted).max() < 1e-4, (rows, cols)


def test_the_code_in_the_docs(trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = CliRunner().invoke(main, ["export-onnx", str(trained_run.folder), "-o", str(tmp_path / "net.onnx")])
    assert found.exit_code == 0 and "multiple of 32" in found.stdout
    pixels = np.random.default_rng(2).integers(1, 60_000, (96, 75)).astype(np.uint16)
    film = WorkingFilm(pixels, Grid.whole(96, 75))
    monkeypatch.setattr("mammomap.masks.working.read_working_film", lambda path, rows: film)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
    names: dict = {}
    exec(next(block for block in blocks if "onnxruntime" in block), names)  # noqa: S102 - our own page
    from mammomap.masks.intensity import net_input

    image = net_input(pixels, trained_run.config.intensity)
    wanted = map_layers(film_map(trained_run.net(EXACT), image, EXACT), trained_run.classes)[1]
    assert np.abs(names["malignancy"] - wanted).max() < 1e-4
    meta = onnxruntime.InferenceSession("net.onnx").get_modelmeta().custom_metadata_map
    assert json.loads(meta[METADATA])["model"] == trained_run.name


def test_without_the_extra_one_line(trained_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ConfigError, match=r"pip install 'mammomap\[onnx\]'"):
        export_onnx(trained_run, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()
