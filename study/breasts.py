"""Where the breast is found on every film of the real sets, and what the crop cuts.

    python study/breasts.py PATH [-o SHEETS]

PATH holds cbis_mass, mini_mias and cdd_cesm (docs/films.md). Printed for each set: films without a breast, lesions
whose outline leaves the crop or the breast's mask, and films of `chest_walls.csv`, where the side of the chest wall was
written down by eye from films without any drawing, that are turned the other way. With -o also contact sheets of all
films: mask green, crop blue, lesions yellow, chest wall red.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.errors import ImageError
from mammomap.masks.breast import Breast, find_breast
from mammomap.masks.index import index
from mammomap.masks.outlines import Outline, outlines_of
from mammomap.masks.read import read_film

SETS = ("cbis_mass", "mini_mias", "cdd_cesm")
HEIGHT, ACROSS = 300, 12
WHOLE = 0.98
"""Least share of an outline's pixels in the breast's mask of a lesion that is not cut by it."""


@dataclass(frozen=True)
class Seen:
    """What came of one film. cropped, masked: its lesions that the crop or the mask cuts; sheet: BGR, or empty."""

    image_id: str
    fault: str
    left: bool
    cover: float
    cropped: list[str]
    masked: list[str]
    sheet: np.ndarray


def look(job: tuple[str, str, list[Outline], bool]) -> Seen:
    """One film."""
    image_id, path, outlines, draw = job
    picture = read_film(Path(path))
    try:
        breast = find_breast(picture)
    except ImageError as error:
        return Seen(image_id, str(error), False, 1.0, [], [], np.zeros((0, 0, 3), np.uint8))
    cropped, masked = [], []
    for outline in outlines:
        lesion = f"{image_id} lesion {outline.lesion_id}"
        rows, cols = np.nonzero(outline.on_film)
        down, across = picture.shape[0] / outline.film_size[0], picture.shape[1] / outline.film_size[1]
        row, col = (rows + 0.5) * down, (cols + 0.5) * across
        row0, col0, row1, col1 = breast.box
        if not ((row > row0) & (row < row1) & (col > col0) & (col < col1)).all():
            cropped.append(lesion)
        small = (row * len(breast.mask) / picture.shape[0]).astype(int), (col * breast.mask.shape[1] / picture.shape[1])
        inside = breast.mask[small[0], small[1].astype(int)].mean()
        if inside < WHOLE:
            masked.append(f"{lesion} ({inside:.2f})")
    row0, col0, row1, col1 = breast.box
    cover = (row1 - row0) * (col1 - col0) / picture.size
    sheet = _sheet(picture, breast, outlines) if draw else np.zeros((0, 0, 3), np.uint8)
    return Seen(image_id, "", breast.chest_wall_left, cover, cropped, masked, sheet)


def _sheet(picture: np.ndarray, breast: Breast, outlines: list[Outline]) -> np.ndarray:
    scale = HEIGHT / picture.shape[0]
    size = (round(picture.shape[1] * scale), HEIGHT)
    shown = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    shown = cv2.cvtColor((shown // 257).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    for masks, colour in (
        ([breast.mask], (0, 255, 0)),
        ([outline.on_film.astype(np.uint8) for outline in outlines], (0, 220, 255)),
    ):
        for mask in masks:
            small = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
            contours, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(shown, contours, -1, colour, 1)
    row0, col0, row1, col1 = (round(edge * scale) for edge in breast.box)
    cv2.rectangle(shown, (col0, row0), (col1 - 1, row1 - 1), (255, 128, 0), 1)
    wall = col0 if breast.chest_wall_left else col1 - 4
    cv2.rectangle(shown, (wall, HEIGHT // 2 - 12), (wall + 4, HEIGHT // 2 + 12), (0, 0, 255), -1)
    return shown


def write_sheets(folder: Path, name: str, seen: list[Seen]) -> None:
    """All films of a set, `ACROSS` by `ACROSS` a file."""
    folder.mkdir(parents=True, exist_ok=True)
    cells = []
    for film in seen:
        cell = np.full((HEIGHT + 14, HEIGHT, 3), 40, np.uint8)
        part = film.sheet[:, :HEIGHT]
        cell[: part.shape[0], : part.shape[1]] = part
        cv2.putText(cell, film.image_id, (2, HEIGHT + 11), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255), 1)
        cells.append(cell)
    for start in range(0, len(cells), ACROSS**2):
        part = cells[start : start + ACROSS**2]
        part += [np.zeros_like(cells[0])] * (-len(part) % ACROSS)
        rows = [np.hstack(part[k : k + ACROSS]) for k in range(0, len(part), ACROSS)]
        cv2.imwrite(str(folder / f"{name}-{start // ACROSS**2}.jpg"), np.vstack(rows))


def main() -> None:
    """Print what came of each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, help="folder for tables and contact sheets")
    wanted = parser.parse_args()
    by_eye = pd.read_csv(Path(__file__).with_name("chest_walls.csv"), dtype=str)
    for name in SETS:
        tables, _ = index(wanted.path / name, (wanted.out or Path("breasts")) / f"tables-{name}")
        jobs = []
        for film in tables.films.itertuples():
            outlines = outlines_of(tables.lesions_of(film.image_id), (int(film.rows), int(film.cols)))
            jobs.append((str(film.image_id), str(film.path), outlines, wanted.out is not None))
        with Pool(2) as pool:
            seen = pool.map(look, jobs, chunksize=8)
        faults = [f"{film.image_id}: {film.fault}" for film in seen if film.fault]
        cropped, masked = [x for film in seen for x in film.cropped], [x for film in seen for x in film.masked]
        facing = {film.image_id: "left" if film.left else "right" for film in seen}
        listed = by_eye[by_eye["set"] == name]
        turned = [row.image_id for row in listed.itertuples() if facing[str(row.image_id)] != row.chest_wall]
        lesions, cover = sum(len(job[2]) for job in jobs), np.median([film.cover for film in seen])
        print(f"{name}: {len(seen)} films, no breast on {len(faults)}; the crop is {cover:.2f} of the film (median)")
        print(
            f"  of {lesions} lesions the crop cuts {len(cropped)}, the mask more than {1 - WHOLE:.0%} of {len(masked)}"
        )
        print(f"  direction: {len(listed) - len(turned)} of {len(listed)} as written down by eye")
        for line in [*faults, *cropped, *masked, *turned]:
            print(f"    {line}")
        if wanted.out:
            write_sheets(wanted.out, name, seen)


if __name__ == "__main__":
    main()
