"""First guesses on a small copy of the picture, and what may plausibly appear where in the hole.

A guess peels the hole from outside in, structure first (Criminisi, Perez, Toyama 2004). A hole should be
filled with what borders it: kinds of patches that the rim nearby does not show cost extra.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import (
    HALF,
    MEANS,
    PATCH,
    TEXTURES,
    Bools,
    Floats,
    Level,
    Places,
    grown,
)
from retouch_nb.imaging.products import product

_Ints: TypeAlias = NDArray[np.integer[Any]]
_Doubles: TypeAlias = NDArray[np.float64]
_Places = TypeVar("_Places", bound=NDArray[np.integer[Any]])

_KINDS, _ROUNDS = 24, 6
_SOURCES = 3000
_STRENGTH = 3.0
_DISTANCE = 20_000.0
_CAP = 50_000.0


@dataclass(frozen=True, eq=False)
class Prior:
    """What patches of a kind cost at a place: `table[cell[target], kind[source]]`."""

    table: Floats
    kind: Places
    cell: Places


NO_PRIOR = Prior(np.zeros((0, 1), np.float32), np.zeros(1, np.int32), np.zeros(1, np.int32))


def rim_prior(level: Level) -> Prior:
    """Work out what each kind of patch costs at each target; the level must be described."""
    usable = np.flatnonzero(level.usable)
    traits = level.descriptions[:, [*range(MEANS), *TEXTURES]]
    label, centre, spread = _kinds(traits[usable].astype(np.float64))
    rim = _rim(level)
    seen = traits[rim].astype(np.float64)
    unlike = ((seen[:, None] - centre) ** 2).sum(2) - spread
    far = _apart(level, level.targets, rim) * (_DISTANCE / level.hole.sum())
    far -= far.min(axis=1, keepdims=True)
    table = np.stack([(far + u).min(axis=1) for u in np.maximum(unlike, 0).T], axis=1)
    kind = np.zeros(level.hole.size, np.int32)
    kind[usable] = label
    return Prior(
        np.rint(_STRENGTH * np.minimum(table, _CAP)).astype(np.float32),
        kind,
        np.arange(len(level.targets), dtype=np.int32),
    )


def _rim(level: Level) -> NDArray[np.intp]:
    for reach in (1, 2, 4, 8, 16, 64):
        rim = np.flatnonzero(grown(level.hole, HALF + reach + HALF).ravel() & level.usable)
        if len(rim) >= 30:
            break
    return rim[:: len(rim) // 150 + 1] if len(rim) else np.flatnonzero(level.usable)[:1]


def _apart(level: Level, a: _Ints, b: _Ints) -> NDArray[np.float64]:
    ay, ax = np.divmod(a, level.width)
    by, bx = np.divmod(b, level.width)
    down, across = ay[:, None] - by, ax[:, None] - bx
    return np.asarray(down.astype(np.float64) ** 2 + across**2)


def _kinds(traits: NDArray[np.float64]) -> tuple[NDArray[np.intp], _Doubles, _Doubles]:
    """Sort the patches into kinds by k-means; give labels, centres and how far the members spread."""
    chosen = [traits.mean(axis=0)]
    gap = ((traits - chosen[0]) ** 2).sum(axis=1)
    for _ in range(_KINDS - 1):
        far = np.argsort(gap, kind="stable")[-max(1, len(gap) // 200)]
        chosen.append(traits[far])
        gap = np.minimum(gap, ((traits - traits[far]) ** 2).sum(axis=1))
    centre = np.array(chosen)
    for _ in range(_ROUNDS):
        gaps = np.stack([((traits - c) ** 2).sum(axis=1) for c in centre], axis=1)
        label = gaps.argmin(axis=1)
        count = np.maximum(np.bincount(label, minlength=_KINDS), 1)
        centre = np.stack([np.bincount(label, t, _KINDS) / count for t in traits.T], axis=1)
    return label, centre, np.bincount(label, gaps.min(axis=1), _KINDS) / count


def thinned(places: _Places) -> _Places:
    """Keep every so manieth of the places, some thousands at most."""
    return cast(_Places, places[:: len(places) // _SOURCES + 1])


def peel(level: Level, prior: Prior, *, calm: float, tick: Callable[[], None]) -> None:
    """Fill from outside in with whole patches, where most is known and contrast is strongest first.

    The larger `calm` is, the less contrast counts.
    """
    picture = level.picture.astype(np.float32) - 128
    known = ~level.hole
    trust = known.astype(np.float32)
    sources = thinned(np.flatnonzero(level.usable))
    sy, sx = np.divmod(sources, level.width)
    windows = sliding_window_view(picture, (PATCH, PATCH), axis=(0, 1))
    offered = windows[sy - HALF, sx - HALF].reshape(len(sources), -1).copy()
    squared = (offered * offered).reshape(len(sources), 5, -1).sum(axis=1)
    while not known.all():
        tick()
        ys, xs = _next(level, picture, known, trust, calm)
        have = sliding_window_view(known, (PATCH, PATCH))[ys - HALF, xs - HALF]
        mask = (
            np.repeat(have.reshape(len(ys), 1, -1), 5, axis=1)
            .reshape(len(ys), -1)
            .astype(np.float32)
        )
        asked = windows[ys - HALF, xs - HALF].reshape(len(ys), -1) * mask
        unlike = product(have.reshape(len(ys), -1).astype(np.float32), squared)
        unlike = unlike - 2 * product(asked, offered) + (asked * asked).sum(1)[:, None]
        unlike *= (16.0 / have.sum((1, 2)))[:, None].astype(np.float32)
        if len(prior.table):
            unlike += prior.table[prior.cell[level.slot[ys * level.width + xs]]][
                :, prior.kind[sources]
            ]
        for y, x, s in zip(ys, xs, unlike.argmin(1), strict=True):
            here = np.s_[y - HALF : y + HALF + 1, x - HALF : x + HALF + 1]
            there = np.s_[sy[s] - HALF : sy[s] + HALF + 1, sx[s] - HALF : sx[s] + HALF + 1]
            new = ~known[here]
            picture[here][new] = picture[there][new]
            trust[here][new] = 0.95 * trust[here].mean()
            known[here] = True
    level.picture[level.hole] = (picture[level.hole] + 128).clip(0, 255).astype(np.uint8)


def _next(
    level: Level, picture: Floats, known: Bools, trust: Floats, calm: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    height, width = level.shape
    front = ~known & grown(known, 1)
    grey = picture[..., :3].sum(2) / 3
    contrast = np.zeros_like(grey)
    contrast[:, 1:] += (np.diff(grey, axis=1) * (known[:, 1:] & known[:, :-1])) ** 2
    contrast[1:] += (np.diff(grey, axis=0) * (known[1:] & known[:-1])) ** 2
    square = np.ones((PATCH, PATCH), np.uint8)
    urgency = cv2.blur(trust, (PATCH, PATCH)) * (np.sqrt(cv2.dilate(contrast, square)) + calm)
    y, x = np.nonzero(front)
    order = np.argsort(-urgency[y, x], kind="stable")
    y, x = y[order].clip(HALF, height - 1 - HALF), x[order].clip(HALF, width - 1 - HALF)
    limit = 0.5 * urgency[front].max()
    free = np.ones_like(known)
    picked: list[int] = []
    for k in range(len(y)):
        if free[y[k], x[k]] and (not picked or urgency[y[k], x[k]] >= limit):
            picked.append(k)
            free[
                max(y[k] - PATCH + 1, 0) : y[k] + PATCH, max(x[k] - PATCH + 1, 0) : x[k] + PATCH
            ] = False
    return y[picked], x[picked]
