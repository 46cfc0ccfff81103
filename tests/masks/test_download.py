import inspect
import os
import pty
import re
import subprocess
import sys
import urllib.error
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from mammomap.cli import main
from mammomap.errors import ConfigError, DownloadError, TableError
from mammomap.masks import download as module
from mammomap.masks.download import download, idc_transfer
from mammomap.masks.download_plan import plan_cbis, published_lists, series_table

NAMES = (
    "Mass-Test_P_00016_LEFT_CC",
    "Mass-Test_P_00016_LEFT_CC_1",
    "Mass-Training_P_00001_LEFT_MLO",
    "Mass-Training_P_00001_LEFT_MLO_2",
    "Mass-Training_P_00001_LEFT_MLO_2",
    "Calc-Test_P_00038_RIGHT_CC_1",
    "P_00038_RIGHT_CC.dcm",
    "P_00562_LEFT_CC_12.dcm",
    "Calc-Training_P_00005_RIGHT_MLO",
)


def _table(names=NAMES, **columns):
    """Series of one or two files; series n has 1000 + n bytes a file."""
    count = len(names)
    files = [2 if re.search(r"_\d{1,2}(\.dcm)?$", name) else 1 for name in names]
    frame = {
        "PatientID": names,
        "StudyInstanceUID": [f"1.2.{n}" for n in range(count)],
        "SeriesInstanceUID": [f"1.3.{n}" for n in range(count)],
        "Modality": ["MG"] * count,
        "instanceCount": files,
        "series_size_MB": [(1000 + n) * f / 1e6 for n, f in enumerate(files)],
    }
    return pd.DataFrame(frame | columns)


