"""What a net sees of stored films, for samplers that draw from the same films again and again.

In: a store, films, and how grey values become input. Out: float32 `(rows, cols)` in [0, 1], the values of
`mammomap.masks.intensity.net_input`, of a whole film or a part of it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mammomap.masks.intensity import IntensitySettings, grey_limits, net_input
from mammomap.masks.store import Store

KEPT_BYTES = 1 << 30
"""Most that is held of films whose surroundings are taken off."""


class FilmInputs:
    """The input of each of the films. What is worked out pixel by pixel is made anew for the part that is asked for;
    surroundings are dear, so whole films without theirs are kept, as many as `KEPT_BYTES` hold.

    Raises
    ------
    ImageError
        If a film is empty, or has one grey value only.
    """

    def __init__(self, store: Store, image_ids: Iterable[str], settings: IntensitySettings) -> None:
        self.store, self.settings = store, settings
        self._limits = {image_id: grey_limits(store[image_id].pixels, settings) for image_id in image_ids}
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._room = KEPT_BYTES

    def __call__(self, image_id: str, where: tuple[slice, slice] | None = None) -> NDArray[np.float32]:
        """Of one film, all of it or `where`; not to be written to."""
        made = self._kept.get(image_id)
        if made is not None:
            return made if where is None else made[where]
        pixels, limits = self.store[image_id].pixels, self._limits[image_id]
        if not self.settings.local:
            return net_input(pixels, self.settings, limits, where)
        made = net_input(pixels, self.settings, limits)
        made.setflags(write=False)
        if made.nbytes <= self._room:  # two threads may make one film at a time: the same values twice
            self._kept[image_id] = made
            self._room -= made.nbytes
        return made if where is None else made[where]
