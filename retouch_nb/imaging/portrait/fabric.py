"""Fabric: takes wrinkles out of clothes and leaves weave, seams, prints and folds where they are."""

import cv2
import numpy as np

from retouch_nb.imaging.portrait.layers import Change, normal_layer
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.person import clothes_map
from retouch_nb.imaging.portrait.scene import UNIT, Closeup, Scene
from retouch_nb.imaging.portrait.strength import alpha, reach, share
from retouch_nb.imaging.smooth import Plane, as_plane, blur, guided_filter, to_lab

_LONGEST = 1600


def fabric(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Smooth the wrinkles of the clothes below every face; Alpha1 from 0 to 2.

    Examples
    --------
    >>> fabric(Scene(np.zeros((9, 9, 3), np.uint8)), np.zeros((9, 9, 3), np.uint8), {}).notes
    ('no frontal face was found, so clothes could not be told from the rest: nothing was changed',)
    """
    if not scene.faces:
        return Outcome(notes=(_NO_FACE,))
    strength = share(alpha(settings), at_one=0.6)
    whole = _whole(scene)
    clothes = clothes_map(whole.pixels, [whole.face, *whole.others])
    if strength <= 0 or not (clothes > 0.5).any():
        return Outcome(notes=(_NO_CLOTHES,) if strength > 0 else ())

    def smoothed(view: Closeup, seen: Pixels) -> Change:
        lightness = np.ascontiguousarray(to_lab(seen)[..., 0])
        down = -strength * clothes * wrinkles(lightness, unit=view.unit * reach(settings))
        return as_plane(cv2.merge([down, np.zeros_like(down), np.zeros_like(down)]))

    return Outcome(normal_layer(current, [whole], smoothed))


_NO_FACE = (
    "no frontal face was found, so clothes could not be told from the rest: nothing was changed"
)
_NO_CLOTHES = "no clothes were found below the faces: nothing was changed"


def wrinkles(lightness: Plane, /, *, unit: float) -> Plane:
    """Find the soft lights and shades between the size of a thread and that of a limb.

    Parameters
    ----------
    lightness : ndarray of float32, shape (height, width)
        L*, 0 to 100.
    unit : float
        Pixels of an eye distance.

    Returns
    -------
    ndarray of float32, same shape
        To be taken away from the lightness. Edges of more than about 12 steps of L* are no
        wrinkles and have none of it.

    Examples
    --------
    >>> float(np.abs(wrinkles(np.full((32, 32), 50, np.float32), unit=20)).max()) < 1e-3
    True
    """
    coarse = guided_filter(lightness, max(2.0, 0.5 * unit), eps=9.0**2)
    band = blur(lightness - coarse, 0.03 * unit)
    return as_plane(band / (1 + (band / 12) ** 2))


def _whole(scene: Scene) -> Closeup:
    """See the whole photo as one close-up of the largest face."""
    height, width = scene.shape
    first = scene.faces[0]
    scale = min(1.0, UNIT / first.eye_distance, _LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = np.asarray(cv2.resize(scene.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    small, *others = (face.moved(0, 0, scale=scale) for face in scene.faces)
    return Closeup(first, small, (0, 0, width, height), pixels, others)
