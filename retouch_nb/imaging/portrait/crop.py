"""Crop: turns a photo upright by its long straight lines, or as told, and cuts to a shape."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.light import light_of
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.reduce import reduced

_LONGEST = 1000
_STEEPEST = 12.0
_ENOUGH = 0.14
"""Share of all lines that must agree; below it, photos without a horizon would be turned."""


@dataclass(frozen=True)
class Frame:
    """Which part of a photo is kept.

    Attributes
    ----------
    angle : float
        Degrees by which the photo is turned, clockwise.
    center_x, center_y : float
        Middle of the part, 0 to 1.
    width, height : float
        Of the part, in pixels.
    """

    angle: float
    center_x: float
    center_y: float
    width: float
    height: float


def crop(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Straighten and crop; with ``Layer: 1`` only tell how.

    The modes AI and Person look for the same lines; Manual does as it is told.

    Examples
    --------
    >>> photo = np.zeros((60, 80, 3), np.uint8)
    >>> told = {"AspectRatio": "Square", "ManualArea": 1.0}
    >>> crop(Scene(photo), photo, {"User Params": told}).result.shape
    (60, 60, 3)
    """
    told: Mapping[str, Any] = settings.get("User Params", {})
    manual = told.get("AutoStraightenMode", "Manual") == "Manual"
    layered = bool(settings.get("Layer"))
    if manual and "ManualArea" not in told and not layered:
        return Outcome(notes=("ManualArea is missing: nothing was changed",))
    angle = float(told.get("Angle", 0.0)) if manual else upright(current)
    notes = () if angle is not None else (_NOT_FOUND,)
    frame = framed(current.shape, angle or 0.0, told if manual else _shape_only(told))
    if layered:
        return Outcome(metadata=_numbers(frame, current.shape), notes=notes)
    whole = frame == framed(current.shape, 0.0, {})
    return Outcome(None if whole else cut(current, frame), notes=notes)


_NOT_FOUND = "no horizon and no upright lines could be found: not turned"


def upright(pixels: Pixels, /) -> float | None:
    """Tell by how many degrees a photo must be turned clockwise to stand upright.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.

    Returns
    -------
    float or None
        Within 12 degrees; None where less than 14 % of the straight lines agree.

    Notes
    -----
    Lines by LSD (R. Grompone von Gioi, J. Jakubowicz, J.-M. Morel and G. Randall, 2010), each as
    heavy as it is long; level and plumb ones count alike.

    Examples
    --------
    >>> upright(np.full((64, 64, 3), 90, np.uint8)) is None
    True
    """
    angles, lengths = _lines(pixels)
    near = np.abs(angles) <= _STEEPEST
    if not near.any():
        return None
    bins = np.arange(-_STEEPEST, _STEEPEST + 0.25, 0.25)
    weights = np.array([lengths[np.abs(angles - at) <= 0.5].sum() for at in bins])
    peak = bins[int(weights.argmax())]
    close = np.abs(angles - peak) <= 0.75
    if weights.max() < _ENOUGH * lengths.sum() or close.sum() < 3:
        return None
    return round(-float(np.average(angles[close], weights=lengths[close])), 2)


def framed(shape: tuple[int, ...], angle: float, told: Mapping[str, Any], /) -> Frame:
    """Find the largest part of a turned photo that has the wanted shape and no empty corner.

    Parameters
    ----------
    shape : tuple of int
        Of the photo.
    angle : float
        Degrees, clockwise.
    told : mapping
        ``AspectRatio`` and what belongs to it; ``ManualArea`` (the part kept of the largest
        possible crop), ``ManualCenterX`` and ``ManualCenterY``. A centre too near the border
        moves inwards.

    Examples
    --------
    >>> framed((100, 200), 0.0, {"AspectRatio": "Square", "ManualCenterX": 0.0})
    Frame(angle=0.0, center_x=0.25, center_y=0.5, width=100.0, height=100.0)
    """
    height, width = shape[:2]
    wanted = _aspect(told, width / height)
    turn = np.deg2rad(angle)
    c, s = abs(float(np.cos(turn))), abs(float(np.sin(turn)))
    # The turned part's own bounding box must fit into the photo.
    tall = min(width / (wanted * c + s), height / (wanted * s + c))
    tall *= float(np.sqrt(np.clip(told.get("ManualArea", 1.0), 0, 1)))
    tall = max(tall, 1 / min(wanted, 1.0))
    wide = wanted * tall
    reach = np.minimum(
        [(wide * c + tall * s) / 2, (wide * s + tall * c) / 2], [width / 2, height / 2]
    )
    middle = np.array(
        [told.get("ManualCenterX", 0.5) * width, told.get("ManualCenterY", 0.5) * height]
    )
    x, y = np.clip(middle, reach, [width, height] - reach).tolist()
    return Frame(angle, x / width, y / height, wide, tall)


def cut(pixels: Pixels, frame: Frame, /) -> Pixels:
    """Turn a photo about the middle of a frame and keep what is inside.

    Examples
    --------
    >>> photo = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    >>> bool((cut(photo, Frame(0.0, 0.5, 0.5, 4.0, 4.0)) == photo[2:6, 2:6]).all())
    True
    """
    height, width = pixels.shape[:2]
    size = max(1, round(frame.width)), max(1, round(frame.height))
    middle = np.array([frame.center_x * width - 0.5, frame.center_y * height - 0.5])
    if frame.angle == 0:
        # Whole pixels: a photo that is only cut is not blurred.
        middle = np.rint(middle - (np.array(size) - 1) / 2) + (np.array(size) - 1) / 2
    turn = np.deg2rad(frame.angle)
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    shift = middle - back @ ((np.array(size) - 1) / 2)
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    matrix = np.column_stack([back, shift])
    turned = cv2.warpAffine(pixels, matrix, size, flags=way, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, np.uint8)


def _lines(pixels: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees off the level or the plumb, within 45, and lengths, of the long lines."""
    small = reduced(pixels, _LONGEST)
    found = cv2.createLineSegmentDetector().detect(light_of(small).astype(np.uint8))[0]
    if found is None:
        return np.zeros(0), np.zeros(0)
    ends = np.asarray(found, np.float64).reshape(-1, 4)
    across, down = ends[:, 2] - ends[:, 0], ends[:, 3] - ends[:, 1]
    lengths = np.hypot(across, down)
    long = lengths > 0.03 * max(small.shape)
    angles = (np.rad2deg(np.arctan2(down, across)) + 45) % 90 - 45
    return angles[long], lengths[long]


def _shape_only(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if not key.startswith("ManualC")} | {
        "ManualArea": 1.0
    }


def _aspect(told: Mapping[str, Any], original: float) -> float:
    """Width by height; the fixed shapes stand upright or lie as the photo does."""
    match told.get("AspectRatio", "Original"):
        case "Square":
            return 1.0
        case "Custom":
            return float(told.get("CustomAspectX", 1)) / float(told.get("CustomAspectY", 1))
        case "Free":
            return float(told.get("ManualAspectRatio", original))
        case "Original":
            return original
        case other:
            short, long = sorted(float(part) for part in str(other).split(":"))
            return long / short if original >= 1 else short / long


def _numbers(frame: Frame, shape: tuple[int, ...]) -> dict[str, Any]:
    told = asdict(frame)
    return {
        "angle": told["angle"],
        "centerX": told["center_x"],
        "centerY": told["center_y"],
        "width": told["width"] / shape[1],
        "height": told["height"] / shape[0],
        "originalWidth": shape[1],
        "originalHeight": shape[0],
    }
