"""A finished folder of maps with its key, as `segment` leaves one, made from films without a net.

A film is painted: a square of `LESION` with one pixel of `PEAK` in its middle. The map says 0.6 where the film shows
the one and 1 where it shows the other, on the working grid of the film's own scale; all goes the way of `segment`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pydicom
from made.dicom_films import film, save
from numpy.typing import NDArray

from mammomap.masks.files import write_json
from mammomap.masks.grid import Grid
from mammomap.masks.key import Key, KeyFilm, write_key
from mammomap.masks.mapfile import CANDIDATE_COLUMNS, MAP_FORMAT, FilmMap, write_map
from mammomap.masks.working import read_working_film
from mammomap.seg.candidates import candidate_rows

LESION, PEAK = 60_000, 65_535
SECRET = "00112233445566778899aabbccddeeff"


def paint(film: NDArray[np.uint16], row: int, col: int, reach: int) -> NDArray[np.bool_]:
    """Paint a spot into a film, in place; returns where it is."""
    spot = np.zeros(film.shape, bool)
    spot[row - reach : row + reach + 1, col - reach : col + reach + 1] = True
    film[spot] = LESION
    film[row, col] = PEAK
    return spot


def write_results(
    out: Path,
    films: Mapping[str, Path],
    kinds: Sequence[str] = ("mass",),
    model: str = "run painted",
    maps: Mapping[str, NDArray] | None = None,
) -> Path:
    """Write OUT and OUT.key.json; films: image_id -> DICOM file, with painted spots or without. Returns the key.

    maps: lesion layers on the films' own pixels, instead of what is painted.
    """
    rows, candidates, key = [], [], {}
    for image_id, path in films.items():
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if maps is None:
            made = _map_of(path, int(header.Rows))
        else:
            lesion = maps[image_id].astype(np.float32)
            made = FilmMap(lesion, lesion, np.ones(lesion.shape, bool), Grid.whole(*lesion.shape))
        write_map(out / "maps" / f"{image_id}.npz", made)
        side = {"L": "LEFT", "R": "RIGHT"}[str(header.get("ImageLaterality") or header.Laterality)]
        view = header.ViewCodeSequence[0].CodeValue if "ViewCodeSequence" in header else header.PatientOrientation
        rows.append(
            {
                "image_id": image_id,
                "woman": "",
                "exam": "",
                "side": side,
                "view": {"399162004": "CC", "399368009": "MLO"}.get(view, view),
                "rows": header.Rows,
                "cols": header.Columns,
                "spacing_mm": header.ImagerPixelSpacing[0] if "ImagerPixelSpacing" in header else None,
                "status": "done",
                "map_max": 0.5,
                "reason": "",
            }
        )
        candidates += candidate_rows(image_id, made, rows[-1]["spacing_mm"])
        uids = (header.StudyInstanceUID, header.SeriesInstanceUID, header.SOPInstanceUID)
        key[image_id] = KeyFilm(path, str(header.PatientID), *(str(uid) for uid in uids))
    pd.DataFrame(rows).to_csv(out / "films.csv", index=False)
    pd.DataFrame(candidates, columns=list(CANDIDATE_COLUMNS)).to_csv(out / "candidates.csv", index=False)
    write_json(
        out / "segment.json", {"format": MAP_FORMAT, "model": model, "kinds_trained": list(kinds), "women_seen": []}
    )
    where = out.with_name(f"{out.name}.key.json")
    write_key(where, Key(SECRET, key))
    return where


def _map_of(path: Path, rows: int) -> FilmMap:
    """What is painted, on the working grid of the film's own scale."""
    working = read_working_film(path, rows)
    lesion = np.select([working.pixels > 65_000, working.pixels > 59_000], [1.0, 0.6], 0.0).astype(np.float32)
    return FilmMap(lesion, lesion * np.float32(0.5), working.pixels > 0, working.grid)


def breast(rng: np.random.Generator, chest_left: bool) -> NDArray[np.uint16]:
    """A half-ellipse of breast with a little texture, darker than anything painted."""
    down, across = np.mgrid[: SIZE[0], : SIZE[1]]
    inside = ((down - SIZE[0] / 2) / (SIZE[0] * 0.42)) ** 2 + (across / (SIZE[1] * 0.8)) ** 2 < 1
    drawn = np.where(inside, 20_000 + cv2.GaussianBlur(rng.normal(0, 1, SIZE), (0, 0), 2) * 1500, 800)
    drawn = np.clip(drawn + rng.normal(0, 100, SIZE), 0, 50_000).astype(np.uint16)
    return drawn if chest_left else np.ascontiguousarray(drawn[:, ::-1])


KINDS = ("sc", "sr", "seg", "pm", "gsps")
SIZE = (160, 112)
CASES = [("L", True), ("L", False), ("R", True), ("R", False)]


@dataclass(frozen=True)
class Painted:
    """What is true: films by image_id, the painted pixel and spot of each, and the last film's that has none."""

    folder: Path
    out: Path
    key: Path
    dicom: Path
    films: dict[str, Path]
    place: dict[str, tuple[int, int]]
    spot: dict[str, np.ndarray]
    empty: str


def painted(folder: Path) -> Painted:
    """Four films of both sides, each breast pointing either way, and one with nothing on it, of two studies."""
    rng = np.random.default_rng(4)
    films, place, spots = {}, {}, {}
    for number, (side, chest_left) in enumerate([*CASES, ("R", True)]):
        pixels = breast(rng, chest_left)
        image_id = f"film-{number}"
        if number < len(CASES):
            row, col = 70 + 5 * number, 20 + 3 * number
            place[image_id] = (row, col if chest_left else SIZE[1] - 1 - col)
            spots[image_id] = paint(pixels, *place[image_id], reach=4)
        view = "CC" if chest_left else "MLO"
        made = film(
            pixels, f"W{number // 4 + 1}", side, view, PatientName="Søren^Ann", SpecificCharacterSet="ISO_IR 100"
        )
        films[image_id] = save(made, folder / "films" / f"{number}.dcm")
    key = write_results(folder / "maps", films)
    return Painted(folder, folder / "maps", key, folder / "dicom", films, place, spots, "film-4")
