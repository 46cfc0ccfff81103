"""Which mark hits which lesion: all rules of a hit, in one place.

In: for each film its marks (places, scores, boxes where the system gives boxes) and its lesions. Out: `Marks` and the
film of each lesion, as `froc` and `afroc` take them.

Rules (`RULES`):

- outline: the mark's place lies in the lesion's outline; in its true box or circle where that is all that is known.
  The default.
- centre: the place is no farther from the lesion's centroid than half its size, the diameter of the disc of equal
  area. So LUNA16, Setio et al., Med Image Anal 42 (2017), for balls; it is stricter for long and lobed outlines.
- box: intersection over union of the mark's box and the outline's bounding box is at least 0.2: our choice, papers
  on masses differ. Only for systems that give boxes.

For all rules: a mark may hit several lesions, and a lesion is found at the best score among its hits, however well
each overlaps; further hits are neither found lesions nor false positives. A mark that hits only ignored lesions is
ignored; one that hits an ignored lesion and a counted one is a hit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mammomap.eval.froc import Marks
from mammomap.eval.regions import Region

CENTRE_SHARE = 0.5
"""Farthest place of a hit from the centroid, as a share of the lesion's size, under the rule of the centre."""
BOX_IOU = 0.2
"""Least intersection over union of a hit under the rule of the box."""
ASKED = ("any", "malignant", "malignant, benign hits ignored")
"""Whose detection is asked for; the last two differ in what a mark in a benign lesion is: false, or nothing."""


@dataclass(frozen=True)
class Lesion:
    """One lesion of one film.

    region: its pixels. ignored: True where it counts for nothing. contains: `(n, 2)` places to `(n,)` bool, where the
    truth is a box or circle and the region only its drawing; else the region itself answers.
    """

    region: Region
    malignant: bool = False
    ignored: bool = False
    contains: Callable[[NDArray[np.float64]], NDArray[np.bool_]] | None = None


@dataclass(frozen=True)
class FilmMarks:
    """The marks of one film: places `(n, 2)` row, col in film pixels; scores `(n,)`; boxes `(n, 4)`, half-open
    (row0, col0, row1, col1), or None."""

    places: NDArray[np.floating]
    scores: NDArray[np.floating]
    boxes: NDArray[np.floating] | None = None


@dataclass(frozen=True)
class Matched:
    """Marks and lesions of a set of films. lesion_film: `(m,)` int, the film of each lesion that counts.
    lesion_free: `(n_films,)` bool, films without any lesion, ignored or benign ones included."""

    marks: Marks
    lesion_film: NDArray[np.int64]
    lesion_free: NDArray[np.bool_]


def asked_for(lesions: Sequence[Lesion], which: str) -> list[Lesion]:
    """The lesions of a film that a question is about, those to be ignored marked so.

    which: one of `ASKED`. Lesions that are ignored already stay so under each question.

    Raises
    ------
    ValueError
        If `which` is another word.
    """
    if which not in ASKED:
        raise ValueError(f"asked for {which!r}, wanted one of {ASKED}")
    if which == "any":
        return list(lesions)
    if which == "malignant":
        return [lesion for lesion in lesions if lesion.malignant or lesion.ignored]
    return [lesion if lesion.malignant else replace(lesion, ignored=True) for lesion in lesions]


def match(
    films: Sequence[FilmMarks], lesions: Sequence[Sequence[Lesion]], *, which: str = "any", rule: str = "outline"
) -> Matched:
    """Marks of a set of films judged against their lesions.

    films, lesions: film by film, in one order; all lesions that are known. which: one of `ASKED`. rule: one of
    `RULES`.

    Raises
    ------
    ValueError
        If the lists have different lengths, arrays of a film do not go together, a word is unknown, or the rule needs
        boxes and a mark has none.
    """
    if rule not in RULES:
        raise ValueError(f"rule {rule!r}, wanted one of {tuple(RULES)}")
    mark_film, score, ignored, hit_mark, hit_lesion, lesion_film = [], [], [], [], [], []
    n_lesions = n_marks = 0
    for number, (marks, known) in enumerate(zip(films, lesions, strict=True)):
        _check(marks)
        counted = asked_for(known, which)
        targets = [lesion for lesion in counted if not lesion.ignored]
        hits = _hits(rule, marks, targets)
        void = _hits(rule, marks, [lesion for lesion in counted if lesion.ignored])
        mark, lesion = np.nonzero(hits)
        hit_mark.append(n_marks + mark)
        hit_lesion.append(n_lesions + lesion)
        ignored.append(void.any(axis=1) & ~hits.any(axis=1))
        mark_film.append(np.full(len(hits), number))
        score.append(np.asarray(marks.scores, np.float64))
        lesion_film.append(np.full(len(targets), number))
        n_marks, n_lesions = n_marks + len(hits), n_lesions + len(targets)
    table = Marks(
        _joined(mark_film), _joined(score, float), _joined(hit_mark), _joined(hit_lesion), _joined(ignored, bool)
    )
    return Matched(table, _joined(lesion_film), np.array([not len(known) for known in lesions], bool))


