"""Why a film's score is what it is, on its picture: candidates with what each moved it by, and the strongest features.

In: a folder of maps, what `mammomap classify` wrote of it, and its key. Out: a PNG a film as `mammomap.report.overlay`
draws it, the whole film in its own direction (`film_pictures.shown`), a cross at every candidate of
`scores.reasons.csv` with its part in logits before calibration, and the strongest features in words below.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image, ImageDraw

from mammomap.errors import MammomapError
from mammomap.masks.files import write_atomically
from mammomap.masks.findings import finding_threshold
from mammomap.masks.key import Key
from mammomap.masks.mapfile import MapFolder
from mammomap.report.film_pictures import RESEARCH, Shown, shown, title_of
from mammomap.report.overlay import GAP_PX, HEADER_PX, WHITE, as_png, font, overlay

"""The operating point where colour begins; where a head has none, that of the maps."""
MOST = 4
"""Features in words."""
SIZE, LINE_PX = 12, 14
CROSSES = "Crosses: what the score would lose without the place, in logits."


def reasons_picture(
    seen: Shown, film_size: tuple[int, int], rows: Sequence[dict], *, threshold: float, title: str
) -> bytes:
    """The picture of one film as PNG.

    film_size: rows and columns of the film, in whose pixels `rows`, those of `scores.reasons.csv`, are. threshold:
    where the map's colour begins.
    """
    notes = [CROSSES, *features_in_words(rows), RESEARCH]
    drawn = overlay(
        seen.film,
        seen.lesion,
        [],
        threshold=threshold,
        title=title,
        scale_mm_per_px=seen.mm_per_px,
        notes=notes,
    )
    picture = Image.open(io.BytesIO(drawn)).convert("RGB")
    down, across = (size / of_film for size, of_film in zip(seen.film.shape, film_size, strict=True))
    places = [
        ((row["row"] + 0.5) * down - 0.5, (row["col"] + 0.5) * across - 0.5, f"{row['moved']:+.2f}")
        for row in rows
        if row["what"] == "candidate"
    ]
    _mark(picture, [(HEADER_PX + row, seen.film.shape[1] + GAP_PX + col, text) for row, col, text in places])
    return as_png(picture)


def features_in_words(rows: Sequence[dict]) -> list[str]:
    """The strongest features, as one line; of a head that is no sum of them, that it is not."""
    features = sorted((row for row in rows if row["what"] == "feature"), key=lambda row: -abs(row["moved"]))
    if not features:
        return ["This head's score is no sum of features."]
    told = "; ".join(f"{row['name']} {row['moved']:+.2f}" for row in features[:MOST])
    return [f"Features, counted from the mean film: {told}."]


def write_reasons(folder: MapFolder, scores_path: Path, key: Key, out: Path) -> tuple[int, list[str]]:
    """`IMAGE_ID.png` for every scored film that the key leads to; returns how many, and why others have none.

    scores_path: what `mammomap classify` wrote of the folder, its other tables beside it.
    """
    scores = pd.read_csv(scores_path, dtype={"image_id": str})
    told = pd.read_csv(scores_path.with_suffix(".reasons.csv"), dtype={"image_id": str})
    points = json.loads(scores_path.with_suffix(".json").read_text())["operating_points"]
    threshold = min(1.0, finding_threshold(points, folder.about["threshold"])[0])
    column = "probability" if "probability" in scores else "score"
    rows = {str(image_id): its.to_dict("records") for image_id, its in told.groupby("image_id")}
    films, written, missing = folder.films.set_index("image_id", drop=False), 0, []
    for image_id, value in zip(scores["image_id"], scores[column], strict=True):
        film = films.loc[image_id]
        try:
            if image_id not in key.films:
                raise MammomapError("not in the key")
            seen = shown(folder, image_id, key.films[image_id].path)
        except MammomapError as error:
            missing.append(f"{image_id}: {error}")
            continue
        size, title = (int(film["rows"]), int(film["cols"])), f"{title_of(film)}  {column} {value:.2f}"
        picture = reasons_picture(seen, size, rows.get(image_id, []), threshold=threshold, title=title)
        write_atomically(out / f"{image_id}.png", lambda half, png=picture: half.write_bytes(png))
        written += 1
    return written, missing


def _mark(picture: Image.Image, marks: Sequence[tuple[float, float, str]]) -> None:
    """A cross at each (row, col) in picture pixels, its words on whichever side has room and below those of others."""
    draw, taken = ImageDraw.Draw(picture), []
    for row, col in [(round(row), round(col)) for row, col, _ in marks]:
        for shade, thickness in (((0, 0, 0), 3), (WHITE, 1)):
            draw.line([(col - 4, row), (col + 4, row)], shade, thickness)
            draw.line([(col, row - 4), (col, row + 4)], shade, thickness)
    for row, col, text in sorted(marks):
        width = font(SIZE).getlength(text)
        left = col + 7 if col + 8 + width < picture.width else col - 7 - width
        while any(abs(row - other) < LINE_PX and abs(left - beside) < width + 4 for other, beside in taken):
            row += LINE_PX
        taken.append((row, left))
        draw.text((left, row), text, WHITE, font(SIZE), anchor="lm", stroke_width=1, stroke_fill=(0, 0, 0))
