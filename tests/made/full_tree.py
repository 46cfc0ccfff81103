"""All 10,239 files of CBIS-DDSM with their real names, UIDs and PatientIDs, and a few pixels each, in every layout.

Written without the package: DICOM by hand (Implicit VR Little Endian), from the four lists and the series table of
Imaging Data Commons. Masks and crops stand in either order; the masks of the 78 films with small masks are 0.87 of
their film, and two calcification masks differ by a factor that no rule explains, as in the real set.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import struct
import uuid
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

FILM, CROP, SMALL, ODD = (50, 40), (10, 8), (44, 35), (48, 40)
ODD_MASKS = ("Calc-Test_P_00353_LEFT_CC_2", "Calc-Test_P_00353_LEFT_MLO_2")
LISTS = [f"{kind}_case_description_{part}_set.csv" for kind in ("mass", "calc") for part in ("train", "test")]
LAYOUTS = ("nbia older", "nbia newer", "uid folders", "idc", "kaggle")


@dataclass(frozen=True)
class File:
    """One file of the set."""

    name: str
    """Series name as in the lists, e.g. Mass-Training_P_00001_LEFT_CC_1."""
    study: str
    series: str
    instance: str
    patient: str
    """PatientID in the header: the series name, or one of the 396 odd ones."""
    description: str
    number: int
    bits: int
    size: tuple[int, int]


def files(tables: Path) -> list[File]:
    """Every file of the set."""
    chance = random.Random(7)
    with gzip.open(tables / "cbis_ddsm_idc_series.csv.gz", "rt", newline="") as text:
        idc = {row["SeriesInstanceUID"]: row for row in csv.DictReader(text)}
    with (tables / "mask_smaller_than_image.csv").open(newline="") as text:
        small = {row["roi_series"] for row in csv.DictReader(text)}
    found: dict[tuple[str, int], File] = {}

    def add(path: str, number: int, bits: int, size: tuple[int, int], description: str) -> None:
        name, study, series = path.strip().split("/")[:3]
        instance = f"2.25.{uuid.UUID(int=chance.getrandbits(128)).int}"
        made = File(name, study, series, instance, idc[series]["PatientID"], description, number, bits, size)
        found.setdefault((series, number), made)

    for name in LISTS:
        with (tables / name).open(newline="") as text:
            for row in csv.DictReader(text):
                add(row["image file path"], 0, 16, FILM, idc[row["image file path"].split("/")[2]]["SeriesDescription"])
                paths = [row["ROI mask file path"].strip(), row["cropped image file path"].strip()]
                series = [path.split("/")[2] for path in paths]
                mask = ODD if paths[0].split("/")[0] in ODD_MASKS else SMALL if set(series) & small else FILM
                pictures = [(8, mask), (16, CROP)]
                if series[0] == series[1]:
                    said = (
                        [idc[series[0]]["SeriesDescription"]] * 2 if chance.random() < 0.5 else ["", "cropped images"]
                    )
                    for number, (bits, size) in enumerate(chance.sample(pictures, 2)):
                        add(paths[0], number, bits, size, said[number])
                else:  # two series of one file; there the description is right
                    for path, one in zip(paths, series, strict=True):
                        description = idc[one]["SeriesDescription"]
                        add(path, 0, *pictures[0 if "mask" in description else 1], description)
    return list(found.values())


def write_masters(folder: Path, listed: list[File]) -> list[Path]:
    """Each file once, as DICOM; the layouts link to them."""
    folder.mkdir(parents=True)
    pixels = {(bits, size): _pixels(bits, size).tobytes() for bits, size in {(f.bits, f.size) for f in listed}}
    paths = [folder / f"{number}" for number in range(len(listed))]
    for path, file in zip(paths, listed, strict=True):
        path.write_bytes(_dicom(file, pixels[file.bits, file.size]))
    return paths


def lay_out(root: Path, layout: str, listed: list[File], masters: list[Path], tables: Path) -> None:
    """The tree in one layout, with the four lists: under their own names, or, in one layout, under others."""
    root.mkdir()
    for number, name in enumerate(LISTS):
        called = f"csv/list {number}.csv" if layout == "idc" else name
        (root / called).parent.mkdir(exist_ok=True)
        (root / called).write_bytes((tables / name).read_bytes())
    if layout == "kaggle":
        return _kaggle(root, listed)
    made: set[Path] = set()
    for file, master in zip(listed, masters, strict=True):
        path = root / _place(layout, file)
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        os.link(master, path)


def _place(layout: str, file: File) -> str:
    study, series = file.study[-5:], file.series[-5:]
    if layout == "nbia older":
        date = f"07-{1 + int(study) % 28:02d}-2016-DDSM-{study}"
        return f"CBIS-DDSM/{file.name}/{date}/1-{file.description}-{series}/{file.number:06d}.dcm"
    if layout == "nbia newer":
        folder = f"1.000000-{file.description}-{series}"
        return f"manifest-1/CBIS-DDSM/{file.name}/08-29-2017-DDSM-NA-{study}/{folder}/1-{file.number + 1}.dcm"
    if layout == "uid folders":
        return f"{file.name}/{file.study}/{file.series}/{file.number:06d}.dcm"
    return f"cbis_ddsm/{file.patient}/{file.study}/MG_{file.series}/{uuid.uuid5(uuid.NAMESPACE_OID, file.instance)}.dcm"


def _kaggle(root: Path, listed: list[File]) -> None:
    """JPEG files in folders of their series, numbered without a meaning, and `dicom_info.csv`."""
    jpeg = {k: cv2.imencode(".jpg", _pixels(8, k[1], k[0]))[1].tobytes() for k in {(f.bits, f.size) for f in listed}}
    (root / "csv").mkdir()
    with (root / "csv" / "dicom_info.csv").open("w", newline="") as text:
        columns = ["file_path", "image_path", "BitsAllocated", "Columns", "PatientID", "Rows", "SeriesDescription"]
        table = csv.writer(text)
        table.writerow([*columns, "SeriesInstanceUID", "StudyInstanceUID"])
        for file in listed:
            place = f"jpeg/{file.series}/{file.number + 1}-{100 + int(file.instance[-2:])}.jpg"
            path = root / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg[file.bits, file.size])
            start = [f"CBIS-DDSM/dicom/{place[5:-4]}.dcm", f"CBIS-DDSM/{place}", file.bits, file.size[1], file.patient]
            table.writerow([*start, file.size[0], file.description, file.series, file.study])


def _pixels(bits: int, size: tuple[int, int], drawn_as: int | None = None) -> np.ndarray:
    """A mask (8 bits) with a lesion in it, or grey values; `drawn_as` 8 or 16 says which of them to draw in 8 bits."""
    rows, cols = np.mgrid[: size[0], : size[1]]
    if (drawn_as or bits) == 8:
        down, across = (rows + 0.5) / size[0], (cols + 0.5) / size[1]
        return (((down - 0.5) ** 2 + (across - 0.4) ** 2 < 0.03) * 255).astype(np.uint8)
    grey = (rows + cols) / (size[0] + size[1])
    return (grey * (255 if bits == 8 else 65535)).astype(np.uint8 if bits == 8 else "<u2")


def _dicom(file: File, pixels: bytes) -> bytes:
    def element(group: int, number: int, value: bytes) -> bytes:
        return struct.pack("<HHI", group, number, len(value)) + value

    def text(group: int, number: int, value: str, pad: bytes = b" ") -> bytes:
        raw = value.encode()
        return element(group, number, raw + pad * (len(raw) % 2))

    def short(group: int, number: int, value: int) -> bytes:
        return element(group, number, struct.pack("<H", value))

    def meta(number: int, value: str) -> bytes:
        raw = value.encode() + b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", 2, number, b"UI", len(raw)) + raw

    storage = "1.2.840.10008.5.1.4.1.1.7"
    head = meta(2, storage) + meta(3, file.instance) + meta(0x10, "1.2.840.10008.1.2")
    head = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(head)) + head
    body = [
        text(8, 0x16, storage, b"\0"),
        text(8, 0x18, file.instance, b"\0"),
        text(8, 0x60, "MG"),
        text(8, 0x103E, file.description),
        text(0x10, 0x20, file.patient),
        text(0x20, 0xD, file.study, b"\0"),
        text(0x20, 0xE, file.series, b"\0"),
        short(0x28, 2, 1),
        text(0x28, 4, "MONOCHROME2"),
        short(0x28, 0x10, file.size[0]),
        short(0x28, 0x11, file.size[1]),
        short(0x28, 0x100, file.bits),
        short(0x28, 0x101, file.bits),
        short(0x28, 0x102, file.bits - 1),
        short(0x28, 0x103, 0),
        element(0x7FE0, 0x10, pixels),
    ]
    return b"\0" * 128 + b"DICM" + head + b"".join(body)
