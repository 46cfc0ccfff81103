"""How a DICOM file that mammomap wrote is known again, so that no verb takes it for a film or for truth.

Every DICOM object that mammomap writes, whatever its kind, carries `MADE_BY` as its Manufacturer (0008,0070): the
equipment that made the object, not the one that exposed the film. Pictures carry no mark. The films of
`mammomap phantom` are input, and say another name.
"""

from __future__ import annotations

from pydicom.dataset import Dataset

MADE_BY = "mammomap"
"""The Manufacturer of what mammomap writes; exactly this and nothing more."""


def made_by_us(dataset: Dataset) -> bool:
    """Whether mammomap wrote the object that this header belongs to."""
    return str(dataset.get("Manufacturer", "") or "").strip() == MADE_BY
