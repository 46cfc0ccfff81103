"""Maps in the films' own pixels, as 16-bit PNG: OUT/native/LAYER/<image_id>.png, probability x 65,535.

Each layer's folder is one that `mammomap benchmark` takes as anybody's maps. They are made on request: at working size
a map is a hundredth as large and says as much.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mammomap.masks.files import write_atomically
from mammomap.masks.mapfile import LAYERS, MAP_TOP, FilmMap
from mammomap.masks.marker import our_mark


def native_file(out: Path, layer: str, image_id: str) -> Path:
    """Where the native map of a film lies."""
    return out / "native" / layer / f"{image_id}.png"


def has_native(out: Path, image_id: str) -> bool:
    """Whether all layers are there."""
    return all(native_file(out, layer, image_id).is_file() for layer in LAYERS)


def write_native(out: Path, image_id: str, film_map: FilmMap) -> None:
    """Write both layers of a film; those that are there already stay."""
    for layer in LAYERS:
        path = native_file(out, layer, image_id)
        if not path.is_file():
            levels = np.rint(film_map.on_film(layer) * MAP_TOP).astype(np.uint16)
            picture = Image.fromarray(levels)
            how = {"pnginfo": our_mark(), "compress_level": 1}
            write_atomically(path, lambda half, p=picture, h=how: p.save(half, "PNG", **h))
