"""Which part of a photo is a person: guessed from the faces, then cut out by colour.

Only whole photos are seen here, at a reduced size; bodies are told in eye distances below their face.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.face import Face, skin_map
from retouch_nb.imaging.landmarks import carried, grid_of
from retouch_nb.imaging.portrait.made import Pixels
from retouch_nb.imaging.reduce import reduced, reduction
from retouch_nb.imaging.segment import segmented
from retouch_nb.imaging.smooth import Plane, as_plane, guided_filter

_LONGEST = 360


def person_map(pixels: Pixels, faces: Sequence[Face], /) -> Plane:
    """Tell how far every pixel belongs to one of the people whose faces are given.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.
    faces : sequence of Face
        In pixels of that photo.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 to 1, with edges that follow the photo's; all 0 without a face. Raised arms, and what
        the person holds or sits on, may be missed or taken in.

    Notes
    -----
    GrabCut (C. Rother, V. Kolmogorov and A. Blake, 2004) from a head, a neck and a trunk drawn
    below every face.

    Examples
    --------
    >>> float(person_map(np.zeros((9, 9, 3), np.uint8), []).max())
    0.0
    """
    if not faces:
        return np.zeros(pixels.shape[:2], np.float32)
    small, factor = reduced(pixels, _LONGEST), reduction(pixels.shape, _LONGEST)
    coarse = _cut(small, _guess(small.shape[:2], [f.moved(0, 0, scale=factor) for f in faces]))
    wide = as_plane(cv2.resize(coarse, pixels.shape[1::-1]))
    light = as_plane(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    return np.clip(guided_filter(wide, max(2.0, 2 / factor), eps=6.0**2, guide=light), 0, 1)


def clothes_map(pixels: Pixels, faces: Sequence[Face], /) -> Plane:
    """Tell how far every pixel is clothing: a person below the chin, without skin.

    Parameters and result are those of `person_map`. Long hair that falls on the shoulders counts
    as clothing.
    """
    clothes = person_map(pixels, faces) * (1 - skin_map(pixels, faces))
    for face in faces:
        x, y = np.moveaxis(carried(face.frame, grid_of(pixels.shape[:2])), -1, 0)
        below = np.clip((y - 1.9) / 0.3, 0, 1)
        # Another head further down is not this face's to keep: hence only near this one.
        clothes *= as_plane(np.where(np.abs(x) < 2.2, np.where(y > -2.5, below, 1), 1))
    return as_plane(clothes)


_STATES = np.array([cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD], np.uint8)
"""From certainly not to certainly a person."""


def _guess(shape: tuple[int, ...], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """Draw what GrabCut starts from."""
    rank = np.zeros(shape, np.intp)
    for face in faces:
        for number, drawn in enumerate(_figure(face, shape), 1):
            rank = np.maximum(rank, number * drawn)
    return _STATES[rank]


def _figure(face: Face, shape: tuple[int, ...]) -> tuple[NDArray[np.bool_], ...]:
    """Draw where a person might be, probably is and certainly is."""
    x, y = np.moveaxis(carried(face.frame, grid_of(shape)), -1, 0)
    across = np.abs(x)
    around = (y > -2.3) & (across < np.where(y < 1.4, 2.4, 3.2 + 0.3 * (y - 2.3)))
    shoulders = (y > 2.3) & (across < 1.6 + np.clip(1.6 * (y - 2.3), 0, 1.8) + 0.05 * y)
    head = (across / 1.25) ** 2 + ((y - 0.25) / 1.9) ** 2 < 1
    face_itself = (across / 0.9) ** 2 + ((y - 0.5) / 1.3) ** 2 < 1
    neck = (across < 0.5) & (y > 1) & (y < 3.7)
    trunk = (y > 3.6) & (across < 1.3)
    return around, head | shoulders, face_itself | neck | trunk


def _cut(pixels: Pixels, state: NDArray[np.uint8]) -> Plane:
    """Segment by colour, and keep what hangs together with somebody's face."""
    seeds = state == cv2.GC_FGD
    person = segmented(pixels, state, rounds=4).astype(np.uint8)
    found = cv2.morphologyEx(person, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    _, parts = cv2.connectedComponents(found)
    kept = np.setdiff1d(np.unique(parts[seeds]), [0])
    return as_plane(np.isin(parts, kept))
