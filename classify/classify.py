"""`mammomap classify`: a folder of maps and a head -> scores for images, breasts and women, and the reasons.

scores.csv           one row an image: probability or score, calls at the head's operating points, how many candidates
                     there are at its two thresholds, the three features that moved it most, and the probability or
                     score of its breast and woman
scores.breast.csv    the same for breasts, and in scores.patient.csv for women, where woman, side and view are known of
                     all films of a woman
scores.reasons.csv   what every feature and the highest candidates moved each image's score by
in_sample            a column of all tables of scores where net or head have seen a woman: 1 for hers
scores.json          operating points, prevalence, women seen by net and head, and what the column says

The column is called probability only for films of the set that the head was calibrated on; else it is a score. A set of
one's own, whose name is that of its folder, is known by its tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.classify.features import head_inputs
from mammomap.classify.heads import IMAGE_POINTS, Head, Level
from mammomap.classify.levels import KEYS, LEVELS, cases, levels_known
from mammomap.classify.reasons import COLUMNS, in_words, reasons
from mammomap.errors import ConfigError, LeakError
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.key import Key
from mammomap.masks.mapfile import CANDIDATE_POINT, DRAWN, MapFolder, first_of, woman_code
from mammomap.masks.tables import PUBLIC

SCORES_FORMAT = 3
CANDIDATE_POINTS = {"1": CANDIDATE_POINT, "0.25": "candidate 0.25 false positives per film"}


def classify(
    folder: MapFolder,
    head: Head,
    out: Path,
    *,
    in_sample: bool = False,
    key: Key | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[pd.DataFrame, bool]:
    """Score every film of a folder of maps; returns the table of images, and whether anything was done.

    key: of the folder; by it women of loose films are known again whom net or head have seen.

    Raises
    ------
    ConfigError
        If the maps are not those of the run that the head was fitted on, or not made as those were.
    LeakError
        If net or head have seen a woman of these films, unless `in_sample`, which is written into the tables.
    """
    if folder.about["model"] != head.model:
        raise ConfigError(f"{folder.folder}: maps of {folder.about['model']}, but the head is for {head.model}")
    if bool(folder.about.get("flips")) != head.flips:
        made, wanted = ("with", "without") if not head.flips else ("without", "with")
        raise ConfigError(
            f"{folder.folder}: maps made {made} --flips, but the head is for maps {wanted}; map again, or fit a head "
            f"by 'train-head{'' if head.flips else ' --flips'}'"
        )
    films = folder.films[folder.films["status"] == "done"]
    known = films_seen(folder, head, key)
    if known.any() and not in_sample:
        seen = films[known]
        women = (
            seen["woman"].where(seen["woman"] != "", seen["image_id"]).unique().tolist()
        )  # a loose film by its own name
        raise LeakError(
            f"net or head have seen the women of {len(seen)} of these films: {first_of(women)}; score others, or say "
            "--in-sample"
        )
    column = "probability" if _calibrated_for(folder, head) else "score"
    about = _about(folder, head, column, in_sample and bool(known.any()))
    beside = out.with_suffix(".json")
    if out.is_file() and beside.is_file() and json.loads(beside.read_text()) == json.loads(json.dumps(about)):
        scores = pd.read_csv(out, dtype={"image_id": str})
        if scores["image_id"].tolist() == folder.done:
            return scores, False
    by_film = {str(image_id): rows.to_dict("records") for image_id, rows in folder.candidates.groupby("image_id")}
    show = progress or (lambda items, **_: items)
    inputs, told = [], []
    for image_id in show(folder.done, total=len(folder.done), desc="classify", unit="film"):
        film_map, candidates = folder.map(image_id), by_film.get(image_id, [])
        inputs.append(head_inputs(head.kind, film_map, candidates))
        told.append(reasons(head, image_id, film_map, candidates, inputs[-1]))
    scored = films[["image_id", "woman", "side", "view"]].assign(raw=head.raw(np.array(inputs)))
    images = _table(scored, "image", head.levels["image"], column)
    if known.any():
        images.insert(1, "in_sample", known.to_numpy(int))
    images.insert(1, "outside", films["outside"].to_numpy())
    for rate, point in CANDIDATE_POINTS.items():
        if point in head.candidate_points:
            images[f"candidates at {rate}"] = [
                _count(by_film.get(i, []), head.candidate_points[point]) for i in folder.done
            ]
    images["because"] = [in_words(rows) for rows in told]
    for level in LEVELS[1:]:
        out.with_suffix(f".{level}.csv").unlink(missing_ok=True)  # of an earlier call
        if level in head.levels and level in levels_known(scored):
            joined = _table(cases(scored, level, head.join), level, head.levels[level], column)
            if known.any():
                joined["in_sample"] = joined["woman"].isin(films.loc[known, "woman"]).astype(int)
            _write(out.with_suffix(f".{level}.csv"), joined)
            told_of = scored.merge(joined, on=KEYS[level], how="left", validate="many_to_one")
            images[f"{column}_{level}"] = told_of[column].to_numpy()
    moved = pd.DataFrame([row for rows in told for row in rows], columns=list(COLUMNS))
    moved.insert(1, "level", "image")
    _write(out.with_suffix(".reasons.csv"), moved)
    _write(out, images)
    write_json(beside, about)
    return images, True


def films_seen(folder: MapFolder, head: Head, key: Key | None) -> pd.Series:
    """Whether net or head know the woman of each film that has a map.

    By her code where tables named the set, whose drawn women have other codes than true ones of the same name; of
    loose films by what their key says.
    """
    films, codes = folder.films[folder.films["status"] == "done"], set(head.women_seen)
    loose = key.films if key and not folder.about.get("data_set") else {}
    named = {image_id: woman_code(film.patient_id) in codes for image_id, film in loose.items()}
    by_key = films["image_id"].map(lambda image_id: named.get(image_id, False)).astype(bool)
    return films["woman"].isin(codes) | (films["seen"] == "net") | by_key


def _calibrated_for(folder: MapFolder, head: Head) -> bool:
    """Whether the films are of the set that net and head were made on; of somebody's own set, of the same tables."""
    name = folder.about.get("data_set", "")
    if not name or name != folder.about["source"]:
        return False
    if name.lower() in PUBLIC or name.startswith(DRAWN):
        return True
    return head.data_hash != "" and folder.about.get("data_hash") == head.data_hash


