"""One woman's films in memory: breast, lesions and film put together.

In: a random generator and a `PhantomConfig`. Out: `PhantomFilm`s. The breast is drawn on its own grid and the lesions
at the film's pixels, both in millimetres, from separate streams of random numbers: at another number of rows the same
seed gives the same women, seen by a coarser or finer scanner.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.phantom.breast import GRID_MM, Anatomy, draw_breast
from mammomap.phantom.config import LesionPlan, PhantomConfig, PhantomFilm, PhantomLesion
from mammomap.phantom.frame import digitise
from mammomap.phantom.lesions import HULL_MM, add_speck, draw_calcifications, draw_mass
from mammomap.phantom.plan import BreastPlan, plan_woman
from mammomap.phantom.traps import trapped_plan

_STRIDE = 5
"""Lesions are placed on every fifth point of the breast's grid, 2 mm."""


def woman_rng(seed: int, woman: int) -> np.random.Generator:
    """The generator of woman number `woman`, counted from 1; independent of all other women."""
    return np.random.default_rng(np.random.SeedSequence([seed, woman]))


def patient_name(woman: int) -> str:
    """`P_00001` for woman 1."""
    return f"P_{woman:05d}"


def draw_woman(rng: np.random.Generator, config: PhantomConfig, patient_id: str) -> list[PhantomFilm]:
    """All films of one woman, LEFT before RIGHT and CC before MLO."""
    films = []
    for breast in trapped_plan(plan_woman(rng, config), config, patient_id):
        looks = int(rng.integers(2**32))
        for view in breast.views:
            films.append(_draw_film(rng, config, patient_id, breast, view, looks))
    return films


def _draw_film(
    rng: np.random.Generator, config: PhantomConfig, patient_id: str, breast: BreastPlan, view: str, looks: int
) -> PhantomFilm:
    pixel_mm = config.pixel_mm
    width_mm = 2 * GRID_MM * int(rng.integers(150, 189))
    anatomy = draw_breast(rng, view, breast.density, width_mm)
    size = (config.rows, round(width_mm / pixel_mm))
    attenuation = _to_film(anatomy.attenuation, size)
    thickness = _to_film(anatomy.thickness, size)
    _scatter_single_specks(rng, attenuation, anatomy, pixel_mm)
    lesions: list[PhantomLesion] = []
    places: list[tuple[float, float, float]] = []
    added = np.zeros(size, np.float32)
    for number, plan in enumerate(breast.lesions, start=1):
        centre = _find_place(rng, anatomy, plan, places)
        places.append((*centre, plan.size_mm / 2))
        draw = draw_mass if plan.kind == "mass" else draw_calcifications
        mask = draw(added, plan, centre, pixel_mm, np.random.default_rng([looks, number, view == "MLO"]))
        lesions.append(PhantomLesion(number, plan, mask))
    attenuation += added * np.clip(thickness * 1.2, 0, 1)
    usual = breast.side == "LEFT"
    chest_wall_left = usual if rng.random() >= 0.25 else not usual
    scanner = np.random.default_rng(int(rng.integers(2**63)))  # draws as much as the film has pixels
    label = f"{breast.side[0]}{view}"
    image = digitise(scanner, attenuation, thickness > 0.01, pixel_mm, label, mirrored=not chest_wall_left)
    if not chest_wall_left:
        lesions = [PhantomLesion(x.abnormality_id, x.plan, np.ascontiguousarray(x.mask[:, ::-1])) for x in lesions]
    return PhantomFilm(
        patient_id=patient_id,
        side=breast.side,
        view=view,
        density=breast.density,
        image=image,
        chest_wall_left=chest_wall_left,
        pixel_mm=pixel_mm,
        lesions=tuple(lesions),
    )


def _to_film(field: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    """A field of the breast's grid on the film's pixels; both cover the same millimetres."""
    shrinks = size[0] < field.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(field, size[::-1], interpolation=way), np.float32)


def _find_place(
    rng: np.random.Generator, anatomy: Anatomy, plan: LesionPlan, taken: list[tuple[float, float, float]]
) -> tuple[float, float]:
    """Centre of a lesion in mm: whole in the breast, clear of others, off the muscle, about `nipple_mm` deep.

    Where the breast has no such place, the one farthest from skin, film edge and other lesions is taken.
    """
    rows, cols = anatomy.gland[::_STRIDE, ::_STRIDE].shape
    y = ((np.arange(rows) * _STRIDE + 0.5) * GRID_MM)[:, None]
    x = ((np.arange(cols) * _STRIDE + 0.5) * GRID_MM)[None, :]
    room = np.minimum(anatomy.skin_mm[::_STRIDE, ::_STRIDE], np.minimum(x, np.minimum(y, y[::-1])))
    for row, col, radius in taken:
        room = np.minimum(room, np.hypot(y - row, x - col) - radius)
    free = room > plan.size_mm / 2 + HULL_MM + 3
    depth = np.hypot(y - anatomy.nipple[0], x - anatomy.nipple[1])
    weight = free * (0.15 + anatomy.gland[::_STRIDE, ::_STRIDE]) * (anatomy.muscle[::_STRIDE, ::_STRIDE] < 0.2)
    weight = weight * (0.001 + np.exp(-(((depth - plan.nipple_mm) / 8) ** 2) / 2))
    flat = weight.ravel().astype(np.float64)
    if flat.sum() > 0:
        index = int(np.searchsorted(np.cumsum(flat), rng.uniform(0, flat.sum()), side="right"))
        index = min(index, flat.size - 1)
    else:
        index = int(np.argmax(room))
    row, col = divmod(index, cols)
    return float(y[row, 0]), float(x[0, col])


def _scatter_single_specks(
    rng: np.random.Generator, attenuation: NDArray[np.float32], anatomy: Anatomy, pixel_mm: float
) -> None:
    """Single calcifications of no meaning, apart from each other, so that one bright speck makes no cluster."""
    weight = (anatomy.skin_mm > 4).ravel()
    inside = np.flatnonzero(weight)
    for index in rng.choice(inside, min(int(rng.poisson(3)), len(inside)), replace=False):
        row, col = divmod(int(index), anatomy.skin_mm.shape[1])
        place = np.array([(row + 0.5) * GRID_MM, (col + 0.5) * GRID_MM])
        size = rng.uniform(0.4, 1.2)
        add_speck(attenuation, place, size, size, 0.0, rng.uniform(0.2, 0.6), pixel_mm, hollow=bool(rng.random() < 0.3))
