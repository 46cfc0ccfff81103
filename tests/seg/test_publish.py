"""A run as a bundle: the same maps and scores, the women known, no name of a patient."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from mammomap.classify.heads import read_head
from mammomap.classify.train_head import train_head
from mammomap.cli import main
from mammomap.errors import ConfigError, LeakError, ModelError
from mammomap.masks.bundle import CARD, read_bundle
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import make_split
from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig
from mammomap.seg.mappers import lesion_map
from mammomap.seg.publish import publish
from mammomap.seg.run import Run, read_run
from mammomap.seg.train_run import train


@pytest.fixture(scope="module")
def published(drawn_store: Store, trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained run with its head, as a bundle."""
    folder = tmp_path_factory.mktemp("published")
    train_head(drawn_store, trained_run, folder / "head.json")
    (folder / "about.md").write_text("By the tests. Licence: none.\n")
    publish(trained_run, folder / "discs.zip", head=folder / "head.json", about="By the tests. Licence: none.")
    return folder / "discs.zip"


def test_maps_are_those_of_the_run(drawn_store: Store, trained_run: Run, published: Path) -> None:
    film = Path(drawn_store.tables.films["path"].iloc[0])
    here, there = (lesion_map(film, str(model)) for model in (trained_run.folder, published))
    assert np.array_equal(here.lesion, there.lesion) and np.array_equal(here.malignancy, there.malignancy)
    assert here.lesion.max() > 0.1


def test_in_half_precision_it_is_half_as_large_and_marks_the_same(
    drawn_store: Store, trained_run: Run, published: Path, tmp_path: Path
) -> None:
    publish(trained_run, tmp_path / "half.zip", half=True)
    assert (tmp_path / "half.zip").stat().st_size < 0.51 * published.stat().st_size
    film = Path(drawn_store.tables.films["path"].iloc[0])
    whole, half = (lesion_map(film, str(model)) for model in (published, tmp_path / "half.zip"))
    assert 0 < np.abs(whole.lesion - half.lesion).max() < 0.03
    assert read_run(tmp_path / "half.zip").name == trained_run.name
    assert "in half precision" in read_bundle(tmp_path / "half.zip")[CARD].decode()


def test_weights_that_half_precision_does_not_hold_are_refused(trained_run: Run, tmp_path: Path) -> None:
    shutil.copytree(trained_run.folder, tmp_path / "run")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    name = next(name for name, value in weights.items() if value.ndim == 4)
    save_file({**weights, name: weights[name] + 1e5}, tmp_path / "run" / "model.safetensors")
    with pytest.raises(ConfigError, match=f"does not hold the weights of {name}"):
        publish(read_run(tmp_path / "run"), tmp_path / "half.zip", half=True)


def test_it_has_the_name_and_the_women_of_the_run(trained_run: Run, published: Path) -> None:
    run = read_run(published)
    assert run.name == trained_run.name and run.women_codes == trained_run.women_codes
    assert run.trained_codes == set(women_codes(trained_run.split.women("net")))
    assert run.chosen_codes == set(women_codes(trained_run.split.women("validation")))
    assert run.config == trained_run.config and run.classes == trained_run.classes


def test_no_patient_and_no_path_is_in_it(drawn_store: Store, trained_run: Run, tmp_path: Path) -> None:
    """Women are called W000 to W099; a split file on this machine has a path."""
    split = make_split(drawn_store.tables, "random", 4)
    split.write(tmp_path / "mine.csv")
    config = TrainConfig(encoder="resnet18", crops=8, crop=32, batch=4, split=str(tmp_path / "mine.csv"))
    run, _ = train(drawn_store, tmp_path / "run", config)
    head, _ = train_head(drawn_store, trained_run, tmp_path / "head.json")
    for its, its_head in ((run, None), (trained_run, tmp_path / "head.json")):
        publish(its, tmp_path / "a.zip", head=its_head)
        for name, data in read_bundle(tmp_path / "a.zip").items():
            if name == "model.safetensors":
                continue
            assert not re.search(rb"\bW0\d\d\b", data), name
            assert str(tmp_path).encode() not in data, name
    assert head.women_seen


def test_the_card_says_what_was_done(trained_run: Run, published: Path) -> None:
    text = read_bundle(published)[CARD].decode()
    count = {part: len(trained_run.split.women(part)) for part in ("net", "validation")}
    image = read_head(published).levels["image"]
    auc = image.held_out_auc
    for said in (
        f"# {trained_run.name}\n\nBy the tests. Licence: none.",
        f"Trained on {count['net']} women and chosen on {count['validation']} others",
        "Marks mass lesions",
        "never been shown calcification",
        "mammomap classify maps --head BUNDLE",
        f"| sensitivity_at_1 | {_best(trained_run)['sensitivity_at_1']:.3f} |",
        f"was fitted on {image.cases} films of {image.women} women (women of the part head)",
        f"AUC by image among them, cross-validated: {auc:.2f}",
    ):
        assert said in text, said


