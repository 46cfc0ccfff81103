"""The loop alone, on a net of one number: parts of a batch, stopping early, what is kept, memory that is not enough."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mammomap.errors import ConfigError
from mammomap.masks.store import Store
from mammomap.seg.config import Steps, TrainConfig
from mammomap.seg.crops import CropSampler
from mammomap.seg.device import Hardware, is_first_process
from mammomap.seg.train import Task, fit

PLAIN = Hardware("cpu", "test", "32-true", 1)


def task(figures: list[float] | None = None, fails: bool = False) -> Task:
    """A line through (1, 3), (2, 5), (3, 7) and (4, 9); validations give `figures` one after the other."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    net = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(net.weight)
    torch.nn.init.zeros_(net.bias)
    given = iter(figures or [])

    def batches(start: int, stop: int, ours: range, whole: int) -> Iterator[list[torch.Tensor]]:
        for _ in range(start, stop):
            yield [x.chunk(whole)[part] for part in ours]

    def loss(module: torch.nn.Module, batch: torch.Tensor) -> torch.Tensor:
        if fails:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried")
        return (module(batch[:, None])[:, 0] - 2 * batch - 1).square().mean()

    return Task(net, batches, loss, lambda net, step: (next(given, 0.0), {}))


def steps(**how) -> Steps:
    """Plain gradient descent, a validation at every step."""
    return Steps(**{"steps": 6, "learning_rate": 0.02, "optimiser": "sgd", "validate_every": 1, "clip": 0, **how})


def log(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_a_batch_in_parts_is_the_batch(tmp_path: Path) -> None:
    for parts in (1, 2, 4):
        fit(task(), tmp_path / str(parts), steps(parts=parts), PLAIN)
    whole, *others = [[line["step_loss"] for line in log(tmp_path / str(parts))] for parts in (1, 2, 4)]
    assert whole[0] == pytest.approx((9 + 25 + 49 + 81) / 4) and whole[-1] < whole[0] / 2
    for other in others:
        assert other == pytest.approx(whole, rel=1e-5)


def test_a_compiled_net_learns_the_same_and_is_kept_under_its_own_names(tmp_path: Path) -> None:
    for backend in ("", "eager"):
        torch._dynamo.reset()
        fit(task(), tmp_path / f"with-{backend}", steps(compile=backend), PLAIN)
    plain, compiled = (load_file(tmp_path / f"with-{name}" / "model.safetensors") for name in ("", "eager"))
    assert set(plain) == set(compiled) == {"weight", "bias"}
    assert all(torch.equal(plain[name], compiled[name]) for name in plain)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0


def test_it_stops_after_validations_that_are_no_better_and_keeps_the_best(tmp_path: Path) -> None:
    fit(task([0.1, 0.5, 0.3, 0.5, 0.9, 0.9]), tmp_path / "a", steps(patience=2), PLAIN)
    assert len(log(tmp_path / "a")) == 4
    fit(task([0.1]), tmp_path / "b", steps(steps=2), PLAIN)
    fit(task([0.1, 0.5]), tmp_path / "c", steps(steps=2), PLAIN)
    kept = [load_file(tmp_path / name / "model.safetensors")["weight"].item() for name in "abc"]
    assert kept[0] == kept[2] > kept[1]


def test_without_a_figure_the_newest_weights_are_kept(tmp_path: Path) -> None:
    """No number is no choice, and does not stand in the way of the next."""
    nan = float("nan")
    for name, figures in {
        "none": [nan] * 3,
        "last": [0.1, 0.2, 0.3],
        "then": [nan, 0.5, 0.1],
        "best": [0.1, 0.5, 0.1],
    }.items():
        fit(task(figures), tmp_path / name, steps(steps=3), PLAIN)
    kept = {path.name: load_file(path / "model.safetensors")["weight"].item() for path in tmp_path.iterdir()}
    assert kept["none"] == kept["last"] > kept["then"] == kept["best"]


def test_a_log_that_a_kill_left_behind_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the last validation: the checkpoint has the line, the log has not."""
    fit(task(), tmp_path / "whole", steps(steps=3), PLAIN)

    def killed(out: Path, entries: list) -> None:
        if len(entries) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("mammomap.seg.train.write_log", killed)
        fit(task(), tmp_path / "killed", steps(steps=3), PLAIN)
    assert not (tmp_path / "killed" / "log.jsonl").exists()
    fit(task(), tmp_path / "killed", steps(steps=3), PLAIN)
    told = [[line["step_loss"] for line in log(tmp_path / name)] for name in ("whole", "killed")]
    assert told[0] == told[1] and len(told[0]) == 3


def test_memory_that_is_not_enough_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the net, and for what the optimiser keeps of its weights."""
    told = "not enough memory for a step: lower batch or crop"
    with pytest.raises(ConfigError, match=told):
        fit(task(fails=True), tmp_path, steps(), PLAIN)

    def full(self: torch.optim.SGD, closure: object = None) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.SGD, "step", full)
    with pytest.raises(ConfigError, match=told):
        fit(task(), tmp_path, steps(), PLAIN)


def test_crops_are_the_same_in_any_number_of_threads(drawn_store: Store) -> None:
    """Thirty steps, so that threads which shared an augmentation would take each other's random state."""
    config = TrainConfig(encoder="resnet18", crop=32, batch=4, seed=2)
    films = drawn_store.films["image_id"].tolist()[:10]
    one, four = (
        CropSampler(drawn_store, films, (0, 3, 4), config, threads=n).batches(2, 32, range(1), 1) for n in (1, 4)
    )
    for mine, theirs in zip(one, four, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(mine[0], theirs[0], strict=True))


def test_a_loss_that_is_no_number_stops_the_run_and_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the loss is (nan|inf) after [1-9][0-9]* steps; lower learning_rate"):
        fit(task(), tmp_path, steps(steps=400, validate_every=1000, learning_rate=1e6), PLAIN)
    assert not (tmp_path / "model.safetensors").exists()


def test_parts_of_crops_are_the_crops_of_the_batch(drawn_store: Store) -> None:
    config = TrainConfig(encoder="resnet18", crop=32, batch=4, seed=2)
    sampler = CropSampler(drawn_store, drawn_store.films["image_id"].tolist()[:10], (0, 3, 4), config)
    whole = next(sampler.batches(3, 4, range(1), 1))
    halves = [next(sampler.batches(3, 4, range(part, part + 1), 2))[0] for part in range(2)]
    for k in range(2):
        assert torch.equal(whole[0][k], torch.cat([half[k] for half in halves]))


@pytest.mark.parametrize(
    ("env", "first"), [({}, True), ({"LOCAL_RANK": "1"}, False), ({"RANK": "2", "LOCAL_RANK": "0"}, False)]
)
def test_one_process_speaks(env: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() is first
