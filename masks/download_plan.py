"""Which series of CBIS-DDSM to fetch: a choice by list, part and woman, with its files, bytes and folders.

In: the series table of Imaging Data Commons (in the package idc-index-data, so no network), and the published lists
where they are at hand. Out: a `Plan`. Without the lists the choice rests on the PatientID of a series, which is no
woman but the name of the series: `Mass-Training_P_00001_LEFT_CC_1` is the ROI of lesion 1, without `_1` it is the
film. 396 of 6,775 have another form, `P_00562_LEFT_CC_2.dcm`; all of them are of the calc test list. The lists (four
CSV files) are not in Imaging Data Commons; they lie on the collection's page of The Cancer Imaging Archive, DOI
10.7937/K9/TCIA.2016.7O02S9CY.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mammomap.errors import ConfigError, TableError
from mammomap.masks.cbis_lists import list_files, read_lists

COLLECTION = "cbis_ddsm"
FOLDERS = "%collection_id/%PatientID/%StudyInstanceUID/%Modality_%SeriesInstanceUID"
"""Where idc-index puts a series; `Plan.series` has the same as `folder`."""
COLUMNS = ("series_uid", "study_uid", "name", "patient", "list", "role", "files", "bytes", "folder")
_NAME = re.compile(r"(?:(Mass|Calc)-(Training|Test)_)?(P_\d{5})_(?:LEFT|RIGHT)_(?:CC|MLO)(_\d+)?(\.dcm)?")
_PARTS = {"Training": "train", "Test": "test"}


@dataclass(frozen=True)
class Plan:
    """The series that were asked for."""

    series: pd.DataFrame
    """One row a series, `COLUMNS`: `name` is its PatientID, `role` film or roi, `folder` relative to the download."""
    release: str
    """Release of Imaging Data Commons whose series table was read."""
    chosen_by: str
    """What list, part and woman of a series were read from."""

    @property
    def bytes(self) -> int:
        return int(self.series["bytes"].sum())

    def missing(self, out: Path) -> pd.DataFrame:
        """The rows of the series that are not whole in `out`."""
        return self.series.loc[[not is_whole(out / row.folder, row) for row in self.series.itertuples()]]

    def describe(self, out: Path) -> str:
        """What was asked for and what of it has to be fetched, with gigabytes."""
        films, missing = self.series["role"] == "film", self.missing(out)
        women, files = self.series["patient"].nunique(), self.series["files"].sum()
        return (
            f"CBIS-DDSM, Imaging Data Commons release {self.release}, {', '.join(sorted(set(self.series['list'])))}: "
            f"{films.sum():,} series of films and {(~films).sum():,} of masks and crops, "
            f"{women:,} women, {files:,} files, {gigabytes(self.bytes)}\n"
            f"chosen by {self.chosen_by}\n"
            f"whole already: {len(self.series) - len(missing):,} series; "
            f"to fetch: {len(missing):,} series, {gigabytes(missing['bytes'].sum())} -> {out}"
        )


def plan_cbis(
    *,
    part: str | None = None,
    abnormality: str | None = None,
    patients: int | None = None,
    lists: Path | None = None,
    table: pd.DataFrame | None = None,
) -> Plan:
    """Choose series of CBIS-DDSM.

    Parameters
    ----------
    part
        train or test, of the published split.
    abnormality
        mass or calc.
    patients
        That many women, the first by their number among those who are left.
    lists
        Folder with published lists: the series are then those that their rows name.
    table
        The series table, as `series_table` gives it; read from idc-index-data if absent.

    Raises
    ------
    ConfigError
        If idc-index is not installed, or nothing is left.
    TableError
        If a PatientID has no known form, or the lists name series that the series table lacks.
    """
    table = series_table() if table is None else table
    if lists is None:
        told = [_parse(name) for name in table["PatientID"]]
        facts = pd.DataFrame(told, columns=["list", "patient", "role"], index=table["SeriesInstanceUID"])
        chosen_by = "the PatientID of each series, since no published lists are at hand"
    else:
        facts, names = _listed(lists, set(table["SeriesInstanceUID"]))
        chosen_by = f"the SeriesInstanceUIDs in {names} ({lists})"
    series = pd.DataFrame(
        {
            "series_uid": table["SeriesInstanceUID"],
            "study_uid": table["StudyInstanceUID"],
            "name": table["PatientID"],
            "files": table["instanceCount"].astype("int64"),
            "bytes": np.rint(table["series_size_MB"] * 1e6).astype("int64"),
            "folder": [
                f"{COLLECTION}/{row.PatientID}/{row.StudyInstanceUID}/{row.Modality}_{row.SeriesInstanceUID}"
                for row in table.itertuples()
            ],
        }
    ).merge(facts, left_on="series_uid", right_index=True, validate="one_to_one")
    kept = pd.Series(True, index=series.index)
    if part:
        kept &= series["list"].str.endswith(f"-{part}")
    if abnormality:
        kept &= series["list"].str.startswith(f"{abnormality}-")
    if patients:
        kept &= series["patient"].isin(sorted(series.loc[kept, "patient"].unique())[:patients])
    series = series.loc[kept, list(COLUMNS)].sort_values(["patient", "list", "name", "series_uid"], ignore_index=True)
    if series.empty:
        raise ConfigError(f"no series of {part or 'either part'}, {abnormality or 'either list'}: {chosen_by}")
    return Plan(series, str(table.attrs.get("release", "unknown")), chosen_by)


def series_table() -> pd.DataFrame:
    """The rows of CBIS-DDSM in the series table of the installed idc-index-data; `attrs["release"]` says which one.

    Raises
    ------
    ConfigError
        If idc-index is not installed.
    """
    try:
        import idc_index_data
    except ImportError:
        raise ConfigError("idc-index is not installed; pip install -e '.[download]'") from None
    columns = ["PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "instanceCount", "series_size_MB"]
    path = idc_index_data.IDC_INDEX_PARQUET_FILEPATH
    table = pd.read_parquet(path, columns=columns, filters=[("collection_id", "=", COLLECTION)])
    table.attrs["release"] = str(idc_index_data.__version__).split(".")[0]
    return table


def published_lists(folder: Path) -> Path | None:
    """`folder` if published lists lie in it or below it."""
    return folder if folder.is_dir() and list_files(sorted(folder.rglob("*.csv"))) else None


def is_whole(folder: Path, row) -> bool:
    """Whether a series' folder holds the files and bytes that its `row` of the plan asks for, and nothing else."""
    if not folder.is_dir():
        return False
    sizes = [path.stat().st_size for path in folder.iterdir()]
    return len(sizes) == row.files and sum(sizes) == row.bytes


def gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 5e7 else f"{count / 1e9:.3f} GB"


def _parse(name: str) -> tuple[str, str, str]:
    """List, woman and role of a series by its PatientID."""
    match = _NAME.fullmatch(name)
    regular = match is not None and match.group(1) is not None and match.group(5) is None
    odd = match is not None and match.group(1) is None and match.group(5) is not None
    if match is None or not (regular or odd):
        raise TableError(f"the series table has PatientID {name!r}, of no known form; name the lists with --lists")
    which = f"{match.group(1).lower()}-{_PARTS[match.group(2)]}" if regular else "calc-test"
    return which, match.group(3), "roi" if match.group(4) else "film"


def _listed(folder: Path, known: set[str]) -> tuple[pd.DataFrame, str]:
    """List, woman and role of each series that the lists in `folder` name, and the names of these lists' files."""
    rows = read_lists(folder)
    facts: dict[str, tuple[str, str, str]] = {}
    for row in rows:
        facts[row.image_series] = (row.list, row.patient, "film")
        facts |= {series: (row.list, row.patient, "roi") for series in row.roi_series}
    strange = [series for series in facts if series not in known]
    if strange:
        raise TableError(
            f"{folder}: {len(strange)} series of its lists are not in the series table, first {strange[0]!r}"
        )
    names = ", ".join(dict.fromkeys(row.file for row in rows))
    return pd.DataFrame.from_dict(facts, orient="index", columns=["list", "patient", "role"]), names
