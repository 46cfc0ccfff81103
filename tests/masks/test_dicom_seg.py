"""Segments become layers by their labels; a file that is no segmentation is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from mammomap.errors import ImageError
from mammomap.masks.dicom_seg import film_uids, layers_of_segments, read_seg, source_films

STACK = np.array([[[0.2, 0.7, 0.4]]], np.float32)  # one pixel, three segments


@pytest.mark.parametrize(
    ("labels", "layers"),
    [
        (["lesion", "malignancy", "mass"], {"lesion": 0.2, "malignancy": 0.7}),
        (["Lesion", "benign mass", "malignant mass"], {"lesion": 0.2, "malignancy": 0.4}),
        (["mass", "calcification", "non-malignant"], {"lesion": 0.7}),
        (["malignant mass", "benign mass", "malignant calcification"], {"lesion": 0.7, "malignancy": 0.4}),
    ],
)
def test_layers_go_by_the_labels(labels: list[str], layers: dict[str, float]) -> None:
    """A segment called lesion is the lesion layer, whatever else is there; without one all segments are."""
    found = {name: layer.item() for name, layer in layers_of_segments(STACK, labels).items()}
    assert found == pytest.approx(layers)


def test_what_is_no_segmentation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.dcm").write_text("no DICOM")
    for read in (source_films, lambda path: read_seg(path, None)):
        with pytest.raises(ImageError, match="text.dcm: not a DICOM segmentation") as caught:
            read(tmp_path / "text.dcm")
        assert "\n" not in str(caught.value)


def test_films_that_are_no_dicom_have_no_uid(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"x")
    assert film_uids([("a", tmp_path / "film.png"), ("b", tmp_path / "absent.dcm")]) == {}
