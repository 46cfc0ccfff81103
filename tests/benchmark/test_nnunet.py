"""nnU-Net's predictions as layers: classes by name, regions, and each fault of the folder in one line."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mammomap.benchmark.nnunet import Labels, find_nnunet, label_layers, read_labels, softmax_layers
from mammomap.errors import ImageError, TableError

FIVE = {"background": 0, "benign calcification": 1, "malignant calcification": 2, "benign mass": 3, "malignant mass": 4}
REGIONS = {"background": 0, "lesion": [1, 2], "malignant": [2]}


def dataset(folder: Path, labels: object, ending: str = ".png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "dataset.json"
    path.write_text(json.dumps({"labels": labels, "file_ending": ending}))
    return path


def test_classes_become_layers_by_name(tmp_path: Path) -> None:
    labels, ending = read_labels(dataset(tmp_path, FIVE))
    assert ending == ".png" and labels.channels == 5 and labels.background
    found = label_layers(labels, np.array([[0, 1, 2, 3, 4]]), "m")
    assert found["lesion"].tolist() == [[False, True, True, True, True]]
    assert found["malignancy"].tolist() == [[False, False, True, False, True]]
    softmax = np.array([0.5, 0.05, 0.1, 0.15, 0.2]).reshape(5, 1, 1, 1)
    layers = softmax_layers(labels, softmax, "m")
    assert layers["lesion"].item() == pytest.approx(0.5) and layers["malignancy"].item() == pytest.approx(0.3)


def test_channels_go_by_the_values_and_not_by_their_order_in_the_file(tmp_path: Path) -> None:
    labels, _ = read_labels(dataset(tmp_path, {"malignant": 2, "background": 0, "benign": 1, "ignore": 3}))
    assert labels.channels == 3
    layers = softmax_layers(labels, np.array([0.2, 0.1, 0.7]).reshape(3, 1, 1), "m")
    assert layers["malignancy"].item() == pytest.approx(0.7) and layers["lesion"].item() == pytest.approx(0.8)


def test_regions_are_sigmoids_in_the_order_of_the_file(tmp_path: Path) -> None:
    labels, _ = read_labels(dataset(tmp_path, REGIONS))
    assert labels == Labels({"lesion": (1, 2), "malignant": (2,)}, background=False)
    layers = softmax_layers(labels, np.array([0.9, 0.4]).reshape(2, 1, 1), "m")
    assert layers["lesion"].item() == pytest.approx(0.9) and layers["malignancy"].item() == pytest.approx(0.4)
    found = label_layers(labels, np.array([[0, 1, 2]]), "m")
    assert found["lesion"].tolist() == [[False, True, True]]
    assert found["malignancy"].tolist() == [[False, False, True]]


def test_labels_that_do_not_speak_of_malignancy_give_one_layer(tmp_path: Path) -> None:
    labels, _ = read_labels(dataset(tmp_path, {"background": 0, "mass": 1}))
    assert list(label_layers(labels, np.array([[0, 1]]), "m")) == ["lesion"]
    assert list(softmax_layers(labels, np.full((2, 1, 1), 0.5), "m")) == ["lesion"]


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((4, 1, 3, 2)), r"probabilities of \(4, 1, 3, 2\), wanted \(5, 1, rows, cols\)"),
        (np.zeros((5, 2, 3, 2)), "one slice"),
        (np.zeros((5, 3)), "one slice"),
        (np.full((5, 1, 3, 2), 7.0), "from 7 to 7, wanted 0 to 1"),
        (np.full((5, 1, 3, 2), np.nan), "from nan to nan"),
    ],
)
def test_a_strange_softmax_is_refused(array: np.ndarray, reason: str, tmp_path: Path) -> None:
    labels, _ = read_labels(dataset(tmp_path, FIVE))
    with pytest.raises(ImageError, match=reason):
        softmax_layers(labels, array, "m.npz")


def test_a_label_without_a_name_is_refused(tmp_path: Path) -> None:
    labels, _ = read_labels(dataset(tmp_path, FIVE))
    with pytest.raises(ImageError, match=r"m.png: label 255 is not in dataset.json, which has \[1, 2, 3, 4\]"):
        label_layers(labels, np.array([[0, 255]]), "m.png")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["a", "b"], "not a dataset.json of nnU-Net v2"),
        ({"background": 0}, "no label but background"),
        ({"0": "background", "1": "mass"}, "not a dataset.json of nnU-Net v2"),
    ],
)
def test_a_strange_dataset_json_is_refused(labels: object, reason: str, tmp_path: Path) -> None:
    """The last is version 1, which has values for names."""
    with pytest.raises(TableError, match=reason):
        read_labels(dataset(tmp_path, labels))


def test_the_folder_of_a_fold_s_own_validation(tmp_path: Path) -> None:
    """Its dataset.json lies two folders above, its cases without plans.json beside them."""
    dataset(tmp_path, FIVE)
    folder = tmp_path / "fold_0" / "validation"
    folder.mkdir(parents=True)
    assert find_nnunet(tmp_path / "fold_0") is None
    cv2.imwrite(str(folder / "a.png"), np.zeros((4, 3), np.uint8))
    (folder / "summary.json").write_text("{}")
    found = find_nnunet(folder)
    assert found is not None and found[0] == "nnU-Net labels" and list(found[2]) == ["a"]


def test_softmax_for_some_cases_only_is_refused(tmp_path: Path) -> None:
    dataset(tmp_path, FIVE)
    with pytest.raises(TableError, match=r"no prediction \*.png"):
        find_nnunet(tmp_path)
    for case in "ab":
        cv2.imwrite(str(tmp_path / f"{case}.png"), np.zeros((4, 3), np.uint8))
    np.savez(tmp_path / "a.npz", probabilities=np.zeros((5, 1, 4, 3)))
    with pytest.raises(TableError, match="1 of 2 cases lack their softmax, first b"):
        find_nnunet(tmp_path)
    np.savez(tmp_path / "b.npz", softmax=np.zeros((5, 1, 4, 3)))
    found = find_nnunet(tmp_path)
    assert found is not None and found[0] == "nnU-Net softmax"
    assert found[1](found[2]["a"])["lesion"].shape == (4, 3)
    with pytest.raises(ImageError, match="b.npz: no 'probabilities' of nnU-Net"):
        found[1](found[2]["b"])
