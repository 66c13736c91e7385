"""Removes objects: fills the hole they leave, each part of it in the way that suits it.

What is narrow continues the rim smoothly; what is wide is put together from pieces of its surroundings;
far-apart holes are separate work. A user's own model, if any, does it all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.biharmonic import interpolate
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.model import fill_with
from retouch_nb.imaging.note import Note, marked, without
from retouch_nb.imaging.patchmatch import can_complete, complete
from retouch_nb.imaging.pullpush import smooth_fill
from retouch_nb.imaging.shape import box_of
from retouch_nb.imaging.smooth import as_plane

Bools: TypeAlias = NDArray[np.bool_]
Box: TypeAlias = tuple[slice, slice]

NARROW = 6.0
"""Radius in pixels of the largest disc in a hole that is still filled smoothly."""
TOGETHER = 17
"""Holes closer than this many pixels are one."""
_MARGIN, _LEAST_MARGIN = 1.1, 32  # around a hole on each side, in sizes of the hole and in pixels
_OVERLAP = 0.5  # share of the smaller surroundings from which two holes are done at once


_REASONS = {
    "biharmonic": "It is narrow: the smoothest surface that continues its rim fills it.",
    "PatchMatch": "It is wide: it is put together from pieces of what lies around it, shown here.",
    "smooth blend": "Too little is known around it to copy from: the rim is blended inwards.",
    "model": "A model of your own fills it; how, only the model knows.",
}


@dataclass(frozen=True, eq=False)
class _Part:
    """Holes that are filled at once, and the part of the picture that is looked at for it."""

    box: Box
    hole: Bools
    foreign: Bools
    way: str


def fill(
    pixels: Pixels,
    hole: Bools,
    /,
    *,
    progress: Progress = ignore_progress,
    model: Path | None = None,
    compiled: bool | None = None,
    note: Note | None = None,
) -> Pixels:
    """Fill a hole so that it looks as if nothing had been there.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    hole : ndarray of bool, shape (height, width)
        True where the object is. What is left of its edge is copied or continued, so be generous.
    progress : callable
        Called several times a second, except within one run of a model.
    model : Path, optional
        An ONNX file of the user's to fill with instead, see `retouch_nb.imaging.model`.
    compiled : bool, optional
        Whether numba does the inner loops; by default when it is there and there is much to fill,
        in this hole or in all so far, for compiling takes seconds, once. The result is the same.
    note : callable, optional
        Told every step, see `retouch_nb.imaging.note`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        The same to the last bit outside the hole.

    Raises
    ------
    ValueError
        When the shapes do not fit, or when the hole is the whole picture.

    Examples
    --------
    >>> grey = np.full((50, 60, 3), 90, np.uint8)
    >>> hole = np.zeros((50, 60), bool)
    >>> hole[15:35, 20:40] = True
    >>> bool((fill(grey, hole) == 90).all())
    True
    """
    _check(pixels, hole)
    progress(0.0)
    out = pixels.copy()
    total, done = int(np.count_nonzero(hole)), 0
    if note:
        note(
            "What is to go",
            f"{total:,} pixels, {total / hole.size:.1%} of the photo.",
            marked(out, hole),
        )
    for part in _plan(hole, model):
        count = int(np.count_nonzero(part.hole))
        share = partial(_report, progress, done / total, count / total)
        share(0.0)
        view = out[part.box]
        around = _context(part.box, hole.shape)
        if note:
            shown = without(out, _placed(part.hole | part.foreign, part.box, hole.shape))
            note(f"A part to be filled: {part.way}", _REASONS[part.way], shown[around])
        filled = _fill_part(view, part, model, compiled, share, note)
        view[part.hole] = filled[part.hole]
        if note:
            note("The part is filled", "Outside the hole not one pixel has changed.", out[around])
        done += count
    progress(1.0)
    return out


def method(hole: Bools, /, *, model: Path | None = None) -> str:
    """Say in words how a hole would be filled.

    Parameters
    ----------
    hole : ndarray of bool, shape (height, width)
    model : Path, optional
        The user's model, if there is one.

    Returns
    -------
    str
        "PatchMatch", "biharmonic", "smooth blend" (a wide hole with too little known around it),
        several of them, "your model ...", or "nothing to fill".

    Examples
    --------
    >>> hole = np.zeros((90, 90), bool)
    >>> hole[3, 10:80] = True
    >>> hole[40:60, 40:60] = True
    >>> method(hole)
    'biharmonic and PatchMatch'
    """
    if model and hole.any():
        return f"your model {model.name}"
    ways = dict.fromkeys(part.way for part in _plan(hole, None))
    return " and ".join(ways) or "nothing to fill"


def _check(pixels: Pixels, hole: Bools) -> None:
    if pixels.shape != (*hole.shape, 3) or pixels.dtype != np.uint8 or hole.dtype != np.bool_:
        raise ValueError(
            f"A picture of shape {pixels.shape} and type {pixels.dtype} and a hole of shape "
            f"{hole.shape} and type {hole.dtype} do not fit: "
            "(height, width, 3) of uint8 and (height, width) of bool are expected."
        )
    if hole.size and hole.all():
        raise ValueError("The hole is the whole picture: nothing is left to fill it from.")


def _context(box: Box, shape: tuple[int, ...]) -> Box:
    """Widen a box so that one sees where it is."""
    rows, columns = (
        slice(max(0, side.start - more), min(edge, side.stop + more))
        for side, edge in zip(box, shape, strict=True)
        for more in [max(8, (180 - side.stop + side.start) // 2)]
    )
    return rows, columns


def _placed(part: Bools, box: Box, shape: tuple[int, ...]) -> Bools:
    whole = np.zeros(shape, bool)
    whole[box] = part
    return whole


def _report(progress: Progress, before: float, share: float, fraction: float) -> None:
    progress(min(before + share * fraction, 1.0))


def _fill_part(
    pixels: Pixels,
    part: _Part,
    model: Path | None,
    compiled: bool | None,
    progress: Progress,
    note: Note | None,
) -> Pixels:
    match part.way:
        case "biharmonic":
            return interpolate(pixels, part.hole, progress=progress)
        case "PatchMatch":
            return complete(
                pixels,
                part.hole,
                foreign=part.foreign,
                compiled=compiled,
                progress=progress,
                note=note,
            )
        case "smooth blend":
            return smooth_fill(pixels, part.hole, tick=lambda: progress(0.0))
        case _:
            assert model
            return fill_with(model, pixels, part.hole | part.foreign, progress=progress)


def _plan(hole: Bools, model: Path | None) -> Iterator[_Part]:
    """Divide a hole into parts: first what is narrow, then the wide, cluster by cluster."""
    labels, radius = _groups(hole)
    wide = radius > (0 if model else NARROW)
    narrow = hole & ~wide[labels]
    if narrow.any():
        box = box_of(narrow, margin=4)
        yield _Part(box, narrow[box], np.zeros_like(narrow[box]), "biharmonic")
    for members in _clusters([_mine(labels, int(n)) for n in np.flatnonzero(wide)]):
        yield _part(hole, members, model)


def _groups(hole: Bools) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Give every pixel its hole's number, from 1, close holes being one, and the holes' radii."""
    near = cv2.dilate(hole.astype(np.uint8), np.ones((TOGETHER, TOGETHER), np.uint8))
    count, numbered = cv2.connectedComponents(near)
    labels = np.where(hole, numbered, 0).astype(np.int32)
    depth = as_plane(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5))
    radius = np.zeros(count, np.float32)
    np.maximum.at(radius, labels[hole], depth[hole])
    return labels, radius


