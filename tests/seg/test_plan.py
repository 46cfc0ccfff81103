"""Plans: each rule by hand, and what is planned can be trained."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mammomap.cli import main
from mammomap.masks.store import Store
from mammomap.seg import plan
from mammomap.seg.config import CROP_STEP, TrainConfig
from mammomap.seg.device import Hardware


def test_the_rules_by_hand() -> None:
    assert plan.crop_for(50, 400, 32) == 160 and plan.crop_for(5, 400, 32) == 64
    assert plan.crop_for(300, 400, 32) == 416 and plan.crop_for(300, 2000, 32) == 512
    assert plan.rows_for(6, 576) == 1152 and plan.rows_for(24, 576) == 320 and plan.rows_for(0.5, 576) == 2560
    assert plan.batch_for(1.0, 0.0, 6.0) == 2 and plan.batch_for(1.0, 2.0, 6.0) == 1
    assert plan.batch_for(1.0, 0.0, 1e9) == 8 and plan.batch_for(100.0, 0.0, 6.0) == 1
    assert all(plan.crop_for(side, 400, math.lcm(16, CROP_STEP)) % CROP_STEP == 0 for side in range(5, 200))
    assert plan.crops_for(10, 0.51, 4) == 4 * 1000 and plan.crops_for(0.001, 60, 8) == 8


def test_a_plan_of_the_drawn_set(drawn_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discs of radius 6 to 12 on films of 160 rows, here at 96: sides of 6 to 13 pixels."""
    monkeypatch.setattr(plan, "seconds_per_step", lambda *_: 0.5)
    config = TrainConfig(net="linknet", encoder="resnet18", seed=7)
    made = plan.make_plan(drawn_store, config, 10)
    sides = made["because"]["lesion_side_px"]
    assert 5 < sides["small"] < 8 < sides["median"] < sides["large"] < 14
    assert made["training"]["crop"] == 64 and made["training"]["crops"] == 8 * 1020
    assert made["training"]["net"] == "linknet" and made["training"]["seed"] == 7
    assert made["prepare"]["rows"] > 96 and made["because"]["films"] == 200 == len(drawn_store.films)
    assert made["cost"]["parameters"] > 11e6 and 0 < made["cost"]["memory_gb"] < made["cost"]["memory_of_device_gb"]
    shallow = TrainConfig(net="unet-shallow", encoder="tu-resnet18")
    assert TrainConfig.from_json(plan.make_plan(drawn_store, shallow, 1)["training"]).crop == 64
    assert plan.make_plan(drawn_store, config, 0.05)["training"]["warmup_crops"] == 4
    monkeypatch.setattr(Hardware, "memory", property(lambda self: 1 << 29))
    less = plan.make_plan(drawn_store, config, 10)
    assert less["training"]["batch"] < made["training"]["batch"]


def test_what_is_planned_is_trained(drawn_store: Store, tmp_path: Path) -> None:
    run = CliRunner().invoke
    done = run(
        main, ["train", str(drawn_store.folder), "--plan", "--minutes", "1", "--net", "unet", "--encoder", "resnet18"]
    )
    assert done.exit_code == 0, done.output
    values = json.loads(done.stdout)
    assert values["cost"]["seconds_per_step"] > 0 and np.isfinite(values["cost"]["memory_gb"])
    values["training"] |= {"crops": 4, "batch": 4, "crop": 32, "validate_every": 4}
    (tmp_path / "plan.json").write_text(json.dumps(values))
    done = run(
        main, ["train", str(drawn_store.folder), "--config", str(tmp_path / "plan.json"), "-o", str(tmp_path / "r")]
    )
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "r" / "config.json").read_text())["training"]["crops"] == 4
    done = run(main, ["train", str(drawn_store.folder)])
    assert done.exit_code == 2 and "-o RUN is missing" in done.output
