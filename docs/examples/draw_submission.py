"""Draw docs/examples/submission: four films of two women, their truth, and a submission of each kind.

    python docs/examples/draw_submission.py FOLDER

`truth/` is a set in the documented format of one's own films; `maps/` is a submission of maps, `boxes/` one of a
detector. The films are half ellipses with a disc; the maps find the discs, and once a place that is none.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

ROWS, COLS = 160, 112
# image_id, patient_id, side, view, chest wall on the left, disc (row, col, radius), pathology
FILMS = [
    ("A_LEFT_CC", "A", "LEFT", "CC", True, (70, 40, 9), "MALIGNANT"),
    ("A_LEFT_MLO", "A", "LEFT", "MLO", True, (96, 30, 9), "MALIGNANT"),
    ("B_RIGHT_CC", "B", "RIGHT", "CC", False, (60, 75, 7), "BENIGN"),
    ("B_RIGHT_MLO", "B", "RIGHT", "MLO", False, (88, 70, 7), "BENIGN"),
]


def main(out: Path) -> None:
    """Write the folder."""
    for name in ("truth/films", "maps", "boxes"):
        (out / name).mkdir(parents=True, exist_ok=True)
    films, lesions, boxes, scores = [], [], [], []
    for image_id, woman, side, view, left, (row, col, radius), pathology in FILMS:
        down, across = np.mgrid[:ROWS, :COLS].astype(float)
        width = across if left else COLS - 1 - across
        film = np.where(((down - 79.5) / 67) ** 2 + (width / 90) ** 2 < 1, 90, 3).astype(np.uint8)
        cv2.circle(film, (col, row), radius, 200, -1)
        cv2.imwrite(str(out / "truth" / "films" / f"{image_id}.png"), film)
        films.append(f"{image_id},{woman},{side},{view},films/{image_id}.png,{ROWS},{COLS}")
        lesions.append(f"{image_id},1,mass,{pathology},{row},{col},{radius}")
        bad = pathology == "MALIGNANT"
        found = np.exp(-((down - row) ** 2 + (across - col) ** 2) / (2 * radius**2))
        beside = 0.4 * np.exp(-((down - 120) ** 2 + (across - 56) ** 2) / (2 * 5**2)) * (image_id == "B_RIGHT_CC")
        for ending, share in (("", 0.9), ("_malignancy", 0.8 if bad else 0.3)):
            layer = np.rint(np.maximum(share * found, beside) * 65_535).astype(np.uint16)
            cv2.imwrite(str(out / "maps" / f"{image_id}{ending}.png"), layer)
        scores.append(f"{image_id},{0.8 if bad else 0.3}")
        box = f"{row - radius},{col - radius},{row + radius + 1},{col + radius + 1}"
        boxes += [f"{image_id},lesion,{box},0.9", f"{image_id},malignancy,{box},{0.8 if bad else 0.3}"]
    for name, head, lines in (
        ("truth/films.csv", "image_id,patient_id,side,view,file,rows,cols", films),
        ("truth/lesions.csv", "image_id,lesion_id,kind,pathology,centre_row,centre_col,radius", lesions),
        ("maps/scores.csv", "image_id,probability", scores),
        ("boxes/boxes.csv", "image_id,map,row0,col0,row1,col1,score", boxes),
        (
            "maps/women_seen.txt",
            "# patient_id of each woman whose films the model was trained or chosen on",
            ["C", "D"],
        ),
        ("boxes/women_seen.txt", "# none of this set", []),
    ):
        (out / name).write_text("\n".join([head, *lines]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
