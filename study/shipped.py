"""The net that ships: the frozen recipe on all women of cbis_mass, and on four folds each for all figures and the head.

    python study/shipped.py net --films PATH/cbis_mass -o work [--phantoms RUN]
    python study/shipped.py fold 0 --films PATH/cbis_mass -o work [--phantoms RUN] [--floor PATH/floor]
    python study/shipped.py bundle --films PATH/cbis_mass -o work [--phantoms RUN]
    python study/shipped_table.py
    python study/shipped.py fold 0 --films PATH/cbis_mass -o elsewhere --keep again [--phantoms RUN]
    python study/shipped_table.py again

`net` trains on all 691 women for the frozen number of crops; nobody chooses a checkpoint. `fold K` trains the same net
on the women of the other four folds and judges it on fold K. `bundle` fits the head on the maps of the five fold nets,
each of women whom it has not seen, and packs net and head. `net` and the folds need nothing of each other: each may go
on cores of its own once tables and store are there. A second call does what is missing; `--phantoms` names the run to
start from, where the recipe says so (`study/recipe.py`). The last two train a fold again, beside what is kept.

Kept in `study/shipped/fold-K`: films and lesions, and in `net/` the strongest marks with their hits, the films' scores,
`facts.json`, the log, and `inputs.csv`, what heads are given of each film. `floor` in the same tables is the plain
U-Net of `--floor`, where its marks for the fold are there.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
import recipe
from kept import MEASURED, as_options, go, keep, strongest
from tqdm import tqdm

from mammomap.benchmark.evidence import read_evidence
from mammomap.masks.files import write_atomically
from mammomap.masks.mapfile import women_codes
from mammomap.masks.splits import inner_splits, make_split
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm

FOLDER = Path(__file__).parent / "shipped"
FOLDS, SEED = 5, 1
EVERYBODY = "all"
ABOUT = """Net, head and operating points of mammomap, trained on the mass films of CBIS-DDSM alone. Research, not
diagnosis. Lee, R. S., Gimenez, F., Hoogi, A., Rubin, D. (2016), Curated Breast Imaging Subset of DDSM, The Cancer
Imaging Archive, DOI 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0; the weights, with that credit, Apache-2.0. How it was
made, and what it is not for: docs/weights.md. Thirteen of its women stand in the calcification list of the official
test.
"""
MEASURED_HERE = {
    "shipped": "Nets like it, each woman by one that has not seen her",
    "shipped head": "The head's probabilities, each fold by a head of the others",
    "shipped groups": "Groups",
}
"""Table of `shipped_table.py` -> its title in the card."""


def frozen() -> recipe.Step:
    """The recipe."""
    if not recipe.FROZEN:
        raise SystemExit("study/recipe.py: the recipe is not frozen yet")
    return recipe.STEPS[recipe.FROZEN]


def prepared(wanted: argparse.Namespace) -> tuple[Path, Path]:
    """Tables and store of all films."""
    tables, store, rows = wanted.out / "tables", wanted.out / "store", frozen().rows
    go("index", wanted.films, "-o", tables)
    go("prepare", tables, "-o", store, "--rows", rows)
    return tables, store


def train(wanted: argparse.Namespace, store: Path, run: Path, split: object) -> None:
    """The frozen recipe on the women of the split's part net."""
    options = as_options({**recipe.BASE, **frozen().train, "chosen_by": "last"})
    go("train", store, "-o", run, "--split", split, "--seed", SEED, *options, *start(wanted))


def net(wanted: argparse.Namespace) -> tuple[Path, Path]:
    """Store and the run on all women."""
    _, store = prepared(wanted)
    train(wanted, store, wanted.out / "run", EVERYBODY)
    return store, wanted.out / "run"


def start(wanted: argparse.Namespace) -> tuple[object, ...]:
    """The run that the recipe starts from."""
    if frozen().start and wanted.phantoms is None:
        raise SystemExit("--phantoms RUN is missing")
    return ("--init-from", wanted.phantoms) if frozen().start else ()


def flips() -> tuple[str, ...]:
    """Whether maps are averaged over the film turned over."""
    return ("--flips",) if "--flips" in frozen().segment else ()


def head(wanted: argparse.Namespace, store: Path, run: Path) -> Path:
    """The head on the maps of the five fold nets; those that are not there are trained."""
    out = wanted.out / "head.json"
    go("train-head", store, "--model", run, "-o", out, "--folds", FOLDS, *flips(), *start(wanted))
    return out


