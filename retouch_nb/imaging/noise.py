"""Tells how noisy a photo is, without being told what it shows, and calms the colours of a noisy one.

Noise is told from texture by scale: averaged over 2 x 2 pixels noise halves, texture does not.
"""

from functools import partial

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels
from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.tiles import by_tiles

_GRAIN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Blind to flat areas, slopes and straight edges; keeps the spread of white noise."""
_BLOCK = 16


def noise_level(plane: Plane, /) -> float:
    """Estimate the noise of a photo.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
        Luma or one colour channel, 0 to 255.

    Returns
    -------
    float
        Standard deviation of the noise, 0 to about 50; 0 too where nothing is flat enough to tell
        or the photo has an edge below 64 pixels.

    Notes
    -----
    The grain of the flattest blocks (J. Immerkaer, "Fast Noise Variance Estimation", 1996) minus
    what texture of the size seen one octave lower would have there. JPEG takes the finest grain
    away first, therefore the photo at half size is asked too.

    Examples
    --------
    >>> plane = np.random.default_rng(0).normal(128, 5, (256, 256)).astype(np.float32)
    >>> round(noise_level(plane))
    5
    """
    if min(plane.shape) < 4 * _BLOCK:
        return 0.0
    fine, coarse = fine_noise(plane), 2 * fine_noise(half(plane))
    return max(fine, min(coarse, max(1.5 * fine, 2.5)))


def fine_noise(plane: Plane, /) -> float:
    """Estimate the part of the noise that varies from pixel to pixel; as `noise_level`."""
    if min(plane.shape) < 2 * _BLOCK:
        return 0.0
    fine = _block_means(_grain(plane), _BLOCK)
    coarse = _block_means(_grain(half(plane)), _BLOCK // 2)
    tone = _block_means(plane, _BLOCK)
    rows, columns = (min(edges) for edges in zip(fine.shape, coarse.shape, strict=True))
    fine, coarse, tone = (blocks[:rows, :columns].ravel() for blocks in (fine, coarse, tone))
    unclipped = (tone > 12) & (tone < 243)
    if unclipped.sum() >= 8:
        fine, coarse = fine[unclipped], coarse[unclipped]
    flattest = np.argsort(coarse, kind="stable")[: max(4, len(coarse) * 15 // 100)]
    texture = 1.3 * coarse[flattest].mean()
    # Noise itself leaves a quarter of its variance one octave lower.
    return float(np.sqrt(max(0.0, fine[flattest].mean() - texture) / (1 - 1.3 / 4)))


def half(plane: Plane, /) -> Plane:
    """Average every 2 x 2 pixels into one; an odd row or column at the end is left out."""
    height, width = (edge // 2 for edge in plane.shape)
    return _resized(plane[: height * 2, : width * 2], (width, height))


def calm_colours(
    pixels: Pixels, /, *, noise: float, progress: Progress = ignore_progress
) -> Pixels:
    """Even out coloured noise; light and shade stay as they are.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB.
    noise : float
        Standard deviation of the noise in the colour difference channels Cr and Cb.
    progress : callable
        Called with the fraction done after every tile.

    Returns
    -------
    ndarray of uint8, same shape

    Examples
    --------
    >>> grey = np.full((20, 20, 3), 7, np.uint8)
    >>> bool((calm_colours(grey, noise=3.0) == grey).all())
    True
    """
    rounds = 1 if noise < 5 else 2
    work = partial(_calm_tile, reach=4 * noise, rounds=rounds)
    return by_tiles(work, pixels, rim=4 * rounds, side=512, progress=progress)


def _calm_tile(tile: Pixels, *, reach: float, rounds: int) -> Pixels:
    before = after = cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)
    for _ in range(rounds):
        after = cv2.bilateralFilter(after, 5, reach, 2)
    after[..., 0] = before[..., 0]
    return np.asarray(cv2.cvtColor(after, cv2.COLOR_YCrCb2RGB), np.uint8)


def _grain(plane: Plane) -> Plane:
    return np.square(as_plane(cv2.filter2D(plane, -1, _GRAIN)))


def _block_means(plane: Plane, side: int) -> Plane:
    rows, columns = (edge // side for edge in plane.shape)
    return _resized(plane[: rows * side, : columns * side], (columns, rows))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