def _best(run: Run) -> dict:
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    return max((line["validation"] for line in log), key=lambda line: line["mean_sensitivity"])


def test_women_stay_seen(drawn_store: Store, trained_run: Run, published: Path, tmp_path: Path) -> None:
    """A run that starts from the bundle, and the benchmark of its maps, know them."""
    make_split(drawn_store.tables, "random", 8).write(tmp_path / "other.csv")
    short = {**trained_run.config.json(), "crops": 8, "batch": 4, "init_from": str(published)}
    with pytest.raises(LeakError, match=f"have been seen by {trained_run.name}"):
        train(drawn_store, tmp_path / "no", TrainConfig.from_json({**short, "split": str(tmp_path / "other.csv")}))
    same = {**short, "split": str(trained_run.folder / "split.csv")}
    run, _ = train(drawn_store, tmp_path / "run", TrainConfig.from_json(same))
    assert set(run.women_codes) == set(trained_run.women_codes)
    woman = min(trained_run.split.women("validation"))
    part_of = {**trained_run.split.part_of, woman: "test"}
    pd.DataFrame({"patient_id": list(part_of), "part": list(part_of.values())}).to_csv(tmp_path / "s.csv", index=False)
    index, split, maps = str(drawn_store.folder / "tables"), str(tmp_path / "s.csv"), str(tmp_path / "maps")
    words = ["segment", index, "--model", str(published), "--part", "test", "--split", split, "-o", maps]
    assert CliRunner().invoke(main, words).exit_code == 0
    found = CliRunner().invoke(main, ["benchmark", index, f"a={maps}", "--split", split, "-o", str(tmp_path / "r")])
    assert found.exit_code == 1 and f"has seen 1 of these women, first {woman}" in found.stderr


def test_from_bundle_to_scores_by_url(drawn_store: Store, trained_run: Run, tmp_path: Path) -> None:
    call = CliRunner().invoke
    run, head, url = str(trained_run.folder), str(tmp_path / "head.json"), tmp_path / "site" / "discs.zip"
    assert call(main, ["train-head", str(drawn_store.folder), "--model", run, "-o", head]).exit_code == 0
    made = call(main, ["bundle", run, "--head", head, "-o", str(url)])
    line = made.stdout.splitlines()[-1].split()
    assert made.exit_code == 0 and line[:3] == ["mammomap", "download", "model"]
    there = line[3].replace("https://.../", f"{url.parent.as_uri()}/")
    here = str(tmp_path / "got.zip")
    got = call(main, ["download", "model", there, "-o", here])
    assert got.exit_code == 0 and f"# {trained_run.name}" in got.stdout and "checked ->" in got.stdout
    assert "nothing to do" in call(main, ["download", "model", there, "-o", here]).stdout
    film = drawn_store.tables.films["path"].iloc[0]
    for model, fitted, out in ((run, head, "a"), (here, here, "b")):
        key = ["--key", str(tmp_path / "key.json")]
        assert call(main, ["segment", film, "--model", model, "-o", str(tmp_path / out), *key]).exit_code == 0
        done = call(main, ["classify", str(tmp_path / out), "--head", fitted, *key])
        assert done.exit_code == 0, done.stderr
    assert (tmp_path / "a" / "scores.csv").read_text() == (tmp_path / "b" / "scores.csv").read_text()


def test_a_head_of_another_version_is_refused_in_one_line(trained_run: Run, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    old.write_text(json.dumps({"format": 1, "kind": "features", "model": trained_run.name}))
    done = CliRunner().invoke(main, ["bundle", str(trained_run.folder), "--head", str(old), "-o", str(tmp_path / "b")])
    assert done.exit_code == 1 and "another version" in done.output and done.output.count("\n") == 1


def test_what_cannot_be(drawn_store: Store, trained_run: Run, published: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a bundle already"):
        publish(read_run(published), tmp_path / "a.zip")
    with pytest.raises(ConfigError, match="does not say which women are for a head"):
        train_head(drawn_store, read_run(published), tmp_path / "head.json")
    other = tmp_path / "other"
    shutil.copytree(trained_run.folder, other)
    _, _ = train_head(drawn_store, trained_run, tmp_path / "head.json")
    with pytest.raises(ConfigError, match=f"a head for {trained_run.name}, not for other-"):
        publish(read_run(other), tmp_path / "a.zip", head=tmp_path / "head.json")
    publish(trained_run, tmp_path / "headless.zip")
    with pytest.raises(ModelError, match="holds no head"):
        read_head(tmp_path / "headless.zip")
    assert not (tmp_path / "a.zip").exists()
