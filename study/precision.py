"""What bfloat16 does to maps: one net's maps of whole films in bf16 beside those in fp32.

    python study/precision.py RUN STORE
    python study/precision_table.py

RUN and STORE are those of `compare_net.py`; the films are those of the test part. Kept: for each layer the largest
difference of any pixel, the mean over the breasts, and the largest difference of a film's highest pixel. A whole run in
fp32 is another matter: `compare_net.py films unet-fp32`. The second command prints what was kept.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from precision_table import KEPT, show
from tqdm import tqdm

from mammomap.masks.files import write_json
from mammomap.masks.mapfile import LAYERS
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.config import PRECISIONS
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import read_run


def compared(run_folder: Path, store: Store) -> dict:
    """The differences over the films of the test part."""
    run = read_run(run_folder)
    exact, fast = (RunMapper(replace(run, config=replace(run.config, precision=name))) for name in PRECISIONS)
    films = run.split.tables(store.tables, "test").films
    films = films[films["image_id"].isin(store.films["image_id"])]
    found: dict[str, list[tuple[float, float, float]]] = {layer: [] for layer in LAYERS}
    for image_id in tqdm(films["image_id"], unit="film"):
        stored = store[image_id]
        film = WorkingFilm(stored.pixels, stored.grid)
        maps = exact(film), fast(film)
        for layer in LAYERS:
            one, other = (its.layer(layer) for its in maps)
            away = np.abs(one - other)[film.pixels > 0]
            found[layer].append((float(away.max()), float(away.mean()), abs(float(one.max() - other.max()))))
    about = {"net": run.config.net, "encoder": run.config.encoder, "source": run.source, "split": run.split.name}
    women = int(films["patient_id"].nunique())
    layers = {}
    for layer, rows in found.items():
        largest, mean, highest = np.array(rows).T
        layers[layer] = {"largest": largest.max(), "mean": mean.mean(), "highest pixel": highest.max()}
    return {**about, "films": len(films), "women": women, "device": fast.hardware.name, "layers": layers}


def main() -> None:
    """Compare, keep, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("store", type=Path)
    wanted = parser.parse_args()
    write_json(KEPT, compared(wanted.run, Store(wanted.store)))
    print(show(KEPT))


if __name__ == "__main__":
    main()
