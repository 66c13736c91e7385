"""Photoshop's blend modes as formulas, as tables of 256 x 256 results, and by every spelling of their names."""

import re
from collections.abc import Callable
from enum import StrEnum
from functools import cached_property
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from retouch_nb.errors import UnknownNameError
from retouch_nb.photo import Pixels

Unit: TypeAlias = npt.NDArray[np.float64]
"""Levels from 0 to 1."""


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
