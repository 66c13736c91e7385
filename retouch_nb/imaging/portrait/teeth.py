"""White Teeth: yellow out and light in, on the largest bright and pale thing between the lips."""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.portrait.layers import Change, normal_layer
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene
from retouch_nb.imaging.portrait.strength import alpha, reach
from retouch_nb.imaging.smooth import Plane, as_plane, blur, to_lab


def white_teeth(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Whiten (Alpha1) and brighten (Alpha2) the teeth; a closed mouth stays as it is."""
    whiten, brighten = alpha(settings), alpha(settings, 2)
    notes = []

    def whiter(closeup: Closeup, seen: Pixels) -> Change | None:
        lab = to_lab(seen)
        teeth = _teeth(closeup, lab, soft=0.012 * reach(settings))
        if teeth is None:
            notes.append("no teeth are seen in a face: its mouth was left as it is")
            return None
        light, a, b = np.moveaxis(lab, -1, 0)
        up = brighten * 0.45 * np.clip(94 - light, 0, 40) * np.clip(light / 50, 0, 1)
        redder, yellower = np.clip(a - 1, 0, None), np.clip(b - 2, 0, None)
        change = np.stack([up, -0.6 * whiten * redder, -0.8 * whiten * yellower], axis=-1)
        return as_plane(change * teeth[..., None])

    return Outcome(normal_layer(current, scene.closeups, whiter), notes=tuple(notes))


def _teeth(closeup: Closeup, lab: Change, soft: float) -> Plane | None:
    lips = closeup.drawn(closeup.face.outline("lips"), soft=0.0) > 0.5
    if not lips.any():
        return None
    found = lips & _bright_and_pale(closeup, lab, lips)
    # Shade and stain between two teeth must not leave one of them out.
    side = 2 * max(1, round(0.025 * closeup.unit)) + 1
    whole = cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((side, side)))
    blob = _largest(lips & (np.asarray(whole) > 0))
    if blob.sum() < 0.008 * closeup.unit**2:
        return None
    inside = blur(as_plane(blob), soft * closeup.unit)
    return as_plane(np.clip(2 * inside - 0.5, 0, 1) * lips)


def _bright_and_pale(closeup: Closeup, lab: Change, lips: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Told against this mouth's own lips and this person's own skin, whose shading is divided out."""
    light, a, _ = closeup.skin_lab
    bright = lab[..., 0] > float(np.median(lab[..., 0][lips]))
    return np.asarray(bright & (lab[..., 1] / (lab[..., 0] + 16) < 0.6 * a / (light + 16)))


def _largest(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(found.astype(np.uint8))
    if count < 2:
        return np.zeros_like(found)
    return np.asarray(parts == 1 + np.argmax(stats[1:, cv2.CC_STAT_AREA]))
