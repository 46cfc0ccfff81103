"""One function over many films, in several processes, with progress: the same results in the same order as in one."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2


def in_processes(
    function: Callable[[Any], Any],
    jobs: Sequence,
    *,
    what: str,
    unit: str = "film",
    workers: int | None = None,
    chunk: int = 1,
    progress: Callable[..., Iterable] | None = None,
) -> list:
    """`function` of each job, in order.

    what, unit: words for the progress bar. workers: processes, all cores if absent; 1 works in this process. chunk:
    jobs that a process takes at a time. Each process works with one thread of OpenCV.
    """
    show = progress or (lambda items, **_: items)
    how = {"total": len(jobs), "desc": what, "unit": unit}
    workers = min(workers or os.cpu_count() or 1, max(1, len(jobs)))
    if workers == 1:
        return [function(job) for job in show(jobs, **how)]
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        return list(show(pool.map(function, jobs, chunksize=chunk), **how))
