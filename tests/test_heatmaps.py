"""`mammomap segment` from the command line: any folder in, nothing lost, nothing told that should stay at home."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import draw_film
from made.dicom_films import film, save
from pydicom import uid

from mammomap.classify.train_head import train_head
from mammomap.cli import main
from mammomap.masks.grid import Grid
from mammomap.masks.key import read_key
from mammomap.masks.mapfile import FilmMap, read_map_folder, woman_code, write_map
from mammomap.masks.native import native_file
from mammomap.masks.tables import write_tables
from mammomap.report.overlay import overlay
from mammomap.seg.mappers import lesion_map
from mammomap.seg.publish import publish

SECRETS = ("Doe^Jane", "ACC-4711", "P-0815", "19611224", "Sunnyvale")
"""Name, accession number, patient ID, birth date and hospital that stand in the headers."""
EVERYTHING = 300
LEFT_ALONE = "made by mammomap itself, so left alone"


def said(*words: object) -> str:
    """What a command prints; it must succeed."""
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def drawn(seed: int, chest_left: bool = True) -> np.ndarray:
    return draw_film(np.random.default_rng(seed), 160, 112, [(80, 30, 10, 50_000)], chest_left)


def named_film(number: int, **changes):
    """A film that names its patient in every way that a header can."""
    name, accession, patient, birth, hospital = SECRETS
    told = {"PatientName": name, "AccessionNumber": accession, "PatientBirthDate": birth, "InstitutionName": hospital}
    view = ("CC", "MLO")[number % 2]
    return film(
        drawn(number, number % 3 > 0), f"{patient}-{number // 4}", "LR"[number // 2 % 2], view, **told, **changes
    )


def fill(root: Path, count: int) -> dict[str, int]:
    """A nested folder of `count` files of every sort; how many of them are films, by the reason of the others."""
    kinds = 10
    inverted = 65_535
    for number in range(count):
        at, kind = root / f"ward {number % 3}" / f"Doe Jane {number % 7}" / f"{number:03d}", number % kinds
        at.parent.mkdir(parents=True, exist_ok=True)
        dicom = at.with_suffix(".dcm")
        made = named_film(number)
        if kind in (0, 1):
            save(made, dicom)
        elif kind == 2:
            pixels = inverted - drawn(number)
            save(named_film(number, PhotometricInterpretation="MONOCHROME1", PixelData=pixels.tobytes()), at)
        elif kind == 3:
            save(named_film(number, Modality="CT"), dicom)
        elif kind == 4:
            at.with_suffix(".txt").write_text(f"report on {SECRETS[0]}")
        elif kind == 5:
            whole = save(made, dicom).read_bytes()
            dicom.write_bytes(whole[: len(whole) // 2])
        elif kind == 6:
            changes = {"NumberOfFrames": 30, "SOPClassUID": uid.BreastTomosynthesisImageStorage}
            save(named_film(number, **changes), dicom)
        elif kind == 7:
            save(named_film(number, PresentationIntentType="FOR PROCESSING"), dicom)
        elif kind == 8:
            _one_of_ours(at, number)
        else:
            cv2.imwrite(str(at.with_suffix(".png")), drawn(number))
    return {"films": 4 * count // kinds, "aside": 6 * count // kinds}


def _one_of_ours(at: Path, number: int) -> None:
    """A result of mammomap that came among the films: DICOM, a picture, a map."""
    level = np.full((40, 30), 0.5, np.float32)
    made = FilmMap(level, level, level > 0, Grid.whole(40, 30))
    if number // 10 % 3 == 0:
        save(named_film(number, Manufacturer="mammomap"), at.with_suffix(".dcm"))
    elif number // 10 % 3 == 1:
        picture = overlay(level, level, [], threshold=0.9, title="ours")
        at.with_suffix(".png").write_bytes(picture)
    else:
        write_map(at.with_suffix(".npz"), made)


def test_headers_of_ge_and_hologic_are_set_aside_with_their_reasons(real_data: Path, tmp_path: Path) -> None:
    """Their pixels are cut to nothing; among them two For Processing and For Presentation of one exposure."""
    headers = sorted((real_data / "mg_headers").glob("*.dcm"))
    said("segment", real_data / "mg_headers", drawn_film(tmp_path), "--model", "blob", "-o", tmp_path / "out")
    films = read_map_folder(tmp_path / "out").films
    aside = films[films["status"] == "set aside"]
    assert len(aside) == len(headers) and bool((aside["reason"] != "").all())
    told = " ".join(aside["reason"])
    assert "FOR PROCESSING" in told and not any(name in told for name in ("GE", "openrem", "Seno"))


def drawn_film(folder: Path) -> Path:
    return save(named_film(0), folder / "drawn.dcm")


def test_everything_in_a_folder_is_in_the_table_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    root, out = tmp_path / "in", tmp_path / "out"
    counts = fill(root, EVERYTHING)
    words = [str(root), "--model", "blob", "--rows", "96"]
    typed = [sys.executable, "-m", "mammomap", "segment", *words, "-o", str(out)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    stopped = subprocess.Popen(typed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    while stopped.poll() is None and len(list((out / "rows").glob("*.json"))) < 40:
        time.sleep(0.01)
    stopped.send_signal(signal.SIGKILL)
    stopped.wait()
    assert not (out / "segment.json").exists()
    before = {path: path.stat().st_mtime_ns for path in (out / "maps").glob("[!.]*.npz")}
    assert before  # a half-written one, whose name begins with a dot, goes
    said("segment", *words, "-o", out)
    for path, written in before.items():
        assert path.stat().st_mtime_ns == written or not _is_row(out, path)
    folder = read_map_folder(out)
    assert len(folder.films) == EVERYTHING and len(folder.done) == counts["films"]
    aside = folder.films[folder.films["status"] == "set aside"]
    assert len(aside) == counts["aside"] and "" not in set(aside["reason"])
    told = set(aside["reason"])
    assert {"not a DICOM file", "modality CT, wanted MG (mammography)", LEFT_ALONE} <= told
    assert aside["reason"].tolist().count(LEFT_ALONE) == EVERYTHING // 10 * 2 // 3

    said("segment", *words, "-o", tmp_path / "whole", "--key", tmp_path / "out.key.json")
    for name in ("films.csv", "candidates.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes()
    assert "nothing to do" in said("segment", *words, "-o", out)
    _assert_nothing_told(out, root)
    key = read_key(tmp_path / "out.key.json")
    assert {str(key.films[image_id].path) for image_id in folder.films["image_id"]} == {
        str(path) for path in root.rglob("*") if path.is_file()
    }


def _is_row(out: Path, path: Path) -> bool:
    """Whether the film's rows were written before the kill; without them its map is read again, not made again."""
    return (out / "rows" / f"{path.stem}.json").is_file()


