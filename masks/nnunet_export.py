"""`mammomap prepare TABLES --export nnunet`: the raw data set of nnU-Net v2, with folds that keep a woman together.

In: tables and a split. Out: `<name>/imagesTr`, `labelsTr` (women who are not tested), `imagesTs`, `labelsTs` (those
who are), `dataset.json`, `splits_final.json` (five folds by woman) and `split.csv`. Images are whole films at `rows`
rows, 16-bit PNG as `<image_id>_0000.png`; labels are 8-bit PNG of the same size, so a prediction is a reduced copy of
its film and `mammomap benchmark` places it. Label values are consecutive, and `ignore`, the highest, stands where a
lesion counts for nothing. `dataset.json` comes last and marks the data set as whole.
Format: nnU-Net v2's documentation; Isensee et al., Nat Methods 18 (2021).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from mammomap.errors import ConfigError, MammomapError, TableError
from mammomap.masks.files import settings_hash, write_atomically, write_json
from mammomap.masks.grid import Grid
from mammomap.masks.outlines import outlines_of
from mammomap.masks.parallel import in_processes
from mammomap.masks.read import read_film
from mammomap.masks.splits import FOLDS, Split, make_split
from mammomap.masks.tables import Tables
from mammomap.masks.targets import CLASSES, classes_shown, draw_target

TRAINING_PARTS = ("net", "validation", "head")


def export_nnunet(
    tables: Tables,
    split: Split,
    out: Path,
    *,
    rows: int,
    seed: int = 1,
    workers: int | None = None,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[dict, bool]:
    """Write the data set; `out` is its folder, called as nnU-Net wants it, e.g. `Dataset501_films`.

    Returns `dataset.json`, and whether anything was done. Films that cannot be read are set aside with their reason in
    `refused.csv`; films that hold lesions of unknown place are not trained on.

    Raises
    ------
    ConfigError
        If `out` is not called `DatasetNNN_Name`, or holds another data set.
    TableError
        If there is no film to train on, or fewer than five women.
    """
    number, underscore, name = out.name.removeprefix("Dataset").partition("_")
    if not out.name.startswith("Dataset") or not (len(number) == 3 and number.isdigit() and underscore and name):
        raise ConfigError(f"{out.name}: nnU-Net wants the folder called DatasetNNN_Name, e.g. Dataset501_films")
    stamp = settings_hash({"data": tables.hash, "rows": rows, "split": dict(split.part_of), "name": split.name})
    marker = out / "dataset.json"
    if marker.is_file():
        there = json.loads(marker.read_text())
        if there.get("stamp") != stamp:
            raise ConfigError(f"{out}: holds a data set of other tables, split or rows; choose another folder")
        return there, False
    train, test = split.tables(tables, *TRAINING_PARTS), split.tables(tables.with_truth(), "test")
    usable = train.films[train.films["kinds_not_outlined"].isna()]
    values = {code: value for value, code in enumerate(classes_shown(train.kinds_outlined))}
    ignore = len(values)
    jobs = [
        (film, part.lesions_of(film["image_id"]), rows, values, ignore, out, suffix)
        for part, films, suffix in ((train, usable, "Tr"), (test, test.films, "Ts"))
        for film in films.to_dict("records")
    ]
    written = in_processes(_write_one, jobs, what="export", workers=workers, chunk=4, progress=progress)
    refused = {image_id: reason for image_id, reason in written if reason}
    usable = usable[~usable["image_id"].isin(refused)]
    if not len(usable):
        raise TableError(f"split {split.name!r} leaves no film to train on")
    write_json(out / "splits_final.json", _folds(train, usable, seed))
    split.write(out / "split.csv")
    reasons = pd.DataFrame(sorted(refused.items()), columns=["image_id", "reason"])
    write_atomically(out / "refused.csv", lambda path: reasons.to_csv(path, index=False))
    about = {
        "channel_names": {"0": "film"},
        "labels": {CLASSES[code]: value for code, value in values.items()} | {"ignore": ignore},
        "numTraining": len(usable),
        "file_ending": ".png",
        "name": name,
        "description": f"{tables.about.get('source', '')}, whole films at {rows} rows",
        "split": split.name,
        "leak_rule": split.rule.leak_rule,
        "label_rule": split.rule.label_rule,
        "stamp": stamp,
    }
    if not _any_ignored(out, usable["image_id"], ignore):
        about["labels"].pop("ignore")  # nnU-Net trains another way where there is one
    write_json(marker, about)
    return about, True


def _folds(train: Tables, usable: pd.DataFrame, seed: int) -> list[dict[str, list[str]]]:
    """Cases of each fold's two sides; a woman is on one of them."""
    if usable["patient_id"].nunique() < FOLDS:
        raise TableError(f"{usable['patient_id'].nunique()} women to train on, wanted at least {FOLDS} for the folds")
    folds = []
    for fold in range(FOLDS):
        women = make_split(train, f"k-fold:{fold}/{FOLDS}", seed).women("test")
        inside = usable["patient_id"].isin(sorted(women))
        sides = {"train": usable.loc[~inside, "image_id"], "val": usable.loc[inside, "image_id"]}
        folds.append({side: sorted(ids) for side, ids in sides.items()})
    return folds


def _write_one(job: tuple) -> tuple[str, str]:
    """Image and label of one film; returns its id and the reason if it was set aside. What is there is not redone."""
    film, lesions, rows, values, ignore, out, suffix = job
    image_id, size = film["image_id"], (film["rows"], film["cols"])
    image, label = out / f"images{suffix}" / f"{image_id}_0000.png", out / f"labels{suffix}" / f"{image_id}.png"
    if image.is_file() and label.is_file():
        return image_id, ""
    grid = Grid.whole(*size, rows=rows, cols=max(1, round(size[1] * rows / size[0])))
    try:
        target = draw_target(outlines_of(lesions, size), grid)
        pixels = grid.picture_to_working(read_film(Path(film["path"])))
    except MammomapError as error:
        return image_id, str(error)
    table = np.full(256, ignore, np.uint8)
    table[list(values)] = list(values.values())
    for path, array in ((label, table[target]), (image, pixels)):
        content = cv2.imencode(".png", array)[1].tobytes()
        write_atomically(path, lambda half, c=content: half.write_bytes(c))
    return image_id, ""


def _any_ignored(out: Path, image_ids: Iterable[str], ignore: int) -> bool:
    labels = (cv2.imread(str(out / "labelsTr" / f"{image_id}.png"), cv2.IMREAD_UNCHANGED) for image_id in image_ids)
    return any(label is not None and (label == ignore).any() for label in labels)
