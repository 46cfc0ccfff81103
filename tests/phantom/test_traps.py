"""What each trap does on disk, read back with pydicom and csv alone."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner

from mammomap.cli import main
from mammomap.errors import ConfigError
from mammomap.phantom.config import TRAPS, PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.traps import parts_of, traps_on
from mammomap.phantom.tree import write_tree

CONFIG = PhantomConfig(patients=24, seed=4, rows=200, test_share=0.4, traps=tuple(TRAPS), workers=2)
COLUMNS = ("image file path", "cropped image file path", "ROI mask file path")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A tree with every trap: its rows, its headers by the path in the lists, the truth of its films."""
    folder = tmp_path_factory.mktemp("traps") / "tree"
    about = write_tree(folder, CONFIG)
    rows = []
    for path in sorted(folder.glob("*_set.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                row["list"] = path.name.replace("_case_description_", "-").removesuffix("_set.csv")
                row["id"] = "_".join(row[c] for c in ("patient_id", "left or right breast", "image view"))
                rows.append({key: value.strip() for key, value in row.items()})
    truth = {film["image_id"]: film for film in json.loads((folder / "truth.json").read_text())["films"]}
    files = [path for path in (folder / "CBIS-DDSM").rglob("*.dcm") if path.is_file()]
    headers = {path.parts[-3:]: pydicom.dcmread(path) for path in files}  # dcm-folders changes the first part
    assert len(headers) == len(files)
    return folder, about, rows, headers, truth


def _header(headers, listed):
    return headers[tuple(listed.split("/")[-3:])]


def _draw(config, woman):
    return draw_woman(woman_rng(config.seed, woman), config, patient_name(woman))


def test_unknown_traps_are_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match="trap 'mirrors', wanted one of small-masks"):
        PhantomConfig(traps=("zeros", "mirrors"))
    result = CliRunner().invoke(main, ["phantom", "--traps", "mirrors", "-o", str(tmp_path / "t")])
    assert result.exit_code == 1 and "trap 'mirrors'" in result.stderr and not (tmp_path / "t").exists()


def test_the_order_of_the_names_changes_nothing():
    assert PhantomConfig(traps=("zeros", "swapped", "zeros")) == PhantomConfig(traps=("swapped", "zeros"))


def test_every_trap_hits_and_is_counted(tree):
    _, about, _, _, truth = tree
    assert list(about["trapped_films"]) == list(TRAPS) and min(about["trapped_films"].values()) > 0
    for trap, count in about["trapped_films"].items():
        assert count == sum(trap in film["traps"] for film in truth.values())
        assert count < len(truth)


def test_another_choice_of_traps_is_another_phantom(tree):
    folder = tree[0]
    with pytest.raises(ConfigError, match="another traps"):
        write_tree(folder, replace(CONFIG, traps=()))
    assert not write_tree(folder, CONFIG)["written"]


def test_traps_of_files_change_no_film_and_hit_whatever_else_is_on():
    written = tuple(trap for trap in TRAPS if trap not in ("two-lists", "leaking-women"))
    config, plain = replace(CONFIG, traps=written), replace(CONFIG, traps=())
    for woman in (1, 2, 3):
        parts = parts_of(config, patient_name(woman), "test")
        for film, bare in zip(_draw(config, woman), _draw(plain, woman), strict=True):
            assert np.array_equal(film.image, bare.image) and film.lesions[0].plan == bare.lesions[0].plan
            hit = traps_on(config, film, parts)
            for trap in written:
                assert traps_on(replace(config, traps=(trap,)), film, parts) == hit & {trap}
            assert not traps_on(plain, film, parts)


def test_small_masks_hit_no_film_with_a_second_lesion():
    config = replace(CONFIG, traps=("small-masks",))
    parts = {"mass": "train", "calcification": "train"}
    film = next(film for woman in range(1, 25) for film in _draw(config, woman) if traps_on(config, film, parts))
    two = replace(film, lesions=(*film.lesions, replace(film.lesions[0], abnormality_id=2)))
    assert {lesion.kind for lesion in two.lesions} == {"mass"} and not traps_on(config, two, parts)


def test_the_verb_says_how_many_films_each_trap_hit(tmp_path):
    words = ["phantom", "--traps", "swapped, zeros", "--patients", "2", "--rows", "200", "--workers", "1"]
    result = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "t")])
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()[:2]] == ["  swapped", "  zeros"]


def test_masks_are_small_or_unfit_where_the_truth_says_so(tree):
    _, _, rows, headers, truth = tree
    for row in rows:
        film, mass = truth[row["id"]], row["list"].startswith("mass")
        both = [_header(headers, row[column]) for column in COLUMNS[1:]]
        (mask,) = [header for header in both if header.BitsAllocated == 8]
        down, across = 1.0, 1.0
        if "small-masks" in film["traps"]:
            assert len(film["lesions"]) == 1 and mass
            down = across = 0.87
        if "unfit-masks" in film["traps"] and not mass:
            down, across = 1.014, 1.0105
        assert (mask.Rows, mask.Columns) == (round(200 * down), round(film["cols"] * across))
    for film in truth.values():
        assert film["usable"] == ("unfit-masks" not in film["traps"])


