"""Tells how noisy a photo is, without being told what it shows, and calms the colours of a noisy one.

Noise is told from texture by scale: averaged over 2 x 2 pixels noise halves, texture does not.
"""

from functools import partial

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.light import Pixels, as_pixels
from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.tiles import by_tiles

_GRAIN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Blind to flat areas, slopes and straight edges; keeps the spread of white noise."""
_BLOCK = 16
_COLOURS_TO_RGB = np.array([[1.403, 0], [-0.714, -0.344], [0, 1.773]], np.float32)
"""What one of Cr and one of Cb add to red, green and blue (ITU-R BT.601)."""


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


def block_borders(plane: Plane, /) -> float:
    """Estimate how far the borders of JPEG's 8 x 8 blocks stand out.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
        Luma, 0 to 255, of a photo that was not cropped or resized since.

    Returns
    -------
    float
        Tones by which a step over a border exceeds the steps beside it, minus the same for the
        strongest other line of the grid: about 0.2 at JPEG quality 85, 0.4 at 75, 0.7 at 50; not
        above 0.1 where there are none, and 0 with an edge below 64 pixels.

    Examples
    --------
    >>> tones = np.random.default_rng(0).integers(90, 99, (12, 12)).repeat(8, 0).repeat(8, 1)
    >>> block_borders(as_plane(tones)) > 0.5
    True
    """
    if min(plane.shape) < 4 * _BLOCK:
        return 0.0
    top, left = (max(0, edge - 1024) // 16 * 8 for edge in plane.shape)
    middle = plane[top : top + 1024, left : left + 1024]
    return max(0.0, min(_border_step(middle), _border_step(middle.T)))


def _border_step(plane: Plane) -> float:
    steps = np.abs(np.diff(plane, axis=1))
    beyond = np.clip(steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2, -4, 4).mean(axis=0)
    by_line = beyond[: len(beyond) // 8 * 8].reshape(-1, 8).mean(axis=0)
    return float(by_line[6] - np.delete(by_line, 6).max())


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
    return by_tiles(partial(_calm_tile, noise=noise), pixels, rim=4, side=1208, progress=progress)


def _calm_tile(tile: Pixels, *, noise: float) -> Pixels:
    before = cv2.cvtColor(tile, cv2.COLOR_RGB2YCrCb)
    after = cv2.bilateralFilter(before, 9, 4 * noise, 3)
    change = as_plane(after)[..., 1:] - as_plane(before)[..., 1:]
    return as_pixels(as_plane(tile) + as_plane(cv2.transform(change, _COLOURS_TO_RGB)))


def _grain(plane: Plane) -> Plane:
    return np.square(as_plane(cv2.filter2D(plane, -1, _GRAIN)))


def _block_means(plane: Plane, side: int) -> Plane:
    rows, columns = (edge // side for edge in plane.shape)
    return _resized(plane[: rows * side, : columns * side], (columns, rows))


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))
