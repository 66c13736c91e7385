"""Tells an object from its ground by colour, from a drawing of what surely and what probably belongs to it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.light import Pixels

_OBJECT = (cv2.GC_FGD, cv2.GC_PR_FGD)


def segmented(pixels: Pixels, labels: NDArray[np.uint8], /, *, rounds: int) -> NDArray[np.bool_]:
    """Run GrabCut (C. Rother, V. Kolmogorov and A. Blake, 2004) from labels; always the same for the same.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        Three planes of any meaning; the time grows with them.
    labels : ndarray of uint8, shape (height, width)
        OpenCV's ``GC_BGD``, ``GC_PR_BGD``, ``GC_PR_FGD`` or ``GC_FGD`` for every pixel; not changed.
    rounds : int
        How often colour models and cut are found anew.

    Returns
    -------
    ndarray of bool, shape (height, width)
        True on the object. As drawn where all is object or nothing is: there is nothing to learn from.

    Examples
    --------
    >>> surely = np.full((4, 4), cv2.GC_FGD, np.uint8)
    >>> bool(segmented(np.zeros((4, 4, 3), np.uint8), surely, rounds=1).all())
    True
    """
    drawn = np.isin(labels, _OBJECT)
    if drawn.all() or not drawn.any():
        return drawn
    cv2.setRNGSeed(1)  # its colour models begin with a random clustering
    found, models = labels.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(pixels, found, (0, 0, 1, 1), *models, rounds, cv2.GC_INIT_WITH_MASK)
    return np.isin(found, _OBJECT)
