"""Small copies of results for a grid, encoded once for each size and made to fit a budget of bytes."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image

from retouch_nb.figure import webp

if TYPE_CHECKING:
    from retouch_nb.sweep.grid import Tile

SIDES: Final = (1280, 960, 720, 560, 420, 320, 240, 180, 128, 96, 64)
"""Longer sides of previews in pixels, that of a page first."""

KEPT: Final = 96_000_000
"""Bytes of encoded previews held in memory."""

_BYTES_A_PIXEL = 0.08  # of WebP at quality 80, for a first guess; what is written is measured
_BASE64 = 4 / 3


@dataclass(frozen=True)
class Preview:
    """A small copy.

    Attributes
    ----------
    data : bytes
        WebP.
    size : tuple of int
        Of the result itself, in pixels.
    """

    data: bytes
    size: tuple[int, int]


class Previews:
    """All small copies of one sweep, shared by its views; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[tuple[str, int], Preview] = {}
        self._bytes = 0

    def get(self, tile: "Tile", longest: int) -> Preview:
        """Give the copy of a tile that is done."""
        key = (tile.request.key, longest)
        with self._lock:
            found = self._made.get(key)
        return found or self._keep(key, _preview(tile, longest))

    def fitting(self, tiles: "Sequence[Tile]", most_bytes: int, *, largest: int) -> int:
        """Give the largest side at which the copies of some tiles, written into HTML, keep a budget.

        The smallest there is when none does: a grid of very many tiles is still a grid.
        """
        first = first_guess(len(tiles), most_bytes, largest=largest)
        for side in SIDES[SIDES.index(first) :]:
            total = sum(len(self.get(tile, side).data) for tile in tiles)
            if total * _BASE64 <= most_bytes:
                return side
        return SIDES[-1]

    def _keep(self, key: tuple[str, int], made: Preview) -> Preview:
        with self._lock:
            self._made[key] = made
            self._bytes += len(made.data)
            while self._bytes > KEPT and len(self._made) > 1:
                oldest = next(iter(self._made))
                self._bytes -= len(self._made.pop(oldest).data)
        return made


def first_guess(count: int, most_bytes: int, *, largest: int) -> int:
    """Guess the side at which `count` photos keep a budget, before any is made.

    Examples
    --------
    >>> first_guess(4, 1_400_000, largest=720), first_guess(100, 1_400_000, largest=720)
    (720, 320)
    """
    for side in SIDES:
        guess = max(1, count) * side * side * _BYTES_A_PIXEL * _BASE64
        if side <= largest and guess <= most_bytes:
            return side
    return SIDES[-1]


def _preview(tile: "Tile", longest: int) -> Preview:
    edit = tile.bare
    assert edit is not None
    opacities = tile.request.opacities
    if not opacities or edit.layers is None:
        return Preview(webp(edit.after.thumbnail(longest), edit.after.icc_profile), edit.after.size)
    small = edit.layers.preview(longest)
    for name, opacity in opacities.items():
        small = small.adjust(name, opacity=opacity)
    return Preview(
        webp(Image.fromarray(small.to_numpy()), edit.after.icc_profile), edit.layers.base.size
    )
