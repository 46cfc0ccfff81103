"""The page of a folder of maps: what it shows of each film, in which order, and what it does not say."""

import json
from pathlib import Path

import pandas as pd
import pytest

from mammomap.masks.mapfile import MapFolder
from mammomap.report.maps_page import MOST, maps_page, write_maps_page

ABOUT = {"model": "net-1", "trained_for": {"kinds": ["mass"], "imaging": "film"}, "threshold": 0.3}


def row(image_id: str, woman: str, malignancy: float, **more: object) -> dict:
    """A line of films.csv."""
    told = {"exam": "", "side": "LEFT", "view": "CC", "flags": "", "findings": "1 mass candidate above 0.3"}
    told |= {"outside": "", "seen": "", "status": "done", "reason": ""}
    return {"image_id": image_id, "woman": woman, "map_max": malignancy} | told | more


@pytest.fixture
def folder(tmp_path: Path) -> MapFolder:
    """Two women, one of them twice, a film of nobody, and one set aside."""
    films = [
        row("a1", "a", 0.2, **{"score": 0.11, "call at youden": 0}),
        row("a2", "a", 0.4, **{"score": 0.22, "call at youden": 1, "outside": "digital <b>"}),
        row("b1", "b", 0.9, **{"score": 0.33, "call at youden": 1, "seen": "net"}),
        row("n1", "", 0.1, **{"score": 0.44, "call at youden": 0}),
        row("x1", "", 0.0, status="set aside", reason="no film & broken"),
    ]
    for name in ("sheets/a.png", "pictures/b1.png", "pictures/n1.png", "pictures/a1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"png")
    return MapFolder(tmp_path, ABOUT, pd.DataFrame(films).astype({"call at youden": "Int64"}), pd.DataFrame())


def scored(folder: MapFolder, column: str) -> MapFolder:
    """With what `classify` writes."""
    told = {"column": column, "thresholds_from": "women of the part head"}
    told["operating_points"] = {"youden": 0.25, "candidate 1 false positives per film": 0.7, "lesion pixel": 0.6}
    (folder.folder / "scores.json").write_text(json.dumps(told))
    because = pd.DataFrame({"image_id": ["a1", "b1"], "because": ["area +0.50", "peak -0.20"]})
    because.to_csv(folder.folder / "scores.csv", index=False)
    films = folder.films.rename(columns={"score": column})
    return MapFolder(folder.folder, folder.about, films, folder.candidates)


def test_women_stand_by_their_highest_malignancy_with_their_sheet_or_pictures(folder: MapFolder) -> None:
    html = maps_page(folder)
    order = [html.index(f"<h2>{name}</h2>") for name in ("b", "a", "n1")]
    assert order == sorted(order)
    shown = [name for name in ("pictures/b1.png", "sheets/a.png", "pictures/n1.png") if f'src="{name}"' in html]
    assert len(shown) == 3 and "pictures/a1.png" not in html
    assert "Heatmaps of 4 films" in html and "trained for mass on digitised films" in html
    assert "1: no film &amp; broken" in html and "digital &lt;b&gt;" in html and "<script" not in html
    assert html.count("The net has seen films of this woman") == 1
    assert "No accuracy stands here" in html and "Research, not diagnosis" in html


def test_probabilities_come_with_their_calls_and_scores_without(folder: MapFolder) -> None:
    html = maps_page(scored(folder, "probability"), "A <title>")
    assert "<h1>A &lt;title&gt;</h1>" in html and "chosen on women of the part head" in html
    assert "Called malignant from 0.25 (youden) on" in html and "0.70" not in html and "lesion pixel" not in html
    assert "area +0.50" in html and "peak -0.20" in html
    assert html.count('<td data-label="called malignant at">youden</td>') == 2
    assert html.count('<td data-label="called malignant at">none</td>') == 2
    for value in ("0.11", "0.22", "0.33", "0.44"):
        assert f'<td data-label="probability">{value}</td>' in html
    html = maps_page(scored(folder, "score"))
    assert "is no probability" in html and "called malignant" not in html.lower()


def test_it_is_written_once_and_a_large_folder_says_what_is_left(folder: MapFolder) -> None:
    assert write_maps_page(folder) and not write_maps_page(folder)
    assert write_maps_page(folder, "Another") and "Another" in (folder.folder / "report.html").read_text()
    many = pd.DataFrame([row(f"i{k}", f"w{k}", k / 1000) for k in range(MOST + 7)])
    html = maps_page(MapFolder(folder.folder, ABOUT, many, pd.DataFrame()))
    assert html.count("<h2>") == MOST and "and 7 more examinations in films.csv" in html and "<h2>w6</h2>" not in html
