"""About 500 films of 120 x 90 pixels in the layout of CBIS-DDSM, with known troubles in them, and near misses.

Written without the package: DICOM by hand (Implicit VR Little Endian), UID folders, the four lists. Every trouble sits
on films of its own; `plant` returns the truth as sets of keys (kind, what): film, (film, lesion), file or woman.
"""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROWS, COLS = 120, 90
FILMS = 500
_LISTS = {
    (kind, part): f"{kind}_case_description_{name}_set.csv"
    for kind in ("Mass", "Calc")
    for part, name in (("Training", "train"), ("Test", "test"))
}


@dataclass
class Lesion:
    """A row of a list and the two files of its lesion, before they are written."""

    in_list: tuple[str, str]
    image: str
    number: int
    mask: np.ndarray
    crop: np.ndarray
    pathology: str = "BENIGN"
    two_series: bool = False
    swapped: bool = False
    times: int = 1
    left_out: str = ""


@dataclass
class Film:
    """A film in one list."""

    in_list: tuple[str, str]
    image: str
    pixels: np.ndarray
    lesions: list[Lesion] = field(default_factory=list)
    left_out: bool = False


class Planter:
    """Draws films and keeps the truth."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.chance = root, np.random.default_rng(seed)
        self.films: list[Film] = []
        self.truth: dict[str, set] = {}
        self.near: dict[str, set[str]] = {}
        self.women = 0
        self.uids = 0

    def uid(self) -> str:
        self.uids += 1
        return f"1.3.6.1.4.1.9590.100.1.2.{10**20 + self.uids}"

    def woman(self) -> str:
        self.women += 1
        return f"P_{self.women:05d}"

    def tell(self, kind: str, key: object) -> None:
        self.truth.setdefault(kind, set()).add(key)

    def breast(self) -> np.ndarray:
        """A half ellipse at the left edge, noise all over, so that no two films agree."""
        row, col = np.mgrid[:ROWS, :COLS]
        inside = ((row - 60) / 52) ** 2 + (col / 62) ** 2 < 1
        grey = np.where(inside, 30000 - 150 * col, 300) + self.chance.integers(0, 250, (ROWS, COLS))
        return grey.astype(np.uint16)

    def spot(self, size: tuple[int, int] = (ROWS, COLS), at: tuple[float, float] | None = None) -> np.ndarray:
        """A mask with one disc; `at` in shares of the film."""
        down, across = at or (self.chance.uniform(0.35, 0.65), self.chance.uniform(0.1, 0.4))
        row, col = np.mgrid[: size[0], : size[1]]
        disc = ((row / size[0] - down) / 0.06) ** 2 + ((col / size[1] - across) / 0.08) ** 2 < 1
        return (disc * 255).astype(np.uint8)

    def film(self, woman: str = "", side: str = "LEFT", view: str = "CC", where=("Mass", "Training"), **lesion) -> Film:
        """A film with one lesion, sound unless told otherwise."""
        image = f"{woman or self.woman()}_{side}_{view}"
        made = Film(where, image, self.breast())
        self.lesion(made, **lesion)
        self.films.append(made)
        return made

    def lesion(self, film: Film, number: int = 1, mask: np.ndarray | None = None, **more) -> Lesion:
        crop = self.chance.integers(20000, 65535, (20, 16)).astype(np.uint16)
        drawn = self.spot() if mask is None else mask
        made = Lesion(film.in_list, film.image, number, drawn, more.pop("crop", crop), **more)
        film.lesions.append(made)
        return made


def plant(root: Path, seed: int = 1) -> tuple[dict[str, set], dict[str, set[str]]]:
    """Write the tree. Returns kind -> keys of what is wrong, and near miss -> films on which nothing may be found."""
    p = Planter(root, seed)
    _files(p)
    _masks(p)
    _films(p)
    _lists(p)
    _near_misses(p)
    while len(p.films) < FILMS:
        woman, kind, part = p.woman(), "Mass" if p.women % 2 else "Calc", "Test" if p.women % 5 == 0 else "Training"
        p.film(woman, "RIGHT", "CC", (kind, part), two_series=p.women % 7 == 0)
        p.film(woman, "RIGHT", "MLO", (kind, part), pathology="MALIGNANT" if p.women % 3 else "BENIGN_WITHOUT_CALLBACK")
    _write(p)
    return p.truth, p.near


def _files(p: Planter) -> None:
    for number in range(4):
        film = p.film()
        film.left_out = True
        p.tell("missing_film", film.image)
        for what in ("mask", "crop"):
            film = p.film(two_series=number == 1, left_out=what)
            p.tell(f"missing_{what}", (film.image, 1))
        film = p.film(swapped=True, two_series=number % 2 == 0, where=("Calc", "Training"))
        p.tell("swapped_columns", (film.image, 1))


def _masks(p: Planter) -> None:
    for number in range(4):
        for kind, mask in {
            "small_mask": p.spot((104, 78)),
            "odd_mask": p.spot((ROWS - 8 * (number + 1), COLS)),
            "empty_mask": np.zeros((ROWS, COLS), np.uint8),
            "full_mask": np.full((ROWS, COLS), 255, np.uint8),
            "outside_breast": p.spot(at=(0.5, (0.85, 0.74)[number // 2])) if number % 2 else p.spot(at=(0.06, 0.5)),
        }.items():
            p.tell(kind, (p.film(mask=mask).image, 1))
        mask = p.spot()
        mask[5 : 6 + number, 80] = (128, 1, 254, 60)[number]
        p.tell("third_value", (p.film(mask=mask).image, 1))


def _films(p: Planter) -> None:
    for side, view in (("LEFT", "CC"), ("LEFT", "CC"), ("RIGHT", "CC"), ("LEFT", "MLO")):
        one = p.film()
        same_woman = one.image[:7] if (side, view) != ("LEFT", "CC") else ""
        other = p.film(same_woman, side, view)
        other.pixels = one.pixels.copy()
        p.tell("equal_films", frozenset((one.image, other.image)))
    for number in range(3):
        film = p.film()
        film.pixels[:] = 1000 * number
        p.tell("no_breast", film.image)
        film.pixels[0, 0] += number  # else three films of one grey would be told apart by that grey alone
    for differ in (0, 0, 1, 1, 30, -1):
        one = p.film()
        other = p.film(one.image[:7], where=("Calc", "Training"), number=2)
        other.pixels = one.pixels.copy()
        if differ < 0:
            other.pixels = other.pixels[:, :-1].copy()
            other.lesions[0].mask = p.spot(other.pixels.shape)
        elif differ:
            other.pixels.ravel()[3000 : 3000 + differ] += 1
        p.tell("two_uids", (one.image, differ))


def _lists(p: Planter) -> None:
    for number in range(3):
        one = p.film(pathology="BENIGN" if number else "MALIGNANT")
        label = "MALIGNANT" if number else "BENIGN_WITHOUT_CALLBACK"
        other = p.film(one.image[:7], where=("Calc", "Training"), number=2, pathology=label)
        other.pixels = one.pixels.copy()
        p.tell("labels_differ", one.image)
        p.tell("two_uids", (one.image, 0))
        film = p.film(times=2)
        p.tell("listed_twice", (film.image, 1))
    for number in range(4):
        woman = p.woman()
        p.film(woman)
        p.film(woman, view="MLO", where=("Calc" if number % 2 else "Mass", "Test"))
        p.tell("both_parts", woman)


def _near_misses(p: Planter) -> None:
    def near(name: str, film: Film) -> Film:
        p.near.setdefault(name, set()).add(film.image)
        return film

    for _ in range(3):
        big = p.chance.integers(0, 65535, (110, 80)).astype(np.uint16)
        near("crop of most of the film", p.film(crop=big))
        near("crop as large as the film", p.film(crop=p.breast()))
        near("crop of two values", p.film(crop=(p.spot((20, 16)) > 0).astype(np.uint16) * 65535))
        near("mask of 0 and 1", p.film(mask=p.spot() // 255))
        near("mask of most of the film", film := p.film())
        film.lesions[0].mask = np.full((ROWS, COLS), 255, np.uint8)
        film.lesions[0].mask[60:, 40:] = 0
        bordered = near("bright border", p.film())
        bordered.pixels[:2] = bordered.pixels[-2:] = 65535
        bordered.pixels[:, -2:] = 65535
        film = near("two lesions in one place", p.film())
        p.lesion(film, 2, film.lesions[0].mask.copy())
        one = near("equal histograms", p.film())
        other = near("equal histograms", p.film())
        other.pixels = one.pixels[::-1].copy()
        film = near("malignant and benign in one list", p.film())
        p.lesion(film, 2, pathology="MALIGNANT")
        near("lesion over the skin line", p.film(mask=p.spot(at=(0.5, 0.64))))
        near("ids with a gap", p.film(number=3))


def _write(p: Planter) -> None:
    rows: dict[tuple[str, str], list[dict]] = {key: [] for key in _LISTS}
    broken = {"film": [], "mask": [], "crop": []}
    used: set[str] = {what for keys in p.truth.values() for key in keys for what in _names(key)}
    sound = [f for f in p.films if f.image not in used and not any(f.image in its for its in p.near.values())]
    for number, film in enumerate(sound[:9]):
        broken[("film", "mask", "crop")[number % 3]].append(film.image)
    for film in p.films:
        name = f"{'-'.join(film.in_list)}_{film.image}"
        study, series = p.uid(), p.uid()
        image_path = f"{name}/{study}/{series}/000000.dcm"
        if not film.left_out:
            _put(p, image_path, film.pixels, name, study, series, "film" if film.image in broken["film"] else "")
        for lesion in film.lesions:
            paths = _lesion(p, lesion, f"{name}_{lesion.number}", broken)
            rows[film.in_list] += [_row(lesion, image_path, *paths)] * lesion.times
    for number, key in enumerate(("a", "b", "c")):
        for path in (f"extra_{key}/{p.uid()}/{p.uid()}/000000.dcm", f"copies/{number}.dcm"):
            study, series = path.split("/")[1], p.uid()
            _put(p, path, p.breast(), f"Mass-Training_{key}", study, series)
            p.tell("extra_file", path)
    for (kind, part), name in _LISTS.items():
        with (p.root / name).open("w", newline="") as text:
            table = csv.DictWriter(text, list(_row(p.films[0].lesions[0], "", "", "", kind)))
            table.writeheader()
            table.writerows({**row, **_looks(kind)} for row in rows[kind, part])


def _names(key: object) -> list[str]:
    return [str(one) for one in (key if isinstance(key, tuple | frozenset) else (key,))]


def _lesion(p: Planter, lesion: Lesion, name: str, broken: dict[str, list[str]]) -> tuple[str, str]:
    """Write mask and crop; returns what the list says of them: (mask column, crop column)."""
    study, series = p.uid(), p.uid()
    other = p.uid() if lesion.two_series else series
    mask = f"{name}/{study}/{series}/000001.dcm"
    crop = f"{name}/{study}/{other}/00000{1 if lesion.two_series else 0}.dcm"
    for what, path, pixels, uid in (("mask", mask, lesion.mask, series), ("crop", crop, lesion.crop, other)):
        if lesion.left_out != what:
            _put(p, path, pixels, name, study, uid, what if lesion.image in broken[what] else "")
    return (crop, mask) if lesion.swapped else (mask, crop)


def _row(lesion: Lesion, image: str, mask: str, crop: str, kind: str = "") -> dict[str, str]:
    patient, side, view = lesion.image.rsplit("_", 2)
    return {
        "patient_id": patient,
        "breast_density": "2",
        "left or right breast": side,
        "image view": view,
        "abnormality id": str(lesion.number),
        "abnormality type": "mass",
        **_looks(kind or lesion.in_list[0]),
        "assessment": "4",
        "pathology": lesion.pathology,
        "subtlety": "3",
        "image file path": image,
        "cropped image file path": crop,
        "ROI mask file path": mask + "\n",
    }


def _looks(kind: str) -> dict[str, str]:
    if kind == "Mass":
        return {"mass shape": "OVAL", "mass margins": "CIRCUMSCRIBED"}
    return {"calc type": "PLEOMORPHIC", "calc distribution": "CLUSTERED"}


def _put(p: Planter, path: str, pixels: np.ndarray, name: str, study: str, series: str, broken: str = "") -> None:
    """One file; a broken film is cut short, a broken mask is no DICOM at all, a broken crop is empty."""
    whole = _dicom(pixels, name, study, series, p.uid())
    if broken:
        p.tell("unreadable_file", path)
        whole = {"film": whole[: len(whole) // 2], "mask": b"no picture" * 50, "crop": b""}[broken]
    (p.root / path).parent.mkdir(parents=True, exist_ok=True)
    (p.root / path).write_bytes(whole)


def _dicom(pixels: np.ndarray, name: str, study: str, series: str, instance: str) -> bytes:
    def element(group: int, number: int, value: bytes) -> bytes:
        return struct.pack("<HHI", group, number, len(value) + len(value) % 2) + value + b"\0" * (len(value) % 2)

    def meta(number: int, value: str) -> bytes:
        raw = value.encode() + b"\0" * (len(value) % 2)
        return struct.pack("<HH2sH", 2, number, b"UI", len(raw)) + raw

    storage = "1.2.840.10008.5.1.4.1.1.7"
    head = meta(2, storage) + meta(3, instance) + meta(0x10, "1.2.840.10008.1.2")
    bits = 8 * pixels.dtype.itemsize
    shorts = ((2, 1), (0x10, pixels.shape[0]), (0x11, pixels.shape[1]), (0x100, bits), (0x101, bits), (0x102, bits - 1))
    words = [element(0x28, number, struct.pack("<H", value)) for number, value in (*shorts, (0x103, 0))]
    words.insert(1, element(0x28, 4, b"MONOCHROME2 "))
    texts = ((8, 0x16, storage), (8, 0x18, instance), (8, 0x60, "MG"), (0x10, 0x20, name), (0x20, 0xD, study))
    body = [element(*place, value.encode()) for *place, value in (*texts, (0x20, 0xE, series))]
    start = b"\0" * 128 + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(head)) + head
    return start + b"".join(body + words) + element(0x7FE0, 0x10, pixels.tobytes())
