"""The whole set by name, in each layout that people have it in, gives one and the same table."""

from pathlib import Path

import pandas as pd
import pytest
from made import full_tree

from mammomap.masks.cbis_files import find_files
from mammomap.masks.index import index
from mammomap.masks.outlines import outline_of
from mammomap.masks.tables import Tables, read_tables


@pytest.fixture(scope="module")
def whole(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Roots of the five layouts, and what indexing each of them wrote."""
    tables = real_data / "cbis_ddsm_tables"
    folder = tmp_path_factory.mktemp("whole")
    listed = full_tree.files(tables)
    masters = full_tree.write_masters(folder / "files", listed)
    assert len(listed) == 10_239 and sum(file.patient.endswith(".dcm") for file in listed) > 396
    for layout in full_tree.LAYOUTS:
        full_tree.lay_out(folder / layout, layout, listed, masters, tables)
        index(folder / layout, folder / f"{layout} tables")
    return {layout: folder / layout for layout in full_tree.LAYOUTS}


def tables_of(whole: dict[str, Path], layout: str) -> Tables:
    return read_tables(whole[layout].with_name(f"{layout} tables"))


@pytest.mark.parametrize("layout", full_tree.LAYOUTS)
def test_each_layout_gives_every_film_and_lesion(whole: dict[str, Path], layout: str) -> None:
    tables = tables_of(whole, layout)
    told = tables.about
    lost = tables.refused["reason"]
    assert told["rows_listed"] == 3568 == told["rows_read"] + told["rows_set_aside"]
    assert (told["files_set_aside"], len(tables.films)) == (0, 3032 - 2)
    assert len(set(tables.films["patient_id"])) == 1566 - 1
    assert [int(lost.str.contains("wanted 1 or 0.870").sum()), told["masks_scaled"]] == [2, 78]
    assert set(tables.refused["path"].str.extract(r"\((\S+) ")[0]) == {"P_00353_LEFT_CC", "P_00353_LEFT_MLO"}
    assert sum("+" in lists for lists in tables.films["lists"]) == 71
    files = pd.read_parquet(whole[layout].with_name(f"{layout} tables") / "files.parquet")
    assert files["used_as"].value_counts().to_dict() == {"film": 3103, "mask": 3568, "crop": 3568}
    bits = files.set_index("path")["bits"]
    assert set(bits[tables.lesions["mask_path"]]) == {8} and set(bits[tables.films["path"]]) == {16}


def test_all_layouts_give_the_same_table(whole: dict[str, Path]) -> None:
    assert len({tables_of(whole, layout).hash for layout in full_tree.LAYOUTS}) == 1


@pytest.mark.parametrize("layout", ["uid folders", "kaggle"])
def test_a_small_mask_lies_on_its_film_where_a_full_one_does(whole: dict[str, Path], layout: str) -> None:
    lesions = tables_of(whole, layout).lesions
    small, full = lesions[lesions["mask_rows"] == 44].iloc[0], lesions[lesions["mask_rows"] == 50].iloc[0]
    assert "0.88" in small["mask_fit"] and full["mask_fit"] == "same size"
    scaled, true = (outline_of(row, full_tree.FILM).on_film for row in (small.to_dict(), full.to_dict()))
    assert (scaled & true).sum() / (scaled | true).sum() > 0.93


def test_a_second_index_opens_only_what_changed(whole: dict[str, Path], tmp_path: Path) -> None:
    root = whole["uid folders"]
    out = root.with_name("uid folders tables")
    opened = []

    def watch(items, total, **_):
        opened.append(total)
        return items

    before = read_tables(out)
    assert not index(root, out, progress=watch)[1] and not opened
    (film,) = (row.path for row in find_files(root) if row.path == before.films["path"].iloc[0])
    content = Path(film).read_bytes()
    Path(film).unlink()
    Path(film).write_bytes(content)
    after, done = index(root, out, progress=watch)
    assert done and opened == [1] and after.hash == before.hash
