"""One picture of a film: in grey on the left, the same with map, truth and marks on the right.

In: a film and a lesion map on one grid, outlines and marks in its pixels. Out: PNG bytes. The map lies over the film
as transparent colour (viridis, limits 0 to 1 in every picture) from a threshold up; outlines are one pixel wide,
dashed where they are approximate; a scale bar stands where the spacing is known. Film pixel (row, col) is picture
pixel (HEADER_PX + row, col) on the left and (HEADER_PX + row, cols + GAP_PX + col) on the right. In a page the legend
is the page's, since it is the same for all pictures; a picture that goes about alone has its own, above its notes.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mammomap.masks.marker import our_mark

HEADER_PX = 22
GAP_PX = 6
OPACITY = 0.5
MALIGNANT = (255, 77, 77)
BENIGN = (102, 217, 255)
BACKGROUND = (24, 24, 24)
WHITE = (255, 255, 255)
COLOURS = (matplotlib.colormaps["viridis"](np.linspace(0, 1, 256))[:, :3] * 255).round().astype(np.uint8)
"""`(256, 3)` RGB: the colours of map values 0 to 1."""

_DASH_PX = 4
_BAR_LENGTHS_MM = (1, 2, 5, 10, 20, 50)


def overlay(
    film: NDArray[np.float32],
    lesion_map: NDArray[np.float32],
    outlines: Sequence[tuple[NDArray[np.floating], bool, bool]],
    *,
    threshold: float,
    title: str,
    scale_mm_per_px: float | None = None,
    marks: Sequence[tuple[float, float, float]] = (),
    notes: Sequence[str] = (),
) -> bytes:
    """The picture as PNG.

    Parameters
    ----------
    film: `(rows, cols)` in [0, 1], shown in grey.
    lesion_map: the same shape, in [0, 1]; coloured where it is at least `threshold`.
    outlines: (points `(n, 2)` row, col of a closed line; malignant; approximate); what leaves the film is cut off.
    title: one line above the film.
    scale_mm_per_px: pixel pitch of `film` for the scale bar; None where it is unknown.
    marks: (row, col, score), drawn as a cross with its score.
    notes: lines below the film, with a legend of the colours; without notes there is neither.

    Raises
    ------
    ValueError
        If shapes differ, or film, map or threshold leave [0, 1].
    """
    panel = painted(film, lesion_map, outlines, threshold=threshold, marks=marks)
    rows, cols = film.shape
    left = Image.fromarray(_grey(film))
    if scale_mm_per_px is not None:
        draw_scale_bar(left, scale_mm_per_px)
    below = notes_below(2 * cols + GAP_PX, notes) if notes else None
    picture = Image.new("RGB", (2 * cols + GAP_PX, HEADER_PX + rows + (below.height if below else 0)), BACKGROUND)
    ImageDraw.Draw(picture).text((4, HEADER_PX / 2), title, WHITE, font(13), anchor="lm")
    picture.paste(left, (0, HEADER_PX))
    picture.paste(panel, (cols + GAP_PX, HEADER_PX))
    if below:
        picture.paste(below, (0, HEADER_PX + rows))
    return as_png(picture)


def painted(
    film: NDArray[np.float32],
    lesion_map: NDArray[np.float32],
    outlines: Sequence[tuple[NDArray[np.floating], bool, bool]] = (),
    *,
    threshold: float,
    marks: Sequence[tuple[float, float, float]] = (),
) -> Image.Image:
    """The film in grey with map, outlines and marks over it, of the film's own size; arguments as `overlay`.

    Raises
    ------
    ValueError
        As `overlay`.
    """
    if film.ndim != 2 or film.shape != lesion_map.shape:
        raise ValueError(f"film {film.shape}, map {lesion_map.shape}: wanted one shape (rows, cols)")
    for name, values in (("film", film), ("map", lesion_map), ("threshold", np.float64(threshold))):
        if values.size and not (values.min() >= 0 and values.max() <= 1):
            raise ValueError(f"{name}: {values.min():g} to {values.max():g}, wanted 0 to 1")
    drawn = _grey(film)
    shown = lesion_map >= threshold
    colour = COLOURS[np.round(lesion_map[shown] * 255).astype(np.intp)]
    drawn[shown] = np.round((1 - OPACITY) * drawn[shown] + OPACITY * colour).astype(np.uint8)
    for points, malignant, approximate in outlines:
        _draw_outline(drawn, points, MALIGNANT if malignant else BENIGN, dashed=approximate)
    panel = Image.fromarray(drawn)
    _draw_marks(ImageDraw.Draw(panel), marks)
    return panel


def notes_below(width: int, notes: Sequence[str]) -> Image.Image:
    """A strip with the legend of the colours and lines of text, broken to the width."""
    lines = [line for note in notes for line in _broken(note, width - 8)]
    strip = Image.new("RGB", (width, 24 + 16 * len(lines)), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    bar = min(160, width - 120)
    strip.paste(Image.fromarray(COLOURS[None]).resize((bar, 10)), (16, 7))
    draw.text((4, 12), "0", WHITE, font(11), anchor="lm")
    draw.text((bar + 20, 12), "1  lesion map", WHITE, font(11), anchor="lm")
    for number, line in enumerate(lines):
        draw.text((4, 30 + 16 * number), line, WHITE, font(11), anchor="lm")
    return strip


def as_png(picture: Image.Image) -> bytes:
    """The file's bytes, with the mark of mammomap in it."""
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, pnginfo=our_mark())
    return file.getvalue()


