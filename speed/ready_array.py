"""From a DICOM file to a ready array (decoded, breast cropped and masked, 1,152 rows): ours against the plain way.

    python speed/ready_array.py [ROUNDS]

Plain: `pydicom.dcmread(...).pixel_array`, then scikit-image at full size: `rescale_intensity`, `threshold_otsu`,
`label`, `regionprops`, mask, `resize` with antialiasing. Ours: `read_working_film` at 1,152 rows. A made-up film of
4700 x 3000, 16 bits (power-law breast on half of the frame, noisy surround, a bright label), in four transfer
syntaxes, warm cache.
Both ways take turns within a round; the ratio is the median over the rounds, with its lowest and highest. Also printed:
the intersection over union of the breast's mask with the one found at the film's full size.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pydicom
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from skimage.exposure import rescale_intensity
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops
from skimage.transform import resize

from mammomap.masks.breast import find_breast
from mammomap.masks.working import read_working_film

SHAPE, ROWS, PLAIN = (4700, 3000), 1152, (1152, 896)


def draw() -> np.ndarray:
    """A film, uint16."""
    rng = np.random.default_rng(0)
    rows, cols = np.ogrid[: SHAPE[0], : SHAPE[1]]
    inside = ((rows - 2350) / 2150) ** 2 + (cols / 2150) ** 2 < 1
    texture = np.zeros(SHAPE, np.float32)
    for step in (8, 16, 32, 64, 128, 256):
        coarse = rng.normal(0, 1, (SHAPE[0] // step + 2, SHAPE[1] // step + 2)).astype(np.float32)
        texture += step**0.7 * cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    film = np.where(inside, 26_000 + 5_000 * texture / texture.std(), 900) + rng.normal(0, 250, SHAPE)
    film[150:420, 2450:2850] = 60_000
    return film.clip(0, 65_535).astype(np.uint16)


def write(path: Path, film: np.ndarray, syntax: str) -> None:
    """The film as DICOM in a transfer syntax."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = uid.DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian if syntax == uid.RLELossless else uid.UID(syntax)
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = meta.MediaStorageSOPClassUID, "1.2.3", "MG"
    data.Rows, data.Columns = film.shape
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    if syntax == uid.JPEGLosslessSV1:
        data.PixelData = encapsulate([imagecodecs.ljpeg_encode(film)])
    elif syntax == uid.JPEGLSLossless:
        data.PixelData = encapsulate([imagecodecs.jpegls_encode(film)])
    else:
        data.PixelData = film.tobytes()
    data["PixelData"].VR = "OW"
    if syntax == uid.RLELossless:
        data.compress(uid.RLELossless)
    data.save_as(path, enforce_file_format=True)


def plain(path: Path) -> np.ndarray:
    """As one would write it with pydicom and scikit-image."""
    picture = rescale_intensity(pydicom.dcmread(path).pixel_array.astype(np.float64), out_range=(0.0, 1.0))
    regions = regionprops(label(picture > threshold_otsu(picture)))
    largest = max(regions, key=lambda region: region.area)
    row0, col0, row1, col1 = largest.bbox
    return resize(picture[row0:row1, col0:col1] * largest.image, PLAIN, anti_aliasing=True)


def ours(path: Path) -> np.ndarray:
    """The way that every verb takes."""
    return read_working_film(path, ROWS).pixels


def seconds(way: Callable[[Path], np.ndarray], path: Path) -> float:
    """Of one call."""
    began = time.perf_counter()
    way(path)
    return time.perf_counter() - began


def main(rounds: int) -> None:
    """Print the table."""
    film = draw()
    with tempfile.TemporaryDirectory() as name:
        print(f"{'transfer syntax':<16} {'plain, ms':>10} {'ours, ms':>9} {'times faster':>13}")
        for what, syntax in {
            "uncompressed": uid.ExplicitVRLittleEndian,
            "JPEG lossless": uid.JPEGLosslessSV1,
            "RLE": uid.RLELossless,
            "JPEG-LS": uid.JPEGLSLossless,
        }.items():
            path = Path(name) / f"{what}.dcm"
            write(path, film, syntax)
            seconds(plain, path), seconds(ours, path)
            slow, fast = [], []
            for number in range(rounds):
                for way in (plain, ours) if number % 2 else (ours, plain):
                    (slow if way is plain else fast).append(seconds(way, path))
            ratio = np.array(slow) / np.array(fast)
            spread = f"{np.median(ratio):.1f} ({ratio.min():.1f} to {ratio.max():.1f})"
            print(f"{what:<16} {1000 * np.median(slow):>10.0f} {1000 * np.median(fast):>9.1f} {spread:>20}")
    small, whole = find_breast(film).mask, find_breast(film, len(film)).mask > 0
    wide = cv2.resize(small.astype(np.float32), film.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5
    print(f"breast found at 512 rows and at {len(film)}: IoU {(wide & whole).sum() / (wide | whole).sum():.4f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
