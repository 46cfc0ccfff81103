"""Batches drawn while the net works on the ones before, and what no two that draw at once may share.

On CPU one thread draws beside the net. A GPU asks for more than threads of one interpreter can give, which also hold up
the one that feeds it: there processes draw, and hand over by shared memory.
"""

from __future__ import annotations

import multiprocessing
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from typing import Generic, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

Drawn = TypeVar("Drawn")
Kept = TypeVar("Kept")

SHARED_MEMORY = Path("/dev/shm")
ENOUGH_SHARED = 1 << 30
"""Bytes of free shared memory from which processes draw; containers often have next to none."""
IN_HAND = 2
"""Steps that each drawing process keeps ready."""


class OnePerThread(Generic[Kept]):
    """Called, it gives what `make` made for the calling thread: an augmentation, whose random state is set for each
    crop."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make, self._here = make, local()

    def __call__(self) -> Kept:
        if not hasattr(self._here, "kept"):
            self._here.kept = self._make()
        return self._here.kept


def drawn_ahead(draw: Callable[[int], Drawn], start: int, stop: int, *, workers: int = 1) -> Iterator[Drawn]:
    """What `draw` makes of the steps `start` to `stop`, in their order, several of them drawn at once.

    One worker is a thread. More are processes where they can be forked and shared memory allows it, else threads.
    """
    if workers > 1 and can_share():
        return _by_processes(draw, start, stop, workers)
    return _by_threads(draw, start, stop, workers)


def can_share() -> bool:
    """Whether processes can be forked that hand over what they drew."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    return forks and SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free >= ENOUGH_SHARED


def _by_threads(draw: Callable[[int], Drawn], start: int, stop: int, threads: int) -> Iterator[Drawn]:
    with ThreadPoolExecutor(threads) as ahead:
        waiting = deque(ahead.submit(draw, step) for step in range(start, min(start + threads, stop)))
        for step in range(start + threads, stop + threads):
            made = waiting.popleft().result()
            if step < stop:
                waiting.append(ahead.submit(draw, step))
            yield made


class _Steps(Dataset[Drawn]):
    """The steps as a data set of torch."""

    def __init__(self, draw: Callable[[int], Drawn]) -> None:
        self._draw = draw

    def __getitem__(self, step: int) -> Drawn:
        return self._draw(step)


def _by_processes(draw: Callable[[int], Drawn], start: int, stop: int, processes: int) -> Iterator[Drawn]:
    loader = DataLoader(
        _Steps(draw),
        batch_size=None,
        sampler=range(start, stop),
        num_workers=min(processes, stop - start),
        prefetch_factor=IN_HAND if stop > start else None,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context="fork" if stop > start else None,
        worker_init_fn=_alone,
        generator=torch.Generator(),
    )
    return iter(loader)


def _alone(_number: int) -> None:
    """One thread in each drawing process; OpenCV's do not outlive a fork."""
    cv2.setNumThreads(0)
