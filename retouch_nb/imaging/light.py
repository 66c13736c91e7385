"""A photo's light, apart from its colours: read it, change it, and the colours stay as they were."""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.smooth import Plane, as_plane

Pixels: TypeAlias = NDArray[np.uint8]
"""Red, green and blue bytes, shape (height, width, 3)."""
Colours: TypeAlias = NDArray[np.float32]
"""The same, 0 to 255, between and beyond bytes too."""


def light_of(colours: Pixels | Colours, /) -> Plane:
    """Give the luma of a picture, 0 to 255 (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B).

    Examples
    --------
    >>> round(float(light_of(np.full((1, 1, 3), (0, 255, 0), np.uint8))[0, 0]), 1)
    149.7
    """
    return as_plane(cv2.cvtColor(as_plane(colours), cv2.COLOR_RGB2GRAY))


def lit(colours: Pixels | Colours, light: Plane, /) -> Colours:
    """Add the same light to red, green and blue: luma changes by it, Cr and Cb do not.

    Examples
    --------
    >>> lit(np.zeros((1, 1, 3), np.uint8), as_plane([[-2]]))[0, 0].tolist()
    [-2.0, -2.0, -2.0]
    """
    return as_plane(cv2.add(as_plane(colours), cv2.merge([light] * 3)))


def as_pixels(colours: Colours, /) -> Pixels:
    """Round and clip to bytes.

    Examples
    --------
    >>> as_pixels(as_plane([[[-3, 1.6, 300]]]))[0, 0].tolist()
    [0, 2, 255]
    """
    return np.asarray(cv2.addWeighted(colours, 1, colours, 0, 0, dtype=cv2.CV_8U), np.uint8)
