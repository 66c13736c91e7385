"""From a change thought of in Lab at the size of analysis to an 8-bit layer on the photo.

A change is an array (height, width, 3) of L*, a*, b* to be added in a close-up. It is smooth, so it can
be enlarged; the photo's own pixels keep their pores.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode, soft_light_inverse
from retouch_nb.imaging.portrait.made import Patch, Pixels
from retouch_nb.imaging.portrait.scene import Closeup
from retouch_nb.imaging.smooth import as_plane, blur, from_lab, to_lab

Change: TypeAlias = NDArray[np.float32]
"""L*, a* and b* to be added, shape (height, width, 3), at the size of analysis."""
Box: TypeAlias = tuple[int, int, int, int]
Level = TypeVar("Level", np.uint8, np.float32)

_NEUTRAL = 128
_LEAST = 0.02
"""Changes of Lab smaller than this never show in 8 bits."""
_ROWS = 512


def normal_layer(
    current: Pixels, closeups: Sequence[Closeup], change: Callable[[Closeup, Pixels], Change | None]
) -> Patch | None:
    """Change the photo's own pixels, face by face, and keep those that became different.

    Parameters
    ----------
    current : ndarray of uint8, (height, width, 3)
        The photo as retouched so far.
    closeups : sequence of Closeup
    change : callable
        From a close-up and the current picture at its size to what is to be added; None for nothing.

    Returns
    -------
    Patch or None
        A Normal layer, opaque where a pixel changes; None if none does.
    """
    parts = []
    for closeup in closeups:
        wanted = change(closeup, closeup.of(current))
        if wanted is not None and (box := _extent(closeup, wanted)):
            parts.append((_recoloured(current, closeup, wanted, box), box[:2]))
    return merged(parts, BlendMode.NORMAL)


def soft_light_layer(
    current: Pixels, closeups: Sequence[Closeup], change: Callable[[Closeup, Pixels], Change | None]
) -> Patch | None:
    """Find the Soft Light layer that makes a change of light and colour and leaves texture alone.

    Parameters are those of `normal_layer`. The layer is half grey, and transparent, where nothing
    is to change.
    """
    parts = []
    for closeup in closeups:
        seen = closeup.of(current)
        wanted = change(closeup, seen)
        if wanted is not None and (box := _extent(closeup, wanted)):
            parts.append((_light(closeup, seen, wanted, box), box[:2]))
    return merged(parts, BlendMode.SOFT_LIGHT)


def merged(parts: Sequence[tuple[Pixels, tuple[int, int]]], mode: BlendMode, /) -> Patch | None:
    """Put RGBA parts with their offsets together and crop them to what is visible."""
    seen = [part for part in (_cropped(*part) for part in parts) if part]
    if len(seen) < 2:
        return Patch(*seen[0], mode) if seen else None
    left, top = np.min([offset for _, offset in seen], axis=0).tolist()
    right, bottom = np.max([np.add(o, p.shape[1::-1]) for p, o in seen], axis=0).tolist()
    whole = np.zeros((bottom - top, right - left, 4), np.uint8)
    for pixels, (x, y) in seen:
        place = whole[y - top :, x - left :][: pixels.shape[0], : pixels.shape[1]]
        np.copyto(place, pixels, where=pixels[..., 3:] > place[..., 3:])
    return Patch(whole, (left, top), mode)


def enlarged(plane: NDArray[Level], closeup: Closeup, box: Box, /) -> NDArray[Level]:
    """Enlarge a plane (or a change) of a close-up to the photo's size, cut to a box of the photo."""
    left, top, right, bottom = closeup.box
    across, down = plane.shape[1] / (right - left), plane.shape[0] / (bottom - top)
    if across == down == 1:
        return plane[box[1] - top : box[3] - top, box[0] - left : box[2] - left]
    shift = ((box[0] - left + 0.5) * across - 0.5, (box[1] - top + 0.5) * down - 0.5)
    matrix = np.array([[across, 0, shift[0]], [0, down, shift[1]]])
    size, how = (box[2] - box[0], box[3] - box[1]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(plane, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE),
        plane.dtype,
    )


def _extent(closeup: Closeup, change: Change) -> Box | None:
    """Box in the photo around everything that changes."""
    seen = np.abs(change).max(-1) > _LEAST
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not rows.size:
        return None
    left, top, right, bottom = closeup.box
    across, down = (right - left) / seen.shape[1], (bottom - top) / seen.shape[0]
    return (
        max(left, left + int((columns[0] - 1) * across)),
        max(top, top + int((rows[0] - 1) * down)),
        min(right, left + int(np.ceil((columns[-1] + 2) * across))),
        min(bottom, top + int(np.ceil((rows[-1] + 2) * down))),
    )


def _recoloured(current: Pixels, closeup: Closeup, change: Change, box: Box) -> Pixels:
    """Add a change to the photo's own pixels, strip by strip, so that memory stays small."""
    left, _, right, _ = box
    layer = np.zeros((box[3] - box[1], right - left, 4), np.uint8)
    for strip in _strips(box):
        here = current[strip[1] : strip[3], left:right]
        wanted = enlarged(change, closeup, strip)
        touched = np.abs(wanted).max(-1) > _LEAST
        new = from_lab(to_lab(here) + wanted)
        part = layer[strip[1] - box[1] : strip[3] - box[1]]
        differs = touched & (new != here).any(-1)
        part[..., :3][differs] = new[differs]
        part[..., 3] = np.where(differs, 255, 0)
    return layer


def _light(closeup: Closeup, seen: Pixels, change: Change, box: Box) -> Pixels:
    """Solve Soft Light for the layer on the softened close-up, then enlarge the layer."""
    soft = [blur(as_plane(seen[..., i]), 0.012 * closeup.unit) for i in range(3)]
    base = np.stack(soft, axis=-1)
    lab = as_plane(cv2.cvtColor(base / 255, cv2.COLOR_RGB2Lab)) + change
    wanted = as_plane(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)) * 255
    small = soft_light_inverse(base, np.clip(wanted, 0, 255))
    small[np.abs(change).max(-1) <= _LEAST] = _NEUTRAL
    layer = np.empty((box[3] - box[1], box[2] - box[0], 4), np.uint8)
    layer[..., :3] = enlarged(small, closeup, box)
    layer[..., 3] = np.where((layer[..., :3] != _NEUTRAL).any(-1), 255, 0)
    return layer


def _strips(box: Box) -> Iterable[Box]:
    for top in range(box[1], box[3], _ROWS):
        yield box[0], top, box[2], min(box[3], top + _ROWS)


def _cropped(pixels: Pixels, offset: tuple[int, int]) -> tuple[Pixels, tuple[int, int]] | None:
    seen = pixels[..., 3] > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not rows.size:
        return None
    top, left = int(rows[0]), int(columns[0])
    part = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
    return part.copy(), (offset[0] + left, offset[1] + top)
