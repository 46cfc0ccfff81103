"""The store: the same films whether made in one go, in processes, or after a kill."""

from pathlib import Path

import numpy as np
import pytest

from mammomap.errors import ConfigError, TableError
from mammomap.masks.mapfile import FilmMap, read_map, write_map
from mammomap.masks.own_data import index_own_data
from mammomap.masks.store import Store, largest_size, prepare, prepare_shard
from mammomap.masks.working import read_working_film


def bytes_of(store: Store) -> tuple[bytes, bytes]:
    return (store.folder / "pixels.u16").read_bytes(), (store.folder / "targets.u8").read_bytes()


def test_films_come_back_as_prepared(drawn_set, drawn_store: Store) -> None:
    assert len(drawn_store) == drawn_set.films
    film = drawn_store.tables.films.iloc[7]
    stored = drawn_store[film["image_id"]]
    fresh = read_working_film(Path(film["path"]), 96, (film["rows"], film["cols"]))
    assert np.array_equal(stored.pixels, fresh.pixels) and stored.grid == fresh.grid
    lesion = drawn_store.tables.lesions_of(film["image_id"]).iloc[0]
    centre = [(lesion["row0"] + lesion["row1"] - 1) / 2, (lesion["col0"] + lesion["col1"] - 1) / 2]
    row, col = stored.grid.to_working(np.array([centre]))[0].round().astype(int)
    assert stored.target[row, col] == (4 if film["malignant"] else 3)
    assert np.unique(stored.target).tolist() == [0, int(stored.target[row, col])]


def test_a_killed_run_goes_on_and_ends_the_same(drawn_set, drawn_store: Store, tmp_path: Path) -> None:
    tables = index_own_data(drawn_set.root)

    class Stop(Exception):
        pass

    def stopping(items, **_):
        for number, item in enumerate(items):
            if number == 11:
                raise Stop
            yield item

    with pytest.raises(Stop):
        prepare(tables, tmp_path / "s", rows=96, workers=1, progress=stopping)
    assert not (tmp_path / "s" / "store.json").exists()
    with pytest.raises(TableError, match="no finished store"):
        Store(tmp_path / "s")
    drawn = []
    prepare(tables, tmp_path / "s", rows=96, workers=2, progress=lambda items, **_: drawn.extend(items) or drawn)
    assert len(drawn) == drawn_set.films - 11
    assert bytes_of(Store(tmp_path / "s")) == bytes_of(drawn_store)


def test_a_second_run_does_nothing_and_another_is_refused(drawn_set, drawn_store: Store) -> None:
    tables = index_own_data(drawn_set.root)
    assert prepare(tables, drawn_store.folder, rows=96)[1] is False
    with pytest.raises(ConfigError, match="other --rows"):
        prepare(tables, drawn_store.folder, rows=128)


def test_a_film_that_cannot_be_read_does_not_stop_the_rest(drawn_set, tmp_path: Path) -> None:
    tables = index_own_data(drawn_set.root)
    tables.films.loc[3, "path"] = str(tmp_path / "gone.png")
    store, _ = prepare(tables, tmp_path / "s", rows=64, workers=1)
    assert len(store) == drawn_set.films - 1
    assert "gone.png: no such file" in (store.folder / "refused.csv").read_text()


def test_shards_are_joined_to_the_same_store(drawn_set, drawn_store: Store, tmp_path: Path) -> None:
    """Three shards hold each film once; joining them draws no film again but the one that had been set aside."""
    tables, out = index_own_data(drawn_set.root), tmp_path / "s"
    path = tables.films.loc[4, "path"]
    counts = []
    for number in (3, 1, 2):
        tables.films.loc[4, "path"] = str(tmp_path / "not there yet.png") if number == 2 else path
        ready, refused = prepare_shard(tables, out, rows=96, shard=(number, 3), workers=1)
        assert len(refused) == (number == 2) and not (out / "store.json").exists()
        counts.append(ready)
    assert sum(counts) == drawn_set.films - 1
    tables.films.loc[4, "path"] = path
    drawn: list = []
    store, done = prepare(tables, out, rows=96, workers=1, progress=lambda jobs, **_: drawn.extend(jobs) or drawn)
    assert done and len(drawn) == 1 and bytes_of(store) == bytes_of(drawn_store)
    assert prepare_shard(tables, out, rows=96, shard=(1, 3))[1] == {} and not (out / "parts").exists()
    with pytest.raises(ConfigError, match="other --rows"):
        prepare_shard(tables, out, rows=128, shard=(1, 3))


def test_the_size_that_is_stated_beforehand_holds(drawn_set, drawn_store: Store) -> None:
    """Two bytes a pixel and one for the target; a crop only makes it smaller."""
    taken = sum(len(part) for part in bytes_of(drawn_store))
    stated = largest_size(index_own_data(drawn_set.root), 96)
    assert taken <= stated < 4 * taken


def test_a_map_survives_its_file(drawn_store: Store, tmp_path: Path) -> None:
    film = drawn_store[drawn_store.films["image_id"].iloc[0]]
    rng = np.random.default_rng(0)
    breast = film.pixels > 0
    lesion = (rng.random(breast.shape) * breast).astype(np.float32)
    made = FilmMap(lesion, lesion / 2, breast, film.grid)
    write_map(tmp_path / "m.npz", made)
    back = read_map(tmp_path / "m.npz")
    assert np.abs(back.lesion - lesion).max() <= 0.5 / 65_535 + 1e-7
    assert np.array_equal(back.breast, breast) and back.grid == film.grid
    assert back.on_film("malignancy").shape == (film.grid.film_rows, film.grid.film_cols)
