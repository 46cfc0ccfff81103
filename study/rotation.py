"""Four small nets in rotation over folds of one set: what heads are given of women whom their net has not seen.

    python study/rotation.py films --films PATH/cbis_mass -o work
    python study/rotation.py phantoms -o work
    python study/rotation_table.py

In rotation k, fold k is tested and the next is for the head; a net is trained on the other two, the women who choose
its checkpoint taken inside them. Of cbis_mass folds 0 to 3 take part: fold 4 is left out of the tables, so that nothing
here can see it. Phantoms, drawn with a seed of their own, are dealt into four folds.

Each net: U-Net with resnet18, `--crops` crops of `--crop` pixels at `--rows` rows; then
maps of women of all parts, of the net's own only some (`--seen`). A second call goes on where the first was stopped.

Kept in `study/rotation/SET`: `films.csv`, one row a film and rotation (fold, part, woman by code, side, view, label,
what needs no net, the inputs of all kinds of heads), `films.*.npz` with the coarse maps and the net's own features for
each row (the first `NET_WIDTH` principal components, found on the women of net and head), the convolutional heads, and
`facts.json`.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from compare_net import LOCAL
from folds import of_folds
from head_inputs import inputs_of
from heads import COARSE, Study, read_arrays
from kept import go
from sklearn.decomposition import PCA
from tqdm import tqdm

from mammomap.classify.conv_head import coarse_map
from mammomap.classify.features import CONV
from mammomap.classify.net_features import NetFeatures
from mammomap.masks.files import write_atomically, write_json
from mammomap.masks.mapfile import FilmMap, women_codes
from mammomap.masks.splits import Split, inner_splits, make_split, read_split
from mammomap.masks.store import Store
from mammomap.masks.tables import Tables, read_tables, write_tables
from mammomap.masks.working import WorkingFilm
from mammomap.masks.yardsticks import yardsticks
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import Run, read_run

FOLDER = Path(__file__).parent / "rotation"
SETS = ("films", "phantoms")
ROTATIONS = 4
CHOOSING = 10
"""One in so many women of the two folds chooses the net's checkpoint."""
NET_WIDTH = 64


def prepared(data: str, films: Path | None, work: Path, sizes: argparse.Namespace) -> tuple[Store, list[Split]]:
    """The store of the four folds, and the split of each rotation, all under `work`."""
    if data == "phantoms":
        films = work / "tree"
        drawn = ("--patients", sizes.women, "--seed", sizes.draw, "--rows", sizes.drawn_rows)
        go("phantom", *drawn, "-o", films)
    if films is None:
        raise SystemExit("--films PATH/cbis_mass is missing")
    go("index", films, "-o", work / "index")
    four = work / "tables"
    if not (four / "index.json").is_file():
        found = read_tables(work / "index")
        write_tables(found if data == "phantoms" else of_folds(found, range(ROTATIONS)), four)
    go("prepare", four, "-o", work / "store", "--rows", sizes.rows)
    store = Store(work / "store")
    splits = []
    for number, split in enumerate(rotations(store.tables, data, sizes.seed)):
        path = work / str(number) / "split.csv"
        if not path.is_file():
            split.write(path)
        splits.append(read_split(path))
    return store, splits


def rotations(tables: Tables, data: str, seed: int) -> Iterator[Split]:
    """The part of every woman in each rotation."""
    films = tables.films
    if data == "phantoms":
        folds = [make_split(tables, f"k-fold:{k}/{ROTATIONS}", seed).women("test") for k in range(ROTATIONS)]
    else:
        folds = [frozenset(films.loc[films["fold"] == k, "patient_id"]) for k in range(ROTATIONS)]
    for k in range(ROTATIONS):
        test, head, *others = (folds[(k + step) % ROTATIONS] for step in range(ROTATIONS))
        learning = Split("two folds", dict.fromkeys(sorted(frozenset().union(*others)), "net"))
        choosing = inner_splits(learning, learning.tables(tables, "net"), CHOOSING, seed)[0].women("head")
        part_of = dict(learning.part_of) | dict.fromkeys(choosing, "validation")
        part_of |= dict.fromkeys(head, "head") | dict.fromkeys(test, "test")
        yield Split(f"rotation {k} of {ROTATIONS} folds (seed {seed})", part_of)


