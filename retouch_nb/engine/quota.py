"""How many jobs each token may still start today; a day is one of UTC, and the last one's counts are forgotten."""

import time
from collections import Counter
from collections.abc import Callable

from retouch_nb.engine.refusals import Refusal

DAY = 86400


class Quota:
    """Counts jobs by token and day.

    Parameters
    ----------
    most : int
        Jobs a token may start a day.
    clock : callable
        Unix seconds.

    Examples
    --------
    >>> quota = Quota(2, clock=lambda: 0.0)
    >>> quota.spend("somebody")
    >>> quota.left("somebody"), quota.left("nobody")
    (1, 2)
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.time) -> None:
        self._most = most
        self._clock = clock
        self._day = 0
        self._spent: Counter[str] = Counter()

    def left(self, owner: str) -> int:
        """Tell how many jobs an owner may still start."""
        today = int(self._clock() // DAY)
        if today != self._day:
            self._day, self._spent = today, Counter()
        return max(0, self._most - self._spent[owner])

    def check(self, owner: str) -> None:
        """Raise `Refusal` 461 when there are none left."""
        if not self.left(owner):
            raise Refusal(461, f"The limit of {self._most} jobs a day is reached.")

    def spend(self, owner: str) -> None:
        """Count one."""
        self.check(owner)
        self._spent[owner] += 1
