"""Four films of CBIS-DDSM with their published outlines, each by the net of `shipped.py` that never saw the woman.

    python study/shipped_cases.py --outlines PATH/cbis_outlines --films PATH/cbis_mass -o work

`work` is the folder of `shipped.py` with all five folds. A pixel is found from a probability of 0.5 up: films whose
lesions are boxes have no outlines to choose a better one by. Four films are cases, no measurement.

Kept: `study/shipped/cases.csv`, a row a film, and a picture of all four, `docs/pictures/cases.jpg`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from phantom_sheet import coded
from shipped import FOLDER, flips

from mammomap.eval.overlap import dice
from mammomap.eval.regions import Region
from mammomap.eval.surfaces import surface_distances
from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, grey_limits
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.read import read_film
from mammomap.masks.working import working_film
from mammomap.report.overlay import painted
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import read_run

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "cases.jpg"
THRESHOLD = 0.5
ROWS = 640
"""Height of a film in the picture."""


def row(name: str, fold: int, made: FilmMap, truth: np.ndarray) -> dict[str, object]:
    """What is said of one film; truth: bool, the film's own pixels."""
    found = made.on_film("lesion") >= THRESHOLD
    marks = [its for its in candidate_rows(name, made) if its["map"] == "lesion"]
    inside = Region(0, 0, truth).contains(np.array([[its["row"], its["col"]] for its in marks]))
    far, best = surface_distances(truth, found), int(inside.argmax()) if inside.any() else None
    return {
        "film": name,
        "fold": fold,
        "rank": None if best is None else best + 1,
        "score": None if best is None else marks[best]["score"],
        "dice": round(dice(truth, found), 4),
        "hausdorff_95": round(far.hausdorff_95, 1),
        "average": round(far.average, 1),
        "area": int(truth.sum()),
        "found": int(found.sum()),
    }


def panel(pixels: np.ndarray, made: FilmMap, truth: np.ndarray, malignant: bool) -> np.ndarray:
    """The film with map and outline, `ROWS` high, BGR."""
    size = (round(pixels.shape[1] * ROWS / len(pixels)), ROWS)
    low, high = grey_limits(pixels, IntensitySettings())
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    grey = np.clip((small - low) / max(high - low, 1), 0, 1)
    heat = np.clip(cv2.resize(made.on_film("lesion"), size, interpolation=cv2.INTER_AREA), 0, 1)
    mask = cv2.resize(truth.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    lines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlines = [(line[:, 0, ::-1].astype(float), malignant, False) for line in lines]
    return cv2.cvtColor(np.asarray(painted(grey, heat, outlines, threshold=THRESHOLD)), cv2.COLOR_RGB2BGR)


def main() -> None:
    """Map, compare, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outlines", type=Path, required=True, help="cbis_outlines")
    parser.add_argument("--films", type=Path, required=True, help="cbis_mass")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of shipped.py")
    wanted = parser.parse_args()
    films = pd.read_csv(wanted.films / "films.csv").set_index("image_id")
    fold_of = pd.read_csv(wanted.films / "folds.csv").set_index("patient_id")["fold"]
    rows, panels = [], []
    for path in sorted(wanted.outlines.glob("*_mask.png")):
        name = path.stem.removeprefix("Mass-Training_").removesuffix("_mask")
        film = films.loc[name]
        fold = int(fold_of[film["patient_id"]])
        mapper = RunMapper(read_run(wanted.out / "head.folds" / str(fold) / "run"), flips=bool(flips()))
        pixels = read_film(path.with_name(path.name.replace("_mask", "")))
        truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127
        made = mapper(working_film(pixels, mapper.rows))
        rows.append(row(name, fold, made, truth))
        panels.append(panel(pixels, made, truth, film["pathology"] == "MALIGNANT"))
    write_atomically(FOLDER / "cases.csv", lambda half: pd.DataFrame(rows).to_csv(half, index=False))
    write_atomically(PICTURE, lambda half: half.write_bytes(coded(np.hstack(panels))))
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