def trained(number: int, data: str, work: Path, sizes: argparse.Namespace) -> Run:
    """The net of one rotation."""
    folder = work / str(number)
    small = ("--encoder", "resnet18", "--crops", sizes.crops, "--crop", sizes.crop, "--seed", sizes.seed)
    more = ("--set", f"intensity.local={LOCAL[data]}", "--set", f"validate_every={sizes.validate_every}")
    go("train", work / "store", "-o", folder / "run", "--split", folder / "split.csv", *small, *more)
    return read_run(folder / "run")


def looked_at(number: int, store: Store, run: Run, work: Path, sizes: argparse.Namespace) -> Path:
    """What heads are given of the films of one rotation: a table and arrays, under `work`."""
    path = work / str(number) / "films.csv"
    if path.is_file():
        return path
    mapper, features, seen = RunMapper(run), NetFeatures(run), set(run.women_codes)
    about = films_with_yardsticks(store)
    rows, coarse, deep = [], [], []
    listed = list(films_by_part(store, run.split, sizes))
    for part, image_id in tqdm(listed, desc=f"rotation {number}", unit="film"):
        stored, film = store[image_id], about.loc[image_id]
        working = WorkingFilm(stored.pixels, stored.grid)
        made = mapper(working)
        code = women_codes([film["patient_id"]], run.source)[0]
        if (code in seen) != (part in ("net", "validation")):
            raise SystemExit(f"{image_id}: part {part}, and the net says otherwise")
        told = {"rotation": number, "part": "seen" if part == "net" else part}
        rows.append(told | row_of(image_id, code, film, made))
        coarse.append(np.rint(coarse_map(made) * COARSE).astype(np.int8))
        deep.append(features(working))
    frame, deep = pd.DataFrame(rows), np.stack(deep)
    fitted_on = frame["part"].isin(["seen", "head"]).to_numpy()
    found = PCA(min(NET_WIDTH, int(fitted_on.sum()) - 1), svd_solver="full").fit(deep[fitted_on])
    components = found.transform(deep).astype(np.float16)
    components = np.pad(components, ((0, 0), (0, NET_WIDTH - components.shape[1])))  # a small set has fewer
    share = np.full(len(frame), found.explained_variance_ratio_.sum())
    write_rows(path, frame, coarse=np.stack(coarse), net=components, net_share=share.astype(np.float32))
    return path


