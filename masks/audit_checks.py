"""What can be wrong with a copy of CBIS-DDSM: one small function for each kind of trouble.

In: rows of the lists with the files found for them, files of the inventory, or pixels. Out: `Finding`s, or the numbers
that `audit.py` words as findings. Nothing here opens a file. Masks are uint8 `(rows, cols)`; shares lie in [0, 1].
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError
from mammomap.masks.cbis_lists import ListRow, series_of
from mammomap.masks.mask_fit import mask_fit

KINDS = {
    "missing_film": "a list names a film that is not there",
    "missing_mask": "a list names a mask that is not there",
    "missing_crop": "a list names a crop that is not there",
    "extra_file": "no list names the file",
    "unreadable_file": "header or pixels cannot be read",
    "swapped_columns": "the mask column of the list names the crop",
    "small_mask": "the mask is 0.87 of its film on both axes, and is scaled",
    "odd_mask": "the mask is of another size than its film, and no rule fits",
    "empty_mask": "no pixel of the mask is set",
    "full_mask": "every pixel of the mask is set",
    "third_value": "the mask holds more than two values",
    "two_uids": "one film lies there under two UIDs",
    "equal_films": "the pixels of two films of different names are equal",
    "labels_differ": "the two lists give one film different labels",
    "listed_twice": "a lesion is listed twice",
    "both_parts": "a woman stands on both sides of the official split",
    "outside_breast": "more than half of the lesion lies outside the breast",
    "no_breast": "no breast is found on the film, so where its lesions lie is not checked",
}
"""Every kind of trouble, and what it says."""
JPEG_NOISE = 15
"""Grey levels by which a JPEG moves 0 and 255."""
_BLOCK = 8
"""Pixels on a side of the blocks that a JPEG is coded in."""
MOST_OUTSIDE = 0.5


@dataclass(frozen=True)
class Finding:
    """One trouble. Empty where a name does not apply; `other_path` is the second file of a pair."""

    kind: str
    image_id: str
    lesion_id: str
    path: str
    text: str
    other_path: str = ""


@dataclass(frozen=True)
class Found:
    """A row of the lists and the files of the inventory that are its own."""

    row: ListRow
    films: tuple[dict, ...]
    masks: tuple[dict, ...]
    crops: tuple[dict, ...]
    unreadable_films: int
    """Files in the film's series of which not even the header can be read."""
    unreadable_regions: int


def missing_files(found: Iterable[Found]) -> list[Finding]:
    """Films, masks and crops that a list names and that are not there; an unreadable file in their place is there."""
    findings = []
    for one in found:
        row = one.row
        if row.image_series and not one.films and not one.unreadable_films:
            text = f"no file of series {row.image_series}"
            findings.append(Finding("missing_film", row.image_id, "", row.image_path, text))
        absent = [name for name, files in (("mask", one.masks), ("crop", one.crops)) if not files]
        if not all(row.roi_series) or len(absent) <= one.unreadable_regions:
            continue
        for name in absent:
            path = row.mask_path if name == "mask" else row.crop_path
            text = f"no {name} in series {' or '.join(row.roi_series)}; named by {row.where}"
            findings.append(Finding(f"missing_{name}", row.image_id, row.lesion_id, path, text))
    return findings


def extra_files(files: Iterable[dict], found: Iterable[Found]) -> list[Finding]:
    """Readable files that nothing uses, and files beyond the first where a list names one."""
    findings = [
        Finding("extra_file", "", "", file["path"], f"no list names series {file['series_uid']}, or it is a copy")
        for file in files
        if not file["used_as"] and not file["fault"]
    ]
    for one in found:
        for name, group in (("film", one.films), ("mask", one.masks), ("crop", one.crops)):
            for file in group[1:]:
                lesion = "" if name == "film" else one.row.lesion_id
                text = f"{len(group)} files of series {file['series_uid']} can be the {name}, wanted 1"
                findings.append(Finding("extra_file", one.row.image_id, lesion, file["path"], text))
    return findings


def swapped_columns(found: Iterable[Found]) -> list[Finding]:
    """Rows whose mask column names the crop: by series where there are two, else by the names of the files."""
    findings = []
    for one in found:
        row = one.row
        for mask in one.masks[:1]:
            if len(row.roi_series) == 2:
                swapped = mask["series_uid"] == series_of(row.crop_path)
                by = "series"
            else:
                named, other = PurePath(row.mask_path).name, PurePath(row.crop_path).name
                swapped = named != other and PurePath(mask["path"]).name == other
                by = "file name"
            if swapped:
                text = f"by {by}, the crop column of {row.where} names the mask"
                findings.append(Finding("swapped_columns", row.image_id, row.lesion_id, mask["path"], text))
    return findings