def _mine(labels: NDArray[np.int32], number: int) -> Bools:
    return np.asarray(labels == number)


def _surroundings(hole: Bools) -> Box:
    rows, columns = box_of(hole, margin=0)
    size = max(rows.stop - rows.start, columns.stop - columns.start)
    return box_of(hole, margin=int(_MARGIN * size) + _LEAST_MARGIN)


def _clusters(holes: list[Bools]) -> list[Bools]:
    """Join holes whose surroundings are mostly the same."""
    joined: list[Bools] = []
    for hole in holes:
        cluster = hole
        while near := [other for other in joined if _overlap(other, cluster)]:
            joined = [other for other in joined if not any(other is one for one in near)]
            cluster = np.logical_or.reduce([cluster, *near])
        joined.append(cluster)
    return joined


def _overlap(one: Bools, other: Bools) -> bool:
    a, b = _surroundings(one), _surroundings(other)
    common = [
        max(min(p.stop, q.stop) - max(p.start, q.start), 0) for p, q in zip(a, b, strict=True)
    ]
    smaller = min((p.stop - p.start) * (q.stop - q.start) for p, q in (a, b))
    return bool(common[0] * common[1] > _OVERLAP * smaller)


def _part(hole: Bools, members: Bools, model: Path | None) -> _Part:
    """Choose how much of the picture to look at: all of it when the surroundings are too poor."""
    everything = slice(0, hole.shape[0]), slice(0, hole.shape[1])
    for box in (_surroundings(members), everything):
        if model or can_complete(~hole[box]):
            way = "model" if model else "PatchMatch"
            return _Part(box, members[box], hole[box] & ~members[box], way)
    return _Part(everything, hole & members, hole & ~members, "smooth blend")
