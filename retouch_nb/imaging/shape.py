"""The shape of a mask: made larger or smaller, softened, its holes filled, its outline followed.

Distances are exact and Euclidean, so that a grown dot is a disc and growing twice is growing once.
"""

import cv2
import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]
Grey = npt.NDArray[np.uint8]


def grow(mask: Flags, pixels: float) -> Flags:
    """Move the outline outwards by some pixels, inwards when negative.

    Examples
    --------
    >>> dot = np.zeros((9, 9), bool); dot[4, 4] = True
    >>> int(grow(dot, 2).sum()), int(grow(grow(dot, 2), -1).sum())
    (13, 5)
    """
    if not pixels or not mask.any() or mask.all():
        return mask
    if pixels > 0:
        return _distance(~mask) <= pixels
    return _distance(mask) > -pixels


def _distance(inside: Flags) -> npt.NDArray[np.float32]:
    """Measure from every pixel to the nearest one outside."""
    grey = inside.astype(np.uint8)
    return np.asarray(cv2.distanceTransform(grey, cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def without_holes(mask: Flags) -> Flags:
    """Fill what is black and cannot be reached from the border of the picture.

    Examples
    --------
    >>> ring = np.ones((5, 5), bool); ring[2, 2] = False
    >>> bool(without_holes(ring).all())
    True
    """
    framed = np.pad(mask.astype(np.uint8), 1)
    cv2.floodFill(framed, None, (0, 0), 2)
    return np.asarray(framed[1:-1, 1:-1] != 2)


def soft(mask: Flags, pixels: float) -> Grey:
    """Blur the outline over about this many pixels on either side; 0 to 255."""
    grey = mask.astype(np.uint8) * np.uint8(255)
    if pixels <= 0:
        return grey
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), pixels / 2), np.uint8)


def outlines(mask: Flags, *, tolerance: float = 0.0) -> list[npt.NDArray[np.int32]]:
    """Follow the outer outline of every separate area; holes are not followed.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
    tolerance : float, keyword-only
        How far, in pixels, an outline may be straightened.

    Returns
    -------
    list of ndarray, shape (n, 2)
        Pixels on the outline as x, y. Areas come from top to bottom.
    """
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    straight = [
        cv2.approxPolyDP(line, tolerance, closed=True) if tolerance else line for line in found
    ]
    return [np.asarray(line[:, 0], np.int32) for line in reversed(straight)]


def box_of(hole: Flags, /, *, margin: int) -> tuple[slice, slice]:
    """Give the rows and columns a hole spans and so many more on each side, within the picture.

    Examples
    --------
    >>> box_of(np.eye(9, dtype=bool) & (np.arange(9) == 4), margin=2)
    (slice(2, 7, None), slice(2, 7, None))
    """
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    top, left = max(int(rows[0]) - margin, 0), max(int(columns[0]) - margin, 0)
    bottom = min(int(rows[-1]) + 1 + margin, hole.shape[0])
    right = min(int(columns[-1]) + 1 + margin, hole.shape[1])
    return slice(top, bottom), slice(left, right)
