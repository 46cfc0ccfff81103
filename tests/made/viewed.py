"""A folder of maps as `segment` and `classify` leave it, of drawn films: maps with one impulse each, key, tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.masks.files import write_json
from mammomap.masks.key import Key, KeyFilm, write_key
from mammomap.masks.mapfile import MAP_FORMAT, FilmMap, MapFolder, read_map_folder, write_map
from mammomap.masks.tables import make_tables, write_tables
from mammomap.masks.working import working_film
from mammomap.phantom import PhantomFilm, draw

PLANTED = ("Doe^Jane", "PID-4711", "1.2.840.99999", "secret-folder", "DOE_JANE")
"""Words that stand in key and paths, and may stand in no page."""
THRESHOLD = 0.3
HOLLOW = 9
"""Working pixels a side of the square that an impulse is the middle of."""


@dataclass(frozen=True)
class Seen:
    """The set, and where each film's impulse lies."""

    folder: MapFolder
    key: Path
    tables: Path
    films: dict[str, PhantomFilm]
    impulses: dict[str, tuple[float, float]]
    """Film pixel (row, col) of the middle of the only bright square of a map."""


def make_set(root: Path, *, rows: int = 1400, working_rows: int = 288, seed: int = 5) -> Seen:
    """One woman's four films, a fifth that was set aside, and a sixth whose file is gone."""
    drawn = draw(np.random.default_rng(seed), rows=rows, both_breasts=1.0, patient_id="P_00007")
    drawn = [_turned(film, film.side == "LEFT") for film in drawn]
    out, hidden = root / "maps", root / "secret-folder"
    hidden.mkdir(parents=True)
    films, candidates, impulses, key, pictures = [], [], {}, {}, {}
    for number, film in enumerate(drawn):
        image_id = f"film-{number:012x}"
        path = hidden / f"DOE_JANE_{number}.png"
        cv2.imwrite(str(path), film.image)
        working = working_film(film.image, working_rows)
        grid, breast = working.grid, working.pixels > 0
        inside = cv2.erode(breast.astype(np.uint8), np.ones((2 * HOLLOW + 9, 2 * HOLLOW + 9))) > 0
        places = np.argwhere(inside)
        row, col = places[len(places) // 3]
        lesion = np.zeros(breast.shape, np.float32)
        half = HOLLOW // 2
        lesion[row - half : row + half + 1, col - half : col + half + 1] = 0.95
        write_map(out / "maps" / f"{image_id}.npz", FilmMap(lesion, lesion * np.float32(0.5), breast, grid))
        (place,) = grid.to_film(np.array([[row, col]]))
        impulses[image_id] = (float(place[0]), float(place[1]))
        pictures[image_id] = film
        key[image_id] = KeyFilm(path, "PID-4711 Doe^Jane", "1.2.840.99999.1", "1.2.840.99999.2", "1.2.840.99999.3")
        films.append(_row(image_id, film, "done", 0.475))
        for layer, score in (("lesion", 0.9), ("malignancy", 0.45)):
            candidates.append(_candidate(image_id, layer, impulses[image_id], score, 30 + number))
        candidates.append(_candidate(image_id, "lesion", (200.0, 210.0), 0.2, 20))
    lost = films[0] | {"image_id": "film-lost", "woman": "other", "exam": "", "map_max": 0.0}
    lost |= {"flags": "spot", "outside": "a digital mammogram, trained on digitised films"}
    write_map(out / "maps" / "film-lost.npz", FilmMap(lesion * 0, lesion * 0, breast, grid))
    key["film-lost"] = KeyFilm(hidden / "DOE_JANE_gone.dcm", "PID-4711")
    films.append(lost)
    films.append({"image_id": "film-aside", "status": "set aside", "reason": "a CT image, wanted MG", "map_max": None})
    pd.DataFrame(films).to_csv(out / "films.csv", index=False)
    pd.DataFrame(candidates).to_csv(out / "candidates.csv", index=False)
    _scores(out, [film["image_id"] for film in films[:-1]], impulses)
    about = {
        "format": MAP_FORMAT,
        "model": "run-abc",
        "kinds_trained": ["mass"],
        "trained_for": {"kinds": ["mass"], "imaging": "film", "detail_mm": 0.2},
        "threshold": 0.25,
        "source": "",
        "women_seen": [],
    }
    write_json(out / "segment.json", about)
    write_key(root / "maps.key.json", Key(films=key))
    _tables(root / "tables", hidden, pictures)
    return Seen(read_map_folder(out), root / "maps.key.json", root / "tables", pictures, impulses)


def _turned(film: PhantomFilm, chest_wall_left: bool) -> PhantomFilm:
    """The film with its chest wall on that side."""
    if film.chest_wall_left == chest_wall_left:
        return film
    lesions = tuple(replace(x, mask=np.ascontiguousarray(x.mask[:, ::-1])) for x in film.lesions)
    image = np.ascontiguousarray(film.image[:, ::-1])
    return replace(film, image=image, chest_wall_left=chest_wall_left, lesions=lesions)


def _row(image_id: str, film: PhantomFilm, status: str, map_max: float) -> dict:
    return {
        "image_id": image_id,
        "woman": "a1b2c3d4",
        "exam": "e5f6a7b8",
        "side": film.side,
        "view": film.view,
        "rows": film.image.shape[0],
        "cols": film.image.shape[1],
        "spacing_mm": film.pixel_mm,
        "seen": "",
        "flags": "",
        "outside": "",
        "status": status,
        "map_max": map_max,
        "reason": "",
    }


def _candidate(image_id: str, layer: str, place: tuple[float, float], score: float, half: int) -> dict:
    row, col = place
    return {
        "image_id": image_id,
        "map": layer,
        "row": round(row, 1),
        "col": round(col, 1),
        "score": score,
        "malignancy": 0.4,
        "area": 4 * half * half,
        "area_mm2": 120.5,
        "row0": row - half,
        "col0": col - half,
        "row1": row + half,
        "col1": col + half,
    }


def _scores(out: Path, image_ids: list[str], impulses: dict[str, tuple[float, float]]) -> None:
    chances = [round(0.15 * number + 0.1, 3) for number in range(len(image_ids))]
    table = {"image_id": image_ids, "level": "image", "score": chances, "score_breast": 0.4, "score_patient": 0.5}
    pd.DataFrame(table).to_csv(out / "scores.csv", index=False)
    reasons = []
    for image_id in image_ids:
        told = {"image_id": image_id, "what": "feature", "name": "highest <b>malignancy</b>", "value": 0.5}
        reasons.append({**told, "moved": -0.31})
        if image_id in impulses:
            row, col = (round(x, 1) for x in impulses[image_id])
            told = {"image_id": image_id, "what": "candidate", "name": "lesion candidate", "row": row, "col": col}
            reasons.append({**told, "value": 0.9, "moved": 1.25})
    pd.DataFrame(reasons).to_csv(out / "scores.reasons.csv", index=False)
    said = {
        "column": "score",
        "score": "score that the image shows a malignant lesion, not calibrated for these films",
        "operating_points": {"candidate 1 false positives per film": THRESHOLD},
        "in_sample": False,
    }
    write_json(out / "scores.json", said)


def _tables(folder: Path, hidden: Path, films: dict[str, PhantomFilm]) -> None:
    """Truth: the drawn lesions as masks, and on the first film a circle and a benign polygon besides."""
    rows, lesions = [], []
    for image_id, film in films.items():
        for lesion in film.lesions:
            path = hidden / f"DOE_JANE_mask_{image_id}_{lesion.abnormality_id}.png"
            cv2.imwrite(str(path), lesion.mask.astype(np.uint8) * 255)
            told = {"image_id": image_id, "lesion_id": str(lesion.abnormality_id), "kind": lesion.kind}
            lesions.append({**told, "pathology": lesion.pathology, "outline": "mask", "mask_path": str(path)})
        rows.append(
            {
                "image_id": image_id,
                "patient_id": "PID-4711",
                "side": film.side,
                "view": film.view,
                "path": str(hidden / "DOE_JANE.png"),
                "rows": film.image.shape[0],
                "cols": film.image.shape[1],
                "spacing_mm": film.pixel_mm,
                "malignant": film.malignant,
                "kinds_outlined": "calcification+mass",
                "source": "drawn",
            }
        )
    first = next(iter(films))
    told = {"image_id": first, "kind": "mass", "pathology": "BENIGN"}
    corners = json.dumps([[100, 50], [100, 90], [160, 90], [160, 50]])
    lesions.append({**told, "lesion_id": "polygon", "outline": "polygon", "polygon": corners})
    box = {"row0": 300, "col0": 60, "row1": 380, "col1": 140}
    lesions.append({**told, "lesion_id": "circle", "outline": "circle", **box})
    write_tables(make_tables(rows, lesions), folder)
