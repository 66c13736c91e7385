"""A smooth blend of its rim for every hole: known pixels are reduced until they cover it, then enlarged into it."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.light import Colours, Pixels
from retouch_nb.imaging.shape import box_of
from retouch_nb.imaging.smooth import Plane, as_plane


def smooth_fill(
    pixels: Pixels, hole: NDArray[np.bool_], /, *, tick: Callable[[], None] = lambda: None
) -> Pixels:
    """Fill a hole with a smooth blend of its rim: reduce known pixels, enlarge into the gaps.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
    hole : ndarray of bool, shape (height, width)
    tick : callable
        Called at every size on the way down and up; whatever it raises stops the work.

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
    if not hole.any():
        return pixels.copy()
    planes = [(pixels.astype(np.float32) * ~hole[..., None], (~hole).astype(np.float32))]
    while min(planes[-1][1].shape) > 2 and (planes[-1][1] == 0).any():
        tick()
        planes.append(_pulled(*planes[-1]))
    values, weight = planes[-1]
    out = as_plane(values / np.maximum(weight, 1e-6)[..., None])
    if (weight == 0).any():
        out[weight == 0] = out[weight > 0].mean(0) if (weight > 0).any() else 128
    for values, weight in reversed(planes[1:-1]):
        tick()
        out = _pushed(out, values, weight, np.s_[: weight.shape[0], : weight.shape[1]])
    tick()
    box = box_of(hole, margin=0)
    inside = _pushed(out, *planes[0], box) if len(planes) > 1 else out[box]
    filled = pixels.copy()
    filled[box][hole[box]] = np.rint(inside[hole[box]]).clip(0, 255).astype(np.uint8)
    return filled


def _pushed(small: Colours, values: Colours, weight: Plane, box: tuple[slice, slice]) -> Colours:
    """Fill the gaps of a part of one size from the size below: the whole of the largest would cost most of the time."""
    size = (small.shape[1] * 2, small.shape[0] * 2)
    pushed = cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)[box]
    return as_plane(values[box] + (1 - weight[box])[..., None] * pushed)


def _pulled(values: Colours, weight: Plane) -> tuple[Colours, Plane]:
    even = ((0, weight.shape[0] % 2), (0, weight.shape[1] % 2))
    values, weight = np.pad(values, (*even, (0, 0)), mode="edge"), np.pad(weight, even, mode="edge")
    rows, mass = values[::2] + values[1::2], weight[::2] + weight[1::2]
    total, mass = rows[:, ::2] + rows[:, 1::2], mass[:, ::2] + mass[:, 1::2]
    scale = np.where(mass > 0, np.minimum(mass, 1) / np.maximum(mass, 1e-9), 0)
    return total * scale.astype(np.float32)[..., None], np.minimum(mass, 1)
