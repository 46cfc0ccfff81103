"""Writers of other people's maps, as those people's libraries write them, for two layers of one film each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mammomap.benchmark import trivial
from mammomap.benchmark.truth import Truth, read_truth
from mammomap.masks.own_data import index_own_data

Writer = Callable[[Path, str, NDArray, NDArray], None]
"""folder, image_id, lesion and malignancy, float `(rows, cols)` in [0, 1]"""
NNUNET_LABELS = {"background": 0, "benign mass": 1, "malignant mass": 2}


def write_npz(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    np.savez_compressed(folder / f"{image_id}.npz", lesion=lesion.astype(np.float16), malignancy=malignancy)


def write_png(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    for name, layer in ((image_id, lesion), (f"{image_id}_malignancy", malignancy)):
        cv2.imwrite(str(folder / f"{name}.png"), np.rint(layer * 65_535).astype(np.uint16))


def write_png8(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    for name, layer in ((image_id, lesion), (f"{image_id}_malignancy", malignancy)):
        cv2.imwrite(str(folder / f"{name}.png"), np.rint(layer * 255).astype(np.uint8))


def write_tiff(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    import tifffile

    tifffile.imwrite(folder / f"{image_id}.tif", np.rint(lesion * 65_535).astype(np.uint16), byteorder=">")
    tifffile.imwrite(folder / f"{image_id}_malignancy.tif", malignancy.astype(np.float32), compression="zlib")


def write_nifti(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray, flip: float = -1) -> None:
    """As SimpleITK writes an array of a film: axes x, y; its identity direction is -x, -y in NIfTI's own frame."""
    import nibabel

    affine = np.diag([flip * 0.07, flip * 0.07, 1, 1])
    for name, layer in ((image_id, lesion), (f"{image_id}_malignancy", malignancy)):
        nibabel.save(nibabel.Nifti1Image(layer.T[..., None].astype(np.float32), affine), folder / f"{name}.nii.gz")


