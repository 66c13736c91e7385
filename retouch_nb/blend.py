"""How a layer changes what lies below it: Photoshop's blend modes, and a tiled compositor.

The idea: in 8 bits a blend mode *is* a table of 256 x 256 results. Looking them up makes every
mode equally fast, the picture the same to the last bit however it is tiled or computed, and a
stack one that may be flattened at any height.
"""

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from functools import cache, cached_property, partial
from typing import NamedTuple, Protocol, Self, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from retouch_nb.errors import ParameterError, PictureError, UnknownNameError
from retouch_nb.photo import Pixels

Levels: TypeAlias = npt.NDArray[np.uint16]
Unit: TypeAlias = npt.NDArray[np.float64]

TILE_PIXELS = 48_000
"""Pixels blended at a time, so that a tile's working arrays (1 MB) stay in a core's own cache."""

THREADS = min(8, os.cpu_count() or 1)

LARGE_JOB = 50_000_000
"""Layer pixels from which numba, if installed, is worth loading."""


class Lay(Protocol):
    """The compiled loop: blend pixels (h, w, 4) onto (h, w, 3) in place."""

    def __call__(
        self, below: Pixels, layer: Pixels, table: Pixels, plain: bool, opacity: int, /
    ) -> None: ...


class BlendMode(StrEnum):
    """How a layer's colour meets the colour below it; the names are Photoshop's.

    ``BlendMode(text)`` takes any spelling: case, spaces, hyphens, underscores do not matter.

    Three soft lights are in circulation. They agree where the layer is darker than half grey;
    where it is lighter, a layer made for one comes out up to 33/255 different under another.

    - ``SOFT_LIGHT`` is the square-root form, which Pegtop's collection of blend modes and most
      texts since give as Photoshop's: ``2bs + b² (1 - 2s)``, and ``√b (2s - 1) + 2b (1 - s)``
      where the layer is above half grey.
    - ``SOFT_LIGHT_W3C`` is that of PDF and of the W3C's Compositing and Blending. It replaces
      ``√b`` by ``((16b - 12) b + 4) b`` where b is below a quarter, so it differs in shadows only.
      Those who measured Photoshop itself (psd-tools, pull request 784) found this one there.
    - ``SOFT_LIGHT_PEGTOP`` is Pegtop's own, ``2bs + b² (1 - 2s)`` throughout.

    Examples
    --------
    >>> BlendMode("soft-light"), BlendMode("linearLight")
    (<BlendMode.SOFT_LIGHT: 'Soft Light'>, <BlendMode.LINEAR_LIGHT: 'Linear Light'>)
    >>> int(BlendMode.LINEAR_LIGHT.table[100, 150])  # 100 + 2 * 150 - 255
    145
    """

    NORMAL = "Normal"
    DARKEN = "Darken"
    MULTIPLY = "Multiply"
    COLOR_BURN = "Color Burn"
    LINEAR_BURN = "Linear Burn"
    LIGHTEN = "Lighten"
    SCREEN = "Screen"
    COLOR_DODGE = "Color Dodge"
    LINEAR_DODGE = "Linear Dodge (Add)"
    OVERLAY = "Overlay"
    SOFT_LIGHT = "Soft Light"
    SOFT_LIGHT_W3C = "Soft Light (W3C)"
    SOFT_LIGHT_PEGTOP = "Soft Light (Pegtop)"
    HARD_LIGHT = "Hard Light"
    VIVID_LIGHT = "Vivid Light"
    LINEAR_LIGHT = "Linear Light"
    PIN_LIGHT = "Pin Light"
    HARD_MIX = "Hard Mix"
    DIFFERENCE = "Difference"
    EXCLUSION = "Exclusion"
    SUBTRACT = "Subtract"
    DIVIDE = "Divide"

    @classmethod
    def _missing_(cls, value: object) -> Self:
        wanted = letters(str(value))
        for mode in cls:
            if wanted in {letters(mode.name), letters(mode.value)}:
                return mode
        raise UnknownNameError.among(str(value), [mode.value for mode in cls], what="blend mode")

    @property
    def camel(self) -> str:
        """The spelling used in the file names of layered results, e.g. ``softLight``."""
        first, *rest = self.name.split("_")
        return first.lower() + "".join(word.capitalize() for word in rest)

    @cached_property
    def table(self) -> Pixels:
        """Result for every pair of levels, ``uint8`` (256, 256): below first, layer second."""
        below, layer = np.meshgrid(np.arange(256) / 255, np.arange(256) / 255, indexing="ij")
        table = np.floor(np.clip(_FORMULAS[self](below, layer), 0, 1) * 255 + 0.5).astype(np.uint8)
        table.setflags(write=False)
        return table


def letters(text: str) -> str:
    """Reduce a name to its letters and digits, so that all its spellings are equal.

    Examples
    --------
    >>> letters("soft-light") == letters("Soft Light")
    True
    """
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _screen(b: Unit, s: Unit) -> Unit:
    return b + s - b * s


def _hard_light(b: Unit, s: Unit) -> Unit:
    return np.where(s <= 0.5, 2 * b * s, _screen(b, 2 * s - 1))


def _color_dodge(b: Unit, s: Unit) -> Unit:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b == 0, 0, np.where(s >= 1, 1, b / (1 - s)))


def _color_burn(b: Unit, s: Unit) -> Unit:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(b == 1, 1, np.where(s <= 0, 0, 1 - (1 - b) / s))


def _vivid_light(b: Unit, s: Unit) -> Unit:
    """Burn or dodge; black and white layers win over whatever is below, unlike in those two."""
    mixed = np.where(s <= 0.5, np.clip(_color_burn(b, 2 * s), 0, 1), _color_dodge(b, 2 * s - 1))
    return np.where(s == 0, 0, np.where(s == 1, 1, mixed))


