"""Batches drawn while the net works on the ones before, in threads of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Drawn = TypeVar("Drawn")


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
