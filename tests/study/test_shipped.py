"""The net that ships: folds judged by nets that have not seen them, beside the plain U-Net, and all of it in small."""

import argparse
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import draw_film

from mammomap.benchmark.evidence import Evidence
from mammomap.benchmark.judge import Said, judge_system
from mammomap.classify.heads import read_head
from mammomap.masks.bundle import CARD, read_bundle
from mammomap.masks.mapfile import FilmMap
from mammomap.masks.working import working_film
from mammomap.report.overlay import MALIGNANT

NETS = Path(__file__).resolve().parents[2] / "study" / "nets" / "films"


def both(studies, ours: str, theirs: str) -> tuple[dict[str, Said], Evidence]:
    """Two nets of the comparison as the net that ships and the floor, in one evidence."""
    (facts, one), (_, other) = (studies("kept").kept(NETS, name) for name in (ours, theirs))
    first = int(one.marks["mark"].max()) + 1
    parts = {}
    for name, its in (("marks", {"mark": first}), ("hits", {"mark": first}), ("scores", {}), ("overlap", {})):
        moved = getattr(other, name)
        moved = moved.assign(**{key: moved[key] + by for key, by in its.items()})
        tables = [getattr(one, name), moved]
        if name != "hits":
            tables = [table.assign(system=system) for table, system in zip(tables, ("net", "floor"), strict=True)]
        parts[name] = pd.concat(tables, ignore_index=True)
    said = Said.of_entry(facts["said"])
    return {name: replace(said, name=name) for name in ("net", "floor")}, replace(one, **parts)


def dealt(studies, ours: str, theirs: str) -> dict:
    """The same in two folds."""
    said, evidence = both(studies, ours, theirs)
    first = evidence.film_number.to_numpy() < 120
    found = {}
    for number, among in ((0, first), (4, ~first)):
        its = evidence.of(among)
        hits = its.hits[its.hits["mark"].isin(its.marks["mark"]) & its.hits["lesion"].isin(its.lesions["lesion"])]
        calc = frozenset(its.films["image_id"].iloc[:7])
        fold = studies("kept").on_one_scale(replace(its, hits=hits))
        found[number] = studies("shipped_table").Fold(said, fold, calc, {})
    return found


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_both_stand_on_the_same_films_and_their_difference_is_paired(studies) -> None:
    module = studies("shipped_table")
    found = dealt(studies, "fpn", "fcn32s-light")
    lines = module.lesions(found)
    rows = {cells(line)[0]: cells(line) for line in lines[2:]}
    films = sum(len(fold.evidence.films) for fold in found.values())
    where = "folds 0 (looked at before), 4"
    assert rows[f"the net that ships, {where}"][1] == rows[f"a plain U-Net, {where}"][1] == str(films)
    assert rows["… without the films of the calcification list too"][1] == str(films - 14)
    assert {"the net that ships, fold 4", "a plain U-Net, fold 4"} <= set(rows)
    column = 4 + list(module.COLUMNS).index("at 1")
    evidence = studies("kept").joined([fold.evidence for fold in found.values()])
    values = {}
    for name, shown in (("net", "the net that ships"), ("floor", "a plain U-Net")):
        figures = judge_system(evidence, found[0].said[name])[1]
        values[name] = figures[module.COLUMNS["at 1"]].value
        assert rows[f"{shown}, {where}"][column].startswith(f"{values[name]:.2f} (")
    differences = [cells(line) for line in lines if line.startswith("| the difference")]
    assert len(differences) == 3 and values["net"] != values["floor"]
    assert differences[0][column].startswith(f"{values['net'] - values['floor']:.2f} (")
    same = {number: fold for number, fold in dealt(studies, "fpn", "fpn").items() if number == 4}
    [alike] = [cells(line) for line in module.lesions(same) if line.startswith("| the difference")]
    assert all(cell.startswith("0.00 (0.00") for cell in alike[4:])


