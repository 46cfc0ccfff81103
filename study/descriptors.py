"""Count the descriptors of CBIS-DDSM's two training lists: what `mammomap/phantom/descriptors.csv` holds.

    python study/descriptors.py PATH/cbis_ddsm_tables -o mammomap/phantom/descriptors.csv

A line for each combination of kind, pathology, density, shape (masses) or type (calcifications), margins or
distribution, BI-RADS and subtlety, with the number of lesion rows that have it. Rows whose density or subtlety is
missing (written 0) are left out. Source: Lee et al. 2016, DOI 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

COLUMNS = ["kind", "pathology", "density", "shape", "margins", "assessment", "subtlety"]
_NAMES = {
    "mass": ("mass_case_description_train_set.csv", "mass shape", "mass margins"),
    "calcification": ("calc_case_description_train_set.csv", "calc type", "calc distribution"),
}


def count(tables: Path) -> pd.DataFrame:
    """Rows of `COLUMNS` and `count`, sorted."""
    lists = []
    for kind, (file, shape, margins) in _NAMES.items():
        rows = pd.read_csv(tables / file, dtype=str, keep_default_na=False)
        renamed = {shape: "shape", margins: "margins", "breast density": "density", "breast_density": "density"}
        lists.append(rows.rename(columns=renamed).assign(kind=kind)[COLUMNS])
    rows = pd.concat(lists)
    rows = rows[(rows["density"] != "0") & (rows["subtlety"] != "0")]
    return rows.groupby(COLUMNS).size().rename("count").reset_index()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given = parser.parse_args()
    counted = count(given.tables)
    counted.to_csv(given.out, index=False, lineterminator="\n")
    print(f"{counted['count'].sum()} lesion rows in {len(counted)} combinations -> {given.out}")
