"""One net on one set, trained, mapped and judged by the verbs; what the comparison of nets needs of it is kept.

    python study/compare_net.py phantoms unet -o work
    python study/compare_net.py films fcn8s-light --films PATH/cbis_mass -o work
    python study/compare_table.py

All nets of a set see the same crops in the same order, as many of them (`CROPS`; the full FCN-8s, which takes eleven
times as long a crop as the U-Net, a quarter of them), from the same women, with the same settings and the same small
encoder. Whoever has one net trained needs only its own command: the first prepares the set, a second call does what is
missing.

Kept in `study/nets/SET`: the judged films and lesions, and in NET/ the marks and their hits, the films' scores, the
overlap with the outlines by film and lesion, and `facts.json`: settings, parameters, time, what the same net reaches on
`SEEN` of the women that it was trained on, hardware, date.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from kept import go, keep, standard

from mammomap.benchmark.evidence import read_evidence
from mammomap.masks.splits import Split, read_split

FOLDER = Path(__file__).parent / "nets"
ROWS, CROP, CROPS, SEEN, SEED = 576, 256, 8000, 150, 1
PHANTOMS = ("--patients", "900", "--seed", "21", "--rows", "800")
SPLITS = {"phantoms": "official", "films": "fold:0"}
LOCAL = {"phantoms": 12, "films": 0}
"""intensity.local, as chosen on validation women of either set."""
LIGHT = ("--encoder", "resnet18", "--crops", str(CROPS))
NETS = {
    "unet": LIGHT,
    "unetplusplus": LIGHT,
    "fpn": LIGHT,
    "fcn32s-light": LIGHT,
    "fcn16s-light": LIGHT,
    "fcn8s-light": LIGHT,
    "fcn8s": ("--crops", "2000", "--set", "learning_rate=1e-4"),
    "unet-fp32": ("--net", "unet", *LIGHT, "--set", "precision=32-true"),
}
"""Net -> how it is trained; by its name, unless the options name another. VGG-16 without batch norm does not start at
the rate of the others."""


def prepared(data: str, films: Path | None, work: Path) -> None:
    """Tables and store of the set under `work`."""
    if data == "phantoms":
        films = work / "tree"
        go("phantom", *PHANTOMS, "-o", films)
    if films is None:
        sys.exit("--films PATH/cbis_mass is missing")
    go("index", films, "-o", work / "tables")
    go("prepare", work / "tables", "-o", work / "store", "--rows", ROWS)


def trained(data: str, net: str, work: Path) -> tuple[Path, Path]:
    """The report on the test women, and the one on women that the net has seen."""
    tables, store, run, at = work / "tables", work / "store", work / net / "run", work / net
    how = ("--split", SPLITS[data], "--seed", SEED, "--crop", CROP, "--set", f"intensity.local={LOCAL[data]}")
    go("train", store, "-o", run, *(("--net", net) if "--net" not in NETS[net] else ()), *NETS[net], *how)
    go("train-head", store, "--model", run, "-o", at / "head.json")
    seen_among(read_split(run / "split.csv")).write(at / "seen.csv")
    for name, split, more in (("test", run / "split.csv", ()), ("seen", at / "seen.csv", ("--in-sample",))):
        maps = at / f"maps-{name}"
        go("segment", tables, "--split", split, "--part", "test", "--model", run, "-o", maps)
        go("classify", maps, "--head", at / "head.json", *more)
        plain = ("--no-pictures", "--no-trivial", *more)
        go("benchmark", tables, f"{net}={maps}", "--split", split, "--run", run, *plain, "-o", at / name)
    return at / "test", at / "seen"


def seen_among(split: Split) -> Split:
    """A split whose test women are some of those that the net learned from."""
    women = sorted(split.women("net"))
    chosen = np.random.default_rng(SEED).permutation(women)[:SEEN]
    return Split(f"{len(chosen)} women of the net of {split.name}", {str(woman): "test" for woman in chosen})


def main() -> None:
    """Prepare, train, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SPLITS)
    parser.add_argument("net", choices=NETS)
    parser.add_argument("--films", type=Path, help="cbis_mass, for the set films")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, stores, runs and maps")
    wanted = parser.parse_args()
    work = wanted.out / wanted.set
    prepared(wanted.set, wanted.films, work)
    test, seen = trained(wanted.set, wanted.net, work)
    report, on_seen = (json.loads((at / "report.json").read_text()) for at in (test, seen))
    about_seen = {"data": on_seen["data"], "froc": on_seen["systems"][0]["froc"]["any"]["at"]}
    run, evidence = work / wanted.net / "run", standard(read_evidence(test))
    keep(evidence, report, run, FOLDER / wanted.set, wanted.net, seen=about_seen)


if __name__ == "__main__":
    main()
