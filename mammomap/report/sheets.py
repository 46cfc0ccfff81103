"""The four views of an examination on one sheet, as radiologists hang them: OUT/sheets/<exam>.png.

    R CC  | L CC          chest walls together in the middle
    R MLO | L MLO

In: a folder of maps and where its films lie. Out: a PNG an examination (a woman, where nobody says which examination a
film belongs to). A film that lies the other way is mirrored with map and marks, and says so. An absent view is an empty
place; of several films of one view the first without a flag hangs, and the sheet says how many others there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageOps

from mammomap.errors import ImageError
from mammomap.masks.files import write_atomically
from mammomap.masks.mapfile import MapFolder
from mammomap.masks.parallel import in_processes
from mammomap.report.film_pictures import RESEARCH, Shown, about_model, shown
from mammomap.report.overlay import BACKGROUND, WHITE, as_png, draw_scale_bar, font, notes_below, painted

VIEWS = (("RIGHT", "CC"), ("LEFT", "CC"), ("RIGHT", "MLO"), ("LEFT", "MLO"))
"""Row by row."""
ROWS = 640
"""Height of each film."""
_CAPTION = 20
_FEW = 8


@dataclass(frozen=True)
class Hung:
    """One place of a sheet."""

    picture: Image.Image | None
    caption: str


def write_sheets(folder: MapFolder, paths: dict[str, Path], *, progress: Callable[..., Iterable] | None = None) -> int:
    """Draw a sheet for every examination that has none yet and shows a CC or MLO; returns how many were drawn."""
    films = folder.films[folder.films["image_id"].isin(list(paths)) & (folder.films["status"] == "done")]
    films = films[[(film.side, film.view) in VIEWS for film in films.itertuples()]]
    films = films.assign(group=np.where(films["exam"] != "", films["exam"], films["woman"]))
    groups = [
        (str(name), its["image_id"].tolist()) for name, its in films[films["group"] != ""].groupby("group", sort=True)
    ]
    jobs = [(name, [(i, paths[i]) for i in its]) for name, its in groups if not _file(folder, name).is_file()]
    workers = None if len(jobs) >= _FEW else 1
    return sum(
        in_processes(
            partial(_draw, folder), jobs, what="draw sheets", unit="examination", workers=workers, progress=progress
        )
    )


def _draw(folder: MapFolder, job: tuple[str, list[tuple[str, Path]]]) -> bool:
    name, its = job
    paths = dict(its)
    films = folder.films.set_index("image_id", drop=False).loc[list(paths)]
    hung = [_hang(folder, films, paths, side, view) for side, view in VIEWS]
    widths = [max([cell.picture.width for cell in column if cell.picture] or [ROWS // 2]) for column in _columns(hung)]
    cell = ROWS + _CAPTION
    words = [f"Examination {name}. {about_model(folder.about)} {RESEARCH}"]
    odd = [text for text in films["outside"].unique() if text]
    if odd:
        words.insert(0, f"Not what the model was trained for: {'; '.join(odd)}.")
    below = notes_below(sum(widths) + 2, words)
    sheet = Image.new("RGB", (sum(widths) + 2, 2 * cell + below.height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    for number, place in enumerate(hung):
        down, across = divmod(number, 2)
        top, left = down * cell, across * (widths[0] + 2)
        draw.text((left + 4, top + _CAPTION / 2), place.caption, WHITE, font(12), anchor="lm")
        if place.picture:  # the chest wall in the middle of the sheet
            inner = left + (widths[across] - place.picture.width if across == 0 else 0)
            sheet.paste(place.picture, (inner, top + _CAPTION))
    sheet.paste(below, (0, 2 * cell))
    made = as_png(sheet)
    write_atomically(_file(folder, name), lambda half: half.write_bytes(made))
    return True


def _columns(hung: list[Hung]) -> tuple[list[Hung], list[Hung]]:
    return hung[0::2], hung[1::2]


def _hang(folder: MapFolder, films: pd.DataFrame, paths: dict[str, Path], side: str, view: str) -> Hung:
    of_view = films[(films["side"] == side) & (films["view"] == view)]
    name = f"{side[0]} {view}"
    if not len(of_view):
        return Hung(None, f"{name}: no film")
    film = of_view.sort_values("flags", kind="stable").iloc[0]
    try:
        seen = shown(folder, film["image_id"], paths[film["image_id"]], ROWS)
    except ImageError:
        return Hung(None, f"{name}: film not to be read")
    picture, turned = hang(seen, side, folder.about["threshold"])
    told = [name, *([film["flags"]] if film["flags"] else []), film["findings"].split(";")[0]]
    told += ["shown mirrored"] if turned else []
    told += [f"{len(of_view) - 1} more of this view"] if len(of_view) > 1 else []
    return Hung(picture, ", ".join(told))


def hang(seen: Shown, side: str, threshold: float) -> tuple[Image.Image, bool]:
    """A film `ROWS` high with the chest wall towards the middle of the sheet, and whether it was mirrored for that.

    Marks are drawn after the mirror, so that their scores can be read.
    """
    turned = seen.mirrored != (side == "RIGHT")
    cols = seen.film.shape[1]
    marks = [(row, cols - 1 - col, score) for row, col, score in seen.marks] if turned else seen.marks
    film, lesion = (np.ascontiguousarray(np.flip(a, 1)) if turned else a for a in (seen.film, seen.lesion))
    picture = painted(film, lesion, threshold=threshold, marks=marks)
    if seen.mm_per_px is not None:
        draw_scale_bar(picture, seen.mm_per_px)
    return ImageOps.contain(picture, (10 * ROWS, ROWS)), turned


def _file(folder: MapFolder, name: str) -> Path:
    return folder.folder / "sheets" / f"{name}.png"
