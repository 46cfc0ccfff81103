"""A folder of maps as one page to read: OUT/report.html, its examinations' sheets with what was found and scored.

In: a folder of maps that has pictures, and what `mammomap classify` wrote of it, if it did. Out: HTML that shows the
pictures of the folder and works offline; no script, and nothing but those pictures is loaded. Examinations come by
their highest malignancy. It prints no accuracy, since nothing in the folder says what the women have.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mammomap.masks.files import write_atomically
from mammomap.masks.mapfile import MapFolder
from mammomap.report.film_pictures import about_model, title_of
from mammomap.report.page import rendered

MOST = 100
"""Examinations, or single films, on the page."""


def write_maps_page(folder: MapFolder, title: str = "") -> bool:
    """Write the page, whole or not at all; returns whether it is another than before."""
    path, html = folder.folder / "report.html", maps_page(folder, title)
    if path.is_file() and path.read_text(encoding="utf-8") == html:
        return False
    write_atomically(path, lambda half: half.write_text(html, encoding="utf-8"))
    return True


def maps_page(folder: MapFolder, title: str = "") -> str:
    """The page as text."""
    films = folder.films[folder.films["status"] == "done"]
    scores, said = _scores(folder.folder)
    if scores is not None:
        films = films.merge(scores[["image_id", "because"]], "left", "image_id")
    own = np.where(films["exam"] != "", films["exam"], films["woman"])
    films = films.assign(group=np.where(own != "", own, films["image_id"]))
    order = films.groupby("group")["map_max"].max().sort_values(ascending=False, kind="stable")
    aside = folder.films[folder.films["status"] != "done"]
    return rendered(
        "maps.html",
        title=title or f"Heatmaps of {len(films)} films",
        films=len(films),
        model=about_model(folder.about),
        groups=[_group(folder.folder, films[films["group"] == name], str(name)) for name in order.index[:MOST]],
        more=max(0, len(order) - MOST),
        aside=aside["reason"].value_counts().to_dict(),
        threshold=folder.about["threshold"],
        scored=said,
    )


def _scores(folder: Path) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """The table of images that `classify` wrote, and what it says of itself."""
    table, about = folder / "scores.csv", folder / "scores.json"
    if not table.is_file() or not about.is_file():
        return None, {}
    told = json.loads(about.read_text())
    points = {name: value for name, value in told["operating_points"].items() if not name.startswith("candidate")}
    said = {"column": told["column"], "from": told["thresholds_from"], "points": points}
    return pd.read_csv(table, dtype={"image_id": str}), said


def _group(folder: Path, films: pd.DataFrame, name: str) -> dict[str, Any]:
    sheet = f"sheets/{name}.png"
    pictures = [sheet] if (folder / sheet).is_file() else []
    pictures = pictures or [f"pictures/{image_id}.png" for image_id in films["image_id"]]
    return {
        "name": name,
        "pictures": [picture for picture in pictures if (folder / picture).is_file()],
        "films": [_film(film) for film in films.to_dict("records")],
    }


def _film(film: dict[str, Any]) -> dict[str, Any]:
    score = next((film[name] for name in ("probability", "score") if name in film), None)
    calls = [
        name.removeprefix("call at ")
        for name in film
        if name.startswith("call at ") and film[name] is not pd.NA and film[name] == 1
    ]
    asked = any(name.startswith("call at ") for name in film)
    return {
        "title": title_of(pd.Series(film)),
        "findings": film["findings"],
        "malignancy": f"{film['map_max']:.2f}",
        "score": "" if score is None or pd.isna(score) else f"{score:.2f}",
        "calls": ", ".join(calls) or ("none" if asked else ""),
        "because": film["because"] if isinstance(film.get("because"), str) else "",
        "outside": film["outside"],
        "seen": film["seen"],
    }
