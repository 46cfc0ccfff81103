"""Batches drawn while the net works on the ones before, in threads of their own, and what no two of these may share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import local
from typing import Generic, TypeVar

Drawn = TypeVar("Drawn")
Kept = TypeVar("Kept")


class OnePerThread(Generic[Kept]):
    """Called, it gives what `make` made for the calling thread: an augmentation, whose random state is set for each
    crop."""

    def __init__(self, make: Callable[[], Kept]) -> None:
        self._make, self._here = make, local()

    def __call__(self) -> Kept:
        if not hasattr(self._here, "kept"):
            self._here.kept = self._make()
        return self._here.kept


def drawn_ahead(draw: Callable[[int], Drawn], start: int, stop: int, *, threads: int = 1) -> Iterator[Drawn]:
    """What `draw` makes of the steps `start` to `stop`, in their order, up to `threads` ahead of the one that is asked
    for; each thread draws a step of its own."""
    with ThreadPoolExecutor(threads) as ahead:
        waiting = deque(ahead.submit(draw, step) for step in range(start, min(start + threads, stop)))
        for step in range(start + threads, stop + threads):
            made = waiting.popleft().result()
            if step < stop:
                waiting.append(ahead.submit(draw, step))
            yield made
