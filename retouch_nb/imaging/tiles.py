"""Works through a picture piece by piece, so that memory stays bounded and a watcher hears often.

Every piece is cut with a rim of its surroundings and only its inside is kept, so no seam can show.
"""

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.smooth import Plane


def by_tiles(
    work: Callable[..., Pixels],
    pixels: Pixels,
    *maps: Plane,
    rim: int,
    side: int,
    factor: int = 1,
    progress: Progress = ignore_progress,
) -> Pixels:
    """Apply a function to every tile of a picture and put the results together.

    Parameters
    ----------
    work : callable
        Takes a tile of the picture and the same tile of every map, gives the worked tile,
        `factor` times as large. It must not look further than the rim.
    pixels : ndarray of uint8, shape (height, width, 3)
    *maps : ndarray of float32, shape (height, width) or ()
        Further values of every pixel, or one for all of them.
    rim : int
        Width of what is cut around a tile, in pixels, even. Beyond the border the picture is
        mirrored.
    side : int
        Longest edge of a tile with its rim, in pixels, even. All tiles of a picture have one
        shape and begin at even places.
    factor : int
        How many times larger the result is.
    progress : callable
        Called after every tile.

    Returns
    -------
    ndarray of uint8, shape (factor * height, factor * width, 3)

    Examples
    --------
    >>> grey = np.full((9, 7, 3), 100, np.uint8)
    >>> int(by_tiles(lambda tile: tile + 1, grey, rim=2, side=8).min())
    101
    """
    height, width = pixels.shape[:2]
    rows, columns = _even_share(height, side - 2 * rim), _even_share(width, side - 2 * rim)
    layers: tuple[NDArray[Any], ...] = (pixels, *maps)
    frame = (rim, rim + -height % rows, rim, rim + -width % columns)
    framed = [_framed(layer, (height, width), frame) for layer in layers]
    result = np.empty((height * factor, width * factor, 3), np.uint8)
    starts = [(top, left) for top in range(0, height, rows) for left in range(0, width, columns)]
    inside = (
        slice(rim * factor, (rim + rows) * factor),
        slice(rim * factor, (rim + columns) * factor),
    )
    for done, (top, left) in enumerate(starts, 1):
        cut = slice(top, top + rows + 2 * rim), slice(left, left + columns + 2 * rim)
        worked = work(*(layer[cut] for layer in framed))[inside]
        place = result[top * factor :, left * factor :][: rows * factor, : columns * factor]
        place[:] = worked[: place.shape[0], : place.shape[1]]
        progress(done / len(starts))
    return result


def _even_share(length: int, longest: int) -> int:
    """Divide a length into equal even parts, none longer than allowed."""
    part = math.ceil(length / math.ceil(length / longest))
    return part + part % 2


def _framed(
    layer: NDArray[Any], size: tuple[int, int], frame: tuple[int, int, int, int]
) -> NDArray[Any]:
    """Mirror a layer beyond its borders; what is the same everywhere needs no memory for it."""
    above, below, left, right = frame
    if not layer.ndim:
        return np.broadcast_to(layer, (size[0] + above + below, size[1] + left + right))
    return np.asarray(cv2.copyMakeBorder(layer, *frame, cv2.BORDER_REFLECT), layer.dtype)
