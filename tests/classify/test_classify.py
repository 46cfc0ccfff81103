"""Scores of images, breasts and women, and reasons; who is seen is refused, what is not calibrated is a score."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mammomap.classify.calibration import fit_calibration
from mammomap.classify.classify import classify
from mammomap.classify.features import head_inputs
from mammomap.classify.heads import Head, _points, read_head, write_head
from mammomap.classify.reasons import reasons, without
from mammomap.classify.train_head import train_head
from mammomap.cli import main
from mammomap.errors import ConfigError, LeakError
from mammomap.masks.grid import Grid
from mammomap.masks.key import Key, KeyFilm, write_key
from mammomap.masks.mapfile import FilmMap, MapFolder, first_of, women_codes
from mammomap.masks.sources import find_sources
from mammomap.masks.store import Store
from mammomap.seg.candidates import candidate_rows
from mammomap.seg.mappers import RunMapper
from mammomap.seg.run import Run
from mammomap.seg.segment import segment
from mammomap.seg.train_run import train


@pytest.fixture(scope="module")
def head(drawn_store: Store, trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Head:
    return train_head(drawn_store, trained_run, tmp_path_factory.mktemp("head") / "head.json")[0]


@pytest.fixture(scope="module")
def mapped(drawn_store: Store, trained_run: Run, tmp_path_factory: pytest.TempPathFactory) -> MapFolder:
    """Maps of the test women, made from tables."""
    sources = find_sources([drawn_store.folder / "tables"], trained_run.split, "test")
    return segment(sources, RunMapper(trained_run), tmp_path_factory.mktemp("mapped") / "maps")[0]


def test_a_head_is_for_maps_made_as_those_that_it_was_fitted_on(
    drawn_store: Store, trained_run: Run, mapped: MapFolder, head: Head, tmp_path: Path
) -> None:
    words = ["train-head", str(drawn_store.folder), "--model", str(trained_run.folder), "-o", str(tmp_path / "f.json")]
    assert CliRunner().invoke(main, [*words, "--flips"]).exit_code == 0
    flipped = read_head(tmp_path / "f.json")
    assert flipped.flips and not head.flips and flipped.estimator != head.estimator
    turned = dataclasses.replace(mapped, about={**mapped.about, "flips": True})
    for folder, its, told in (
        (turned, head, "made with --flips, but the head is for maps without; .* by 'train-head --flips'"),
        (mapped, flipped, "made without --flips, but the head is for maps with; .* by 'train-head'"),
    ):
        with pytest.raises(ConfigError, match=told):
            classify(folder, its, tmp_path / "no.csv")
    assert len(classify(turned, flipped, tmp_path / "scores.csv")[0]) == len(mapped.done)
    with pytest.raises(ConfigError, match="with flips; choose another file"):
        train_head(drawn_store, trained_run, tmp_path / "f.json")


def test_breasts_and_women_have_tables_of_their_own(drawn_store, mapped: MapFolder, head: Head, tmp_path) -> None:
    images, _ = classify(mapped, head, tmp_path / "scores.csv")
    breasts, women = (pd.read_csv(tmp_path / f"scores.{level}.csv") for level in ("breast", "patient"))
    assert set(images["level"]) == {"image"} and set(breasts["level"]) == {"breast"}
    films = drawn_store.tables.films.set_index("image_id").loc[images["image_id"]]
    codes = {woman: women_codes([woman], "")[0] for woman in films["patient_id"]}
    assert set(women["woman"]) == set(codes.values()) and len(breasts) == len(women) == len(films) / 2
    for column in ("probability", "call at youden"):
        assert column in breasts and column in women
    moved = pd.read_csv(tmp_path / "scores.reasons.csv").query("what == 'feature'").groupby("image_id")["moved"].sum()
    raw = head.estimator.intercept + moved.loc[images["image_id"]].to_numpy()
    joined = pd.Series(raw, films["patient_id"]).groupby(level=0).mean()  # one breast a woman, two views
    wanted = head.levels["breast"].calibration(joined.to_numpy())
    told = breasts.set_index("woman")["probability"]
    order = [codes[str(woman)] for woman in joined.index.to_list()]
    assert np.allclose(told.loc[order].to_numpy(), wanted, atol=1e-6)
    assert set(images.groupby(films["patient_id"].to_numpy())["probability_breast"].nunique()) == {1}
    said = json.loads((tmp_path / "scores.json").read_text())
    assert set(said["levels"]) == {"image", "breast", "patient"} and said["column"] == "probability"
    assert said["thresholds_from"] == "women of the part head" and said["in_sample"] is False


def test_calls_and_order_hold_on_the_steps_of_an_isotonic_curve(mapped: MapFolder, head: Head, tmp_path: Path) -> None:
    """On a step the probability rises by a millionth: the table holds it in full, and the threshold falls inside."""
    inputs = [head_inputs(head.kind, mapped.map(i), _candidates_of(mapped, i)) for i in mapped.done]
    raw = head.raw(np.array(inputs))
    malignant = np.ones(len(raw), bool)
    malignant[np.argsort(raw)[[0, 1, 5]]] = False  # steps below and above the sixth
    curve = fit_calibration("isotonic", raw, malignant)
    points = _points(malignant, curve(raw))
    level = dataclasses.replace(head.levels["image"], calibration=curve, operating_points=points)
    stepped = dataclasses.replace(head, levels={**head.levels, "image": level})
    images, _ = classify(mapped, stepped, tmp_path / "scores.csv")
    assert (np.diff(images["probability"].to_numpy()[np.argsort(raw)]) > 0).all()
    for point, wanted in points.items():
        assert np.array_equal(images[f"call at {point}"] == 1, curve(raw) >= wanted)
    called = images["call at sensitivity 0.90"].to_numpy(bool)
    assert called[malignant].sum() == np.ceil(0.9 * malignant.sum())
    kept = pd.read_csv(tmp_path / "scores.csv", dtype=str)["probability"]
    assert np.array_equal([float(text) for text in kept], curve(raw))


def test_a_film_without_a_view_takes_its_woman_out_of_the_other_tables(
    mapped: MapFolder, head: Head, tmp_path: Path
) -> None:
    whole, _ = classify(mapped, head, tmp_path / "scores.csv")
    assert set(pd.read_csv(tmp_path / "scores.reasons.csv")["level"]) == {"image"}
    women = set(pd.read_csv(tmp_path / "scores.patient.csv")["woman"])
    (tmp_path / "scores.json").unlink()
    first = mapped.films["woman"].iloc[0]
    without_view = mapped.films.assign(view=["", *mapped.films["view"].iloc[1:]])
    images, _ = classify(dataclasses.replace(mapped, films=without_view), head, tmp_path / "scores.csv")
    hers = (mapped.films["woman"] == first).to_numpy()
    for level in ("breast", "patient"):
        assert set(pd.read_csv(tmp_path / f"scores.{level}.csv")["woman"]) == women - {first}
        column = f"probability_{level}"
        assert images.loc[hers, column].isna().all()
        assert np.array_equal(images.loc[~hers, column], whole.loc[~hers, column])
    assert np.array_equal(images["probability"], whole["probability"])
    (tmp_path / "scores.json").unlink()
    classify(dataclasses.replace(mapped, films=mapped.films.assign(side="")), head, tmp_path / "scores.csv")
    assert sorted(path.name for path in tmp_path.glob("scores*.csv")) == ["scores.csv", "scores.reasons.csv"]


def _candidates_of(folder: MapFolder, image_id: str) -> list[dict]:
    return folder.candidates[folder.candidates["image_id"] == image_id].to_dict("records")


def test_reasons_add_up(mapped: MapFolder, head: Head, tmp_path: Path) -> None:
    images, _ = classify(mapped, head, tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.reasons.csv")
    moved = table[table["what"] == "feature"].groupby("image_id")["moved"].sum()
    raw = head.estimator.intercept + moved.loc[images["image_id"]].to_numpy()
    assert np.allclose(head.levels["image"].calibration(raw), images["probability"], atol=1e-6)
    first = table[table["what"] == "feature"].groupby("image_id").first()
    assert all(
        told.startswith(first.loc[i, "name"]) for i, told in zip(images["image_id"], images["because"], strict=True)
    )
    candidates = table[table["what"] == "candidate"]
    assert len(candidates) and candidates[["row", "col", "value"]].notna().all().all()


def test_a_candidate_moves_the_score_by_what_it_is_without_it(head: Head) -> None:
    lesion = np.zeros((60, 50))
    rows, cols = np.ogrid[:60, :50]
    for row, col, top in ((15, 12, 0.9), (45, 35, 0.4)):
        lesion = np.maximum(lesion, top * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / 30))
    lesion = lesion.astype(np.float32)
    film = FilmMap(lesion, lesion * np.float32(0.8), np.ones((60, 50), bool), Grid.whole(60, 50))
    found = candidate_rows("a", film)
    inputs = head_inputs(head.kind, film, found)
    told = [row for row in reasons(head, "a", film, found, inputs) if row["what"] == "candidate"]
    strongest = max((row for row in found if row["map"] == "lesion"), key=lambda row: row["score"])
    left = without(film, strongest)
    assert left.lesion[15, 12] == left.malignancy[15, 12] == 0 and left.lesion[45, 35] == film.lesion[45, 35]
    again = head_inputs(head.kind, left, candidate_rows("a", left))
    wanted = head.raw(inputs[None])[0] - head.raw(again[None])[0]
    by_value = {row["value"]: row["moved"] for row in told}
    assert by_value[strongest["score"]] == pytest.approx(wanted) and len(told) == 2


def test_women_seen_are_refused_by_code_unless_it_is_said(
    drawn_store: Store, trained_run: Run, head: Head, mapped: MapFolder, tmp_path: Path
) -> None:
    sources = find_sources([drawn_store.folder / "tables"], trained_run.split, "head")
    folder, _ = segment(sources[:4], RunMapper(trained_run), tmp_path / "maps")
    codes = folder.films["woman"].unique()
    with pytest.raises(LeakError, match=f"women of 4 of these films: {', '.join(codes)}; score others"):
        classify(folder, head, tmp_path / "scores.csv")
    loose = folder.films.assign(woman="", seen="net")
    with pytest.raises(LeakError, match=f"films: {', '.join(folder.done)}; score others"):
        classify(dataclasses.replace(folder, films=loose), head, tmp_path / "scores.csv")
    write_head(tmp_path / "h.json", head)
    words = ["classify", str(folder.folder), "--head", str(tmp_path / "h.json"), "-o", str(tmp_path / "scores.csv")]
    done = CliRunner().invoke(main, [*words, "--in-sample"])
    assert done.exit_code == 0 and "4 of these images are of women whom net or head have seen" in done.stdout
    assert json.loads((tmp_path / "scores.json").read_text())["in_sample"] is True
    for name in ("scores.csv", "scores.breast.csv", "scores.patient.csv"):
        assert set(pd.read_csv(tmp_path / name)["in_sample"]) == {1}
    some = dataclasses.replace(head, women_seen=(mapped.films["woman"].iloc[0],))
    images, _ = classify(mapped, some, tmp_path / "some.csv", in_sample=True)
    women = pd.read_csv(tmp_path / "some.patient.csv")
    assert images["in_sample"].tolist() == [1, 1] + [0] * (len(images) - 2)
    assert women.loc[women["in_sample"] == 1, "woman"].tolist() == [*some.women_seen]
    assert "in_sample" not in classify(mapped, head, tmp_path / "none.csv", in_sample=True)[0]


def test_twenty_women_are_named_and_the_rest_counted() -> None:
    women = [f"W{number}" for number in range(23)]
    assert first_of(women[:2]) == "W0, W1" and first_of(women).endswith(", W18, W19 and 3 more")


def test_a_key_tells_the_women_of_loose_films_alone(trained_run, mapped: MapFolder, head: Head, tmp_path: Path) -> None:
    """In tables a woman's code goes by her set, so that a drawn woman by the name of a seen one is somebody else."""
    namesake = KeyFilm(Path("f.dcm"), patient_id=min(trained_run.split.women("head")))
    key = Key(films={mapped.done[0]: namesake})
    assert len(classify(mapped, head, tmp_path / "scores.csv", key=key)[0]) == len(mapped.done)
    loose = dataclasses.replace(mapped, about={**mapped.about, "data_set": ""})
    with pytest.raises(LeakError, match="the women of 1 of these films: "):
        classify(loose, head, tmp_path / "scores.csv", key=key)


