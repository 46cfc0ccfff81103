"""Other people's maps through every door: each pixel at its own place, each fault in one line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made.systems import layer_of

from mammomap.benchmark.detections import read_threshold
from mammomap.benchmark.foreign import extract, open_map
from mammomap.benchmark.mapfiles import find_maps
from mammomap.benchmark.systems import PIXEL, read_system
from mammomap.errors import ImageError, MammomapError, TableError


def films_of(*sizes: tuple[int, int], path: str = "") -> pd.DataFrame:
    rows = [{"image_id": f"film.{k}_L_CC", "rows": r, "cols": c, "path": path} for k, (r, c) in enumerate(sizes)]
    return pd.DataFrame(rows)


def layers_with(shape: tuple[int, int], lesion: tuple[int, int], malignant: tuple[int, int]) -> list[np.ndarray]:
    """Two impulses on the lesion layer, one of them on the malignancy layer too."""
    layers = [np.zeros(shape), np.zeros(shape)]
    layers[0][lesion] = layers[0][malignant] = layers[1][malignant] = 1
    return layers


@pytest.mark.parametrize("shape", [(48, 36), (40, 40)])
def test_an_impulse_comes_back_at_its_own_pixel(shape: tuple[int, int], writer, tmp_path: Path) -> None:
    """One mark each, and no other pixel lit, on a film of the usual shape and on a square one, where a swap of axes
    would fit as well."""
    films = films_of(shape)
    first, second = (5, 9), (30, 22)
    lesion, malignancy = layers_with(shape, first, second)
    writer(tmp_path, "film.0_L_CC", lesion, malignancy)
    system = read_system("theirs", tmp_path, films)
    assert np.array_equal(layer_of(system, "film.0_L_CC", "lesion"), lesion)
    assert np.array_equal(layer_of(system, "film.0_L_CC", "malignancy"), malignancy)
    places = {layer: sorted(zip(part["row"], part["col"], strict=True)) for layer, part in system.marks.groupby("map")}
    assert places == {"lesion": [first, second], "malignancy": [second]}
    assert system.map_max["film.0_L_CC"] == system.marks["score"].max()
    assert system.films == {"film.0_L_CC"}


@pytest.mark.parametrize("name", ["npz", "png", "tiff", "nifti", "seg", "nnunet softmax"])
def test_a_reduced_copy_lies_over_the_whole_film(name: str, writers, tmp_path: Path) -> None:
    """A third of 145 x 109 is 48 x 36; pixel (5, 9) covers film pixels 15.1 to 18.1 and 27.3 to 30.3."""
    writers[name](tmp_path, "film.0_L_CC", *layers_with((48, 36), (5, 9), (30, 22)))
    system = read_system("theirs", tmp_path, films_of((145, 109)))
    top = system.marks[system.marks["map"] == "lesion"].sort_values("row")
    assert top[["row", "col"]].iloc[0].tolist() == pytest.approx([5.5 * 145 / 48 - 0.5, 9.5 * 109 / 36 - 0.5], abs=0.06)
    layer = layer_of(system, "film.0_L_CC", "lesion")
    assert layer.shape == (145, 109)
    assert np.unravel_index(layer[:60].argmax(), layer.shape) in {(16, 28), (16, 29)}
    assert any("1 of 1 maps are reduced copies of their films, first 48 x 36" in note for note in system.notes)


@pytest.mark.parametrize(("shape", "hint"), [((40, 36), ""), ((36, 48), "exchanged"), ((96, 72), "")])
def test_a_map_of_another_size_is_refused_with_both_sizes(shape: tuple, hint: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "film.0_L_CC.npz", lesion=np.zeros(shape))
    with pytest.raises(ImageError, match=rf"film.0_L_CC: map of {shape[0]} x {shape[1]} on a film of 48 x 36.*{hint}"):
        read_system("theirs", tmp_path, films_of((48, 36)))


def test_one_layer_stands_for_both_and_says_so(tmp_path: Path) -> None:
    np.savez(tmp_path / "film.0_L_CC.npz", lesion=layers_with((48, 36), (5, 9), (30, 22))[0])
    system = read_system("theirs", tmp_path, films_of((48, 36)))
    assert "no malignancy layer: the lesion layer stands for both" in system.notes
    lesion, malignancy = (
        system.marks[system.marks["map"] == layer].drop(columns="map") for layer in ("lesion", "malignancy")
    )
    assert len(lesion) == 2 and np.array_equal(lesion.to_numpy(), malignancy.to_numpy())
    assert np.array_equal(layer_of(system, "film.0_L_CC", "malignancy"), layer_of(system, "film.0_L_CC", "lesion"))


def test_labels_of_0_and_1_are_judged_as_they_are(tmp_path: Path) -> None:
    """0 and 1 in 8 bits throughout the folder mean no and yes; one film with 2 or more, and they mean shares."""
    films = films_of((48, 36), (48, 36))
    disc = np.zeros((48, 36), np.uint8)
    cv2.circle(disc, (20, 30), 6, 1, -1)
    for image_id in films["image_id"]:
        cv2.imwrite(str(tmp_path / f"{image_id}.png"), disc)
    system = read_system("theirs", tmp_path, films)
    assert any(note.startswith("hard labels, 0 and 1 only: they carry no ranking") for note in system.notes)
    assert system.marks["score"].tolist() == [1.0] * 4 and layer_of(system, "film.0_L_CC", "lesion").max() == 1
    cv2.imwrite(str(tmp_path / "film.1_L_CC.png"), disc * 200)
    system = read_system("theirs", tmp_path, films)
    assert set(system.marks["image_id"]) == {"film.1_L_CC"}
    assert layer_of(system, "film.0_L_CC", "lesion").max() == np.float32(1 / 255)
    assert not any("hard" in note for note in system.notes)


def test_who_says_where_a_lesion_begins(tmp_path: Path) -> None:
    """Labels have their own cut, soft maps have none, a submission's threshold.txt goes before both."""
    films = films_of((48, 36))
    hard = layers_with((48, 36), (5, 9), (30, 22))[0]
    for values, points, said in ((hard, {PIXEL: 0.5}, "the labels as submitted"), (hard * 0.7, {}, "")):
        np.savez(tmp_path / "film.0_L_CC.npz", lesion=values)
        system = read_system("theirs", tmp_path, films)
        assert (system.points, system.threshold_from) == (points, said)
    for values in (hard, hard * 0.7):
        np.savez(tmp_path / "film.0_L_CC.npz", lesion=values)
        (tmp_path / "threshold.txt").write_text("# chosen on our validation women\n\n0.35\n")
        system = read_system("theirs", tmp_path, films)
        assert (system.points, system.threshold_from) == ({PIXEL: 0.35}, "threshold.txt of the submission")


