"""Enlarges 2x and 4x: bicubic, plus the light a net finds missing, made to agree with the photo.

Agreement is back-projection (Irani and Peleg 1991): averaged down again, the result is the photo.
"""

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels, as_pixels, light_of, lit
from retouch_nb.imaging.nets import find_rest, joined
from retouch_nb.imaging.sharpen import crispness
from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.tiles import by_tiles

_AGREE = np.array([0.018, -0.078, 1.12, -0.078, 0.018], np.float32)
"""One back-projection at the photo's own size: twice the photo, less it enlarged and averaged."""


def enlarge(
    pixels: Pixels,
    factor: int,
    /,
    *,
    touch: float | Plane = 0.0,
    progress: Progress = ignore_progress,
) -> Pixels:
    """Enlarge a picture, edges clean and texture as sharp as the pixels prove.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    factor : {2, 4}
        How many times longer every edge becomes; 4 is 2 twice.
    touch : float, or ndarray of float32 of shape (height, width)
        How much the result is sharpened, as by `sharpen`.
    progress : callable
        Called with the fraction done after every tile of about 0.2 megapixels of the result.

    Returns
    -------
    ndarray of uint8, shape (factor * height, factor * width, 3)

    Raises
    ------
    ValueError
        For any other factor.

    Examples
    --------
    >>> enlarge(np.full((20, 30, 3), 90, np.uint8), 2).shape
    (40, 60, 3)
    """
    if factor not in (2, 4):
        raise ValueError(f"a picture can be enlarged 2 or 4 times, not {factor}")
    touches = as_plane(touch)
    if factor == 2:
        return by_tiles(_doubled, pixels, touches, rim=10, side=248, factor=2, progress=progress)
    pixels = enlarge(pixels, 2, progress=lambda fraction: progress(fraction / 5))
    touches = _cubic(touches) if touches.ndim else touches
    return enlarge(pixels, 2, touch=touches, progress=lambda f: progress(0.2 + 0.8 * f))


def _doubled(tile: Pixels, touch: Plane) -> Pixels:
    light = light_of(tile)
    rest = joined(find_rest("enlarge", as_plane(light / 255 - 0.5)[None])) * 255
    large = _agreeing(light, as_plane(cv2.add(_cubic(light), rest)))
    if touch.any():
        large = as_plane(cv2.add(large, crispness(large, _cubic(touch), radius=1.0)))
    colours = _cubic(as_plane(cv2.sepFilter2D(as_plane(tile), -1, _AGREE, _AGREE)))
    return as_pixels(lit(colours, large - light_of(colours)))


def _agreeing(light: Plane, large: Plane) -> Plane:
    missed = light - as_plane(cv2.resize(large, light.shape[::-1], interpolation=cv2.INTER_AREA))
    return as_plane(cv2.add(large, _cubic(missed)))


def _cubic(plane: Plane) -> Plane:
    return as_plane(cv2.resize(plane, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC))
