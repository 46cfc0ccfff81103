"""nnU-Net's predictions on fold 0 of cbis_mass, judged as maps are; what the comparison needs of them is kept.

    mammomap index PATH/cbis_mass -o tables
    mammomap prepare tables --export nnunet --split fold:0 --rows 576 -o Dataset501_films
    (nnU-Net plans, trains and predicts: docs/study.md)
    python study/rival.py predictions --tables tables --raw Dataset501_films --run RESULTS/fold_all -o work
    python study/rival_table.py

predictions: what `nnUNetv2_predict --save_probabilities` wrote, `plans.json` among it; RESULTS/fold_all: the folder of
the training, with its log and `debug.json`. Films and lesions must be those on which the fold's net of
`study/shipped.py` was judged.

Kept in `study/rival/nnunet`: the strongest marks with their hits, the films' scores, and `facts.json`: what was
trained for how long and on what, date, data hash.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from kept import MEASURED, SHARED, go, strongest
from shipped import FOLDER as OURS

from mammomap.benchmark.evidence import FILES, read_evidence, write_evidence
from mammomap.masks.files import write_json

FOLDER, NAME, FOLD = Path(__file__).parent / "rival", "nnunet", 0
BESIDE = OURS / f"fold-{FOLD}"
DEFAULT_EPOCHS = 1000


def trained(run: Path, plans: Path) -> dict:
    """How nnU-Net was trained, from what it writes itself.

    Raises
    ------
    SystemExit
        If the log has no epochs, or a learning rate that is not near 0 at the end: a schedule that was cut short.
    """
    text = "\n".join(path.read_text() for path in sorted(run.glob("training_log*.txt")))
    seconds = [float(word) for word in re.findall(r"Epoch time: ([\d.]+) s", text)]
    rates = [float(word) for word in re.findall(r"Current learning rate: ([\d.e-]+)", text)]
    about = json.loads((run / "debug.json").read_text())
    if not seconds or len(rates) != len(seconds):
        raise SystemExit(f"{run}: no log of a finished training")
    end_of_schedule = float(about["initial_lr"]) * (1 / len(seconds)) ** 0.9
    if rates[-1] > 1.05 * end_of_schedule:
        raise SystemExit(f"{run}: stopped at a learning rate of {rates[-1]}, before the end of its schedule")
    planned = json.loads(plans.read_text())["configurations"]["2d"]
    return {
        "epochs": len(seconds),
        "iterations": int(about["num_iterations_per_epoch"]),
        "batch": int(planned["batch_size"]),
        "patch": [int(side) for side in planned["patch_size"]],
        "seconds": round(sum(seconds), 1),
        "network": planned["architecture"]["network_class_name"].rsplit(".", 1)[-1],
        "gpu": about["gpu_name"],
        "torch": about["torch_version"],
    }


def main() -> None:
    """Judge, see that the films are the same, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("--tables", type=Path, required=True)
    parser.add_argument("--raw", type=Path, required=True, help="the exported data set, with its split.csv")
    parser.add_argument("--run", type=Path, required=True, help="nnU-Net's folder of the training")
    parser.add_argument("--version", default="", help="of nnunetv2, to be kept")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the report")
    wanted = parser.parse_args()
    facts = trained(wanted.run, wanted.predictions / "plans.json")
    report, split = wanted.out / "report", wanted.raw / "split.csv"
    plain = ("--no-trivial", "--no-pictures")
    go("benchmark", wanted.tables, f"{NAME}={wanted.predictions}", "--split", split, *plain, "-o", report)
    told = json.loads((report / "report.json").read_text())
    own = FOLDER / NAME
    write_evidence(strongest(read_evidence(report)), own)
    for part in SHARED:
        new = own / FILES[part]
        if new.read_bytes() != (BESIDE / FILES[part]).read_bytes():
            raise SystemExit(f"{new}: not the films and lesions of {BESIDE}")
        new.unlink()
    entry = told["systems"][0]
    said = {key: entry[key] for key in entry if key not in MEASURED}
    kept = {"said": said, "data": told["data"], "date": told["made"]["date"], "trained": facts}
    write_json(own / "facts.json", kept | {"nnunetv2": wanted.version})
    print(f"{facts['epochs']} epochs -> {own}")


if __name__ == "__main__":
    main()
