"""Lays layers on a picture, tile by tile, to the same last bit however it is tiled or computed."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from retouch_nb.blend.modes import BlendMode
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.photo import Pixels

Levels: TypeAlias = npt.NDArray[np.uint16]

TILE_PIXELS = 48_000
"""Pixels blended at a time, so that a tile's working arrays (1 MB) stay in a core's own cache."""

THREADS = min(8, os.cpu_count() or 1)

LARGE_JOB = 50_000_000
"""Layer pixels from which numba, if installed, is worth loading."""

RUN = 2048
"""Pixels the compiled loop takes at a time: what it prepares for them stays in a core's first cache."""


class Lay(Protocol):
    """The compiled loop: blend flat RGBA onto flat RGB in place, by a flat table."""

    def __call__(
        self, below: Pixels, layer: Pixels, table: Pixels, plain: bool, opacity: int, /
    ) -> None: ...


class Sheet(NamedTuple):
    """One decoded layer, ready to be laid on a picture; a plain tuple of the same four will do.

    Attributes
    ----------
    pixels : ndarray of uint8, (height, width, 4)
        RGB with straight (not premultiplied) alpha.
    mode : BlendMode
        How its colour meets what is below.
    opacity : float
        0 to 1; applied after the blend, and rounded to whole 255ths as in a PSD file.
    offset : tuple of int
        Left and top of the layer on the picture; parts outside are cut off.
    """

    pixels: Pixels
    mode: BlendMode = BlendMode.NORMAL
    opacity: float = 1.0
    offset: tuple[int, int] = (0, 0)


def composite(
    base: Pixels, sheets: Sequence[Sheet | tuple[Pixels, BlendMode, float, tuple[int, int]]]
) -> Pixels:
    """Lay layers on a picture, the first one lowest.

    For every layer and channel, with levels ``b`` below, ``s`` in the layer and ``a`` its alpha::

        A   = round(a * round(255 * opacity) / 255)
        out = round((b * (255 - A) + mode.table[b, s] * A) / 255)

    and ``out`` is what the next layer finds below it. Each step is exact and rounds half up, so
    laying ten layers at once gives the same picture as laying five and then the other five.

    Parameters
    ----------
    base : ndarray of uint8, (height, width, 3)
        RGB; not changed.
    sheets : sequence of Sheet
        The layers from the lowest to the highest.

    Returns
    -------
    ndarray of uint8, (height, width, 3)

    Raises
    ------
    PictureError
        An array is not of the type or shape above.
    ParameterError
        An opacity is outside 0 to 1.

    Examples
    --------
    >>> grey = np.full((1, 2, 3), 100, np.uint8)
    >>> white = np.full((1, 1, 4), 255, np.uint8)
    >>> sheet = Sheet(white, BlendMode.SCREEN, opacity=0.5, offset=(1, 0))
    >>> composite(grey, [sheet])[0, :, 0].tolist()
    [100, 178]
    """
    canvas = np.array(base)
    lay_onto(canvas, [Sheet(*sheet) for sheet in sheets])
    return canvas


