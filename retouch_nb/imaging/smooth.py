"""Smoothing that costs the same whatever its reach: wide averages are taken on a reduced copy.

Planes are one channel in any unit; Lab is CIE L*a*b* with L* from 0 to 100.
"""

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Plane: TypeAlias = NDArray[np.float32]
"""One channel, shape (height, width)."""

# With fewer across a window, the cells of the reduced copy would show.
_FEWEST_CELLS = 7
_FINEST_SIGMA = 3.0


def as_plane(values: ArrayLike, /) -> Plane:
    """Take values as float32, without a copy where they are."""
    return np.asarray(values, np.float32)


def guided_filter(
    plane: Plane, /, radius: float, *, eps: float, guide: Plane | None = None
) -> Plane:
    """Smooth a plane and keep the edges of its guide.

    In every window the result is the straight-line function of the guide that fits the plane
    best; the lines are fitted on a reduced copy and applied at full size.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
        What is smoothed.
    radius : float
        Half the side of the window, in pixels, at least 1.
    eps : float
        Variance, in squared units of the guide, below which a window counts as flat and is
        averaged.
    guide : ndarray of float32, same shape, optional
        Where the edges are; the plane itself when left out.

    Returns
    -------
    ndarray of float32, same shape

    Notes
    -----
    K. He and J. Sun, "Fast Guided Filter", arXiv:1505.00996 (2015).

    Examples
    --------
    >>> step = np.repeat(np.float32([[0, 100]]), 20, axis=1).repeat(20, axis=0)
    >>> bool(np.abs(guided_filter(step, 8, eps=4.0) - step).max() < 5)
    True
    """
    lead = plane if guide is None else guide
    side = 2 * radius + 1
    factor = _reduction(side / _FEWEST_CELLS, plane.shape)
    window = (2 * max(1, round((side / factor - 1) / 2)) + 1,) * 2

    def mean(small: Plane) -> Plane:
        return as_plane(cv2.blur(small, window))

    lead_mean = mean(_reduced(lead, factor))
    # Multiplied at full size: averaged first, fine grain would not count as variance.
    variance = np.maximum(mean(_reduced(lead * lead, factor)) - lead_mean * lead_mean, 0)
    plane_mean, covariance = lead_mean, variance
    if guide is not None:
        plane_mean = mean(_reduced(plane, factor))
        covariance = mean(_reduced(lead * plane, factor)) - lead_mean * plane_mean
    slope = as_plane(covariance / (variance + eps))
    offset = mean(plane_mean - slope * lead_mean)
    result = cv2.multiply(_enlarged(mean(slope), lead.shape), lead)
    return as_plane(cv2.add(result, _enlarged(offset, lead.shape), dst=result))


def blur(plane: Plane, /, sigma: float) -> Plane:
    """Blur with a Gaussian; above a few pixels it is made on a reduced copy.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
    sigma : float
        Standard deviation in pixels; 0 gives a copy.

    Returns
    -------
    ndarray of float32, same shape
        Within 1 % of the plane's range of a blur made at full size, 4 % along the border.

    Examples
    --------
    >>> spot = np.zeros((65, 65), np.float32)
    >>> spot[32, 32] = 1
    >>> round(float(blur(spot, 8.0).sum()), 2)
    1.0
    """
    if sigma <= 0:
        return plane.copy()
    factor = _reduction(sigma / _FINEST_SIGMA, plane.shape)
    if factor == 1:
        return as_plane(cv2.GaussianBlur(plane, (0, 0), sigma))
    small = _reduced(plane, factor)
    across, down = plane.shape[1] / small.shape[1], plane.shape[0] / small.shape[0]
    # Averaging over a cell (variance 1/12 of its square) and interpolating back (1/6) blur too.
    rest = [float(np.sqrt((sigma / step) ** 2 - 1 / 4)) for step in (across, down)]
    small = as_plane(cv2.GaussianBlur(small, (0, 0), rest[0], sigmaY=rest[1]))
    return _enlarged(small, plane.shape)


def masked_blur(plane: Plane, weight: Plane, /, *, sigma: float) -> Plane:
    """Average over the weighted pixels only, so that nothing bleeds in from outside a mask.

    Parameters
    ----------
    plane : ndarray of float32, shape (height, width)
    weight : ndarray of float32, same shape
        0 (does not count) to 1 (counts).
    sigma : float
        Standard deviation of the Gaussian, in pixels.

    Returns
    -------
    ndarray of float32, same shape
        Where no weight is near, the plane itself.

    Examples
    --------
    >>> plane = np.repeat(np.float32([[1, 1, 9, 9]]), 4, axis=0)
    >>> round(float(masked_blur(plane, as_plane(plane < 5), sigma=2.0)[0, 1]), 3)
    1.0
    """
    total = blur(weight, sigma)
    average = blur(plane * weight, sigma) / np.maximum(total, 1e-6)
    return np.where(total > 1e-4, average, plane)


def to_lab(pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
    """Turn RGB bytes into CIE Lab, shape (height, width, 3): L* 0 to 100, a*, b* within +-128."""
    scaled = np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)
    return as_plane(cv2.cvtColor(scaled, cv2.COLOR_RGB2Lab))


def from_lab(lab: NDArray[np.float32], /) -> NDArray[np.uint8]:
    """Turn CIE Lab into RGB bytes, rounded and clipped: undoes `to_lab` to within one step."""
    rgb = cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)
    return np.asarray(cv2.convertScaleAbs(rgb, alpha=255), np.uint8)


def shading_free(pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
    """Turn RGB bytes into L*, a*/(L*+16) and b*/(L*+16), shape (height, width, 3).

    L*+16, a* and b* are sums of cube roots of light, so a factor on the light cancels out of the
    last two: they are the same in light and in shade.

    Examples
    --------
    >>> light = np.full((1, 1, 3), (200, 120, 80), np.uint8)
    >>> shade = np.full((1, 1, 3), (110, 64, 40), np.uint8)
    >>> np.allclose(shading_free(light)[..., 1:], shading_free(shade)[..., 1:], atol=0.01)
    True
    """
    lab = to_lab(pixels)
    lab[..., 1:] /= lab[..., :1] + 16
    return lab


def _reduction(wanted: float, shape: tuple[int, ...]) -> int:
    return max(1, min(16, round(wanted), min(shape) // 4))


def _reduced(plane: Plane, factor: int) -> Plane:
    if factor == 1:
        return plane
    size = (plane.shape[1] // factor, plane.shape[0] // factor)
    return as_plane(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


def _enlarged(plane: Plane, shape: tuple[int, ...]) -> Plane:
    return as_plane(cv2.resize(plane, shape[1::-1], interpolation=cv2.INTER_LINEAR))
