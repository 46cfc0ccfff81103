"""The folder that `view` writes: nothing done twice, nothing private, nothing of others touched."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from made.viewed import PLANTED, Seen

from mammomap.errors import ConfigError, TableError
from mammomap.masks.grid import Grid
from mammomap.masks.key import find_key, read_key, write_key
from mammomap.masks.mapfile import FilmMap, read_map_folder
from mammomap.masks.tables import read_tables
from mammomap.viewer import film as film_module
from mammomap.viewer.film import packed_map
from mammomap.viewer.listing import about, columns_of, list_films, nothing_words, read_scores
from mammomap.viewer.page import write_page


def told(page: Path, image_id: str) -> dict:
    """The data of one film."""
    call = (page / "data" / f"film-{image_id}.js").read_text().split("\n", 1)[1]
    return json.loads(call[call.index("(") + 1 : call.rindex(")")])


def times(page: Path) -> dict[str, int]:
    return {path.as_posix(): path.stat().st_mtime_ns for path in page.rglob("*") if path.is_file()}


def copied(seen: Seen, root: Path) -> Seen:
    """The set with a folder of maps of its own."""
    shutil.copytree(seen.folder.folder, root / "maps")
    return replace(seen, folder=read_map_folder(root / "maps"))


def test_nothing_of_key_and_paths_stands_in_the_page(viewed_page: Path, seen: Seen):
    secret = read_key(seen.key).secret
    words = [*PLANTED, secret, str(seen.key.parent)]
    files = [path for path in viewed_page.rglob("*") if path.is_file()]
    assert len(files) > 20
    for path in files:
        content = path.read_bytes() + path.name.encode()
        assert not [word for word in words if word.encode() in content], path
    assert all(word in seen.key.read_text() for word in words), "the words are not even in the key"


def test_a_second_run_does_only_what_is_missing(seen: Seen, tmp_path: Path):
    mine, page = copied(seen, tmp_path), tmp_path / "page"
    ask = {"key": read_key(seen.key), "truth": read_tables(seen.tables), "workers": 1}
    first = write_page(mine.folder, page, **ask)
    assert (first.films, first.with_pixels, first.written, first.changed) == (5, 3, 4, True)
    before = times(page)
    again = write_page(mine.folder, page, **ask)
    assert (again.written, again.changed) == (0, False) and times(page) == before
    image_id = next(iter(seen.impulses))
    (page / "data" / f"film-{image_id}.js").unlink()
    assert write_page(mine.folder, page, **ask).written == 1
    after = times(page)
    assert [name for name in before if after[name] != before[name]] == [
        (page / "data" / f"film-{image_id}.js").as_posix()
    ], "its tiles were still good"
    shutil.rmtree(page / "tiles" / image_id)
    assert write_page(mine.folder, page, **ask).written == 1 and (page / "tiles" / image_id / "thumb.jpg").is_file()
    os.utime(mine.folder.folder / "maps" / f"{image_id}.npz")
    assert write_page(mine.folder, page, **ask).written == 1
    assert write_page(mine.folder, page, **{**ask, "truth": None}).written == 3, "the outlines went"


def test_a_film_that_left_the_maps_leaves_the_page(seen: Seen, tmp_path: Path):
    mine, page = copied(seen, tmp_path), tmp_path / "page"
    key = read_key(seen.key)
    write_page(mine.folder, page, key=key, workers=1)
    gone = next(iter(seen.impulses))
    fewer = replace(mine.folder, films=mine.folder.films.query("image_id != @gone"))
    assert write_page(fewer, page, key=key, workers=1).changed
    assert not [path for path in page.rglob("*") if gone in path.as_posix()]
    assert gone not in (page / "data" / "films.js").read_text()


def test_a_killed_run_leaves_no_half_film(seen: Seen, tmp_path: Path, monkeypatch):
    page = tmp_path / "page"
    real = film_module.write_pyramid

    def killed(film, folder):
        real(film, folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(film_module, "write_pyramid", killed)
    with pytest.raises(KeyboardInterrupt):
        write_page(seen.folder, page, key=read_key(seen.key), workers=1)
    assert not list(page.glob("data/*")) and not list(page.glob("tiles/film-*")) and not (page / "index.html").exists()
    monkeypatch.undo()
    write_page(seen.folder, page, key=read_key(seen.key), workers=1)
    assert not [path for path in page.rglob("*") if path.name.startswith(".half")]


def test_folders_of_others_are_left_alone(seen: Seen, tmp_path: Path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(ConfigError, match="holds other files"):
        write_page(seen.folder, tmp_path, key=None, workers=1)
    with pytest.raises(ConfigError, match="holds other files"):
        write_page(seen.folder, seen.folder.folder, key=None, workers=1)
    with pytest.raises(ConfigError, match="a file, wanted a folder"):
        write_page(seen.folder, tmp_path / "letters.txt", key=None, workers=1)


def test_films_without_pixels_say_why(seen: Seen, tmp_path: Path):
    key = read_key(seen.key)
    first, second, third = seen.impulses
    other = tmp_path / "other.png"
    film_of_another_size = key.films[second].path.read_bytes()
    other.write_bytes(film_of_another_size)
    (tmp_path / "text.png").write_text("no film")
    films = dict(key.films)
    films[first] = replace(films[first], path=other)
    films[second] = replace(films[second], path=tmp_path / "text.png")
    del films[third]
    page = tmp_path / "page"
    viewed = write_page(seen.folder, page, key=replace(key, films=films), workers=1)
    assert viewed.with_pixels == 0 and "4 films are shown without their pixels" in viewed.notes[0]
    said = {image_id: told(page, image_id)["without"] for image_id in (first, second, third, "film-lost")}
    assert "other proportions" in said[first] and "can no longer be read" in said[second]
    assert "the key does not name this film" in said[third] and "gone" in said["film-lost"]
    assert told(page, first)["pixels"] is None and told(page, first)["map"]["rows"] == 288
    assert "no key" in write_page(seen.folder, tmp_path / "bare", key=None, workers=1).notes[0]
    assert "key of these maps is not there" in told(tmp_path / "bare", first)["without"]


def test_the_map_is_sent_in_the_films_own_direction():
    lesion = np.zeros((4, 3), np.float32)
    lesion[1, 0] = 1.0
    for mirrored in (False, True):
        grid = Grid(film_rows=40, film_cols=50, row0=4, col0=8, row1=36, col1=32, mirrored=mirrored, rows=4, cols=3)
        sent = packed_map(FilmMap(lesion, lesion * np.float32(0.5), lesion >= 0, grid))
        values = np.frombuffer(zlib.decompress(base64.b64decode(sent["lesion"])), np.uint8).reshape(4, 3)
        (row, col), (place,) = np.argwhere(values == 255)[0], grid.to_film(np.array([[1, 0]]))
        row0, col0, row1, col1 = sent["crop"]
        assert row0 + (row + 0.5) * (row1 - row0) / 4 - 0.5 == place[0]
        assert col0 + (col + 0.5) * (col1 - col0) / 3 - 0.5 == place[1]
        assert col == (2 if mirrored else 0)


def test_candidates_carry_box_size_and_what_they_moved(viewed_page: Path, seen: Seen):
    image_id, (row, col) = next(iter(seen.impulses.items()))
    film = told(viewed_page, image_id)
    best = film["candidates"][0]
    assert (best["row"], best["col"], best["layer"], best["score"]) == (round(row, 1), round(col, 1), "lesion", 0.9)
    assert (
        best["moved"] == 1.25 and best["area_mm2"] == 120.5 and best["box"] == [row - 30, col - 30, row + 30, col + 30]
    )
    assert [candidate["moved"] for candidate in film["candidates"][1:]] == [None, None]
    assert film["reasons"] == [{"name": "highest <b>malignancy</b>", "value": 0.5, "moved": -0.31}]
    assert {lesion["lesion"] for lesion in film["truth"]} >= {"polygon", "circle"}
    assert told(viewed_page, "film-lost")["truth"] is None
    assert "<b>" not in (viewed_page / "data" / f"film-{image_id}.js").read_text()


def test_the_list_calls_scores_what_they_are(seen: Seen):
    scores = read_scores(seen.folder)
    heads = [column["head"] for column in columns_of(seen.folder, scores)]
    assert heads == ["score", "score, breast", "score, woman", "highest malignancy"]
    films = {film["id"]: film for film in list_films(seen.folder, scores)}
    assert films["film-aside"]["status"] == "set aside" and films["film-aside"]["reason"] == "a CT image, wanted MG"
    assert films["film-aside"]["values"]["map_max"] is None and films["film-lost"]["exam"] == ""
    first = films[next(iter(seen.impulses))]
    assert first["values"]["score_patient"] == 0.5 and first["tops"]["lesion"] == [0.9, 0.2]
    said = about(seen.folder, scores)
    assert said["threshold"] == 0.3 and said["threshold_from"].endswith("candidate 1 false positives per film")
    bare = replace(seen.folder, folder=seen.tables)
    assert [c["key"] for c in columns_of(bare, read_scores(bare))] == ["map_max"]
    assert about(bare, read_scores(bare))["threshold"] == 0.25


def test_older_folders_of_maps_have_fewer_columns(seen: Seen, tmp_path: Path):
    plain = seen.folder.films[["image_id", "status", "map_max", "reason"]].assign(score=0.7)
    mine = copied(seen, tmp_path)
    bare = replace(mine.folder, films=pd.DataFrame(plain), candidates=mine.folder.candidates.iloc[:, :7])
    for name in ("scores.csv", "scores.json", "scores.reasons.csv"):
        (tmp_path / "maps" / name).unlink()
    assert write_page(bare, tmp_path / "page", key=None, workers=1).films == 5
    assert columns_of(bare, read_scores(bare))[0] == {"key": "score", "head": "score"}
    best = told(tmp_path / "page", next(iter(seen.impulses)))["candidates"][0]
    assert best["box"] is None and best["area_mm2"] is None and best["moved"] is None


def test_a_film_without_candidate_reads_as_in_tables_and_pictures():
    assert nothing_words(("mass",)) == ["no mass candidate above", "; calcifications not searched"]
    assert nothing_words(("calcification", "mass")) == ["no calcification or mass candidate above", ""]
    assert nothing_words(()) == ["no bright spot candidate above", ""]


def test_a_smaller_copy_of_a_film_covers_the_whole_of_it(seen: Seen, tmp_path: Path):
    key = read_key(seen.key)
    image_id, film = next(iter(seen.films.items()))
    rows, cols = film.image.shape
    for name, size in (
        ("half", (cols // 2, rows // 2)),
        ("odd", (cols // 2, rows // 2 + 3)),
        ("wide", (cols, rows // 2)),
    ):
        cv2.imwrite(str(tmp_path / f"{name}.png"), cv2.resize(film.image, size, interpolation=cv2.INTER_AREA))
        films = {image_id: replace(key.films[image_id], path=tmp_path / f"{name}.png")}
        write_page(seen.folder, tmp_path / name, key=replace(key, films=films), workers=1)
        pixels = told(tmp_path / name, image_id)["pixels"]
        if name == "wide":
            assert pixels is None and "other proportions" in told(tmp_path / name, image_id)["without"]
        else:
            assert (pixels["rows"], pixels["cols"], pixels["highest"]) == (rows // 2, cols // 2, 10)


def test_truth_of_other_films_is_refused(seen: Seen, tmp_path: Path):
    tables = read_tables(seen.tables)
    other = replace(tables, films=tables.films.assign(image_id="x"), lesions=tables.lesions.iloc[:0])
    with pytest.raises(TableError, match="no film of .* stands in these tables"):
        write_page(seen.folder, tmp_path / "page", key=None, truth=other, workers=1)


def test_the_key_is_the_named_one_or_that_beside_the_maps(seen: Seen, tmp_path: Path):
    assert find_key(seen.folder.folder, None) == read_key(seen.key)
    mine = copied(seen, tmp_path)
    assert find_key(mine.folder.folder, None) is None
    assert find_key(mine.folder.folder, seen.key) == read_key(seen.key)
    write_key(tmp_path / "maps.key.json", replace(read_key(seen.key), secret="ab"))
    found = find_key(mine.folder.folder, None)
    assert found is not None and found.secret == "ab"
    with pytest.raises(TableError, match="no such key file"):
        find_key(mine.folder.folder, tmp_path / "none.json")


def test_the_library_is_as_published_and_its_licence_lies_beside_it(viewed_page: Path):
    import hashlib

    web = Path(film_module.__file__).parent / "web"
    library = (web / "openseadragon.min.js").read_bytes()
    assert f"`{hashlib.sha256(library).hexdigest()}`" in (web / "README.md").read_text()
    assert (viewed_page / "viewer" / "openseadragon.min.js").read_bytes() == library
    assert "Redistributions" in (viewed_page / "viewer" / "openseadragon-LICENSE.txt").read_text()


def test_every_key_stands_in_the_docs():
    table = (Path(film_module.__file__).parent / "web" / "keys.js").read_text()
    lists = re.findall(r"^ {4}\[\[(.+?)\], \"", table, re.M)
    keys = {key for listed in lists for key in re.findall(r'"([^"]+)"', listed)} - {"=", "h", "Escape"}
    told = (Path(__file__).parents[2] / "docs" / "viewer.md").read_text()
    assert len(lists) > 25
    assert not [key for key in keys if f"`{key}`" not in told and not key.startswith("Arrow")]


def test_no_part_of_the_viewer_needs_a_net():
    code = (
        "import sys, mammomap.viewer.view, mammomap.viewer.single; print(sorted({'torch', 'timm'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_pages_ask_for_nothing_outside(viewed_page: Path):
    own = [p for p in viewed_page.rglob("*") if p.suffix in (".js", ".css", ".html") and "openseadragon" not in p.name]
    for path in own:
        addresses = set(re.findall(r"https?://[^\"'\s]+", path.read_text())) - {"http://www.w3.org/2000/svg"}
        assert not addresses, path
        assert not re.search(r"\bfetch\(|XMLHttpRequest|\beval\(|innerHTML", path.read_text()), path
