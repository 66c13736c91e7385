"""Glasses Anti Glare: a bright colourless veil over the eyes is measured and taken off as Linear Light.

A veil adds the same to red, green and blue. How much, tells the smallest of the three against the same
place without: what is around the veil.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.face import Face
from retouch_nb.imaging.landmarks import Affine, carried, inverse
from retouch_nb.imaging.portrait.layers import enlarged, merged
from retouch_nb.imaging.portrait.made import Outcome, Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene, round_element
from retouch_nb.imaging.smooth import Plane, as_plane, blur, masked_blur

PATCH = (1024, 512)
"""Width and height of a patch."""
_PATCH_UNIT, _PATCH_MIDDLE = 378.0, (512.0, 218.0)
"""Pixels of a patch in an eye distance, and the one between the eyes: from the published sample."""
_GREY = 128
_STAND_OUT = 0.65
"""How far glare is on the way from the skin's lightness to white, at least."""


def glasses_anti_glare(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Weaken reflections on glasses; a veil can be taken off, burnt-out glare only dimmed."""
    strength = float(settings.get("Glasses Glare Removal", 1.0))
    as_patch = settings.get("LayoutMode", "full") == "patch" and bool(settings.get("Layer"))
    closeups = scene.closeups[:1] if as_patch else scene.closeups
    parts = [part for closeup in closeups if (part := _dimmed(closeup, current, strength))]
    layer = merged(parts, BlendMode.LINEAR_LIGHT)
    notes = _notes(scene, layer, as_patch)
    if layer is None:
        return Outcome(notes=notes)
    told = _metadata(scene, strength, as_patch)
    return Outcome(_packed(layer, scene.faces[0]) if as_patch else layer, told, notes)


def placed(patch: Pixels, matrix: Affine, shape: tuple[int, int]) -> Patch | None:
    """Sample a patch onto a photo, as the service's own script does.

    Parameters
    ----------
    patch : ndarray of uint8, (height, width, 4)
    matrix : ndarray, (2, 3)
        From pixels of the photo to pixels of the patch, both counted from their edges.
    shape : tuple of int
        Height and width of the photo.

    Returns
    -------
    Patch or None
        A Linear Light layer, cropped; None if all of it lies outside.
    """
    width, height = patch.shape[1::-1]
    corners = carried(inverse(matrix), np.array([[0, 0], [width, 0], [0, height], [width, height]]))
    limit = np.array(shape[::-1])
    left, top = np.clip(np.floor(corners.min(0)), 0, limit).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(0)), 0, limit).astype(int).tolist()
    if right <= left or bottom <= top:
        return None
    shift = matrix[:, :2] @ (left, top) + matrix[:, 2]
    moved = np.column_stack([matrix[:, :2], shift]).ravel().tolist()
    how = Image.Resampling.BICUBIC
    picture = Image.fromarray(patch, "RGBA")
    part = picture.transform((right - left, bottom - top), Image.Transform.AFFINE, moved, how)
    return merged([(np.asarray(part), (left, top))], BlendMode.LINEAR_LIGHT)


def patch_matrix(face: Face) -> Affine:
    """Matrix from the photo to the patch of a face; pixels are counted from their edges."""
    matrix = face.frame * _PATCH_UNIT
    # A face counts from the middle of pixels.
    matrix[:, 2] += _PATCH_MIDDLE - matrix[:, :2] @ (0.5, 0.5)
    return matrix


def _dimmed(
    closeup: Closeup, current: Pixels, strength: float
) -> tuple[Pixels, tuple[int, int]] | None:
    """Linear Light adds twice the layer less white; the layer is grey less half the veil."""
    veil = strength * _veil(closeup, closeup.of(current))
    if veil.max() < 1:
        return None
    level = np.rint(127.5 - enlarged(as_plane(veil), closeup, closeup.box) / 2).astype(np.uint8)
    visible = np.where((level < 127).any(-1), 255, 0).astype(np.uint8)
    return np.dstack([level, visible]), closeup.box[:2]


def _veil(closeup: Closeup, seen: Pixels) -> NDArray[np.float32]:
    """How much light a reflection adds to each channel, 0 to 255, inside the box glasses take."""
    unit, glasses = closeup.unit, _glasses(closeup) * closeup.own
    spots = _reflections(closeup, seen)
    if not spots.any():
        return np.zeros((*closeup.shape, 3), np.float32)
    spread = as_plane(cv2.dilate(spots.astype(np.uint8), round_element(0.03 * unit)))
    rest = as_plane((1 - spread) * (closeup.skin > 0.5))
    channels = [as_plane(seen[..., i]) for i in range(3)]
    around = np.stack([masked_blur(plane, rest, sigma=0.15 * unit) for plane in channels], -1)
    pixels = as_plane(seen)
    added = np.clip(pixels.min(-1) - around.min(-1), 0, None)[..., None]
    # Burnt-out channels have lost their colour; the surroundings lend theirs.
    burnt = np.clip((pixels.max(-1, keepdims=True) - 215) / 40, 0, 1)
    less = np.clip((1 - burnt) * added + burnt * (pixels - around), 0, None)
    soft = blur(spread, 0.02 * unit) * glasses
    smooth = np.stack([blur(as_plane(less[..., i]), 0.008 * unit) for i in range(3)], -1)
    return as_plane(0.9 * smooth * soft[..., None])


def _glasses(closeup: Closeup) -> Plane:
    """Where lenses can be: about both eyes, not on the bridge of the nose."""
    x, y = np.abs(closeup.places[..., 0]), closeup.places[..., 1]
    across = np.clip((0.42 - np.abs(x - 0.53)) / 0.04 + 0.5, 0, 1)
    return as_plane(across * np.clip((0.32 - np.abs(y - 0.04)) / 0.04 + 0.5, 0, 1))


def _reflections(closeup: Closeup, seen: Pixels) -> NDArray[np.bool_]:
    """Blobs much brighter and less colourful than the skin, larger than what shines in a bare eye."""
    light, a, b = closeup.skin_lab
    lab = cv2.cvtColor(seen.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    bright = lab[..., 0] > light + _STAND_OUT * (100 - light)
    found = bright & (chroma < 0.7 * np.hypot(a, b)) & (_glasses(closeup) > 0.5)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    large = 1 + np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] > 0.006 * closeup.unit**2)
    return np.asarray(np.isin(parts, large)) if count > 1 else found


def _packed(layer: Patch, face: Face) -> Patch:
    """Carry a layer of the photo into the patch's own pixels."""
    matrix = patch_matrix(face)
    shift = matrix[:, :2] @ layer.offset + matrix[:, 2]
    # OpenCV counts from the middle of pixels.
    shift += matrix[:, :2] @ (0.5, 0.5) - 0.5
    to_patch = np.column_stack([matrix[:, :2], shift])
    pixels = layer.pixels.copy()
    pixels[pixels[..., 3] == 0, :3] = _GREY
    edge = (_GREY, _GREY, _GREY, 0)
    patch = cv2.warpAffine(pixels, to_patch, PATCH, flags=cv2.INTER_LINEAR, borderValue=edge)
    return Patch(np.asarray(patch, np.uint8), (0, 0), BlendMode.LINEAR_LIGHT, kind="patch")


def _metadata(scene: Scene, strength: float, as_patch: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "amount": strength,
        "blendingMode": "linearLight",
        "glassesAntiGlareVersion": 1,
        "layoutMode": "patch" if as_patch else "full",
        "originalHeight": scene.shape[0],
        "originalWidth": scene.shape[1],
    }
    if as_patch:
        matrix = patch_matrix(scene.faces[0]).tolist()
        width, height = PATCH
        place = {"glassesAntiGlarePatchMatrix": matrix, "patchWidth": width, "patchHeight": height}
        told["faces"] = [place]
    return told


def _notes(scene: Scene, layer: Patch | None, as_patch: bool) -> tuple[str, ...]:
    notes = []
    if layer is None:
        notes.append("no glare was found on glasses: nothing was changed")
    if as_patch and len(scene.faces) > 1:
        notes.append("a patch holds one face: the largest was taken")
    return tuple(notes)
