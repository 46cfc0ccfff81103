"""What a phantom is made from and what it gives: settings in, films with their true lesions out.

Arrays follow `mammomap.masks`: `(rows, cols)`, zero-based, pixel centres at integers. Places in millimetres count
from the film's upper left corner, so pixel i is centred at (i + 0.5) * pixel_mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ConfigError

if TYPE_CHECKING:
    from mammomap.phantom.digital import Exposure

FILM_HEIGHT_MM = 240.0
LEAST_ROWS, MOST_ROWS = 200, 4700
LOOKS = ("film", "digital")

TRAPS = {
    "small-masks": "masks 0.87 times too small, on films whose only lesion is a mass",
    "unfit-masks": "calcification masks of a size that no rule explains, so that their films have to be set aside",
    "two-lists": "a mass and a calcification of opposite pathology on one film, so lists that contradict each other",
    "leaking-women": "women with their mass rows in one part and their calcification rows in the other",
    "swapped": "mask and crop in the other order, or exchanged between the columns",
    "two-series": "mask and crop in two series of one file each",
    "odd-headers": "PatientID P_00038_LEFT_CC.dcm and no SeriesDescription, in calcification series of the test part",
    "dcm-folders": "folders called P_00038_LEFT_CC.dcm, for calcification series of the test part",
    "zeros": "density 0 and subtlety 0, which mean missing, with BI-RADS 0, which means incomplete",
    "not-available": "descriptors N/A, the distribution of calcifications in benign rows only",
}
"""What is odd about CBIS-DDSM and can be switched on in a phantom; `truth.json` says which film each one hit."""


@dataclass(frozen=True, kw_only=True)
class PhantomConfig:
    """Settings of a phantom; the same settings give the same bytes, whatever `workers` is."""

    patients: int = 60
    """Women."""
    seed: int = 0
    """Seed of everything drawn; woman n depends on (seed, n) alone, her part of the split on all of them."""
    rows: int = 1200
    """Rows of each film; a film is 240 mm high."""
    test_share: float = 0.25
    """Share of the women in the official test part."""
    both_breasts: float = 0.1
    """Share of the women with films of both breasts; with `prevalence` all have them."""
    look: str = "film"
    """film, a digitised one, or digital, a detector's image For Presentation."""
    prevalence: float | None = None
    """Share of the women with a malignant lesion in a screening mix, most of whose women have no lesion. If absent,
    each breast has at least one lesion, as in CBIS-DDSM."""
    traps: tuple[str, ...] = ()
    """Names from `TRAPS`, in any order; two-lists and leaking-women change lesions, the others only what is written."""
    workers: int | None = None
    """Processes; all cores if absent."""

    def __post_init__(self) -> None:
        if self.patients < 1:
            raise ConfigError(f"patients is {self.patients}, wanted at least 1")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}, wanted 0 or more")
        if not LEAST_ROWS <= self.rows <= MOST_ROWS:
            raise ConfigError(f"rows is {self.rows}, wanted {LEAST_ROWS} to {MOST_ROWS}")
        for name in ("test_share", "both_breasts"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}, wanted 0 to 1")
        if self.look not in LOOKS:
            raise ConfigError(f"look is {self.look!r}, wanted {' or '.join(LOOKS)}")
        if self.prevalence is not None and not 0 <= self.prevalence <= 1:
            raise ConfigError(f"prevalence is {self.prevalence}, wanted 0 to 1")
        unknown = sorted(set(self.traps) - set(TRAPS))
        if unknown:
            raise ConfigError(f"trap {unknown[0]!r}, wanted one of {', '.join(TRAPS)}")
        if self.traps and self.own_layout:
            raise ConfigError(
                "traps are of CBIS-DDSM's layout, which a digital look and a prevalence leave; drop the traps"
            )
        object.__setattr__(self, "traps", tuple(name for name in TRAPS if name in self.traps))
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"workers is {self.workers}, wanted at least 1")

    @property
    def own_layout(self) -> bool:
        """Whether the tree has films.csv and lesions.csv: CBIS-DDSM's lists hold no film without a lesion."""
        return self.look == "digital" or self.prevalence is not None

    @property
    def pixel_mm(self) -> float:
        """Pixel pitch in millimetres, the same down and across."""
        return FILM_HEIGHT_MM / self.rows


@dataclass(frozen=True)
class LesionPlan:
    """A lesion before it is drawn; both views of a breast show the same plan."""

    kind: str
    """mass or calcification"""
    pathology: str
    shape: str
    """Mass shape, or calcification type, as the tables write it (parts joined by `-`)."""
    margins: str
    """Mass margins, or distribution of calcifications."""
    assessment: int
    """BI-RADS of the reader."""
    subtlety: int
    """1 subtle to 5 obvious; contrast follows it."""
    size_mm: float
    """Longest diameter, about."""
    contrast: float
    """Added attenuation, where a breast's fat has about 0.3."""


@dataclass(frozen=True)
class PhantomLesion:
    """A lesion as it stands on one film."""

    abnormality_id: int
    """Counts the lesions of a breast from 1, over both kinds; the same in both views."""
    plan: LesionPlan
    mask: NDArray[np.bool_]
    """(rows, cols): the outline of a mass; for calcifications the hull of the specks widened by 1.5 mm."""

    @property
    def kind(self) -> str:
        return self.plan.kind

    @property
    def pathology(self) -> str:
        return self.plan.pathology

    @property
    def assessment(self) -> int:
        return self.plan.assessment

    @property
    def subtlety(self) -> int:
        return self.plan.subtlety


@dataclass(frozen=True)
class PhantomFilm:
    """One film and all that is true about it."""

    patient_id: str
    side: str
    """LEFT or RIGHT; does not give the breast's direction."""
    view: str
    """CC or MLO"""
    density: int
    """BI-RADS density, 1 to 4."""
    image: NDArray[np.uint16]
    """(rows, cols), bright where dense; of a digital film the presentation values."""
    chest_wall_left: bool
    pixel_mm: float
    lesions: tuple[PhantomLesion, ...]
    exposure: Exposure | None = None
    """What a digital film stores."""

    @property
    def image_id(self) -> str:
        return f"{self.patient_id}_{self.side}_{self.view}"

    @property
    def malignant(self) -> bool:
        return any(lesion.pathology == "MALIGNANT" for lesion in self.lesions)
