"""Batches drawn while the net works on the one before, in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Drawn = TypeVar("Drawn")


def drawn_ahead(draw: Callable[[int], Drawn], start: int, stop: int) -> Iterator[Drawn]:
    """What `draw` makes of the steps `start` to `stop`, one ahead of the one that is asked for."""
    with ThreadPoolExecutor(1) as ahead:
        waiting = ahead.submit(draw, start)
        for step in range(start, stop):
            made = waiting.result()
            if step + 1 < stop:
                waiting = ahead.submit(draw, step + 1)
            yield made
