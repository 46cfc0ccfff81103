"""The loop and its folder: learns, repeats itself byte for byte, goes on after a kill, leaves women where they are."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mammomap.benchmark.run import training_curves
from mammomap.errors import ConfigError, ModelError
from mammomap.masks.mapfile import women_codes
from mammomap.masks.sources import find_sources
from mammomap.masks.splits import Split, make_split
from mammomap.masks.store import Store
from mammomap.masks.targets import classes_shown
from mammomap.report.sections_about import training
from mammomap.seg.card import card
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import VOID
from mammomap.seg.losses import LesionLoss
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import Run, read_run
from mammomap.seg.segment import segment
from mammomap.seg.train_run import films_to_train_on, train

QUICK = TrainConfig(encoder="resnet18", crops=24, crop=32, batch=4, warmup_crops=8, validate_every=12, seed=2)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.folder / "model.safetensors")


def test_it_learns_what_is_easy(trained_run: Run) -> None:
    log = [json.loads(line) for line in (trained_run.folder / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step_loss"] < log[0]["step_loss"]
    assert max(line["validation"]["sensitivity_at_1"] for line in log) >= 0.6
    assert trained_run.classes == (0, 3, 4) and trained_run.kinds == ("mass",)


def test_same_seed_same_bytes(drawn_store: Store, tmp_path: Path) -> None:
    one, _ = train(drawn_store, tmp_path / "one", QUICK)
    other, _ = train(drawn_store, tmp_path / "other", QUICK)
    assert one.weights_hash == other.weights_hash
    another, _ = train(
        drawn_store, tmp_path / "another", TrainConfig(**{**QUICK.json(), "seed": 4, "intensity": QUICK.intensity})
    )
    assert another.weights_hash != one.weights_hash


@pytest.mark.parametrize(("after", "net"), [(2, "unet"), (3, "fcn8s-light")])
def test_a_killed_run_goes_on_and_ends_the_same(
    drawn_store: Store, tmp_path: Path, monkeypatch, after: int, net: str
) -> None:
    """The FCN has dropout, so that its random state must come back as well."""
    monkeypatch.setattr("mammomap.seg.train.SAVE_SECONDS", -1.0)  # a checkpoint at every step
    settings = dataclasses.replace(QUICK, net=net)
    whole, _ = train(drawn_store, tmp_path / "whole", settings)

    class Killed(Exception):
        pass

    def killing(items, **_):
        for number, item in enumerate(items):
            if number == after:
                raise Killed
            yield item

    with pytest.raises(Killed):
        train(drawn_store, tmp_path / "parts", settings, progress=killing)
    with pytest.raises(ModelError, match="not finished"):
        read_run(tmp_path / "parts")
    steps = []
    parts, done = train(
        drawn_store, tmp_path / "parts", settings, progress=lambda items, **how: steps.append(how) or items
    )
    assert done and steps[0]["initial"] == after
    assert parts.weights_hash == whole.weights_hash
    assert train(drawn_store, tmp_path / "parts", settings)[1] is False


def test_another_config_in_the_same_folder_is_refused(drawn_store: Store, trained_run: Run) -> None:
    values = trained_run.config.json() | {"learning_rate": 5e-4}
    with pytest.raises(ConfigError, match="training.learning_rate"):
        train(drawn_store, trained_run.folder, TrainConfig.from_json(values))


def test_a_run_goes_on_with_its_own_women_alone(drawn_store: Store, tmp_path: Path) -> None:
    """A split file that has changed would train on women whom the run does not know as seen."""
    split = make_split(drawn_store.tables, "random", 2)
    split.write(tmp_path / "mine.csv")
    settings = dataclasses.replace(QUICK, split=str(tmp_path / "mine.csv"))
    train(drawn_store, tmp_path / "run", settings)
    turned = {"net": "test", "test": "net"}
    Split(split.name, {w: turned.get(p, p) for w, p in split.part_of.items()}).write(tmp_path / "mine.csv")
    for missing in ("", "model.safetensors"):
        if missing:
            (tmp_path / "run" / missing).unlink()
        with pytest.raises(ConfigError, match="began with another split"):
            train(drawn_store, tmp_path / "run", settings)


def test_a_start_that_fails_leaves_the_folder_free(drawn_store: Store, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not divide into 3 parts"):
        train(drawn_store, tmp_path / "run", QUICK, devices=3)
    assert not (tmp_path / "run").exists()

    def broken(items, **_):
        raise ConfigError("not enough memory")

    with pytest.raises(ConfigError, match="not enough memory"):
        train(drawn_store, tmp_path / "run", QUICK, progress=broken)
    smaller = dataclasses.replace(QUICK, batch=2, crops=4)
    run, _ = train(drawn_store, tmp_path / "run", smaller)
    assert run.config.batch == 2


def test_untrained_is_the_net_as_initialised(drawn_store: Store, tmp_path: Path) -> None:
    run, _ = train(drawn_store, tmp_path / "r", TrainConfig(encoder="resnet18", crops=0, crop=32, seed=2))
    assert run.women_codes == []
    later, _ = train(drawn_store, tmp_path / "later", QUICK)
    assert run.weights_hash != later.weights_hash and later.women_codes


def test_a_wished_precision_is_that_of_the_run_and_of_its_maps(drawn_store: Store, tmp_path: Path) -> None:
    config = TrainConfig(encoder="resnet18", crops=8, crop=32, batch=4, precision="32-true")
    run, _ = train(drawn_store, tmp_path / "exact", config)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["hardware"]["precision"] == RunMapper(run).about["precision"] == "32-true"
    with pytest.raises(ConfigError, match="precision 'fp16': none of"):
        TrainConfig(precision="fp16")


def test_women_stay_in_their_parts(drawn_store: Store, trained_run: Run) -> None:
    net, validation = films_to_train_on(drawn_store, trained_run.split)
    woman = dict(zip(drawn_store.films["image_id"], drawn_store.films["patient_id"], strict=True))
    seen = {woman[i] for i in net} | {woman[i] for i in validation}
    assert women_codes(seen) == trained_run.women_codes
    assert not seen & trained_run.split.women("head", "test")
    assert not {woman[i] for i in net} & {woman[i] for i in validation}


def test_films_with_lesions_of_unknown_place_are_not_trained_on(drawn_store: Store, trained_run: Run) -> None:
    net, _ = films_to_train_on(drawn_store, trained_run.split)
    films = drawn_store.tables.films
    column = films["kinds_not_outlined"].copy()
    try:
        films.loc[films["image_id"] == net[0], "kinds_not_outlined"] = "calcification"
        assert net[0] not in films_to_train_on(drawn_store, trained_run.split)[0]
    finally:
        films["kinds_not_outlined"] = column


def test_the_last_weights_are_kept_where_nothing_chooses(drawn_store: Store, tmp_path: Path) -> None:
    """As in a run without any validation but the one at the end."""
    settings = dataclasses.replace(QUICK, chosen_by="last")
    last, _ = train(drawn_store, tmp_path / "last", settings)
    once, _ = train(drawn_store, tmp_path / "once", dataclasses.replace(QUICK, validate_every=1000))
    assert last.weights_hash == once.weights_hash and last.chosen == last.log[-1]
    told = {name: card(run, None, "") for name, run in (("last", last), ("once", once))}
    assert "women and validated on" in told["last"] and "so too good" not in told["last"]
    assert "women and chosen on" in told["once"] and "so too good" in told["once"]
    with pytest.raises(ConfigError, match="nothing ends early"):
        dataclasses.replace(settings, patience=2)


def test_everybody_can_be_trained_on(drawn_store: Store, tmp_path: Path) -> None:
    settings = dataclasses.replace(QUICK, split="all", chosen_by="last")
    run, _ = train(drawn_store, tmp_path / "run", settings)
    women = set(drawn_store.tables.films["patient_id"])
    assert run.women_codes == women_codes(sorted(women)) and not run.chosen_codes
    assert [line["validation"] for line in run.log] == [None, None] and run.log[-1]["train"]["loss"] > 0
    shown = training(training_curves(run))["training"]
    assert len(shown) == 2 and "validation" not in shown[0]["svg"] and "learns from" in shown[0]["svg"]
    assert f"On no woman: all were trained on, for {settings.crops} crops." in card(run, None, "")
    with pytest.raises(ConfigError, match="leaves no film for the part validation"):
        train(drawn_store, tmp_path / "no", dataclasses.replace(QUICK, split="all"))


def test_strange_weights_are_refused(trained_run: Run, tmp_path: Path) -> None:
    from mammomap.seg.device import choose_hardware

    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("config.json", "split.csv"):
        (folder / name).write_bytes((trained_run.folder / name).read_bytes())
    for content in (b"no weights at all", b""):
        (folder / "model.safetensors").write_bytes(content)
        with pytest.raises(ModelError, match="not those of this run"):
            read_run(folder).net(choose_hardware())
    renamed = {("x" + name if k == 0 else name): value for k, (name, value) in enumerate(weights(trained_run).items())}
    save_file(renamed, folder / "model.safetensors")
    with pytest.raises(ModelError, match="not those of this run"):
        read_run(folder).net(choose_hardware())
    with pytest.raises(ModelError, match="no run"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"learning_rate": "abc"}, "learning_rate must be a number, not 'abc'"),
        ({"batch": 2.5}, "batch must be a whole number, not 2.5"),
        ({"crops": "1e2"}, "crops must be a whole number"),
        ({"net": 3}, "net must be a word"),
        ({"seed": True}, "seed must be a whole number"),
    ],
)
def test_settings_of_another_type_are_refused_in_one_line(setting: dict, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        TrainConfig.from_json(setting)
    assert TrainConfig.from_json({"crops": 1e2, "validate_every": 10.0}).json()["crops"] == 100


def test_unknown_settings_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="'learning_rat'"):
        TrainConfig.from_json({"learning_rat": 1})
    with pytest.raises(ConfigError, match="crop 50"):
        TrainConfig(crop=50)
    for values, told in [({"localy": 3}, "localy"), ({"local": -1}, "local -1")]:
        with pytest.raises(ConfigError, match=f"intensity: .*{told}"):
            TrainConfig.from_json({"intensity": values})
    assert TrainConfig.from_json({"intensity": {"local": 3}}).intensity.local == 3
    assert TrainConfig.from_json(QUICK.json()) == QUICK


def test_the_loss_ignores_void_and_falls_with_the_truth() -> None:
    loss = LesionLoss(classes_shown(["mass"]), 4.0)
    target = torch.zeros(1, 16, 16, dtype=torch.long)
    target[0, 4:8, 4:8], target[0, 10:13, 10:13] = 2, 1
    right = torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float() * 20
    assert float(loss(right, target)) < 0.02 < float(loss(torch.zeros_like(right), target))
    swapped = right[:, [0, 2, 1]]
    assert float(loss(swapped, target)) > 1
    assert loss.malignant.tolist() == [2]
    assert LesionLoss((0, 1, 2, 3, 4), 1.0).malignant.tolist() == [2, 4]
    void = target.clone()
    void[0, :, 12:] = VOID
    spoiled = right.clone()
    spoiled[..., 12:] = torch.randn(1, 3, 16, 4)
    assert torch.equal(loss(right, void), loss(spoiled, void))


@pytest.mark.gpu
def test_on_a_gpu_a_net_learns_goes_on_and_maps(drawn_store: Store, tmp_path: Path) -> None:
    """Not bit for bit there: losses fall, a second call does nothing, maps are those of the CPU nearly."""
    config = TrainConfig(encoder="resnet18", crops=160, crop=64, batch=8, warmup_crops=16, validate_every=80, seed=3)
    run, done = train(drawn_store, tmp_path / "run", config)
    environment = json.loads((run.folder / "environment.json").read_text())
    assert done and environment["hardware"]["device"] == "cuda"
    losses = [json.loads(line)["step_loss"] for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] and train(drawn_store, tmp_path / "run", config)[1] is False
    sources = find_sources([Path(path) for path in drawn_store.tables.films["path"].head(3)])
    folder, count = segment(sources, RunMapper(run), tmp_path / "maps")
    assert count == 3 and all(folder.map(image_id).lesion.max() > 0 for image_id in folder.done)
