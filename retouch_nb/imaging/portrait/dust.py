"""Dust: finds small spots that stand out from everything around them, and fills them from there."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.face import feature_map
from retouch_nb.imaging.light import light_of
from retouch_nb.imaging.portrait.made import Outcome, Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.portrait.strength import alpha
from retouch_nb.imaging.smooth import Plane, as_plane, blur
from retouch_nb.imaging.strips import row_strips

_SHARES = {0: 1 / 500, 1: 1 / 220, 2: 1 / 500, 3: 1 / 1000}
"""Radius of the largest speck as a part of the longer edge, for every ``Scale``."""
_LEAST_RADIUS = {0: 2, 1: 4, 2: 2, 3: 1}
_MARGIN = 6
_BAND = 4_000_000
"""Pixels looked at in one go."""


def dust(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Remove specks everywhere but on eyes, brows and lips; Alpha1 from 0 to 2, Scale is their size.

    Examples
    --------
    >>> cloth = np.full((60, 60, 3), 40, np.uint8)
    >>> cloth[30, 30] = 200
    >>> dust(Scene(cloth), cloth, {"Alpha1": 1.0}).result.offset
    (29, 29)
    """
    strength = alpha(settings)
    if strength <= 0:
        return Outcome()
    found = specks(current, size=speck_radius(current.shape, settings), strength=strength)
    if scene.faces:
        found &= feature_map(current.shape, scene.faces) < 0.02
    if not found.any():
        return Outcome(notes=("no specks were found: nothing was changed",))
    return Outcome(_layer(current, found, min(1.0, strength)))


def speck_radius(shape: tuple[int, ...], settings: Settings, /) -> int:
    """Turn ``Scale`` into pixels: the radius of the largest speck.

    Examples
    --------
    >>> [speck_radius((3000, 4000), {"Scale": scale}) for scale in (1, 2, 3, 0)]
    [18, 8, 4, 8]
    """
    scale = int(settings.get("Scale", 0))
    return max(_LEAST_RADIUS[scale], round(max(shape[:2]) * _SHARES[scale]))


def specks(pixels: Pixels, /, *, size: int, strength: float = 1.0) -> NDArray[np.bool_]:
    """Find small bright and dark spots that stand out from what is around them.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.
    size : int
        Radius of the largest spot, in pixels.
    strength : float
        0 to 2: how faint a spot may be. At 1 it must differ from its surroundings by about 8
        levels of luma, and by 3.5 times as much as its neighbourhood does at the same size.

    Returns
    -------
    ndarray of bool, shape (height, width)
        The spots with their rims. A spot in fine texture is not found; whatever else is small,
        alone and round is (a star, a glint, a mole).

    Notes
    -----
    White and black top-hats (J. Serra, "Image Analysis and Mathematical Morphology", 1982).

    Examples
    --------
    >>> cloth = np.full((60, 60, 3), 40, np.uint8)
    >>> cloth[30, 30] = 200
    >>> int(specks(cloth, size=2).sum())
    9
    """
    found = np.zeros(pixels.shape[:2], np.bool_)
    rim = 16 * size
    for rows in row_strips(len(pixels), max(4 * rim, _BAND // pixels.shape[1])):
        top = max(0, rows.start - rim)
        here = _specks(pixels[top : rows.stop + rim], size, strength)
        found[rows] = here[rows.start - top :][: rows.stop - rows.start]
    return found


def _specks(pixels: Pixels, size: int, strength: float) -> NDArray[np.bool_]:
    light = np.asarray(np.rint(light_of(pixels)), np.uint8)
    square = np.ones((2 * size + 1,) * 2, np.uint8)
    bright = cv2.morphologyEx(light, cv2.MORPH_TOPHAT, square)
    dark = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, square)
    usual = blur(as_plane(np.minimum(cv2.add(bright, dark), 48)), 4.0 * size)
    limit = (4 + 3.5 * usual + _edges_near(light, size)) * 2.0 ** (1 - strength) + 4
    found = _compact(bright > limit, size) | _compact(dark > limit, size)
    return np.asarray(cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _edges_near(light: Pixels, size: int) -> Plane:
    """Tell how steep the photo is near by, spots taken out: corners of things are no specks."""
    calm = cv2.medianBlur(light, 2 * size + 1)
    steep = cv2.morphologyEx(calm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    return as_plane(cv2.dilate(steep, np.ones((2 * size + 1,) * 2, np.uint8)))


def _compact(found: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    """Keep spots; what is longer is a hair, a seam or an edge."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    width, height, area = (stats[:, column] for column in (2, 3, 4))
    longest = np.maximum(width, height)
    kept = (longest <= 3 * size + 1) & (area >= 0.3 * longest**2)
    kept[0] = False
    return np.asarray(kept[parts])


def _layer(pixels: Pixels, found: NDArray[np.bool_], opacity: float) -> Patch:
    rows, columns = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    top, left = int(rows[0]), int(columns[0])
    inside = found[top : rows[-1] + 1, left : columns[-1] + 1]
    layer = np.zeros((*inside.shape, 4), np.uint8)
    for place in _windows(found):
        where, seen = found[place], pixels[place]
        filled = cv2.inpaint(seen, where.astype(np.uint8), 3, cv2.INPAINT_NS)
        y, x = np.nonzero(where)
        layer[y + place[0].start - top, x + place[1].start - left, :3] = filled[y, x]
    layer[..., 3] = np.where(inside, round(255 * opacity), 0)
    return Patch(layer, (left, top))


def _windows(found: NDArray[np.bool_]) -> Iterator[tuple[slice, slice]]:
    """Give every spot's surroundings; a spot is filled whole in its own."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    for left, top, width, height, _ in stats[1:].tolist():
        yield (
            slice(max(0, top - _MARGIN), top + height + _MARGIN),
            slice(max(0, left - _MARGIN), left + width + _MARGIN),
        )
