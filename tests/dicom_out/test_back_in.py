"""What we wrote, read by our own verbs: as a system's maps, as truth once a person has adopted it, never as films."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from click.testing import CliRunner
from made.dicom_films import code, film, save
from made.results import Painted
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage, generate_uid

from mammomap.benchmark.systems import read_system
from mammomap.cli import main
from mammomap.errors import ImageError, TableError
from mammomap.masks.dicom_pm import read_parametric_map
from mammomap.masks.index import index
from mammomap.masks.mapfile import read_map_folder
from mammomap.masks.read import read_film


def films_of(made: Painted) -> pd.DataFrame:
    rows, cols = next(iter(made.spot.values())).shape
    return pd.DataFrame([{"image_id": i, "rows": rows, "cols": cols, "path": str(p)} for i, p in made.films.items()])


def test_a_parametric_map_is_the_map_that_it_came_from(exported: Painted) -> None:
    system = read_system("theirs", exported.dicom / "pm", films_of(exported))
    folder = read_map_folder(exported.out)
    assert system.films == set(exported.films) and system.film_map is not None
    for image_id in exported.films:
        back, there = system.film_map(image_id), folder.map(image_id)
        for layer in ("lesion", "malignancy"):
            assert np.abs(back.on_film(layer) - there.on_film(layer)).max() <= 0.5 / 65_535 + 1e-7
    places = {row.image_id: (row.row, row.col) for row in system.marks.itertuples() if row.map == "lesion"}
    assert places == exported.place


def test_a_seg_is_a_map_of_its_segments(exported: Painted) -> None:
    system = read_system("theirs", exported.dicom / "seg", films_of(exported), missing="empty")
    assert system.film_map is not None
    for image_id, spot in exported.spot.items():
        assert np.array_equal(system.film_map(image_id).on_film("lesion") > 0, spot)
    assert exported.empty not in (system.films or ())


def test_seg_and_parametric_maps_in_one_folder_are_refused(exported: Painted, tmp_path: Path) -> None:
    for kind in ("seg", "pm"):
        shutil.copy(exported.dicom / kind / "film-0.dcm", tmp_path / f"{kind}.dcm")
    with pytest.raises(TableError, match="1 Parametric Maps of 2 DICOM files; wanted one kind"):
        read_system("theirs", tmp_path, films_of(exported))


@pytest.mark.parametrize("kind", ["sc", "sr", "seg", "pm", "gsps"])
def test_our_own_objects_are_no_films(exported: Painted, kind: str) -> None:
    for path in (exported.dicom / kind).iterdir():
        with pytest.raises(ImageError, match="made by mammomap itself|holds no pixels"):
            read_film(path)


def test_index_leaves_our_objects_alone_and_the_films_of_unknown_truth(exported: Painted, tmp_path: Path) -> None:
    tables, _ = index(exported.folder, tmp_path / "tables")
    assert len(tables.films) == 5 and set(tables.films["truth"]) == {"unknown"}
    ours = tables.refused[tables.refused["path"].str.startswith("dicom")]
    assert len(ours) == 20
    assert all("made by mammomap itself" in reason or "holds no pixels" in reason for reason in ours["reason"])


def adopt(path: Path, out: Path) -> None:
    """What a reader's editor leaves of a SEG that she has looked at, named and saved as her own; pixels untouched."""
    made = pydicom.dcmread(path)
    made.Manufacturer, made.SOPInstanceUID = "Editor", generate_uid()
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    for segment in made.SegmentSequence:
        segment.SegmentAlgorithmType = "SEMIAUTOMATIC"
        segment.SegmentLabel = "malignant mass"
    save(made, out)


def test_a_seg_adopted_by_a_reader_is_truth_that_its_own_map_fits_with_dice_1(
    exported: Painted, tmp_path: Path
) -> None:
    shutil.copytree(exported.folder / "films", tmp_path / "set" / "films")
    for path in (exported.dicom / "seg").iterdir():
        adopt(path, tmp_path / "set" / "segs" / path.name)
    tables, _ = index(tmp_path / "set", tmp_path / "tables")
    assert len(tables.lesions) == 4
    shutil.copytree(exported.dicom / "pm", tmp_path / "pm")
    (tmp_path / "pm" / "threshold.txt").write_text("0.345")
    shutil.copytree(exported.dicom / "seg", tmp_path / "seg")
    asked = ["benchmark", str(tmp_path / "tables"), f"map={tmp_path / 'pm'}", f"seg={tmp_path / 'seg'}"]
    told = CliRunner().invoke(main, [*asked, "-o", str(tmp_path / "report"), "--missing", "empty", "--in-sample"])
    assert told.exit_code == 0, told.output
    systems = json.loads((tmp_path / "report" / "report.json").read_text())["systems"]
    for system in systems[:2]:
        by_film = system["dice"]["masses"]["by_film"]
        assert system["name"] in ("map", "seg") and by_film["n"] == 4
        assert (by_film["dice"]["mean"]["value"], by_film["hausdorff_95_px"]["mean"]["value"]) == (1.0, 0.0)


