"""Digital trees and screening mixes on disk, and what `index` makes of them."""

import hashlib
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

import mammomap.phantom.tree as tree
from mammomap.cli import main
from mammomap.errors import ConfigError
from mammomap.masks.breast import find_breast
from mammomap.masks.index import index
from mammomap.masks.mapfile import women_codes
from mammomap.masks.outlines import outlines_of
from mammomap.masks.read import read_film
from mammomap.masks.tables import read_tables
from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng
from mammomap.phantom.plan import BENIGN_SHARE, plan_woman
from mammomap.phantom.tree import official_parts, write_tree

MODES = {
    "digital": PhantomConfig(patients=3, seed=3, rows=200, look="digital", workers=1),
    "digital screening": PhantomConfig(patients=3, seed=7, rows=200, look="digital", prevalence=0.4, workers=1),
    "film screening": PhantomConfig(patients=3, seed=7, rows=200, prevalence=0.4, workers=1),
}


def _bytes(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


@pytest.fixture(scope="module", params=list(MODES))
def whole(request, tmp_path_factory):
    """A mode's settings, tree, phantom.json and tables."""
    folder = tmp_path_factory.mktemp("mode")
    config = MODES[request.param]
    about = write_tree(folder / "tree", config)
    index(folder / "tree", folder / "tables")
    return config, folder / "tree", about, read_tables(folder / "tables")


def test_the_tables_say_what_is_true(whole):
    config, folder, about, tables = whole
    truth = json.loads((folder / "truth.json").read_text())["films"]
    assert not len(tables.refused) and len(tables.films) == len(truth) == about["counts"]["films"]
    assert len(tables.lesions) == sum(len(film["lesions"]) for film in truth) == about["counts"]["lesions"] > 0
    films = tables.films.set_index("image_id")
    for film in truth:
        row = films.loc[film["image_id"]]
        for name in ("patient_id", "side", "view", "rows", "cols", "density", "malignant", "official_part"):
            assert row[name] == film[name], name
        assert row["spacing_mm"] == pytest.approx(1.2)
        lesions = tables.lesions[tables.lesions["image_id"] == film["image_id"]]
        assert lesions["lesion_id"].tolist() == [lesion["lesion_id"] for lesion in film["lesions"]]
        outlines = outlines_of(lesions, (film["rows"], film["cols"]))
        for outline, row, lesion in zip(outlines, lesions.to_dict("records"), film["lesions"], strict=True):
            row0, col0, part = outline.part
            assert [row0, col0, row0 + part.shape[0], col0 + part.shape[1]] == lesion["box"]
            assert part.sum() == lesion["area_px"] and outline.malignant == (lesion["pathology"] == "MALIGNANT")
            looks = ("mass_shape", "mass_margins") if lesion["kind"] == "mass" else ("calc_type", "calc_distribution")
            assert [row[name] for name in looks] == [lesion["shape"], lesion["margins"]]
            assert (row["assessment"], row["subtlety"]) == (lesion["assessment"], lesion["subtlety"])
    assert tables.films["official_part"].isin(["train", "test"]).all()
    assert not list(folder.rglob(".*")) and not list(folder.glob("*_case_description_*"))


def test_no_drawn_woman_passes_for_a_true_one_of_her_name(whole):
    config, _, about, tables = whole
    women = tables.films["patient_id"].unique()
    assert tables.about["source"] == about["phantom"] == f"phantom seed {config.seed}"
    assert set(tables.films["source"]) == {about["phantom"]}
    assert not set(women_codes(women, tables.about["source"])) & set(women_codes(women))


def test_the_pixels_are_those_drawn_and_face_as_stated(whole):
    config, folder, _, tables = whole
    paths = dict(zip(tables.films["image_id"], tables.films["path"], strict=True))
    drawn = [f for n in (1, 2) for f in draw_woman(woman_rng(config.seed, n), config, patient_name(n))]
    for film in drawn:
        pixels = read_film(folder / paths[film.image_id])
        assert (pixels == film.image).all()
        assert find_breast(pixels).chest_wall_left == film.chest_wall_left


def test_every_woman_of_a_screening_mix_is_listed(whole):
    config, folder, about, tables = whole
    assert tables.films["patient_id"].nunique() == config.patients == about["counts"]["women"]
    if config.prevalence is None:
        assert set(tables.lesions["image_id"]) == set(tables.films["image_id"])
        return
    women = tables.films.groupby("patient_id")["malignant"].any()
    ill = set(tables.films.set_index("image_id").loc[tables.lesions["image_id"].unique(), "patient_id"])
    counts = about["counts"]
    assert (counts["malignant_women"], counts["lesion_free_women"]) == (women.sum(), config.patients - len(ill))
    assert 0 < counts["malignant_women"] < counts["malignant_women"] + counts["lesion_free_women"]
    assert tables.films.groupby("patient_id")["side"].nunique().eq(2).all()


def test_folders_of_digital_films_can_be_read_by_their_headers_alone(whole, tmp_path):
    config, folder, _, tables = whole
    if config.look == "film":
        return
    shutil.copytree(folder / "films", tmp_path / "films", ignore=shutil.ignore_patterns("*.png"))
    by_header, _ = index(tmp_path / "films", tmp_path / "tables")
    names = ["patient_id", "side", "view", "rows", "cols", "spacing_mm"]
    assert not len(by_header.refused)
    both = [sorted(frame[names].itertuples(index=False, name=None)) for frame in (by_header.films, tables.films)]
    assert both[0] == both[1]


@pytest.mark.parametrize("whole", ["digital"], indirect=True)
def test_same_settings_same_bytes_whatever_the_workers(whole, tmp_path):
    config, folder, _, _ = whole
    write_tree(tmp_path / "tree", PhantomConfig(**{**config.__dict__, "workers": 2}))
    assert _bytes(tmp_path / "tree") == _bytes(folder)


def test_a_second_run_does_nothing_and_another_mode_is_refused_by_name(whole):
    config, folder, _, _ = whole
    assert not write_tree(folder, config)["written"]
    other = "film" if config.look == "digital" else "digital"
    with pytest.raises(ConfigError, match="another look"):
        write_tree(folder, PhantomConfig(**{**config.__dict__, "look": other}))
    with pytest.raises(ConfigError, match="another prevalence"):
        write_tree(folder, PhantomConfig(**{**config.__dict__, "prevalence": 0.25}))


STOPS = [("digital screening", "between films"), ("film screening", "before the record")]


@pytest.mark.parametrize(("whole", "stop"), STOPS, indirect=["whole"])
def test_a_stopped_run_goes_on_where_it_was_to_the_same_bytes(whole, tmp_path, monkeypatch, stop):
    config, whole_folder, _, _ = whole
    folder, drawn = tmp_path / "tree", []
    real_film, real_json, real_draw = tree.write_own_film, tree.write_json, tree.draw_woman

    def film_stops(film, *rest):
        rows = real_film(film, *rest)
        if film.patient_id == "P_00002":
            raise KeyboardInterrupt
        return rows

    def json_stops(path, value):
        if path.name == "P_00002.json":
            raise KeyboardInterrupt
        real_json(path, value)

    if stop == "between films":
        monkeypatch.setattr(tree, "write_own_film", film_stops)
    else:
        monkeypatch.setattr(tree, "write_json", json_stops)
    with pytest.raises(KeyboardInterrupt):
        write_tree(folder, config)
    seen = {path.name for path in (folder / "films").iterdir() if path.name[0] != "."}
    assert seen == {"P_00001"} | ({"P_00002"} if stop == "before the record" else set())
    assert not (folder / "films.csv").exists()
    monkeypatch.undo()
    monkeypatch.setattr(
        tree, "draw_woman", lambda rng, config, name: drawn.append(name) or real_draw(rng, config, name)
    )
    assert write_tree(folder, config)["written"]
    assert drawn == [patient_name(n) for n in range(2, config.patients + 1)]
    assert _bytes(folder) == _bytes(whole_folder)


def test_prevalence_holds_and_lesions_lie_in_one_breast():
    config = PhantomConfig(prevalence=0.05)
    rng = np.random.default_rng(8)
    women = [plan_woman(rng, config) for _ in range(4000)]
    lesions = [[breast.lesions for breast in woman if breast.lesions] for woman in women]
    malignant = [any(x.pathology == "MALIGNANT" for own in woman for x in own) for woman in lesions]
    assert np.mean(malignant) == pytest.approx(0.05, abs=0.01)
    benign = [bool(woman) and not bad for woman, bad in zip(lesions, malignant, strict=True)]
    assert np.mean(benign) == pytest.approx(0.95 * BENIGN_SHARE, abs=0.015)
    assert all([breast.side for breast in woman] == ["LEFT", "RIGHT"] for woman in women)
    assert all(len(woman) <= 1 for woman in lesions)
    views = [sum(len(breast.views) for breast in woman) for woman in women]
    assert set(views) == {3, 4} and np.mean(np.array(views) == 3) == pytest.approx(0.05, abs=0.015)
    assert all(breast.views for woman in women for breast in woman)
    sides = [breast.side for woman in women for breast in woman if breast.lesions]
    assert np.mean([side == "LEFT" for side in sides]) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("prevalence", [0.0, 1.0])
def test_none_and_all_are_shares_too(tmp_path, prevalence):
    config = PhantomConfig(patients=2, seed=1, rows=200, look="digital", prevalence=prevalence, workers=1)
    counts = write_tree(tmp_path / "tree", config)["counts"]
    assert counts["malignant_women"] == 2 * prevalence
    tables, _ = index(tmp_path / "tree", tmp_path / "tables")
    assert len(tables.films) == counts["films"] and set(tables.films.groupby("patient_id")["malignant"].any()) == {
        bool(prevalence)
    }


def test_parts_are_those_of_the_split(whole):
    config, folder, _, tables = whole
    parts = dict(zip(map(patient_name, range(1, config.patients + 1)), official_parts(config), strict=True))
    assert all(parts[row.patient_id] == row.official_part for row in tables.films.itertuples())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"look": "tomosynthesis"}, "look is 'tomosynthesis', wanted film or digital"),
        ({"prevalence": 1.5}, "prevalence is 1.5"),
        ({"look": "digital", "traps": ("zeros",)}, "drop the traps"),
        ({"prevalence": 0.1, "traps": ("zeros",)}, "drop the traps"),
    ],
)
def test_wrong_settings_are_refused(changes, reason):
    with pytest.raises(ConfigError, match=reason):
        PhantomConfig(**changes)


