"""The two tables that every verb reads: one row a film, one row a lesion; and the rows that were set aside.

In: data frames of an indexer. Out: a folder TABLES with `films.parquet`, `lesions.parquet`, `refused.parquet`
and `index.json` (where they come from, label rule, counts). A table is checked against its schema at every
write and every read, all faults at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from mammomap.errors import TableError
from mammomap.masks.files import write_atomically, write_json

TABLES_FORMAT = 3
KINDS = ("calcification", "mass")
PATHOLOGIES = ("BENIGN", "BENIGN_WITHOUT_CALLBACK", "MALIGNANT")
OUTLINES = ("mask", "polygon", "box", "circle")
ROLES = ("lesion", "ignore")
"""A lesion with the role `ignore` counts for nothing: no label, void in the loss, neither hit nor false positive."""
LISTS = ("mass-train", "mass-test", "calc-train", "calc-test")
"""The four lists of CBIS-DDSM."""
APPROXIMATE_OUTLINES = ("box", "circle")
FLAGS = ("implant", "implant displaced", "magnification", "spot")
"""What a film may be flagged with; a film has any number of them, joined by "; "."""
_LATER = ("flags", "truth")
"""Film columns that came after the first tables; empty ones leave the hash of the tables as it was."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its pandas dtype, what it means, whether it may be empty, and its allowed values."""

    name: str
    dtype: str
    meaning: str
    nullable: bool = False
    values: tuple[str, ...] | None = None
    default: str | None = None
    """What an absent column or value is filled with."""


