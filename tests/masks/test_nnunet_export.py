"""The raw data set of nnU-Net: its layout, its labels, its folds, and pixels in their place."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mammomap.cli import main
from mammomap.errors import ConfigError, TableError
from mammomap.masks.nnunet_export import export_nnunet
from mammomap.masks.splits import make_split
from mammomap.masks.tables import Tables, make_tables, write_tables


def make_set(root: Path, women: int = 12) -> Tables:
    """Films of 100 x 80 with a bright mass and, on the first views of some, a calcification of another list."""
    root.mkdir()
    films, lesions = [], []
    for woman in range(women):
        name = "mass-test" if woman % 4 == 0 else "mass-train"
        for view in ("CC", "MLO"):
            image_id = f"P{woman}_LEFT_{view}"
            pixels = np.full((100, 80), 9000, np.uint16)
            pixels[20:40, 10:30] = 60_000
            cv2.imwrite(str(root / f"{image_id}.png"), pixels)
            film = dict(image_id=image_id, patient_id=f"P{woman}", side="LEFT", view=view, rows=100, cols=80)
            calcification = view == "CC" and woman % 3 == 0
            film |= dict(path=str(root / f"{image_id}.png"), malignant=bool(woman % 2 or calcification), source="t")
            film |= dict(kinds_outlined="calcification+mass", lists=name + ("+calc-train" if calcification else ""))
            films.append(film)
            box = dict(image_id=image_id, outline="box", row0=20, col0=10, row1=40, col1=30)
            pathology = "MALIGNANT" if woman % 2 else "BENIGN"
            lesions.append(box | dict(lesion_id="mass_1", kind="mass", pathology=pathology, source_list=name))
            if calcification:
                where = dict(row0=60, col0=50, row1=80, col1=70, lesion_id="calcification_1", kind="calcification")
                lesions.append(box | where | dict(pathology="MALIGNANT", source_list="calc-train"))
    return make_tables(films, lesions)


def label(out: Path, folder: str, image_id: str) -> np.ndarray:
    found = cv2.imread(str(out / folder / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
    assert found is not None and found.dtype == np.uint8
    return found


def test_layout_labels_and_folds(tmp_path: Path) -> None:
    tables, out = make_set(tmp_path / "films"), tmp_path / "Dataset501_films"
    split = make_split(tables, "random", 1)
    about, done = export_nnunet(tables, split, out, rows=50, workers=1)
    assert done and not export_nnunet(tables, split, out, rows=50, workers=1)[1]
    on_disk = json.loads((out / "dataset.json").read_text())
    assert on_disk == about and on_disk["channel_names"] == {"0": "film"} and on_disk["file_ending"] == ".png"
    assert list(on_disk["labels"].values()) == list(range(5)) and "ignore" not in on_disk["labels"]
    cases = {p.name.removesuffix("_0000.png") for p in (out / "imagesTr").iterdir()}
    assert cases == {p.stem for p in (out / "labelsTr").iterdir()} and len(cases) == on_disk["numTraining"]
    tested = {p.stem for p in (out / "labelsTs").iterdir()}
    assert len(cases | tested) == 24 and not {i.split("_")[0] for i in cases} & {i.split("_")[0] for i in tested}
    folds = json.loads((out / "splits_final.json").read_text())
    assert len(folds) == 5 and sorted(sum((fold["val"] for fold in folds), [])) == sorted(cases)
    for fold in folds:
        assert set(fold["train"]) | set(fold["val"]) == cases
        assert not {i.split("_")[0] for i in fold["train"]} & {i.split("_")[0] for i in fold["val"]}


def test_pixels_lie_where_they_lay(tmp_path: Path) -> None:
    tables, out = make_set(tmp_path / "films"), tmp_path / "Dataset501_films"
    export_nnunet(tables, make_split(tables, "random", 1), out, rows=50, workers=1)
    for folder in ("Tr", "Ts"):
        for path in (out / f"images{folder}").iterdir():
            image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert image is not None and image.dtype == np.uint16 and image.shape == (50, 40)
            assert image[15, 10] == 60_000 and image[5, 5] == image[22, 10] == 9000
            drawn = label(out, f"labels{folder}", path.name.removesuffix("_0000.png"))
            rows, cols = np.nonzero((drawn == 3) | (drawn == 4))
            assert (rows.min(), rows.max() + 1, cols.min(), cols.max() + 1) == (10, 20, 5, 15)


def test_the_kind_that_counts_for_nothing_is_ignored(tmp_path: Path) -> None:
    tables, out = make_set(tmp_path / "films"), tmp_path / "Dataset502_masses"
    about, _ = export_nnunet(tables, make_split(tables, "mass-official", 1), out, rows=100, workers=2)
    assert about["labels"] == {"background": 0, "benign mass": 1, "malignant mass": 2, "ignore": 3}
    drawn = label(out, "labelsTr", "P3_LEFT_CC")
    assert drawn[70, 60] == 3 and drawn[30, 20] == 2 and drawn[0, 0] == 0
    assert label(out, "labelsTs", "P0_LEFT_CC")[70, 60] == 3


def test_what_it_refuses(tmp_path: Path) -> None:
    tables = make_set(tmp_path / "films")
    split = make_split(tables, "random", 1)
    with pytest.raises(ConfigError, match="DatasetNNN_Name"):
        export_nnunet(tables, split, tmp_path / "films_for_nnunet", rows=50)
    out = tmp_path / "Dataset501_films"
    Path(tables.films["path"].iloc[0]).unlink()
    export_nnunet(tables, split, out, rows=50, workers=1)
    assert "no such file" in (out / "refused.csv").read_text()
    with pytest.raises(ConfigError, match="other tables, split or rows"):
        export_nnunet(tables, split, out, rows=60, workers=1)
    few = make_set(tmp_path / "few", women=5)
    with pytest.raises(TableError, match="women to train on"):
        export_nnunet(few, make_split(few, "random", 1), tmp_path / "Dataset503_few", rows=50, workers=1)


def test_the_verb(tmp_path: Path) -> None:
    write_tables(make_set(tmp_path / "films"), tmp_path / "tables")
    words = ["prepare", str(tmp_path / "tables"), "--export", "nnunet", "-o", str(tmp_path / "Dataset501_films")]
    done = CliRunner().invoke(main, [*words, "--rows", "64", "--workers", "1", "--split", "official-leak-free"])
    assert done.exit_code == 0 and "18 films to train on" in done.output, done.output
