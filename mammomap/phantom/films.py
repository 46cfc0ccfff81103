"""One woman's films in memory: breast, lesions and film put together.

In: a random generator and a `PhantomConfig`. Out: `PhantomFilm`s. The breast is drawn on its own grid and the lesions
at the film's pixels, both in millimetres, from separate streams of random numbers: at another number of rows the same
seed gives the same women, seen by a coarser or finer scanner.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mammomap.phantom.arrangement import Arrangement, arrange
from mammomap.phantom.breast import GRID_MM, Anatomy, draw_breast
from mammomap.phantom.calcifications import add_speck, draw_calcifications
from mammomap.phantom.config import LesionPlan, PhantomConfig, PhantomFilm, PhantomLesion
from mammomap.phantom.digital import expose, machine_of
from mammomap.phantom.frame import digitise
from mammomap.phantom.masses import draw_mass
from mammomap.phantom.places import place_lesions
from mammomap.phantom.plan import BreastPlan, plan_woman
from mammomap.phantom.traps import trapped_plan


def woman_rng(seed: int, woman: int) -> np.random.Generator:
    """The generator of woman number `woman`, counted from 1; independent of all other women."""
    return np.random.default_rng(np.random.SeedSequence([seed, woman]))


def patient_name(woman: int) -> str:
    """`P_00001` for woman 1."""
    return f"P_{woman:05d}"


def draw(rng: np.random.Generator, *, patient_id: str = "P_00001", **settings: Any) -> list[PhantomFilm]:
    """All films of one woman in memory: nothing is written, so a net can train on women without end.

    Parameters
    ----------
    rng
        Decides all of it: the same state gives the same films.
    settings
        As those of `PhantomConfig`, e.g. `rows=768`.

    Examples
    --------
    >>> films = draw(np.random.default_rng(1), rows=300)
    >>> films[0].image.shape[0], films[0].lesions[0].mask.shape[0]
    (300, 300)
    """
    config = PhantomConfig(**{"seed": int(rng.integers(2**31)), **settings})
    return draw_woman(rng, config, patient_id)


def draw_woman(rng: np.random.Generator, config: PhantomConfig, patient_id: str) -> list[PhantomFilm]:
    """All films of one woman, LEFT before RIGHT and CC before MLO."""
    films = []
    for plan in trapped_plan(plan_woman(rng, config), config, patient_id):
        breast = arrange(rng, plan.density)
        widths = {view: 2 * GRID_MM * int(rng.integers(150, 189)) for view in plan.views}
        anatomies = {view: draw_breast(rng, breast, view, widths[view]) for view in plan.views}
        lesions, places = place_lesions(rng, plan.lesions, breast, anatomies)
        for view, anatomy in anatomies.items():
            films.append(_draw_film(rng, config, patient_id, plan, view, breast, anatomy, lesions, places[view]))
    return films


def _draw_film(
    rng: np.random.Generator,
    config: PhantomConfig,
    patient_id: str,
    plan: BreastPlan,
    view: str,
    breast: Arrangement,
    anatomy: Anatomy,
    plans: list[LesionPlan],
    places: list[tuple[float, float]],
) -> PhantomFilm:
    pixel_mm = config.pixel_mm
    size = (config.rows, round(anatomy.attenuation.shape[1] * GRID_MM / pixel_mm))
    attenuation = _to_film(anatomy.attenuation, size)
    thickness = _to_film(anatomy.thickness, size)
    _scatter_single_specks(rng, attenuation, anatomy, pixel_mm)
    lesions: list[PhantomLesion] = []
    added = np.zeros(size, np.float32)
    for number, (lesion, centre) in enumerate(zip(plans, places, strict=True), start=1):
        if lesion.kind == "mass":
            looks = np.random.default_rng([breast.looks, 2, number, view == "MLO"])
            mask = draw_mass(added, lesion, centre, pixel_mm, looks)
        else:
            looks = np.random.default_rng([breast.looks, 2, number])
            mask = draw_calcifications(added, lesion, centre, pixel_mm, looks, view)
        lesions.append(PhantomLesion(number, lesion, mask))
    attenuation += added * np.clip(thickness * 1.2, 0, 1)
    usual = plan.side == "LEFT"
    chest_wall_left = usual if rng.random() >= 0.25 else not usual
    scanner = np.random.default_rng(int(rng.integers(2**63)))  # draws as much as the film has pixels
    label = f"{plan.side[0]}{view}"
    exposure = None
    if config.look == "digital":
        machine = machine_of(config.seed, patient_id)
        exposure = expose(scanner, machine, attenuation, thickness > 0.01, pixel_mm, mirrored=not chest_wall_left)
        image = exposure.shown()
    else:
        image = digitise(scanner, attenuation, thickness > 0.01, pixel_mm, label, mirrored=not chest_wall_left)
    if not chest_wall_left:
        lesions = [PhantomLesion(x.abnormality_id, x.plan, np.ascontiguousarray(x.mask[:, ::-1])) for x in lesions]
    return PhantomFilm(
        patient_id=patient_id,
        side=plan.side,
        view=view,
        density=plan.density,
        image=image,
        chest_wall_left=chest_wall_left,
        pixel_mm=pixel_mm,
        lesions=tuple(lesions),
        exposure=exposure,
    )


def _to_film(field: NDArray[np.floating], size: tuple[int, int]) -> NDArray[np.float32]:
    """A field of the breast's grid on the film's pixels; both cover the same millimetres."""
    shrinks = size[0] < field.shape[0]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(field, size[::-1], interpolation=way), np.float32)


def _scatter_single_specks(
    rng: np.random.Generator, attenuation: NDArray[np.float32], anatomy: Anatomy, pixel_mm: float
) -> None:
    """Single calcifications of no meaning, apart from each other, so that one bright speck makes no cluster."""
    weight = (anatomy.skin_mm > 4).ravel()
    inside = np.flatnonzero(weight)
    for index in rng.choice(inside, min(int(rng.poisson(2)), len(inside)), replace=False):
        row, col = divmod(int(index), anatomy.skin_mm.shape[1])
        place = np.array([(row + 0.5) * GRID_MM, (col + 0.5) * GRID_MM])
        size = rng.uniform(0.4, 1.2)
        contrast, hollow = rng.uniform(0.2, 0.45), bool(rng.random() < 0.3)
        add_speck(attenuation, place, size, size, 0.0, contrast, pixel_mm, hollow=hollow)