def films_by_part(store: Store, split: Split, sizes: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Part and image_id of every film that is looked at, sorted; of the net's women `--seen`, drawn by the seed."""
    for part in ("net", "validation", "head", "test"):
        women = sorted(split.women(part))
        if part == "net":
            women = np.random.default_rng(sizes.seed).permutation(women)[: sizes.seen].tolist()
        films = split.tables(store.tables, part).films
        usable = films["patient_id"].isin(women) & films["kinds_not_outlined"].isna()
        for image_id in sorted(films.loc[usable, "image_id"]):
            if image_id in store:
                yield part, image_id


def films_with_yardsticks(store: Store) -> pd.DataFrame:
    """What is known of each film without a net; the index is image_id."""
    return store.tables.films.set_index("image_id").join(yardsticks(store.tables).set_index("image_id"))


def row_of(image_id: str, woman: str, film: pd.Series, made: FilmMap) -> dict[str, object]:
    """What is kept of a film for heads. woman: her code."""
    told = {"image_id": image_id, "woman": woman, "side": film["side"], "view": film["view"]}
    told |= {"malignant": int(film["malignant"])}
    return told | without_a_net(film, made) | inputs_of(made, candidate_rows(image_id, made))


def without_a_net(film: pd.Series, made: FilmMap) -> dict[str, float]:
    """What goes with the label and needs no net: BI-RADS, shape and size of the film, how much of it is breast."""
    down, across = made.grid.scale
    area, size = float(made.breast.sum() / (down * across)), float(film["film_px"])
    told = {name: film[name] for name in ("birads", "film_shape", "film_px")}
    told |= {"breast_area": area, "border_share": 1 - area / size}
    return {name: float(f"{value:.6g}") for name, value in told.items()}


def keep(parts: list[Path], runs: list[Run], folder: Path, data: str, sizes: argparse.Namespace) -> None:
    """Join the rotations, and fit what needs torch."""
    arrays = [read_arrays(path) for path in parts]
    joined = {name: np.concatenate([its[name] for its in arrays]) for name in arrays[0]}
    write_rows(folder / "films.csv", pd.concat([pd.read_csv(path) for path in parts], ignore_index=True), **joined)
    logs = [(run.folder / "log.jsonl").read_text().splitlines() for run in runs]
    facts = {
        "source": runs[0].source,
        "sizes": {name: getattr(sizes, name) for name in ("rows", "crop", "crops", "seed", "seen")},
        "data_hash": runs[0].data_hash,
        "nets": [run.name for run in runs],
        "minutes": [round(json.loads(log[-1])["seconds"] / 60, 1) for log in logs],
        "women": [{part: len(run.split.women(part)) for part in ("net", "validation", "head", "test")} for run in runs],
    }
    if data == "phantoms":
        facts["sizes"] |= {name: getattr(sizes, name) for name in ("women", "draw", "drawn_rows")}
    write_json(folder / "facts.json", facts)
    for old in folder.glob("conv-*.json"):
        old.unlink()
    study = Study(folder / "films.csv", rotating=True)
    for fitted_on in ("head", "seen"):
        study.heads(CONV, fitted_on=fitted_on)


def write_rows(path: Path, rows: pd.DataFrame, **arrays: np.ndarray) -> None:
    """The table, and arrays with as many rows, each in a file beside it; the table last, which says that all are whole.

    Squeezed by LZMA, which `numpy.load` reads and numpy does not write: coarse maps of a set stay below a megabyte."""
    for name, array in arrays.items():

        def save(half: Path, name: str = name, array: np.ndarray = array) -> None:
            with zipfile.ZipFile(half, "w", zipfile.ZIP_LZMA) as file, file.open(f"{name}.npy", "w") as part:
                np.lib.format.write_array(part, array)

        write_atomically(path.with_name(f"{path.stem}.{name}.npz"), save)
    write_atomically(path, lambda half: rows.to_csv(half, index=False))


def options(about: str) -> argparse.ArgumentParser:
    """What both studies on the rotation are told."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--films", type=Path, help="cbis_mass, for the set films")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, stores and runs")
    parser.add_argument("--keep", type=Path, default=FOLDER, help="folder for what is kept")
    parser.add_argument("--rotations", type=int, nargs="+", default=list(range(ROTATIONS)), help="these only")
    for name, value in {
        "rows": 576,
        "crop": 256,
        "crops": 16_000,
        "validate-every": 4_000,
        "seen": 150,
        "seed": 1,
        "women": 700,
        "draw": 22,
        "drawn-rows": 800,
    }.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser


def main() -> None:
    """Prepare, train, look, keep."""
    wanted = options(__doc__ or "").parse_args()
    work = wanted.out / wanted.set
    store, _ = prepared(wanted.set, wanted.films, work, wanted)
    for number in wanted.rotations:
        looked_at(number, store, trained(number, wanted.set, work, wanted), work, wanted)
    parts = [work / str(number) / "films.csv" for number in range(ROTATIONS)]
    if not all(path.is_file() for path in parts):
        print("the other rotations are missing")
        return
    runs = [read_run(path.parent / "run") for path in parts]
    keep(parts, runs, wanted.keep / wanted.set, wanted.set, wanted)
    print(f"{ROTATIONS} rotations -> {wanted.keep / wanted.set}")


if __name__ == "__main__":
    main()
