"""Where pieces meet: moves the seams between copies to where they show least, and blends across them.

A pixel takes over the shift of a neighbour when both pieces go on more alike there (the seams of Kwatra,
Schoedl, Essa, Turk and Bobick, "Graphcut Textures", 2003, moved pixel by pixel: Besag's iterated modes).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import Bools, Floats, Level, Places

_SWEEPS = 6
_LENGTH = 24
"""What a seam costs for each pixel of its length, in squared levels: two short ones are not better than a straight one."""
_HARD, _LEAST_STEP = 3.0, 4.0
"""A seam is averaged where its step is so many times a piece's own unevenness, and so many levels more."""
_SHARES = np.array([1, 2, 1, 2, 4, 2, 1, 2, 1], np.float32)


def straightened(level: Level, source: Places, tick: Callable[[], None]) -> Places:
    """Give for every pixel of the hole from where it is copied, after its seams have been moved."""
    shift = np.zeros(level.hole.size, np.int32)
    shift[level.holes] = source - level.holes
    waiting = level.hole.ravel().copy()
    even = level.holes // level.width + level.holes % level.width & 1 == 0
    for _ in range(_SWEEPS):
        for places in (level.holes[even], level.holes[~even]):
            tick()
            _move(level, shift, waiting, places[waiting[places]])
    return np.asarray(level.holes + shift[level.holes], np.int32)


def painted(level: Level, shift: Places, tone: Floats) -> None:
    """Fill the hole with its pieces, each with its tone added, and average across hard seams, in place.

    `shift` and `tone`, shape (pixels, 3), are as large as the picture. A pixel is a true copy unless
    the pieces around it differ there by more than its own varies: an average would take texture away.
    """
    flat, hole, holes = level.picture.reshape(-1, 5), level.hole.ravel(), level.holes
    colours = flat[holes + shift[holes], :3] + tone[holes]
    beside = _around(level.shape, holes)
    k = np.flatnonzero(((shift[beside] != shift[holes]) & hole[beside]).any(axis=0))
    around = _neighbourhood(level.shape, holes[k])
    weight = hole[around] * _SHARES[:, None]
    pieces = flat.take(holes[k] + shift[around], axis=0, mode="clip")[..., :3] + tone[around]
    apart = (np.abs(pieces - colours[k]).mean(axis=-1) * (weight > 0)).max(axis=0)
    hard = apart > _HARD * _unevenness(level, holes[k] + shift[holes[k]]) + _LEAST_STEP
    mean = (pieces * weight[..., None]).sum(axis=0) / weight.sum(axis=0)[:, None]
    colours[k[hard]] = mean[hard]
    flat[holes, :3] = np.rint(colours).clip(0, 255)


def _unevenness(level: Level, places: Places) -> Floats:
    """Tell by how much places differ from their four neighbours, on average."""
    flat = level.picture[..., :3].reshape(-1, 3).astype(np.float32)
    steps = [np.abs(flat[q] - flat[places]).mean(axis=-1) for q in _around(level.shape, places)]
    return np.asarray(np.mean(steps, axis=0), np.float32)


def _move(level: Level, shift: Places, waiting: Bools, places: Places) -> None:
    """Let places, no two of them neighbours, take over a neighbour's shift; around those that did all wait again."""
    waiting[places] = False
    around = _around(level.shape, places)
    k = np.flatnonzero(((shift[around] != shift[places]) & level.hole.ravel()[around]).any(axis=0))
    places, around = places[k], around[:, k]
    seam = _Seam(level, places, around, shift[around], level.hole.ravel()[around])
    own = shift[places]
    best, least = own.copy(), seam.misfit(own, np.arange(len(places)))
    for other, inside in zip(seam.shifts, seam.inside, strict=True):
        j = np.flatnonzero(inside & (other != own))
        j = j[level.usable.take(places[j] + other[j], mode="clip")]
        cost = seam.misfit(other[j], j)
        better = cost < least[j]
        least[j[better]], best[j[better]] = cost[better], other[j[better]]
    shift[places] = best
    waiting[around[:, best != own]] = True
    waiting &= level.hole.ravel()


@dataclass(frozen=True)
class _Seam:
    """Pixels at seams, their four neighbours, and the pieces these belong to, shape (4, pixels)."""

    level: Level
    places: Places
    around: Places
    shifts: Places
    inside: Bools

    def misfit(self, mine: Places, which: NDArray[np.intp]) -> NDArray[np.int32]:
        """Tell how unlike pieces are on both sides of the seams around some of the pixels.

        A known pixel is its own piece.
        """
        total = np.zeros(len(which), np.int32)
        for neighbour, other, inside in zip(self.around, self.shifts, self.inside, strict=True):
            k = np.flatnonzero(mine != other[which])
            i = which[k]
            a, b, p, q = mine[k], other[i], self.places[i], neighbour[i]
            there = self._apart(q + a, q + b)
            here = np.where(inside[i], self._apart(p + a, p + b), there)
            total[k] += here + there + _LENGTH
        return total

    def _apart(self, a: Places, b: Places) -> NDArray[np.int32]:
        colours = self.level.picture.reshape(-1, 5)
        gap = colours.take(a, axis=0, mode="clip")[:, :3].astype(np.int32)
        gap -= colours.take(b, axis=0, mode="clip")[:, :3]
        return np.asarray(np.einsum("ij,ij->i", gap, gap), np.int32)


def _around(shape: tuple[int, int], places: Places) -> Places:
    """Give the four neighbours of places, shape (4, count); beyond the border a place is its own."""
    height, width = shape
    row, column = np.divmod(places, width)
    return np.stack([
        np.where(column + 1 < width, places + 1, places),
        np.where(column > 0, places - 1, places),
        np.where(row + 1 < height, places + width, places),
        np.where(row > 0, places - width, places),
    ])  # fmt: skip


def _neighbourhood(shape: tuple[int, int], places: Places) -> Places:
    """Give places and their eight neighbours, shape (9, count); the border is repeated."""
    row, column = np.divmod(places, shape[1])
    rows = [(row + step).clip(0, shape[0] - 1) * shape[1] for step in (-1, 0, 1)]
    columns = [(column + step).clip(0, shape[1] - 1) for step in (-1, 0, 1)]
    return np.stack([y + x for y in rows for x in columns])