def test_films_of_another_set_get_a_score_and_no_probability(drawn_store, trained_run, head, tmp_path: Path) -> None:
    path = drawn_store.tables.films["path"].iloc[0]
    folder, _ = segment(find_sources([Path(path)]), RunMapper(trained_run), tmp_path / "maps")
    images, _ = classify(folder, head, tmp_path / "scores.csv")
    assert "score" in images and "probability" not in images and not (tmp_path / "scores.breast.csv").exists()
    assert "not calibrated for these films" in json.loads((tmp_path / "scores.json").read_text())["score"]
    other = dataclasses.replace(folder, about={**folder.about, "data_set": "another"})
    assert "score" in classify(other, head, tmp_path / "others.csv")[0]


def test_a_set_of_ones_own_is_known_by_its_tables_and_a_public_one_by_its_name(
    mapped: MapFolder, head: Head, drawn_store: Store, drawn_set, tmp_path: Path
) -> None:
    tables = drawn_store.tables.hash
    assert mapped.about["data_hash"] == head.data_hash == tables
    assert {source.data_hash for source in find_sources([drawn_set.root])} == {tables}
    for name, data_hash, of_head, wanted in (
        ("my_set", tables, tables, "probability"),
        ("my_set", "other", tables, "score"),
        ("my_set", "", "", "score"),  # maps and a head of before
        ("CBIS-DDSM", "other", tables, "probability"),
        ("phantom seed 3", "", "", "probability"),
    ):
        about = {**mapped.about, "source": name, "data_set": name, "data_hash": data_hash}
        folder, its = dataclasses.replace(mapped, about=about), dataclasses.replace(head, data_hash=of_head)
        assert wanted in classify(folder, its, tmp_path / "scores.csv")[0], name


