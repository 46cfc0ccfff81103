"""The rotation over folds, worked out from what `rotation.py` and `classifiers.py` kept; needs no film and no torch.

    python study/rotation_table.py [FOLDER]

Every woman of the four folds is tested once, by a net and a head that have not seen her. Figures are of all test women
together, ranked by probabilities that were calibrated inside each rotation; 95 % intervals by woman, differences paired
on the same resamples. A line stands only where what it rests on is kept.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from heads import BOUNDS, Judged, Study, judged, less, over_seeds, told

from mammomap.classify.beside import fit_beside
from mammomap.classify.features import FEATURES, SCORE
from mammomap.classify.heads import Head, fit_head
from mammomap.classify.levels import LEVELS
from mammomap.classify.models import fit_linear

FOLDER = Path(__file__).parent / "rotation"
CLASSIFIERS = {"patch-to-image": "Shen et al., reduced", "max-pool-fcn": "max-pool FCN"}
PLAIN = {
    "birads": "the radiologists' BI-RADS",
    "film_shape": "film shape (1 - cols / rows)",
    "film_px": "film size (rows x cols)",
    "breast_area": "area of the breast, film pixels",
    "border_share": "share of the film that is not breast",
}
BORDER = ("film_shape", "film_px", "border_share")
"""What is known of a film without its breast."""


class Rotation(Study):
    """The rotation of one set, with the heads that it alone compares."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "films.csv", rotating=True)
        self.folder, self.facts = folder, json.loads((folder / "facts.json").read_text())
        self.classifiers = {
            net: pd.read_csv(folder / f"{net}.csv", dtype={"woman": str}).rename(columns={"rotation": "seed"})
            for net in CLASSIFIERS
            if (folder / f"{net}.csv").is_file()
        }

    def of_model(self, model: str, films: pd.DataFrame) -> np.ndarray:
        """The inputs of a head of this study for some rows."""
        net = self.arrays["net"][films["row"]].astype(float)
        if model == "net":
            return net
        if model == "map and net":
            return np.hstack([films[list(FEATURES)].to_numpy(float), net])
        return np.stack([films[name].to_numpy(float) for name in BORDER], axis=1)

    @cache  # noqa: B019 - one study a run
    def models(self, model: str) -> list[Head]:
        """One head a rotation, of: net, map and net, border, or a classifier's name."""
        made = []
        for seed in self.seeds:
            if model in self.classifiers:
                films = self.of_classifier(model, "head", seed)
                inputs, how = films[[SCORE]].to_numpy(float), {"kind": SCORE}
            else:
                films = self.part("head", seed)
                inputs = self.of_model(model, films)
                how = {"named": ("of this study",) * inputs.shape[1], "fit": _fit_of(model)}
            labels = films.assign(malignant=films["malignant"] > 0)
            made.append(fit_head(inputs, labels, model="study", seed=1, **how))
        return made

    def of_classifier(self, net: str, part: str, seed: int) -> pd.DataFrame:
        """Rows of a classifier's scores."""
        rows = self.classifiers[net]
        return rows[(rows["part"] == part) & (rows["seed"] == seed)]

    @cache  # noqa: B019
    def found(self, model: str, level: str, part: str = "test") -> list[Judged]:
        """Answers of a kind of head, of a model of this study or of a classifier."""
        if model in self.kinds_known:
            return self.answers(model, level, part=part)
        made = []
        for seed, head in zip(self.seeds, self.models(model), strict=True):
            if model in self.classifiers:
                films = self.of_classifier(model, part, seed)
                inputs = films[[SCORE]].to_numpy(float)
            else:
                films = self.part(part, seed)
                inputs = self.of_model(model, films)
            made.append(judged(films, head, inputs, level, seed))
        return self.joined(made)

    def beside(self, models: dict[str, str], first: str) -> list[str]:
        """AUCs of several models at every level, differences from the first, and the calibration of images."""
        lines = [
            f"| | AUC by image | minus {models[first]} | AUC by breast | minus | AUC by woman | minus | slope "
            "| Brier |",
            "|---" * 9 + "|",
        ]
        for model, name in models.items():
            cells = []
            for level in LEVELS:
                its, theirs = (over_seeds(self.found(one, level), "AUC") for one in (model, first))
                cells.append(told(its, self.women, (0.0, 1.0)))
                cells.append(less(its, theirs, self.women) if model != first else "")
            for measure in ("slope", "Brier"):
                cells.append(told(over_seeds(self.found(model, "image"), measure), self.women, BOUNDS[measure]))
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return lines

    def fitting(self) -> list[str]:
        """Train beside test: what each reaches on those whom net and head have seen."""
        models = {f"`{kind}`": kind for kind in self.kinds_known} | {"map and net's features": "map and net"}
        models |= {CLASSIFIERS[net]: net for net in self.classifiers}
        lines = [
            "| AUC by image on women of | net's training | net's checkpoint | head | test |",
            "|---|---|---|---|---|",
        ]
        for name, model in models.items():
            cells = []
            for part in ("seen", "validation", "head", "test"):
                its = self.found(model, "image", part)
                women = sum(int(one.woman.max()) + 1 for one in its)
                cells.append(told(over_seeds(its, "AUC"), women, (0.0, 1.0)))
            lines.append(f"| {name} | {' | '.join(cells)} |")
        return lines

    def yardsticks(self) -> list[str]:
        """What goes with the label and needs no map, beside the default head on the same films."""
        lines = ["| score | AUC by image | the default head minus this |", "|---|---|---|"]
        for column, name in PLAIN.items():
            its, head = over_seeds(self.plain(column), "AUC"), over_seeds(self.default_where(column), "AUC")
            lines.append(f"| {name} | {told(its, self.women, (0.0, 1.0))} | {less(head, its, self.women)} |")
        its, head = (over_seeds(self.found(one, "image"), "AUC") for one in ("border", "features"))
        name = "border only: shape, size and share of breast, fitted as a head is"
        lines.append(f"| {name} | {told(its, self.women, (0.0, 1.0))} | {less(head, its, self.women)} |")
        return lines

    def default_where(self, column: str) -> list[Judged]:
        """The default head on test films that have a column."""
        each = []
        for seed, head in zip(self.seeds, self.heads("features"), strict=True):
            films = self.test[seed].dropna(subset=[column])
            each.append(judged(films, head, self.inputs(films, "features"), "image", seed))
        return self.joined(each)

    def costs(self) -> list[str]:
        """Operations and minutes of a net of each kind."""
        lines = ["| | training operations of one net, 10^12 | minutes |", "|---|---|---|"]
        said = {net: json.loads((self.folder / f"{net}.json").read_text()) for net in self.classifiers}
        if not said:
            return []
        budget = next(iter(said.values()))["operations"]["budget"]
        lines.append(f"| segmentation first | {budget / 1e12:.3g} | {_minutes(self.facts['minutes'])} |")
        for net, its in said.items():
            minutes = _minutes([run["minutes"] for run in its["runs"]])
            lines.append(f"| {CLASSIFIERS[net]} | {its['operations']['spent'] / 1e12:.3g} | {minutes} |")
        return lines

    def text(self) -> str:
        """All of it, in Markdown."""
        films, sizes = sum(len(rows) for rows in self.test.values()), self.facts["sizes"]
        parts = [
            f"{self.facts['source']}, four folds in rotation: {films} test films of {self.women} women, "
            f"{int(pd.concat(self.test.values())['malignant'].sum())} malignant. Each net: {sizes['crops']:,} crops of "
            f"{sizes['crop']} pixels at {sizes['rows']} rows, {_minutes(self.facts['minutes'])} minutes.",
            "Heads side by side:",
            "\n".join(self.kinds()),
            "Fitted on maps of women whom the net has seen, or has not:",
            "\n".join(self.seen()),
            "The map alone, and the deepest features of the same net beside it:",
            "\n".join(
                self.beside({"features": "map", "map and net": "map and features", "net": "features"}, "features")
            ),
            "One view and two:",
            "\n".join(self.views()),
        ]
        if self.classifiers:
            models = {"features": "segmentation first"} | {net: CLASSIFIERS[net] for net in self.classifiers}
            parts += ["Classifiers of images:", "\n".join(self.beside(models, "features")), "\n".join(self.costs())]
        parts += ["Train beside test:", "\n".join(self.fitting())]
        parts += ["Scores that need no map:", "\n".join(self.yardsticks())]
        return "\n\n".join(parts)


def _fit_of(model: str):
    """The model of a head with inputs of this study's own."""
    if model == "border":
        return lambda inputs, malignant, women, seed: fit_linear(inputs, malignant)
    return fit_beside(len(FEATURES) if model == "map and net" else 0)


def _minutes(values: list[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low} to {high}" if high > low else f"{low}"


def tables(folder: Path = FOLDER) -> dict[str, str]:
    """Set -> its tables, for the sets that are kept."""
    return {path.parent.name: Rotation(path.parent).text() for path in sorted(folder.glob("*/facts.json"))}


if __name__ == "__main__":
    for name, text in tables(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER).items():
        print(f"\n## {name}\n\n{text}")
