"""Segmentation on true outlines: nets on the digital mammograms of CDD-CESM, by five folds of its patients.

    python study/outlines.py scratch 0 --films PATH/cdd_cesm -o work
    python study/outlines.py shipped 0 --films PATH/cdd_cesm -o work
    python study/outlines.py linknet 0 --films PATH/cdd_cesm -o work
    python study/outlines_table.py

Fold K of five is tested by a net that learned from the others' patients, the net that ships with `CROPS` crops, from
random weights or from those that come with mammomap; linknet is the base net of `recipe.py` from random weights. From
which probability on a pixel is called lesion is chosen on patients of the part head, whom the net has not seen. All of
the set's films are malignant, so that nothing is said of labels. A second call does what is missing.

Kept in `study/outlines/fold-K`: films and lesions, and in NAME/ marks and hits, pixels in both masks by film and
lesion, distances between their edges, `facts.json`, the log.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kept import as_options, go, keep, strongest
from recipe import BASE, FCN
from tqdm import tqdm

from mammomap.benchmark.evidence import read_evidence
from mammomap.masks.files import write_atomically
from mammomap.masks.shipped import shipped_model
from mammomap.masks.store import Store

FOLDER = Path(__file__).parent / "outlines"
LINKNET = "linknet"
STARTS = ("scratch", LINKNET, "shipped")
FOLDS, ROWS, CROPS, SEED = 5, 512, 6_000, 1


def trained(name: str, fold: int, films: Path, work: Path) -> Path:
    """The run of one fold."""
    tables, store, run = work / "tables", work / "store", work / f"{name}-{fold}" / "run"
    go("index", films, "-o", tables)
    go("prepare", tables, "-o", store, "--rows", ROWS)
    settings = BASE | (FCN if name != LINKNET else {}) | {"crops": CROPS, "validate_every": CROPS // 4}
    more = ("--init-from", shipped_model()) if name == "shipped" else ()
    go("train", store, "-o", run, "--split", f"k-fold:{fold}/{FOLDS}", "--seed", SEED, *as_options(settings), *more)
    return run


def threshold(store: Store, run: Path) -> float:
    """The probability from which on a pixel is lesion, with the highest Dice among patients of the part head."""
    from mammomap.classify.train_head import Gathered, gather  # with torch, which the table does without
    from mammomap.seg.run import read_run

    found, opened = Gathered(), read_run(run)
    gather(found, store, [opened], opened.split.tables(store.tables, "head"), "features", tqdm)
    return found.points()["lesion pixel"]


def judged(name: str, fold: int, work: Path, run: Path) -> Path:
    """The report on the fold's patients."""
    maps, report = work / f"{name}-{fold}" / "maps", work / f"{name}-{fold}" / "report"
    test = ("--split", run / "split.csv", "--part", "test")
    go("segment", work / "tables", *test, "--model", run, "-o", maps)
    told = f"{threshold(Store(work / 'store'), run):g}\n"
    write_atomically(maps / "threshold.txt", lambda half: half.write_text(told))
    go("benchmark", work / "tables", f"net={maps}", *test, "--run", run, "--no-pictures", "--no-trivial", "-o", report)
    return report


def main() -> None:
    """Prepare, train, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=STARTS)
    parser.add_argument("fold", type=int, choices=range(FOLDS))
    parser.add_argument("--films", type=Path, required=True, help="cdd_cesm")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, store, runs and maps")
    wanted = parser.parse_args()
    run = trained(wanted.name, wanted.fold, wanted.films, wanted.out)
    report = judged(wanted.name, wanted.fold, wanted.out, run)
    told, evidence = json.loads((report / "report.json").read_text()), strongest(read_evidence(report))
    keep(evidence, told, run, FOLDER / f"fold-{wanted.fold}", wanted.name)


if __name__ == "__main__":
    main()
