"""When to ask after a task again: where its end is likely, and no more often than a script that sleeps a fixed time.

A request saved while nothing can be over yet is spent where the end is near. What is likely is read from earlier tasks of
the same kind and from the service's progress; which moments are best follows from that by dynamic programming.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
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

UNEVEN: Final = 0.2
"""How far progress strays from time: half way, by half of this on the average of many tasks."""

PERCENT: Final = 0.01
"""How finely progress is told at best."""

LAST: Final = (1.0, 0.2)
"""Seconds that are left at a hundred per cent, and their spread."""

MISTRUST: Final = 0.05
"""How likely an end is that contradicts the progress, beside the likeliest one: progress can be stale."""

FEW: Final = 3
"""Earlier tasks from which on they tell how much such tasks differ."""

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
        Seconds that the vendor's own scripts sleep: request `n` (from 0) is not sent before ``n * usual``, nor before
        they send theirs where the ones before told nothing.
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
    steps : int
        What it consists of, where that is known.
    """

    elapsed: float = 0.0
    asked: int = 0
    earlier: Sequence[float] = ()
    progress: Sequence[tuple[float, float]] = ()
    steps: int = 0


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
        return STEP * first
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
    if known.progress:
        ends *= MISTRUST + _fit(known, edges[1:] - STEP / 2)
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
    if len(logs) < FEW:
        return 0.15
    middle = statistics.median(logs)
    deviation = statistics.median(abs(log - middle) for log in logs)
    return min(max(deviation, 0.02), 0.3) / math.pow(len(logs), 0.2)


def _fit(known: Known, ends: Numbers) -> Numbers:
    """Give how well each end fits what was told of the progress, 1 at the best.

    Progress is taken for a Brownian bridge: it begins at nothing, is whole at the end, and strays between, which is
    what steps of unequal length do. What was told last counts by how far it is from what was told before.
    """
    at, done = known.progress[-1]
    if done >= 1:
        middle, spread = LAST
        return _bump(np.log(np.maximum(ends - at, 1e-3) / middle) / spread)
    grain = _grain(known)
    begun = max((t for t, d in known.progress if d <= 0), default=0.0)
    before, so_far, log = begun, 0.0, np.zeros_like(ends)
    for at, done in known.progress:
        if at <= before:
            continue
        left = np.maximum(ends - at, STEP / 2)
        share = (at - before) / (left + at - before)
        expected = so_far + (1 - so_far) * share
        strays = UNEVEN**2 * share * left / (left + at - begun) + grain**2 / 12
        now = min(done + grain / 2, 1.0)
        log -= (now - expected) ** 2 / strays / 2 + np.log(strays) / 2
        before, so_far = at, now
    fit: Numbers = np.exp(log - log.max())
    return fit


def _grain(known: Known) -> float:
    """Give how finely progress is told: by the steps of the task, where it is never anything between two of them."""
    steps = known.steps
    between = [math.ceil(d * steps - 1e-9) / steps - d for _, d in known.progress] if steps else [1]
    return 1 / steps if max(between) < PERCENT else PERCENT


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
    firsts = [_first(known, rule, more) for more in range(STEPS // gap)]
    for soonest in reversed([first for first in firsts if first <= STEPS]):
        allowed = (apart >= gap) & (steps >= soonest)
        allowed &= (apart <= far) | (steps == soonest)
        choices = np.where(allowed, cost + lost, math.inf)
        best = choices.min(axis=1)
        lost = np.where(np.isfinite(best), best, (1 - done) * rule.usual / 2)
    return int(np.argmin(choices[0]))


def _first(known: Known, rule: Rule, more: int = 0) -> int:
    """Give the first step from now at which the next request, or one after `more` others, may be sent.

    One is sent ahead of its time, to learn from. Where that told nothing, there is nothing to be early for.
    """
    blind = known.asked > 0 and not known.progress and len(known.earlier) < FEW
    due = (known.asked + more + blind) * rule.usual
    return math.ceil(max(rule.least, due - known.elapsed) / STEP)
