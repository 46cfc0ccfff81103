"""`benchmark --check`: each fault its line, a good submission none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result

from mammomap.benchmark.check import breast_shares, check_submission, read_film_list
from mammomap.cli import main
from mammomap.errors import TableError
from mammomap.masks.own_data import index_own_data
from mammomap.masks.splits import Split
from mammomap.masks.tables import write_tables

IDS = [f"W{woman:03d}_LEFT_{view}" for woman in range(2) for view in ("CC", "MLO")]


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def submitted(tmp_path: Path, drawn_set) -> Path:
    """Four drawn films, each with a true map: its bright disc."""
    (tmp_path / "maps").mkdir()
    lines = ["image_id,rows,cols,file"]
    for image_id in IDS:
        film = cv2.imread(str(drawn_set.root / "films" / f"{image_id}.png"), cv2.IMREAD_UNCHANGED)
        assert film is not None
        cv2.imwrite(str(tmp_path / f"{image_id}.png"), film)
        lesion = cv2.GaussianBlur((film > 30_000).astype(np.float32), (0, 0), 2)
        cv2.imwrite(str(tmp_path / "maps" / f"{image_id}.png"), np.rint(lesion * 65_535).astype(np.uint16))
        lines.append(f"{image_id},{film.shape[0]},{film.shape[1]},{image_id}.png")
    (tmp_path / "films.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def change(path: Path, how) -> None:
    cv2.imwrite(str(path), how(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)))


def test_a_good_submission_passes(submitted: Path) -> None:
    result = run("benchmark", "--check", submitted / "maps", "--films", submitted / "films.csv")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "note: no malignancy layer: the lesion layer stands for both",
        "4 films, 4 maps: PNG, uint16, lesion: nothing found",
    ]


def test_tables_serve_as_the_list_of_films(submitted: Path, drawn_set) -> None:
    tables = index_own_data(drawn_set.root)
    write_tables(tables, submitted / "tables")
    result = run("benchmark", "--check", submitted / "maps", "--films", submitted / "tables")
    lines = result.stdout.splitlines()
    assert result.exit_code == 1 and lines[0] == f"{tables.films['image_id'].iloc[4]}: no map"
    assert lines[-1] == "200 films, 4 maps: PNG, uint16, lesion: 196 found"


def test_only_the_films_of_a_part_are_asked_for(submitted: Path, drawn_set) -> None:
    tables = submitted / "tables"
    write_tables(index_own_data(drawn_set.root), tables)
    women = {image_id.split("_")[0]: "test" for image_id in IDS}
    Split("by hand", dict.fromkeys((f"W{k:03d}" for k in range(100)), "net") | women).write(tables / "split.csv")
    asked = ["benchmark", "--check", submitted / "maps", "--split", tables / "split.csv"]
    assert run(*asked, "--films", tables).exit_code == 0
    result = run(*asked, "--films", tables, "--part", "validation")
    assert result.exit_code == 1 and f"{IDS[0]}: a map, but no such film in the list" in result.stdout
    result = run(*asked, "--films", submitted / "films.csv")
    assert result.exit_code == 1 and "a split goes with tables" in result.stderr


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda maps: (maps / f"{IDS[0]}.png").unlink(), f"{IDS[0]}: no map"),
        (lambda maps: (maps / f"{IDS[0]}.png").rename(maps / "case.png"), "case: a map, but no such film in the list"),
        (
            lambda maps: change(maps / f"{IDS[0]}.png", lambda m: m[:, :100]),
            f"{IDS[0]}: map of 160 x 100 on a film of 160 x 112",
        ),
        (
            lambda maps: change(maps / f"{IDS[0]}.png", lambda m: cv2.cvtColor(m, cv2.COLOR_GRAY2BGR)),
            f"{IDS[0]}.png: a picture of 3 channels",
        ),
        (lambda maps: change(maps / f"{IDS[0]}.png", lambda m: np.full_like(m, 13_107)), f"{IDS[0]}: 0.2 everywhere"),
        (lambda maps: (maps / f"{IDS[0]}.png").write_bytes(b"x"), f"{IDS[0]}.png: cannot be decoded"),
        (
            lambda maps: cv2.imwrite(str(maps / f"{IDS[0]}_malignancy.png"), np.zeros((160, 112), np.uint16)),
            "for 3 of 4",
        ),
        (lambda maps: (maps / "scores.csv").write_text(f"image_id,score\n{IDS[0]},1\n"), "scores.csv: no score for"),
        (lambda maps: (maps / "scores.csv").write_text("image_id\n"), "wanted image_id and score or probability"),
        (lambda maps: (maps / "women_seen.txt").write_bytes(b"\xff"), "not a text of patient_ids"),
        (lambda maps: (maps / "threshold.txt").write_text("50 %"), "'50 %', wanted one number"),
        (lambda maps: np.savez(maps / "x.npz", lesion=np.zeros((2, 2))), "wanted maps of one format"),
    ],
)
def test_each_fault_has_its_line(spoil, line: str, submitted: Path) -> None:
    spoil(submitted / "maps")
    result = run("benchmark", "--check", submitted / "maps", "--films", submitted / "films.csv")
    assert result.exit_code == 1, result.output
    assert any(line in said for said in result.stdout.splitlines()), result.stdout


def test_all_faults_come_out_at_once(submitted: Path) -> None:
    maps = submitted / "maps"
    (maps / f"{IDS[0]}.png").write_bytes(b"x")
    (maps / f"{IDS[1]}.png").unlink()
    change(maps / f"{IDS[2]}.png", lambda m: m[:50])
    found = check_submission(maps, submitted / "films.csv").findings
    assert [line.split(":")[0].removesuffix(".png") for line in found] == [IDS[1], IDS[0], IDS[2]]


@pytest.mark.parametrize("way", ["left to right", "both ways"])
def test_a_mirrored_map_is_told(way: str, submitted: Path) -> None:
    """The films' breasts are half ellipses about the middle row, so that upside down looks as well as right."""
    for image_id in IDS:
        flip = (lambda m: m[:, ::-1]) if way == "left to right" else (lambda m: m[::-1, ::-1])
        change(submitted / "maps" / f"{image_id}.png", lambda m, flip=flip: np.ascontiguousarray(flip(wall(m))))
    found = check_submission(submitted / "maps", submitted / "films.csv").findings
    assert len(found) == 4 and all("fits better mirrored" in line for line in found)