def write_nifti_identity(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    write_nifti(folder, image_id, lesion, malignancy, flip=1)


def write_seg(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray, kind: str = "FRACTIONAL") -> None:
    import highdicom as hd
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    machine = hd.AlgorithmIdentificationSequence("drawn", codes.DCM.ArtificialIntelligence, "1")
    segments = [
        hd.seg.SegmentDescription(
            number, label, codes.SCT.Mass, codes.SCT.Mass, hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC, machine
        )
        for number, label in ((1, "lesion"), (2, "malignancy"))
    ]
    stack = np.stack([lesion, malignancy], axis=-1)[None].astype(np.float32)
    seg = hd.seg.Segmentation(
        [dicom_film(lesion.shape)],
        stack if kind == "FRACTIONAL" else (stack > 0.5).astype(np.uint8),
        kind,
        segments,
        generate_uid(),
        2,
        generate_uid(),
        1,
        "maker",
        "model",
        "1",
        "1",
    )
    seg.save_as(folder / f"{image_id}.dcm")


def write_seg_binary(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    write_seg(folder, image_id, lesion, malignancy, kind="BINARY")


def dicom_film(shape: tuple[int, int]):
    """A mammogram of nothing, with the header that a segmentation needs of its source."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = film.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    film.SOPInstanceUID = film.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    film.StudyInstanceUID, film.SeriesInstanceUID, film.Modality = generate_uid(), generate_uid(), "MG"
    film.PatientID, film.PatientName, film.PatientBirthDate, film.PatientSex = "w", "Drawn^Woman", "", "F"
    film.StudyDate, film.StudyTime, film.StudyID, film.AccessionNumber = "20200101", "000000", "1", ""
    film.ReferringPhysicianName, film.SeriesNumber, film.InstanceNumber = "", 1, 1
    film.Rows, film.Columns = shape
    film.SamplesPerPixel, film.PhotometricInterpretation, film.PixelRepresentation = 1, "MONOCHROME2", 0
    film.BitsAllocated, film.BitsStored, film.HighBit = 16, 12, 11
    film.PixelData = np.zeros(shape, np.uint16).tobytes()
    return film


def nnunet_folder(folder: Path, reader: str, ending: str, labels: dict | None = None) -> None:
    """The files that nnU-Net v2 lays beside its predictions."""
    named = {"channel_names": {"0": "film"}, "labels": labels or NNUNET_LABELS, "numTraining": 4, "file_ending": ending}
    (folder / "dataset.json").write_text(json.dumps(named))
    (folder / "plans.json").write_text(json.dumps({"dataset_name": "Dataset500_X", "image_reader_writer": reader}))
    (folder / "predict_from_raw_data_args.json").write_text('{"save_probabilities": true}')


def classes_of(lesion: NDArray, malignancy: NDArray) -> NDArray:
    """Softmax of background, benign and malignant, `(3, 1, rows, cols)`, so that the layers are these."""
    return np.stack([1 - lesion, lesion - malignancy, malignancy])[:, None].astype(np.float32)


def write_nnunet_png(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    nnunet_folder(folder, "NaturalImage2DIO", ".png")
    cv2.imwrite(str(folder / f"{image_id}.png"), classes_of(lesion, malignancy).argmax(0)[0].astype(np.uint8))


def write_nnunet_nifti(
    folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray, reader: str = "SimpleITKIO", flip: float = -1
) -> None:
    import nibabel

    nnunet_folder(folder, reader, ".nii.gz")
    labels = classes_of(lesion, malignancy).argmax(0)[0].astype(np.uint8)
    image = nibabel.Nifti1Image(labels.T[..., None], np.diag([flip * 0.07, flip * 0.07, 1, 1]))
    nibabel.save(image, folder / f"{image_id}.nii.gz")


def write_nnunet_softmax(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    write_nnunet_nifti(folder, image_id, lesion, malignancy)
    np.savez_compressed(folder / f"{image_id}.npz", probabilities=classes_of(lesion, malignancy))
    (folder / f"{image_id}.pkl").write_bytes(b"never opened")


def write_nnunet_reoriented(folder: Path, image_id: str, lesion: NDArray, malignancy: NDArray) -> None:
    """Its reader turns films to +x, +y before the net, so a film stored as -x, -y stands on its head in the softmax."""
    write_nnunet_nifti(folder, image_id, lesion, malignancy, reader="NibabelIOWithReorient")
    turned = classes_of(lesion, malignancy)[..., ::-1, ::-1]
    np.savez_compressed(folder / f"{image_id}.npz", probabilities=turned)


WRITERS: dict[str, Writer] = {
    "npz": write_npz,
    "png": write_png,
    "png8": write_png8,
    "tiff": write_tiff,
    "nifti": write_nifti,
    "nifti identity": write_nifti_identity,
    "seg": write_seg,
    "seg binary": write_seg_binary,
    "nnunet png": write_nnunet_png,
    "nnunet nifti": write_nnunet_nifti,
    "nnunet softmax": write_nnunet_softmax,
    "nnunet reoriented": write_nnunet_reoriented,
}


@pytest.fixture(params=WRITERS)
def writer(request: pytest.FixtureRequest) -> Writer:
    """Each door in turn."""
    return WRITERS[request.param]


@pytest.fixture
def writers() -> dict[str, Writer]:
    """All doors by name."""
    return WRITERS


@pytest.fixture
def film_of_seg():
    """A film with the UID that a segmentation names as its source."""
    from pydicom import dcmread

    def film(path: Path):
        (source,) = dcmread(path).ReferencedSeriesSequence[0].ReferencedInstanceSequence
        drawn = dicom_film((48, 36))
        drawn.SOPInstanceUID = drawn.file_meta.MediaStorageSOPInstanceUID = source.ReferencedSOPInstanceUID
        return drawn

    return film


@pytest.fixture
def nnunet_files() -> Callable[[Path, dict[str, NDArray], bool], None]:
    """What `nnUNetv2_predict` leaves for PNG films of these predicted labels."""

    def write(folder: Path, labels: dict[str, NDArray], softmax: bool) -> None:
        folder.mkdir()
        nnunet_folder(folder, "NaturalImage2DIO", ".png")
        for case, label in labels.items():
            cv2.imwrite(str(folder / f"{case}.png"), label)
            if softmax:
                share = np.where(label == np.arange(3)[:, None, None], 0.998, 0.001).astype(np.float32)
                np.savez_compressed(folder / f"{case}.npz", probabilities=share[:, None])
                (folder / f"{case}.pkl").write_bytes(b"never opened")

    return write


@pytest.fixture(scope="module")
def small_blobs() -> Iterator[None]:
    """The blob detector at the drawn films' own height."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trivial, "BLOB_ROWS", 160)
        yield


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Forty women, all judged, a mass on each of their two films."""
    from conftest import draw_set

    return read_truth(index_own_data(draw_set(tmp_path_factory.mktemp("forty") / "set", 40).root), None, None)
