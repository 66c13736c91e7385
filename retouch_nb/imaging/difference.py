"""How far two pictures are apart, point by point: as a distance, and as pictures of it.

Distances are taken at full size, a strip at a time; only what is shown is made smaller, so a large photo costs little.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.smooth import Plane, as_plane
from retouch_nb.imaging.strips import row_strips
from retouch_nb.photo import Pixels

Metric: TypeAlias = Literal["delta_e", "absolute"]

VISIBLE: Final = {"delta_e": 2.3, "absolute": 6.0}
"""Where people begin to see a difference: CIE 1976's from M. Mahy et al., Color Research & Application 19 (1994)."""

_TOPS: Final = {"delta_e": (5, 10, 20, 50, 100), "absolute": (8, 16, 32, 64, 128, 255)}
_GAINS: Final = (16, 8, 4, 2, 1)
_TAIL: Final = 99.9
_STRIP: Final = 1_000_000


@dataclass(frozen=True)
class Difference:
    """What is said and shown of two pictures that cover each other.

    Attributes
    ----------
    mean, largest : float
        Of the distance, over all pixels.
    visible : float
        Share of the pixels, 0 to 1, whose distance people can see.
    top : int
        Distance at the bright end of `heat`; what is beyond has its colour.
    gain : int
        What `absolute` was multiplied by, so that something is seen.
    heat, absolute : ndarray of uint8, (height, width, 3)
        The distance in colours; the levels' differences. Reduced to at most the size asked for.
    """

    mean: float
    largest: float
    visible: float
    top: int
    gain: int
    heat: Pixels
    absolute: Pixels


def difference(
    one: Pixels, other: Pixels, *, metric: Metric = "delta_e", longest: int = 1280
) -> Difference:
    """Measure and picture the difference of two pictures.

    Parameters
    ----------
    one, other : ndarray of uint8, (height, width, 3)
        RGB of the same size.
    metric : {"delta_e", "absolute"}, keyword-only
        CIE 1976's colour difference, 0 to about 100 and more; or the largest difference of a channel, 0 to 255.
    longest : int, keyword-only
        Longer side of the pictures made, in pixels.

    Examples
    --------
    >>> grey = np.full((4, 4, 3), 100, np.uint8)
    >>> found = difference(grey, grey + 8, metric="absolute")
    >>> found.mean, found.largest, found.visible, found.gain
    (8.0, 8.0, 1.0, 16)
    """
    height, width = one.shape[:2]
    small = _reduced((width, height), longest)
    apart = np.empty((height, width), np.float32)
    levels = np.empty_like(one)
    for rows in row_strips(height, max(1, _STRIP // width)):
        cv2.absdiff(one[rows], other[rows], dst=levels[rows])
        apart[rows] = _distance(one[rows], other[rows], levels[rows], metric)
    top = _top(apart, metric)
    shown = np.asarray(cv2.resize(levels, small, interpolation=cv2.INTER_AREA), np.uint8)
    reduced = as_plane(cv2.resize(apart, small, interpolation=cv2.INTER_AREA))
    gain = _gain(shown)
    return Difference(
        mean=float(apart.mean(dtype=np.float64)),
        largest=float(apart.max()),
        visible=float(np.count_nonzero(apart > VISIBLE[metric]) / apart.size),
        top=top,
        gain=gain,
        heat=in_colours(reduced / np.float32(top)),
        absolute=np.asarray(cv2.convertScaleAbs(shown, alpha=gain), np.uint8),
    )


def in_colours(shares: Plane) -> Pixels:
    """Colour a plane of shares, 0 to 1, from black over red to pale yellow; `uint8` (height, width, 3)."""
    steps = np.clip(shares * 255 + 0.5, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(steps, cv2.COLORMAP_INFERNO)[..., ::-1])


def outlined(picture: Pixels, mask: NDArray[np.bool_]) -> Pixels:
    """Draw the outline of a mask, of any size, on a copy of a picture: white with a dark seam."""
    height, width = picture.shape[:2]
    small = cv2.resize(mask.astype(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA)
    found, _ = cv2.findContours(
        (small >= 128).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE
    )
    drawn = picture.copy()
    thickness = max(1, round(max(height, width) / 640))
    for colour, extra in (((0, 0, 0), 2), ((255, 255, 255), 0)):
        cv2.drawContours(drawn, found, -1, colour, thickness + extra, cv2.LINE_AA)
    return drawn


def _distance(one: Pixels, other: Pixels, levels: Pixels, metric: Metric) -> Plane:
    if metric == "absolute":
        return as_plane(levels.max(axis=2))
    first, second = (
        cv2.cvtColor(part.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) for part in (one, other)
    )
    return as_plane(np.sqrt(np.square(first - second).sum(axis=2)))


def _top(apart: Plane, metric: Metric) -> int:
    """Choose a round end for the scale, so that a few extreme pixels do not darken all others."""
    most = float(np.percentile(apart, _TAIL))
    return next((top for top in _TOPS[metric] if top >= most), _TOPS[metric][-1])


def _gain(levels: Pixels) -> int:
    most = float(np.percentile(levels, _TAIL))
    return next(gain for gain in _GAINS if gain * most <= 255)


def _reduced(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
