"""When to ask after a task again: where its end is likely, and no more often than a script that sleeps a fixed time.

A request saved while nothing can be over yet is spent where the end is near. What is likely is read from earlier tasks of
the same kind and from the service's progress; which moments are best follows from that by dynamic programming.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Numbers: TypeAlias = npt.NDArray[np.float64]

STEP: Final = 0.25
"""Seconds between the moments that are compared."""

STEPS: Final = 240
"""How many moments are compared: a minute of them."""

REQUEST: Final = 0.15
"""Seconds of waiting that one request is worth, where the service's pace would allow more than help."""

NEW: Final = (2.4, 0.7)
"""How long a task is expected to take of which nothing is known, in the pauses of the vendor's own scripts, who know
their service; and how wide that spreads, see `_done_by`."""

PROGRESS: Final = 0.2
"""Spread of what is left, as the progress tells it: services count steps, and steps differ."""

MISTRUST: Final = 0.05
"""How likely an end is that contradicts the progress, beside the likeliest one: progress can be stale."""

NEWEST: Final = 30
"""Earlier tasks looked at."""


@dataclass(frozen=True)
class Rule:
    """What a service allows.

    Attributes
    ----------
    least : float
        Seconds between two requests at least.
    usual : float
        Seconds that the vendor's own scripts sleep: request `n` (from 0) is not sent before ``n * usual``.
    """

    least: float
    usual: float

    @property
    def longest(self) -> float:
        """Seconds between two requests at most: who watches wants news."""
        return 2 * self.usual


@dataclass(frozen=True)
class Known:
    """What is known of a task that runs.

    Attributes
    ----------
    elapsed : float
        Seconds since the service took it.
    asked : int
        Requests after it so far.
    earlier : sequence of float
        Seconds that tasks of the same kind took, the newest first; see `like_this`.
    progress : sequence of tuple
        Seconds since it was taken and fraction done, 0 to 1, as it was told.
    """

    elapsed: float = 0.0
    asked: int = 0
    earlier: Sequence[float] = ()
    progress: Sequence[tuple[float, float]] = ()


def next_wait(known: Known, rule: Rule) -> float:
    """Give the seconds until the next request, at least ``rule.least``.

    Examples
    --------
    >>> rule = Rule(2.0, 5.0)
    >>> next_wait(Known(16.0, 2, earlier=[20.0] * 9), rule)  # nothing ends before 20 s
    4.5
    >>> next_wait(Known(8.0, 1, progress=[(8.0, 0.8)]), rule)  # four fifths in eight seconds
    2.5
    """
    ends = _ends(known, rule)
    first = _first(known, rule)
    if first > STEPS or not ends.any():
        return max(rule.least, known.asked * rule.usual - known.elapsed)
    return STEP * _best(ends, known, rule)


def like_this(earlier: Sequence[tuple[float, float]], megapixels: float) -> list[float]:
    """Scale what earlier tasks took, ``(seconds, megapixels)`` each, to another size of photo; 0 is an unknown size.

    By the square root: a part of every task, queue and transfer among it, does not depend on the photo.

    Examples
    --------
    >>> like_this([(8.0, 12.0), (9.0, 0.0)], 24.0)
    [11.31..., 9.0]
    """
    return [
        seconds * math.sqrt(megapixels / size) if megapixels and size else seconds
        for seconds, size in earlier
    ]


def _ends(known: Known, rule: Rule) -> Numbers:
    """Give the chance that the end falls into each step from now on: all are 1 together."""
    edges = known.elapsed + STEP * np.arange(STEPS + 1, dtype=np.float64)
    sums = _done_by(edges, NEW[0] * rule.usual, NEW[1])
    earlier = known.earlier[:NEWEST]
    width = _width([math.log(seconds) for seconds in earlier])
    for seconds in earlier:
        sums = sums + _done_by(edges, seconds, width)
    ends: Numbers = np.diff(sums)
    left = _left(known.progress)
    if left is not None:
        seconds, spread = left
        rest = np.maximum(edges[1:] - STEP / 2 - known.progress[-1][0], 1e-3)
        ends *= MISTRUST + _bump(np.log(rest / seconds) / spread)
    total = ends.sum()
    return ends / total if total > 0 else ends


def _done_by(times: Numbers, middle: float, spread: float) -> Numbers:
    """Give the part of tasks done by each time: log-logistic, whose tail forgives what nobody expected."""
    with np.errstate(divide="ignore", over="ignore"):
        done: Numbers = 1 / (1 + np.power(times / middle, -1 / spread))
    return done


def _bump(deviation: Numbers) -> Numbers:
    """Give the logistic density, scaled to 1 at its middle."""
    bump: Numbers = 1 / np.cosh(np.clip(deviation / 2, -300, 300)) ** 2
    return bump


def _width(logs: Sequence[float]) -> float:
    """Give how far tasks of one kind spread: by their median deviation, and guessed from few."""
    if len(logs) < 3:
        return 0.15
    middle = statistics.median(logs)
    deviation = statistics.median(abs(log - middle) for log in logs)
    return min(max(deviation, 0.02), 0.3) / math.pow(len(logs), 0.2)


def _left(progress: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Give the seconds left after the last progress told, and their spread.

    By the speed since the start and that since the last time it was told: the more they differ, the less is known.
    """
    if not progress or progress[-1][1] <= 0:
        return None
    at, done = progress[-1]
    if done >= 1:
        return 1.0, PROGRESS
    moved = [(0.0, 0.0), *progress[:-1]]
    begun = next(each for each in reversed(moved) if each[1] <= 0)
    speeds = [max(done - d, 0.01) / max(at - t, STEP) for t, d in (begun, moved[-1])]
    slow, fast = sorted(math.log(speed) for speed in speeds)
    return (1 - done) / math.exp((slow + fast) / 2), PROGRESS + (fast - slow) / 2


def _best(ends: Numbers, known: Known, rule: Rule) -> int:
    """Give the step of the next request, if those that follow are placed as well as the pace allows.

    Backwards over the number of requests: row by row, what is lost after one at each step is what is wasted until the
    next one, and lost after that.
    """
    steps = np.arange(STEPS + 1)
    done = np.append(0.0, np.cumsum(ends))
    moment = np.append(0.0, np.cumsum(ends * (steps[1:] - 0.5)))
    wasted = STEP * (steps * (done - done[:, None]) - (moment - moment[:, None]))
    cost = wasted + REQUEST * (1 - done)[:, None]
    gap, far = math.ceil(rule.least / STEP), int(rule.longest / STEP)
    apart = steps - steps[:, None]
    lost = (1 - done) * rule.usual / 2
    firsts = [_first(replace(known, asked=known.asked + n), rule) for n in range(STEPS // gap)]
    for soonest in reversed([first for first in firsts if first <= STEPS]):
        allowed = (apart >= gap) & (steps >= soonest)
        allowed &= (apart <= far) | (steps == soonest)
        choices = np.where(allowed, cost + lost, math.inf)
        best = choices.min(axis=1)
        lost = np.where(np.isfinite(best), best, (1 - done) * rule.usual / 2)
    return int(np.argmin(choices[0]))


def _first(known: Known, rule: Rule) -> int:
    """Give the first step from now at which the next request may be sent."""
    return math.ceil(max(rule.least, known.asked * rule.usual - known.elapsed) / STEP)
