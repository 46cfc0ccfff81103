"""A run that is killed without warning goes on and ends as if nothing had happened."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig
from mammomap.seg.train_run import train

ROOT = Path(__file__).parents[2]
SETTINGS = TrainConfig(
    net="fcn8s-light", encoder="tu-resnet10t", crops=60, crop=32, batch=4, warmup_crops=8, validate_every=40, seed=2
)
CHILD = """
import json, os, signal, sys
from pathlib import Path
import mammomap.seg.train as loop
from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig
from mammomap.seg.train_run import train

store, out, settings, at = sys.argv[1:]
loop.SAVE_SECONDS = 0.3

def killing(items, initial, **_):
    for step, item in enumerate(items, initial):
        if step == int(at):
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

train(Store(Path(store)), Path(out), TrainConfig.from_json(json.loads(settings)), progress=killing)
"""


def logged(folder: Path) -> list[dict]:
    """The log without what no two runs share."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


@pytest.mark.parametrize("times", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_kill_9_at_random_steps_changes_nothing(drawn_store: Store, tmp_path: Path, times: int) -> None:
    """A checkpoint is written every third of a second, so that most kills lose some steps."""
    whole, _ = train(drawn_store, tmp_path / "whole", SETTINGS)
    kills = np.sort(np.random.default_rng(20).choice(np.arange(1, SETTINGS.loop.steps), times, replace=False))
    settings = json.dumps(SETTINGS.json())
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    for at in [*kills, -1]:
        command = [sys.executable, "-c", CHILD, str(drawn_store.folder), str(tmp_path / "parts"), settings, str(at)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, cwd=tmp_path)
        assert done.returncode == (0 if at < 0 else -9), done.stderr[-2000:]
    assert logged(tmp_path / "parts") == logged(tmp_path / "whole") and len(logged(tmp_path / "whole")) == 2
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1] and whole.weights_hash
