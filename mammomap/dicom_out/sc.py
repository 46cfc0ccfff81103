"""SC: the overlay as a picture that every viewer shows, "research only, not for diagnosis" burnt in.

In: a film as shown and its result. Out: a Secondary Capture, 8-bit RGB, JPEG-LS lossless. Picture pixel (row, col) is
film pixel (row, col); the words stand on a strip below the film, so that they hide nothing. The lesion map lies over
the film in transparent colour from the operating point up, with a ring round every finding, outside its region.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, SecondaryCaptureImageStorage

from mammomap.dicom_out.findings import About, FilmResult, Finding
from mammomap.dicom_out.identity import WARNING, Source, code_item, reference_item
from mammomap.errors import ImageError
from mammomap.report.overlay import BACKGROUND, COLOURS, OPACITY, WHITE

STRIP = 0.06
"""Height of the strip below the film, as a share of the film's."""
RING = (255, 255, 255)


def secondary_capture(result: FilmResult, about: About, source: Source, film: NDArray[np.uint16], note: str) -> Dataset:
    """The object, not stamped yet. film: uint16 `(rows, cols)`, as shown.

    Raises
    ------
    ImageError
        If film and map are of different sizes.
    """
    if film.shape != result.size:
        raise ImageError(f"{source.path.name}: a film of {film.shape}, its map is for one of {result.size}")
    picture = draw(result, about, film)
    made = Dataset()
    made.SOPClassUID = SecondaryCaptureImageStorage
    made.Modality, made.ConversionType = "OT", "WSD"
    made.ImageType = ["DERIVED", "SECONDARY"]
    made.ContentDate = made.ContentTime = made.InstanceCreationDate = made.InstanceCreationTime = ""
    made.BurnedInAnnotation, made.LossyImageCompression = "YES", "00"
    made.PatientOrientation = source.reference.get("PatientOrientation", "")
    if result.side:
        made.ImageLaterality = result.side[0]
    made.DerivationDescription = f"Lesion map of mammomap {about.model} over the film. {WARNING}. {note}".strip()
    item = reference_item(source.reference)
    item.PurposeOfReferenceCodeSequence = [code_item("121322", "DCM", "Source image for image processing operation")]
    made.SourceImageSequence = [item]
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.Rows, made.Columns = picture.shape[:2]
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.compress(JPEGLSLossless, picture, encoding_plugin="pyjpegls", generate_instance_uid=False)
    return made


def draw(result: FilmResult, about: About, film: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The picture, `(rows + strip, cols, 3)`."""
    rows, cols = film.shape
    grey = np.repeat((film >> 8).astype(np.uint8)[..., None], 3, axis=2)
    lesion = result.map.on_film("lesion")
    shown = lesion >= about.threshold
    colour = COLOURS[np.round(lesion[shown] * 255).astype(np.intp)]
    grey[shown] = np.round((1 - OPACITY) * grey[shown] + OPACITY * colour).astype(np.uint8)
    thick = max(1, round(rows / 1000))
    for finding in result.findings:
        _ring(grey, finding.mask, finding.window, thick)
    strip = max(12, round(STRIP * rows))
    picture = Image.fromarray(np.concatenate([grey, np.full((strip, cols, 3), BACKGROUND, np.uint8)]))
    pen = ImageDraw.Draw(picture)
    small = _fitting(_lines(result, about), cols - 8, strip / 3.4)
    placed: list[tuple[float, float, float, float]] = []
    for finding in result.findings:
        _label(pen, finding, cols, thick, small, placed)
    for k, line in enumerate(_lines(result, about)):
        pen.text((4, rows + (k + 0.5) * strip / 3), line, WHITE, small, anchor="lm")
    return np.asarray(picture)


def _lines(result: FilmResult, about: About) -> list[str]:
    count = len(result.findings)
    found = f"{count or 'No'} candidate{'' if count == 1 else 's'} above {about.threshold:.2f}"
    what = f"Colour: lesion map of mammomap {about.model} from {about.threshold:.2f} up, scores, no probabilities."
    return [f"{WARNING.upper()}.", f"{result.side} {result.view}  {found}.".strip(), what]


def _ring(picture: NDArray[np.uint8], mask: NDArray[np.bool_], window: tuple, thick: int) -> None:
    """Draw round a region, outside it, in place."""
    pad = 2 * thick
    padded = np.pad(mask, pad).astype(np.uint8)
    near, far = (cv2.dilate(padded, np.ones((2 * k + 1,) * 2, np.uint8)) for k in (thick, 2 * thick))
    row0, col0 = window[0] - pad, window[1] - pad
    top, left = max(0, -row0), max(0, -col0)
    bottom = min(padded.shape[0], picture.shape[0] - row0)
    right = min(padded.shape[1], picture.shape[1] - col0)
    ring = (far > near)[top:bottom, left:right]
    picture[row0 + top : row0 + bottom, col0 + left : col0 + right][ring] = RING


def _label(pen: ImageDraw.ImageDraw, finding: Finding, cols: int, thick: int, font, placed: list) -> None:
    """Number and score beside the region, level with the peak, or lower where another label stands."""
    right = finding.window[3] < 0.85 * cols
    how = {"stroke_width": thick, "stroke_fill": (0, 0, 0), "anchor": "lm" if right else "rm"}
    col = finding.window[3] + 3 * thick + 2 if right else finding.window[1] - 3 * thick - 2
    row, text = max(finding.row, 0.75 * font.size), f"{finding.number}: {finding.score:.2f}"
    box = pen.textbbox((col, row), text, font, stroke_width=thick, anchor=how["anchor"])
    for left, top, end, bottom in sorted(placed, key=lambda other: other[1]):
        if box[0] < end and left < box[2] and box[1] < bottom and top < box[3]:
            row += bottom - box[1]
            box = (box[0], bottom, box[2], bottom + box[3] - box[1])
    placed.append(box)
    pen.text((col, row), text, WHITE, font, **how)


def _fitting(lines: list[str], width: float, height: float):
    """Pillow's own font, so large that every line fits."""
    size = max(6.0, height)
    while size > 6 and max(ImageFont.load_default(size).getlength(line) for line in lines) > width:
        size *= 0.9
    return ImageFont.load_default(size)
