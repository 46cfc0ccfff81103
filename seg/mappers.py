"""What makes the map of a film that has been brought to the working grid: the net of a run, the mean of several, or the
blob detector.

In: a run, a bundle or the word `blob`. Out: a mapper, which takes working films to maps, and what it says of itself:
`about` goes into the folder of maps, into every map and into what is made of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ConfigError
from mammomap.eval.blob import blob_map
from mammomap.masks.bundle import flips_asked, is_bundle
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.mapfile import LAYERS, FilmMap
from mammomap.masks.shipped import shipped_model
from mammomap.masks.splits import Split
from mammomap.masks.working import WorkingFilm, read_working_film, working_film
from mammomap.seg.device import Hardware, choose_hardware
from mammomap.seg.maps import check_tile, film_map, map_layers
from mammomap.seg.run import Run, Trained, read_run

BLOB_ROWS = 768
"""Working rows of the blob detector where none are asked for."""


class Mapper(Protocol):
    """Takes a film at `rows` working rows to its map. `about`: what it says of itself. `split`: the part of every woman
    of its set; None where nobody trained it, or several runs dealt them differently."""

    rows: int
    about: dict[str, Any]
    split: Split | None

    def __call__(self, film: WorkingFilm) -> FilmMap: ...


class RunMapper:
    """Makes maps with the net of a run; `flips` and `tile` as in `mammomap.seg.maps.film_map`."""

    def __init__(self, run: Run, *, flips: bool = False, tile: int | None = None) -> None:
        self.run, self.rows, self.flips, self.tile = run, run.rows, flips, tile
        self.hardware = choose_hardware(precision=run.config.precision)
        self.net = run.net(self.hardware)
        check_tile(self.net, tile)
        self.split = run.split
        self.about = about_run(run, self.hardware, flips=flips, tile=tile)

    def __call__(self, film: WorkingFilm) -> FilmMap:
        """The map of a working film; 0 outside the breast."""
        image = net_input(film.pixels, self.run.config.intensity)
        probabilities = film_map(self.net, image, self.hardware, flips=self.flips, tile=self.tile)
        breast = film.pixels > 0
        lesion, malignancy = map_layers(probabilities, self.run.classes)
        return FilmMap(lesion * breast, malignancy * breast, breast, film.grid)


class BlobMapper:
    """The trivial line: bright blobs of any size, by no training at all; both layers are the same."""

    def __init__(self, rows: int) -> None:
        self.rows, self.split = rows, None
        self.about = {"model": "blob detector", "kinds_trained": [], "trained_for": {}, "source": "", "women_seen": []}

    def __call__(self, film: WorkingFilm) -> FilmMap:
        breast = film.pixels > 0
        blobs = blob_map(net_input(film.pixels, IntensitySettings()), inside=breast) * breast
        return FilmMap(blobs, blobs, breast, film.grid)


class MeanMapper:
    """The mean of what several models make of a film: their maps, and their scores where all give one.

    Raises
    ------
    ConfigError
        If they have other rows, kinds of lesion or another set of films; or if one stands there twice.
    """

    def __init__(self, mappers: Sequence[Mapper]) -> None:
        first, names = mappers[0], [mapper.about["model"] for mapper in mappers]
        for mapper in mappers[1:]:
            for what in ("kinds_trained", "trained_for", "source"):
                if mapper.about[what] != first.about[what]:
                    raise ConfigError(
                        f"{mapper.about['model']} and {names[0]} differ in {what}: no mean is made of them"
                    )
            if mapper.rows != first.rows:
                raise ConfigError(f"{mapper.about['model']} works at {mapper.rows} rows, {names[0]} at {first.rows}")
        if len(set(names)) < len(names):
            raise ConfigError(f"the mean of {', '.join(names)}: one stands there twice")
        self.mappers, self.rows = mappers, first.rows
        self.split = first.split if all(mapper.split == first.split for mapper in mappers) else None
        seen = {code for mapper in mappers for code in mapper.about["women_seen"]}
        self.about = {**first.about, "model": name_of_mean(names), "models": names, "women_seen": sorted(seen)}

    def __call__(self, film: WorkingFilm) -> FilmMap:
        """The mean map of a working film."""
        made = [mapper(film) for mapper in self.mappers]
        lesion, malignancy = (np.mean([its.layer(layer) for its in made], axis=0, dtype=np.float32) for layer in LAYERS)
        scores = [its.score for its in made if its.score is not None]
        score = float(np.mean(scores)) if len(scores) == len(made) else None
        return FilmMap(lesion, malignancy, made[0].breast, film.grid, score)


def name_of_mean(names: Sequence[str]) -> str:
    """Of one model its own name; of several, how many and the first digits of a hash of their names."""
    if len(names) == 1:
        return names[0]
    return f"mean-of-{len(names)}-{hashlib.sha256(chr(10).join(sorted(names)).encode()).hexdigest()[:8]}"


def about_run(run: Trained, hardware: Hardware, *, flips: bool = False, tile: int | None = None) -> dict[str, Any]:
    """What a mapper says of the run that it applies."""
    return {
        "model": run.name,
        "kinds_trained": list(run.kinds),
        "trained_for": run.trained_for,
        "source": run.source,
        "women_seen": run.women_codes,
        "precision": hardware.precision,
        **({"flips": True} if flips else {}),
        **({"tile": tile} if tile else {}),
    }


def open_model(
    model: str, rows: int | None = None, *, flips: bool = False, tile: int | None = None
) -> RunMapper | BlobMapper:
    """A mapper for a run folder, or for the word `blob`; `flips` and `tile` are for a run.

    Raises
    ------
    ModelError
        If the folder is no finished run.
    ConfigError
        If `rows` is asked of a run, which has its own, or `flips` or `tile` of the blob detector.
    """
    if model == "blob":
        if flips or tile:
            raise ConfigError("--flips and --tile are for a run, not for --model blob")
        return BlobMapper(rows or BLOB_ROWS)
    run = read_run(Path(model))
    if rows not in (None, run.rows):
        raise ConfigError(f"--rows {rows}: the run works at {run.rows} rows; --rows is for --model blob")
    return RunMapper(run, flips=flips, tile=tile)


def lesion_map(film: str | Path | NDArray[np.uint16], model: str | Path | None = None) -> FilmMap:
    """The map of one film, given as a file or as uint16 `(rows, cols)`.

    model: a run folder, a bundle, whose head says whether flips are averaged, or `blob`; None is the model that comes
    with mammomap.

    >>> from mammomap import lesion_map                            # doctest: +SKIP
    >>> lesion_map("film.dcm").on_film("lesion")                   # doctest: +SKIP
    """
    path = Path(model or shipped_model())
    mapper = open_model(str(path), flips=is_bundle(path) and flips_asked(path))
    if isinstance(film, np.ndarray):
        return mapper(working_film(film, mapper.rows))
    return mapper(read_working_film(Path(film), mapper.rows))
