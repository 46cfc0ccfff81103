"""Five demos on drawn films together: the net against the untrained net and the blob detector.

    for seed in 1 2 3 4 5; do mammomap demo-train --seed $seed -o demo$seed; done
    python study/phantom_demo.py demo1 demo2 demo3 demo4 demo5
    python study/phantom_demo.py

The first form keeps what is needed of the reports in `study/phantom`: `demo_scores.csv` (per film: seed, woman, label,
each system's highest malignancy candidate) and `demo_sensitivity.csv` (per seed: the net's own, and less the others').
Both print the tables from these two. The five nets' scores are on five scales, so films are ranked within a seed: the
AUC of the pool is the mean of the seeds' AUCs, its interval from resamples of women within seeds, the same for all
systems.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.eval.images import auc
from mammomap.eval.intervals import interval, patient_weights
from mammomap.eval.resamples import auc_bootstrap
from mammomap.masks.files import write_atomically

FOLDER = Path(__file__).parent / "phantom"
SYSTEMS = ("net", "untrained", "blob")
MEASURE = "sensitivity at 1 false positives per film, any lesion"
RESAMPLES = 2000


def keep(demos: list[Path], folder: Path = FOLDER) -> None:
    """Take scores and sensitivities from the demos' reports."""
    scores, found = [], []
    for demo in demos:
        report = json.loads((demo / "report" / "report.json").read_text())
        seed = json.loads((demo / "tree" / "phantom.json").read_text())["settings"]["seed"]
        films = pd.read_csv(demo / "report" / "films.csv")
        by_system = pd.read_csv(demo / "report" / "scores.csv").pivot(
            index="image_id", columns="system", values="map_max"
        )
        kept = films[["image_id", "woman", "malignant"]].join(by_system[list(SYSTEMS)], on="image_id")
        scores.append(kept.assign(seed=seed, malignant=kept["malignant"].astype(int)))
        own = next(row for row in report["systems"][0]["froc"]["any"]["at"] if row["fp"] == 1.0)
        found.append({"seed": seed, "minus": "nothing", **{k: own[k] for k in ("value", "low", "high")}})
        for row in report["differences"]:
            if row["a"] == "net" and row["b"] in SYSTEMS and row["measure"] == MEASURE:
                found.append({"seed": seed, "minus": row["b"], **{k: row[k] for k in ("value", "low", "high")}})
    folder.mkdir(exist_ok=True)
    columns = ["seed", "image_id", "woman", "malignant", *SYSTEMS]
    for name, frame in {
        "demo_scores.csv": pd.concat(scores)[columns],
        "demo_sensitivity.csv": pd.DataFrame(found),
    }.items():
        write_atomically(folder / name, lambda path, f=frame: f.to_csv(path, index=False))


def pooled(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean over seeds of each system's AUC, and of the net's less each other's, with intervals by woman."""
    values: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    samples: dict[str, list[np.ndarray]] = {system: [] for system in SYSTEMS}
    women = 0
    for seed, films in scores.groupby("seed"):
        woman = pd.factorize(films["woman"])[0]
        ill = films.groupby(woman)["malignant"].max().to_numpy()
        weights = patient_weights(woman, RESAMPLES, int(seed), ill)
        women += len(ill)
        for system in SYSTEMS:
            values[system].append(auc(films["malignant"], films[system]))
            samples[system].append(auc_bootstrap(films["malignant"], films[system], woman, weights))
    means = {system: np.mean(values[system]) for system in SYSTEMS}
    drawn = {system: np.mean(samples[system], axis=0) for system in SYSTEMS}
    rows = []
    for system in SYSTEMS:
        rows.append((system, interval(means[system], drawn[system], n_patients=women)))
    for other in SYSTEMS[1:]:
        difference = drawn["net"] - drawn[other]
        found = interval(means["net"] - means[other], difference, n_patients=women, bounds=(-1.0, 1.0))
        rows.append((f"net minus {other}", found))
    return pd.DataFrame([{"figure": name, "value": x.value, "low": x.low, "high": x.high} for name, x in rows])


def show(folder: Path = FOLDER) -> str:
    """Both tables in Markdown, from what `keep` wrote."""
    scores, found = (pd.read_csv(folder / f"demo_{name}.csv") for name in ("scores", "sensitivity"))
    lines = ["| sensitivity at 1 false positive per film | net | minus untrained | minus blob |", "|---|---|---|---|"]
    for seed, rows in found.groupby("seed"):
        by = rows.set_index("minus")
        lines.append(
            f"| seed {seed} | {_span(by.loc['nothing'])} | {_span(by.loc['untrained'])} | {_span(by.loc['blob'])} |"
        )
    women, films = scores.groupby("seed")["woman"].nunique().sum(), len(scores)
    lines += [
        "",
        f"| AUC by image, mean of {scores['seed'].nunique()} seeds ({films} films, {women} women) | value (95 %) |",
    ]
    lines.append("|---|---|")
    lines += [f"| {row.figure} | {_span(row._asdict())} |" for row in pooled(scores).itertuples(index=False)]
    return "\n".join(lines)


def _span(row) -> str:
    return f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def main() -> None:
    """Keep, where demos are named; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("demos", type=Path, nargs="*")
    wanted = parser.parse_args()
    if wanted.demos:
        keep(wanted.demos)
    print(show())


if __name__ == "__main__":
    main()