def _assert_nothing_told(out: Path, root: Path) -> None:
    written = (
        b"".join(p.read_bytes() for p in out.rglob("*") if p.is_file())
        + " ".join(str(p.relative_to(out)) for p in out.rglob("*")).encode()
    )
    for secret in (*SECRETS, str(root), "Doe Jane", "ward"):
        assert secret.encode() not in written


def test_pictures_tell_nothing_either(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    said("segment", tmp_path / "in", "--model", "blob", "--rows", 96, "-o", tmp_path / "out", "--pictures", "--native")
    out = tmp_path / "out"
    assert len(list((out / "pictures").iterdir())) == 8 and list((out / "sheets").iterdir())
    assert "sheets/" in (out / "report.html").read_text()
    _assert_nothing_told(out, tmp_path / "in")


def test_shards_make_what_one_call_makes(tmp_path: Path) -> None:
    fill(tmp_path / "in", 30)
    words = (tmp_path / "in", "--model", "blob", "--rows", 96, "--key", tmp_path / "k.json")
    for shard in ("2/3", "1/3"):
        assert "this shard is done" in said("segment", *words, "-o", tmp_path / "parts", "--shard", shard)
    assert "films mapped" in said("segment", *words, "-o", tmp_path / "parts", "--shard", "3/3")
    said("segment", *words, "-o", tmp_path / "whole")
    for name in ("films.csv", "candidates.csv", "segment.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_key_inside_the_folder_is_refused(tmp_path: Path) -> None:
    save(named_film(0), tmp_path / "f.dcm")
    words = ["segment", tmp_path / "f.dcm", "--model", "blob", "-o", tmp_path / "out", "--key", tmp_path / "out" / "k"]
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 1 and "keep the key elsewhere" in done.output and done.output.count("\n") == 1


def test_maps_do_not_go_where_the_films_are(tmp_path: Path) -> None:
    drawn_film(tmp_path)
    words = ["segment", str(tmp_path), "--model", "blob", "-o", str(tmp_path)]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 1 and "is both what to map and the folder for the maps" in refused.output


def test_a_copy_of_cbis_ddsm_is_to_be_indexed_first(tmp_path: Path) -> None:
    drawn_film(tmp_path / "in")
    words = ("segment", tmp_path / "in", "--model", "blob", "-o", tmp_path / "out")
    assert "warning: lists" not in said(*words)
    (tmp_path / "in" / "mass_case_description_test_set.csv").write_text("patient_id\n")
    told = [line for line in said(*words).splitlines() if line.startswith("warning: lists of CBIS-DDSM")]
    assert len(told) == 1 and "mammomap index" in told[0]


def test_identify_names_films_by_their_files(tmp_path: Path) -> None:
    save(named_film(0), tmp_path / "mine.dcm")
    said("segment", tmp_path / "mine.dcm", "--model", "blob", "--rows", 96, "-o", tmp_path / "out", "--identify")
    films = read_map_folder(tmp_path / "out").films
    assert films.loc[0, "image_id"] == "mine" and films.loc[0, "woman"] == "P-0815-0"


def test_native_maps_are_maps_that_the_benchmark_takes(drawn_store, tmp_path: Path) -> None:
    write_tables(drawn_store.tables, tmp_path / "tables")
    out = tmp_path / "out"
    said("segment", tmp_path / "tables", "--model", "blob", "--rows", 96, "-o", out, "--native")
    image_id = read_map_folder(out).done[0]
    level = np.asarray(cv2.imread(str(native_file(out, "lesion", image_id)), cv2.IMREAD_UNCHANGED))
    wanted = read_map_folder(out).map(image_id).on_film("lesion")
    assert level.dtype == np.uint16 and np.abs(level / 65_535 - wanted).max() < 1e-4
    assert "200" in said("benchmark", "--check", out / "native" / "lesion", "--films", tmp_path / "tables")
    native_file(out, "lesion", image_id).unlink()
    said("segment", tmp_path / "tables", "--model", "blob", "--rows", 96, "-o", out, "--native")
    assert native_file(out, "lesion", image_id).is_file()


@pytest.fixture(scope="module")
def bundle(drawn_store, trained_run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run and a head for it, in one file."""
    folder = tmp_path_factory.mktemp("bundle")
    train_head(drawn_store, trained_run, folder / "head.json")
    publish(trained_run, folder / "net.zip", head=folder / "head.json")
    return folder / "net.zip"


def test_a_bundle_with_a_head_scores_too(bundle: Path, trained_run, drawn_store, tmp_path: Path) -> None:
    films = drawn_store.tables.films
    woman = min(trained_run.split.women("test"))
    for path in films.loc[films["patient_id"] == woman, "path"]:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / Path(path).name).write_bytes(Path(path).read_bytes())
    said("segment", tmp_path / "in", "--model", bundle, "-o", tmp_path / "out")
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert len(scores) == 2 and scores["score"].between(0, 1).all()
    assert not [name for name in scores if name.startswith(("call", "probability"))]
    about = json.loads((tmp_path / "out" / "segment.json").read_text())
    assert 0 < about["threshold"] < 1 and about["threshold"] != 0.25
    before = (tmp_path / "out" / "films.csv").read_bytes()
    films = read_map_folder(tmp_path / "out").films
    assert films["score"].tolist() == scores.set_index("image_id")["score"][films["image_id"]].tolist()
    assert "nothing to do" in said("segment", tmp_path / "in", "--model", bundle, "-o", tmp_path / "out")
    assert (tmp_path / "out" / "films.csv").read_bytes() == before
    tables, probable = drawn_store.folder / "tables", tmp_path / "probable"
    said(
        "segment",
        tables,
        "--split",
        trained_run.folder / "split.csv",
        "--part",
        "test",
        "--model",
        bundle,
        "-o",
        probable,
    )
    films = read_map_folder(probable).films
    assert films["probability"].between(0, 1).all() and set(films["call at youden"]) <= {"0", "1"}


def test_a_bundles_head_scores_no_maps_of_another_making(
    bundle: Path, drawn_store, trained_run, tmp_path: Path
) -> None:
    film = drawn_store.tables.films.query("patient_id in @trained_run.split.women('test')")["path"].iloc[0]
    told = said("segment", film, "--model", bundle, "--flips", "-o", tmp_path / "out")
    assert "no scores: the head of" in told and "made without --flips" in told
    assert not (tmp_path / "out" / "scores.csv").exists()


def test_a_bundle_makes_maps_as_its_head_asks(drawn_store, trained_run, tmp_path: Path) -> None:
    train_head(drawn_store, trained_run, tmp_path / "head.json", flips=True)
    publish(trained_run, tmp_path / "net.zip", head=tmp_path / "head.json")
    film = drawn_store.tables.films.query("patient_id in @trained_run.split.women('test')")["path"].iloc[0]
    for more, flips in (((), True), (("--no-flips",), False)):
        out = tmp_path / f"out-{flips}"
        said("segment", film, "--model", tmp_path / "net.zip", *more, "-o", out)
        folder = read_map_folder(out)
        assert bool(folder.about.get("flips")) == flips
        assert (out / "scores.csv").is_file() == flips
        alone = lesion_map(film, tmp_path / "net.zip").lesion
        assert (np.abs(alone - folder.map(folder.done[0]).lesion).max() < 1e-3) == flips


def test_women_that_net_or_head_have_seen_get_no_score(bundle: Path, trained_run, tmp_path: Path) -> None:
    for part in ("net", "head"):
        woman = min(trained_run.split.women(part))
        save(film(drawn(1), woman), tmp_path / part / "f.dcm")
        told = said("segment", tmp_path / part, "--model", bundle, "-o", tmp_path / f"out-{part}")
        folder = read_map_folder(tmp_path / f"out-{part}")
        assert f"'mammomap classify {folder.folder} --in-sample' scores them too" in told
        assert "no scores" in told and not (folder.folder / "scores.csv").exists()
        assert folder.films.loc[0, "seen"] == ("net" if part == "net" else "")
        assert woman_code(woman) not in (folder.folder / "films.csv").read_text()


def test_a_seen_woman_takes_no_score_from_others(bundle: Path, trained_run, tmp_path: Path) -> None:
    for number, woman in enumerate((min(trained_run.split.women("net")), "somebody else")):
        save(film(drawn(number), woman), tmp_path / "in" / f"{number}.dcm")
    (tmp_path / "in" / "note.txt").write_text("no film")
    told = said("segment", tmp_path / "in", "--model", bundle, "-o", tmp_path / "out", "--pictures")
    films = read_map_folder(tmp_path / "out").films
    done = films[films["status"] == "done"]
    assert "no score of 1 of 2 films: net or head have seen" in told and "seen the women of 1 of 2 films" in told
    assert sorted(zip(done["seen"], done["score"].notna(), strict=True)) == [("", True), ("net", False)]
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert scores["image_id"].tolist() == done.loc[done["seen"] == "", "image_id"].tolist()
    again = said("segment", tmp_path / "in", "--model", bundle, "-o", tmp_path / "out", "--pictures")
    assert "nothing to do" in again


def test_films_that_the_model_was_not_made_for_are_told(bundle: Path, tmp_path: Path) -> None:
    save(film(drawn(1)[:80]), tmp_path / "small.dcm")
    told = said("segment", tmp_path / "small.dcm", "--model", bundle, "-o", tmp_path / "out")
    assert "warning: 1 of 1 films are not what the model was trained for (80 rows, fewer than the model's 96)" in told
    folder = read_map_folder(tmp_path / "out")
    assert "fewer" in str(folder.films["outside"].iloc[0])
    assert folder.map(folder.done[0]).about == {name: folder.about[name] for name in ("model", "trained_for")}
