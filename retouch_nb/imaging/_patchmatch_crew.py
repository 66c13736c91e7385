"""Two threads that share the loops of PatchMatch, and the count of what they have done."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from retouch_nb.imaging import Progress

Item = TypeVar("Item")


class Crew:
    """Threads that share a loop, and the count of what they have done."""

    def __init__(self, pool: ThreadPoolExecutor, progress: Progress) -> None:
        self.pool = pool
        self.progress = progress
        self.done, self.planned = 0, 1

    def tick(self, units: int = 0) -> None:
        """Let the watcher look, and perhaps raise."""
        self.done += units
        self.progress(min(self.done / self.planned, 1.0))

    def ranges(self, work: Callable[[int, int], None], count: int, grain: int) -> None:
        """Call the work with (first, last) of parts of a range."""
        parts = max(1, -(-count // grain))
        cuts = [count * part // parts for part in range(parts + 1)]
        self.each(lambda ends: work(*ends), pairwise(cuts))
        self.tick(count)

    def each(self, work: Callable[[Item], None], items: Iterable[Item]) -> None:
        """Do the work on every item; when the watcher raises, what has not begun is dropped."""
        jobs = [self.pool.submit(work, item) for item in items]
        try:
            for job in jobs:
                job.result()
                self.tick()
        finally:
            for job in jobs:
                job.cancel()
