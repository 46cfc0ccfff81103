"""Pictures in a run: of validation women alone, both kinds of film, map and outlines where they belong."""

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from mammomap.cli import main
from mammomap.masks.store import Store
from mammomap.report.examples import EACH, _outlines, examples
from mammomap.report.overlay import HEADER_PX, MALIGNANT
from mammomap.seg.run import Run, read_run
from mammomap.seg.train_run import films_to_train_on


def test_train_leaves_pictures_of_validation_women(drawn_store: Store, tmp_path: Path) -> None:
    words = ["train", str(drawn_store.folder), "-o", str(tmp_path / "run"), "--encoder", "resnet18", "--crops", "8"]
    words += ["--crop", "32", "--batch", "4"]
    first = CliRunner().invoke(main, words)
    assert first.exit_code == 0, first.output
    run = read_run(tmp_path / "run")
    films = drawn_store.tables.films.set_index("image_id")
    shown = sorted(path.stem for path in (run.folder / "examples").glob("*.png"))
    assert shown and set(films.loc[shown, "patient_id"]) <= run.split.women("validation")
    for image_id in shown:
        picture = Image.open(run.folder / "examples" / f"{image_id}.png")
        rows, cols = drawn_store[image_id].pixels.shape
        assert picture.size[1] == HEADER_PX + rows and picture.size[0] > 2 * cols
        reds = (np.asarray(picture.convert("RGB")) == MALIGNANT).all(-1).sum()
        assert (reds > 0) == bool(films.loc[image_id, "malignant"])
    before = {path: path.stat().st_mtime_ns for path in (run.folder / "examples").iterdir()}
    assert CliRunner().invoke(main, words).exit_code == 0
    assert before == {path: path.stat().st_mtime_ns for path in (run.folder / "examples").iterdir()}


def test_films_are_taken_evenly_from_both_groups(drawn_store: Store, trained_run: Run) -> None:
    films = drawn_store.tables.films.set_index("image_id")
    _, shown = films_to_train_on(drawn_store, trained_run.split)
    chosen = examples(drawn_store, shown, trained_run.classes)
    bad = films.loc[chosen, "malignant"].tolist()
    assert bad == sorted(bad, reverse=True) and len(set(chosen)) == len(chosen) <= 2 * EACH
    assert set(films.loc[chosen, "patient_id"]) <= trained_run.split.women("validation")


def test_outlines_by_hand() -> None:
    target = np.zeros((9, 9), np.uint8)
    target[2:4, 3:6], target[7, 7], target[0, 0] = 4, 3, 255
    found = _outlines(target, (0, 3, 4), True)
    assert [(malignant, approximate) for _, malignant, approximate in found] == [(False, True), (True, True)]
    assert found[1][0].min(0).tolist() == [1.5, 2.5] and found[1][0].max(0).tolist() == [3.5, 5.5]
    assert _outlines(target, (0, 3), False)[0][0].mean(0).round().tolist() == [7, 7]