def foreign_map(pixels: np.ndarray, labels: list[str], source: Dataset, slope: float | None) -> Dataset:
    """A Parametric Map of another maker's, `(frames, rows, cols)`, floats or uint16."""
    made = film(np.zeros(pixels.shape[1:], np.uint16), SOPClassUID=ParametricMapStorage, Modality="OT")
    made.NumberOfFrames, (made.Rows, made.Columns) = len(pixels), pixels.shape[1:]
    groups = []
    for label in labels:
        group, content, derived = Dataset(), Dataset(), Dataset()
        content.FrameLabel = label
        group.FrameContentSequence = [content]
        derived.SourceImageSequence = [Dataset()]
        derived.SourceImageSequence[0].ReferencedSOPInstanceUID = source.SOPInstanceUID
        group.DerivationImageSequence = [derived]
        if slope is not None:
            values = Dataset()
            values.RealWorldValueSlope, values.RealWorldValueIntercept = slope, 0.0
            values.MeasurementUnitsCodeSequence = [code("1", "UCUM")]
            group.RealWorldValueMappingSequence = [values]
        groups.append(group)
    made.PerFrameFunctionalGroupsSequence = groups
    if pixels.dtype == np.float32:
        del made.PixelData
        made.BitsAllocated = 32
        made.FloatPixelData = pixels.tobytes()
    else:
        made.PixelData = pixels.tobytes()
    return made


@pytest.mark.parametrize(("slope", "top"), [(None, 0.75), (0.001, 750)])
def test_parametric_maps_of_other_makers(tmp_path: Path, slope: float | None, top: float) -> None:
    dtype = np.float32 if slope is None else np.uint16
    pixels = np.zeros((2, 30, 20), dtype)
    pixels[0, 5, 9], pixels[1, 8, 3] = top, top
    source = film(np.zeros((30, 20), np.uint16))
    path = save(foreign_map(pixels, ["lesion", "cancer"], source, slope), tmp_path / "x.dcm")
    layers = read_parametric_map(path)
    assert np.argwhere(layers["lesion"]).tolist() == [[5, 9]] and layers["lesion"].max() == pytest.approx(0.75)
    assert np.argwhere(layers["malignancy"]).tolist() == [[8, 3]]
    assert set(read_parametric_map(save(foreign_map(pixels, ["a", "b"], source, slope), path))) == {"lesion"}


def test_faulty_parametric_maps_are_refused_in_one_line(tmp_path: Path) -> None:
    source, pixels = film(np.zeros((30, 20), np.uint16)), np.zeros((1, 30, 20), np.uint16)
    with pytest.raises(ImageError, match="x.dcm: integers without a Real World Value Mapping"):
        read_parametric_map(save(foreign_map(pixels, ["lesion"], source, None), tmp_path / "x.dcm"))
    two = foreign_map(np.zeros((2, 30, 20), np.uint16), ["lesion", "lesion"], source, 1.0)
    other = two.PerFrameFunctionalGroupsSequence[1].DerivationImageSequence[0].SourceImageSequence[0]
    other.ReferencedSOPInstanceUID = "1.2.3"
    with pytest.raises(ImageError, match="speaks of 2 films"):
        read_parametric_map(save(two, tmp_path / "x.dcm"))
    with pytest.raises(ImageError, match="not a Parametric Map, but MG"):
        read_parametric_map(save(source, tmp_path / "x.dcm"))
    short = foreign_map(pixels, ["lesion"], source, 1.0)
    short.PixelData = short.PixelData[:10]
    with pytest.raises(ImageError, match="frames cannot be read"):
        read_parametric_map(save(short, tmp_path / "x.dcm"))
