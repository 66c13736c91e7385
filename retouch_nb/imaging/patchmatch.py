"""Fills a hole with pieces of its surroundings: PatchMatch with voting, from small to large.

Several first guesses compete on a small copy of the picture; the best of them is worked out up to the
full size and made of true copies there, but for hard seams (Barnes et al. 2009; Wexler, Shechtman, Irani 2007).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, _patchmatch_numpy, ignore_progress
from retouch_nb.imaging._patchmatch_crew import Crew
from retouch_nb.imaging._patchmatch_cuts import painted, straightened
from retouch_nb.imaging._patchmatch_levels import (
    HALF,
    TILE,
    Bools,
    Level,
    Pixels,
    Places,
    boxes,
    describe,
    grown,
    halve,
    level_of,
    tiles,
    with_detail,
)
from retouch_nb.imaging._patchmatch_match import Match, copied, enlarged, map_of
from retouch_nb.imaging._patchmatch_seams import correction
from retouch_nb.imaging._patchmatch_starts import NO_PRIOR, Prior, peel, rim_prior, thinned
from retouch_nb.imaging.note import Note
from retouch_nb.imaging.products import product
from retouch_nb.imaging.pullpush import smooth_fill
from retouch_nb.imaging.shape import box_of

THREADS = 2
LARGE = 40_000
"""Pixels to fill, in one hole or in many, from which numba is loaded unasked."""
GUARD = 1
"""Pixels around a hole that are not copied at the two largest sizes: edges bleed into them."""
ENOUGH = 50
"""Patches that a size must offer for copying."""


@dataclass(frozen=True)
class _Guess:
    """A first guess: at which radius of the hole it is made, and how."""

    radius: float
    near: bool
    calm: float


_GUESSES = (
    _Guess(6, near=False, calm=4),
    _Guess(6, near=True, calm=4),
    _Guess(12, near=True, calm=4),
    _Guess(12, near=True, calm=1e6),
)
_COMMON = 21.0  # radius of the hole, in pixels, at which the guesses are compared
_SOFT, _FLOOR = 0.03, 800.0  # how much worse patches may be and still vote
_DECAY = 1.6  # of the votes, for every pixel deeper in the hole
_AGREEMENT = np.float32(1500)  # what each neighbour with another shift costs
_BORROWS = 2
_COPY_ABOVE = 3000
_STRAY = 0.5
_STEPS = np.array([1, 2, 4], np.int64)
_START_RADII = np.array([64, 32, 16, 8, 4, 2, 1], np.int64)
_START_ROUNDS = 8
_MANY, _VERY_MANY = 12_000, 40_000


class _Completion:
    """The work on one hole: its levels, and the steps between them."""

    def __init__(
        self,
        pixels: Pixels,
        hole: Bools,
        foreign: Bools,
        loops: ModuleType,
        crew: Crew,
        note: Note | None = None,
    ) -> None:
        self.loops, self.crew, self.note = loops, crew, note
        smooth = smooth_fill(pixels, hole, tick=crew.tick)
        crew.tick()
        rough = with_detail(smooth, ~hole)
        crew.tick()
        self.originals, self.radii = _sizes(rough, hole, foreign, crew.tick)
        self.levels: list[Level] = []
        for depth, size in enumerate(self.originals):
            crew.tick()
            self.levels.append(level_of(*size, guard=_guard(depth), decay=_DECAY))
        self.common = self._depth(_COMMON)
        guesses = {(max(self._depth(g.radius), self.common), g.near, g.calm): g for g in _GUESSES}
        self.guesses = [(depth, guess) for (depth, _, _), guess in guesses.items()]
        crew.planned = self._plan()

    def run(self) -> Pixels:
        """Give the picture with its hole filled."""
        if self.note:
            self._tell_sizes(self.note)
        best = self._best_guess()
        for depth in range(self.common - 1, -1, -1):
            best = self._climb(depth, best)
            if self.note:
                self._tell_climb(self.note, self.levels[depth], best)
        level = self.levels[0]
        source = straightened(level, copied(level, best), self.crew.tick)
        _lay(level, source)
        if self.note:
            words = "Every pixel is now a true copy of one outside; where copies of different places meet, tones may step."
            self.note("Copied at full size", words, level.picture[..., :3])
        self._even_out(level, best, source)
        if self.note:
            words = "A smooth correction takes the steps of tone away, as if the pieces had been lit alike; hard seams are averaged."
            self.note("Tones evened out", words, level.picture[..., :3])
        return level.picture[..., :3]

    def _tell_sizes(self, note: Note) -> None:
        shapes = ", ".join(f"{level.width} x {level.shape[0]}" for level in self.levels)
        words = (
            f"Work begins on small copies, where the hole is a few pixels wide: {shapes}. The smallest is shown; "
            "there several first guesses are made and compared."
        )
        note("A pyramid of sizes", words, self.levels[-1].picture[..., :3])

    def _tell_climb(self, note: Note, level: Level, match: Match) -> None:
        words = (
            f"The pieces found at half the size are looked up here; {len(level.targets):,} patches each search "
            "nearby and at random for a better one, and neighbours tell each other what they found."
        )
        note(f"Worked out at {level.width} x {level.shape[0]}", words, map_of(level, match))

    def _depth(self, radius: float) -> int:
        found = (depth for depth, own in enumerate(self.radii) if own <= radius)
        return next(found, len(self.radii) - 1)

    def _plan(self) -> int:
        efforts = [3 * len(lv.targets) + _voted(lv) * len(lv.holes) for lv in self.levels]
        climbs = [_rounds(len(lv.targets)) * e for lv, e in zip(self.levels, efforts, strict=True)]
        starts = [
            _START_ROUNDS * efforts[depth] + sum(climbs[self.common : depth])
            for depth, _ in self.guesses
        ]
        return sum(starts) + sum(climbs[: self.common])

    def _best_guess(self) -> Match:
        level = self.levels[self.common]
        self._describe_sources(level)
        judge = rim_prior(level)
        found: list[tuple[float, Match, Pixels]] = []
        for depth, guess in self.guesses:
            match = self._start(depth, guess)
            for larger in range(depth - 1, self.common - 1, -1):
                match = self._climb(larger, match)
            found.append((_energy(level, match, judge), match, level.picture.copy()))
            if self.note:
                said = f"Guess {len(found)}: unlike its surroundings by {found[-1][0]:,.0f}"
                self.note(said, _told(guess), level.picture[..., :3])
        unlike, match, picture = min(found, key=lambda one: one[0])
        if self.note:
            number = [one[0] for one in found].index(unlike) + 1
            words = f"Guess {number} is least unlike its surroundings, by {unlike:,.0f}; it alone is worked out further."
            self.note("The best guess", words, picture[..., :3])
        level.picture[:] = picture
        return match

    def _start(self, depth: int, guess: _Guess) -> Match:
        level = self.levels[depth]
        level.picture[:] = self.originals[depth][0]
        self._describe_sources(level)
        prior = rim_prior(level) if guess.near else NO_PRIOR
        peel(level, prior, calm=guess.calm, tick=self.crew.tick)
        self._describe_targets(level)
        match = self._exhaustive(level, prior)
        for salt in range(_START_ROUNDS):
            if salt:
                self._paint(level, match)
                self._describe_targets(level)
            match = self._sweep(level, level.usable, match, radii=_START_RADII, salt=salt)
        return match

    def _exhaustive(self, level: Level, prior: Prior) -> Match:
        offered = thinned(np.flatnonzero(level.usable).astype(np.int32))
        descriptions = level.descriptions[offered]
        squared = np.einsum("ij,ij->i", descriptions, descriptions)
        source = np.empty(len(level.targets), np.int32)
        for first in range(0, len(source), 1000):
            some = slice(first, first + 1000)
            unlike = squared - 2 * product(level.descriptions[level.targets[some]], descriptions)
            if len(prior.table):
                unlike += prior.table[some][:, prior.kind[offered]]
            source[some] = offered[unlike.argmin(axis=1)]
            self.crew.tick()
        return Match(source, np.zeros(len(source), np.float32), prior)

    def _climb(self, depth: int, match: Match) -> Match:
        small, level = self.levels[depth + 1], self.levels[depth]
        match = enlarged(small, level, match)
        count = len(level.targets)
        usable = self._describe_sources(level, match.source if count > _VERY_MANY else None)
        for salt in range(_rounds(count)):
            self._paint(level, match)
            self._describe_targets(level)
            match = self._sweep(level, usable, match, radii=_radii(level), salt=salt)
        return match

    def _describe_targets(self, level: Level) -> None:
        self.crew.each(lambda box: describe(level, box), boxes(level, tiles(level, level.targets)))

    def _describe_sources(self, level: Level, places: Places | None = None) -> Bools:
        """Describe all, or what is near some places; tell which patches may be copied."""
        marks = _all_tiles(level) if places is None else tiles(level, places, reach=12)
        self.crew.each(lambda box: describe(level, box), boxes(level, marks))
        height, width = level.shape
        described = np.repeat(np.repeat(marks, TILE, 0), TILE, 1)[:height, :width]
        return level.usable & described.ravel()

    def _sweep(
        self, level: Level, usable: Bools, match: Match, *, radii: NDArray[np.int64], salt: int
    ) -> Match:
        cost, new, prior = np.empty_like(match.cost), np.empty_like(match.source), match.prior

        def improve(first: int, last: int) -> None:
            places = (usable, level.width, level.targets, level.slot)
            known = (prior.table, prior.kind, prior.cell, match.source)
            trials = (_STEPS, radii, _BORROWS, salt * 1009, first, last)
            self.loops.improve(level.descriptions, *places, *known, new, cost, *trials)

        self.crew.ranges(improve, len(new), self.loops.GRAIN)
        shift = np.full(level.hole.size, _patchmatch_numpy.NOWHERE, np.int32)
        shift[level.targets] = new - level.targets

        def settle(parity: int, first: int, last: int) -> None:
            places = (usable, level.width, level.targets)
            known = (prior.table, prior.kind, prior.cell, shift)
            rule = (parity, _AGREEMENT, first, last)
            self.loops.settle(level.descriptions, *places, *known, new, cost, *rule)

        self.crew.ranges(lambda a, b: settle(0, a, b), len(new), self.loops.GRAIN)
        self.crew.ranges(lambda a, b: settle(1, a, b), len(new), self.loops.GRAIN)
        return Match(new, cost, prior)

    def _paint(self, level: Level, match: Match) -> None:
        if not _voted(level):
            _lay(level, copied(level, match))
            return
        flat = level.picture.reshape(-1, 5)
        width = 2 * (_SOFT * max(float(np.percentile(match.cost, 75)), 4.0) + _FLOOR)
        weight = (np.exp(-match.cost / np.float32(width)) + np.float32(1e-6)) * level.trust
        out = np.empty((len(level.holes), 5), np.uint8)

        def vote(first: int, last: int) -> None:
            places = (level.width, level.holes, level.slot, match.source)
            self.loops.vote(flat, *places, weight, out, first, last)

        self.crew.ranges(vote, len(out), self.loops.GRAIN)
        flat[level.holes] = out

    def _even_out(self, level: Level, match: Match, source: Places) -> None:
        offset = np.zeros(level.hole.size, np.int32)
        offset[level.targets] = match.source - level.targets
        offset[level.holes] = source - level.holes
        box = box_of(level.hole, margin=8)
        tone = np.zeros((*level.shape, 3), np.float32)
        tone[box] = correction(level, offset, box, self.crew.tick)
        self.crew.tick()
        painted(level, offset, tone.reshape(-1, 3))


def _lay(level: Level, source: Places) -> None:
    """Fill the hole with copies of single pixels."""
    flat = level.picture.reshape(-1, 5)
    flat[level.holes] = flat[source]


def _told(guess: _Guess) -> str:
    near = (
        "pieces of the same kind as the nearest rim are preferred"
        if guess.near
        else "any piece may be copied"
    )
    return f"Made where the hole has a radius of {guess.radius:g} pixels, layer by layer from the rim; {near}."


def _guard(depth: int) -> int:
    return GUARD if depth < 2 else 0


def _sizes(
    picture: Pixels, hole: Bools, foreign: Bools, tick: Callable[[], None]
) -> tuple[list[tuple[Pixels, Bools, Bools]], list[float]]:
    """Halve until the hole is as small as the smallest guess wants it."""
    framed = np.pad(hole, 1).astype(np.uint8)
    radii = [float(cv2.distanceTransform(framed, cv2.DIST_L2, 5).max())]
    sizes = [(picture, ~hole, foreign)]
    while radii[-1] > min(g.radius for g in _GUESSES) and min(sizes[-1][1].shape) >= 24:
        tick()
        smaller = halve(*sizes[-1])
        tick()
        offers = level_of(*smaller, guard=_guard(len(sizes)), decay=_DECAY).usable
        if np.count_nonzero(offers) < ENOUGH:
            break
        sizes.append(smaller)
        radii.append(radii[-1] / 2)
    return sizes, radii


def _voted(level: Level) -> bool:
    """Tell whether patches are averaged at a size, or only copied."""
    return len(level.targets) <= _COPY_ABOVE


def _rounds(targets: int) -> int:
    return 8 if targets < 3000 else 5 if targets < _MANY else 3 if targets < _VERY_MANY else 1


def _radii(level: Level) -> NDArray[np.int64]:
    """Give how far chance looks around: half the picture, a quarter, ... one pixel."""
    reach, count = max(level.shape) // 2, len(level.targets)
    radii = [reach >> halved for halved in range(reach.bit_length())]
    keep = 3 if count > _VERY_MANY else 5 if count > _MANY else len(radii)
    return np.array(radii[-keep:], np.int64)


def _all_tiles(level: Level) -> Bools:
    height, width = level.shape
    return np.ones((-(-height // TILE), -(-width // TILE)), bool)


def _energy(level: Level, match: Match, judge: Prior) -> float:
    """Judge a guess: patches should be like their sources, like the rim, and as detailed as that."""
    own = level.descriptions[level.targets]
    unlike = _patchmatch_numpy.distances(level.descriptions, own, match.source)
    stray = judge.table[judge.cell, judge.kind[match.source]]
    likeness = unlike.mean(dtype=np.float64) + _STRAY * stray.mean(dtype=np.float64)
    ring = grown(level.hole, 6) & ~level.hole
    inside, outside = (_detail(level, where) for where in (level.hole, ring))
    return float(likeness) * max(inside, outside) / min(inside, outside)


def _detail(level: Level, where: Bools) -> float:
    return float(level.picture[where][:, 3:].mean(dtype=np.float64)) + 1


def can_complete(known: Bools, /) -> bool:
    """Tell whether enough whole patches are known to copy from.

    Examples
    --------
    >>> can_complete(np.ones((40, 40), bool)), can_complete(np.ones((8, 40), bool))
    (True, False)
    """
    reach = 2 * (HALF + GUARD) + 1
    if min(known.shape) < reach:
        return False
    whole = ~grown(~known, HALF + GUARD)
    return int(np.count_nonzero(whole[HALF:-HALF, HALF:-HALF])) >= ENOUGH


class Tally:
    """Counts what was filled: the many small holes of a batch are worth loading numba for as well as a large one.

    Compiled loops also let go of Python's lock, so that two photos at once take two cores.
    """

    def __init__(self) -> None:
        self._pixels = 0

    def worth_compiling(self, pixels: int) -> bool:
        """Add a hole, and tell whether there was enough to fill by now."""
        self._pixels += pixels
        return self._pixels >= LARGE


FILLED = Tally()
"""Of this process."""


def complete(
    pixels: Pixels,
    hole: Bools,
    /,
    *,
    foreign: Bools | None = None,
    compiled: bool | None = None,
    progress: Progress = ignore_progress,
    note: Note | None = None,
) -> Pixels:
    """Fill a hole with pieces of its surroundings.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        The surroundings that may be copied; much more than the hole's own size around it only
        takes time.
    hole : ndarray of bool, shape (height, width)
        `can_complete` must hold outside it and `foreign`.
    foreign : ndarray of bool, shape (height, width), optional
        What must not be copied either.
    compiled : bool, optional
        Whether numba does the inner loops; by default when it is there and there is much to fill,
        in this hole or in all so far, for compiling takes seconds, once. The result is the same.
    progress : callable
    note : callable, optional
        Told every step.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Outside the hole as it was.

    Raises
    ------
    ImportError
        When numba is asked for and not there.

    Examples
    --------
    >>> waves = np.zeros((60, 60, 3), np.uint8) + (np.arange(60) // 3 % 2 * 200)[:, None].astype("u1")
    >>> hole = np.zeros((60, 60), bool)
    >>> hole[22:38, 22:38] = True
    >>> bool((complete(waves, hole, compiled=False) == waves).mean() > 0.97)
    True
    """
    if not FILLED.worth_compiling(int(np.count_nonzero(hole))) and compiled is None:
        compiled = False
    if foreign is None:
        foreign = np.zeros_like(hole)
    with ThreadPoolExecutor(THREADS) as pool:
        crew = Crew(pool, progress)
        filled = _Completion(pixels, hole, foreign, _loops(compiled), crew, note).run()
    return np.where(hole[..., None], filled, pixels)


def _loops(compiled: bool | None) -> ModuleType:
    """Load numba only here: it takes a second."""
    if compiled is False:
        return _patchmatch_numpy
    try:
        from retouch_nb.imaging import _patchmatch_numba
    except (ImportError, RuntimeError):  # RuntimeError: nowhere to keep what was compiled
        if compiled:
            raise
        return _patchmatch_numpy
    return _patchmatch_numba
