"""What classifiers of images say of films that have been brought to the working grid, and how any model is opened.

In: a run of either kind, a bundle, or the word `blob`; or several runs, whose maps and scores are averaged. Out: a
mapper, as those of `mammomap.seg.mappers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mammomap.classify.image_films import alone
from mammomap.classify.image_run import ImageRun, read_image_run
from mammomap.errors import ConfigError
from mammomap.masks.intensity import net_input
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.working import WorkingFilm
from mammomap.seg.device import choose_hardware
from mammomap.seg.mappers import Mapper, MeanMapper, RunMapper, about_run, open_model
from mammomap.seg.maps import FLIPS
from mammomap.seg.run import Run, read_about, read_run


class ImageMapper:
    """Makes coarse maps with a classifier of images; both layers are the malignancy of places. `flips`: scores and maps
    are means over the film as it is and turned over in rows, in columns and in both."""

    def __init__(self, run: ImageRun, *, flips: bool = False) -> None:
        self.run, self.rows, self.flips = run, run.rows, flips
        self.hardware = choose_hardware(precision=run.config.precision)
        self.net = run.net(self.hardware)
        self.split = run.split
        self.about = about_run(run, self.hardware, flips=flips)

    def __call__(self, film: WorkingFilm) -> FilmMap:
        """Each pixel of the breast has the malignancy of the place whose middle is nearest; with the image's score."""
        image = net_input(film.pixels, self.run.config.intensity)
        made = [self._seen(image, axes) for axes in (FLIPS if self.flips else FLIPS[:1])]
        breast = film.pixels > 0
        spread = np.mean([places for _, places in made], axis=0) * breast
        return FilmMap(spread, spread, breast, film.grid, float(np.mean([score for score, _ in made])))

    def _seen(self, image: NDArray[np.float32], axes: tuple[int, ...]) -> tuple[float, NDArray[np.float32]]:
        """Score and map of a film turned over, the map turned back."""
        turned = np.ascontiguousarray(np.flip(image, axes))
        with torch.inference_mode(), self.hardware.autocast:
            logits, places = self.net(alone(turned, self.net.least).to(self.hardware.device))
        at = places[0].float().cpu().numpy()
        spread = spread_out(at, image.shape, self.net.first, self.net.step)
        return float(logits.float().softmax(1)[0, 1]), np.flip(spread, axes)


def spread_out(places: NDArray[np.float32], size: tuple[int, ...], first: float, step: int) -> NDArray[np.float32]:
    """A map of places on the film's pixels `size`: each takes the place whose middle is nearest; the middles lie `step`
    apart, beginning at `first`."""
    along = []
    for count, length in zip(places.shape, size, strict=True):
        along.append(np.clip(np.rint((np.arange(length) - first) / step), 0, count - 1).astype(int))
    return places[np.ix_(*along)]


def read_any_run(path: Path) -> Run | ImageRun:
    """A finished run of either kind, or a bundle.

    Raises
    ------
    ModelError
        If it is none.
    """
    return read_image_run(path) if is_image_run(path) else read_run(path)


def is_image_run(path: Path) -> bool:
    """Whether the folder holds the run of a classifier of images."""
    return (path / "config.json").is_file() and bool(read_about(path).get("image"))


def mapper_of(runs: Sequence[Run | ImageRun], *, flips: bool = False) -> Mapper:
    """A mapper for runs of either kind; of more than one, their mean.

    Raises
    ------
    ConfigError
        If they do not go together (`mammomap.seg.mappers.MeanMapper`).
    """
    made = [RunMapper(run, flips=flips) if isinstance(run, Run) else ImageMapper(run, flips=flips) for run in runs]
    return made[0] if len(made) == 1 else MeanMapper(made)


def open_any_model(
    models: Sequence[str], rows: int | None = None, *, flips: bool = False, tile: int | None = None
) -> Mapper:
    """A mapper for runs of either kind, for bundles, or for the word `blob`; as `mammomap.seg.mappers.open_model`.

    Raises
    ------
    ModelError, ConfigError
        If there is no finished run, it is asked for what it cannot do, or several do not go together.
    """
    made = [_open_one(model, rows, flips=flips, tile=tile) for model in models]
    return made[0] if len(made) == 1 else MeanMapper(made)


def _open_one(model: str, rows: int | None, *, flips: bool, tile: int | None) -> Mapper:
    if model == "blob" or not is_image_run(Path(model)):
        return open_model(model, rows, flips=flips, tile=tile)
    if rows or tile:
        raise ConfigError(f"{model}: a classifier of images has its own rows, and takes no --tile")
    return ImageMapper(read_image_run(Path(model)), flips=flips)
