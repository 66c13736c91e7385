"""Heal: small dark or red spots are found at the size of analysis and covered with clean skin from nearby.

A healing brush, spot by spot: the neighbour whose rim fits best is copied, its tone bent to the spot's rim.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.landmarks import grid_of
from retouch_nb.imaging.portrait.layers import merged
from retouch_nb.imaging.portrait.made import Patch, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Closeup, Scene
from retouch_nb.imaging.portrait.strength import alpha, reach
from retouch_nb.imaging.smooth import Plane, as_plane, to_lab

_SIZES = (0.011, 0.016, 0.023, 0.033)
"""Standard deviations of the spots looked for, in eye distances: about 2 to 6 mm across."""
_MOST = 150
_WORST_FIT = 350.0
"""Mean square difference of a rim, in levels and over the channels, above which nothing is copied."""


@dataclass(frozen=True)
class Spot:
    """A blemish: its middle and radius in pixels of a close-up."""

    x: float
    y: float
    radius: float

    def meets(self, other: "Spot", /, *, share: float = 1.3) -> bool:
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
            if _is_mole(lab, x, y, radius):
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
    open_skin = np.asarray(cv2.morphologyEx(open_skin, cv2.MORPH_CLOSE, _round(0.05 * unit)))
    open_skin[kept] = 0
    return np.asarray(cv2.erode(open_skin, _round(0.05 * unit), borderValue=0) > 0)


def _peaks(signal: Plane, sigma: float) -> NDArray[np.bool_]:
    """Find the middles of bright blobs of a size: by the Hessian, round and highest around."""
    smooth = cv2.GaussianBlur(signal, (0, 0), sigma)
    xx, yy, xy = (as_plane(cv2.Sobel(smooth, cv2.CV_32F, *d)) for d in ((2, 0), (0, 2), (1, 1)))
    trace, determinant = xx + yy, xx * yy - xy * xy
    round_enough = (trace < 0) & (determinant > 0.12 * trace * trace)
    height = as_plane(np.where(round_enough, -trace, 0))
    return np.asarray((height > 0) & (height >= cv2.dilate(height, _round(1.5 * sigma))))


def _against_ring(
    signal: Plane, place: tuple[int, int], radius: float
) -> tuple[float, float]:
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
        centre = (round(spot.x), round(spot.y))
        cv2.circle(clean, centre, int(np.ceil(1.2 * spot.radius)), 0, -1)
    parts = []
    for spot in spots:
        shift = _best_source(seen, clean, spot)
        if shift is not None:
            parts.append(_cloned(closeup, current, spot, shift))
    return [part for part in parts if part is not None]


def _best_source(seen: Pixels, clean: NDArray[np.uint8], spot: Spot) -> tuple[int, int] | None:
    """Shift to the clean disc whose rim differs least from the spot's, up to a tone."""
    r = int(np.ceil(1.5 * spot.radius)) + 1
    x, y = round(spot.x), round(spot.y)
    away = np.hypot(*np.moveaxis(grid_of((2 * r + 1, 2 * r + 1)) - (r, r), -1, 0))
    disc, rim = away <= 1.25 * spot.radius, (away > spot.radius) & (away <= r)
    target = _window(seen, x, y, r)
    if target is None:
        return None
    best, chosen = _WORST_FIT, None
    for far in (2.4, 3.2, 4.2):
        for turn in np.arange(0, 2 * np.pi, np.pi / 8):
            dx = round(far * spot.radius * np.cos(turn))
            dy = round(far * spot.radius * np.sin(turn))
            free = _window(clean, x + dx, y + dy, r)
            if free is None or not free[disc].all():
                continue
            source = _window(seen, x + dx, y + dy, r)
            assert source is not None
            differs = target[rim].astype(np.float32) - source[rim]
            misfit = float(differs.var(0).sum() + 0.1 * (differs.mean(0) ** 2).sum()) * far**0.25
            if misfit < best:
                best, chosen = misfit, (dx, dy)
    return chosen


def _window(pixels: NDArray[np.uint8], x: int, y: int, r: int) -> NDArray[np.uint8] | None:
    if x < r or y < r or x + r >= pixels.shape[1] or y + r >= pixels.shape[0]:
        return None
    return pixels[y - r : y + r + 1, x - r : x + r + 1]


def _cloned(
    closeup: Closeup, current: Pixels, spot: Spot, shift: tuple[int, int]
) -> tuple[Pixels, tuple[int, int]] | None:
    """Copy the source at the photo's own size and bend its tone, as a plane, to the spot's rim."""
    left, top, right, _ = closeup.box
    scale = (right - left) / closeup.shape[1]
    x, y = (round((v + 0.5) * scale - 0.5) for v in (spot.x, spot.y))
    radius = spot.radius * scale
    r = int(np.ceil(1.5 * radius)) + 1
    dx, dy = (round(v * scale) for v in shift)
    target = _window(current, x + left, y + top, r)
    source = _window(current, x + left + dx, y + top + dy, r)
    if target is None or source is None:
        return None
    places = grid_of((2 * r + 1, 2 * r + 1)) - (r, r)
    away = np.hypot(places[..., 0], places[..., 1]) / radius
    tone = _plane_through(
        as_plane(target) - as_plane(source), places / r, (away > 1.1) & (away < 1.5)
    )
    part = np.empty((*target.shape[:2], 4), np.uint8)
    part[..., :3] = np.clip(np.rint(source + tone), 0, 255)
    part[..., 3] = np.rint(255 * np.clip((1.2 - away) / 0.4, 0, 1))
    return part, (left + x - r, top + y - r)


def _plane_through(
    values: NDArray[np.float32], places: NDArray[np.float64], rim: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Least-squares plane through the values on a rim, for each channel, given everywhere."""
    terms = np.concatenate([np.ones((*rim.shape, 1)), places], axis=-1)
    slopes, *_ = np.linalg.lstsq(terms[rim], values[rim], rcond=None)
    return as_plane(terms @ slopes)


def _round(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
