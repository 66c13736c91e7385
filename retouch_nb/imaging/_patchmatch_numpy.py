"""The inner loops of PatchMatch in numpy; `_patchmatch_numba` holds the same, to the last bit.

Every loop works on a range of targets and writes only there, so ranges may run side by side.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging._patchmatch_levels import HALF, Bools, Floats, Pixels, Places

NOWHERE = 1 << 30
GRAIN = 16384


def distances(descriptions: Floats, wanted: Floats, places: Places) -> Floats:
    """Give the squared distance of each wanted description to that of the patch at its place."""
    gap = descriptions.take(places, axis=0)
    gap -= wanted
    return np.asarray(np.einsum("ij,ij->i", gap, gap), np.float32)


def noise(places: Places, salt: int) -> NDArray[np.uint32]:
    """Scramble positions into 32 even bits each: Wellons' `lowbias32`."""
    bits = places.astype(np.uint32) * np.uint32(64) + np.uint32(salt & 0xFFFFFFFF)
    bits ^= bits >> np.uint32(16)
    bits *= np.uint32(0x7FEB352D)
    bits ^= bits >> np.uint32(15)
    bits *= np.uint32(0x846CA68B)
    bits ^= bits >> np.uint32(16)
    return bits


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
    places = targets[lo:hi]
    wanted = descriptions.take(places, axis=0)
    src = old[lo:hi].copy()
    best = distances(descriptions, wanted, src)
    cells = cell[lo:hi] if len(table) else None
    if cells is not None:
        best += table[cells, kind[src]]

    def attempt(candidates: NDArray[np.integer[Any]]) -> None:
        candidates = candidates.clip(0, size - 1)
        k = np.flatnonzero(usable.take(candidates) & (candidates != src))
        c = candidates[k].astype(np.int32)
        d = distances(descriptions, wanted.take(k, axis=0), c)
        if cells is not None:
            d += table[cells[k], kind[c]]
        better = d < best[k]
        k = k[better]
        src[k], best[k] = c[better], d[better]

    for step in steps:
        for shift in (step, -step, step * width, -step * width):
            neighbour = slot.take((places + shift).clip(0, size - 1))
            attempt(np.where(neighbour >= 0, old.take(neighbour, mode="clip") - shift, src))
    for b in range(borrows):
        j = (
            noise(places, salt + 40 + b).astype(np.uint64) * np.uint64(len(targets))
            >> np.uint64(32)
        ).astype(np.int64)
        attempt(old[j] - targets[j] + places)
    height = size // width
    for r, radius in enumerate(radii):
        bits = noise(places, salt + r)
        reach = 2 * int(radius) + 1
        dy = ((bits & np.uint32(0xFFFF)).astype(np.int64) * reach >> 16) - radius
        dx = ((bits >> np.uint32(16)).astype(np.int64) * reach >> 16) - radius
        y, x = np.divmod(src, width)
        attempt((y + dy).clip(0, height - 1) * width + (x + dx).clip(0, width - 1))
    source[lo:hi], cost[lo:hi] = src, best


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
    row, column = np.divmod(targets[lo:hi], width)
    i = np.flatnonzero((row + column) % 2 == parity) + lo
    places = targets[i]
    around = [offsets.take((places + shift).clip(0, size - 1)) for shift in (1, -1, width, -width)]
    mine, src, own = offsets[places], source[i], cost[i]

    def disagreement(offset: Places, k: NDArray[np.intp] | slice) -> Floats:
        count = np.zeros(len(offset), np.float32)
        for other in around:
            count += (other[k] != offset) & (other[k] != NOWHERE)
        return count * np.float32(beta)

    everything = slice(None)
    total = own + disagreement(mine, everything)
    wanted = descriptions.take(places, axis=0)
    for offset in around:
        k = np.flatnonzero((offset != mine) & (offset != NOWHERE))
        c = (places[k] + offset[k]).clip(0, size - 1)
        ok = usable[c]
        k, c = k[ok], c[ok]
        d = distances(descriptions, wanted.take(k, axis=0), c)
        if len(table):
            d += table[cell[i[k]], kind[c]]
        t = d + disagreement(offset[k], k)
        better = t < total[k]
        k = k[better]
        total[k], own[k], src[k], mine[k] = t[better], d[better], c[better], offset[k]
    source[i], cost[i] = src, own
    offsets[places] = src - places


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
    places = holes[lo:hi]
    row, column = np.divmod(places, width)
    total, mass = np.zeros((len(places), 5), np.float32), np.zeros(len(places), np.float32)
    for dy in range(-HALF, HALF + 1):
        for dx in range(-HALF, HALF + 1):
            y, x = row + dy, column + dx
            inside = (y >= HALF) & (y < height - HALF) & (x >= HALF) & (x < width - HALF)
            target = slot.take((places + dy * width + dx).clip(0, size - 1))
            ok = inside & (target >= 0)
            target = np.where(ok, target, 0)
            w = weight[target] * ok
            total += w[:, None] * picture.take(
                (source[target] - (dy * width + dx)).clip(0, size - 1), axis=0
            )
            mass += w
    out[lo:hi] = np.rint(total / mass[:, None])
