"""The points of one face, measured in an upright window with the eyes a fixed distance apart.

Every point starts where an average face has it and moves to where the picture speaks for it, the
less readily the farther. "Left" is the left of the picture.
"""

from collections.abc import Mapping
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.smooth import Plane, as_plane, shading_free

Pixels: TypeAlias = NDArray[np.uint8]
Affine: TypeAlias = NDArray[np.float64]
"""Matrix of shape (2, 3)."""
Points: TypeAlias = NDArray[np.float64]
"""Shape (..., 2): x and y, in eye distances from the middle between the eyes, or in pixels."""
Shape: TypeAlias = tuple[int, ...]

UNIT = 64
"""Pixels of the window in one eye distance."""
MIDDLE = (128, 104)
"""The pixel of the window between the eyes."""
_SIZE = (256, 288)

_AVERAGE: Mapping[str, tuple[float, float]] = {
    "forehead": (0, -0.28),
    "left_brow_outer": (-0.84, -0.24),
    "left_brow": (-0.52, -0.35),
    "left_brow_inner": (-0.2, -0.28),
    "right_brow_inner": (0.2, -0.28),
    "right_brow": (0.52, -0.35),
    "right_brow_outer": (0.84, -0.24),
    "left_ear": (-1.12, 0.12),
    "right_ear": (1.12, 0.12),
    "left_cheek": (-0.55, 0.62),
    "right_cheek": (0.55, 0.62),
    "nose": (0, 0.55),
    "left_nostril": (-0.14, 0.66),
    "right_nostril": (0.14, 0.66),
    "left_mouth": (-0.42, 0.99),
    "mouth": (0, 1.03),
    "right_mouth": (0.42, 0.99),
    "upper_lip": (0, 0.9),
    "lower_lip": (0, 1.2),
    "chin": (0, 1.8),
}