def _about(folder: MapFolder, head: Head, column: str, in_sample: bool) -> dict:
    image = head.levels["image"]
    said = (
        f"calibrated on {image.cases} images of {image.women} women whom the net had not seen, "
        f"{image.prevalence:.0%} of them malignant"
        if column == "probability"
        else "not calibrated for these films, which are of another set or other tables than the head's"
    )
    return {
        "format": SCORES_FORMAT,
        "model": head.model,
        "head": settings_hash(asdict(head)),
        "column": column,
        "prevalence": image.prevalence,
        "operating_points": head.operating_points,
        "levels": {
            name: {"prevalence": level.prevalence, "operating_points": level.operating_points}
            for name, level in head.levels.items()
        },
        "thresholds_from": head.fitted_on,
        "women_seen": list(head.women_seen),
        "in_sample": in_sample,
        "score": f"{column} that the image shows a malignant lesion, {said}",
    }


def _table(scored: pd.DataFrame, level: str, its: Level, column: str) -> pd.DataFrame:
    """Keys, level, number, calls."""
    made = scored[KEYS[level]].assign(level=level)
    if level != "image":
        made["films"] = scored["films"].to_numpy()
    made[column] = its.calibration(scored["raw"].to_numpy())
    for name in IMAGE_POINTS if column == "probability" else ():
        made[f"call at {name}"] = (made[column] >= its.operating_points[name]).astype(int)
    return made.reset_index(drop=True)


def _count(candidates: list[dict], threshold: float) -> int:
    return sum(row["map"] == "lesion" and row["score"] >= threshold for row in candidates)


def _write(path: Path, table: pd.DataFrame) -> None:
    write_atomically(path, lambda half: table.to_csv(half, index=False))
