"""The model that comes with mammomap, and the verbs that take it when none is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from made.true_films import true_films

from mammomap import lesion_map
from mammomap.classify.features import head_inputs
from mammomap.classify.heads import read_head
from mammomap.cli import main
from mammomap.errors import ModelError
from mammomap.masks import shipped
from mammomap.masks.bundle import CARD, WOMEN, file_sum, read_bundle
from mammomap.masks.mapfile import CANDIDATE_POINT, read_map_folder, women_codes
from mammomap.masks.read import read_film
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.run import read_run

WOMEN_LEARNED_FROM, DRAWN_BEFORE = 691, 1120
"""On films, and on the phantoms that it started from."""
SAMPLED = ("P_00173", "P_00820")


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo makes."""
    out = tmp_path_factory.mktemp("demo")
    done = run("demo", "-o", out)
    assert done.exit_code == 0, done.output
    assert "model: film-masses" in done.stderr and "docs/weights.md" in done.stderr
    return out


def test_it_is_the_one_that_was_measured() -> None:
    assert file_sum(shipped.SHIPPED) == shipped.SUM
    assert shipped.SHIPPED.stat().st_size <= 13e6
    model = read_run(shipped.shipped_model())
    assert model.kinds == ("mass",) and model.imaging == "film" and model.source == "cbis_mass"
    assert len(model.trained_codes) == WOMEN_LEARNED_FROM + DRAWN_BEFORE and not model.chosen_codes
    assert not set(women_codes(SAMPLED, model.source)) & model.trained_codes
    head = read_head(shipped.SHIPPED)
    assert head.model == model.name and CANDIDATE_POINT in head.candidate_points
    assert {"sensitivity 0.90", "specificity 0.90", "youden"} <= set(head.levels["image"].operating_points)


def test_its_card_credits_the_data_and_names_no_patient() -> None:
    members = read_bundle(shipped.SHIPPED)
    told = " ".join(members[CARD].decode().split())
    assert "10.7937/K9/TCIA.2016.7O02S9CY" in told and "CC BY 3.0" in told and "not diagnosis" in told
    assert "Trained on 691 women, having started from phantoms-" in told and "which had seen 1,120 others" in told
    assert "| the net that ships, folds 0, 1, 2, 3, 4 | 1231 | 691 |" in told and "view: MLO" in told
    assert b"P_0" not in b"".join(members.values())
    assert len(json.loads(members[WOMEN])["trained"]) == WOMEN_LEARNED_FROM + DRAWN_BEFORE


def test_another_file_in_its_place_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "film-masses.zip"
    shutil.copy(shipped.SHIPPED, other)
    data = bytearray(other.read_bytes())
    data[len(data) // 2] ^= 1
    other.write_bytes(data)
    monkeypatch.setattr(shipped, "SHIPPED", other)
    with pytest.raises(ModelError, match="not the model that comes with this mammomap"):
        shipped.shipped_model()
    other.unlink()
    refused = run("segment", tmp_path, "-o", tmp_path / "maps")
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1 and "is not there" in refused.stderr


def test_the_demo_maps_and_scores_all_eight_and_measures_nothing(shown: Path) -> None:
    folder = read_map_folder(shown / "maps")
    assert len(folder.done) == 8 and set(folder.films["seen"].fillna("")) == {""}
    scores = folder.films["score"].to_numpy(float)
    assert ((scores > 0) & (scores < 1)).all() and len(set(scores)) == 8
    assert (shown / "page" / "index.html").is_file() and len(list((shown / "maps" / "sheets").glob("*.png"))) == 2
    page = (shown / "maps" / "report.html").read_text()
    assert "a picture, no evidence" in page and "docs/weights.md" not in page
    assert "No accuracy stands here" in page and not {"AUC", "sensitivity", "FROC"} & set(page.split())


def test_a_second_demo_has_nothing_to_do(shown: Path) -> None:
    again = run("demo", "-o", shown)
    assert again.exit_code == 0 and again.output.count("nothing to do") == 2


def test_one_film_in_python_is_that_film_of_the_demo(shown: Path) -> None:
    folder = read_map_folder(shown / "maps")
    key = json.loads((shown / "maps.key.json").read_text())
    film = true_films()[0]
    image_id = next(name for name, told in key["films"].items() if told["path"] == str(film))
    assert np.abs(lesion_map(film).lesion - folder.map(image_id).lesion).max() < 1e-3


@pytest.mark.parametrize("number", range(8))
def test_an_8_bit_copy_of_1024_rows_gives_the_same_map_and_score(number: int, tmp_path: Path) -> None:
    head, film = read_head(shipped.SHIPPED), true_films()[number]
    pixels = read_film(film)
    small = cv2.resize(pixels, (round(pixels.shape[1] * 1024 / len(pixels)), 1024), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "copy.jpg"), np.rint(small / 257).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90])
    full, copy = (lesion_map(path) for path in (film, tmp_path / "copy.jpg"))
    size = full.lesion.shape[::-1]
    again = cv2.resize(copy.lesion, size, interpolation=cv2.INTER_LINEAR)
    assert np.corrcoef(full.lesion.ravel(), again.ravel())[0, 1] >= 0.95
    scores = [
        float(head.probability(head_inputs(head.kind, made, candidate_rows("F", made))[None])[0])
        for made in (full, copy)
    ]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


def test_classify_takes_its_head(shown: Path, tmp_path: Path) -> None:
    done = run("classify", shown / "maps", "-o", tmp_path / "scores.csv")
    assert done.exit_code == 0 and "head: that of film-masses" in done.stderr
    again, first = (pd.read_csv(path) for path in (tmp_path / "scores.csv", shown / "maps" / "scores.csv"))
    pd.testing.assert_frame_equal(again, first)
