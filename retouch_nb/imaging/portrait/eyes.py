"""Plug-ins for the eyes: redness out of the white, light and colour into the iris."""

import cv2
import numpy as np

from retouch_nb.imaging.face import Point
from retouch_nb.imaging.portrait.layers import Change, normal_layer
from retouch_nb.imaging.portrait.made import Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene, round_element
from retouch_nb.imaging.portrait.strength import alpha, reach
from retouch_nb.imaging.smooth import Plane, as_plane, blur, to_lab

IRIS = 0.095
"""Radius of an iris in eye distances: 5.9 mm in 62 mm, nearly the same in all adults."""


_RICH = 12.0
"""Chroma at which the gain in colour has fallen to half."""


def eye_vessels(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Bring red threads in the white of the eye to the colour and light around them."""
    strength, size = alpha(settings), 0.03 * reach(settings)

    def cleared(closeup: Closeup, seen: Pixels) -> Change:
        lab, change = to_lab(seen), np.zeros((*closeup.shape, 3), np.float32)
        for white in _whites(closeup, lab):
            sure = white > 0.5
            if sure.sum() < 6:
                continue
            usual = np.percentile(lab[sure], 35, axis=0)
            red = np.clip(lab[..., 1] - usual[1], 0, None)
            change[..., 1] -= strength * 0.9 * red * white
            change[..., 2] -= strength * 0.5 * np.clip(lab[..., 2] - usual[2], 0, None) * white
            threads = _dark_threads(as_plane(lab[..., 0]), size * closeup.unit)
            change[..., 0] += strength * 0.8 * threads * np.clip(red / 8, 0, 1) * white
        return change

    return normal_layer(current, scene.closeups, cleared)


def eye_brilliance(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Give the iris contrast, light and colour; what is bright already stays as it is."""
    strength, size = alpha(settings), 0.03 * reach(settings)

    def shining(closeup: Closeup, seen: Pixels) -> Change:
        lab = to_lab(seen)
        light = as_plane(lab[..., 0])
        iris = np.maximum(*(_iris(closeup, side) for side in ("left", "right")))
        contrast = 0.8 * np.clip(light - blur(light, size * closeup.unit), -8, 8)
        lift = 7 * np.clip(light / 25, 0, 1)
        # Catch-lights are the brightest of an eye: a ceiling keeps them from blowing out.
        room = np.clip((80 - light) / 40, 0, 1)
        more = strength * iris * np.where(contrast + lift > 0, room, 1) * (contrast + lift)
        # A brown eye that gains as many times its colour as a grey one turns red.
        richer = 0.35 * lab[..., 1:] / (1 + np.hypot(lab[..., 1], lab[..., 2]) / _RICH)[..., None]
        colour = strength * (iris * room)[..., None] * richer
        return as_plane(np.concatenate([more[..., None], colour], axis=-1))

    return normal_layer(current, scene.closeups, shining)


def _opening(closeup: Closeup, side: str) -> Plane:
    """Where an eye is open."""
    return closeup.drawn(closeup.face.outline(f"{side}_eye"), soft=0.012)


def _iris(closeup: Closeup, side: str) -> Plane:
    return closeup.disc(_pupil(closeup, side), IRIS, soft=0.03) * _opening(closeup, side)


def _pupil(closeup: Closeup, side: str) -> Point:
    return closeup.face.left_eye if side == "left" else closeup.face.right_eye


def _whites(closeup: Closeup, lab: Change) -> list[Plane]:
    """Find the white of each eye: open, beside the iris, paler than the skin and not in its shade.

    Gaps as narrow as a vessel are closed.
    """
    light, a, b = closeup.skin_lab
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    pale = np.clip((0.75 * np.hypot(a, b) - chroma) / 4, 0, 1)
    bright = np.clip((lab[..., 0] - 0.55 * light) / 8, 0, 1)
    found = cv2.morphologyEx(
        as_plane(pale * bright), cv2.MORPH_CLOSE, round_element(0.045 * closeup.unit)
    )
    whites = []
    for side in ("left", "right"):
        beside = 1 - closeup.disc(_pupil(closeup, side), IRIS + 0.02, soft=0.03)
        whites.append(as_plane(_opening(closeup, side) * beside * found))
    return whites


def _dark_threads(light: Plane, width: float) -> Plane:
    return as_plane(cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, round_element(width)))
