"""What heads are given of phantoms, by one net: five draws of women for the head and for the test, and women seen.

    python study/head_inputs.py RUN [--women 100] [-o study/heads/phantoms.csv.gz]

RUN is a net trained on phantoms (`phantom_net.py` names the commands). Of each of `SEEDS` the first women are for the
head and as many more for the test, drawn at 800 rows; the net has seen none of them. Beside them as many women on whom
the net was trained. One row a film: set, part, woman, side, view, label, BI-RADS, and the inputs of all kinds
of heads but the convolutional, so that `heads.py` fits and compares heads with neither film nor net.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from heads import KEPT
from phantom_films import grade
from phantom_net import ROWS
from tqdm import tqdm

from mammomap.classify.features import FEATURES, head_inputs
from mammomap.classify.pooling import POOLS
from mammomap.masks.files import write_atomically
from mammomap.masks.mapfile import FilmMap, women_codes
from mammomap.masks.working import working_film
from mammomap.phantom import PhantomConfig, PhantomFilm
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import Run, read_run

SEEDS, WOMEN = (31, 32, 33, 34, 35), 100


def women(run: Run, count: int) -> Iterator[tuple[int, str, int]]:
    """Seed, part and number of every woman."""
    for seed in SEEDS:
        for number in range(1, 2 * count + 1):
            yield seed, "head" if number <= count else "test", number
    learned = sorted(run.split.women("net"))
    chosen = np.random.default_rng(run.config.seed).permutation(learned)[:count]
    own = re.fullmatch(r"phantom seed (\d+)", run.source)
    if own is None or int(own[1]) in SEEDS:
        raise SystemExit(f"{run.folder}: trained on {run.source!r}, wanted phantoms of a seed not among {SEEDS}")
    for name in chosen:
        yield int(own[1]), "seen", int(re.sub(r"\D", "", name))


def inputs_of(made: FilmMap, candidates: list[dict]) -> dict[str, float]:
    """What heads are given of a map, by name; but for the coarse map."""
    values = dict(zip(FEATURES, head_inputs("features", made, candidates), strict=True))
    values |= {name: head_inputs(name, made, candidates)[0] for name in POOLS}
    return {name: round(float(value), 5) for name, value in values.items()}


def rows_of(film: PhantomFilm, mapper: RunMapper, seed: int, part: str) -> dict:
    """One row."""
    made = mapper(working_film(film.image, mapper.rows))
    about = {"seed": seed, "part": part, "image_id": film.image_id, "woman": f"{seed}-{film.patient_id}"}
    birads = max((grade(lesion.assessment) for lesion in film.lesions), default=0.0)
    about |= {"side": film.side, "view": film.view, "malignant": int(film.malignant), "birads": birads}
    return about | inputs_of(made, candidate_rows(film.image_id, made))


def main() -> None:
    """Draw, map, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=KEPT)
    parser.add_argument("--women", type=int, default=WOMEN, help="of each seed for the head, and for the test")
    wanted = parser.parse_args()
    run = read_run(wanted.run)
    mapper, rows = RunMapper(run), []
    seen = set(run.women_codes)
    for seed, part, number in tqdm(list(women(run, wanted.women)), unit="woman"):
        name = patient_name(number)
        if (women_codes([name], f"phantom seed {seed}")[0] in seen) != (part == "seen"):
            raise SystemExit(f"{name} of seed {seed}: part {part}, and the net says otherwise")
        for film in draw_woman(woman_rng(seed, number), PhantomConfig(seed=seed, rows=ROWS), name):
            rows.append(rows_of(film, mapper, seed, part))
    wanted.out.parent.mkdir(exist_ok=True)
    frame = pd.DataFrame(rows)
    write_atomically(wanted.out, lambda path: frame.to_csv(path, index=False))
    print(f"{len(frame)} films of {frame['woman'].nunique()} women -> {wanted.out}")


if __name__ == "__main__":
    main()
