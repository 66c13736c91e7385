"""Where in a photo a face may be: OpenCV's Haar cascades, upright first, tilted only when there is none.

Turned pictures are full of false faces, so whatever is weak or tilted must also show two eyes and a human hue.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.landmarks import (
    MIDDLE,
    WINDOW_GRID,
    Affine,
    Pixels,
    Points,
    carried,
    frame_of,
    inverse,
    window_of,
)
from retouch_nb.imaging.reduce import reduced, reduction
from retouch_nb.imaging.smooth import shading_free

EYES_IN_SQUARE = 0.41
"""Eye distance over the side of a cascade's square, on average in 100 small faces."""

_SEARCHED = 960
_SMALLEST = 30
# Of the longer side: small faces are what costs time, four times over when tilted.
_SMALLEST_TILTED = 0.05
_TILTS = (-36, -18, 18, 36)
# Votes: true faces got 25 and more at their best angle, other things 24 at most.
_CERTAIN, _LIKELY = 20, 16


@dataclass(frozen=True)
class Hit:
    """A square in which the cascades see a face; its eyes are not known yet.

    Attributes
    ----------
    centre : ndarray of shape (2,)
        x and y in pixels.
    side : float
        Pixels.
    angle : float
        Clockwise tilt in degrees.
    votes : int
        At how many places and sizes, in both cascades together, the face was seen.
    """

    centre: Points
    side: float
    angle: float
    votes: int

    def enlarged(self, factor: float) -> "Hit":
        """Tell the same square in the picture enlarged."""
        return replace(self, centre=(self.centre + 0.5) * factor - 0.5, side=self.side * factor)

    def eyes(self) -> Points:
        """Where eyes are in an average square, shape (2, 2)."""
        half, turn = EYES_IN_SQUARE / 2, np.radians(self.angle)
        places = np.array([[-half, -0.125], [half, -0.125]]) * self.side
        rows = [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        return np.asarray(self.centre + places @ np.array(rows))


def find_hits(pixels: Pixels, /, *, progress: Progress = ignore_progress) -> list[Hit]:
    """Find what is probably a face, in an RGB photo of any size; large ones are searched reduced."""
    small, factor = reduced(pixels, _SEARCHED), reduction(pixels.shape, _SEARCHED)
    upright = _upright(small)
    progress(1 / (1 + len(_TILTS)))
    return [hit.enlarged(1 / factor) for hit in upright or _tilted(small, progress)]


def load_cascade(name: str, /, folder: str | None = None) -> cv2.CascadeClassifier:
    """Read one of OpenCV's trained cascades; a new one each time, for threads must not share one.

    Raises
    ------
    ImportError
        When this OpenCV comes without it.
    """
    if folder is None:
        folder = str(getattr(getattr(cv2, "data", None), "haarcascades", ""))
    path = Path(folder) / f"haarcascade_{name}.xml"
    if not hasattr(cv2, "CascadeClassifier") or not path.is_file():
        raise ImportError(
            "finding faces needs the cascades inside opencv-python-headless>=4.10,<5; "
            f"the OpenCV {cv2.__version__} installed here has no {path.name}"
        )
    return cv2.CascadeClassifier(str(path))


def _upright(pixels: Pixels) -> list[Hit]:
    hits = _seen_by_both(pixels, 0, _SMALLEST)
    return [hit for hit in hits if hit.votes >= _CERTAIN or _looks_human(pixels, hit)]


def _tilted(pixels: Pixels, progress: Progress) -> list[Hit]:
    kept: list[Hit] = []
    smallest = max(_SMALLEST, round(_SMALLEST_TILTED * max(pixels.shape)))
    hits: list[Hit] = []
    for done, angle in enumerate(_TILTS, 2):
        hits += _seen_by_both(pixels, angle, smallest)
        progress(done / (1 + len(_TILTS)))
    for hit in sorted(hits, key=lambda hit: -hit.votes):
        apart = all(np.hypot(*(hit.centre - other.centre)) > other.side / 2 for other in kept)
        if apart and hit.votes >= _LIKELY and _looks_human(pixels, hit):
            kept.append(hit)
    return kept


def _seen_by_both(pixels: Pixels, angle: float, smallest: int) -> list[Hit]:
    """Keep what two cascades, trained differently, take for a face in the turned picture."""
    first, second = load_cascade("frontalface_alt"), load_cascade("frontalface_alt2")
    gray, back = _turned(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8), angle)
    hits = []
    for x, y, side, votes in _detected(first, gray, smallest):
        left, top, more = max(0, x - side // 5), max(0, y - side // 5), side + side // 5
        part = gray[top : y + more, left : x + more]
        if again := _detected(second, part, int(0.7 * side)):
            centre = carried(back, np.array([x, y]) + (side - 1) / 2)
            hits.append(Hit(centre, float(side), angle, votes + max(other[3] for other in again)))
    return hits


def _detected(
    cascade: cv2.CascadeClassifier, gray: Pixels, smallest: int
) -> list[tuple[int, int, int, int]]:
    """(x, y, side, votes) of every square the cascade sees at three or more places or sizes."""
    boxes, votes = cascade.detectMultiScale2(
        gray, scaleFactor=1.1, minNeighbors=3, minSize=(smallest, smallest)
    )
    return [
        (int(x), int(y), int(side), int(n))
        for (x, y, side, _), n in zip(boxes, np.ravel(votes), strict=True)
    ]


def _turned(gray: Pixels, angle: float) -> tuple[Pixels, Affine]:
    """Turn a picture on a larger canvas; with the way back for points."""
    height, width = gray.shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    matrix = np.asarray(cv2.getRotationMatrix2D(middle, angle, 1), np.float64)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    size = (round(width * cos + height * sin), round(width * sin + height * cos))
    matrix[:, 2] += [(size[0] - width) / 2, (size[1] - height) / 2]
    turned = cv2.warpAffine(gray, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8), inverse(matrix)


def _looks_human(pixels: Pixels, hit: Hit) -> bool:
    window = window_of(pixels, frame_of(*hit.eyes()))
    return _has_two_eyes(window) and _has_human_hue(window)


def _has_two_eyes(window: Pixels) -> bool:
    cascade = load_cascade("eye")
    (x, y), gray = MIDDLE, cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
    halves = (gray[y - 38 : y + 39, x - 80 : x], gray[y - 38 : y + 39, x : x + 80])
    return all(len(cascade.detectMultiScale(half, 1.05, 2, minSize=(20, 20))) for half in halves)


def _has_human_hue(window: Pixels) -> bool:
    """Skin of every shade differs in lightness only: its hues all lie between red and yellow."""
    x, y = np.moveaxis(WINDOW_GRID, -1, 0)
    # A burnt-out channel has lost its hue.
    judged = (np.abs(x) < 0.8) & (np.abs(y - 0.7) < 0.8) & (window.max(2) < 250)
    if judged.sum() < 100:
        return False
    _, red, yellow = np.median(shading_free(window)[judged], axis=0)
    return bool(np.hypot(red, yellow) > 0.05 and 10 < np.degrees(np.arctan2(yellow, red)) < 85)
