"""Two requests a second: a small bucket for each key, refilled at the documented rate.

A bucket and not a window, so that a client that keeps to it exactly is never refused for a millisecond of jitter.
"""

import math
import time
from collections.abc import Callable

from retouch_nb.engine.refusals import Refusal

CROWD = 1024
"""Buckets kept before the full ones, which say nothing, are thrown away."""


class Rate:
    """Counts the requests of each key.

    Parameters
    ----------
    per_second : float or None
        Requests a second; None counts nothing.
    clock : callable
        Seconds.
    """

    def __init__(self, per_second: float | None, *, clock: Callable[[], float] = time.time) -> None:
        self._per_second = per_second
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, owner: str) -> None:
        """Count one request, or raise `Refusal` 429; a refused request is not counted."""
        if self._per_second is None:
            return
        if len(self._buckets) > CROWD:
            self._buckets = {o: b for o, b in self._buckets.items() if self._level(o) < self._full}
        level = self._level(owner)
        if level < 1.0:
            wait = max(1, math.ceil((1.0 - level) / self._per_second))
            message = f"Too fast: {self._per_second:g} requests a second are allowed."
            raise Refusal(429, message, retry_after=wait)
        self._buckets[owner] = (level - 1.0, self._clock())

    @property
    def _full(self) -> float:
        return max(1.0, self._per_second or 0.0)

    def _level(self, owner: str) -> float:
        level, since = self._buckets.get(owner, (self._full, -math.inf))
        passed = max(0.0, self._clock() - since)
        return min(self._full, level + passed * (self._per_second or 0.0))
