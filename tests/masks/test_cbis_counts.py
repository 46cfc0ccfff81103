"""The counts of the real lists: what every reader of CBIS-DDSM has to come to."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mammomap.cli import main

SUMS = {
    "lesions": 3568,
    "series": 3103,
    "films": 3032,
    "women": 1566,
    "breasts": 1708,
    "breasts_in_both_views": 1324,
    "women_with_both_sides": 142,
    "malignant_films": 1347,
    "malignant_women": 752,
    "films_with_malignant_and_benign": 33,
    "series_with_malignant_and_benign": 17,
    "films_in_two_lists": 71,
    "films_on_both_sides": 29,
    "rows_in_two_roi_series": 104,
    "rows_with_a_fault": 0,
}
LISTS = {  # lesions, films, women, malignant, benign, benign without callback, malignant films, LEFT, CC
    "mass-train": (1318, 1231, 691, 637, 577, 104, 602, 631, 607),
    "mass-test": (378, 361, 201, 147, 194, 37, 145, 186, 177),
    "calc-train": (1546, 1227, 602, 544, 528, 474, 509, 818, 739),
    "calc-test": (326, 284, 151, 129, 130, 67, 119, 184, 149),
}
GRADES = {  # by 0, 1, 2, ...: all, then list by list
    "density": ([2, 536, 1373, 1103, 554], [0, 287, 585, 337, 109], [0, 50, 172, 112, 44], [0, 175, 501, 539, 331]),
    "assessment": ([238, 3, 644, 477, 1633, 573], [129, 1, 77, 279, 533, 299], [33, 2, 14, 85, 169, 75]),
    "subtlety": ([2, 174, 439, 964, 875, 1114], [2, 41, 100, 257, 375, 543], [0, 14, 41, 101, 78, 144]),
}
MALIGNANT = {"density": [2, 204, 569, 459, 223], "assessment": [59, 3, 2, 102, 731, 560]}
LEAK_RULES = [
    (2420, 1097, 641, 262),
    (2356, 1065, 641, 262),
    (2420, 1097, 591, 244),
    (2356, 1065, 591, 244),
    (2441, 1103, 591, 244),
    (2356, 1065, 676, 282),
]
DESCRIPTORS = {  # distinct values, compound rows, and some parts
    "mass_shape": (21, 80, {"IRREGULAR": 526, "OVAL": 423, "LYMPH_NODE": 45}),
    "mass_margins": (20, 135, {"ILL_DEFINED": 472, "SPICULATED": 407, "MICROLOBULATED": 143}),
    "calc_type": (48, 293, {"PLEOMORPHIC": 909, "LUCENT_CENTER": 196, "LUCENT_CENTERED": 44, "MILK_OF_CALCIUM": 2}),
    "calc_distribution": (10, 42, {}),
}


@pytest.fixture(scope="module")
def counts(real_data: Path) -> dict:
    """What the command prints."""
    words = ["index", str(real_data / "cbis_ddsm_tables"), "--tables-only", "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_sums(counts: dict) -> None:
    assert {name: counts[name] for name in SUMS} == SUMS
    assert counts["women_by_kind"] == {"mass": 813, "calcification": 674, "calcification+mass": 79}
    assert counts["films_by_side"] == {"LEFT": 1559, "RIGHT": 1473}
    assert counts["films_by_view"] == {"CC": 1428, "MLO": 1604}
    assert list(counts["lesions_per_film"].values()) == [2698, 214, 74, 23, 12, 9, 2]
    assert list(counts["lesions_per_series"].values()) == [2810, 191, 66, 15, 10, 9, 2]


def test_each_list(counts: dict) -> None:
    assert {name: tuple(part.values()) for name, part in counts["lists"].items()} == LISTS


@pytest.mark.parametrize("grade", GRADES)
def test_density_birads_and_subtlety(counts: dict, grade: str) -> None:
    for name, wanted in zip(("all", *LISTS), GRADES[grade], strict=False):
        assert {int(k): v for k, v in counts[grade][name].items()} == {k: v for k, v in enumerate(wanted) if v}, name
    if grade in MALIGNANT:
        assert list(counts[grade]["malignant"].values()) == MALIGNANT[grade]


def test_descriptors_and_the_one_that_leaks_the_label(counts: dict) -> None:
    for name, (values, compound, parts) in DESCRIPTORS.items():
        found = counts["descriptors"][name]
        assert (len(found["values"]), found["compound_rows"]) == (values, compound), name
        assert parts.items() <= found["parts"].items(), name
    missing = [counts["descriptors"][name]["values"]["N/A"] for name in DESCRIPTORS]
    assert missing == [4, 60, 24, 439]
    leak = {"column": "calc_distribution", "value": "N/A", "lesions": 439, "all": "benign"}
    assert leak in counts["descriptors_that_leak_the_label"]


def test_two_lists_two_sides_and_the_six_ways_out(counts: dict) -> None:
    two = counts["films_in_two_lists_with_two_labels"]
    assert len(two) == 16 and two[0] == "P_00601_LEFT_CC" and two[-1] == "P_01840_RIGHT_MLO"
    women = counts["women_on_both_sides"]
    assert len(women) == 31 and women[0] == "P_00016" and women[-1] == "P_01883"
    numbers = ("train_films", "train_malignant", "test_films", "test_malignant")
    assert [tuple(rule[name] for name in numbers) for rule in counts["leak_rules"]] == LEAK_RULES


def test_the_78_small_masks_are_told_from_the_sizes_of_their_series(counts: dict, real_data: Path) -> None:
    with (real_data / "cbis_ddsm_tables" / "mask_smaller_than_image.csv").open(newline="") as text:
        wanted = sorted(
            f"{r['patient_id']}_{r['left_or_right_breast']}_{r['image_view']} mass_{r['abnormality_id']}"
            for r in csv.DictReader(text)
        )
    small = counts["masks_to_scale"]
    assert small["lesions"] == wanted and (small["count"], small["benign"]) == (78, 62)
    assert (small["in_a_series_of_their_own"], small["with_their_crop"]) == (74, 4)


def test_words_for_people_and_no_films_needed(real_data: Path, tmp_path: Path) -> None:
    lists = real_data / "cbis_ddsm_tables"
    done = CliRunner().invoke(main, ["index", str(lists), "--tables-only", "-o", str(tmp_path)])
    assert "3568 lesions in 3103 series of 3032 films, 1566 women" in done.output
    assert "78 masks" in done.output and "238 lesions of BI-RADS 0" in done.output
    assert json.loads((tmp_path / "counts.json").read_text())["films"] == 3032
    assert CliRunner().invoke(main, ["index", str(lists)]).exit_code == 2


def test_lists_of_another_copy_count_alike(real_data: Path, tmp_path: Path, counts: dict) -> None:
    """CRLF at the ends of rows, NA for N/A, and other file names, as other public copies have them."""
    for number, path in enumerate(sorted((real_data / "cbis_ddsm_tables").glob("*_set.csv"))):
        rows = path.read_text().replace("N/A", "NA").replace('dcm\n"', 'dcm@"').replace("\n", "\r\n").replace("@", "\n")
        (tmp_path / f"copy{number}.csv").write_bytes(rows.encode())
    done = CliRunner().invoke(main, ["index", str(tmp_path), "--tables-only", "--json"])
    found = json.loads(done.output)
    assert not found["masks_to_scale"]["known"]
    assert {k: v for k, v in found.items() if k != "masks_to_scale"} == {
        k: v for k, v in counts.items() if k != "masks_to_scale"
    }