def wall(layer: np.ndarray) -> np.ndarray:
    """The same map with a blob at the chest wall, which no mirrored map of a breast can have within it."""
    left = layer[:, : layer.shape[1] // 2].sum() > layer.sum() / 2
    out = np.zeros_like(layer)
    cv2.circle(out, (8 if left else layer.shape[1] - 9, 80), 6, 50_000, -1)
    return out


def test_shares_of_a_map_on_the_breast() -> None:
    """Breast: the left half of 8 x 8. A map in the lower left corner, in the upper right one, on a ground of 0.1."""
    breast = np.zeros((8, 8), np.uint8)
    breast[:, :4] = 1
    layer = np.full((8, 8), 0.1, np.float32)
    layer[6:, :2] = 0.9
    assert breast_shares(layer, breast) == pytest.approx(
        {"": 1, "left to right": 0, "upside down": 1, "both ways": 0, "with rows and columns exchanged": 0}
    )
    assert breast_shares(np.full((8, 8), 0.3, np.float32), breast) == {}


def test_a_map_off_the_breast_is_told(submitted: Path) -> None:
    for image_id in IDS:
        middle = np.zeros((160, 112), np.uint16)
        middle[:8] = middle[-8:] = 40_000
        cv2.imwrite(str(submitted / "maps" / f"{image_id}.png"), middle)
    found = check_submission(submitted / "maps", submitted / "films.csv").findings
    assert len(found) == 4 and all("lies mostly off the breast (0% of its weight" in line for line in found)


def test_marks_are_checked_too(submitted: Path) -> None:
    path = submitted / "m.csv"
    path.write_text(f"image_id,map,row,col,score\n{IDS[0]},lesion,500,3,1\nX,lesion,1,1,1\n{IDS[1]},lesion,5,5,1\n")
    found = check_submission(path, submitted / "films.csv")
    assert found.findings == [
        "X: marks, but no such film in the list",
        f"{IDS[0]}: 1 marks off the film of 160 x 112, first (500, 3)",
    ]
    assert found.notes == ["2 films without a mark: they count as searched and empty"]


def test_films_without_pixels_are_said(submitted: Path) -> None:
    path = submitted / "sizes.csv"
    path.write_text("image_id,rows,cols\n" + "".join(f"{image_id},160,112\n" for image_id in IDS))
    found = check_submission(submitted / "maps", path)
    assert not found.findings
    assert "4 of 4 films without pixels or breast: where their maps lie was not checked" in found.notes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image_id,rows\na,1\n", "column 'cols' is missing"),
        ("image_id,rows,cols\na,1,1\na,1,1\n", "a stands twice"),
        ("image_id,rows,cols\na,x,1\n", "line 2: rows 'x'"),
        ("", "not a CSV table"),
    ],
)
def test_a_faulty_list_of_films_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text(text)
    with pytest.raises(TableError, match=reason):
        read_film_list(tmp_path / "films.csv")


def test_words_that_do_not_go_together_exit_2(submitted: Path) -> None:
    assert run("benchmark", "--check", submitted / "maps").exit_code == 2
    assert run("benchmark", "--films", submitted / "films.csv").exit_code == 2
    assert run("benchmark", "t", "a=b", "--check", "x", "--films", "y").exit_code == 2
    assert run("benchmark", "t").exit_code == 2
    assert run("benchmark", "--check", submitted / "absent", "--films", submitted / "films.csv").exit_code == 1
