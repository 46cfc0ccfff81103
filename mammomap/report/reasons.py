"""Why a film's score is what it is, on its picture: candidates with what each moved it by, and the strongest features.

In: a film, its map, and its rows of `scores.reasons.csv` (`mammomap classify`). Out: PNG, as `mammomap.report.overlay`
draws it, a cross at every candidate of these rows with its part in logits before calibration, and the features in
words below. Film and map stand on the map's working grid, the chest wall on the left.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mammomap.errors import MammomapError
from mammomap.masks.files import write_atomically
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.key import Key
from mammomap.masks.mapfile import FilmMap, MapFolder
from mammomap.masks.read import read_film
from mammomap.report.overlay import BACKGROUND, GAP_PX, HEADER_PX, WHITE, overlay

POINT, THRESHOLD = "candidate 1 false positives per film", 0.25
"""The operating point where colour begins, and where it begins if there is none."""
MOST = 4
"""Features in the caption."""
SIZE, LINE_PX, EDGE_PX = 12, 16, 6
LEADING = "Crosses: what the score would lose without the place. In logits, from the film in the middle: "


def reasons_picture(
    film: NDArray[np.float32], film_map: FilmMap, rows: Sequence[dict], *, threshold: float, title: str
) -> bytes:
    """The picture of one film as PNG.

    film: float32 `(rows, cols)` in [0, 1] on the map's grid. rows: of `scores.reasons.csv`. threshold: where the map's
    colour begins.
    """
    drawn = overlay(film, film_map.lesion, [], threshold=threshold, title=title)
    above = Image.open(io.BytesIO(drawn)).convert("RGB")
    draw = ImageDraw.Draw(above)
    candidates = [row for row in rows if row["what"] == "candidate"]
    places = film_map.grid.to_working(np.array([[row["row"], row["col"]] for row in candidates]))
    for (row, col), told in zip(places, candidates, strict=True):
        _mark(draw, HEADER_PX + round(row), film.shape[1] + GAP_PX + round(col), f"{told['moved']:+.2f}")
    lines = wrapped(caption(rows), above.width - 2 * EDGE_PX)
    picture = Image.new("RGB", (above.width, above.height + LINE_PX * len(lines) + 2 * EDGE_PX), BACKGROUND)
    picture.paste(above, (0, 0))
    below = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        below.text((EDGE_PX, above.height + EDGE_PX + LINE_PX * number), line, WHITE, _font())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def caption(rows: Sequence[dict]) -> str:
    """The strongest features in words; of a head without parts, that there are none."""
    features = sorted((row for row in rows if row["what"] == "feature"), key=lambda row: -abs(row["moved"]))
    if not features:
        return LEADING.split(" In logits")[0] + " This head's score is no sum of features."
    return LEADING + "; ".join(f"{row['name']} {row['moved']:+.2f}" for row in features[:MOST])


def write_reasons(folder: MapFolder, scores_path: Path, key: Key, out: Path) -> tuple[int, list[str]]:
    """`IMAGE_ID.png` for every scored film that the key leads to; returns how many, and why others have none.

    scores_path: what `mammomap classify` wrote of the folder, its other tables beside it. The map's colour begins at
    the candidate threshold that stands there.
    """
    scores = pd.read_csv(scores_path, dtype={"image_id": str})
    told = pd.read_csv(scores_path.with_suffix(".reasons.csv"), dtype={"image_id": str})
    points = json.loads(scores_path.with_suffix(".json").read_text())["operating_points"]
    threshold = min(1.0, points.get(POINT, THRESHOLD))
    column = "probability" if "probability" in scores else "score"
    rows = {str(image_id): its.to_dict("records") for image_id, its in told.groupby("image_id")}
    written, missing = 0, []
    for film in scores.to_dict("records"):
        image_id = film["image_id"]
        if image_id not in key.films:
            missing.append(f"{image_id}: not in the key")
            continue
        try:
            pixels = read_film(key.films[image_id].path)
        except MammomapError as error:
            missing.append(f"{image_id}: {error}")
            continue
        made = folder.map(image_id)
        words = [str(film.get(name) or "") for name in ("side", "view")]
        words += [f"{column} {film[column]:.2f}", "(shown mirrored)" if made.grid.mirrored else ""]
        picture = reasons_picture(
            on_map(pixels, made),
            made,
            rows.get(image_id, []),
            threshold=threshold,
            title=" ".join(word for word in words if word and word != "nan"),
        )
        write_atomically(out / f"{image_id}.png", lambda half, png=picture: half.write_bytes(png))
        written += 1
    return written, missing


def on_map(pixels: NDArray[np.uint16], film_map: FilmMap) -> NDArray[np.float32]:
    """A film on the grid of its map, in [0, 1], air 0."""
    working = film_map.grid.picture_to_working(pixels)
    return net_input(np.where(film_map.breast, np.maximum(working, 1), 0).astype(np.uint16), IntensitySettings())


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` pixels, broken between words."""
    font, lines = _font(), [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _mark(draw: ImageDraw.ImageDraw, row: int, col: int, text: str) -> None:
    """A cross with its words on whichever side has room."""
    for shade, thickness in (((0, 0, 0), 3), (WHITE, 1)):
        draw.line([(col - 4, row), (col + 4, row)], shade, thickness)
        draw.line([(col, row - 4), (col, row + 4)], shade, thickness)
    right = col + 8 + _font().getlength(text) < draw.im.size[0]
    place, anchor = ((col + 7, row), "lm") if right else ((col - 7, row), "rm")
    draw.text(place, text, WHITE, _font(), anchor=anchor, stroke_width=1, stroke_fill=(0, 0, 0))


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font: the same on every machine."""
    return ImageFont.load_default(SIZE)
