"""What a person points at: an area of one colour, or an object in a box. Pure functions of photo and pointing.

Nothing is random, so a pointing that is kept in a list selects the same pixels whenever it is replayed.
"""

import cv2
import numpy as np
import numpy.typing as npt

from retouch_nb.imaging.segment import segmented
from retouch_nb.imaging.shape import without_holes
from retouch_nb.imaging.smooth import as_plane, guided_filter

Flags = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]

_WORK = 180
"""Longer side, in pixels, of the copy on which an object is told from its ground: 0.1 s, and fine enough to be refined."""

_ROUNDS = 3


def flood(pixels: Pixels, at: tuple[int, int], *, tolerance: float) -> Flags:
    """Select the connected area whose colour is like that at a point.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3 or 4)
    at : tuple of int
        x and y; beside the picture nothing is selected.
    tolerance : float, keyword-only
        How far each channel may be from the mean of the 3 x 3 pixels there, 0 to 255.

    Examples
    --------
    >>> photo = np.zeros((4, 6, 3), np.uint8); photo[:, 3:] = 200
    >>> int(flood(photo, (5, 0), tolerance=10).sum())
    12
    """
    x, y = at
    height, width = pixels.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        return np.zeros((height, width), bool)
    rgb = pixels[:, :, :3]
    colour = rgb[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].reshape(-1, 3).mean(axis=0)
    low, high = np.floor(colour - tolerance), np.ceil(colour + tolerance)
    like = cv2.inRange(rgb, np.clip(low, 0, 255), np.clip(high, 0, 255))
    like[y, x] = 255
    cv2.floodFill(like, None, (x, y), 1)
    return np.asarray(like == 1)


def pick(
    pixels: Pixels, box: tuple[int, int, int, int], *, at: tuple[int, int] | None = None
) -> Flags:
    """Select the object in a box: GrabCut on a small copy, then the outline snaps to the photo's edges.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3 or 4)
    box : tuple of int
        x, y, width and height of an area that holds the object and some of its ground.
    at : tuple of int, keyword-only, optional
        A point that belongs to the object; without one it is what differs from the ground around the box.

    Notes
    -----
    Rother, Kolmogorov, Blake: GrabCut (SIGGRAPH 2004); He, Sun, Tang: Guided image filtering (ECCV 2010).

    Examples
    --------
    >>> photo = np.full((80, 80, 3), 40, np.uint8); photo[30:50, 30:50] = (200, 60, 30)
    >>> int(pick(photo, (20, 20, 40, 40)).sum())
    400
    """
    height, width = pixels.shape[:2]
    chosen = np.zeros((height, width), bool)
    x, y, wide, high = box
    margin = max(4, round(0.15 * max(wide, high)))
    left, top = max(x - margin, 0), max(y - margin, 0)
    right, bottom = min(x + wide + margin, width), min(y + high + margin, height)
    if right - left < 4 or bottom - top < 4:
        return chosen
    crop = np.ascontiguousarray(pixels[top:bottom, left:right, :3])
    inner = (x - left, y - top, wide, high)
    seed = None if at is None else (at[0] - left, at[1] - top)
    chosen[top:bottom, left:right] = _picked(crop, inner, seed)
    return chosen


def _picked(crop: Pixels, box: tuple[int, int, int, int], at: tuple[int, int] | None) -> Flags:
    """Cut on a small copy and refine at full size."""
    height, width = crop.shape[:2]
    scale = min(1.0, _WORK / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)
    labels = _guess(small, [round(side * scale) for side in box], at and _scaled(at, scale, size))
    found = segmented(small, labels, rounds=_ROUNDS)
    if at is not None:
        found = _part_at(found, _scaled(at, scale, size))
    found = without_holes(found)
    return found if scale == 1.0 else _snapped(crop, found, 1 / scale)


def _scaled(at: tuple[int, int], scale: float, size: tuple[int, int]) -> tuple[int, int]:
    x, y = (min(max(int(n * scale), 0), side - 1) for n, side in zip(at, size, strict=True))
    return x, y


def _guess(small: Pixels, box: list[int], at: tuple[int, int] | None) -> Pixels:
    """Say what is surely ground, probably ground, probably object and surely object."""
    height, width = small.shape[:2]
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    x, y, wide, high = box
    inside = np.s_[max(y, 0) : max(y + high, 1), max(x, 0) : max(x + wide, 1)]
    if at is None:
        labels[inside] = cv2.GC_PR_FGD
        return labels
    labels[inside] = cv2.GC_PR_BGD
    alike = _alike(small, at)
    alike &= labels != cv2.GC_BGD
    labels[alike] = cv2.GC_PR_FGD
    cv2.circle(labels, at, max(1, round(0.02 * max(height, width))), int(cv2.GC_FGD), -1)
    return labels


def _alike(small: Pixels, at: tuple[int, int]) -> Flags:
    """Take the widest flood around the point that is still no more than a third of the crop."""
    smooth = cv2.bilateralFilter(small, 5, 30, 5)
    best = np.zeros(small.shape[:2], bool)
    for tolerance in (12, 20, 32, 48):
        wider = flood(np.asarray(smooth, np.uint8), at, tolerance=tolerance)
        if wider.mean() > 0.35 and best.any():
            break
        best = wider
    return best


def _part_at(found: Flags, at: tuple[int, int]) -> Flags:
    """Keep the part that holds the point."""
    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    part = parts[at[1], at[0]]
    return np.asarray((parts == part) & found)


def _snapped(crop: Pixels, small: Flags, factor: float) -> Flags:
    """Enlarge a selection and let its outline follow the edges of the photo near it."""
    height, width = crop.shape[:2]
    rough = as_plane(cv2.resize(as_plane(small), (width, height), interpolation=cv2.INTER_LINEAR))
    guide = as_plane(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) / np.float32(255))
    radius = max(2, round(1.5 * factor))
    fine = guided_filter(rough, radius, eps=1e-4, guide=guide)
    level = cv2.blur(rough, (2 * radius + 1,) * 2)
    return np.asarray(np.where((level > 0.02) & (level < 0.98), fine, rough) > 0.5)
