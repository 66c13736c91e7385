"""Faces by classical means: where they are, what of them is skin, and what must stay sharp.

A face is told in eye distances, so that the size of the photo and the tilt of the head change
nothing. "Left" is the left of the picture.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.cascades import EYES_IN_SQUARE, Hit, find_hits
from retouch_nb.imaging.landmarks import (
    Affine,
    Pixels,
    Points,
    Shape,
    carried,
    frame_of,
    grid_of,
    inverse,
    landmarks_in,
    pupil_in,
    skin_samples,
    window_of,
)
from retouch_nb.imaging.outlines import OUTLINES
from retouch_nb.imaging.segment import segmented
from retouch_nb.imaging.smooth import Plane, as_plane, blur, guided_filter, shading_free

Point: TypeAlias = tuple[float, float]
"""(x, y) in pixels of the photo."""
Box: TypeAlias = tuple[float, float, float, float]


@dataclass(frozen=True)
class Face:
    """One face; every position is (x, y) in pixels of the photo.

    Attributes
    ----------
    box : tuple of float
        (x0, y0, x1, y1): from chin to forehead and ear to ear, inside the photo.
    left_eye, right_eye : tuple of float
        The pupils.
    mouth : tuple of float
        The middle of the mouth.
    confidence : float
        0 to 1; grows with the number of places and sizes at which the detectors agree.
    landmarks : mapping of str to tuple of float
        Further points: ``forehead`` (between the brows), ``left_brow_outer``, ``left_brow``,
        ``left_brow_inner``, ``left_ear``, ``left_cheek``, ``left_nostril``, ``left_mouth`` (the
        corner), the same on the right, ``nose`` (its tip), ``upper_lip`` and ``lower_lip``
        (their outer rims) and ``chin``. Ears, cheeks and forehead follow from the other points;
        they are not measured.
    """

    box: Box
    left_eye: Point
    right_eye: Point
    mouth: Point
    confidence: float
    landmarks: Mapping[str, Point] = field(repr=False, hash=False)

    @property
    def eye_distance(self) -> float:
        """Pixels from pupil to pupil: the unit for everything done to a face."""
        return float(np.hypot(*np.subtract(self.right_eye, self.left_eye)))

    @property
    def frame(self) -> Affine:
        """Matrix, shape (2, 3), from pixels of the photo to eye distances.

        The origin is between the eyes, x points to the right eye and y down the nose.
        """
        return frame_of(np.array(self.left_eye), np.array(self.right_eye))

    def outline(self, part: str, /) -> Points:
        """Draw a closed curve around a part of the face.

        Parameters
        ----------
        part : str
            "face", "left_eye", "right_eye", "left_brow", "right_brow", "nose" or "lips".

        Returns
        -------
        ndarray of float64, shape (points, 2)
            In pixels of the photo.

        Raises
        ------
        ValueError
            For any other part.
        """
        if part not in OUTLINES:
            raise ValueError(f"no outline of {part!r}; there are {', '.join(OUTLINES)}")
        points = {**self.landmarks, "mouth": self.mouth}
        points |= {"left_eye": self.left_eye, "right_eye": self.right_eye}
        at = {name: carried(self.frame, np.array(place)) for name, place in points.items()}
        return carried(inverse(self.frame), OUTLINES[part](at))

    def moved(self, left: float, top: float, /, *, scale: float = 1.0) -> "Face":
        """Tell the same face in a part of the photo that begins at (left, top), then resized.

        Examples
        --------
        >>> face = Face((5, 5, 9, 9), (6, 6), (8, 6), (7, 8), 1.0, {})
        >>> face.moved(4, 4, scale=2).left_eye
        (4.5, 4.5)
        """

        def there(place: Sequence[float]) -> Point:
            x, y = (np.array(place) + 0.5 - (left, top)) * scale - 0.5
            return (float(x), float(y))

        return replace(
            self,
            box=(*there(self.box[:2]), *there(self.box[2:])),
            left_eye=there(self.left_eye),
            right_eye=there(self.right_eye),
            mouth=there(self.mouth),
            landmarks=MappingProxyType({name: there(p) for name, p in self.landmarks.items()}),
        )


def find_faces(
    pixels: Pixels, /, *, most: int = 10, progress: Progress = ignore_progress
) -> list[Face]:
    """Find the frontal faces of a photo.

    Upright faces first; only when there is none, faces tilted by up to about 45 degrees, which
    must then show two eyes and a human hue. Profiles, sunglasses and half-hidden faces are not
    found, nor are tilted ones in a photo without colour.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo of any size; a large one is searched on a reduced copy, in which a face of 3 %
        of the longer side is still found, a tilted one of 5 %.
    most : int
        Keep this many at most.
    progress : callable
        Called with the fraction done after every tilt that is looked at.

    Returns
    -------
    list of Face
        Largest first; empty when there is none.

    Raises
    ------
    ImportError
        When the installed OpenCV has no face cascades (version 5 dropped them).

    Notes
    -----
    The detectors are OpenCV's Haar cascades (R. Lienhart and J. Maydt, 2002); two that were
    trained differently must agree. Measured in a small window, the eyes are within about 0.05
    eye distances of the pupils, the mouth within 0.1, the chin within 0.15.

    Examples
    --------
    >>> find_faces(np.full((64, 64, 3), 128, np.uint8))
    []
    """
    faces = [_measured(pixels, hit) for hit in find_hits(pixels, progress=progress)]
    return sorted(faces, key=lambda face: -face.eye_distance)[:most]


def skin_map(pixels: Pixels, faces: Sequence[Face], /) -> Plane:
    """Tell how far every pixel is bare skin of one of the faces, or of neck and ears joined to it.

    Everybody's skin is told by their own cheeks, in colours from which the shading is divided
    out, so that dark and light skin, shade and under-exposure are treated alike. Eyes, brows and
    lips are left out.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.
    faces : sequence of Face
        As `find_faces` gives them.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 to 1, with soft edges that follow the photo's.

    Notes
    -----
    Segmented by GrabCut (C. Rother, V. Kolmogorov and A. Blake, 2004) on the three planes of
    `retouch_nb.imaging.smooth.shading_free`.

    Examples
    --------
    >>> skin_map(np.zeros((4, 6, 3), np.uint8), []).shape
    (4, 6)
    """
    result = np.zeros(pixels.shape[:2], np.float32)
    for face in faces:
        area = rows, columns = _area(face, result.shape, (-2.4, -2.2, 2.4, 4.0))
        if result[area].size:
            found = _skin(pixels[area], face.moved(columns.start, rows.start))
            np.maximum(result[area], found, out=result[area])
    return result * (1 - feature_map(result.shape, faces))


def feature_map(shape: Shape, faces: Sequence[Face], /) -> Plane:
    """Draw a soft mask of what must stay sharp in a face: eyes, brows and lips.

    Parameters
    ----------
    shape : tuple of int
        Of the photo: (height, width), or with its channels.
    faces : sequence of Face
        As `find_faces` gives them.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 to 1.

    Examples
    --------
    >>> float(feature_map((4, 6), []).max())
    0.0
    """
    result = np.zeros(shape[:2], np.float32)
    for face in faces:
        area = rows, columns = _area(face, result.shape, (-1.3, -0.9, 1.3, 1.9))
        if result[area].size:
            drawn = _features(result[area].shape, face.moved(columns.start, rows.start))
            np.maximum(result[area], drawn, out=result[area])
    return result


def _measured(pixels: Pixels, hit: Hit) -> Face:
    eyes = hit.eyes()
    for reach in (0.16, 0.1, 0.07):
        frame = frame_of(*eyes)
        window = window_of(pixels, frame)
        pupils = [pupil_in(window, side, reach=reach) for side in (-0.5, 0.5)]
        eyes = carried(inverse(frame), np.array(pupils))
    frame = frame_of(*eyes)
    closer = EYES_IN_SQUARE * hit.side / np.hypot(*(eyes[1] - eyes[0]))
    found = landmarks_in(window_of(pixels, frame), tall=float(np.sqrt(np.clip(closer, 0.9, 1.4))))
    at = {name: _point(carried(inverse(frame), place)) for name, place in found.items()}
    left, right = map(_point, eyes)
    certain = hit.votes / (hit.votes + 10)
    face = Face((0, 0, 0, 0), left, right, at.pop("mouth"), certain, MappingProxyType(at))
    return replace(face, box=_bounds(face.outline("face"), pixels.shape))


def _point(place: Points) -> Point:
    return (float(place[0]), float(place[1]))


def _bounds(points: Points, shape: Shape) -> Box:
    inside = np.clip(points, 0, shape[1::-1])
    return (*_point(inside.min(0)), *_point(inside.max(0)))


def _area(face: Face, shape: Shape, reach: Box) -> tuple[slice, slice]:
    """Slice out of the photo what holds a box given in eye distances."""
    x0, y0, x1, y1 = reach
    corners = carried(inverse(face.frame), np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]]))
    left, top, right, bottom = _bounds(corners, shape)
    return slice(int(top), int(np.ceil(bottom))), slice(int(left), int(np.ceil(right)))


def _reduction(shape: Shape, face: Face, unit: float) -> tuple[float, tuple[int, int]]:
    """Bring the eye distance down to a number of pixels: the factor and (width, height)."""
    factor = min(1.0, unit / face.eye_distance)
    return factor, (max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor)))


def _skin(pixels: Pixels, face: Face) -> Plane:
    """Segment at forty pixels an eye distance, then fit the edge to the photo's at full size."""
    factor, size = _reduction(pixels.shape, face, 40)
    small = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    places = carried(face.moved(0, 0, scale=factor).frame, grid_of(small.shape))
    coarse = as_plane(cv2.resize(as_plane(_segmented(small, places)), pixels.shape[1::-1]))
    light = as_plane(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    radius = max(2.0, 0.08 * face.eye_distance)
    step = 0.045 * float(light[coarse > 0.5].mean()) if coarse.max() > 0.5 else 1.0
    return np.clip(guided_filter(coarse, radius, eps=step**2, guide=light), 0, 1)


def _segmented(pixels: Pixels, places: Points) -> NDArray[np.bool_]:
    """Which pixels are skin, joined to the cheeks; places are their positions in the face."""
    colours = shading_free(np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.7), np.uint8))
    cheeks = skin_samples(places)
    if not cheeks.any():
        return cheeks
    colours[..., 0] = (colours[..., 0] + 16) / (np.median(colours[cheeks, 0]) + 16)
    unlike = _unlike(colours, colours[cheeks])
    alike = unlike < 3
    state = np.where(alike, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    state[(unlike > 7) | _beyond(places)] = cv2.GC_BGD
    state[cheeks & alike] = cv2.GC_FGD
    scaled = np.clip(colours * (140, 600, 600) + (0, 128, 128), 0, 255).astype(np.uint8)
    return _joined(segmented(scaled, state, rounds=3), cheeks)


def _unlike(colours: NDArray[np.float32], skin: NDArray[np.float32]) -> Plane:
    """Distance from the person's own skin, in its own spread; shade and shine count little."""
    middle = np.median(skin, axis=0)
    spread = np.maximum(1.48 * np.median(np.abs(skin - middle), axis=0), (0.06, 0.02, 0.02))
    away = (colours - middle) / spread
    away[..., 0] /= np.where(away[..., 0] < 0, 2.5, 1.5)
    return as_plane(np.sqrt((away**2).sum(-1)))


def _beyond(places: Points) -> NDArray[np.bool_]:
    """Where a head and a neck cannot be."""
    x, y = np.abs(places[..., 0]), places[..., 1]
    return np.asarray((y < -1.9) | (y > 3.8) | ((y < 1.6) & (x > 1.5)))


def _joined(found: NDArray[np.bool_], seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the connected parts that hold a good share of the seeds."""
    _, parts = cv2.connectedComponents(found.astype(np.uint8))
    counts = np.bincount(parts[seeds & found], minlength=1)
    return np.isin(parts, 1 + np.flatnonzero(counts[1:] > 0.1 * seeds.sum()))


def _features(shape: Shape, face: Face) -> Plane:
    factor, size = _reduction(shape, face, 48)
    small = face.moved(0, 0, scale=factor)
    drawn = np.zeros(size[::-1], np.uint8)
    for part in ("left_eye", "right_eye", "left_brow", "right_brow", "lips"):
        curve = np.rint(small.outline(part) * 16).astype(np.int32)
        cv2.fillPoly(drawn, [curve], 255, cv2.LINE_AA, 4)
    soft = blur(as_plane(drawn / 255), 0.035 * small.eye_distance)
    return as_plane(cv2.resize(soft, shape[1::-1]))