@pytest.mark.parametrize("text", ["", "0", "1.01", "nan", "0.2 0.3", "0.2\n0.3", "half"])
def test_a_threshold_that_is_no_probability_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "threshold.txt").write_text(text)
    with pytest.raises(TableError, match="wanted one number above 0 and at most 1"):
        read_threshold(tmp_path / "threshold.txt")


def test_saturated_maps_are_named(tmp_path: Path) -> None:
    layer = np.zeros((48, 36), np.float32)
    for row, col in ((8, 8), (25, 25), (40, 10)):
        cv2.circle(layer, (col, row), 4, 0.9999, -1)
    np.savez(tmp_path / "film.0_L_CC.npz", lesion=layer)
    notes = read_system("theirs", tmp_path, films_of((48, 36))).notes
    assert any(note.startswith("saturated: 100% of the marks score above 0.999") for note in notes)
    assert not any("hard" in note for note in notes)


def test_two_processes_give_what_one_gives(tmp_path: Path, monkeypatch) -> None:
    from mammomap.benchmark import foreign

    films = films_of(*[(60, 45)] * 3)
    rng = np.random.default_rng(2)
    for image_id in films["image_id"]:
        np.savez(tmp_path / f"{image_id}.npz", lesion=rng.random((60, 45), np.float32))
    alone = extract(find_maps(tmp_path, films), films)
    monkeypatch.setattr(foreign, "_IN_PROCESS_PIXELS", 0)
    both = extract(find_maps(tmp_path, films), films)
    pd.testing.assert_frame_equal(alone.marks, both.marks)
    assert alone.marks["image_id"].is_monotonic_increasing and len(alone.marks) > 20


def mixed(folder: Path) -> None:
    np.savez(folder / "a.npz", lesion=np.zeros((4, 3)))
    cv2.imwrite(str(folder / "b.png"), np.zeros((4, 3), np.uint8))


