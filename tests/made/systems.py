"""What tests ask of a benchmark's systems."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mammomap.benchmark.systems import System


def layer_of(system: System, image_id: str, layer: str) -> NDArray[np.float32]:
    """A layer of a system's map in the film's own pixels."""
    assert system.film_map is not None
    return system.film_map(image_id).on_film(layer)