def test_a_fold_trained_again_lies_beside_the_kept_one_and_the_spread_of_seeds(studies, tmp_path: Path) -> None:
    """Fold 0 as it is kept, and by other weights with every second hit taken from it."""
    module, recipe = studies("shipped_table"), studies("recipe")
    kept = module.FOLDER / "fold-0"
    shutil.copytree(kept, tmp_path / "same" / "fold-0")
    shutil.copytree(kept, tmp_path / "worse" / "fold-0")
    hits = pd.read_csv(kept / "net" / "hits.csv")
    hits.iloc[::2].to_csv(tmp_path / "worse" / "fold-0" / "net" / "hits.csv", index=False)
    facts = (kept / "net" / "facts.json").read_text()
    weights = json.loads(facts)["run"]["weights_sha256"]
    (tmp_path / "worse" / "fold-0" / "net" / "facts.json").write_text(facts.replace(weights, "0" * 64))
    steps = tmp_path / "steps"
    for seed, name in ((1, "phantoms-fcn-flips-1"), (2, "phantoms-fcn-flips-2")):
        shutil.copytree(recipe.FOLDER / name, steps / f"{recipe.FROZEN}-{seed}")
    for part in ("films.csv", "lesions.csv"):
        shutil.copy(recipe.FOLDER / part, steps / part)
    same, worse = (module.agreement(tmp_path / name, steps=steps).splitlines() for name in ("same", "worse"))
    told = ["kept", "again", "difference; weights the same bit for bit"]
    assert [cells(line)[:2] for line in same[2:5]] == [["0", name] for name in told]
    assert cells(worse[4])[:2] == ["0", "difference; weights not the same bit for bit"]
    assert cells(same[4])[2:] == ["0.000"] * len(module.COLUMNS)
    column = 2 + list(module.COLUMNS).index("at 1")
    was, now, apart = (float(cells(line)[column]) for line in worse[2:5])
    assert apart < 0 and apart == pytest.approx(now - was, abs=2e-3)
    both = [studies("recipe_table").judged(recipe.FOLDER, f"phantoms-fcn-flips-{seed}")[1] for seed in (1, 2)]
    ones, others = ([figures[key].value for key in module.COLUMNS.values()] for figures in both)
    assert min(np.subtract(ones, others)) < 0 < max(np.subtract(ones, others))
    apart = [float(cell) for cell in cells(same[5])[2:]]
    assert apart == pytest.approx(np.abs(np.subtract(ones, others)), abs=6e-4)
    with pytest.raises(SystemExit, match="no folds"):
        module.agreement(tmp_path)


def test_a_case_is_what_lies_on_its_outline(studies, tmp_path: Path) -> None:
    """A disc of probability 0.8, and a weaker one that ranks behind it."""
    cases = studies("shipped_cases")
    working = working_film(draw_film(np.random.default_rng(1), 320, 224, [(160, 60, 20, 50_000)], True), 160)
    rows, cols = np.indices(working.pixels.shape)
    strong, weak = (np.hypot(rows - row, cols - 30) < 8 for row in (50, 110))
    lesion = (0.8 * strong + 0.6 * weak).astype(np.float32)
    made = FilmMap(lesion, lesion / 2, np.ones_like(strong), working.grid)
    both = made.on_film("lesion") >= 0.5
    half = len(both) // 2
    first, second = (np.where((np.arange(len(both)) < half)[:, None] == upper, both, False) for upper in (True, False))
    lines = [cases.row("F", 3, made, truth) for truth in (first, second, np.roll(first, 100, axis=1))]
    pd.DataFrame(lines).to_csv(tmp_path / "cases.csv", index=False)
    assert [line["rank"] for line in lines] == [1, 2, None]
    assert lines[0]["dice"] == pytest.approx(2 * first.sum() / (first.sum() + both.sum()), abs=1e-4)
    assert lines[2]["dice"] == 0 and lines[0]["average"] > 0
    shown = studies("shipped_table").cases(tmp_path / "cases.csv").splitlines()
    assert shown[2].startswith("| F | 3 | 1 | 0.") and "| none |  | 0.00 |" in shown[4]


