"""How hard the phantoms are, told apart from any net: what trivial readers and an oracle reach on fixed seeds.

    python study/phantom_bounds.py [PATH/cbis_ddsm_tables] [--workers 2] [-o study/phantom/bounds.csv]

Films are drawn in memory at `ROWS` rows, `WOMEN` women a seed: choices are made on `CHOICE_SEEDS`, figures are read
on `TEST_SEEDS` pooled. Intervals 95 %, by woman.

blob         the blob detector as `mammomap segment --model blob` uses it: same intensity, working size and candidates.
             One scale (or its own eight together) and bright or dark, whichever finds most on the seeds of choice;
             sensitivity at 1 false positive per film by the referee, for any lesion and for each kind with its own
             choice, lesions of the other kind ignored
plain        logistic model on brightness and area of the breast, area and contrast of the lesions in their true masks
oracle       logistic model on each lesion's true descriptors (parts at "-", and the kind), a film's score being the
             highest of its lesions; assessment and pathology are left out. With PATH also on the four real lists
assessment   BI-RADS as a score, 0 between 3 and 4

Both models are cross-validated by woman. Systems whose marks are committed (`study/phantom/marks-NAME.csv`, written by
`write_marks`) stand beside: sensitivity at 1, and AUC by image.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from phantom_films import ROWS, SETTINGS, WOMEN, Film, Setting, drawn, grade, words
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

from mammomap.eval.cases import women_carrying
from mammomap.eval.froc import Marks, froc, froc_bootstrap
from mammomap.eval.images import auc
from mammomap.eval.intervals import Interval, interval, patient_weights
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.resamples import auc_bootstrap
from mammomap.masks.cbis_lists import read_lists
from mammomap.masks.files import write_atomically

FOLDER = Path(__file__).parent / "phantom"
CHOICE_SEEDS, TEST_SEEDS = (1, 2), (11, 12, 13, 14, 15)
FOLDS, RESAMPLES, FP = 5, 2000, 1.0
KINDS = ("any", "mass", "calcification")
BOUNDS = {"blob": (0.0, 0.40), "plain": (0.0, 0.65), "oracle": (0.80, 0.90), "plateau": (0.75, 0.92)}
"""blob: for any lesion; plateau: sensitivity at 1 of the net whose marks are `marks-plateau.csv`."""


@dataclass(frozen=True)
class Row:
    """One line of the table. low, high: the 95 % interval; least, most: the bounds, NaN where there are none."""

    what: str
    data: str
    figure: str
    value: float
    low: float
    high: float
    least: float
    most: float
    films: int
    women: int
    lesions: int

    @property
    def holds(self) -> str:
        """yes, no, or empty where nothing is asked."""
        return "" if np.isnan(self.most) else "yes" if self.least <= self.value <= self.most else "NO"


def numbered(women: Sequence[str]) -> np.ndarray:
    """Women counted from 0."""
    return np.unique(women, return_inverse=True)[1].astype(np.int64)


def sensitivity(marks: Marks, lesion_film: np.ndarray, women: Sequence[str]) -> Interval:
    """Sensitivity at `FP` false positives per film. lesion_film: the film of each lesion; women: of each film."""
    woman, n = numbered(women), len(women)
    weights = patient_weights(woman, RESAMPLES, 0)
    samples = froc_bootstrap(marks, lesion_film, woman, n, weights, [FP])[:, 0]
    carrying = len(np.unique(woman[lesion_film]))
    return interval(froc(marks, lesion_film, n).at(FP), samples, n_patients=weights.shape[1], carrying=carrying)


def found_at(marks: Sequence[FilmMarks], lesions: Sequence[Sequence[Lesion]], women: Sequence[str]) -> Interval:
    """`sensitivity` of the marks of a set of films."""
    matched = match(marks, lesions)
    return sensitivity(matched.marks, matched.lesion_film, women)


def asked(film: Film, kind: str) -> list[Lesion]:
    """A film's lesions, those of another kind to be ignored."""
    return [
        replace(lesion, ignored=kind not in ("any", its)) for lesion, its in zip(film.lesions, film.kinds, strict=True)
    ]


def best_blob(films: Sequence[Film], kind: str) -> Setting:
    """The setting that finds most lesions of a kind at `FP` false positives per film."""

    def reached(setting: Setting) -> float:
        matched = match([film.blobs[setting] for film in films], [asked(film, kind) for film in films])
        return froc(matched.marks, matched.lesion_film, len(films)).at(FP)

    return max(films[0].blobs, key=reached)