def test_every_kind_goes_the_whole_way(drawn_store, trained_run, mapped: MapFolder, tmp_path: Path) -> None:
    for kind, join in (("trees", "two-view"), ("conv", "mean"), ("generalised-mean", "mean")):
        call = [
            "train-head",
            str(drawn_store.folder),
            "--model",
            str(trained_run.folder),
            "--kind",
            kind,
            "--join",
            join,
        ]
        done = CliRunner().invoke(main, [*call, "-o", str(tmp_path / f"{kind}.json")])
        assert done.exit_code == 0 and "breast: " in done.stdout and f"head {kind} on women" in done.stdout
        words = [
            "classify",
            str(mapped.folder),
            "--head",
            str(tmp_path / f"{kind}.json"),
            "-o",
            str(tmp_path / "s.csv"),
        ]
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0, done.stderr
        images = pd.read_csv(tmp_path / "s.csv")
        malignant = images["image_id"].isin(drawn_store.tables.films.query("malignant")["image_id"])
        rises = images.loc[malignant, "probability"].mean() > images.loc[~malignant, "probability"].mean()
        if kind == "conv":  # 17 women do not teach it; what it learns is asked in test_conv_head.py
            raw = [
                read_head(tmp_path / "conv.json").raw(head_inputs(kind, mapped.map(i), ())[None])[0]
                for i in mapped.done
            ]
            order = images["probability"].to_numpy()[np.argsort(raw)]
            assert len(set(raw)) > 3 and (np.diff(order) >= 0).all()
        else:
            assert rises


