"""Masks as rows of the lesion table: the outline is the mask, pixel by pixel, and labels say what they say."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from mammomap.masks.label_words import kind_said, pathology_said
from mammomap.masks.outlines import outline_of
from mammomap.masks.parts import outline_columns, parts_of, whole

NAMES = {"image_id": "f", "lesion_id": "1", "kind": "mass", "pathology": "BENIGN"}
NAMES |= dict.fromkeys(("row0", "col0", "row1", "col1"), float("nan"))


def drawn(part, size: tuple[int, int], folder: Path) -> np.ndarray:
    return outline_of(NAMES | outline_columns(part, size, folder / "o.png"), size).on_film


@settings(max_examples=150, deadline=None)
@given(arrays(bool, (9, 8)))
def test_the_parts_drawn_again_are_the_mask(tmp_path_factory: pytest.TempPathFactory, mask: np.ndarray) -> None:
    if mask.all():
        mask[4, 4] = False  # a picture that is all lesion is refused as an outline
    folder = tmp_path_factory.mktemp("parts")
    parts = parts_of(mask)
    count = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
    assert len(parts) == count and sum(part.area for part in parts) == mask.sum()
    seen = np.zeros_like(mask)
    for part in parts:
        again = drawn(part, mask.shape, folder)
        assert not (again & seen).any()
        seen |= again
    assert np.array_equal(seen, mask)
    if mask.any():
        assert np.array_equal(drawn(whole(mask), mask.shape, folder), mask)


def test_a_part_is_a_polygon_unless_it_has_a_hole_or_two_pieces(tmp_path: Path) -> None:
    disc = np.zeros((30, 30), np.uint8)
    cv2.circle(disc, (14, 12), 8, 1, -1)
    ring, pair = disc.copy(), disc.copy()
    ring[12, 14], pair[28, 28] = 0, 1
    for mask, kind in ((disc, "polygon"), (ring, "mask"), (pair, "mask")):
        columns = outline_columns(whole(mask > 0), (30, 30), tmp_path / "o.png")
        assert columns["outline"] == kind and (tmp_path / "o.png").is_file() == (kind == "mask")
    assert [len(parts_of(mask > 0)) for mask in (disc, ring, pair)] == [1, 1, 2]


@pytest.mark.parametrize(
    ("label", "kind", "pathology"),
    [
        ("benign mass", "mass", "BENIGN"),
        ("Malignant_Masses", "mass", "MALIGNANT"),
        ("calc-cancer", "calcification", "MALIGNANT"),
        ("microcalcifications", "calcification", None),
        ("mass with calcifications, benign without callback", "mass", "BENIGN_WITHOUT_CALLBACK"),
        ("non-malignant mass", None, None),
        ("benign or malignant mass", "mass", None),
        ("lesion", None, None),
        ("massive", None, None),
        ("no mass", None, None),
        ("not benign calc", None, None),
        ("", None, None),
    ],
)
def test_labels_say_what_their_words_say(label: str, kind: str | None, pathology: str | None) -> None:
    assert (kind_said(label), pathology_said(label)) == (kind, pathology)