def _broken(text: str, width: int) -> list[str]:
    """Lines that fit."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font(11).getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _grey(film: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.repeat(np.round(film * 255).astype(np.uint8)[:, :, None], 3, axis=2)


def _draw_outline(image: NDArray[np.uint8], points: NDArray, colour: tuple[int, int, int], *, dashed: bool) -> None:
    """Draw a closed line, in place."""
    if not len(points):
        return
    if not dashed:
        cv2.polylines(image, [np.round(points[:, ::-1]).astype(np.int32)], True, colour)
        return
    closed = np.concatenate([points, points[:1]]).astype(np.float64)
    walked = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    steps = np.arange(0, walked[-1], 0.5)
    steps = steps[(steps // _DASH_PX) % 2 == 0]
    row, col = (np.round(np.interp(steps, walked, closed[:, axis])).astype(np.intp) for axis in (0, 1))
    inside = (row >= 0) & (row < image.shape[0]) & (col >= 0) & (col < image.shape[1])
    image[row[inside], col[inside]] = colour


def _draw_marks(draw: ImageDraw.ImageDraw, marks: Sequence[tuple[float, float, float]]) -> None:
    """A cross at each mark, its score beside it, on whichever side has room."""
    width, _ = draw.im.size
    for row, col, score in marks:
        row, col = round(row), round(col)
        for shade, thickness in (((0, 0, 0), 3), (WHITE, 1)):
            draw.line([(col - 4, row), (col + 4, row)], shade, thickness)
            draw.line([(col, row - 4), (col, row + 4)], shade, thickness)
        right = col < width - 34
        place = (col + 7 if right else col - 7, row)
        draw.text(
            place,
            f"{score:.2f}",
            WHITE,
            font(11),
            anchor="lm" if right else "rm",
            stroke_width=1,
            stroke_fill=(0, 0, 0),
        )


def draw_scale_bar(picture: Image.Image, scale_mm_per_px: float) -> None:
    """The longest round length that takes at most a third of the width, at the bottom right; none if none does."""
    draw, (width, height) = ImageDraw.Draw(picture), picture.size
    fitting = [length for length in _BAR_LENGTHS_MM if length / scale_mm_per_px <= width / 3]
    if not fitting:
        return
    length_px = round(fitting[-1] / scale_mm_per_px)
    right, bottom = width - 8, height - 8
    draw.rectangle([(right - length_px, bottom - 2), (right - 1, bottom)], WHITE, (0, 0, 0))
    draw.text(
        (right - length_px / 2, bottom - 6),
        f"{fitting[-1]} mm",
        WHITE,
        font(11),
        anchor="ms",
        stroke_width=1,
        stroke_fill=(0, 0, 0),
    )


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font: the same on every machine."""
    return ImageFont.load_default(size)