def lay_onto(canvas: Pixels, sheets: Sequence[Sheet], *, work: int | None = None) -> None:
    """Do what `composite` does in place, for pictures too large to hold twice.

    Parameters
    ----------
    canvas : ndarray of uint8, (height, width, 3)
        Changed in place; the rows may belong to a larger picture.
    sheets : sequence of Sheet
        The layers from the lowest to the highest.
    work : int, optional
        Layer pixels of the whole job, when this is one strip of it; large jobs use numba if it is
        installed.
    """
    _check_canvas(canvas)
    visible = [sheet for sheet in sheets if _fits_type(sheet.pixels) and _of_255(sheet.opacity)]
    if not visible or not canvas.size:
        return
    pixels = sum(sheet.pixels.size // 4 for sheet in visible) if work is None else work
    lay = _compiled() if pixels >= LARGE_JOB else None
    rows = max(1, TILE_PIXELS // canvas.shape[1])
    band = rows * max(1, math.ceil(canvas.shape[0] / rows / THREADS / 4))
    with ThreadPoolExecutor(THREADS) as pool:
        lay_band = partial(_lay_band, canvas, visible, rows, lay)
        for _ in pool.map(lay_band, _spans(canvas.shape[0], band)):  # raises what a thread raised
            pass


def _check_canvas(canvas: Pixels) -> None:
    if canvas.dtype != np.uint8 or canvas.ndim != 3 or canvas.shape[2] != 3:
        raise PictureError(
            f"The picture below the layers is {canvas.dtype} {canvas.shape}.",
            advice="Pass uint8 of shape (height, width, 3).",
        )


def _fits_type(pixels: Pixels) -> bool:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 4:
        raise PictureError(
            f"A layer is {pixels.dtype} {pixels.shape}.",
            advice="Pass uint8 of shape (height, width, 4): RGB and straight alpha.",
        )
    return True


def _of_255(opacity: float) -> int:
    if not 0 <= opacity <= 1:
        raise ParameterError(f"Opacity {opacity} is outside 0 to 1.")
    return round(opacity * 255)


def _spans(length: int, step: int) -> Iterator[slice]:
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


@cache
def _compiled() -> Lay | None:
    """Compile the loop if numba is there; that takes half a second, so only large jobs ask."""
    try:
        from numba import njit

        return cast(Lay, njit(nogil=True, cache=True)(_lay_run_by_run))
    except (ImportError, RuntimeError):  # RuntimeError: nowhere to keep what was compiled
        return None


def _lay_run_by_run(below: Pixels, layer: Pixels, table: Pixels, plain: bool, opacity: int) -> None:
    """Do for numba what `_lay_part` does for numpy: alpha and colour of a run, then its mixing.

    Flat arrays and a mixing loop that only steps forward let the compiler mix many levels at once.
    `plain` says that the table is that of Normal, which need not be looked up.
    """
    i32 = np.int32
    alpha, colour = np.empty(3 * RUN, np.uint8), np.empty(3 * RUN, np.uint8)
    pixels = below.size // 3
    for start in range(0, pixels, RUN):
        count = min(RUN, pixels - start)
        under, ink = below[3 * start : 3 * (start + count)], layer[4 * start : 4 * (start + count)]
        most = i32(0)
        for x in range(count):
            level = i32(ink[4 * x + 3]) * i32(opacity) + i32(128)
            level = i32(level + (level >> 8)) >> 8
            most = max(most, level)
            for channel in range(3):
                alpha[3 * x + channel] = level
                colour[3 * x + channel] = ink[4 * x + channel]
        if not most:
            continue
        if not plain:
            for at in range(3 * count):
                colour[at] = table[(np.intp(under[at]) << 8) | np.intp(colour[at])]
        for at in range(3 * count):
            level = i32(alpha[at])
            mixed = i32(colour[at]) * level + i32(under[at]) * i32(255 - level) + i32(128)
            under[at] = i32(mixed + (mixed >> 8)) >> 8


def _lay_band(
    canvas: Pixels, sheets: Sequence[Sheet], rows: int, lay: Lay | None, band: slice
) -> None:
    """Blend a run of tiles, one after the other."""
    strip = canvas[band]
    scratch = None if lay else _Scratch(rows * canvas.shape[1])
    for span in _spans(len(strip), rows):
        tile = strip[span]
        parts = [_overlap(sheet, band.start + span.start, tile.shape) for sheet in sheets]
        if scratch:
            _lay_tile(tile, parts, scratch)
        elif lay:
            for part in parts:
                _lay_flat(tile[part.where], part, lay)


class _Part(NamedTuple):
    """What of a layer lies on one tile: pixels, their rows and columns there, opacity in 255ths."""

    pixels: Pixels
    where: tuple[slice, slice]
    mode: BlendMode
    opacity: int


def _overlap(sheet: Sheet, tile_top: int, tile: tuple[int, ...]) -> _Part:
    left, top = sheet.offset[0], sheet.offset[1] - tile_top
    row, column = max(0, top), max(0, left)
    below, right = max(0, tile[0] - top), max(0, tile[1] - left)
    pixels = sheet.pixels[row - top : below, column - left : right]
    height, width = pixels.shape[:2]
    where = slice(row, row + height), slice(column, column + width)
    return _Part(pixels, where, sheet.mode, _of_255(sheet.opacity))


def _lay_flat(below: Pixels, part: _Part, lay: Lay) -> None:
    """Blend with the compiled loop; what is as wide as the picture lies flat already, the rest is copied."""
    flat = np.ascontiguousarray(below)
    layer = np.ascontiguousarray(part.pixels)
    table, plain = part.mode.table, part.mode is BlendMode.NORMAL
    lay(flat.reshape(-1), layer.reshape(-1), table.reshape(-1), plain, part.opacity)
    if flat is not below:
        np.copyto(below, flat)


class _Scratch:
    """Working memory of one thread: fresh arrays at every step would cost page faults."""

    def __init__(self, pixels: int) -> None:
        self._below = np.empty(pixels * 3, np.uint16)
        self._layer = np.empty(pixels * 3, np.uint16)
        self._index = np.empty(pixels * 3, np.uint16)
        self._colour = np.empty(pixels * 3, np.uint8)
        self._alpha = np.empty(pixels, np.uint16)

    def below(self, height: int, width: int) -> Levels:
        return self._below[: 3 * height * width].reshape(3, height, width)

    def alpha(self, height: int, width: int) -> Levels:
        return self._alpha[: height * width].reshape(height, width)

    def layer(self, height: int, width: int) -> tuple[Levels, Levels, Pixels]:
        shape, count = (3, height, width), 3 * height * width
        layer, index = self._layer[:count].reshape(shape), self._index[:count].reshape(shape)
        return layer, index, self._colour[:count].reshape(shape)


def _lay_tile(tile: Pixels, parts: Sequence[_Part], scratch: _Scratch) -> None:
    """Blend with numpy: channels as planes, so that every step runs along whole rows."""
    planes = scratch.below(*tile.shape[:2])
    np.copyto(planes, tile.transpose(2, 0, 1))
    for part in parts:
        alpha = scratch.alpha(*part.pixels.shape[:2])
        np.copyto(alpha, part.pixels[..., 3])
        inked = np.flatnonzero(alpha.any(axis=0))
        if inked.size:
            columns = slice(int(inked[0]), int(inked[-1]) + 1)
            below = planes[:, *part.where][..., columns]
            _lay_part(below, part, columns, alpha[:, columns], scratch)
    np.copyto(tile, planes.transpose(1, 2, 0), casting="unsafe")


def _lay_part(below: Levels, part: _Part, columns: slice, alpha: Levels, scratch: _Scratch) -> None:
    layer, index, colour = scratch.layer(*alpha.shape)
    np.copyto(layer, part.pixels[:, columns, :3].transpose(2, 0, 1))
    if part.mode is not BlendMode.NORMAL:
        np.left_shift(below, 8, out=index)
        np.bitwise_or(index, layer, out=index)
        np.take(part.mode.table.reshape(-1), index, mode="clip", out=colour)
        np.copyto(layer, colour)
    if part.opacity != 255:
        np.multiply(alpha, np.uint16(part.opacity), out=alpha)
        _divide_by_255(alpha, index[0])
    _mix(below, layer, alpha, index)


def _mix(below: Levels, colour: Levels, alpha: Levels, spare: Levels) -> None:
    """Move `below` towards `colour` by alpha / 255; no step exceeds 65 407, uint16 holds all."""
    np.multiply(colour, alpha, out=colour)
    np.subtract(255, alpha, out=alpha)
    np.multiply(below, alpha, out=below)
    np.add(below, colour, out=below)
    _divide_by_255(below, spare)


def _divide_by_255(values: Levels, spare: Levels) -> None:
    """Divide in place, rounding to the nearest: exact up to 255 * 255 (a trick of J. Blinn's)."""
    np.add(values, 128, out=values)
    np.right_shift(values, 8, out=spare)
    np.add(values, spare, out=values)
    np.right_shift(values, 8, out=values)
