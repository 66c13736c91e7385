"""A smooth blend of its rim for every hole: known pixels are reduced until they cover it, then enlarged into it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.light import Colours, Pixels
from retouch_nb.imaging.smooth import Plane


def smooth_fill(pixels: Pixels, hole: NDArray[np.bool_], /) -> Pixels:
    """Fill a hole with a smooth blend of its rim: reduce known pixels, enlarge into the gaps.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    hole : ndarray of bool, shape (height, width)

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        "Pull-push" (Gortler et al. 1996); mid-grey when nothing is known.

    Examples
    --------
    >>> grey = np.full((8, 8, 3), 90, np.uint8)
    >>> hole = np.zeros((8, 8), bool)
    >>> hole[2:5, 2:5] = True
    >>> bool((smooth_fill(grey, hole) == 90).all())
    True
    """
    planes = [(pixels.astype(np.float32) * ~hole[..., None], (~hole).astype(np.float32))]
    while min(planes[-1][1].shape) > 2 and (planes[-1][1] == 0).any():
        planes.append(_pulled(*planes[-1]))
    values, weight = planes[-1]
    out = values / np.maximum(weight, 1e-6)[..., None]
    if (weight == 0).any():
        out[weight == 0] = out[weight > 0].mean(0) if (weight > 0).any() else 128
    for values, weight in reversed(planes[:-1]):
        height, width = weight.shape
        size = (out.shape[1] * 2, out.shape[0] * 2)
        pushed = cv2.resize(out, size, interpolation=cv2.INTER_LINEAR)[:height, :width]
        out = values + (1 - weight)[..., None] * pushed
    return np.where(hole[..., None], np.rint(out).clip(0, 255).astype(np.uint8), pixels)


def _pulled(values: Colours, weight: Plane) -> tuple[Colours, Plane]:
    even = ((0, weight.shape[0] % 2), (0, weight.shape[1] % 2))
    values, weight = np.pad(values, (*even, (0, 0)), mode="edge"), np.pad(weight, even, mode="edge")
    rows, mass = values[::2] + values[1::2], weight[::2] + weight[1::2]
    total, mass = rows[:, ::2] + rows[:, 1::2], mass[:, ::2] + mass[:, 1::2]
    scale = np.where(mass > 0, np.minimum(mass, 1) / np.maximum(mass, 1e-9), 0)
    return total * scale.astype(np.float32)[..., None], np.minimum(mass, 1)