def test_a_case_is_drawn_with_its_map_and_the_outline_of_its_lesion(studies) -> None:
    pixels = draw_film(np.random.default_rng(1), 320, 224, [(160, 60, 20, 50_000)], True)
    working = working_film(pixels, 160)
    rows, cols = np.indices(working.pixels.shape)
    lesion = (0.8 * (np.hypot(rows - 50, cols - 30) < 8)).astype(np.float32)
    truth = np.zeros(pixels.shape, bool)
    truth[200:260, 50:90] = True
    drawn = studies("shipped_cases").panel(pixels, FilmMap(lesion, lesion, lesion > 0, working.grid), truth, True)
    assert drawn.shape == (640, 448, 3)
    coloured = drawn.max(2) > drawn.min(2)
    red = (drawn == MALIGNANT[::-1]).all(2)
    edges = [np.flatnonzero(red.any(axis)) for axis in (1, 0)]
    assert [(int(edge[0]), int(edge[-1])) for edge in edges] == [(400, 519), (100, 179)]
    assert red[400, 100:180].all() and not red[402:518, 102:178].any()
    mapped = coloured & ~red
    assert mapped.sum() == pytest.approx(np.pi * 32**2, rel=0.1)


def test_nothing_is_trained_or_said_before_the_recipe_is_frozen(studies, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(studies("recipe"), "FROZEN", "")
    with pytest.raises(SystemExit, match="not frozen yet"):
        studies("shipped").net(argparse.Namespace(films=tmp_path, out=tmp_path, phantoms=None))
    assert studies("shipped_table").tables(tmp_path) == {}


@pytest.mark.slow
def test_all_of_it_in_small(studies, drawn_set, tmp_path: Path, monkeypatch) -> None:
    recipe, shipped = studies("recipe"), studies("shipped")
    films = tmp_path / "films"
    shutil.copytree(drawn_set.root, films)
    table = pd.read_csv(films / "films.csv")
    table.assign(in_calc_list=(np.arange(len(table)) % 9 == 0).astype(int)).to_csv(films / "films.csv", index=False)
    women = sorted(table["patient_id"].unique())
    pd.DataFrame({"patient_id": women, "fold": np.arange(len(women)) % 5}).to_csv(films / "folds.csv", index=False)
    small = {"crops": 64, "crop": 64, "validate_every": 64}
    monkeypatch.setitem(recipe.STEPS, "small", recipe.Step("in small", small, rows=96, segment=("--flips",)))
    monkeypatch.setattr(recipe, "FROZEN", "small")
    monkeypatch.setattr(shipped, "FOLDER", tmp_path / "kept")
    wanted = argparse.Namespace(films=films, out=tmp_path / "work", phantoms=None, floor=None, keep=None)
    for number in (0, 4):
        shipped.fold(number, wanted)
    there = [tmp_path / "work" / "head.folds" / str(number) / "run" / "model.safetensors" for number in (0, 4)]
    trained_at = [path.stat().st_mtime_ns for path in there]
    shipped.bundle(wanted)
    assert trained_at == [path.stat().st_mtime_ns for path in there]
    head = read_head(tmp_path / "work" / "film-masses.zip")
    assert head.flips and "maps by 5 nets" in head.fitted_on and head.levels["image"].women == len(women)
    card = read_bundle(tmp_path / "work" / "film-masses.zip")[CARD].decode()
    assert "folds 0 (looked at before), 4" in card and "## Groups" in card and "| breast |" in card
    found = studies("shipped_table").tables(tmp_path / "kept")
    assert "folds 0 (looked at before), 4" in found["shipped"] and "64 crops at 96 rows" in found["shipped"]
    assert len(found["shipped head"].splitlines()) == 5 and "view: CC" in found["shipped groups"]