def test_a_head_fitted_otherwise_is_not_taken_for_the_one_asked_for(
    drawn_store: Store, trained_run: Run, head: Head, tmp_path: Path
) -> None:
    path = tmp_path / "h.json"
    write_head(path, head)
    for how, told in (({"join": "two-view"}, "--join mean, not two-view"), ({"folds": 2}, "--folds 0, not 2")):
        with pytest.raises(ConfigError, match=told):
            train_head(drawn_store, trained_run, path, **how)
    with pytest.raises(ConfigError, match="--seed 1, not 2; choose another file"):
        train_head(drawn_store, trained_run, path, seed=2)
    assert train_head(drawn_store, trained_run, path) == (head, False)
    values = json.loads(path.read_text())
    for name in ("join_asked", "folds", "seed"):
        del values[name]
    path.write_text(json.dumps(values))  # of before: it does not say
    assert train_head(drawn_store, trained_run, path, join="two-view", seed=2)[1] is False


def test_a_head_that_misleads_is_called_so(drawn_store: Store, trained_run: Run, head: Head, tmp_path: Path) -> None:
    words = ["train-head", str(drawn_store.folder), "--model", str(trained_run.folder), "-o", str(tmp_path / "h.json")]
    for value in (0.4, 0.6):
        image = dataclasses.replace(head.levels["image"], held_out_auc=value)
        write_head(tmp_path / "h.json", dataclasses.replace(head, levels={**head.levels, "image": image}))
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 0 and ("AUC of images below 0.5" in done.stdout) is (value < 0.5)


