"""Digital films: what the detector stores, how it is shown, and what the readers make of the file."""

import itertools
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from mammomap.masks.breast import find_breast
from mammomap.masks.mg_header import read_shown
from mammomap.masks.read import read_film
from mammomap.phantom import PhantomConfig
from mammomap.phantom.digital import Exposure, Machine, expose, machine_of
from mammomap.phantom.digital_dicom import write_digital
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.frame import digitise

CONFIG = PhantomConfig(patients=8, seed=6, rows=300, look="digital")
MACHINE = Machine(12, False, "linear", "plain", quanta=2.5e6, equalised=0.5, sharpened=0.4)
CURVES = list(itertools.product(("lut", "sigmoid", "linear"), (12, 14)))


@pytest.fixture(scope="module")
def films():
    return [f for n in range(1, 9) for f in draw_woman(woman_rng(CONFIG.seed, n), CONFIG, patient_name(n))]


def _plate(attenuation, pixel_mm=0.2, machine=MACHINE, seed=0):
    field = np.full((160, 120), attenuation, np.float32)
    return expose(np.random.default_rng(seed), machine, field, np.ones(field.shape, bool), pixel_mm, False)


def _with(film, **changes):
    """The same stored values from another machine."""
    exposure = replace(film.exposure, machine=replace(film.exposure.machine, **changes))
    return replace(film, exposure=exposure, image=exposure.shown())


