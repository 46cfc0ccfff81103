"""The model that comes with mammomap on sets that it was not made for, as it is.

    python study/elsewhere.py mini-mias --films PATH/mini_mias -o work
    python study/elsewhere.py cdd-cesm --films PATH/cdd_cesm -o work
    python study/elsewhere.py renamed --films PATH/cbis_mass -o work
    python study/elsewhere_table.py

Nothing is fitted or chosen on them. mini-MIAS has films without a lesion, on which every mark is false. CDD-CESM is of
digital mammograms, all malignant. `renamed` is no such set: it is fold 4 of the films that the model has learned from,
copied under other names, so that who runs the file on films of that kind knows what to expect of those it has seen.

Kept: in `study/elsewhere/NAME` films and lesions, and in `net/` the strongest marks with their hits, the films' scores,
`facts.json` with the model's threshold of lesion candidates, and the log.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import pandas as pd
from kept import go, keep, strongest

from mammomap.benchmark.evidence import read_evidence
from mammomap.classify.heads import read_head
from mammomap.masks.bundle import unpacked
from mammomap.masks.mapfile import CANDIDATE_POINT
from mammomap.masks.shipped import shipped_model

FOLDER = Path(__file__).parent / "elsewhere"
RENAMED = "renamed"
SETS = ("mini-mias", "cdd-cesm", RENAMED)
SEEN = 4
"""The fold that is copied."""


def renamed(films: Path, out: Path) -> Path:
    """Copy the films of one fold as a set of one's own, no film and no woman under a name that the model knows."""
    fold = pd.read_csv(films / "folds.csv").set_index("patient_id")["fold"]
    kept = pd.read_csv(films / "films.csv", dtype=str)
    kept = kept[kept["patient_id"].map(fold) == SEEN]
    women = {name: f"case{number:03d}" for number, name in enumerate(dict.fromkeys(kept["patient_id"]), 1)}
    image = {its.image_id: f"{women[its.patient_id]}_{its.side}_{its.view}" for its in kept.itertuples()}
    if len(set(image.values())) < len(image):
        raise SystemExit(f"{films}: two films of one view")
    (out / "films").mkdir(parents=True, exist_ok=True)
    files = [f"films/{image[its.image_id]}{Path(its.file).suffix}" for its in kept.itertuples()]
    for its, file in zip(kept.itertuples(), files, strict=True):
        shutil.copyfile(films / its.file, out / file)
    lesions = pd.read_csv(films / "lesions.csv", dtype=str)
    lesions = lesions[lesions["image_id"].isin(image)]
    new = {"image_id": kept["image_id"].map(image), "patient_id": kept["patient_id"].map(women), "file": files}
    kept.assign(**new, source=f"{films.name}, fold {SEEN} renamed").to_csv(out / "films.csv", index=False)
    lesions.assign(image_id=lesions["image_id"].map(image)).to_csv(out / "lesions.csv", index=False)
    return out


def main() -> None:
    """Map, judge, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("--films", type=Path, required=True, help="the set's folder; for renamed that of cbis_mass")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for tables, maps and report")
    wanted = parser.parse_args()
    at, model = wanted.out / wanted.name, shipped_model()
    tables, maps, report, run = at / "tables", at / "maps", at / "report", unpacked(model)
    films = renamed(wanted.films, at / "copy") if wanted.name == RENAMED else wanted.films
    go("index", films, "-o", tables)
    go("segment", tables, "-o", maps)
    go("classify", maps)
    go("benchmark", tables, f"net={maps}", "--run", run, "--no-pictures", "--no-trivial", "-o", report)
    told, point = json.loads((report / "report.json").read_text()), read_head(model).candidate_points[CANDIDATE_POINT]
    keep(strongest(read_evidence(report)), told, run, FOLDER / wanted.name, "net", candidate_point=point)


if __name__ == "__main__":
    main()
