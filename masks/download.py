"""Fetching the series of a plan: in batches, each series put in place whole, checked against the plan.

In: a `Plan`, a folder and a `Transfer`, the function that brings series. Out: `<folder>/cbis_ddsm/...` in the layout
of idc-index, and `manifest.csv`, one row for each series that was ever asked for here. A batch arrives in `.part`; a
series moves to its place when it has the files and bytes that the plan asks for, so that a stop at any time costs
what was under way, and a second run fetches only what is not whole.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from mammomap.errors import ConfigError, DownloadError
from mammomap.masks.download_plan import COLUMNS, FOLDERS, Plan, gigabytes, is_whole
from mammomap.masks.files import write_atomically

Transfer = Callable[[list[str], Path], None]
"""Brings the series of these SeriesInstanceUIDs below a folder, where the plan's `folder` says."""
BATCH_BYTES = 500_000_000


def download(
    plan: Plan, out: Path, transfer: Transfer | None = None, progress: Callable[..., Iterable] | None = None
) -> int:
    """Fetch what is not whole of `plan` into `out`, and check all of it; gives the number of series fetched.

    transfer: through idc-index if absent.

    Raises
    ------
    ConfigError
        If the disk has no room for it, or idc-index is not installed.
    DownloadError
        If the archive cannot be reached, a batch fails, or series are short of files or bytes at the end.
    """
    part = out / ".part"
    _move_whole(plan.missing(out), part, out)
    missing = plan.missing(out)
    if missing.empty:
        shutil.rmtree(part, ignore_errors=True)
        _write_manifest(plan, out)
        return 0
    needed = int(missing["bytes"].sum())
    free = shutil.disk_usage(next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())).free
    if needed > free:
        raise ConfigError(
            f"{out}: {gigabytes(needed)} to fetch, {gigabytes(free)} free on its disk; choose fewer women"
        )
    transfer = transfer or idc_transfer()
    _write_manifest(plan, out)
    show = progress or (lambda items, **_: items)
    batches = _batches(missing)
    fetched = 0
    for batch in show(batches, total=len(batches), desc="download", unit="GB", unit_scale=needed / 1e9 / len(batches)):
        shutil.rmtree(part, ignore_errors=True)
        try:
            transfer(list(batch["series_uid"]), part)
        except Exception as error:  # client, disk and network can fail in many ways, none of them ours
            fetched += _move_whole(batch, part, out)
            raise _stopped(" ".join(str(error).split()) or type(error).__name__, fetched, missing) from None
        if not any(path.is_file() for path in part.rglob("*")):
            raise _stopped("nothing arrived any more", fetched, missing)
        fetched += _move_whole(batch, part, out)
    shutil.rmtree(part, ignore_errors=True)
    short = plan.missing(out)
    if len(short):
        row = short.iloc[0]
        raise DownloadError(
            f"{len(short)} of {len(plan.series)} series did not arrive whole, first {row['name']} {row['series_uid']} "
            f"(wanted {row['files']} files, {row['bytes']:,} bytes); the same command tries these again"
        )
    return fetched


def idc_transfer() -> Transfer:
    """A `Transfer` through idc-index, from the public bucket of Imaging Data Commons.

    Raises
    ------
    ConfigError, DownloadError
        If idc-index is not installed; if the bucket cannot be reached.
    """
    import urllib.error
    import urllib.request

    try:
        import idc_index.index
    except ImportError:
        raise ConfigError("idc-index is not installed; pip install -e '.[download]'") from None
    try:
        request = urllib.request.Request(idc_index.index.aws_endpoint_url, method="HEAD")
        urllib.request.urlopen(request, timeout=20).close()
    except urllib.error.HTTPError:
        pass  # an answer, whatever it says
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise DownloadError(f"Imaging Data Commons cannot be reached ({reason}); is this machine online?") from None
    logging.getLogger("idc_index").setLevel(logging.CRITICAL)  # it only logs what failed; here the files are counted
    client = idc_index.index.IDCClient()

    def transfer(series: list[str], folder: Path) -> None:
        client.download_dicom_series(
            series, str(folder), quiet=True, show_progress_bar=False, use_s5cmd_sync=False, dirTemplate=FOLDERS
        )

    return transfer


def _batches(missing: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows in their order, cut where about `BATCH_BYTES` are reached."""
    number = (missing["bytes"].cumsum() - missing["bytes"]) // BATCH_BYTES
    return [batch for _, batch in missing.groupby(number)]


def _move_whole(rows: pd.DataFrame, part: Path, out: Path) -> int:
    """Put those series in place that arrived whole in `part`; gives their number."""
    moved = 0
    for row in rows.itertuples():
        source, target = part / str(row.folder), out / str(row.folder)
        if is_whole(source, row):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(source, target)
            moved += 1
    return moved


def _stopped(why: str, fetched: int, missing: pd.DataFrame) -> DownloadError:
    return DownloadError(
        f"stopped: {why}; {fetched} of {len(missing)} series fetched, the same command goes on from here"
    )


def _write_manifest(plan: Plan, out: Path) -> None:
    """Add the plan to the series that were asked for before."""
    path = out / "manifest.csv"
    rows = plan.series.assign(release=plan.release)
    if path.is_file():
        before = pd.read_csv(path, dtype={"release": str})
        if list(before) != [*COLUMNS, "release"]:
            raise ConfigError(f"{path}: not written by this program; choose another folder")
        rows = pd.concat([before, rows]).drop_duplicates("series_uid", keep="last")
        rows = rows.sort_values(["patient", "list", "name", "series_uid"], ignore_index=True)
    write_atomically(path, lambda half: rows.to_csv(half, index=False))
