"""Mammograms into lesion heatmaps, heatmaps into labels, maps into an honest benchmark.

Public functions are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version
from typing import Any

_PUBLIC = {
    "MammomapError": "mammomap.errors",
    "lesion_map": "mammomap.seg.mappers",
}
__all__ = ["MammomapError", "lesion_map"]  # noqa: F822  (resolved by __getattr__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        try:
            return _version("mammomap")
        except _NotFound:
            return "not installed"  # a checkout on the path
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'mammomap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC, "__version__"])
