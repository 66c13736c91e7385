"""Takes the steps in tone out of a fill made of copies: at its rim, and where two copies meet.

Poisson editing (Perez, Gangnet, Blake 2003) of the difference only, with strong steps left alone.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import Bools, Floats, Level, Pixels, Places

_STEP = 10.0
_RIM_STEP = 80.0
_RIM_WINDOW = 3
_RIM_WIDTH = 1
_SWEEPS, _SWEEPS_WHEN_SMALL = 12, 60
_DOWN, _ACROSS = np.s_[1:, :], np.s_[:, 1:]
_UP, _BACK = np.s_[:-1, :], np.s_[:, :-1]


def correction(
    level: Level, offsets: Places, box: tuple[slice, slice], tick: Callable[[], None]
) -> Floats:
    """Give the tone to add to every pixel of the hole inside the box, shape (rows, columns, 3)."""
    height, width = level.shape
    here = np.arange(height * width, dtype=np.int32).reshape(height, width)[box]
    hole, offset = level.hole[box], offsets.reshape(height, width)[box]
    colours = level.picture[..., :3].reshape(-1, 3)
    rim = _rim(hole, colours, here, offset)
    force = np.zeros((*hole.shape, 3), np.float32)
    stiff = np.zeros(hole.shape, np.float32)
    ties: list[Floats] = []
    for a, b in ((_UP, _DOWN), (_BACK, _ACROSS)):
        tick()
        both = hole[a] & hole[b]
        step = _steps(both, colours, here[a], here[b], offset[a], offset[b])
        force[b] += step
        force[a] -= step
        ties.append(both.astype(np.float32))
        for c, d in ((a, b), (b, a)):
            stiff[c] += ~hole[d]
            force[c] += rim[d]
    inside = hole[..., None]
    down, across = ties
    return _relax(hole, down, across, stiff * hole, force * inside, tick)


def _rim(hole: Bools, colours: Pixels, here: Places, offset: Places) -> Floats:
    around = cv2.dilate(hole.astype(np.uint8), np.ones((2 * _RIM_WIDTH + 1,) * 2, np.uint8)) > 0
    k = np.flatnonzero(around & ~hole & (offset != 0))
    place = here.ravel()[k]
    copied = colours.take(place + offset.ravel()[k], axis=0, mode="clip")
    gap = colours[place].astype(np.float32) - copied
    weight = 1 / (1 + (gap * gap).mean(axis=1, keepdims=True) / _RIM_STEP**2)
    total = np.zeros((hole.size, 4), np.float32)
    total[k] = np.concatenate([gap * weight, weight], axis=1)
    window, edge = (_RIM_WINDOW, _RIM_WINDOW), cv2.BORDER_CONSTANT
    blurred = np.asarray(cv2.blur(total.reshape(*hole.shape, 4), window, borderType=edge))
    tone = blurred[..., :3] / np.maximum(blurred[..., 3:], 1e-6) * ~hole[..., None]
    return np.asarray(tone, np.float32)


def _steps(both: Bools, colours: Pixels, p: Places, q: Places, a: Places, b: Places) -> Floats:
    k = np.flatnonzero(both & (a != b))
    p, q, a, b = (values.ravel()[k] for values in (p, q, a, b))

    def colour(place: Places) -> Floats:
        return colours.take(place, axis=0, mode="clip").astype(np.float32)

    wanted = (colour(q + a) - colour(p + a) + colour(q + b) - colour(p + b)) / 2
    gap = wanted - (colour(q) - colour(p))
    out = np.zeros((both.size, 3), np.float32)
    out[k] = gap / (1 + (gap * gap).mean(axis=1, keepdims=True) / _STEP**2)
    return out.reshape(*both.shape, 3)


def _relax(
    hole: Bools,
    down: Floats,
    across: Floats,
    stiff: Floats,
    force: Floats,
    tick: Callable[[], None],
) -> Floats:
    tick()
    height, width = hole.shape
    if min(hole.shape) > 4 and hole.sum() > 32:
        even = ((0, height % 2), (0, width % 2))

        def four(values: NDArray[Any]) -> NDArray[Any]:
            values = np.pad(values, (*even, (0, 0))[: values.ndim])
            rows = values[::2] + values[1::2]
            return np.asarray(rows[:, ::2] + rows[:, 1::2])

        below = np.pad(down, ((0, height + even[0][1] - down.shape[0]), even[1]))
        beside = np.pad(across, (even[0], (0, width + even[1][1] - across.shape[1])))
        down2 = np.asarray(((below[1::2, ::2] + below[1::2, 1::2]) / 2)[:-1], np.float32)
        across2 = np.asarray(((beside[::2, 1::2] + beside[1::2, 1::2]) / 2)[:, :-1], np.float32)
        small = _relax(four(hole), down2, across2, four(stiff), four(force), tick)
        start = np.repeat(np.repeat(small, 2, 0), 2, 1)[:height, :width] * hole[..., None]
        sweeps = _SWEEPS
    else:
        start, sweeps = np.zeros_like(force), _SWEEPS_WHEN_SMALL
    return _conjugate_gradients(
        hole, down[..., None], across[..., None], stiff, force, start, sweeps, tick
    )


def _conjugate_gradients(
    hole: Bools,
    down: Floats,
    across: Floats,
    stiff: Floats,
    force: Floats,
    tone: Floats,
    sweeps: int,
    tick: Callable[[], None],
) -> Floats:
    diagonal = stiff[..., None] + np.float32(1e-6)
    diagonal[_DOWN] += down
    diagonal[_UP] += down
    diagonal[_ACROSS] += across
    diagonal[_BACK] += across
    easing = hole[..., None] / np.maximum(diagonal, 1e-3)

    def pull(values: Floats) -> Floats:
        out = diagonal * values
        out[_DOWN] -= down * values[_UP]
        out[_UP] -= down * values[_DOWN]
        out[_ACROSS] -= across * values[_BACK]
        out[_BACK] -= across * values[_ACROSS]
        return out

    rest = force - pull(tone)
    eased = easing * rest
    direction, square = eased, (rest * eased).sum(axis=(0, 1))
    for _ in range(sweeps):
        if square.max() < 1e-3:
            break
        tick()
        pulled = pull(direction)
        length = square / np.maximum((direction * pulled).sum(axis=(0, 1)), 1e-12)
        tone = tone + length * direction
        rest = rest - length * pulled
        eased = easing * rest
        new = (rest * eased).sum(axis=(0, 1))
        direction = eased + (new / np.maximum(square, 1e-12)) * direction
        square = new
    return tone
