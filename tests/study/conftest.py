"""What the tests of studies share."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mammomap.masks.own_data import index_own_data
from mammomap.masks.tables import Tables, make_tables

STUDY = str(Path(__file__).resolve().parents[2] / "study")


@pytest.fixture(scope="module")
def studies() -> Iterator[Callable]:
    """Scripts of study/ by name; behind the libraries on the path, so that none of their names is taken."""
    sys.path.append(STUDY)
    yield importlib.import_module
    sys.path.remove(STUDY)


@pytest.fixture(scope="module")
def tables(drawn_set) -> Tables:
    """Drawn women with folds 0 to 4 of their own."""
    made = index_own_data(drawn_set.root)
    number = made.films["patient_id"].str[1:].astype(int)
    return make_tables(made.films.assign(fold=number // 2 % 5), made.lesions, about=made.about)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here is about the width of an interval."""
    monkeypatch.setattr("mammomap.benchmark.evidence.RESAMPLES", 200)