def inside_outline(marks: FilmMarks, lesion: Lesion) -> NDArray[np.bool_]:
    """Which marks lie in the outline, `(n,)`."""
    return np.asarray((lesion.contains or lesion.region.contains)(_places(marks)), bool)


def near_centre(marks: FilmMarks, lesion: Lesion) -> NDArray[np.bool_]:
    """Which marks lie within `CENTRE_SHARE` of the lesion's size from its centroid, `(n,)`."""
    away = np.hypot(*(_places(marks) - lesion.region.centre).T)
    return away <= CENTRE_SHARE * lesion.region.diameter_px


def box_overlaps(marks: FilmMarks, lesion: Lesion) -> NDArray[np.bool_]:
    """Which marks have a box whose `box_iou` with the outline's bounding box reaches `BOX_IOU`, `(n,)`.

    Raises
    ------
    ValueError
        If a mark has no box.
    """
    if marks.boxes is None or np.isnan(marks.boxes).any():
        raise ValueError("the rule of the box needs a box for every mark, and this system gives places alone")
    return box_iou(marks.boxes, lesion.region.box) >= BOX_IOU


def box_iou(boxes: NDArray[np.floating], box: Sequence[float]) -> NDArray[np.float64]:
    """Intersection over union of boxes `(n, 4)` with one box, half-open; `(n,)`, 0 where a box is empty."""
    row0, col0, row1, col1 = np.asarray(boxes, np.float64).reshape(-1, 4).T
    height = np.minimum(row1, box[2]) - np.maximum(row0, box[0])
    width = np.minimum(col1, box[3]) - np.maximum(col0, box[1])
    shared = np.maximum(height, 0) * np.maximum(width, 0)
    whole = np.maximum(row1 - row0, 0) * np.maximum(col1 - col0, 0) + (box[2] - box[0]) * (box[3] - box[1]) - shared
    return np.divide(shared, whole, out=np.zeros(len(shared)), where=whole > 0)


RULES: dict[str, Callable[[FilmMarks, Lesion], NDArray[np.bool_]]] = {
    "outline": inside_outline,
    "centre": near_centre,
    "box": box_overlaps,
}


def _hits(rule: str, marks: FilmMarks, lesions: Sequence[Lesion]) -> NDArray[np.bool_]:
    """Which mark hits which lesion, `(marks, lesions)`."""
    if not lesions or not len(marks.scores):
        return np.zeros((len(marks.scores), len(lesions)), bool)
    return np.stack([RULES[rule](marks, lesion) for lesion in lesions], axis=1)


def _places(marks: FilmMarks) -> NDArray[np.float64]:
    return np.asarray(marks.places, np.float64).reshape(-1, 2)


def _check(marks: FilmMarks) -> None:
    n = len(marks.scores)
    boxes = marks.boxes
    if np.shape(marks.scores) != (n,) or len(_places(marks)) != n or (boxes is not None and boxes.shape != (n, 4)):
        raise ValueError(
            f"marks: scores {np.shape(marks.scores)}, places {np.shape(marks.places)}, "
            f"boxes {None if boxes is None else boxes.shape}; wanted (n,), (n, 2) and (n, 4)"
        )


def _joined(parts: Sequence[NDArray], dtype: type = np.int64) -> NDArray:
    return np.concatenate([np.zeros(0), *parts]).astype(dtype)
