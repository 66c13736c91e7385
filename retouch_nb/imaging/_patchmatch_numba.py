"""The inner loops of PatchMatch compiled; the same as `_patchmatch_numpy`, to the last bit.

They release the interpreter's lock and use no thread pool of numba's: any number of threads may call them.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import DEPTH, HALF, Bools, Floats, Pixels, Places
from retouch_nb.imaging._patchmatch_numpy import NOWHERE

_Loop = TypeVar("_Loop", bound=Callable[..., object])

GRAIN = 32768


def _compiled(loop: _Loop) -> _Loop:
    return cast(_Loop, numba.njit(cache=True, nogil=True, boundscheck=False)(loop))


@_compiled
def _distance(descriptions: Floats, a: int, b: int) -> np.float32:
    total = np.float32(0)
    for k in range(DEPTH):
        gap = descriptions[a, k] - descriptions[b, k]
        total += gap * gap
    return total


@_compiled
def _noise(place: int, salt: int) -> np.uint32:
    bits = np.uint32(np.uint32(place) * np.uint32(64) + np.uint32(salt))
    bits ^= bits >> np.uint32(16)
    bits = np.uint32(bits * np.uint32(0x7FEB352D))
    bits ^= bits >> np.uint32(15)
    bits = np.uint32(bits * np.uint32(0x846CA68B))
    bits ^= bits >> np.uint32(16)
    return bits


@_compiled
def improve(
    descriptions: Floats,
    usable: Bools,
    width: int,
    targets: Places,
    slot: Places,
    table: Floats,
    kind: Places,
    cell: Places,
    old: Places,
    source: Places,
    cost: Floats,
    steps: NDArray[np.int64],
    radii: NDArray[np.int64],
    borrows: int,
    salt: int,
    lo: int,
    hi: int,
) -> None:
    """Try for every target in a range what its neighbours, other targets and chance propose."""
    size = len(usable)
    height = size // width
    prior = len(table) > 0
    for i in range(lo, hi):
        place = targets[i]
        src = old[i]
        best = _distance(descriptions, place, src)
        if prior:
            best += table[cell[i], kind[src]]
        for s in range(len(steps)):
            for d in range(4):
                shift = steps[s] * (1 if d < 2 else width) * (1 - 2 * (d & 1))
                neighbour = slot[min(max(place + shift, 0), size - 1)]
                if neighbour >= 0:
                    c = min(max(old[neighbour] - shift, 0), size - 1)
                    if usable[c] and c != src:
                        got = _distance(descriptions, place, c)
                        if prior:
                            got += table[cell[i], kind[c]]
                        if got < best:
                            best, src = got, c
        for b in range(borrows):
            j = np.int64(
                (np.uint64(_noise(place, salt + 40 + b)) * np.uint64(len(targets))) >> np.uint64(32)
            )
            c = min(max(old[j] - targets[j] + place, 0), size - 1)
            if usable[c] and c != src:
                got = _distance(descriptions, place, c)
                if prior:
                    got += table[cell[i], kind[c]]
                if got < best:
                    best, src = got, c
        for r in range(len(radii)):
            bits = _noise(place, salt + r)
            reach = 2 * radii[r] + 1
            dy = (np.int64(bits & np.uint32(0xFFFF)) * reach >> 16) - radii[r]
            dx = (np.int64(bits >> np.uint32(16)) * reach >> 16) - radii[r]
            y, x = src // width, src % width
            c = min(max(y + dy, 0), height - 1) * width + min(max(x + dx, 0), width - 1)
            if usable[c] and c != src:
                got = _distance(descriptions, place, c)
                if prior:
                    got += table[cell[i], kind[c]]
                if got < best:
                    best, src = got, c
        source[i], cost[i] = src, best


@_compiled
def settle(
    descriptions: Floats,
    usable: Bools,
    width: int,
    targets: Places,
    table: Floats,
    kind: Places,
    cell: Places,
    offsets: Places,
    source: Places,
    cost: Floats,
    parity: int,
    beta: float,
    lo: int,
    hi: int,
) -> None:
    """Let every target of one colour of a chessboard take over a neighbour's shift where that pays."""
    size = len(usable)
    prior = len(table) > 0
    around = np.empty(4, np.int64)
    for i in range(lo, hi):
        place = targets[i]
        if (place // width + place % width) % 2 != parity:
            continue
        for d in range(4):
            shift = (1 if d < 2 else width) * (1 - 2 * (d & 1))
            around[d] = offsets[min(max(place + shift, 0), size - 1)]
        mine = np.int64(offsets[place])
        own, src = cost[i], source[i]
        apart = 0
        for d in range(4):
            apart += (around[d] != mine) & (around[d] != NOWHERE)
        total = own + np.float32(apart) * np.float32(beta)
        for n in range(4):
            offset = around[n]
            if offset == mine or offset == NOWHERE:  # noqa: SIM109 - numba would build a tuple
                continue
            c = min(max(place + offset, 0), size - 1)
            if not usable[c]:
                continue
            got = _distance(descriptions, place, c)
            if prior:
                got += table[cell[i], kind[c]]
            apart = 0
            for d in range(4):
                apart += (around[d] != offset) & (around[d] != NOWHERE)
            t = got + np.float32(apart) * np.float32(beta)
            if t < total:
                total, own, src, mine = t, got, c, offset
        source[i], cost[i] = src, own
        offsets[place] = src - place


@_compiled
def vote(
    picture: Pixels,
    width: int,
    holes: Places,
    slot: Places,
    source: Places,
    weight: Floats,
    out: Pixels,
    lo: int,
    hi: int,
) -> None:
    """Average what all patches over a pixel would put there; `picture` has shape (n, 5)."""
    size = len(picture)
    height = size // width
    total = np.empty(5, np.float32)
    for j in range(lo, hi):
        place = holes[j]
        row, column = place // width, place % width
        mass = np.float32(0)
        total[:] = 0
        for dy in range(-HALF, HALF + 1):
            if row + dy < HALF or row + dy >= height - HALF:
                continue
            for dx in range(-HALF, HALF + 1):
                if column + dx < HALF or column + dx >= width - HALF:
                    continue
                shift = dy * width + dx
                target = slot[place + shift]
                if target >= 0:
                    w = weight[target]
                    c = min(max(source[target] - shift, 0), size - 1)
                    for k in range(5):
                        total[k] += w * np.float32(picture[c, k])
                    mass += w
        for k in range(5):
            out[j, k] = np.uint8(np.rint(total[k] / mass))