def grid_of(shape: Shape, /) -> Points:
    """Give x and y of every pixel of an array, shape (height, width, 2)."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.stack([x, y], axis=-1).astype(np.float64)


WINDOW_GRID = (grid_of(_SIZE[::-1]) - MIDDLE) / UNIT
"""Where in the face every pixel of the window lies, in eye distances."""


def frame_of(left_eye: Points, right_eye: Points, /) -> Affine:
    """Make the similarity from pixels of a photo to eye distances, x to the right eye, y down."""
    across = np.subtract(right_eye, left_eye)
    x, y = across / np.sum(across**2)
    turn = np.array([[x, y], [-y, x]])
    return np.column_stack([turn, -turn @ (np.add(left_eye, right_eye) / 2)])


def carried(matrix: Affine, points: Points, /) -> Points:
    """Send points of shape (..., 2) through an affine matrix."""
    return np.asarray(np.asarray(points) @ matrix[:, :2].T + matrix[:, 2])


def inverse(matrix: Affine, /) -> Affine:
    """Undo an affine matrix."""
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)


def window_of(pixels: Pixels, frame: Affine, /) -> Pixels:
    """Cut the upright window out of an RGB photo; beyond the photo its border is repeated."""
    matrix = np.column_stack([frame[:, :2] * UNIT, frame[:, 2] * UNIT + MIDDLE])
    corners = carried(inverse(matrix), np.array([[0, 0], [_SIZE[0], 0], [0, _SIZE[1]], _SIZE]))
    limit = np.array(pixels.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, limit - 1)
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 3, low + 1, limit)
    part = pixels[low[1] : high[1], low[0] : high[0]]
    # Averaged first, because a warp that shrinks more than two times skips pixels.
    size = np.maximum((high - low) // max(1, int(1 / np.hypot(*matrix[0, :2]))), 1)
    part = np.asarray(cv2.resize(part, size.tolist(), interpolation=cv2.INTER_AREA), np.uint8)
    step = (high - low) / size
    shift = carried(matrix, low + (step - 1) / 2)
    matrix = np.column_stack([matrix[:, :2] * step, shift])
    cut = cv2.warpAffine(part, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


def skin_samples(places: Points, /) -> NDArray[np.bool_]:
    """Tell which places, in eye distances, are bare skin in nearly everybody: cheeks and bridge."""
    x, y = np.abs(places[..., 0]), places[..., 1]
    return np.asarray((np.hypot(x - 0.5, y - 0.6) < 0.2) | ((x < 0.12) & (np.abs(y - 0.25) < 0.2)))


def pupil_in(window: Pixels, side: float, /, *, reach: float) -> Points:
    """Find the pupil near (side, 0): where gradients, taken backwards, meet in the dark.

    The idea is F. Timm's and E. Barth's ("Accurate eye centre localisation by means of
    gradients", 2011), here as votes cast over the radii that an iris can have.
    """
    home = np.array([MIDDLE[0] + side * UNIT, MIDDLE[1]])
    margin = int(2 * reach * UNIT) + 8
    left, top = (home - margin).astype(int)
    gray = as_plane(cv2.GaussianBlur(cv2.cvtColor(window, cv2.COLOR_RGB2GRAY), (0, 0), 1.5))
    part = gray[top : top + 2 * margin + 1, left : left + 2 * margin + 1]
    places = grid_of(part.shape) + np.array([left, top])
    near = np.exp(-(((places - home) / (reach * UNIT)) ** 2).sum(-1) / 2)
    votes = _centre_votes(part) * (0.3 + _darkness(part)) * near + 1e-9
    best = np.unravel_index(np.argmax(votes), votes.shape)
    peak = np.hypot(*np.moveaxis(places - places[best], -1, 0)) < 5
    weight = (votes * (peak & (votes > 0.8 * votes[best])))[..., None]
    place = (weight * places).sum((0, 1)) / weight.sum()
    return np.asarray((place - MIDDLE) / UNIT)


def landmarks_in(window: Pixels, /, *, tall: float = 1.0) -> dict[str, Points]:
    """Find every point but the eyes, in eye distances.

    A head turned to the side has its eyes closer together and is as tall as before; for that
    the average face is stretched by `tall`.
    """
    at = {name: np.array([x, y * (tall if y > 0 else 1)]) for name, (x, y) in _AVERAGE.items()}
    colours = shading_free(np.asarray(cv2.GaussianBlur(window, (0, 0), 1.2), np.uint8))
    light = np.ascontiguousarray(colours[..., 0])
    _fit_mouth(at, _unlike_skin(colours, _dark_lines(light, 29)))
    lines = _dark_lines(light, 13)
    nostrils = np.array([at["left_nostril"], at["right_nostril"]])
    _shift(at, ("left_nostril", "right_nostril", "nose"), _best(lines, nostrils, (0.06, 0.08)))
    for side in ("left", "right"):
        brow = (f"{side}_brow_outer", f"{side}_brow", f"{side}_brow_inner")
        _shift(at, brow, _best(lines, _line([at[name] for name in brow]), (0.04, 0.06)))
    _shift(at, ("chin",), _best(_jaw(light), _chin_arc(at["chin"]), (0.05, 0.12)))
    return at


def _centre_votes(part: Plane) -> Plane:
    slopes = np.stack([cv2.Sobel(part, cv2.CV_32F, 1, 0), cv2.Sobel(part, cv2.CV_32F, 0, 1)], -1)
    steep = np.hypot(slopes[..., 0], slopes[..., 1])
    chosen = steep > max(float(np.percentile(steep, 60)), 1e-3)
    force, start = steep[chosen], grid_of(part.shape)[chosen]
    outwards = slopes[chosen] / force[:, None]
    height, width = part.shape
    votes = np.zeros(part.size)
    for radius in range(3, 9):
        x, y = np.rint(start - radius * outwards).astype(int).T
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        cast = np.sqrt(force[inside]) / radius
        votes += np.bincount((y * width + x)[inside], weights=cast, minlength=part.size)
    return as_plane(cv2.GaussianBlur(as_plane(votes.reshape(part.shape)), (0, 0), 2.0))


def _darkness(part: Plane) -> Plane:
    return as_plane(np.clip((np.percentile(part, 90) - part) / (np.ptp(part) + 1), 0, 1))


def _dark_lines(light: Plane, width: int) -> Plane:
    """How much darker a place is than its surroundings, in things up to a width in pixels."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return as_plane(cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, disc))


def _unlike_skin(colours: NDArray[np.float32], lines: Plane) -> Plane:
    """How far redder, paler or darker than the cheeks, in their own spread; at most 8."""
    skin = colours[skin_samples(WINDOW_GRID)]
    middle = np.median(skin, axis=0)
    spread = np.maximum(1.48 * np.median(np.abs(skin - middle), axis=0), (4, 0.01, 0.015))
    away = (colours - middle) / spread
    redder, paler = _low(np.maximum(away[..., 1], 0)), _low(np.maximum(-away[..., 2], 0))
    return as_plane(np.minimum(np.sqrt(redder**2 + paler**2 / 2 + (lines / spread[0]) ** 2), 8))


def _low(score: NDArray[np.floating]) -> Plane:
    """Leave out of a score what is taller than a mouth, such as a shaded jaw."""
    upright = cv2.getStructuringElement(cv2.MORPH_RECT, (5, 33))
    return as_plane(cv2.morphologyEx(as_plane(score), cv2.MORPH_TOPHAT, upright))


def _fit_mouth(at: dict[str, Points], unlike: Plane) -> None:
    """Move the mouth to what is not skin, and what is above and below it in proportion."""
    disc = grid_of((7, 15)) / (7, 3) - 1
    lips = disc[np.hypot(disc[..., 0], disc[..., 1]) < 0.95] * (0.42, 0.14)
    shift = _best(unlike, at["mouth"] + lips, (0.1, 0.12))
    for name, (_, y) in _AVERAGE.items():
        if y > 0.3:
            _shift(at, (name,), shift * y / _AVERAGE["mouth"][1])
    _fit_lips(at, unlike)


def _fit_lips(at: dict[str, Points], unlike: Plane) -> None:
    """Move corners and rims to the ends of what is not skin, if a mouth can end there."""
    x, y = np.moveaxis(WINDOW_GRID - at["mouth"], -1, 0)
    inner = np.hypot(x / 0.35, y / 0.15) < 1
    level = max(2.0, 0.4 * float(np.percentile(unlike[inner], 90)))
    found = (unlike > level) & (np.hypot(x / 0.62, y / 0.28) < 1)
    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    blob = found & np.isin(parts, parts[inner])
    for name, sign in (("left_mouth", -1), ("right_mouth", 1)):
        half = _extent(sign * x[blob])
        if 0.28 < half < 0.58:
            height = y[blob & (sign * x > half - 0.06)].mean()
            at[name] = at["mouth"] + np.array([sign * half, height])
    for name, sign in (("upper_lip", -1), ("lower_lip", 1)):
        half = _extent(sign * y[blob & (np.abs(x) < 0.15)])
        if 0.04 < half < 0.28:
            at[name] = at["mouth"] + np.array([0, sign * half])


def _extent(values: NDArray[np.float64]) -> float:
    return float(np.percentile(values, 99)) if values.size else 0.0


def _jaw(light: Plane) -> Plane:
    """Where light above ends in shade below."""
    slope = cv2.Sobel(cv2.GaussianBlur(light, (0, 0), 1.5), cv2.CV_32F, 0, 1)
    return as_plane(np.maximum(-slope, 0))


def _chin_arc(chin: Points) -> Points:
    x = np.linspace(-0.3, 0.3, 13)
    return np.asarray(chin + np.column_stack([x, -0.7 * x**2]))


def _line(corners: list[Points]) -> Points:
    steps = np.linspace(0, len(corners) - 1, 6 * len(corners))
    axes = [np.interp(steps, range(len(corners)), axis) for axis in np.transpose(corners)]
    return np.column_stack(axes)


def _shift(at: dict[str, Points], names: tuple[str, ...], shift: Points) -> None:
    for name in names:
        at[name] = at[name] + shift


def _best(score: Plane, points: Points, reach: tuple[float, float]) -> Points:
    """Find the shift that brings points together to where the score is highest on average.

    A shift by `reach` counts six tenths of none, a shift by twice that an eighth.
    """
    shifts = (grid_of((25, 25)).reshape(-1, 2) / 6 - 2) * reach
    places = np.rint((points + shifts[:, None]) * UNIT + MIDDLE).astype(int)
    x, y = np.moveaxis(np.clip(places, 0, np.array(_SIZE) - 1), -1, 0)
    worth = score[y, x].mean(1) * np.exp(-((shifts / reach) ** 2).sum(1) / 2)
    return np.asarray(shifts[np.argmax(worth)] if worth.max() > 0 else np.zeros(2))
