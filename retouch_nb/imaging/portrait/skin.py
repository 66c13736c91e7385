"""Plug-ins for the skin as a whole: its mask, its shine, its light, its colour and its volumes.

Light and colour are split into bands of size; each plug-in weakens or strengthens one band, inside the skin.
"""

import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.portrait.layers import (
    Change,
    enlarged,
    merged,
    normal_layer,
    soft_light_layer,
)
from retouch_nb.imaging.portrait.made import Outcome, Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene
from retouch_nb.imaging.portrait.strength import alpha, reach, share
from retouch_nb.imaging.smooth import Plane, as_plane, blur, masked_blur, to_lab

_LEAST_CHROMA = 0.05
"""Colour, in shares of L* + 16, below which a photo counts as grey and shine is told by light alone."""


def skin_mask(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Select the skin; a greater sensitivity (Alpha1) takes in what is skin less surely."""
    sensitivity = alpha(settings)
    if sensitivity <= 0:
        return Outcome()
    found = []
    for closeup in scene.closeups:
        skin = blur(closeup.skin, 0.01 * reach(settings) * closeup.unit) * closeup.own
        levels = np.rint(255 * np.clip(skin, 0, 1) ** (1 / sensitivity)).astype(np.uint8)
        part = enlarged(levels, closeup, closeup.box)
        found.append((np.repeat(part[..., None], 4, axis=2), closeup.box[:2]))
    patch = merged(found, BlendMode.NORMAL)
    mask = patch and Patch(patch.pixels[..., 3].copy(), patch.offset, kind="mask")
    unseen = ("a mask changes nothing: ask for it as a layer",)
    return Outcome(mask, notes=() if settings.get("Layer") else unseen)


def mattifier(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Take the shine off: light brighter and paler than the person's skin, and give it its colour."""
    strength, size = alpha(settings), 0.02 * reach(settings)

    def dull(closeup: Closeup, seen: Pixels) -> Change | None:
        if not _has_skin(closeup):
            return None
        lab = _softened(closeup, seen, size)
        chroma = _chroma(lab)
        pale = _paler(chroma, np.median(chroma[closeup.skin > 0.8], axis=0))
        light = as_plane(lab[..., 0])
        usual, level = float(np.median(light[closeup.skin > 0.8])), _level(closeup, light)
        shine = as_plane(np.maximum(light - level, 0) * pale)
        down = -0.8 * shine
        tint = as_plane(np.clip(shine / 12, 0, 1))
        # Shaded skin is more colourful: on light skin its colour would be a stain.
        lit = np.clip((light - usual) / max(level - usual, 1.0), 0, 1)
        wanted = _around(closeup, chroma, (1 - tint) * lit) * (lab[..., :1] + down[..., None] + 16)
        colour = 0.8 * tint[..., None] * (wanted - lab[..., 1:])
        return _within(closeup, strength * down, as_plane(strength * colour))

    return normal_layer(current, scene.closeups, dull)


def dodge_burn(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Even the small lights and shades of the skin (Alpha1), lit places a little warmer (Alpha2)."""
    even, size = share(alpha(settings), at_one=0.55), reach(settings)
    warmth = alpha(settings, 2)

    def evened(closeup: Closeup, seen: Pixels) -> Change:
        light = to_lab(seen)[..., 0]
        band = _band(closeup, light, 0.018 * size, 0.12 * size)
        shift = -even * _bounded(band, 12)
        warm = warmth * np.maximum(shift, 0)[..., None] * np.array([0.15, 0.35])
        return _within(closeup, shift, as_plane(warm))

    return soft_light_layer(current, scene.closeups, evened)


def skin_tone(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Even patches of colour (Alpha1) and bring all skin nearer to one tone (Alpha2)."""
    local = share(alpha(settings), at_one=0.6)
    overall = share(alpha(settings, 2), at_one=0.35)
    size = reach(settings)

    def toned(closeup: Closeup, seen: Pixels) -> Change | None:
        if not _has_skin(closeup):
            return None
        lab = to_lab(seen)
        chroma, light = _chroma(lab), lab[..., :1] + 16
        usual = np.median(chroma[closeup.skin > 0.8], axis=0)
        planes = [np.ascontiguousarray(chroma[..., i]) for i in (0, 1)]
        patches = np.stack([_band(closeup, p, 0.03 * size, 0.35 * size) for p in planes], -1)
        wide = np.stack([_wide(closeup, p, 0.35 * size) for p in planes], -1)
        shift = -local * _bounded(patches, 0.12) - overall * _bounded(wide - usual, 0.2)
        return _within(closeup, np.zeros(closeup.shape, np.float32), as_plane(shift * light))

    return soft_light_layer(current, scene.closeups, toned)


def portrait_volumes(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Give the face more depth: its broad lights and shades a little stronger."""
    more, size = 0.5 * alpha(settings), reach(settings)

    def deepened(closeup: Closeup, seen: Pixels) -> Change:
        light = to_lab(seen)[..., 0]
        band = _band(closeup, light, 0.12 * size, 0.75 * size)
        none = np.zeros((*closeup.shape, 2), np.float32)
        return _within(closeup, more * _bounded(band, 12), none)

    return soft_light_layer(current, scene.closeups, deepened)


def _within(closeup: Closeup, light: Plane, colour: NDArray[np.float32]) -> Change:
    """Join the changes of light and colour and let them fade at the edge of the skin."""
    inside = np.clip(2 * closeup.skin - 0.6, 0, 1)[..., None]
    return as_plane(np.concatenate([light[..., None], colour], axis=-1) * inside)


def _band(closeup: Closeup, plane: Plane, fine: float, coarse: float) -> Plane:
    """Keep what is larger than `fine` and smaller than `coarse`, in eye distances."""
    return _wide(closeup, plane, fine) - _wide(closeup, plane, coarse)


def _wide(closeup: Closeup, plane: Plane, size: float) -> Plane:
    return masked_blur(plane, closeup.skin, sigma=size * closeup.unit)


def _bounded(values: NDArray[np.float32], most: float) -> Plane:
    """Let small differences pass and hold large ones, which are features and not faults."""
    return as_plane(most * np.tanh(values / most))


def _softened(closeup: Closeup, seen: Pixels, size: float) -> NDArray[np.float32]:
    lab = to_lab(seen)
    return np.stack([blur(as_plane(lab[..., i]), size * closeup.unit) for i in range(3)], -1)


def _chroma(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide the shading out of a* and b*, as `shading_free` does."""
    return as_plane(lab[..., 1:] / (lab[..., :1] + 16))


def _around(closeup: Closeup, chroma: NDArray[np.float32], weight: Plane) -> NDArray[np.float32]:
    """Average the colour of the skin round about where a weight lets it count."""
    counts = as_plane(closeup.skin * weight)
    planes = [np.ascontiguousarray(chroma[..., i]) for i in (0, 1)]
    wide = [masked_blur(plane, counts, sigma=0.25 * closeup.unit) for plane in planes]
    return np.stack(wide, axis=-1)


def _has_skin(closeup: Closeup) -> bool:
    return bool((closeup.skin > 0.8).any())


def _level(closeup: Closeup, light: Plane) -> float:
    """Tell the lightness above which skin counts as shining."""
    skin = light[closeup.skin > 0.8]
    return float(skin.mean() + 0.9 * skin.std())


def _paler(chroma: NDArray[np.float32], usual: NDArray[np.float32]) -> Plane:
    """0 where as colourful as the usual skin, 1 where a third of that colour is lost."""
    full = max(float(np.hypot(*usual)), _LEAST_CHROMA)
    return as_plane(np.clip((1 - np.hypot(chroma[..., 0], chroma[..., 1]) / full) / 0.33, 0, 1))