def some_malignant(folder: Path) -> None:
    np.savez(folder / "film.0_L_CC.npz", lesion=np.zeros((48, 36)), malignancy=np.zeros((48, 36)))
    np.savez(folder / "film.1_L_CC.npz", lesion=np.zeros((48, 36)))


def renamed(folder: Path) -> None:
    for k in (0, 1):
        np.savez(folder / f"case_{k}.npz", lesion=np.zeros((48, 36)))


def little(folder: Path, top: int, dtype: type = np.uint8) -> None:
    layer = np.zeros((48, 36), dtype)
    layer[4, 4] = top
    for k in (0, 1):
        cv2.imwrite(str(folder / f"film.{k}_L_CC.png"), layer)


def lone_malignancy(folder: Path) -> None:
    cv2.imwrite(str(folder / "film.0_L_CC_malignancy.png"), np.zeros((48, 36), np.uint8))


def two_sizes(folder: Path) -> None:
    np.savez(folder / "film.0_L_CC.npz", lesion=np.zeros((48, 36)), malignancy=np.zeros((24, 18)))
    np.savez(folder / "film.1_L_CC.npz", lesion=np.zeros((48, 36)), malignancy=np.zeros((48, 36)))


def twice(folder: Path) -> None:
    for ending in ("tif", "tiff"):
        cv2.imwrite(str(folder / f"film.0_L_CC.{ending}"), np.zeros((48, 36), np.uint16))


def lossy(folder: Path) -> None:
    for k in range(3):
        cv2.imwrite(str(folder / f"film.{k}_L_CC.jpg"), np.zeros((48, 36), np.uint8))


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda folder: None, "found nothing; wanted segment.json, marks.csv, boxes.csv or maps"),
        (lossy, "found 3 .jpg; wanted"),
        (mixed, "found 1 .npz, 1 .png; wanted maps of one format"),
        (twice, "are one layer of one film"),
        (lone_malignancy, "_malignancy.png without the lesion map of film.0_L_CC"),
        (some_malignant, "no malignancy layer for 1 of 2 films, first film.1_L_CC"),
        (two_sizes, r"malignancy of \(24, 18\), lesion of \(48, 36\)"),
        (renamed, "no map for 2 of 2 films, first film.0_L_CC; it has 2 of other films, first case_0"),
        (lambda folder: little(folder, 4), "uint8 maps whose highest value of all films is 4 of 255"),
        (
            lambda folder: little(folder, 255, np.uint16),
            "uint16 maps whose highest value of all films is 255 of 65,535",
        ),
    ],
)
def test_a_faulty_folder_is_refused_in_one_line(spoil, line: str, tmp_path: Path) -> None:
    spoil(tmp_path)
    with pytest.raises(MammomapError, match=line) as caught:
        read_system("theirs", tmp_path, films_of((48, 36), (48, 36)))
    assert "\n" not in str(caught.value)


def test_a_film_may_be_called_malignancy(tmp_path: Path) -> None:
    """A name that is an image_id as it stands is not taken apart."""
    films = pd.DataFrame([{"image_id": "x_malignancy", "rows": 48, "cols": 36, "path": ""}])
    cv2.imwrite(str(tmp_path / "x_malignancy.png"), np.zeros((48, 36), np.uint8))
    assert read_system("theirs", tmp_path, films).films == {"x_malignancy"}


def test_segmentations_are_known_by_their_source_film(tmp_path: Path, writers, film_of_seg) -> None:
    """One whose file has another name is found by the film's SOP Instance UID; one that names no known film goes by
    its file's name."""
    folder, films = tmp_path / "maps", films_of((48, 36))
    folder.mkdir()
    lesion, malignancy = layers_with((48, 36), (5, 9), (30, 22))
    writers["seg"](folder, "whatever", lesion, malignancy)
    film_of_seg(folder / "whatever.dcm").save_as(tmp_path / "film.dcm", enforce_file_format=True)
    films["path"] = str(tmp_path / "film.dcm")
    files = find_maps(folder, films)
    assert list(files.files) == ["film.0_L_CC"]
    assert np.array_equal(open_map(files, "film.0_L_CC", (48, 36)).lesion, lesion)
    assert list(find_maps(folder, films_of((48, 36))).files) == ["whatever"]
    writers["seg"](folder, "film.0_L_CC", lesion, malignancy)
    with pytest.raises(TableError, match="film.0_L_CC.dcm and whatever.dcm speak of the same film, film.0_L_CC"):
        find_maps(folder, films)
