"""What counts as a lesion of a target."""

import numpy as np

from mammomap.masks.targets import IGNORE, lesions_shown


def test_lesions_shown_are_connected_parts_of_any_of_the_classes() -> None:
    target = np.zeros((20, 30), np.uint8)
    target[2:5, 3:9] = 3
    target[4:8, 8:10] = 4  # touches it: one lesion of two classes
    target[12:14, 20:25] = 1
    target[16:18, 2:4] = IGNORE
    parts, boxes, areas = lesions_shown(target, (0, 1, 2, 3, 4))
    assert boxes.tolist() == [[2, 3, 8, 10], [12, 20, 14, 25]] and areas.tolist() == [18 + 8 - 1, 10]
    assert parts[4, 8] == parts[2, 3] == 1 and parts[13, 24] == 2 and parts[17, 3] == parts[0, 0] == 0
    assert lesions_shown(target, (0, 3, 4))[1].tolist() == [[2, 3, 8, 10]]
    assert lesions_shown(target, (0,))[1].shape == (0, 4)