@dataclass(frozen=True)
class Table:
    """A schema: the columns of a table and the ones that together name a row."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def shaped(self, rows: pd.DataFrame | Sequence[dict], where: str = "") -> pd.DataFrame:
        """`rows` with this table's columns, order and dtypes; absent nullable columns are filled with missing.

        Raises
        ------
        TableError
            If a column is missing, a value does not fit, or a key stands twice: all faults in one message.
        """
        frame = pd.DataFrame(rows).copy()
        faults = []
        for column in self.columns:
            if column.name not in frame:
                if column.nullable or column.default is not None or not len(frame):
                    frame[column.name] = column.default
                else:
                    faults.append(f"column {column.name!r} is missing")
                    continue
            if column.default is not None:
                frame[column.name] = frame[column.name].fillna(column.default)
            try:
                frame[column.name] = frame[column.name].astype(column.dtype)
            except (TypeError, ValueError) as error:
                faults.append(f"column {column.name!r}: {error}")
                continue
            values = frame[column.name]
            if not column.nullable and bool(values.isna().any()):
                faults.append(f"column {column.name!r} is empty in {int(values.isna().sum())} rows")
            if column.values is not None:
                odd = sorted(set(values.dropna()) - set(column.values))
                if odd:
                    faults.append(f"column {column.name!r} holds {odd[:3]}, wanted one of {list(column.values)}")
        if not faults and frame.duplicated(list(self.key)).any():
            twice = frame.loc[frame.duplicated(list(self.key)), list(self.key)].iloc[0].tolist()
            faults.append(f"the key {self.key} stands twice, first {twice}")
        if faults:
            raise TableError(f"{where or self.name}: " + "; ".join(faults))
        return frame.loc[:, [column.name for column in self.columns]].reset_index(drop=True)

    def markdown(self) -> str:
        """The columns as a Markdown table, for the docs."""
        lines = ["| column | type | empty? | meaning |", "|---|---|---|---|"]
        for c in self.columns:
            meaning = c.meaning + (f" ({', '.join(c.values)})" if c.values else "")
            lines.append(f"| `{c.name}` | {c.dtype} | {'yes' if c.nullable else 'no'} | {meaning} |")
        return "\n".join(lines)


FILMS = Table(
    "films",
    key=("image_id",),
    columns=(
        Column("image_id", "string", "names the film in every table and file"),
        Column("patient_id", "string", "the woman; splits and intervals go by it"),
        Column("side", "string", "which breast", values=("LEFT", "RIGHT")),
        Column("view", "string", "projection, e.g. CC or MLO"),
        Column("path", "string", "the film's file, absolute"),
        Column("rows", "int64", "height of the original film in pixels"),
        Column("cols", "int64", "width of the original film in pixels"),
        Column("spacing_mm", "float64", "pixel pitch of the original film; empty where unknown", nullable=True),
        Column("density", "Int64", "BI-RADS density 1 to 4", nullable=True),
        Column(
            "malignant",
            "bool",
            "any lesion of the film is malignant, by the counted lesions in the lesion table; where kinds_not_outlined "
            "names some, by the set's own label too",
        ),
        Column("kinds_outlined", "string", "kinds of lesion whose outlines this set gives, joined by '+'"),
        Column("kinds_not_outlined", "string", "kinds that the film holds but whose place is not known", nullable=True),
        Column("lists", "string", "published lists that the film stands in, joined by '+'", nullable=True),
        Column("official_part", "string", "part of the published split", nullable=True, values=("train", "test")),
        Column("fold", "Int64", "fold of the woman where the set comes with folds", nullable=True),
        Column("flags", "string", f"what sets the film apart, joined by '; ': {', '.join(FLAGS)}", nullable=True),
        Column(
            "truth",
            "string",
            "unknown: nothing says what the film holds, so it is mapped, but neither trained on nor judged",
            nullable=True,
            values=("unknown",),
        ),
        Column("source", "string", "name of the data set"),
    ),
)

LESIONS = Table(
    "lesions",
    key=("image_id", "lesion_id"),
    columns=(
        Column("image_id", "string", "the film"),
        Column("lesion_id", "string", "names the lesion within its film"),
        Column("kind", "string", "kind of lesion", values=KINDS),
        Column("role", "string", "what it counts for; ignore: for nothing", values=ROLES, default="lesion"),
        Column("source_list", "string", "published list that names the lesion", nullable=True, values=LISTS),
        Column("pathology", "string", "pathology as published", values=PATHOLOGIES),
        Column("assessment", "Int64", "BI-RADS 0 to 6; 0 means 'needs more imaging'", nullable=True),
        Column("subtlety", "Int64", "1 (subtle) to 5 (obvious)", nullable=True),
        Column("mass_shape", "string", "descriptor", nullable=True),
        Column("mass_margins", "string", "descriptor", nullable=True),
        Column("calc_type", "string", "descriptor", nullable=True),
        Column("calc_distribution", "string", "descriptor", nullable=True),
        Column("outline", "string", "how the outline is given; box and circle are approximate", values=OUTLINES),
        Column("mask_path", "string", "mask file, absolute, where the outline is a mask", nullable=True),
        Column("mask_rows", "Int64", "height of the mask file in pixels", nullable=True),
        Column("mask_cols", "Int64", "width of the mask file in pixels", nullable=True),
        Column("mask_fit", "string", "how the mask lies on its film, and the evidence for it", nullable=True),
        Column("polygon", "string", "JSON list of [row, col] where the outline is a polygon", nullable=True),
        Column("row0", "float64", "box in pixels of the original film; for a circle its bounds", nullable=True),
        Column("col0", "float64", "left edge of the box", nullable=True),
        Column("row1", "float64", "bottom edge, outside", nullable=True),
        Column("col1", "float64", "right edge, outside", nullable=True),
    ),
)

REFUSED = Table(
    "refused",
    key=("path", "reason"),
    columns=(
        Column("path", "string", "the file or row that was set aside"),
        Column("reason", "string", "why, in one line"),
    ),
)


IMAGING = ("film", "digital", "film and digital", "unknown")
"""What the films of a set may be: digitised films, digital mammograms, both, or nobody says."""
CBIS = ("cbis-ddsm", "cbis_mass")
"""Sources, in small letters, whose films are CBIS-DDSM's."""
PUBLIC = (*CBIS, "cdd-cesm", "cmmd", "inbreast", "mini-mias", "vindr-mammo")
"""Sources, in small letters, that name one set of films; any other is the name of a folder of somebody's own."""


def together(imaging: Iterable[str]) -> str:
    """One of `IMAGING` for films each of which is film, digital, or empty where it does not say."""
    found = set(imaging)
    if not found <= {"film", "digital"} or not found:
        return "unknown"
    return " and ".join(name for name in ("film", "digital") if name in found)