def _hard_mix(b: Unit, s: Unit) -> Unit:
    total = np.rint((b + s) * 255)
    return np.where((total > 255) | ((total == 255) & (b > 0.5)), 1.0, 0.0)


def _soft_light(b: Unit, s: Unit) -> Unit:
    return b + (2 * s - 1) * np.where(s <= 0.5, b - b * b, np.sqrt(b) - b)


def _soft_light_w3c(b: Unit, s: Unit) -> Unit:
    lifted = np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b))
    return b + (2 * s - 1) * np.where(s <= 0.5, b - b * b, lifted - b)


def _divide(b: Unit, s: Unit) -> Unit:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(s == 0, np.where(b == 0, 0, 1), b / s)


# b is the level below, s the layer's, both 0 to 1; results are clipped to that range. From the
# W3C's Compositing and Blending Level 1 (section 9.1) where it has the mode, else from
# Photoshop's descriptions; Vivid Light and Hard Mix at their edges as measured in Photoshop
# (psd-tools, pull request 784).
_FORMULAS: dict[BlendMode, Callable[[Unit, Unit], Unit]] = {
    BlendMode.NORMAL: lambda b, s: s,
    BlendMode.DARKEN: np.minimum,
    BlendMode.MULTIPLY: lambda b, s: b * s,
    BlendMode.COLOR_BURN: _color_burn,
    BlendMode.LINEAR_BURN: lambda b, s: b + s - 1,
    BlendMode.LIGHTEN: np.maximum,
    BlendMode.SCREEN: _screen,
    BlendMode.COLOR_DODGE: _color_dodge,
    BlendMode.LINEAR_DODGE: lambda b, s: b + s,
    BlendMode.OVERLAY: lambda b, s: _hard_light(s, b),
    BlendMode.SOFT_LIGHT: _soft_light,
    BlendMode.SOFT_LIGHT_W3C: _soft_light_w3c,
    BlendMode.SOFT_LIGHT_PEGTOP: lambda b, s: 2 * b * s + b * b * (1 - 2 * s),
    BlendMode.HARD_LIGHT: _hard_light,
    BlendMode.VIVID_LIGHT: _vivid_light,
    BlendMode.LINEAR_LIGHT: lambda b, s: b + 2 * s - 1,
    BlendMode.PIN_LIGHT: lambda b, s: np.maximum(np.minimum(b, 2 * s), 2 * s - 1),
    BlendMode.HARD_MIX: _hard_mix,
    BlendMode.DIFFERENCE: lambda b, s: np.abs(b - s),
    BlendMode.EXCLUSION: lambda b, s: b + s - 2 * b * s,
    BlendMode.SUBTRACT: lambda b, s: b - s,
    BlendMode.DIVIDE: _divide,
}


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


def soft_light_inverse(base: npt.NDArray[np.number], wanted: npt.NDArray[np.number]) -> Pixels:
    """Find the layer that turns one picture into another under `BlendMode.SOFT_LIGHT`.

    The formula solved for the layer: ``s = 1/2 + (wanted - b) / 2f`` with ``f = b - b²`` to
    darken and ``f = √b - b`` to lighten; half grey where nothing can change (black and white),
    and clipped where soft light does not reach as far as wanted.

    Parameters
    ----------
    base, wanted : ndarray
        Same shape, levels 0 to 255, ``uint8`` or float. Made of blurred pictures, the layer
        changes light and colour and leaves fine texture to the photo.

    Returns
    -------
    ndarray of uint8
        Levels of the layer. For ``uint8`` pictures it gives exactly `wanted` wherever that can be
        reached.

    Examples
    --------
    >>> layer = soft_light_inverse(np.uint8([60, 60, 60]), np.uint8([60, 75, 52]))
    >>> BlendMode.SOFT_LIGHT.table[60, layer].tolist()
    [60, 75, 52]
    """
    b = np.asarray(base, np.float32) / np.float32(255)
    change = np.asarray(wanted, np.float32) / np.float32(255) - b
    reach = np.where(change < 0, b - b * b, np.sqrt(b) - b)
    share = np.divide(change, reach, out=np.zeros_like(change), where=reach > 0)
    return np.floor(np.clip(share * 127.5 + 127.5, 0, 255) + 0.5).astype(np.uint8)


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

        return cast(Lay, njit(nogil=True, cache=True)(_lay_pixel_by_pixel))
    except (ImportError, RuntimeError):  # RuntimeError: nowhere to keep what was compiled
        return None


def _lay_pixel_by_pixel(
    below: Pixels, layer: Pixels, table: Pixels, plain: bool, opacity: int
) -> None:
    """Do for numba what `_lay_part` does for numpy, without its working arrays.

    `plain` says that the table is that of Normal, which need not be looked up.
    """
    u32 = np.uint32
    height, width = below.shape[:2]
    for y in range(height):
        for x in range(width):
            alpha = u32(layer[y, x, 3]) * u32(opacity) + u32(128)
            alpha = (alpha + (alpha >> u32(8))) >> u32(8)
            if not alpha:
                continue
            for channel in range(3):
                under, colour = u32(below[y, x, channel]), u32(layer[y, x, channel])
                if not plain:
                    colour = u32(table[under, colour])
                mixed = colour * alpha + under * (u32(255) - alpha) + u32(128)
                below[y, x, channel] = (mixed + (mixed >> u32(8))) >> u32(8)


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
                table, plain = part.mode.table, part.mode is BlendMode.NORMAL
                lay(tile[part.where], part.pixels, table, plain, part.opacity)


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
