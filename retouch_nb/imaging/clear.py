"""Takes noise and softness out of a photo in one pass of a small net that is told how much there is.

Told, not guessing: with no noise to remove it keeps texture, with no softness it sharpens nothing.
"""

from functools import partial

import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels, as_pixels, light_of, lit
from retouch_nb.imaging.nets import find_rest, joined, split
from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.tiles import by_tiles


def clear(
    pixels: Pixels,
    /,
    *,
    noise: float,
    softness: float | Plane,
    progress: Progress = ignore_progress,
) -> Pixels:
    """Restore the light of a photo; colours are left as they are.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    noise : float
        Standard deviation of the noise in luma, 0 to 15, as `noise_level` reads it.
    softness : float, or ndarray of float32 of shape (height, width)
        Standard deviation of the blur, in pixels, 0 to 2, as `softness` reads it; a map where it
        is to be undone more or less.
    progress : callable
        Called with the fraction done after every tile of about 0.1 megapixels.

    Returns
    -------
    ndarray of uint8, same shape

    Examples
    --------
    >>> clear(np.full((40, 30, 3), 80, np.uint8), noise=2.0, softness=0.0).shape
    (40, 30, 3)
    """
    blur = as_plane(np.minimum(softness, 2))
    work = partial(_clear_tile, noise=min(noise, 15))
    return by_tiles(work, pixels, blur, rim=16, side=384, progress=progress)


def _clear_tile(tile: Pixels, softness: Plane, *, noise: float) -> Pixels:
    blur = softness[::2, ::2] / 2
    told = np.full_like(blur, noise * 10 / 255), blur
    planes = np.stack([*split(as_plane(light_of(tile) / 255 - 0.5)), *told])
    rest = joined(find_rest("clear", planes)) * 255
    return as_pixels(lit(tile, rest))