def _any_bits(film, bits):
    """A film that holds every stored value of `bits`."""
    values = np.arange(1 << bits, dtype=np.uint16).reshape(-1, 64)
    machine = replace(film.exposure.machine, bits=bits)
    exposure = Exposure(machine, values, centre=(1 << bits) // 3, width=(1 << bits) // 4)
    return replace(film, exposure=exposure, image=exposure.shown())


@pytest.mark.parametrize(("voi", "bits"), CURVES)
@pytest.mark.parametrize("transfer", ["plain", "rle", "jpeg"])
def test_the_readers_give_the_presentation_values_back_from_monochrome_1_and_2(films, tmp_path, voi, bits, transfer):
    film = _any_bits(films[0], bits)
    read = {}
    for monochrome1 in (True, False):
        twin = _with(film, voi=voi, monochrome1=monochrome1, transfer=transfer)
        path = tmp_path / f"{monochrome1}.dcm"
        write_digital(twin, path, "stamp")
        read[monochrome1] = read_film(path)
        assert (read[monochrome1] == twin.image).all()
        header = pydicom.dcmread(path)
        assert header.PhotometricInterpretation == ("MONOCHROME1" if monochrome1 else "MONOCHROME2")
        assert header.BitsStored == bits and header.file_meta.TransferSyntaxUID.is_compressed == (transfer != "plain")
        assert ("VOILUTSequence" in header) == (voi == "lut") and len(header.WindowCenter) == 3
    assert (read[True] == read[False]).all()
    assert (np.diff(read[True].ravel().astype(int)) >= 0).all() and np.ptp(read[True]) > 60000


def test_the_curves_are_those_of_the_standard():
    values = np.array([[1000, 1099, 1100, 1299, 1300]], np.uint16)
    linear = Exposure(MACHINE, values, centre=1200, width=200).shown()
    assert linear.tolist() == [[0, 0, 0, round(199 / 199 * 65535), 65535]]
    assert Exposure(MACHINE, np.array([[1101, 1200]], np.uint16), 1200, 200).shown().tolist() == [
        [round(65535 / 199), round(100 / 199 * 65535)]
    ]
    sigmoid = Exposure(replace(MACHINE, voi="sigmoid"), values, centre=1100, width=200).shown()
    assert [sigmoid[0, 2], sigmoid[0, 4]] == [round(65535 / (1 + np.exp(-4 * d))) for d in (-0.0025, 0.9975)]


def test_every_machine_is_there_and_a_woman_has_one(films):
    machines = {film.patient_id: film.exposure.machine for film in films}
    assert all(film.exposure.machine == machines[film.patient_id] for film in films)
    many = [machine_of(1, patient_name(n)) for n in range(400)]
    assert {(m.voi, m.bits) for m in many} == set(CURVES) and {m.transfer for m in many} == {"plain", "rle", "jpeg"}
    assert np.mean([m.monochrome1 for m in many]) == pytest.approx(0.3, abs=0.07)


def test_the_look_moves_no_lesion_and_no_breast(films):
    scanned = PhantomConfig(**{**CONFIG.__dict__, "look": "film"})
    for film in draw_woman(woman_rng(6, 1), scanned, "P_00001"):
        twin = next(f for f in films if f.image_id == film.image_id)
        assert film.exposure is None and (film.image != twin.image).any()
        assert film.chest_wall_left == twin.chest_wall_left
        assert all((x.mask == y.mask).all() for x, y in zip(film.lesions, twin.lesions, strict=True))


def test_air_is_even_and_the_direction_is_that_of_the_pixels(films):
    for film in films:
        values, machine = film.exposure.values, film.exposure.machine
        assert values.max() < 1 << machine.bits and film.image.dtype == np.uint16
        front = values[:, -3:] if film.chest_wall_left else values[:, :3]
        corner = np.concatenate([front[:20], front[-20:]]).astype(float)
        assert corner.std() < 0.003 * (1 << machine.bits) and np.ptp(corner) < 0.02 * (1 << machine.bits)
        found = find_breast(film.image)
        assert found.chest_wall_left == film.chest_wall_left, film.image_id
        assert np.median(film.image[found.mask > 0]) > 8000 + np.median(film.image[found.mask == 0])
    assert {film.chest_wall_left for film in films} == {True, False}


def test_noise_is_that_of_counted_quanta():
    spread = {a: _plate(a).values[20:-20, 20:-20].std() for a in (0.2, 0.6)}
    assert spread[0.6] / spread[0.2] == pytest.approx(np.exp(0.5), rel=0.05)
    fine = _plate(0.2, pixel_mm=0.1, machine=replace(MACHINE, sharpened=0)).values.std()
    coarse = _plate(0.2, pixel_mm=0.2, machine=replace(MACHINE, sharpened=0)).values.std()
    assert fine / coarse == pytest.approx(2, rel=0.05)
    richer = _plate(0.2, machine=replace(MACHINE, quanta=1e7, sharpened=0, bits=14)).values.std() / 4
    assert coarse / richer == pytest.approx(2, rel=0.05)


def test_a_faint_disc_stands_out_more_than_on_film():
    field = np.full((160, 120), 0.4, np.float32)
    disc = np.hypot(*(np.indices(field.shape) - np.array([80, 60])[:, None, None])) < 12
    ring = np.hypot(*(np.indices(field.shape) - np.array([80, 60])[:, None, None])) > 24
    ring &= np.hypot(*(np.indices(field.shape) - np.array([80, 60])[:, None, None])) < 36
    field[disc] += 0.02
    whole = np.ones(field.shape, bool)

    def clear(image):
        return (image[disc].mean() - image[ring].mean()) / image[ring].astype(float).std()

    digital = [
        clear(expose(np.random.default_rng(n), machine_of(n, "w"), field, whole, 0.2, False).values) for n in range(12)
    ]
    film = [clear(digitise(np.random.default_rng(n), field, whole, 0.2, "LCC", False)) for n in range(12)]
    assert np.median(digital) > 1.3 * np.median(film)


def test_the_thin_rim_is_made_up_for_but_the_middle_is_not():
    field = np.zeros((300, 200), np.float32)
    field[40:-40, :150] = np.clip(np.linspace(0.8, 0.05, 150), 0, 0.4)
    breast = field > 0
    plain, equalised = (
        expose(np.random.default_rng(1), replace(MACHINE, equalised=share), field, breast, 0.8, False)
        for share in (0.0, 0.6)
    )
    added = equalised.values.astype(int) - plain.values
    assert added[150, 135] > 150 and abs(added[150, 10]) < 30 and (added[:20] == 0).all()


def test_the_header_is_that_of_a_for_presentation_mammogram(films, tmp_path):
    uids = set()
    for film in films[:8]:
        path = tmp_path / f"{film.image_id}.dcm"
        write_digital(film, path, "stamp")
        header, dataset = read_shown(path), pydicom.dcmread(path)
        assert (header.patient_id, header.side, header.view) == (film.patient_id, film.side, film.view)
        assert header.spacing_mm == pytest.approx(film.pixel_mm) and not header.flags and not header.raw
        assert (header.rows, header.cols) == film.image.shape
        assert dataset.SOPClassUID.name == "Digital Mammography X-Ray Image Storage - For Presentation"
        assert dataset.PresentationIntentType == "FOR PRESENTATION" and dataset.Manufacturer == "Phantom"
        along, down = dataset.PatientOrientation
        assert (along == "A") == find_breast(read_film(path)).chest_wall_left
        assert down == {"LEFT": "R", "RIGHT": "L"}[film.side] if film.view == "CC" else down[0] == "F"
        monochrome1 = dataset.PhotometricInterpretation == "MONOCHROME1"
        assert dataset.PresentationLUTShape == ("INVERSE" if monochrome1 else "IDENTITY")
        assert dataset.PixelIntensityRelationshipSign == (1 if monochrome1 else -1)
        assert (dataset.BurnedInAnnotation, dataset.BreastImplantPresent) == ("NO", "NO")
        assert dataset.ViewCodeSequence[0].CodingSchemeDesignator == "SCT" and dataset.ViewPosition == film.view
        uids.add((dataset.StudyInstanceUID, film.patient_id))
    assert len(uids) == len({film.patient_id for film in films[:8]})
    with pytest.raises(ValueError, match="no digital film"):
        write_digital(replace(films[0], exposure=None), tmp_path / "x.dcm", "stamp")


def test_it_has_what_a_true_header_has_to_describe_the_picture(films, tmp_path, real_data):
    write_digital(_with(films[0], voi="lut", monochrome1=False, transfer="plain"), tmp_path / "ours.dcm", "stamp")
    ours = pydicom.dcmread(tmp_path / "ours.dcm")
    true = pydicom.dcmread(real_data / "mg_headers" / "openrem_MG-Im-GE_Seno_2_ForPresentation.dcm")
    extra = {"NumberOfFrames", "PixelSpacing", "PixelPaddingValue", "QualityControlImage"}
    described = {element.keyword for element in true if element.tag.group == 0x0028} - extra
    assert described <= {element.keyword for element in ours}
    for name in described - {"Rows", "Columns", "BitsStored", "HighBit", "WindowCenter", "WindowWidth"}:
        assert ours[name].VR == true[name].VR, name
    for name in ("PixelIntensityRelationship", "PixelIntensityRelationshipSign", "RescaleType", "VOILUTFunction"):
        assert ours[name].value == true[name].value
    table, true_table = ours.VOILUTSequence[0], true.VOILUTSequence[0]
    assert {e.keyword for e in table} == {e.keyword for e in true_table}
    assert table.LUTDescriptor[2] == true_table.LUTDescriptor[2] == 12
