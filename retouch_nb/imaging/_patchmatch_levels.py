"""The pyramid PatchMatch climbs: what may be copied, what must be painted, a description of every patch.

Patches are described by their projections on orthogonal polynomials, rounded to integers so small that
sums are exact in float32, in whatever order they are added.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Bools: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]
Places: TypeAlias = NDArray[np.int32]
"""Positions in a flattened picture: row times width plus column."""
Pixels: TypeAlias = NDArray[np.uint8]

HALF = 3
PATCH = 2 * HALF + 1
TILE = 128

# Gram's polynomials on seven points; Savitzky and Golay, Analytical Chemistry 36 (1964), table.
_POLYNOMIALS = tuple(
    np.array(values, np.float32)
    for values in (
        (1, 1, 1, 1, 1, 1, 1),
        (-3, -2, -1, 0, 1, 2, 3),
        (5, 0, -3, -4, -3, 0, 5),
        (-1, 1, 1, 0, -1, -1, 1),
    )
)
_LUMA = [(i, j) for i in range(4) for j in range(4 - i)][1:]
_CHROMA = [(0, 1), (1, 0)]
_SCALE = 4.0
MEANS, TEXTURES = 3, (16, 17)
DEPTH = 18
_TEXTURE_GAIN = 4.0


@dataclass(frozen=True, eq=False)
class Level:
    """One size of the picture around a hole, flattened where positions are concerned.

    `picture` has five channels: red, green, blue and the strength of the finest horizontal and
    vertical detail. `targets` are the centres of all patches that touch the hole, `slot` says where
    in that list a position stands (-1: nowhere), `usable` which patches may be copied.
    """

    picture: Pixels
    hole: Bools
    usable: Bools
    targets: Places
    slot: Places
    holes: Places
    trust: Floats
    descriptions: Floats

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.hole.shape
        return height, width

    @property
    def width(self) -> int:
        return self.shape[1]


def with_detail(pixels: Pixels, known: Bools) -> Pixels:
    """Add two channels: how strong horizontal and vertical detail is, before reduction hides it."""
    grey = pixels.astype(np.float32).sum(axis=2) / 3
    across, down = np.zeros_like(grey), np.zeros_like(grey)
    across[:, 1:] = np.abs(np.diff(grey, axis=1)) * (known[:, 1:] & known[:, :-1])
    down[1:] = np.abs(np.diff(grey, axis=0)) * (known[1:] & known[:-1])
    detail = np.stack([across, down], axis=2) * _TEXTURE_GAIN
    return np.concatenate([pixels, np.rint(detail).clip(0, 255).astype(np.uint8)], axis=2)


def halve(picture: Pixels, known: Bools, foreign: Bools) -> tuple[Pixels, Bools, Bools]:
    """Reduce by two, averaging known pixels only; a pixel is known where all four below it are."""
    even = ((0, known.shape[0] % 2), (0, known.shape[1] % 2))
    known, foreign = np.pad(known, even, mode="edge"), np.pad(foreign, even, mode="edge")
    picture = np.pad(picture, (*even, (0, 0)), mode="edge")
    weight = known.astype(np.float32)[..., None]
    share = _mean_of_four(weight)
    values = picture.astype(np.float32)
    values[..., 3:] **= 2
    mean = _mean_of_four(values * weight) / np.maximum(share, 1e-6)
    mean[..., 3:] **= 0.5
    small = np.rint(mean).clip(0, 255).astype(np.uint8)
    return small, share[..., 0] > 0.999, _mean_of_four(foreign[..., None])[..., 0] > 0


def _mean_of_four(planes: NDArray[Any]) -> Floats:
    values: Floats = planes.astype(np.float32)
    rows = values[::2] + values[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def level_of(picture: Pixels, known: Bools, foreign: Bools, *, guard: int, decay: float) -> Level:
    """Work out what may be copied and what must be painted; `foreign` pixels are other holes'."""
    hole = ~known
    inside = np.zeros_like(hole)
    inside[HALF:-HALF, HALF:-HALF] = True
    targets = np.flatnonzero(grown(hole, HALF) & inside).astype(np.int32)
    slot = np.full(hole.size, -1, np.int32)
    slot[targets] = np.arange(len(targets), dtype=np.int32)
    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5).ravel()[targets]
    return Level(
        picture=picture.copy(),
        hole=hole,
        usable=(inside & ~grown(hole | foreign, HALF + guard)).ravel(),
        targets=targets,
        slot=slot,
        holes=np.flatnonzero(hole).astype(np.int32),
        trust=np.power(np.float32(decay), -np.minimum(depth, 60), dtype=np.float32),
        descriptions=np.empty((hole.size, DEPTH), np.float32),
    )


def grown(mask: Bools, reach: int) -> Bools:
    square = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square) > 0


def tiles(level: Level, places: Places, *, reach: int = 0) -> Bools:
    """Mark the tiles that hold one of the places or come within `reach` of one."""
    height, width = level.shape
    marks = np.zeros((-(-height // TILE), -(-width // TILE)), bool)
    row, column = np.divmod(places, level.width)
    for dy in (-reach, reach) if reach else (0,):
        for dx in (-reach, reach) if reach else (0,):
            y, x = (row + dy).clip(0, height - 1), (column + dx).clip(0, width - 1)
            marks[y // TILE, x // TILE] = True
    return marks


def boxes(level: Level, marks: Bools) -> Iterator[tuple[slice, slice]]:
    """Give the marked tiles as pieces of the picture."""
    height, width = level.shape
    for y, x in np.argwhere(marks) * TILE:
        yield slice(int(y), min(int(y) + TILE, height)), slice(int(x), min(int(x) + TILE, width))


def describe(level: Level, box: tuple[slice, slice]) -> None:
    """Describe the patches of one tile, from the picture as it is now."""
    rows, columns = box
    top, left = min(HALF, rows.start), min(HALF, columns.start)
    around = level.picture[
        rows.start - top : rows.stop + HALF, columns.start - left : columns.stop + HALF
    ]
    inner = (
        slice(top, top + rows.stop - rows.start),
        slice(left, left + columns.stop - columns.start),
    )
    planes = [plane[inner] for plane in _projections(around)]
    level.descriptions.reshape(*level.shape, DEPTH)[box] = cv2.merge(planes)


def _projections(picture: Pixels) -> Iterator[Floats]:
    red, green, blue, *textures = (
        np.ascontiguousarray(c, np.float32) for c in np.moveaxis(picture, 2, 0)
    )
    scaled = [
        (plane, _SCALE / PATCH / square**0.5)
        for plane, square in ((red + green + blue, 3), (red - blue, 2), (red - 2 * green + blue, 6))
    ]
    yield from (_project(plane, 0, 0, scale) for plane, scale in scaled)
    for (plane, scale), orders in zip(scaled, (_LUMA, _CHROMA, _CHROMA), strict=True):
        yield from (_project(plane, *order, scale) for order in orders)
    yield from (_project(texture, 0, 0, _SCALE / PATCH) for texture in textures)


def _project(plane: Floats, down: int, across: int, scale: float) -> Floats:
    vertical, horizontal = _POLYNOMIALS[down], _POLYNOMIALS[across]
    norm = np.sqrt((vertical @ vertical) * (horizontal @ horizontal))
    edge = cv2.BORDER_REFLECT_101
    filtered = cv2.sepFilter2D(plane, cv2.CV_32F, horizontal, vertical, borderType=edge)
    values = np.asarray(filtered, np.float32)
    values *= np.float32(scale) / np.float32(norm)
    return np.rint(values, out=values)
