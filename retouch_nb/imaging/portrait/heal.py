"""Heal: small dark or red spots are found at the size of analysis and covered with clean skin from nearby.

A healing brush, spot by spot: the neighbour whose rim fits best is copied, its tone bent to the spot's rim.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.landmarks import Points, grid_of
from retouch_nb.imaging.portrait.layers import merged
from retouch_nb.imaging.portrait.made import Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene, round_element
from retouch_nb.imaging.portrait.strength import alpha, reach
from retouch_nb.imaging.smooth import Plane, as_plane, to_lab

_SIZES = (0.011, 0.016, 0.023, 0.033)
"""Standard deviations of the spots looked for, in eye distances: about 2 to 6 mm across."""
_MOST = 150
_LEAST_RIM = 8
"""Pixels of clean rim to fit a plane to."""
_WORST_FIT = 500.0
"""Unevenness of a rim, in squared levels summed over the channels, above which it is no plain skin."""


@dataclass(frozen=True)
class Spot:
    """A blemish: its middle and radius in pixels of a close-up."""

    x: float
    y: float
    radius: float

    def meets(self, other: "Spot", /, *, share: float = 1.0) -> bool:
        """Tell whether two spots, made larger by a share, touch."""
        reach = share * (self.radius + other.radius)
        return bool(np.hypot(self.x - other.x, self.y - other.y) < reach)


def heal(scene: Scene, current: Pixels, settings: Settings) -> Patch | None:
    """Cover blemishes; a greater sensitivity (Alpha1) finds fainter ones. Moles are left alone."""
    sensitivity = alpha(settings)
    if sensitivity <= 0:
        return None
    parts = []
    for closeup in scene.closeups:
        seen = closeup.of(current)
        spots = find_spots(closeup, seen, sensitivity=sensitivity, size=reach(settings))
        parts += _covered(closeup, current, seen, spots)
    return merged(parts, BlendMode.NORMAL)


def find_spots(
    closeup: Closeup, seen: Pixels, /, *, sensitivity: float, size: float = 1.0
) -> list[Spot]:
    """Find what is darker or redder than the ring of skin around it, and round.

    Parameters
    ----------
    closeup : Closeup
    seen : ndarray of uint8, (height, width, 3)
        The current picture at the close-up's size.
    sensitivity : float
        Above 0 to 1; at 0.5 a spot must stand out twice as much as at 1.
    size : float
        Factor for the sizes looked for.

    Returns
    -------
    list of Spot
        The most distinct first.
    """
    lab = to_lab(seen)
    ground = _ground(closeup)
    signal = as_plane(1.2 * lab[..., 1] - lab[..., 0])
    found: list[tuple[float, Spot]] = []
    moles: list[Spot] = []
    for sigma in sorted({max(0.8, part * size * closeup.unit) for part in _SIZES}):
        radius = 1.5 * sigma
        for y, x in np.argwhere(_peaks(signal, sigma) & ground).tolist():
            contrast, noise = _against_ring(signal, (x, y), radius)
            spot = Spot(x, y, 1.35 * radius + 0.8)
            if contrast > 4 * noise and _is_mole(lab, x, y, radius):
                moles.append(spot)
            elif contrast > max(2.2, 2.0 * noise) / sensitivity:
                found.append((contrast, spot))
    spots = [spot for _, spot in sorted(found, key=lambda pair: -pair[0])]
    return _apart([spot for spot in spots if not any(spot.meets(mole) for mole in moles)])


def _ground(closeup: Closeup) -> NDArray[np.bool_]:
    """Keep to skin well away from its own edge, from eyes, brows, lips and the wings of the nose."""
    unit = closeup.unit
    kept = closeup.features > 0.05
    for name in ("left_nostril", "right_nostril"):
        kept |= closeup.disc(closeup.face.landmarks[name], 0.13, soft=0.02) > 0.5
    open_skin = ((closeup.skin > 0.75) & ~kept).astype(np.uint8)
    open_skin = np.asarray(cv2.morphologyEx(open_skin, cv2.MORPH_CLOSE, round_element(0.05 * unit)))
    open_skin[kept] = 0
    return np.asarray(cv2.erode(open_skin, round_element(0.05 * unit), borderValue=0) > 0)


def _peaks(signal: Plane, sigma: float) -> NDArray[np.bool_]:
    """Find the middles of bright blobs of a size: by the Hessian, round and highest around."""
    smooth = cv2.GaussianBlur(signal, (0, 0), sigma)
    xx, yy, xy = (as_plane(cv2.Sobel(smooth, cv2.CV_32F, *d)) for d in ((2, 0), (0, 2), (1, 1)))
    trace, determinant = xx + yy, xx * yy - xy * xy
    round_enough = (trace < 0) & (determinant > 0.12 * trace * trace)
    height = as_plane(np.where(round_enough, -trace, 0))
    return np.asarray((height > 0) & (height >= cv2.dilate(height, round_element(1.5 * sigma))))


def _against_ring(signal: Plane, place: tuple[int, int], radius: float) -> tuple[float, float]:
    """Measure how far the middle stands out of its ring, and how much the ring itself varies."""
    x, y = place
    r = int(np.ceil(2.4 * radius))
    rows, columns = slice(max(0, y - r), y + r + 1), slice(max(0, x - r), x + r + 1)
    part = signal[rows, columns]
    away = np.hypot(*np.moveaxis(grid_of(part.shape) - (x - columns.start, y - rows.start), -1, 0))
    ring = part[(away > 1.5 * radius) & (away <= 2.4 * radius)]
    middle = part[away <= max(0.6 * radius, 0.8)]
    if ring.size < 8:
        return 0.0, 1.0
    low, usual, high = np.percentile(ring, (25, 50, 75))
    return float(middle.mean() - usual), float((high - low) / 1.35)


def _is_mole(lab: NDArray[np.float32], x: int, y: int, radius: float) -> bool:
    """Tell a mole, much darker than its surroundings and hardly redder: it belongs to the person."""
    r = int(np.ceil(2.4 * radius))
    part = lab[max(0, y - r) : y + r + 1, max(0, x - r) : x + r + 1]
    dark = float(np.median(part[..., 0]) - lab[y, x, 0])
    red = float(lab[y, x, 1] - np.median(part[..., 1]))
    return dark > 18 and red < 0.3 * dark


def _apart(spots: Sequence[Spot]) -> list[Spot]:
    """Keep the first of those that lie upon each other."""
    kept: list[Spot] = []
    for spot in spots:
        if not any(spot.meets(other, share=0.7) for other in kept):
            kept.append(spot)
    return kept[:_MOST]


def _covered(
    closeup: Closeup, current: Pixels, seen: Pixels, spots: Sequence[Spot]
) -> list[tuple[Pixels, tuple[int, int]]]:
    clean = (_ground(closeup) | (closeup.skin > 0.9)).astype(np.uint8)
    for spot in spots:
        cv2.circle(clean, (round(spot.x), round(spot.y)), int(np.ceil(spot.radius)), 0, -1)
    parts = [
        _cloned(closeup, current, spot, shift)
        for spot in spots
        if (shift := _best_source(seen, clean, spot)) is not None
    ]
    return [part for part in parts if part is not None]


def _best_source(seen: Pixels, clean: NDArray[np.uint8], spot: Spot) -> tuple[int, int] | None:
    """Shift to the clean disc whose rim fits the spot's best, up to a tone.

    No shift at all means that a smooth fill fits better than any disc; None that the rim is no
    plain skin: something other than a blemish lies there.
    """
    x, y, r = round(spot.x), round(spot.y), _half(spot.radius)
    places, away = _around(r, spot.radius)
    target, around = _window(seen, x, y, r), _window(clean, x, y, r)
    if target is None or around is None:
        return None
    disc, rim = away <= 1.2, _rim(away) & (around > 0)
    if rim.sum() < _LEAST_RIM:
        return None
    terms = _terms(places)[rim]
    across = terms @ np.linalg.pinv(terms)

    def uneven(values: NDArray[np.floating]) -> float:
        return float(np.square(values - across @ values).mean(0).sum())

    wanted = as_plane(target[rim])
    best, chosen = 1.5 * uneven(wanted), (0, 0)
    if best > _WORST_FIT:
        return None
    for dx, dy in _shifts(spot.radius):
        free, source = _window(clean, x + dx, y + dy, r), _window(seen, x + dx, y + dy, r)
        if free is None or source is None or not free[disc].all():
            continue
        tone = as_plane(source[rim]) - wanted
        misfit = uneven(tone) + 0.1 * float(np.square(tone.mean(0)).sum())
        if misfit < best:
            best, chosen = misfit, (dx, dy)
    return chosen


def _shifts(radius: float) -> Iterator[tuple[int, int]]:
    for far in (2.4, 3.2, 4.2):
        for turn in np.arange(0, 2 * np.pi, np.pi / 8):
            yield round(far * radius * np.cos(turn)), round(far * radius * np.sin(turn))


def _cloned(
    closeup: Closeup, current: Pixels, spot: Spot, shift: tuple[int, int]
) -> tuple[Pixels, tuple[int, int]] | None:
    """Copy the source at the photo's own size and bend its tone, as a plane, to the spot's rim."""
    left, top, right, _ = closeup.box
    scale = (right - left) / closeup.shape[1]
    x, y = (round((v + 0.5) * scale - 0.5) for v in (spot.x, spot.y))
    radius = spot.radius * scale
    r = _half(radius)
    dx, dy = (round(v * scale) for v in shift)
    target = _window(current, x + left, y + top, r)
    source = _window(current, x + left + dx, y + top + dy, r)
    if target is None or source is None:
        return None
    texture = as_plane(source) if (dx, dy) != (0, 0) else np.zeros(source.shape, np.float32)
    places, away = _around(r, radius)
    tone = _plane_through(as_plane(target) - texture, places, _rim(away))
    part = np.empty((*target.shape[:2], 4), np.uint8)
    part[..., :3] = np.clip(np.rint(texture + tone), 0, 255)
    part[..., 3] = np.rint(255 * np.clip((1.2 - away) / 0.4, 0, 1))
    return part, (left + x - r, top + y - r)


def _window(pixels: NDArray[np.uint8], x: int, y: int, r: int) -> NDArray[np.uint8] | None:
    if x < r or y < r or x + r >= pixels.shape[1] or y + r >= pixels.shape[0]:
        return None
    return pixels[y - r : y + r + 1, x - r : x + r + 1]


def _half(radius: float) -> int:
    """Give half the side of the window of a spot with its rim, less the middle pixel."""
    return int(np.ceil(1.5 * radius)) + 1


def _around(r: int, radius: float) -> tuple[Points, NDArray[np.float64]]:
    """Give the places of a window and their distances from its middle, in radii."""
    places = (grid_of((2 * r + 1, 2 * r + 1)) - (r, r)) / radius
    return places, np.hypot(places[..., 0], places[..., 1])


def _rim(away: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray((away > 1.05) & (away < 1.5))


def _terms(places: Points) -> NDArray[np.float64]:
    return np.concatenate([np.ones((*places.shape[:-1], 1)), places], axis=-1)


def _plane_through(values: Plane, places: Points, rim: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fit a plane to the values on a rim, for each channel by least squares, given everywhere.

    Fitted twice: what lies far off the first time is another spot.
    """
    terms = _terms(places)
    slopes, *_ = np.linalg.lstsq(terms[rim], values[rim], rcond=None)
    off = np.hypot.reduce(values[rim] - terms[rim] @ slopes, axis=-1)
    near = off <= max(2 * float(np.median(off)), 1e-3)
    slopes, *_ = np.linalg.lstsq(terms[rim][near], values[rim][near], rcond=None)
    return as_plane(terms @ slopes)
