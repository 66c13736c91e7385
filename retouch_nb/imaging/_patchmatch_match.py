"""A match: where every patch of the hole is copied from, carried from size to size and down to single pixels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import HALF, Floats, Level, Pixels, Places
from retouch_nb.imaging._patchmatch_starts import Prior

_FADE = np.float32(0.5)  # of the rim's say, from size to size


@dataclass(frozen=True, eq=False)
class Match:
    """Where each target's patch is copied from, and what that costs."""

    source: Places
    cost: Floats
    prior: Prior


def enlarged(small: Level, level: Level, match: Match) -> Match:
    """Carry a match to the next larger size."""
    (height, width), (rows, columns) = level.shape, small.shape
    y, x = np.divmod(level.targets, width)
    row = (y // 2).clip(HALF, rows - 1 - HALF)
    column = (x // 2).clip(HALF, columns - 1 - HALF)
    target = small.slot[row * columns + column]
    down, across = np.divmod(match.source[target], columns)
    down = (2 * down + y - 2 * row).clip(HALF, height - 1 - HALF)
    across = (2 * across + x - 2 * column).clip(HALF, width - 1 - HALF)
    source = _nearest_usable(level, (down * width + across).astype(np.int32))
    return Match(source, match.cost[target], _enlarged_prior(small, level, match.prior, target))


def _nearest_usable(level: Level, source: Places) -> Places:
    lost = ~level.usable[source]
    if lost.any():
        offered = np.flatnonzero(level.usable).astype(np.int32)
        source[lost] = offered[np.searchsorted(offered, source[lost]).clip(0, len(offered) - 1)]
    return source


def _enlarged_prior(small: Level, level: Level, prior: Prior, target: NDArray[Any]) -> Prior:
    if not len(prior.table):
        return prior
    height, width = level.shape
    kind = np.repeat(np.repeat(prior.kind.reshape(small.shape), 2, 0), 2, 1)[:height, :width]
    return Prior(
        np.rint(prior.table * _FADE),
        np.ascontiguousarray(kind.ravel()),
        prior.cell[target],
    )


def copied(level: Level, match: Match) -> Places:
    """Tell for every pixel of the hole where the patch around it is copied from."""
    height, width = level.shape
    y, x = np.divmod(level.holes, width)
    row, column = y.clip(HALF, height - 1 - HALF), x.clip(HALF, width - 1 - HALF)
    source = match.source[level.slot[row * width + column]] + (y - row) * width + x - column
    return np.asarray(source, np.int32)


def map_of(level: Level, match: Match) -> Pixels:
    """Show where each patch of the hole is copied from: redder from the right, greener from below."""
    shown = level.picture[..., :3].copy()
    y, x = np.divmod(match.source, level.width)
    height, width = level.shape
    places = np.stack([255 * x // width, 255 * y // height, np.full_like(x, 128)], axis=1)
    shown.reshape(-1, 3)[level.targets] = (
        places.astype(np.uint8) // 2 + shown.reshape(-1, 3)[level.targets] // 2
    )
    return shown
