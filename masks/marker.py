"""How a file that mammomap wrote is known again, so that no verb takes it for a film or for truth.

Every DICOM object that mammomap writes, whatever its kind, carries `MADE_BY` as its Manufacturer (0008,0070): the
equipment that made the object, not the one that exposed the film. PNG pictures and maps carry it as their Software.
The films of `mammomap phantom` are input, and say another name.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PIL.PngImagePlugin import PngInfo

if TYPE_CHECKING:  # pages have pictures and need no DICOM
    from pydicom.dataset import Dataset

MADE_BY = "mammomap"
"""The Manufacturer of what mammomap writes; exactly this and nothing more."""
_CHUNK = b"tEXtSoftware\0" + MADE_BY.encode()
_BEGINNING = 4096
"""Bytes of a picture within which its mark stands."""


def made_by_us(dataset: Dataset) -> bool:
    """Whether mammomap wrote the object that this header belongs to."""
    return str(dataset.get("Manufacturer", "") or "").strip() == MADE_BY


def our_mark() -> PngInfo:
    """What Pillow is given as `pnginfo` for every PNG that mammomap writes."""
    mark = PngInfo()
    mark.add_text("Software", MADE_BY)
    return mark


def is_our_picture(path: Path) -> bool:
    """Whether mammomap wrote this picture."""
    with path.open("rb") as file:
        return _CHUNK in file.read(_BEGINNING)