def test_the_verb_takes_both_modes_and_refuses_traps(tmp_path):
    words = [
        "phantom",
        "--patients",
        "2",
        "--rows",
        "200",
        "--workers",
        "1",
        "--look",
        "digital",
        "--prevalence",
        "0.5",
    ]
    made = CliRunner().invoke(main, [*words, "-o", str(tmp_path / "tree")])
    assert made.exit_code == 0 and "malignant women" in made.output
    assert (tmp_path / "tree" / "films.csv").is_file()
    refused = CliRunner().invoke(main, [*words, "--traps", "all", "-o", str(tmp_path / "other")])
    assert refused.exit_code == 1 and "drop the traps" in refused.output and not (tmp_path / "other").exists()


@pytest.mark.slow
@pytest.mark.parametrize("look", ["film", "digital"])
def test_films_as_large_as_they_come(tmp_path, look):
    config = PhantomConfig(patients=1, seed=2, rows=4700, look=look, prevalence=1.0, workers=1)
    about = write_tree(tmp_path / "tree", config)
    tables, _ = index(tmp_path / "tree", tmp_path / "tables")
    truth = json.loads((tmp_path / "tree" / "truth.json").read_text())["films"]
    assert about["pixel_mm"] == pytest.approx(0.051, abs=0.001) and set(tables.films["rows"]) == {4700}
    drawn = {film.image_id: film for film in draw_woman(woman_rng(2, 1), config, "P_00001")}
    for film, row in zip(truth, tables.films.itertuples(), strict=True):
        pixels = read_film(tmp_path / "tree" / str(row.path))
        assert pixels.shape == (film["rows"], film["cols"]) and (pixels == drawn[film["image_id"]].image).all()
        assert find_breast(pixels).chest_wall_left == drawn[film["image_id"]].chest_wall_left
        own = tables.lesions[tables.lesions["image_id"] == film["image_id"]]
        for outline, lesion in zip(outlines_of(own, pixels.shape), film["lesions"], strict=True):
            assert outline.part[2].sum() == lesion["area_px"]
