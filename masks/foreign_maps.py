"""Maps of anybody's making, one file at a time: what is in it, as an array that lies as the film does.

In: `.npz`, `.png`, `.tif`, `.nii`, `.nii.gz`. Out: `(rows, cols)` in the file's own dtype, and from it float32 in
[0, 1]. Floats are probabilities as they stand; uint8 and uint16 stretch over their full range.

NIfTI, as SimpleITK and nnU-Net write a film: the first axis runs along the columns, the second along the rows, a
third has length 1; voxels count as stored. The affine must agree that nothing was turned: its first two axes point
along x and y with one sign, both + (nibabel's identity) or both - (SimpleITK's). Anything else is refused.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.grid import Grid
from mammomap.masks.mapfile import LAYERS

ROUNDING = 1e-5
"""How far beyond [0, 1] floats may lie, as sums of a softmax do."""
FULL = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65_535}


def read_picture(path: Path) -> NDArray:
    """A PNG or TIFF of one grey channel: bool, uint8, uint16 or float.

    Raises
    ------
    ImageError
        If it cannot be decoded, is coloured, or holds several pages.
    """
    raw = np.fromfile(path, np.uint8)
    pixels = cv2.imdecode(raw, cv2.IMREAD_UNCHANGED) if raw.size else None
    if pixels is None:
        raise ImageError(f"{path.name}: cannot be decoded as a {path.suffix[1:].upper()} picture; is it whole?")
    if pixels.ndim != 2:
        raise ImageError(f"{path.name}: a picture of {pixels.shape[2]} channels, wanted one grey channel")
    if path.suffix.lower() != ".png" and (pages := cv2.imcount(str(path))) > 1:
        raise ImageError(f"{path.name}: {pages} pages, wanted one; write one file a layer")
    return pixels


def read_nifti(path: Path) -> NDArray:
    """A NIfTI of one film, turned to `(rows, cols)`.

    Raises
    ------
    ImageError
        If it cannot be read, has more than one slice, or its affine turns or mirrors the film.
    """
    import nibabel

    try:
        image = nibabel.load(path)
        voxels = np.asanyarray(image.dataobj)
        affine = np.asarray(image.affine, float)
    except Exception as error:  # a damaged file can fail in many ways, all of them the file's
        raise ImageError(f"{path.name}: cannot be read as NIfTI ({str(error)[:100]})") from None
    return nifti_plane(path.name, voxels, affine)


def nifti_plane(name: str, voxels: NDArray, affine: NDArray) -> NDArray:
    """The one slice of a NIfTI as `(rows, cols)`; refuses as `read_nifti` does."""
    if not (voxels.ndim in (2, 3) and voxels.shape[2:] in ((), (1,))):
        raise ImageError(f"{name}: NIfTI of {_size(voxels.shape)}, wanted columns x rows (x 1): one film, one layer")
    plane = affine[:2, :2]
    straight = np.abs(plane[[0, 1], [1, 0]]).max() <= 1e-3 * np.abs(np.diag(plane)).max()
    if not (straight and plane[0, 0] * plane[1, 1] > 0):
        raise ImageError(
            f"{name}: the affine turns or mirrors the film (x axis {_pair(plane[:, 0])}, y axis {_pair(plane[:, 1])}); "
            "store the voxels as the film lies, with both axes + or both -"
        )
    return np.ascontiguousarray(voxels.reshape(voxels.shape[:2]).T)


def read_npz(path: Path) -> dict[str, NDArray]:
    """The arrays `lesion` and, if there, `malignancy` of an npz.

    Raises
    ------
    ImageError
        If it is no npz, lacks `lesion`, or holds arrays of other names.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            names = set(file.files)
            if "lesion" not in names or names - set(LAYERS):
                odd = "mammomap's own; keep segment.json beside it" if "grid" in names else ", ".join(sorted(names))
                raise ImageError(f"{path.name}: arrays {odd}; wanted lesion and, if there, malignancy")
            return {name: file[name] for name in LAYERS if name in names}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ImageError(f"{path.name}: cannot be read as npz ({str(error)[:100]})") from None


def as_probability(stored: NDArray, name: str, labels: bool = False) -> NDArray[np.float32]:
    """A stored layer as float32 in [0, 1].

    stored: `(rows, cols)`; floats must lie in [0, 1]; uint8 and uint16 are divided by 255 and 65,535; bool, integers
    of 0 and 1 in other types, and uint8 and uint16 with `labels` count as they are. name: what errors call it.

    Raises
    ------
    ImageError
        If shape, dtype or range is another, or a value is no number.
    """
    if stored.ndim != 2 or not stored.size:
        raise ImageError(f"{name}: an array of {_size(stored.shape)}, wanted rows x cols")
    if stored.dtype.kind not in "fbui":
        raise ImageError(f"{name}: values of type {stored.dtype}, wanted float, uint8 or uint16")
    if stored.dtype in FULL and not labels:
        return stored.astype(np.float32) / np.float32(FULL[stored.dtype])
    low, high = stored.min(), stored.max()
    if not np.isfinite(low + high if stored.dtype.kind == "f" else 0):
        raise ImageError(f"{name}: {np.count_nonzero(~np.isfinite(stored)):,} values are no finite numbers")
    slack = ROUNDING if stored.dtype.kind == "f" else 0
    if low < -slack or high > 1 + slack:
        wanted = "0 to 1" if slack else "0 and 1, or uint8 or uint16 over their full range"
        raise ImageError(f"{name}: {stored.dtype} from {low:g} to {high:g}, wanted {wanted}")
    return np.clip(stored.astype(np.float32), 0, 1)


def grid_of_map(shape: tuple[int, ...], film_size: tuple[int, int], name: str) -> Grid:
    """Where a map lies on its film: pixel on pixel, or, as a reduced copy, over the whole of it.

    A map of another size counts as a reduced copy if both its sides are the film's by one scale, each rounded to a
    whole number of pixels, up or down.

    Raises
    ------
    ImageError
        If the map is larger than the film or its proportions are others; both sizes are named.
    """
    sides = list(zip(shape, film_size, strict=True))
    lowest = max((side - 1) / film for side, film in sides)
    highest = min((side + 1) / film for side, film in sides)
    if tuple(shape) == film_size or (all(side <= film for side, film in sides) and lowest < highest):
        return Grid.whole(*film_size, *shape)
    turned = "; rows and columns look exchanged" if tuple(shape) == film_size[::-1] else ""
    raise ImageError(
        f"{name}: map of {_size(shape)} on a film of {_size(film_size)}, neither its size nor a reduced copy{turned}"
    )


def says_malignant(label: str) -> bool:
    """Whether a label's words name malignancy: malignant, malignancy or cancer, and no 'non', 'not' or 'no'."""
    words = set(re.findall(r"[a-z]+", label.lower()))
    return bool(words & {"malignant", "malignancy", "cancer"}) and not words & {"non", "not", "no"}


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(str(side) for side in shape) or "no axis"


def _pair(column: NDArray) -> str:
    return f"({column[0]:.3g}, {column[1]:.3g})"
