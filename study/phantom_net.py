"""Maps of the phantoms that `phantom_bounds.py` reads its figures on, by a net of `mammomap train`.

    mammomap phantom --patients 1800 --seed 21 --rows 800 -o tree
    mammomap index tree -o tables
    mammomap prepare tables -o store --rows 576
    mammomap train store -o run --encoder resnet18 --split official --crops 40000 \
        --set intensity.local=12 --set validate_every=5000
    mammomap train-head store --model run -o head.json
    python study/phantom_net.py run --head head.json -o study/phantom/marks-plateau.csv

Out: per film the marks of the lesion map, which lesions they hit, and the film's score (the head's probability, or the
highest malignancy candidate where no head is given), as `phantom_bounds.py` takes them. The women are those of its test
seeds, drawn at 800 rows; the net must not have seen women of these seeds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from phantom_bounds import TEST_SEEDS, write_marks
from phantom_films import WOMEN, Film, looked_at
from tqdm import tqdm

from mammomap.classify.features import head_inputs
from mammomap.classify.heads import Head, read_head
from mammomap.eval.matching import FilmMarks
from mammomap.masks.working import working_film
from mammomap.phantom import PhantomConfig, PhantomFilm
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import BlobMapper, RunMapper, open_model

ROWS = 800


def films(women: int) -> Iterator[tuple[str, PhantomFilm]]:
    """Films of the test seeds with the name of their woman."""
    for seed in TEST_SEEDS:
        for number in tqdm(range(1, women + 1), desc=f"seed {seed}", unit="woman"):
            config = PhantomConfig(seed=seed, rows=ROWS)
            for film in draw_woman(woman_rng(seed, number), config, patient_name(number)):
                yield f"{seed}-{film.patient_id}", film


def mapped(film: PhantomFilm, mapper: RunMapper | BlobMapper, head: Head | None) -> tuple[FilmMarks, float]:
    """Marks of the lesion map in pixels of the film, and the film's score."""
    made = mapper(working_film(film.image, mapper.rows))
    candidates = candidate_rows(film.image_id, made)
    lesion = [(row["row"], row["col"], row["score"]) for row in candidates if row["map"] == "lesion"]
    places, scores = np.array(lesion, np.float64).reshape(-1, 3)[:, :2], np.array([row[2] for row in lesion])
    if head is None:
        score = max((row["score"] for row in candidates if row["map"] == "malignancy"), default=0.0)
    else:
        score = float(head.probability(head_inputs(head.kind, made, candidates)[None])[0])
    return FilmMarks(places, scores), score


def main() -> None:
    """Draw, map, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="a run folder, or blob")
    parser.add_argument("--head", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--women", type=int, default=WOMEN, help="a seed")
    wanted = parser.parse_args()
    mapper, head = open_model(wanted.run), read_head(wanted.head) if wanted.head else None
    kept: list[Film] = []
    marks, scores = [], []
    for woman, film in films(wanted.women):
        kept.append(looked_at(film, woman))
        its, score = mapped(film, mapper, head)
        marks.append(its)
        scores.append(score)
    write_marks(wanted.out, kept, marks, scores)
    print(f"{len(kept)} films of {len({film.woman for film in kept})} women -> {wanted.out}")


if __name__ == "__main__":
    main()
