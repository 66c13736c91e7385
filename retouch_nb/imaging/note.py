"""Telling what is done while it is done, for those who want to learn: a title, words, and perhaps a picture.

A pipeline takes an optional note and calls it where something is worth seeing; without one it costs nothing.
"""

from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]

SCOPE: Final = "retouch_nb.note"
"""Where a note travels in an ASGI scope, from a client to an engine in the same process."""


class Note(Protocol):
    """Takes one step of an explanation."""

    def __call__(self, title: str, words: str, picture: Any = None, /) -> None:
        """Take it; the picture is an array of bytes, truths or of numbers from 0 to 1, copied at once."""


def marked(pixels: Pixels, where: NDArray[np.bool_], /) -> Pixels:
    """Paint an area red, half transparent.

    Examples
    --------
    >>> marked(np.zeros((1, 2, 3), np.uint8), np.array([[False, True]])).tolist()
    [[[0, 0, 0], [128, 20, 20]]]
    """
    shown = pixels.copy()
    shown[where] = shown[where] // 2 + np.array([128, 20, 20], np.uint8)
    return shown


def without(pixels: Pixels, where: NDArray[np.bool_], /) -> Pixels:
    """Cut an area out: black, and transparent in effect to the eye."""
    return np.where(where[..., None], np.uint8(0), pixels)


def detail(pixels: Pixels, /, *, side: int = 220, at: tuple[float, float] = (0.5, 0.5)) -> Pixels:
    """Cut a piece out pixel for pixel, around a place given as shares of height and width."""
    tops = [
        max(0, min(round(share * edge) - side // 2, edge - side))
        for share, edge in zip(at, pixels.shape, strict=False)
    ]
    return pixels[tops[0] : tops[0] + side, tops[1] : tops[1] + side]


def magnified(before: Pixels, after: Pixels, /, *, times: int = 8) -> Pixels:
    """Show a change, enlarged, around mid-grey."""
    change = (after.astype(np.int16) - before) * times
    return np.asarray(np.clip(128 + change, 0, 255), np.uint8)
