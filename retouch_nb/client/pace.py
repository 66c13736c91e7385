"""How fast: turns that all notebooks of a machine share, growing pauses with jitter, and ``Retry-After``."""

import math
from collections.abc import Awaitable, Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

LONGEST_HOLD: Final = 300.0
"""Seconds beyond which a wish of a service is not believed, nor a turn in the journal after a jump of the clock."""

MARGIN: Final = 1.05
"""A service measures when requests arrive, not when they leave; a twentieth more between them absorbs the difference."""


class Turns(Protocol):
    """Where turns are written down; the journal."""

    def turn(self, lane: str, spacing: float, now: float) -> float: ...

    def hold(self, lane: str, until: float) -> None: ...


class Pace:
    """Hands out turns of one lane, so that all cells, threads and processes together keep a service's pace.

    A lane is a service and its address rather than a key: one machine uses one key a service, and nothing
    derived from a key has to be written down.

    Parameters
    ----------
    turns : Turns
        Where they are shared.
    clock : callable
        Unix seconds: the only clock that processes have in common.
    sleep : callable
        Waits some seconds.
    """

    def __init__(
        self,
        turns: Turns,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._turns = turns
        self._clock = clock
        self._sleep = sleep

    async def turn(
        self, lane: str, per_second: float, *, long: Callable[[float], None] = lambda pause: None
    ) -> None:
        """Wait for the next turn; `long` is told of a wait of more than a second."""
        now = self._clock()
        pause = self._turns.turn(lane, MARGIN / per_second, now) - now
        if pause > 1:
            long(pause)
        if pause > 0:
            await self._sleep(pause)

    def hold(self, lane: str, seconds: float) -> None:
        """Give nobody a turn for some seconds, as the service asked."""
        self._turns.hold(lane, self._clock() + min(seconds, LONGEST_HOLD))


def next_turn(free_from: float, spacing: float, now: float) -> tuple[float, float]:
    """Give the time of the next turn and the time from which the one after it is free.

    Examples
    --------
    >>> next_turn(free_from=10.0, spacing=0.5, now=9.8)
    (10.0, 10.5)
    >>> next_turn(free_from=99_999.0, spacing=0.5, now=9.8)  # the clock was set back
    (9.8, 10.3)
    """
    mine = now if free_from > now + LONGEST_HOLD else max(free_from, now)
    return mine, mine + spacing


def growing(between: tuple[float, float], nth: int, chance: float) -> float:
    """Give the `nth` pause (from 0): grows from the shortest to the longest, `chance` (0 to 1) adds up to a fifth.

    Never below the shortest, which may be a service's own demand.

    Examples
    --------
    >>> [round(growing((1.0, 4.0), nth, 0.0), 2) for nth in range(5)]
    [1.0, 1.4, 1.96, 2.74, 3.84]
    """
    shortest, longest = between
    return min(shortest * 1.4 ** min(nth, 40), longest) * (1 + 0.2 * chance)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Read ``Retry-After``, seconds or a date; None when it is absent or makes no sense.

    Examples
    --------
    >>> retry_after({"Retry-After": "7"}, 0)
    7.0
    >>> retry_after({"retry-after": "Thu, 01 Jan 1970 00:01:30 GMT"}, 60)
    30.0
    """
    text = next((v for name, v in headers.items() if name.lower() == "retry-after"), "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now)
    return min(max(seconds, 0.0), LONGEST_HOLD) if math.isfinite(seconds) else None


def _until(date: str, now: float) -> float:
    try:
        return parsedate_to_datetime(date).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return math.nan
