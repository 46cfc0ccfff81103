"""Several processes train as one: the same losses, by sums over the whole batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

MADE = Path(__file__).parents[1]


def trained(folder: Path, processes: int, *runs: str) -> dict[str, list[float]]:
    """The losses of 20 steps of each of the runs of `made/two_processes.py`."""
    command = [sys.executable]
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command += ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={port}"]
    command += [str(MADE / "made" / "two_processes.py"), str(folder), *runs]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(MADE), str(MADE.parent)])}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, cwd=folder.parent)
    assert done.returncode == 0, done.stderr[-3000:]
    logs = {run: (folder / run / "log.jsonl").read_text().splitlines() for run in runs}
    return {run: [json.loads(line)["step_loss"] for line in log] for run, log in logs.items()}


def test_two_processes_equal_one(tmp_path: Path) -> None:
    """With group or frozen batch norm the same 20 losses; with batch norm those of one process that sends the two parts
    through the net one after the other and takes the loss of both together."""
    runs = [f"{norm}:{loss}" for norm in ("group", "frozen", "batch") for loss in ("ce", "lesion", "dice")]
    one = trained(tmp_path / "one", 1, *(f"{run}:{2 if run.startswith('batch') else 1}" for run in runs), "batch:ce:1")
    two = trained(tmp_path / "two", 2, *(f"{run}:1" for run in runs))
    for run in runs:
        wanted = one[f"{run}:{2 if run.startswith('batch') else 1}"]
        assert len(wanted) == 20 and wanted[-1] < wanted[0]
        assert two[f"{run}:1"] == pytest.approx(wanted, rel=1e-5), run
    assert one["batch:ce:1"] != pytest.approx(one["batch:ce:2"], rel=1e-5)