def test_two_lists_contradict_each_other(tree):
    _, _, rows, _, truth = tree
    for film in truth.values():
        if "two-lists" in film["traps"]:
            kinds: dict[str, set[bool]] = {"mass": set(), "calcification": set()}
            for row in rows:
                if row["id"] == film["image_id"]:
                    kinds[row["abnormality type"]].add(row["pathology"] == "MALIGNANT")
            assert sorted(any(labels) for labels in kinds.values()) == [False, True] and film["malignant"]
            assert len({row["image file path"] for row in rows if row["id"] == film["image_id"]}) == 2


def test_leaking_women_stand_in_both_parts_and_no_others(tree):
    _, _, rows, _, truth = tree
    lists: dict[str, set] = {}
    for row in rows:
        lists.setdefault(row["patient_id"], set()).add(row["list"])
    for woman, names in lists.items():
        leaks = len({name.split("-")[1] for name in names}) == 2
        assert leaks == any(f["patient_id"] == woman and "leaking-women" in f["traps"] for f in truth.values())
        assert not leaks or len(names) == 2
    for film in truth.values():
        assert film["lists"] == sorted({row["list"] for row in rows if row["id"] == film["image_id"]})


def test_neither_order_nor_column_tells_mask_from_crop(tree):
    _, _, rows, headers, truth = tree
    seen = set()
    for row in rows:
        traps, mass = truth[row["id"]]["traps"], row["list"].startswith("mass")
        crop, mask = (row[column] for column in COLUMNS[1:])
        column_right = _header(headers, mask).BitsAllocated == 8
        if "two-series" in traps:
            assert crop.split("/")[0] == mask.split("/")[0]
            assert all(crop.split("/")[part] != mask.split("/")[part] for part in (1, 2))
            assert crop.endswith("/000000.dcm") and mask.endswith("/000000.dcm")
            assert column_right == ("swapped" not in traps)
        else:
            assert crop.split("/")[:3] == mask.split("/")[:3]
            assert crop[-5] + mask[-5] == ("01" if mass else "10")
            if not mass:
                assert column_right == ("swapped" in traps)
        seen.add(("two-series" in traps, mass, column_right))
    assert len(seen) == 8, seen


def test_instances_and_series_are_unique(tree):
    _, _, rows, headers, truth = tree
    assert len({header.SOPInstanceUID for header in headers.values()}) == len(headers)
    lesions = sum(len(film["lesions"]) for film in truth.values())
    films = len({row["image file path"] for row in rows})
    assert len(rows) == lesions and len(headers) == films + 2 * lesions
    for (study, series, _), header in headers.items():
        assert (header.StudyInstanceUID, header.SeriesInstanceUID) == (study, series)


def test_odd_headers_are_those_of_calcification_films_and_masks_of_the_test_part(tree):
    _, _, rows, headers, truth = tree
    for row in rows:
        odd = row["list"] == "calc-test" and "odd-headers" in truth[row["id"]]["traps"]
        for column in COLUMNS:
            header = _header(headers, row[column])
            is_mask, is_crop = header.BitsAllocated == 8, header.SeriesDescription == "cropped images"
            if odd and not is_crop:
                assert header.PatientID == row["id"] + (f"_{row['abnormality id']}.dcm" if is_mask else ".dcm")
                assert header.SeriesDescription == "" and header["BodyPartExamined"].value.endswith(" Breast")
            else:
                assert header.PatientID == row[column].split("/")[0] and header.SeriesDescription


def test_folders_end_in_dcm_where_the_lists_call_them_otherwise(tree):
    folder, _, rows, _, truth = tree
    for row in rows:
        odd = row["list"] == "calc-test" and "dcm-folders" in truth[row["id"]]["traps"]
        for column in COLUMNS:
            name, *rest = row[column].split("/")
            on_disk = name.removeprefix("Calc-Test_") + ".dcm" if odd else name
            assert (folder / "CBIS-DDSM" / Path(on_disk, *rest)).is_file()


def test_zeros_and_missing_descriptors_stand_in_the_lists(tree):
    _, _, rows, _, truth = tree
    distributions = set()
    for row in rows:
        traps, mass = truth[row["id"]]["traps"], row["abnormality type"] == "mass"
        density = row.get("breast_density", row.get("breast density"))
        assert ((density, row["assessment"], row["subtlety"]) == ("0", "0", "0")) == ("zeros" in traps)
        assert density != "0" or "zeros" in traps
        if "not-available" in traps and mass:
            assert row["mass shape"] == row["mass margins"] == "N/A"
        if "not-available" in traps and not mass:
            assert row["calc type"] == "N/A"
            distributions.add((row["calc distribution"] == "N/A", row["pathology"] == "MALIGNANT"))
    assert distributions == {(True, False), (False, True)}
    for film in truth.values():
        if "zeros" in film["traps"]:
            assert film["density"] is None
            assert {(lesion["assessment"], lesion["subtlety"]) for lesion in film["lesions"]} == {(0, None)}
