"""Hours of the full set, from a reduced run, by sums worked by hand."""

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

TIMES = {"index": 10, "audit": 20, "prepare": 30, "train": 300, "head": 0, "segment": 40, "classify": 5, "benchmark": 6}
TIMES["bundle"] = 7
LOG = [{"seconds": 100.0, "crops": 200}, {"seconds": 250.0, "crops": 400}]


@pytest.fixture(scope="module")
def cost(studies: Callable[[str], ModuleType]) -> ModuleType:
    return studies("full_cost")


@pytest.fixture(scope="module")
def done(cost: ModuleType):
    return cost.Size(films=100, to_test=20, validated=25, crops=400, validations=2, folds=2)


def test_each_step_goes_by_what_it_works_on(cost: ModuleType, done) -> None:
    wanted = cost.Size(films=300, to_test=40, validated=75, crops=4_000, validations=10, folds=4)
    full = cost.seconds(TIMES, LOG, done, wanted)
    # half a second a crop, as until the first validation; 100 s for 50 films looked at: 2 s each
    train = 4_000 * 0.5 + 10 * 75 * 2
    assert full["train"] == pytest.approx(train)
    # four nets so, and 260 films mapped at the 2 s of each film tested
    assert full["head"] == pytest.approx(4 * train + 260 * 2)
    assert [full[step] for step in ("index", "audit", "prepare")] == pytest.approx([30, 60, 90])
    assert [full[step] for step in ("segment", "classify", "benchmark", "bundle")] == pytest.approx([80, 10, 12, 7])


def test_at_its_own_size_the_reduced_run_takes_what_it_took(cost: ModuleType, done) -> None:
    assert cost.seconds(TIMES, LOG, done, done) | {"head": 0} == pytest.approx(TIMES)


def test_nets_for_the_head_are_trained_one_after_the_other(cost: ModuleType, done) -> None:
    two, four = (cost.seconds(TIMES, LOG, done, replace(done, folds=folds)) for folds in (2, 4))
    assert four["head"] - two["head"] == pytest.approx(2 * TIMES["train"])
    assert four["train"] == two["train"]
