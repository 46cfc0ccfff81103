"""nnU-Net beside the net that ships, on the same films, from what is kept; needs no film, no torch and no nnU-Net.

    python study/rival_table.py

All were trained on the women of the other four folds. 95 % intervals by woman; differences paired on the same
resamples.
"""

from __future__ import annotations

import json
from pathlib import Path

from recipe_table import SHOWN, less
from rival import BESIDE, DEFAULT_EPOCHS, FOLD, FOLDER, NAME
from shipped_table import NAMES, folds
from tables import span

from mammomap.benchmark.evidence import FILES, Evidence, read_evidence
from mammomap.benchmark.judge import Said, judge_system
from mammomap.benchmark.plain import Figures, spelled


def pixels(trained: dict) -> float:
    """Thousands of millions that were seen in training."""
    rows, cols = trained["patch"]
    return trained["epochs"] * trained["iterations"] * trained["batch"] * rows * cols / 1e9


def end_of_curve(evidence: Evidence) -> tuple[float, float]:
    """False positives a film, and the share of lesions found, of all marks of the lesion map."""
    marks = evidence.marks.loc[evidence.marks["map"] == "lesion", "mark"]
    hits = evidence.hits[evidence.hits["mark"].isin(marks)]
    counted = evidence.lesions.loc[~evidence.lesions["ignored"].astype(bool), "lesion"]
    false = (~marks.isin(hits["mark"])).sum() / len(evidence.films)
    return float(false), float(counted.isin(hits["lesion"]).mean())


def tables(folder: Path = FOLDER, ours: Path = BESIDE) -> dict[str, str]:
    """Name -> table in Markdown; none where nothing is kept."""
    own = folder / NAME
    if not (own / "facts.json").is_file():
        return {}
    facts = json.loads((own / "facts.json").read_text())
    evidence = read_evidence(own, {part: ours / FILES[part] for part in ("films", "lesions")})
    rival: Figures = judge_system(evidence, Said.of_entry(facts["said"]))[1]
    beside, trained, data = folds(ours.parent)[FOLD], facts["trained"], facts["data"]
    run, women = beside.facts["run"], evidence.women
    seen = run["crops"] * run["crop"] ** 2 / 1e9
    lines = [
        f"{data['source']}, split `{data['split']}`, part {data['part']}: {data['films']} films of {women} women, "
        f"{data['lesions']} lesions, {data['malignant_films']} films malignant. nnU-Net {facts['nnunetv2']}, 2D, "
        f"{trained['network']}: {trained['epochs']} epochs of its default {DEFAULT_EPOCHS:,}, its schedule stretched "
        f"over them; {trained['iterations']} steps an epoch, {trained['batch']} patches of "
        f"{trained['patch'][0]} x {trained['patch'][1]} pixels; {trained['seconds'] / 60:.1f} minutes on one "
        f"{trained['gpu']}.",
        "",
        f"| | films seen in training, thousand million pixels | {' | '.join(SHOWN)} |",
        "|---" * (2 + len(SHOWN)) + "|",
    ]
    rows = {name: judge_system(beside.evidence, said)[1] for name, said in beside.said.items()}
    amount = {"net": f"{seen:.1f}, after phantoms"}
    for name, figures in {**rows, NAME: rival}.items():
        cells = [span(spelled(figures[key], women)) for key in SHOWN.values()]
        shown = amount.get(name, f"{pixels(trained):.1f}" if name == NAME else "")
        lines.append(f"| {NAMES.get(name, 'nnU-Net')} | {shown} | {' | '.join(cells)} |")
    for name, figures in rows.items():
        minus = [less(figures[key], rival[key], women) for key in SHOWN.values()]
        lines.append(f"| {NAMES[name]} minus nnU-Net | | {' | '.join(minus)} |")
    false, found = end_of_curve(evidence)
    lines += [
        "",
        f"All marks of nnU-Net's lesion maps together are {false:.2f} false positives a film and find {found:.2f} of "
        "the lesions: its curve ends there.",
    ]
    return {"rival": "\n".join(lines)}


if __name__ == "__main__":
    for text in tables().values():
        print(text)