def test_pictures_show_the_reasons(drawn_store, mapped: MapFolder, head: Head, tmp_path: Path) -> None:
    write_head(tmp_path / "h.json", head)
    paths = drawn_store.tables.films.set_index("image_id")["path"]
    some = mapped.done[:2]
    write_key(tmp_path / "key.json", Key(films={i: KeyFilm(Path(paths[i])) for i in some}))
    words = ["classify", str(mapped.folder), "--head", str(tmp_path / "h.json"), "-o", str(tmp_path / "s.csv")]
    more = ["--pictures", str(tmp_path / "pictures"), "--key", str(tmp_path / "key.json")]
    done = CliRunner().invoke(main, [*words, *more])
    assert done.exit_code == 0 and "2 pictures" in done.stdout, done.stderr
    assert sorted(path.stem for path in (tmp_path / "pictures").glob("*.png")) == sorted(some)
    assert f"{mapped.done[2]}: not in the key" in done.stdout
    absent = CliRunner().invoke(main, [*words, *more[:2]])
    assert absent.exit_code == 1 and "no such key file" in absent.stderr


def test_out_of_fold_every_woman_is_mapped_by_a_net_that_has_not_seen_her(
    drawn_store: Store, trained_run: Run, tmp_path: Path
) -> None:
    run, _ = train(drawn_store, tmp_path / "run", dataclasses.replace(trained_run.config, crops=64))
    head, _ = train_head(drawn_store, run, tmp_path / "head.json", folds=2)
    women = run.split.women("net", "validation", "head")
    assert head.levels["image"].women == len(women) and "by 2 nets" in head.fitted_on
    assert not set(head.women_seen) & set(women_codes(run.split.women("test")))
    runs = sorted((tmp_path / "head.folds").glob("*/run"))
    assert len(runs) == 2
    stamps = [(run / "model.safetensors").stat().st_mtime_ns for run in runs]
    (tmp_path / "head.json").unlink()
    again, done = train_head(drawn_store, run, tmp_path / "head.json", folds=2)
    assert done and again == head and stamps == [(run / "model.safetensors").stat().st_mtime_ns for run in runs]


def test_the_benchmark_judges_probabilities_at_every_level(drawn_store, trained_run, head, tmp_path: Path) -> None:
    """Each with the prevalence of its level, and the figures are repeated from the tables beside the report."""
    tables, split = str(drawn_store.folder / "tables"), str(trained_run.folder / "split.csv")
    sources = find_sources([Path(tables)], trained_run.split, "test")
    folder, _ = segment(sources, RunMapper(trained_run), tmp_path / "maps")
    images, _ = classify(folder, head, tmp_path / "maps" / "scores.csv")
    said = json.loads((tmp_path / "maps" / "scores.json").read_text())
    told = {"image": 0.4, "breast": 0.3, "patient": 0.2}  # in the drawn set they are all the same
    for level, share in told.items():
        assert said["levels"][level]["prevalence"] == pytest.approx(head.levels[level].prevalence)
        said["levels"][level]["prevalence"] = share
    (tmp_path / "maps" / "scores.json").write_text(json.dumps(said))
    words = ["benchmark", tables, f"net={tmp_path / 'maps'}", "--split", split, "--no-pictures", "--no-trivial"]
    done = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "report")])
    assert done.exit_code == 0, done.stderr
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    found = {e["level"]: e for e in report["systems"][0]["images"] if e["score"] == "probability"}
    assert set(found) == {"image", "breast", "patient"}
    for level, entry in found.items():
        assert entry["fitted_at"] == told[level]
        assert entry["n"] == len(images) // (1 if level == "image" else 2)
    films = drawn_store.tables.films.set_index("image_id").loc[images["image_id"]]
    one = images.assign(woman=films["patient_id"].to_numpy(), bad=films["malignant"].to_numpy()).groupby("woman")
    by_hand = ((one["probability_breast"].first() - one["bad"].max()) ** 2).mean()
    assert found["breast"]["brier"]["value"] == pytest.approx(by_hand, abs=1e-6)
    verified = CliRunner().invoke(main, ["benchmark", "--verify", str(tmp_path / "report" / "report.json")])
    assert verified.exit_code == 0, verified.stdout
