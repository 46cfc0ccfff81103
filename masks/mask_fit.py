"""How a mask of CBIS-DDSM lies on its film: of the same size, 0.87 times too small, or unknown.

In: the sizes of mask and film in pixels. Out: a sentence with the evidence, or a refusal. 78 masses of the set have a
mask whose rows and columns are both 0.870 times the film's, the ratio of the pixels of two scanners (43.5 and
50 micrometres): such a mask is scaled to its film by nearest neighbour. No mask is padded, cropped or stretched.
"""

from __future__ import annotations

from mammomap.errors import ImageError

SMALL = 43.5 / 50
"""Mask over film, per axis, where the mask was drawn at the pixels of the other scanner."""


def mask_fit(mask: tuple[int, int], film: tuple[int, int]) -> str:
    """The evidence that a mask `(rows, cols)` belongs on a film `(rows, cols)`.

    Raises
    ------
    ImageError
        If no rule fits: not the film's size, and not 0.87 of it on both axes to within a rounded pixel.
    """
    if mask == film:
        return "same size"
    sizes = f"mask {mask[0]} x {mask[1]}, film {film[0]} x {film[1]}"
    ratios = [m / f for m, f in zip(mask, film, strict=True)]
    if all(abs(m - SMALL * f) <= 1 for m, f in zip(mask, film, strict=True)):
        return f"{sizes}: {ratios[0]:.4f} down and {ratios[1]:.4f} across, so scaled by 50/43.5, nearest neighbour"
    raise ImageError(
        f"{sizes}: {ratios[0]:.4f} down and {ratios[1]:.4f} across; wanted 1 or {SMALL:.3f} on both axes, "
        "so where the mask lies is not known"
    )
