"""Makes pictures small enough to be looked at as a whole."""

import cv2
import numpy as np

from retouch_nb.imaging.light import Pixels


def reduction(shape: tuple[int, ...], longest: float, /) -> float:
    """Tell the factor that brings the longer edge down to so many pixels; 1 where it is shorter.

    Examples
    --------
    >>> reduction((50, 200, 3), 100), reduction((50, 80), 100)
    (0.5, 1.0)
    """
    return min(1.0, longest / max(shape[:2]))


def reduced(pixels: Pixels, longest: float, /) -> Pixels:
    """Average a picture down until its longer edge has at most so many pixels.

    Examples
    --------
    >>> reduced(np.zeros((50, 200, 3), np.uint8), 100).shape
    (25, 100, 3)
    """
    factor = reduction(pixels.shape, longest)
    size = [max(1, round(edge * factor)) for edge in pixels.shape[1::-1]]
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
