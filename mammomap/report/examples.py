"""Pictures for a run: some of its validation films with the net's map and the true outlines over them.

In: a store, its films to choose from, and what makes their maps. Out: a PNG a film, as `mammomap.report.overlay` draws.
Films with a malignant lesion, then films with others, evenly from the list, so that none is picked by eye.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.measure import find_contours

from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.store import Store
from mammomap.masks.targets import malignant_classes
from mammomap.masks.working import WorkingFilm
from mammomap.report.overlay import overlay

EACH = 3
"""Films with a malignant lesion, and as many without."""
THRESHOLD = 0.25
"""Where colour begins: a run has no operating point yet."""


def write_examples(
    store: Store, image_ids: Sequence[str], classes: Sequence[int], mapper: Callable[[WorkingFilm], FilmMap], out: Path
) -> None:
    """Write `IMAGE_ID.png` for some of these films; pictures that are there already stay.

    classes: codes of the net's channels, background first.
    """
    films = store.tables.films.set_index("image_id")
    for image_id in examples(store, image_ids, classes):
        path = out / f"{image_id}.png"
        if not path.is_file():
            stored, film = store[image_id], films.loc[image_id]
            made = mapper(WorkingFilm(stored.pixels, stored.grid))
            title = f"{film['side']} {film['view']}" + (" (shown mirrored)" if stored.grid.mirrored else "")
            picture = overlay(
                net_input(stored.pixels, IntensitySettings()),
                made.lesion,
                _outlines(stored.target, classes, _approximate(store, image_id)),
                threshold=THRESHOLD,
                title=title,
            )
            write_atomically(path, lambda half, png=picture: half.write_bytes(png))


def examples(store: Store, image_ids: Sequence[str], classes: Sequence[int]) -> list[str]:
    """Those of the films that are shown."""
    bad = malignant_classes(classes)
    groups: tuple[list[str], list[str]] = ([], [])
    for image_id in sorted(image_ids):
        shown = np.unique(store[image_id].target)
        if np.isin(shown, classes[1:]).any():
            groups[0 if np.isin(shown, bad).any() else 1].append(image_id)
    return [
        group[k]
        for group in groups
        for k in np.unique(np.linspace(0, len(group) - 1, min(EACH, len(group))).round().astype(int))
    ]


def _approximate(store: Store, image_id: str) -> bool:
    return bool(store.tables.lesions_of(image_id)["outline"].isin(["box", "circle"]).any())


def _outlines(
    target: NDArray[np.uint8], classes: Sequence[int], approximate: bool
) -> list[tuple[NDArray[np.float64], bool, bool]]:
    """Borders of the lesions in a target: points `(n, 2)` row, col; malignant; approximate."""
    bad = malignant_classes(classes)
    return [
        (points - 1, code in bad, approximate)
        for code in np.unique(target)
        if code in classes[1:]
        for points in find_contours(np.pad(target == code, 1).astype(np.float32), 0.5)
    ]
