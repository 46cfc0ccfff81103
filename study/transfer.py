"""A net trained on phantoms alone, judged on films, and one trained on films alone, judged on phantoms.

    python study/transfer.py --phantoms run tables --films work/films/unet/run work/films/tables -o transfer

Each pair is a run of `mammomap train` and the tables of its set (`phantom_net.py` and `compare_net.py` name the
commands that make them). Both nets map the women of the test part of both runs, so that on either set the stranger
stands beside the net that is at home there. Kept in `study/transfer-to-films` and `study/transfer-to-phantoms`: the
report, and of what it rests on the marks of the standard setting that go into a curve up to 16 a film, with their
hits and the films' scores. `benchmark --verify` is for the whole report, under -o.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from kept import go, strongest

from mammomap.benchmark.evidence import read_evidence, write_evidence

FOLDER = Path(__file__).parent


def main() -> None:
    """Map, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("phantoms", "films"):
        parser.add_argument(f"--{name}", type=Path, nargs=2, required=True, metavar=("RUN", "TABLES"))
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for maps and reports")
    wanted = parser.parse_args()
    runs = {"phantom-trained": wanted.phantoms[0], "film-trained": wanted.films[0]}
    for name, (home, tables) in {"films": wanted.films, "phantoms": wanted.phantoms}.items():
        test = ("--split", home / "split.csv", "--part", "test")
        maps = {system: wanted.out / f"{name}-{system}" for system in runs}
        for system, run in runs.items():
            go("segment", tables, *test, "--model", run, "-o", maps[system])
        report = wanted.out / f"{name}-report"
        systems = [f"{system}={folder}" for system, folder in maps.items()]
        title = f"Nets trained on phantoms and on films, judged on {name}"
        go("benchmark", tables, *systems, *test, "--no-trivial", "--no-pictures", "--title", title, "-o", report)
        folder = FOLDER / f"transfer-to-{name}"
        folder.mkdir(exist_ok=True)
        write_evidence(strongest(read_evidence(report)), folder)
        shutil.copy(report / "report.json", folder)


if __name__ == "__main__":
    main()
