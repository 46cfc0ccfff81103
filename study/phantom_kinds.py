"""Where a net's AUC on phantoms falls short of the oracle's: films of masses and of calcifications apart.

    python study/phantom_kinds.py [-o study/phantom/kinds.csv]

The films are those of `phantom_bounds.py`, and so are the oracle and the systems whose marks are committed
(`study/phantom/marks-NAME.csv`). A second oracle is told all descriptors but the shapes of calcifications, which are
those of single grains; between oracles and systems stand the nets of `phantom_told.py`, which are given the lesions'
places and outlines. Films with lesions of one kind alone are judged apart, intervals 95 % by woman.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from phantom_bounds import FOLDER, TEST_SEEDS, auc_of, lesion_rows, oracle_films
from phantom_films import WOMEN, Film, drawn
from tables import span

from mammomap.masks.files import write_atomically

GRAIN = "calcification shape"
AMONG = {"all films": None, "films of masses alone": {"mass"}, "films of calcifications alone": {"calcification"}}


def readers(test: Sequence[Film], folder: Path = FOLDER) -> dict[str, pd.DataFrame]:
    """Films with label, score and woman, of every oracle and system; the index is image_id."""
    lesions = lesion_rows(test)
    blind = lesions["words"].map(lambda words: frozenset(word for word in words if not word.startswith(GRAIN)))
    found = {
        "oracle on descriptors": oracle_films(lesions),
        "the same, not told the shapes of calcifications": oracle_films(lesions.assign(words=blind)),
    }
    for path in sorted(folder.glob("told-*.csv")):
        rows = path.stem.removeprefix("told-")
        films = pd.read_csv(path, dtype={"woman": str}).set_index("image_id")
        found[f"a net that is given places and outlines, {rows} rows"] = films
    for path in sorted(folder.glob("marks-*.csv")):
        films = pd.read_csv(path, dtype={"woman": str}).drop_duplicates("image_id").set_index("image_id")
        found[path.stem.removeprefix("marks-")] = films
    return found


def table(test: Sequence[Film], folder: Path = FOLDER) -> pd.DataFrame:
    """AUC by image of each reader among each group of films."""
    kinds = {film.image_id: set(film.kinds) for film in test}
    rows = []
    for who, films in readers(test, folder).items():
        for name, wanted in AMONG.items():
            its = films[[wanted is None or kinds[image_id] == wanted for image_id in films.index]]
            found = auc_of(its["malignant"].to_numpy(bool), its["score"].to_numpy(float), its["woman"].tolist())
            rows.append(
                {"who": who, "among": name, "films": len(its), "malignant": int(its["malignant"].sum())}
                | {"value": found.value, "low": found.low, "high": found.high}
            )
    return pd.DataFrame(rows)


def show(found: pd.DataFrame) -> str:
    """The table in Markdown."""
    heads = [
        f"{name} ({its['films'].iloc[0]}, {its['malignant'].iloc[0]} malignant)"
        for name, its in found.groupby("among", sort=False)
    ]
    lines = [f"| AUC by image | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    for who, its in found.groupby("who", sort=False):
        lines.append(f"| {who} | {' | '.join(span(row) for row in its.to_dict('records'))} |")
    return "\n".join(lines)


def main() -> None:
    """Draw, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, default=FOLDER / "kinds.csv")
    parser.add_argument("--workers", type=int, default=2)
    wanted = parser.parse_args()
    found = table(drawn(TEST_SEEDS, WOMEN, workers=wanted.workers))
    print(show(found))
    write_atomically(wanted.out, lambda path: found.round(6).to_csv(path, index=False))


if __name__ == "__main__":
    main()
