"""What the maps of a film amount to, in words: the same in tables, pictures, pages and DICOM reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mammomap.masks.mapfile import CANDIDATE_POINT, DEFAULT_THRESHOLD
from mammomap.masks.tables import KINDS


def finding_threshold(points: Mapping[str, float], of_maps: float = DEFAULT_THRESHOLD) -> tuple[float, str]:
    """From which score on a candidate is a finding, and who said so.

    points: the operating points of a head, by name, where there is one. of_maps: what the maps themselves go by.
    """
    if CANDIDATE_POINT in points:
        return float(points[CANDIDATE_POINT]), f"operating point: {CANDIDATE_POINT}"
    if of_maps != DEFAULT_THRESHOLD:
        return float(of_maps), "the model's own, for the findings of these maps"
    return DEFAULT_THRESHOLD, "no operating point yet"


def findings(candidates: Iterable[dict], kinds: Sequence[str], threshold: float) -> str:
    """E.g. 'no mass candidate above 0.25; calcifications not searched'.

    candidates: rows of both layers, of which those of lesions count. kinds: what the model was trained to find.
    """
    count = sum(row["map"] == "lesion" and row["score"] >= threshold for row in candidates)
    what = " or ".join(kinds) or "bright spot"
    found = f"{count or 'no'} {what} candidate{'s' if count > 1 else ''} above {threshold:.2g}"
    missing = [f"{kind}{'es' if kind == 'mass' else 's'} not searched" for kind in KINDS if kinds and kind not in kinds]
    return "; ".join([found, *missing])


def outside(trained_for: dict, imaging: str, spacing_mm: float | None, film_rows: int, working_rows: int) -> str:
    """How a film differs from those that a model was trained for; empty where it does not, as far as is known.

    trained_for: `imaging` and `detail_mm` of the model. imaging, spacing_mm, film_rows: the film's, as far as known.
    working_rows: height to which the model brings a film.
    """
    told = []
    seen = trained_for.get("imaging", "unknown")
    if seen != "unknown" and imaging and imaging not in seen.split(" and "):
        names = {"film": "digitised films", "digital": "digital mammograms"}
        told.append(
            f"{'a digital mammogram' if imaging == 'digital' else 'a digitised film'}, trained on {names[seen]}"
        )
    if film_rows < working_rows:
        told.append(f"{film_rows} rows, fewer than the model's {working_rows}")
    detail = trained_for.get("detail_mm")
    if detail and spacing_mm and spacing_mm > 1.5 * detail:
        told.append(f"pixels of {spacing_mm:.2g} mm, trained on {detail:.2g} mm")
    return "; ".join(told)