class Archive:
    """Brings series; counts what it was asked for, and fails where it is told to."""

    def __init__(self, plan, *, short=(), dies_at=None, error: BaseException | None = None):
        self.rows = {row.series_uid: row for row in plan.series.itertuples()}
        self.short, self.dies_at, self.error = short, dies_at, error
        self.asked: list[str] = []

    def __call__(self, series, folder):
        for uid in series:
            if uid == self.dies_at:
                half = folder / self.rows[uid].folder
                half.mkdir(parents=True)
                (half / "half.dcm").write_bytes(b"x")
                assert self.error is not None
                raise self.error
            self.asked.append(uid)
            row = self.rows[uid]
            for number in range(row.files - (uid in self.short)):
                path = folder / row.folder / f"{number}.dcm"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"\0" * (row.bytes // row.files))


def _files(folder):
    return {str(p.relative_to(folder)): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setattr(module, "BATCH_BYTES", 4000)  # two or three series
    return plan_cbis(table=_table())


@pytest.fixture(scope="module")
def real_table():
    pytest.importorskip("idc_index_data")
    table = series_table()
    if table.attrs["release"] != "25":
        pytest.skip("counted on release 25 of Imaging Data Commons")
    return table


@pytest.mark.parametrize(
    ("choice", "films", "rois", "women", "files", "gigabytes"),
    [
        ({}, 3103, 3672, 1566, 10239, 163.512966728),
        ({"abnormality": "mass"}, 1592, 1799, 892, 4984, None),
        ({"part": "test"}, 645, 715, 349, 2053, None),
        ({"part": "test", "abnormality": "calc"}, 284, 326, 151, 936, None),
        ({"part": "train", "abnormality": "mass"}, 1231, 1410, 691, 3867, None),
        ({"part": "test", "abnormality": "mass", "patients": 10}, 17, 19, 10, 55, None),
    ],
)
def test_the_plan_has_the_counts_of_the_published_set(real_table, choice, films, rois, women, files, gigabytes):
    plan = plan_cbis(table=real_table, **choice)
    roles = plan.series["role"].value_counts()
    assert (roles["film"], roles["roi"]) == (films, rois)
    assert (plan.series["patient"].nunique(), plan.series["files"].sum()) == (women, files)
    assert gigabytes is None or plan.bytes == round(gigabytes * 1e9)
    if "train" not in choice.values() and "calc" not in choice.values():  # the rows that the docs print
        row = f"| {women:,} | {films + rois:,} | {files:,} | {plan.bytes / 1e9:.1f} GB |"
        assert row in (Path(__file__).parents[2] / "docs" / "download.md").read_text()


def test_by_name_and_by_the_lists_the_same_series_are_chosen(real_table, real_data):
    lists = real_data / "cbis_ddsm_tables"
    by_name = plan_cbis(table=real_table, part="test")
    by_lists = plan_cbis(table=real_table, part="test", lists=lists)
    pd.testing.assert_frame_equal(by_name.series, by_lists.series)
    assert "PatientID" in by_name.chosen_by and "calc_case_description_test_set.csv" in by_lists.chosen_by


def test_names_of_all_forms_are_read():
    series = plan_cbis(table=_table()).series.set_index("series_uid")
    told = series[["list", "patient", "role"]].agg("/".join, axis=1).to_dict()
    assert told == {
        "1.3.0": "mass-test/P_00016/film",
        "1.3.1": "mass-test/P_00016/roi",
        "1.3.2": "mass-train/P_00001/film",
        "1.3.3": "mass-train/P_00001/roi",
        "1.3.4": "mass-train/P_00001/roi",
        "1.3.5": "calc-test/P_00038/roi",
        "1.3.6": "calc-test/P_00038/film",
        "1.3.7": "calc-test/P_00562/roi",
        "1.3.8": "calc-train/P_00005/film",
    }
    assert series.loc["1.3.6", "folder"] == "cbis_ddsm/P_00038_RIGHT_CC.dcm/1.2.6/MG_1.3.6"
    assert int(series["bytes"].sum()) == 1000 * 14 + sum(n * f for n, f in enumerate(_table()["instanceCount"]))


@pytest.mark.parametrize("name", ["Mass-Test_P_1_LEFT_CC", "P_00038_LEFT_CC", "Mass-Test_P_00038_LEFT_CC.dcm", "x"])
def test_a_name_of_another_form_is_refused(name):
    with pytest.raises(TableError, match="no known form"):
        plan_cbis(table=_table((*NAMES, name)))


def test_a_choice_that_leaves_nothing_is_refused():
    with pytest.raises(ConfigError, match="no series of train, calc"):
        plan_cbis(table=_table(NAMES[:3]), part="train", abnormality="calc")


def _list(folder, rows):
    looks = "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
    head = (
        looks + "mass margins,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
    )
    lines = [f"P_00001,3,LEFT,MLO,{n},mass,OVAL,N/A,4,BENIGN,3,{paths}" for n, paths in rows]
    folder.mkdir(exist_ok=True)
    (folder / "renamed.csv").write_text("\n".join([head, *lines]) + "\n")


def test_lists_in_the_folder_choose_by_series(tmp_path):
    name = "Mass-Training_P_00001_LEFT_MLO"
    paths = f"{name}/1.2.2/1.3.2/000000.dcm,{name}_2/1.2.3/1.3.3/000000.dcm,{name}_2/1.2.4/1.3.4/000000.dcm"
    assert published_lists(tmp_path) is None
    _list(tmp_path / "lists", [(2, paths)])
    assert published_lists(tmp_path) == tmp_path
    odd = [n.replace("Training", "Test") for n in NAMES]  # a name that would mislead
    plan = plan_cbis(table=_table(odd), lists=tmp_path)
    assert plan.series["series_uid"].tolist() == ["1.3.2", "1.3.3", "1.3.4"]
    assert set(plan.series["list"]) == {"mass-train"} and "renamed.csv" in plan.chosen_by
    with pytest.raises(TableError, match="1 series of its lists are not in the series table, first '1.3.4'"):
        plan_cbis(table=_table().query("SeriesInstanceUID != '1.3.4'"), lists=tmp_path)


def test_everything_arrives_and_a_second_run_asks_for_nothing(plan, tmp_path):
    archive = Archive(plan)
    assert download(plan, tmp_path / "o", archive) == 9
    assert sorted(archive.asked) == sorted(plan.series["series_uid"])
    found = _files(tmp_path / "o" / "cbis_ddsm")
    assert (len(found), sum(found.values())) == (plan.series["files"].sum(), plan.bytes)
    assert not (tmp_path / "o" / ".part").exists()
    before = _files(tmp_path / "o")
    assert download(plan, tmp_path / "o", Archive(plan, dies_at="any")) == 0
    assert _files(tmp_path / "o") == before
    manifest = pd.read_csv(tmp_path / "o" / "manifest.csv")
    assert manifest["bytes"].sum() == plan.bytes and set(manifest["series_uid"]) == set(plan.series["series_uid"])


@pytest.mark.parametrize("when", ["1.3.8", "1.3.1", "1.3.7"])
def test_a_kill_in_the_middle_costs_what_was_under_way(plan, tmp_path, when):
    first = Archive(plan, dies_at=when, error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        download(plan, tmp_path, first)
    second = Archive(plan)
    download(plan, tmp_path, second)
    assert sorted(first.asked + second.asked) == sorted(plan.series["series_uid"])  # nothing twice
    assert not list(tmp_path.rglob("half.dcm")) and plan.missing(tmp_path).empty


def test_a_network_error_is_one_line_and_the_next_run_goes_on(plan, tmp_path):
    broken = Archive(plan, dies_at="1.3.7", error=ConnectionError("reset\nby peer"))
    with pytest.raises(DownloadError, match=r"stopped: reset by peer; \d of 9 series fetched, the same command") as e:
        download(plan, tmp_path, broken)
    assert "\n" not in str(e.value)
    assert len(plan.missing(tmp_path)) == 9 - len(broken.asked)
    assert download(plan, tmp_path, Archive(plan)) == 9 - len(broken.asked)


def test_an_archive_that_goes_quiet_stops_the_download(plan, tmp_path):
    calls = []
    with pytest.raises(DownloadError, match="nothing arrived any more; 0 of 9"):
        download(plan, tmp_path, lambda series, folder: calls.append(series))
    assert len(calls) == 1


def test_a_series_short_of_files_is_named_and_never_put_in_place(plan, tmp_path):
    with pytest.raises(DownloadError, match=r"1 of 9 series did not arrive whole, first Calc-Test_P_00038_RIGHT_CC_1"):
        download(plan, tmp_path, Archive(plan, short=["1.3.5"]))
    assert not list(tmp_path.rglob("MG_1.3.5"))
    again = Archive(plan)
    assert download(plan, tmp_path, again) == 1 and again.asked == ["1.3.5"]


@pytest.mark.parametrize("damage", ["remove", "cut", "add", "join"])
def test_a_series_that_is_no_longer_whole_is_fetched_again(plan, tmp_path, damage):
    download(plan, tmp_path, Archive(plan))
    folder = next(tmp_path.rglob("MG_1.3.3"))
    if damage == "remove":
        (folder / "1.dcm").unlink()
    elif damage == "cut":
        (folder / "1.dcm").write_bytes(b"x")
    elif damage == "join":
        (folder / "0.dcm").write_bytes((folder / "0.dcm").read_bytes() + (folder / "1.dcm").read_bytes())
        (folder / "1.dcm").unlink()
    else:
        (folder / "2.dcm").write_bytes(b"x")
    again = Archive(plan)
    assert download(plan, tmp_path, again) == 1 and again.asked == ["1.3.3"]
    assert sorted(p.name for p in folder.iterdir()) == ["0.dcm", "1.dcm"]


def test_a_folder_grows_and_its_manifest_keeps_all(tmp_path):
    for choice in ({"abnormality": "mass"}, {"part": "test"}):
        plan = plan_cbis(table=_table(), **choice)
        download(plan, tmp_path, Archive(plan))
    manifest = pd.read_csv(tmp_path / "manifest.csv")
    assert sorted(manifest["series_uid"]) == [f"1.3.{n}" for n in range(8)]
    (tmp_path / "manifest.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ConfigError, match="not written by this program"):
        download(plan, tmp_path, Archive(plan))


def test_a_disk_without_room_is_refused_before_anything_is_fetched(tmp_path):
    plan = plan_cbis(table=_table(series_size_MB=np.full(len(NAMES), 1e12)))
    with pytest.raises(ConfigError, match="free on its disk"):
        download(plan, tmp_path / "o", lambda *_: pytest.fail("fetched"))
    assert not (tmp_path / "o").exists()


def test_progress_counts_gigabytes_in_all(plan, tmp_path):
    seen = []

    def progress(items, **how):
        seen.append(how)
        return items

    download(plan, tmp_path, Archive(plan), progress)
    (how,) = seen
    assert how["total"] * how["unit_scale"] * 1e9 == pytest.approx(plan.bytes) and how["total"] > 2


def test_idc_index_is_called_as_it_wants_to_be(monkeypatch, tmp_path):
    index = pytest.importorskip("idc_index.index")
    calls = []

    class Client:
        def download_dicom_series(self, *args, **named):
            inspect.signature(index.IDCClient.download_dicom_series).bind(self, *args, **named)
            calls.append((args, named["dirTemplate"]))

    def answers(*_, **__):
        raise urllib.error.HTTPError("", 403, "Forbidden", None, None)  # type: ignore[arg-type]

    monkeypatch.setattr("urllib.request.urlopen", answers)
    monkeypatch.setattr(
        index, "IDCClient", type("Fake", (index.IDCClient,), {"__init__": lambda self: None} | dict(Client.__dict__))
    )
    idc_transfer()(["1.3.1"], tmp_path)
    plan = plan_cbis(table=_table(NAMES[:1]))
    where = index.IDCClient.DOWNLOAD_HIERARCHY_DEFAULT
    assert calls == [((["1.3.1"], str(tmp_path)), where)]
    for attribute, value in (("collection_id", "cbis_ddsm"), ("PatientID", NAMES[0]), ("StudyInstanceUID", "1.2.0")):
        where = where.replace(f"%{attribute}", value)
    assert plan.series["folder"][0] == where.replace("%Modality", "MG").replace("%SeriesInstanceUID", "1.3.0")


def _offline(*_, **__):
    raise urllib.error.URLError("Name or service not known")


def test_offline_is_one_clear_line(monkeypatch, tmp_path):
    pytest.importorskip("idc_index")
    monkeypatch.setattr("urllib.request.urlopen", _offline)
    words = ["download", "cbis-ddsm", "-o", str(tmp_path / "o"), "--patients", "1", "--yes"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    line = "mammomap: Imaging Data Commons cannot be reached (Name or service not known); is this machine online?\n"
    assert result.stderr == line
    assert not (tmp_path / "o").exists()


def test_without_idc_index_the_extra_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "idc_index_data", None)
    result = CliRunner().invoke(main, ["download", "cbis-ddsm", "-o", str(tmp_path / "o"), "--dry-run"])
    assert result.exit_code == 1
    assert result.stderr == "mammomap: idc-index is not installed; pip install -e '.[download]'\n"


def test_nothing_is_fetched_unasked(monkeypatch, tmp_path):
    pytest.importorskip("idc_index_data")
    monkeypatch.setattr(module, "idc_transfer", lambda: pytest.fail("fetched"))
    words = ["download", "cbis-ddsm", "-o", str(tmp_path / "o"), "--patients", "2"]
    result = CliRunner().invoke(main, words)
    assert (
        result.exit_code == 1 and result.stderr == "mammomap: there is no terminal to ask on; say --yes to fetch it\n"
    )
    planned = CliRunner().invoke(main, [*words, "--dry-run"])
    assert planned.exit_code == 0 and "2 women" in planned.output and "GB -> " in planned.output
    assert not (tmp_path / "o").exists()


def test_on_a_terminal_it_asks_first(tmp_path):
    pytest.importorskip("idc_index_data")
    words = ["download", "cbis-ddsm", "-o", str(tmp_path / "o"), "--patients", "1"]
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    command = [sys.executable, "-m", "mammomap", *words]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1 and "Fetch it? [y/N]" in done.stdout and "Aborted" in done.stderr
    assert not (tmp_path / "o").exists()


def test_the_verb_fetches_and_then_has_nothing_to_do(monkeypatch, tmp_path):
    pytest.importorskip("idc_index_data")
    table = _table()
    monkeypatch.setattr("mammomap.masks.download_plan.series_table", lambda: table)
    monkeypatch.setattr(module, "idc_transfer", lambda: Archive(plan_cbis(table=table)))
    words = ["download", "cbis-ddsm", "-o", str(tmp_path), "--yes"]
    first, second = (CliRunner().invoke(main, words) for _ in range(2))
    assert first.exit_code == second.exit_code == 0, first.output
    assert "to fetch: 9 series" in first.output and "\n9 series whole" in first.output
    assert "to fetch: 0 series" in second.output and "\nnothing to do: 9 series whole" in second.output
