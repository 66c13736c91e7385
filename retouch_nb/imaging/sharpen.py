"""Tells how soft a photo is, and sharpens within bounds: no halo, no grain out of flat areas."""

from functools import partial

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels, as_pixels, light_of, lit
from retouch_nb.imaging.noise import fine_noise, half
from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.tiles import by_tiles

_SURE = 0.35
"""Share of the finest detail that must not be noise, for softness to be read from it."""

# Blur in pixels by how much finer detail a photo has than its half-size copy, and that copy than
# the quarter-size one: the median of 19 photos blurred on purpose. Scenes look alike at every
# size (a ratio near 0.7 to 1); only a lens, a shake or an enlargement takes the finest size away.
_BY_FINEST = (
    (0.26, 2.0),
    (0.29, 1.6),
    (0.32, 1.3),
    (0.35, 1.0),
    (0.40, 0.8),
    (0.50, 0.5),
    (0.58, 0.0),
)
_BY_NEXT = (
    (0.31, 3.0),
    (0.36, 2.0),
    (0.41, 1.6),
    (0.46, 1.3),
    (0.53, 1.0),
    (0.58, 0.8),
    (0.7, 0.0),
)


def softness(plane: Plane, /) -> float:
    """Estimate how far the finest detail of a photo is blurred.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
        Luma, 0 to 255.

    Returns
    -------
    float
        Standard deviation of the blur in pixels, 0 (sharp to the pixel) to 3; 0 too where noise
        hides it or an edge is below 64 pixels.

    Examples
    --------
    >>> tiles = np.random.default_rng(0).integers(0, 255, (32, 32)).repeat(9, 0).repeat(9, 1)
    >>> softness(as_plane(tiles))
    0.0
    >>> round(softness(as_plane(cv2.GaussianBlur(as_plane(tiles), (0, 0), 1.5))), 1)
    1.5
    """
    if min(plane.shape) < 64:
        return 0.0
    sizes = plane, half(plane), half(half(plane))
    (finest, sure), (next_, next_sure), (coarse, _) = map(_detail, sizes)
    by_next = _read(_BY_NEXT, next_ / coarse) if next_sure > _SURE else 0.0
    if sure < _SURE:
        return by_next
    by_finest = _read(_BY_FINEST, finest / next_)
    return by_finest if by_finest < 1 else float(np.clip(by_next, 1, by_finest))


def _detail(plane: Plane) -> tuple[float, float]:
    """Give the strength of the finest detail without its noise, and the share that is not noise."""
    energy = float(np.mean(np.square(cv2.Laplacian(plane, -1))))
    noise = 20 * (fine_noise(plane) ** 2 + 1 / 12)  # 20: sum of squares of the kernel
    real = max(energy - noise, 0.02 * energy, 1e-6)
    return float(np.sqrt(real)), real / max(energy, 1e-6)


def _read(curve: tuple[tuple[float, float], ...], ratio: float) -> float:
    ratios, blurs = zip(*curve, strict=True)
    return float(np.interp(ratio, ratios, blurs))


def sharpen(
    pixels: Pixels,
    amount: float | Plane,
    /,
    *,
    radius: float = 1.0,
    progress: Progress = ignore_progress,
) -> Pixels:
    """Sharpen the light of a picture; every pixel stays within the range of its neighbours.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    amount : float, or ndarray of float32 of shape (height, width)
        How many times the fine detail is added once more; 0 changes nothing.
    radius : float
        Standard deviation, in pixels, of what counts as fine.
    progress : callable
        Called with the fraction done after every tile.

    Returns
    -------
    ndarray of uint8, same shape

    Notes
    -----
    Unsharp masking; differences below one tone are left out (they are grain), and no pixel becomes
    darker or lighter than those around it were (that would be a halo).

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 200, 10, np.uint8)[None, :, None], 3, axis=2).repeat(9, 0)
    >>> bool((sharpen(ramp, 0.0) == ramp).all())
    True
    """
    rim = 2 * int(np.ceil(2 * radius + 1))
    work = partial(_sharpen_tile, radius=radius)
    return by_tiles(work, pixels, as_plane(amount), rim=rim, side=512, progress=progress)


def crispness(light: Plane, amount: Plane, /, *, radius: float) -> Plane:
    """Give what `sharpen` adds to the light of a picture, 0 to 255; all of one shape."""
    width = 2 * round(2 * radius) + 1
    fine = light - as_plane(cv2.GaussianBlur(light, (width, width), radius))
    wanted = light + amount * (fine - np.clip(fine, -1, 1))
    square = np.ones((2 * max(1, round(radius)) + 1,) * 2, np.uint8)
    within = cv2.min(cv2.max(wanted, cv2.erode(light, square)), cv2.dilate(light, square))
    return as_plane(cv2.subtract(within, light))


def _sharpen_tile(tile: Pixels, amount: Plane, *, radius: float) -> Pixels:
    return as_pixels(lit(tile, crispness(light_of(tile), amount, radius=radius)))
