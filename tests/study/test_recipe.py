"""The steps of the recipe: who is where, settings that are taken, and a table that says what was kept."""

import json
import shutil
from pathlib import Path

import pytest

from mammomap.masks.tables import Tables
from mammomap.seg.config import TrainConfig

STUDY = Path(__file__).resolve().parents[2] / "study"


def test_one_fold_is_judged_two_learn_and_the_others_are_not_there(studies, tables: Tables) -> None:
    films = tables.films
    split = studies("recipe").dealt(studies("rotation").of_folds(tables, (1, 2, 3)))
    of_fold = {fold: set(films.loc[films["fold"] == fold, "patient_id"]) for fold in range(5)}
    assert split.women("test") == of_fold[1] and split.women("net", "validation") == of_fold[2] | of_fold[3]
    assert 0 < len(split.women("validation")) < len(split.women("net")) and not split.women("head")


def test_every_step_is_a_setting_of_train(studies) -> None:
    recipe = studies("recipe")
    made = {name: TrainConfig(**{**recipe.BASE, **step.train}) for name, step in recipe.STEPS.items()}
    same = [name for name, config in made.items() if config == made["base"]]
    assert made["long-wide"].crops * 384**2 == pytest.approx(made["long-phantoms"].crops * 256**2, rel=1e-2)
    assert set(same) == {"base", "flips", "phantoms-first"}
    assert {step.maps_of: name for name, step in recipe.STEPS.items() if step.maps_of} == recipe.FLIPPED
    assert recipe.STEPS["long-flips"].start and recipe.STEPS["long-flips"].train == recipe.LONG
    pixels = {name: config.crops * config.crop**2 for name, config in made.items()}
    assert pixels["wide"] == pytest.approx(pixels["base"], rel=1e-3)


def test_the_table_is_the_mean_over_seeds(studies, tmp_path: Path) -> None:
    """Nets of the comparison stand for seeds: their own figures are known from their own table."""
    nets, recipe_table = STUDY / "nets" / "films", studies("recipe_table")
    for name in ("films.csv", "lesions.csv"):
        shutil.copy(nets / name, tmp_path / name)
    for name, net in (("base-1", "unet"), ("base-2", "fpn"), ("focal-1", "fcn32s-light"), ("focal-2", "fcn16s-light")):
        shutil.copytree(nets / net, tmp_path / name)
        facts = json.loads((nets / net / "facts.json").read_text())
        facts["said"]["name"] = net
        (tmp_path / name / "facts.json").write_text(json.dumps(facts))
    base, focal = recipe_table.table(tmp_path).splitlines()[-2:]
    shown = list(recipe_table.SHOWN)
    figures = {name: recipe_table.judged(tmp_path, name)[1] for name in ("base-1", "base-2", "focal-1", "focal-2")}

    def value(name: str, what: str) -> float:
        return figures[name][recipe_table.SHOWN[what]].value

    cells = [cell.strip() for cell in base.split("|")]
    assert cells[1] == "`base`" and cells[3] == "2"
    for column, what in enumerate(shown, start=5):
        assert cells[column].startswith(f"{(value('base-1', what) + value('base-2', what)) / 2:.2f} (")
    minus = [cell.strip() for cell in focal.split("|")][5 + len(shown)]
    what = recipe_table.COMPARED[0]
    wanted = sum(value(f"focal-{s}", what) - value(f"base-{s}", what) for s in (1, 2)) / 2
    assert minus.startswith(f"{wanted:.2f} (") and cells[-2] == "0.61, 0.64"


def test_twice_the_crops_are_less_half_of_them_over_the_seeds_that_both_have(studies, tmp_path: Path) -> None:
    nets, recipe_table = STUDY / "nets" / "films", studies("recipe_table")
    for name in ("films.csv", "lesions.csv"):
        shutil.copy(nets / name, tmp_path / name)
    short, long, _ = recipe_table.LONGER
    for name, net in (
        (f"{short}-1", "unet"),
        (f"{short}-2", "fcn32s-light"),
        (f"{long}-1", "fpn"),
        (f"{long}-3", "unet"),
    ):
        shutil.copytree(nets / net, tmp_path / name)
    lines = recipe_table.longer(tmp_path).splitlines()
    cells = [cell.strip() for cell in lines[-1].split("|")[1:-1]]
    assert len(lines) == 3 and cells[:3] == ["8,000", "8,000", "1"]
    figures = [recipe_table.judged(tmp_path, name)[1] for name in (f"{long}-1", f"{short}-1")]
    for cell, what in zip(cells[3:], ("at 1", *recipe_table.COMPARED), strict=True):
        one, other = (found[recipe_table.SHOWN[what]].value for found in figures)
        assert cell.startswith(f"{one - other:.2f} (")