def mask_sizes(found: Iterable[Found]) -> list[Finding]:
    """Masks whose size is not their film's, by the rule of `mask_fit`."""
    findings = []
    for one in found:
        if len(one.films) != 1 or len(one.masks) != 1:
            continue
        film, mask = one.films[0], one.masks[0]
        try:
            text = mask_fit((mask["rows"], mask["cols"]), (film["rows"], film["cols"]))
            kind = "small_mask"
        except ImageError as error:
            text, kind = str(error), "odd_mask"
        if text != "same size":
            findings.append(Finding(kind, one.row.image_id, one.row.lesion_id, mask["path"], text))
    return findings


def labels_differ(rows: Iterable[ListRow]) -> list[Finding]:
    """Films that stand in two lists, malignant by one and benign by the other."""
    by_film: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row.pathology == "MALIGNANT" or row.list not in by_film[row.image_id]:
            by_film[row.image_id][row.list] = "malignant" if row.pathology == "MALIGNANT" else "benign"
    return [
        Finding("labels_differ", image_id, "", "", "; ".join(f"{name}: {label}" for name, label in labels.items()))
        for image_id, labels in by_film.items()
        if len(set(labels.values())) > 1
    ]


def listed_twice(rows: Iterable[ListRow]) -> list[Finding]:
    """Lesions (patient, side, view, abnormality id) of more than one row; the id runs over both kinds of list."""
    groups: dict[tuple[str, str], list[ListRow]] = defaultdict(list)
    for row in rows:
        groups[row.image_id, row.abnormality].append(row)
    return [
        Finding("listed_twice", image_id, group[0].lesion_id, "", ", ".join(f"{r.where}: {r.pathology}" for r in group))
        for (image_id, _), group in groups.items()
        if len(group) > 1
    ]


def both_parts(rows: Iterable[ListRow]) -> list[Finding]:
    """Women with rows in train and in test; `image_id` is the woman."""
    parts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        parts[row.patient][row.part].add(row.list)
    return [
        Finding("both_parts", woman, "", "", "in " + " and ".join("+".join(sorted(p)) for p in its.values()))
        for woman, its in parts.items()
        if len(its) > 1
    ]


def equal_films(digests: dict[str, tuple[str, str]]) -> list[Finding]:
    """Films of different names (woman, side or view) and equal pixels; each against the first of its pixels.

    digests: path -> (image_id, digest of shape and pixels).
    """
    first: dict[str, tuple[str, str]] = {}
    findings = []
    for path, (image_id, digest) in digests.items():
        other, other_path = first.setdefault(digest, (image_id, path))
        if other != image_id:
            text = f"pixel for pixel the film {other}"
            findings.append(Finding("equal_films", image_id, "", path, text, other_path))
    return findings


def pixels_that_differ(one: NDArray, other: NDArray) -> int | None:
    """How many pixels of two films differ; None where their sizes do."""
    return int(np.count_nonzero(one != other)) if one.shape == other.shape else None


def set_pixels(mask: NDArray[np.uint8], lossy: bool) -> NDArray[np.bool_]:
    """The pixels above half of the mask's own largest value, as they are drawn; of a lossy one, noise is not set."""
    top = int(mask.max())
    return mask > (JPEG_NOISE if lossy and top <= JPEG_NOISE else top // 2)


def third_values(mask: NDArray[np.uint8], lossy: bool) -> tuple[int, list[int]]:
    """How many pixels hold a value beyond two, and these values (at most 5).

    The two are the smallest and the largest. Of a lossy mask they are 0 and 255 with `JPEG_NOISE` around them, and
    blocks of 8 x 8 pixels that hold dark and bright ones are left out, since there a JPEG rings.
    """
    if lossy:
        rows, cols = (side + -side % _BLOCK for side in mask.shape)
        padded = np.pad(mask, ((0, rows - mask.shape[0]), (0, cols - mask.shape[1])), "edge")
        blocks = padded.reshape(rows // _BLOCK, _BLOCK, cols // _BLOCK, _BLOCK).astype(np.int16)
        plain = np.ptp(blocks, axis=(1, 3)) <= 4 * JPEG_NOISE
        even = np.kron(plain, np.ones((_BLOCK, _BLOCK), bool))[: mask.shape[0], : mask.shape[1]]
        counts = np.bincount(mask[even & (mask > JPEG_NOISE) & (mask < 255 - JPEG_NOISE)], minlength=256)
    else:
        counts = np.bincount(mask.ravel(), minlength=256)
        counts[[mask.min(), mask.max()]] = 0
    return int(counts.sum()), np.flatnonzero(counts)[:5].tolist()


def share_outside(lesion: NDArray[np.bool_], breast: NDArray[np.uint8]) -> float:
    """Share of the lesion outside the breast; both cover the same film, each at its own size. It is not empty."""
    small = cv2.resize(lesion.astype(np.float32), breast.shape[::-1], interpolation=cv2.INTER_AREA)
    return float(small[breast == 0].sum(dtype=np.float64) / small.sum(dtype=np.float64))


def split_by_kind(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Findings of each kind in the order of `KINDS`; kinds without any too."""
    return {kind: [finding for finding in findings if finding.kind == kind] for kind in KINDS}
