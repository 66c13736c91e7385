"""One photo, analysed once: its faces, each seen at a fixed size, with its skin, eyes and mouth.

Plug-ins think at the fixed size, in eye distances, and only their last step touches the photo's own
pixels; so a large photo costs little more than a small one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.face import Face, feature_map, find_faces, skin_map
from retouch_nb.imaging.landmarks import Points, carried, grid_of, inverse
from retouch_nb.imaging.portrait.made import Pixels
from retouch_nb.imaging.smooth import Plane, as_plane, blur, to_lab

UNIT = 170
"""Pixels of an eye distance at which faces are analysed; smaller faces are taken as they are."""

_REACH = np.array([[-2.4, -2.2], [2.4, -2.2], [-2.4, 4.0], [2.4, 4.0]])


@dataclass(frozen=True, eq=False)
class Closeup:
    """One face with hair, neck and surroundings, at the size of analysis.

    Attributes
    ----------
    photo_face : Face
        In pixels of the photo.
    face : Face
        In pixels of the close-up.
    box : tuple of int
        Left, top, right and bottom in the photo.
    pixels : ndarray of uint8, (height, width, 3)
        The untouched photo, reduced.
    others : sequence of Face
        The other faces of the photo, in pixels of the close-up.
    """

    photo_face: Face
    face: Face
    box: tuple[int, int, int, int]
    pixels: Pixels
    others: Sequence[Face] = ()

    @property
    def unit(self) -> float:
        """Pixels of the close-up in an eye distance."""
        return self.face.eye_distance

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the close-up."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @cached_property
    def places(self) -> Points:
        """Where every pixel is in the face, in eye distances, shape (height, width, 2)."""
        return carried(self.face.frame, grid_of(self.shape))

    @cached_property
    def own(self) -> Plane:
        """1 where this face is the nearest one, so that no pixel is retouched for two."""
        mine = np.ones(self.shape, np.float32)
        if not self.others:
            return mine
        distance = _distance(self.face, self.shape)
        for other in self.others:
            mine[_distance(other, self.shape) <= distance] = 0
        return mine

    @cached_property
    def skin(self) -> Plane:
        """How far every pixel is this person's skin, 0 to 1; eyes, brows and lips are not."""
        return skin_map(self.pixels, [self.face]) * self.own

    @cached_property
    def features(self) -> Plane:
        """Eyes, brows and lips, 0 to 1."""
        return feature_map(self.shape, [self.face])

    @cached_property
    def skin_lab(self) -> tuple[float, float, float]:
        """Median Lab of the skin; of the middle of the face when no skin was found."""
        sure = self.skin > 0.8
        if not sure.any():
            sure = np.hypot(self.places[..., 0], self.places[..., 1] - 0.5) < 0.5
        lightness, a, b = np.median(to_lab(self.pixels)[sure], axis=0)
        return float(lightness), float(a), float(b)

    def of(self, photo: Pixels, /) -> Pixels:
        """Reduce this part of a photo to the size of analysis."""
        left, top, right, bottom = self.box
        part, size = photo[top:bottom, left:right], self.shape[::-1]
        return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)

    def drawn(self, curve: Points, /, *, soft: float) -> Plane:
        """Fill a closed curve, in pixels of the close-up; soft is in eye distances."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [np.rint(curve * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return blur(as_plane(mask / 255), soft * self.unit)

    def disc(self, centre: tuple[float, float], radius: float, /, *, soft: float) -> Plane:
        """Draw a disc about a pixel of the close-up; radius and soft are in eye distances."""
        result = np.zeros(self.shape, np.float32)
        reach = (radius + soft) * self.unit
        low = np.maximum(np.floor(np.subtract(centre, reach)), 0).astype(int)
        high = np.maximum(np.ceil(np.add(centre, reach)) + 1, 0).astype(int)
        part = result[low[1] : high[1], low[0] : high[0]]
        away = np.hypot(*np.moveaxis(grid_of(part.shape) + low - centre, -1, 0)) / self.unit
        part[:] = np.clip((radius - away) / soft + 0.5, 0, 1)
        return result


class Scene:
    """A photo with what is known of it, found when first asked for.

    Parameters
    ----------
    pixels : ndarray of uint8, (height, width, 3)
        RGB; must not change while the scene is in use.
    """

    def __init__(self, pixels: Pixels, /) -> None:
        self.pixels = pixels

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the photo."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @cached_property
    def faces(self) -> tuple[Face, ...]:
        """The frontal faces, largest first."""
        return tuple(find_faces(self.pixels))

    @cached_property
    def closeups(self) -> tuple[Closeup, ...]:
        """The same faces, each at the size of analysis."""
        return tuple(_closeup(self.pixels, face, self.faces) for face in self.faces)


def round_element(radius: float, /) -> NDArray[np.uint8]:
    """Give a disc for OpenCV's morphology, of a radius in pixels.

    Examples
    --------
    >>> round_element(1.2).shape
    (3, 3)
    """
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _closeup(photo: Pixels, face: Face, faces: Sequence[Face]) -> Closeup:
    corners = carried(inverse(face.frame), _REACH)
    limit = np.array(photo.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(0)), 0, limit - 1).astype(int).tolist()
    right, bottom = (
        np.clip(np.ceil(corners.max(0)), (left + 1, top + 1), limit).astype(int).tolist()
    )
    scale = min(1.0, UNIT / face.eye_distance)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    part = photo[top:bottom, left:right]
    pixels = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    others = [other.moved(left, top, scale=scale) for other in faces if other is not face]
    small = face.moved(left, top, scale=scale)
    return Closeup(face, small, (left, top, right, bottom), pixels, others)


def _distance(face: Face, shape: tuple[int, int]) -> Plane:
    """Distance from the middle of a face, in its own eye distances."""
    x, y = np.moveaxis(carried(face.frame, grid_of(shape)), -1, 0)
    return as_plane(np.hypot(x, y - 0.7))
