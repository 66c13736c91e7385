"""Fills narrow holes with the smoothest surface that continues their rim: scratches, dust, thin wires.

The sum of squared Laplacians around the hole is made least by conjugate gradients, on the pixels
concerned only, so that a scratch across a large photo costs no more than its own pixels.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.pullpush import smooth_fill

ROUNDS = 400
_EXACT = 1e-3  # of a tone: far below what rounding to bytes can show


def interpolate(
    pixels: Pixels, hole: NDArray[np.bool_], /, *, progress: Progress = ignore_progress
) -> Pixels:
    """Fill holes by the biharmonic equation.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    hole : ndarray of bool, shape (height, width)
        Meant for holes up to a dozen pixels across; larger ones come out right and dull.
        At least one pixel must be known.
    progress : callable

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        Outside the hole as it was.

    Examples
    --------
    >>> slope = np.repeat((np.arange(12, dtype=np.uint8) * 9)[None, :, None], 9, 0).repeat(3, 2)
    >>> hole = np.zeros((9, 12), bool)
    >>> hole[3:7, 4:9] = True
    >>> bool((interpolate(slope, hole) == slope).all())
    True
    """
    around = np.flatnonzero(_diamond(hole, 2))
    inside = hole.ravel()[around]
    rows = _diamond(hole, 1).ravel()[around]
    beside = _neighbours(around, hole.shape)

    def bent(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(values[beside].sum(axis=0) - 4 * values)

    def pull(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return bent(bent(values) * rows[:, None]) * inside[:, None]

    surface = smooth_fill(pixels, hole).reshape(-1, 3)[around].astype(np.float64)
    rest = -pull(surface)
    direction, square = rest, (rest * rest).sum(axis=0)
    for count in range(ROUNDS):
        progress(count / ROUNDS)
        if square.max() <= _EXACT**2 * np.count_nonzero(inside):
            break
        pulled = pull(direction)
        length = square / np.maximum((direction * pulled).sum(axis=0), 1e-12)
        surface = surface + length * direction
        rest = rest - length * pulled
        new = (rest * rest).sum(axis=0)
        direction = rest + new / np.maximum(square, 1e-12) * direction
        square = new
    out = pixels.copy()
    out[hole] = np.rint(surface[inside]).clip(0, 255).astype(np.uint8)
    return out


def _diamond(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return cv2.dilate(mask.astype(np.uint8), cross, iterations=reach) > 0


def _neighbours(places: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Give where in the list the four neighbours stand; the pixel itself for those not in it."""
    index = np.full((shape[0] + 2, shape[1] + 2), -1, np.int32)
    y, x = np.divmod(places, shape[1])
    index[y + 1, x + 1] = np.arange(len(places))
    found = np.stack(
        [index[y + 1 + dy, x + 1 + dx] for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))]
    )
    return np.where(found < 0, np.arange(len(places)), found)
