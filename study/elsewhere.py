"""The model that comes with mammomap on sets that it was not made for, as it is.

    python study/elsewhere.py mini-mias --films PATH/mini_mias -o work
    python study/elsewhere.py cdd-cesm --films PATH/cdd_cesm -o work
    python study/elsewhere_table.py

Nothing is fitted or chosen on them. mini-MIAS has films without a lesion, on which every mark is false. CDD-CESM is of
digital mammograms, all malignant.

Kept: in `study/elsewhere/NAME` films and lesions, and in `net/` the strongest marks with their hits, the films' scores,
`facts.json` with the model's threshold of lesion candidates, and the log.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kept import go, keep, strongest

from mammomap.benchmark.evidence import read_evidence
from mammomap.classify.heads import read_head
from mammomap.masks.bundle import unpacked
from mammomap.masks.mapfile import CANDIDATE_POINT
from mammomap.masks.shipped import shipped_model

FOLDER = Path(__file__).parent / "elsewhere"
SETS = ("mini-mias", "cdd-cesm")


def main() -> None:
    """Map, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--films", type=Path, required=True, help="the set's folder")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, maps and report")
    wanted = parser.parse_args()
    at, model = wanted.out / wanted.name, shipped_model()
    tables, maps, report, run = at / "tables", at / "maps", at / "report", unpacked(model)
    go("index", wanted.films, "-o", tables)
    go("segment", tables, "-o", maps)
    go("benchmark", tables, f"net={maps}", "--run", run, "--no-pictures", "--no-trivial", "-o", report)
    told, point = json.loads((report / "report.json").read_text()), read_head(model).candidate_points[CANDIDATE_POINT]
    keep(strongest(read_evidence(report)), told, run, FOLDER / wanted.name, "net", candidate_point=point)


if __name__ == "__main__":
    main()