def auc_of(labels: Sequence[bool], scores: Sequence[float], women: Sequence[str]) -> Interval:
    """AUC by image."""
    y, woman = np.asarray(labels, bool), numbered(women)
    weights = patient_weights(woman, RESAMPLES, 0, strata=np.bincount(woman, y) > 0)
    samples = auc_bootstrap(y, scores, woman, weights)
    return interval(auc(y, scores), samples, n_patients=weights.shape[1], carrying=women_carrying(y, woman))


def out_of_fold(features: np.ndarray, labels: Sequence[bool], women: Sequence[str]) -> np.ndarray:
    """What a logistic model that never saw the woman gives each row of `features`, as a probability."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = GroupKFold(FOLDS)
    told = cross_val_predict(model, features, labels, groups=numbered(women), cv=folds, method="predict_proba")
    return np.asarray(told)[:, 1]


def plain(films: Sequence[Film]) -> Interval:
    """AUC of the logistic model on the numbers of `PLAIN`."""
    labels, women = [film.malignant for film in films], [film.woman for film in films]
    return auc_of(labels, out_of_fold(np.array([film.plain for film in films]), labels, women), women)


def oracle_films(lesions: pd.DataFrame) -> pd.DataFrame:
    """Label, woman and the highest score by the model on descriptors of each film; the index is image_id.

    lesions: image_id, woman, words, malignant; one row a lesion.
    """
    features = MultiLabelBinarizer().fit_transform(lesions["words"])
    scored = lesions.assign(score=out_of_fold(features, lesions["malignant"], lesions["woman"]))
    return scored.groupby("image_id", sort=True).agg({"malignant": "max", "score": "max", "woman": "first"})


def oracle(lesions: pd.DataFrame) -> Interval:
    """AUC by image of that model."""
    films = oracle_films(lesions)
    return auc_of(films["malignant"], films["score"], films["woman"])


def lesion_rows(films: Sequence[Film]) -> pd.DataFrame:
    """What `oracle` takes, of phantoms."""
    columns = ["image_id", "woman", "words", "malignant", "assessment"]
    rows = [
        (film.image_id, film.woman, told, lesion.malignant, film.assessment)
        for film in films
        for told, lesion in zip(film.descriptors, film.lesions, strict=True)
    ]
    return pd.DataFrame(rows, columns=columns)


def listed_rows(path: Path) -> pd.DataFrame:
    """What `oracle` takes, of the published lists; rows with a fault are left out."""
    rows = [row for row in read_lists(path) if not row.fault]
    return pd.DataFrame(
        {
            "image_id": [row.image_id for row in rows],
            "woman": [row.patient for row in rows],
            "words": [words(row.kind, row.shape, row.margins) for row in rows],
            "malignant": [row.pathology == "MALIGNANT" for row in rows],
            "assessment": [grade(row.assessment) for row in rows],
        }
    )


def assessment(lesions: pd.DataFrame) -> Interval:
    """AUC by image of BI-RADS."""
    films = lesions.groupby("image_id").agg({"malignant": "max", "assessment": "max", "woman": "first"})
    return auc_of(films["malignant"], films["assessment"], films["woman"])


def table(choice: Sequence[Film], test: Sequence[Film], lists: Path | None = None, folder: Path = FOLDER) -> list[Row]:
    """Every figure."""
    women, rows = [film.woman for film in test], []
    n = {"films": len(test), "women": len(set(women)), "lesions": sum(len(film.lesions) for film in test)}
    for kind in KINDS:
        polarity, scales = setting = best_blob(choice, kind)
        sought = [asked(film, kind) for film in test]
        counted = sum(not lesion.ignored for its in sought for lesion in its)
        told = f"{polarity}, sigma " + (f"{scales[0]:g} px" if len(scales) == 1 else "3 to 40 px together")
        found = found_at([film.blobs[setting] for film in test], sought, women)
        name = f"blob detector ({told}), {kind} lesion"
        bound = BOUNDS["blob"] if kind == "any" else None
        rows.append(_row(name, found, bound, n | {"lesions": counted}, "sensitivity at 1"))
    rows.append(_row("plain numbers", plain(test), BOUNDS["plain"], n))
    lesions = lesion_rows(test)
    rows.append(_row("oracle on descriptors", oracle(lesions), BOUNDS["oracle"], n))
    rows.append(_row("BI-RADS", assessment(lesions), None, n))
    if lists is not None:
        listed = listed_rows(lists)
        real = {"films": listed["image_id"].nunique(), "women": listed["woman"].nunique(), "lesions": len(listed)}
        rows.append(_row("oracle on descriptors", oracle(listed), None, real, data="CBIS-DDSM"))
        rows.append(_row("BI-RADS", assessment(listed), None, real, data="CBIS-DDSM"))
    for path in sorted(folder.glob("marks-*.csv")):
        rows += committed(path)
    return rows


def _row(
    what: str,
    found: Interval,
    bound: tuple[float, float] | None,
    n: dict[str, int],
    figure: str = "AUC by image",
    data: str = "phantoms",
) -> Row:
    return Row(what, data, figure, found.value, found.low, found.high, *(bound or (np.nan, np.nan)), **n)


def write_marks(path: Path, films: Sequence[Film], marks: Sequence[FilmMarks], scores: Sequence[float]) -> None:
    """Keep what a system gave, for the table: its marks on each film and the film's score; one row a mark.

    A film without marks keeps one row. `hit`: the film's lesions, counted from 0, in whose outline the mark lies.
    """
    rows = []
    for film, its, score in zip(films, marks, scores, strict=True):
        about = [film.woman, film.image_id, int(film.malignant), len(film.lesions), f"{score:.6g}"]
        for place, height in zip(its.places, its.scores, strict=True):
            inside = [str(k) for k, lesion in enumerate(film.lesions) if lesion.region.contains(place)[0]]
            rows.append([*about, f"{height:.6g}", " ".join(inside)])
        if not len(its.scores):
            rows.append([*about, "", ""])
    columns = ["woman", "image_id", "malignant", "lesions", "score", "mark", "hit"]
    write_atomically(path, lambda into: pd.DataFrame(rows, columns=columns).to_csv(into, index=False))


def committed(path: Path) -> list[Row]:
    """The two lines of a system whose marks `write_marks` kept."""
    kept = pd.read_csv(path, dtype={"woman": str, "hit": str})
    films = kept.drop_duplicates("image_id")
    number = {image_id: k for k, image_id in enumerate(films["image_id"])}
    first = np.concatenate([[0], np.cumsum(films["lesions"])])
    marks = kept[kept["mark"].notna()]
    on = marks["image_id"].map(number).to_numpy(np.int64)
    hits = [
        (k, first[film] + int(lesion))
        for k, (film, hit) in enumerate(zip(on, marks["hit"].fillna(""), strict=True))
        for lesion in hit.split()
    ]
    hit_mark, hit_lesion = np.array(hits, np.int64).reshape(-1, 2).T
    lesion_film = np.repeat(np.arange(len(films)), films["lesions"])
    woman = films["woman"].tolist()
    found = sensitivity(Marks(on, marks["mark"].to_numpy(float), hit_mark, hit_lesion), lesion_film, woman)
    ranked = auc_of(films["malignant"].to_numpy(bool), films["score"].to_numpy(float), woman)
    name = path.stem.removeprefix("marks-")
    n = {"films": len(films), "women": len(set(woman)), "lesions": int(first[-1])}
    return [_row(name, found, BOUNDS.get(name), n, "sensitivity at 1"), _row(name, ranked, None, n)]


def rows_of(path: Path) -> list[Row]:
    """The lines that `main` wrote."""
    return [Row(**record) for record in pd.read_csv(path).to_dict("records")]


def show(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    lines = [
        "| | data | figure | value (95 %) | wanted | holds | films | women | lesions |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        wanted = "" if np.isnan(row.most) else f"{row.least:.2f} to {row.most:.2f}"
        value = f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
        cells = (row.what, row.data, row.figure, value, wanted, row.holds, row.films, row.women, row.lesions)
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Draw, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lists", type=Path, nargs="?", help="PATH/cbis_ddsm_tables")
    parser.add_argument("-o", "--out", type=Path, default=FOLDER / "bounds.csv")
    parser.add_argument("--women", type=int, default=WOMEN, help="a seed")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    choice = drawn(CHOICE_SEEDS, wanted.women, SETTINGS, workers=wanted.workers)
    best = list(dict.fromkeys(best_blob(choice, kind) for kind in KINDS))
    test = drawn(TEST_SEEDS, wanted.women, best, workers=wanted.workers)
    rows = table(choice, test, wanted.lists)
    print(f"{ROWS} rows, {wanted.women} women a seed; seeds {CHOICE_SEEDS} to choose, {TEST_SEEDS} to test\n")
    print(show(rows))
    frame = pd.DataFrame([asdict(row) for row in rows]).round(6)
    write_atomically(wanted.out, lambda path: frame.to_csv(path, index=False))


if __name__ == "__main__":
    main()
