"""True films: an impulse painted into a copy comes back at its own pixel in map, candidate table and picture.

The page's own test is tests/viewer/test_true_films.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made.true_films import WORKING_ROWS, painted_copies
from PIL import Image

from mammomap.report.film_pictures import ROWS, write_pictures
from mammomap.report.overlay import GAP_PX, HEADER_PX


@pytest.mark.parametrize("all_ways", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["one way each", "all"])
def test_an_impulse_comes_back_at_its_own_pixel(all_ways: bool, tmp_path: Path) -> None:
    folder, copies = painted_copies(tmp_path, all_ways)
    assert write_pictures(folder, {image_id: copy.path for image_id, copy in copies.items()}) == len(copies)
    for image_id, copy in copies.items():
        pixel = copy.size[0] / WORKING_ROWS
        best = folder.candidates[folder.candidates["image_id"] == image_id].iloc[0]
        assert (best["row"], best["col"]) == pytest.approx(copy.place, abs=pixel), image_id
        assert best["row0"] < copy.place[0] < best["row1"] and best["col0"] < copy.place[1] < best["col1"]
        lesion = folder.map(image_id).on_film("lesion")
        assert lesion.shape == copy.size
        assert np.argwhere(lesion > 0.5).mean(0) == pytest.approx(copy.place, abs=pixel / 2), image_id
        shrink = ROWS / copy.size[0]
        picture = np.asarray(Image.open(folder.folder / "pictures" / f"{image_id}.png").convert("RGB")).astype(int)
        right = picture[HEADER_PX : HEADER_PX + ROWS, (picture.shape[1] - GAP_PX) // 2 + GAP_PX :]
        coloured = np.argwhere(right.max(-1) - right.min(-1) > 40)
        assert coloured.mean(0) == pytest.approx(np.array(copy.place) * shrink, abs=2), image_id
