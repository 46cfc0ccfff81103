"""A contact sheet: 24 phantoms beside 24 films of cbis_mass, drawn by a fixed seed, as one small grey JPEG.

    python study/phantom_sheet.py PATH [-o docs/pictures/phantom_sheet.jpg]

Rows of eight, phantoms and films in turn, phantoms first. Nothing is chosen by eye, mirrored or brightened; each
picture is brought to `CELL` rows by area. Credit line of the films: docs/phantom.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from phantom_pictures import film_jobs, phantom_jobs, pictures, women_for

from mammomap.masks.files import write_atomically

ROOT = Path(__file__).resolve().parent.parent
EACH, ACROSS, CELL, WIDTH, BYTES = 24, 8, 224, 168, 250_000


def cell(pixels: np.ndarray, told: str = "") -> np.ndarray:
    """One picture in the middle of its cell, cut or set on black across."""
    cols = round(pixels.shape[1] * CELL / len(pixels))
    small = (cv2.resize(pixels, (cols, CELL), interpolation=cv2.INTER_AREA) // 257).astype(np.uint8)
    cut = max(0, cols - WIDTH) // 2
    small = small[:, cut : cut + WIDTH]
    out = np.zeros((CELL + 6, WIDTH + 6), np.uint8)
    left = (WIDTH - small.shape[1]) // 2
    out[:CELL, left : left + small.shape[1]] = small
    if told:
        cv2.putText(out, told, (4, CELL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
    return out


def sheet(phantoms: list[np.ndarray], films: list[np.ndarray]) -> np.ndarray:
    """Rows of both in turn; the first cell of each row says which."""
    rows = []
    for start in range(0, len(phantoms), ACROSS):
        for told, some in (("phantoms", phantoms), ("films", films)):
            part = some[start : start + ACROSS]
            rows.append(np.hstack([cell(pixels, told if not k else "") for k, pixels in enumerate(part)]))
    return np.vstack(rows)


def coded(picture: np.ndarray, at_most: int = BYTES) -> bytes:
    """JPEG of the best quality that fits."""
    for quality in range(90, 20, -2):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= at_most:
            return data.tobytes()
    raise ValueError(f"a picture of {picture.shape} does not fit into {at_most} bytes")


def main() -> None:
    """Draw, read, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / "docs" / "pictures" / "phantom_sheet.jpg")
    wanted = parser.parse_args()
    jobs = phantom_jobs(women_for(EACH) + 4), film_jobs(wanted.path / "cbis_mass", EACH)
    phantoms, films = ([picture.pixels for job in part for picture in pictures(job)][:EACH] for part in jobs)
    data = coded(sheet(phantoms, films))
    wanted.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(wanted.out, lambda path: path.write_bytes(data))
    print(f"{wanted.out}: {EACH} phantoms, {EACH} films, {len(data) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
