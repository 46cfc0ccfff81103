"""What bfloat16 does to maps: one net's maps of whole films in bf16 beside those in fp32.

    python study/precision.py RUN STORE [-o study/nets/precision.json]
    python study/precision.py

RUN and STORE are those of `compare_net.py`; the films are those of the test part. Kept: for each layer the largest
difference of any pixel, the mean over the breasts, and the largest difference of a film's highest pixel. What a whole
run in fp32 comes to stands in the comparison of nets (`unet-fp32`). The second form prints what was kept.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mammomap.masks.files import write_json
from mammomap.masks.mapfile import LAYERS
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.config import PRECISIONS
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import read_run

KEPT = Path(__file__).parent / "nets" / "precision.json"


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


def show(kept: dict) -> str:
    """In words."""
    text = [
        f"{kept['net']} with {kept['encoder']}, {kept['source']}, split {kept['split']}, part test: {kept['films']} "
        f"films of {kept['women']} women; {kept['device']}"
    ]
    for layer, row in kept["layers"].items():
        text.append(
            f"{layer}: largest difference of a pixel {row['largest']:.3f}, mean in the breast {row['mean']:.5f}, "
            f"largest of a film's highest pixel {row['highest pixel']:.3f}"
        )
    return "\n".join(text)


def main() -> None:
    """Compare, where a run is named; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?")
    parser.add_argument("store", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, default=KEPT)
    wanted = parser.parse_args()
    if wanted.run:
        write_json(wanted.out, compared(wanted.run, Store(wanted.store)))
    print(show(json.loads(wanted.out.read_text())))


if __name__ == "__main__":
    main()
