"""The model that comes with mammomap: a bundle (`mammomap.masks.bundle`) named by its SHA-256, checked when it is used.

How it was made and measured, on whom, and what it is not for: docs/weights.md, and `CARD.md` in it.
"""

from __future__ import annotations

from pathlib import Path

import mammomap
from mammomap.errors import ModelError
from mammomap.masks.bundle import file_sum

SHIPPED = Path(mammomap.__file__).parent / "weights" / "film-masses.zip"
SUM = "786c4776c347729c103af892fc501f0998afd5f0d2d9c488a5945bb152c94c45"
"""SHA-256 of the file, in hex."""
ABOUT = f"{SHIPPED.stem}, the model that comes with mammomap: masses on digitised film (docs/weights.md)"


def shipped_model() -> Path:
    """The bundle's file.

    Raises
    ------
    ModelError
        If it is not there, or is another.
    """
    if not SHIPPED.is_file():
        raise ModelError(
            f"{SHIPPED}: the model that comes with mammomap is not there; install it again, or name a model"
        )
    if file_sum(SHIPPED) != SUM:
        raise ModelError(f"{SHIPPED}: not the model that comes with this mammomap; install it again, or name a model")
    return SHIPPED
