"""Hours of the full set, from a reduced run, by sums worked by hand."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

TIMES = {"index": 10, "audit": 20, "prepare": 30, "train": 300, "head": 0, "segment": 40, "classify": 5, "benchmark": 6}
TIMES["bundle"] = 7
RATES = 0.5, 0.4
"""Seconds a crop: of the net, of those for the head."""


@pytest.fixture(scope="module")
def cost(studies: Callable[[str], ModuleType]) -> ModuleType:
    return studies("full_cost")


@pytest.fixture(scope="module")
def done(cost: ModuleType):
    return cost.Size(films=100, to_test=20, validated=25, crops=400, validations=2, folds=2, devices=1)


def test_each_step_goes_by_what_it_works_on(cost: ModuleType, done) -> None:
    wanted = cost.Size(films=300, to_test=40, validated=75, crops=4_000, validations=10, folds=4, devices=1)
    full = cost.seconds(TIMES, *RATES, done, wanted)
    # half a second a crop leaves 100 s for 50 films looked at: 2 s each
    assert full["train"] == pytest.approx(4_000 * 0.5 + 10 * 75 * 2)
    # four nets with crops of their own rate, and 260 films mapped at the 2 s of each film tested
    assert full["head"] == pytest.approx(4 * (4_000 * 0.4 + 10 * 75 * 2) + 260 * 2)
    assert [full[step] for step in ("index", "audit", "prepare")] == pytest.approx([30, 60, 90])
    assert [full[step] for step in ("segment", "classify", "benchmark", "bundle")] == pytest.approx([80, 10, 12, 7])


def test_at_its_own_size_the_reduced_run_takes_what_it_took(cost: ModuleType, done) -> None:
    assert cost.seconds(TIMES, *RATES, done, done) | {"head": 0} == pytest.approx(TIMES)


def test_nets_for_the_head_are_trained_as_many_at_a_time_as_there_are_devices(cost: ModuleType, done) -> None:
    def head(folds: int, devices: int) -> float:
        same = replace(done, devices=devices)
        return cost.seconds(TIMES, *RATES, same, replace(same, folds=folds))["head"]

    a_net = 400 * 0.4 + 2 * 25 * 2
    assert head(4, 1) - head(2, 1) == pytest.approx(2 * a_net)
    assert head(4, 4) - head(1, 4) == pytest.approx(0)
    assert head(5, 4) - head(4, 4) == pytest.approx(a_net)
    # films are mapped by one device, those of the test by all four in what is told as the step's seconds
    assert head(1, 4) == pytest.approx(a_net + 80 * 40 * 4 / 20)


def test_a_rate_is_that_before_the_first_validation(cost: ModuleType) -> None:
    assert cost.rate([{"seconds": 100.0, "crops": 200}, {"seconds": 250.0, "crops": 400}]) == 0.5