@dataclass(frozen=True)
class Tables:
    """What an index knows: films, lesions, rows set aside, and `about` (index.json)."""

    films: pd.DataFrame
    lesions: pd.DataFrame
    refused: pd.DataFrame
    about: dict

    @property
    def hash(self) -> str:
        """Twelve hex digits over both tables without their paths: the same data anywhere, the same hash."""
        digest = hashlib.sha256()
        for frame in (self.films, self.lesions):
            empty = [c for c in _LATER if c in frame and frame[c].isna().all()]
            kept = frame.drop(columns=[c for c in ("path", "mask_path", *empty) if c in frame])
            digest.update(kept.to_csv(index=False).encode())
        return digest.hexdigest()[:12]

    def with_truth(self) -> Tables:
        """The same without the films of unknown truth, which can be neither trained on nor judged."""
        return replace(self, films=self.films[self.films["truth"].isna()].reset_index(drop=True))

    def lesions_of(self, image_id: str) -> pd.DataFrame:
        """The rows of the lesion table that stand on one film."""
        return self.lesions.loc[self.lesions["image_id"] == image_id]

    @property
    def kinds_outlined(self) -> tuple[str, ...]:
        """Kinds of lesion that any film of the set has outlines for."""
        joined = "+".join(self.films["kinds_outlined"].unique())
        return tuple(kind for kind in KINDS if kind in joined.split("+"))


def make_tables(
    films: Sequence[dict] | pd.DataFrame,
    lesions: Sequence[dict] | pd.DataFrame,
    refused: Sequence[dict] | pd.DataFrame = (),
    about: dict | None = None,
) -> Tables:
    """Check rows against the schemas and against each other.

    Raises
    ------
    TableError
        If a schema fault is found, a lesion stands on a film that is not listed or of unknown truth, or a film's label
        contradicts the lesion table.
    """
    film_table = FILMS.shaped(films).sort_values("image_id", ignore_index=True)
    lesion_table = LESIONS.shaped(lesions).sort_values(["image_id", "lesion_id"], ignore_index=True)
    strays = set(lesion_table["image_id"]) - set(film_table["image_id"])
    if strays:
        raise TableError(f"lesions: {len(strays)} films are not in the film table, first {min(strays)}")
    counted = lesion_table["role"] == "lesion"
    labelled = set(lesion_table.loc[counted & (lesion_table["pathology"] == "MALIGNANT"), "image_id"])
    shown = film_table["image_id"].isin(labelled)
    told = film_table["malignant"] & film_table["kinds_not_outlined"].notna()
    unknown = film_table["truth"].notna()
    wrong = film_table[(film_table["malignant"] != shown) & ~told]
    if len(wrong):
        raise TableError(
            f"films: 'malignant' contradicts the lesion table in {len(wrong)} films, first {wrong['image_id'].iloc[0]}"
        )
    odd = film_table[
        unknown
        & (
            film_table["malignant"]
            | film_table["kinds_not_outlined"].isna()
            | film_table["image_id"].isin(lesion_table["image_id"])
        )
    ]
    if len(odd):
        raise TableError(
            f"films: {len(odd)} of unknown truth have a label, a lesion or no kinds_not_outlined, first "
            f"{odd['image_id'].iloc[0]}"
        )
    return Tables(film_table, lesion_table, REFUSED.shaped(refused), dict(about or {}))


def write_tables(tables: Tables, folder: Path, csv: bool = False) -> None:
    """Write the folder; `index.json` comes last and marks the tables as whole."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    for name in ("films", "lesions", "refused"):
        frame: pd.DataFrame = getattr(tables, name)
        write_atomically(folder / f"{name}.parquet", lambda path, f=frame: f.to_parquet(path, index=False))
        if csv:
            write_atomically(folder / f"{name}.csv", lambda path, f=frame: f.to_csv(path, index=False))
    about = {
        "format": TABLES_FORMAT,
        "films": len(tables.films),
        "lesions": len(tables.lesions),
        "women": int(tables.films["patient_id"].nunique()),
        "malignant_films": int(tables.films["malignant"].sum()),
        "refused": len(tables.refused),
        "data_hash": tables.hash,
        **tables.about,
    }
    write_json(folder / "index.json", about)


def read_tables(folder: Path) -> Tables:
    """Read a folder of `write_tables`.

    Raises
    ------
    TableError
        If the folder is no index, is of an unknown format, or breaks a schema.
    """
    marker = folder / "index.json"
    if not marker.is_file():
        raise TableError(f"{folder}: no index.json, so no tables; make them with 'mammomap index ROOT -o {folder}'")
    about = json.loads(marker.read_text())
    if about.get("format") != TABLES_FORMAT:
        raise TableError(f"{marker}: format {about.get('format')}, wanted {TABLES_FORMAT}; index again")
    frames = [pd.read_parquet(folder / f"{name}.parquet") for name in ("films", "lesions", "refused")]
    return make_tables(*frames, about=about)
