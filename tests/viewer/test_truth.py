"""True outlines on the page lie where the referee's lesions lie."""

import cv2
import numpy as np

from mammomap.viewer.truth import true_outlines

BASE = {"image_id": "a", "lesion_id": "1", "kind": "mass", "pathology": "MALIGNANT", "role": "lesion"}
NO_BOX = dict.fromkeys(("row0", "col0", "row1", "col1"))


def drawn(lines, size):
    """The lines filled, at 16 times the size, and the share of each pixel that they cover."""
    scale = 16
    fine = np.zeros((size[0] * scale, size[1] * scale), np.uint8)
    corners = [np.rint((np.array(line)[:, ::-1] + 0.5) * scale - 0.5).astype(np.int32) for line in lines]
    cv2.fillPoly(fine, corners, 1)
    return fine.reshape(size[0], scale, size[1], scale).mean(axis=(1, 3))


def test_a_mask_is_traced_to_within_a_pixel_also_where_it_touches_the_edge(tmp_path):
    size = (80, 60)
    rows, cols = np.ogrid[: size[0], : size[1]]
    mask = ((rows - 30) ** 2 + (cols - 25) ** 2 < 144) | ((rows > 70) & (cols > 45))
    cv2.imwrite(str(tmp_path / "m.png"), mask.astype(np.uint8) * 255)
    (told,) = true_outlines([{**BASE, **NO_BOX, "outline": "mask", "mask_path": str(tmp_path / "m.png")}], size)
    assert told["malignant"] and not told["approximate"] and len(told["lines"]) == 2
    share = drawn(told["lines"], size)
    assert ((share > 0.5) != mask).mean() < 0.004
    assert np.hypot(*(np.argwhere(share > 0.5).mean(0) - np.argwhere(mask).mean(0))) < 0.1


def test_a_circle_is_an_ellipse_in_its_bounds_and_approximate():
    box = {"row0": 10.0, "col0": 20.0, "row1": 30.0, "col1": 50.0}
    told = true_outlines([{**BASE, **box, "outline": "box", "pathology": "BENIGN", "role": "ignore"}], (60, 60))[0]
    points = np.array(told["lines"][0])
    assert told["approximate"] and told["ignored"] and not told["malignant"]
    assert np.allclose([points.min(0), points.max(0)], [[9.5, 19.5], [29.5, 49.5]], atol=0.06)


def test_a_polygon_is_its_own_points_and_an_unreadable_mask_says_so(tmp_path):
    corners = [[1.0, 2.0], [9.0, 2.0], [9.0, 8.0]]
    lesions = [
        {**BASE, **NO_BOX, "outline": "polygon", "polygon": str(corners)},
        {**BASE, **NO_BOX, "outline": "mask", "mask_path": str(tmp_path / "Doe^Jane.png")},
    ]
    polygon, lost = true_outlines(lesions, (20, 20))
    assert polygon["lines"] == [corners] and polygon["note"] == ""
    assert lost["lines"] == [] and lost["note"] == "outline cannot be read"