def fold_net(number: int, wanted: argparse.Namespace, store: Path) -> Path:
    """The folder of a fold with the run on the women of the other four, where and as `train-head --folds` trains it."""
    at, tables = wanted.out / "head.folds" / str(number), Store(store).tables
    inner_splits(make_split(tables, EVERYBODY, SEED), tables, FOLDS, SEED)[number].write(at / "split-to-train.csv")
    train(wanted, store, at / "run", at / "split-to-train.csv")
    return at


def fold(number: int, wanted: argparse.Namespace) -> None:
    """One net out of fold: trained, judged, kept."""
    from mammomap.seg.run import read_run  # with torch, which the tables of this file do without

    tables, store = prepared(wanted)
    at = fold_net(number, wanted, store)
    split = read_run(at / "run").split
    films = Store(store).tables.films
    if set(films.loc[films["patient_id"].isin(split.women("head")), "fold"]) != {number}:
        raise SystemExit(f"{at}: not the women of fold {number}")
    among = ("--split", at / "run" / "split.csv", "--part", "head")
    go("segment", tables, *among, "--model", at / "run", *flips(), "-o", at / "maps")
    systems = [f"net={at / 'maps'}"]
    if wanted.floor and (marks := wanted.floor / f"fold{number}_candidates.csv").is_file():
        systems.append(f"floor={marks}")
    go("benchmark", tables, *systems, *among, "--run", at / "run", "--no-pictures", "--no-trivial", "-o", at / "report")
    report, evidence = json.loads((at / "report" / "report.json").read_text()), strongest(read_evidence(at / "report"))
    listed = pd.read_csv(wanted.films / "films.csv")
    calc = sorted(set(listed.loc[listed["in_calc_list"] > 0, "image_id"]) & set(evidence.films["image_id"]))
    beside = [{key: its[key] for key in its if key not in MEASURED} for its in report["systems"][1:]]
    folder = (wanted.keep or FOLDER) / f"fold-{number}"
    keep(evidence, report, at / "run", folder, "net", beside=beside, in_calc_list=calc)
    rows = inputs(Store(store), at / "run", sorted(evidence.films["image_id"]))
    write_atomically(folder / "net" / "inputs.csv", lambda half: rows.to_csv(half, index=False))


def inputs(store: Store, run: Path, image_ids: list[str]) -> pd.DataFrame:
    """What heads are given of films, one row each, as in `rotation.py`."""
    from rotation import films_with_yardsticks, row_of

    from mammomap.seg.mappers import RunMapper
    from mammomap.seg.run import read_run

    opened = read_run(run)
    mapper = RunMapper(opened, flips=bool(flips()))
    about, rows = films_with_yardsticks(store), []
    for image_id in tqdm(image_ids, desc="inputs of heads", unit="film"):
        stored, film = store[image_id], about.loc[image_id]
        made = mapper(WorkingFilm(stored.pixels, stored.grid))
        code = women_codes([film["patient_id"]], opened.source)[0]
        told = row_of(image_id, code, film, made)
        rows.append(told | {"kinds_not_outlined": film["kinds_not_outlined"]})
    return pd.DataFrame(rows)


def bundle(wanted: argparse.Namespace) -> None:
    """Head and net in one file, with what was measured in its card."""
    from shipped_table import tables  # which reads what this file keeps

    store, run = net(wanted)
    fitted, about = head(wanted, store, run), wanted.out / "about.md"
    made = tables(FOLDER)
    text = "\n".join(
        [ABOUT, *(f"## {title}\n\n{made[name]}\n" for name, title in MEASURED_HERE.items() if name in made)]
    )
    write_atomically(about, lambda half: half.write_text(text))
    go("bundle", run, "--head", fitted, "--about", about, "--half", "-o", wanted.out / "film-masses.zip")


def main() -> None:
    """One part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("net", "fold", "bundle"))
    parser.add_argument("fold", type=int, nargs="?", choices=range(FOLDS))
    parser.add_argument("--films", type=Path, required=True, help="cbis_mass")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, store, runs and maps")
    parser.add_argument("--phantoms", type=Path, metavar="RUN", help="the run on phantoms to start from")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where a fold is kept [default: study/shipped]")
    parser.add_argument("--floor", type=Path, help="folder with foldK_candidates.csv of a plain U-Net")
    wanted = parser.parse_args()
    if (wanted.part == "fold") != (wanted.fold is not None):
        parser.error("the number of a fold goes with the part fold")
    if wanted.part == "fold":
        fold(wanted.fold, wanted)
    else:
        {"net": net, "bundle": bundle}[wanted.part](wanted)


if __name__ == "__main__":
    main()
