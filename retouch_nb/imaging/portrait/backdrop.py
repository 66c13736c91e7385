"""Clean Backdrop: evens a studio backdrop, with its fall of light and its grain.

A backdrop is what reaches the photo's border and follows one smooth surface of colour; spots enclosed by
it are dirt.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.blend import BlendMode
from retouch_nb.imaging.light import as_pixels, light_of
from retouch_nb.imaging.noise import noise_level
from retouch_nb.imaging.portrait.layers import merged
from retouch_nb.imaging.portrait.made import Outcome, Patch, Pixels, Settings
from retouch_nb.imaging.portrait.person import person_map
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.portrait.strength import alpha
from retouch_nb.imaging.reduce import reduced
from retouch_nb.imaging.smooth import Plane, as_plane, blur, masked_blur, to_lab
from retouch_nb.imaging.strips import row_strips, rows_enlarged

_LONGEST = 640
_STRIP = 256
_GRAIN_RIM = 8
_NOISE_SIDE = 1000
_DIRT = {0: 0.03, 1: 0.07, 2: 0.03, 3: 0.012}
"""Diameter of the largest stain as a part of the longer edge, for every ``Scale``."""
_NEAR = 9.0
"""How far, in Lab, a backdrop may be from its surface: folds and stains are within, people not."""
_RIM = 8
"""How much larger, in pixels, a spot looks where that is measured."""
_LEAST_SHARE = 0.12


def clean_backdrop(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Even the backdrop; Alpha1 from 0 to 1, Scale is the size of the dirt, Automask keeps people.

    Examples
    --------
    >>> photo = np.full((80, 80, 3), 180, np.uint8)
    >>> photo[40, 40] = 90
    >>> patch = clean_backdrop(Scene(photo), photo, {"Alpha1": 1.0}).result
    >>> patch.pixels[40 - patch.offset[1], 40 - patch.offset[0]].tolist()
    [180, 180, 180, 255]
    """
    opacity = alpha(settings)
    if opacity <= 0:
        return Outcome()
    small = reduced(current, _LONGEST)
    stain = _DIRT[int(settings.get("Scale", 0))]
    backdrop = backdrop_map(small, stain=stain)
    notes: tuple[str, ...] = ()
    if settings.get("Automask"):
        notes = () if scene.faces else (_NOBODY,)
        factor = small.shape[1] / current.shape[1]
        faces = [face.moved(0, 0, scale=factor) for face in scene.faces]
        backdrop = backdrop * (1 - person_map(small, faces))
    if not (backdrop > 0.5).any():
        return Outcome(notes=(_NONE, *notes))
    clean = evened(small, backdrop, stain=stain)
    return Outcome(_layer(current, clean, backdrop * opacity), notes=notes)


_NONE = "no plain backdrop was found: nothing was changed"
_NOBODY = "Automask found nobody to protect, for it goes by frontal faces"


def backdrop_map(pixels: Pixels, /, *, stain: float = 0.03) -> Plane:
    """Tell how far every pixel is a plain backdrop.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo, reduced: what is measured in it is grain of up to a few pixels.
    stain : float
        Diameter of the largest stain, as a part of the photo's longer edge.

    Returns
    -------
    ndarray of float32, shape (height, width)
        0 to 1; all 0 where less than 12 % of the photo, or none of its border, is plain.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    >>> float(backdrop_map(noise).max()), float(backdrop_map(noise // 128 + 90).min())
    (0.0, 1.0)
    """
    grain = noise_level(light_of(pixels))
    plain = _plain(to_lab(pixels), rough=0.5 + 0.5 * grain)
    found = _without_holes(_reaching_border(plain), stain * max(pixels.shape[:2]))
    if found.mean() < _LEAST_SHARE:
        return np.zeros(pixels.shape[:2], np.float32)
    # One step inwards, so that the soft edge does not reach what stands before the backdrop.
    inner = as_plane(cv2.erode(found.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1))
    return inner if inner.all() else np.clip(2 * blur(inner, 1.5) - 1, 0, 1)


def evened(pixels: Pixels, backdrop: Plane, /, *, stain: float) -> NDArray[np.float32]:
    """Give the smooth part of a backdrop: its fall of light, without stains and without grain.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo, reduced.
    backdrop : ndarray of float32, shape (height, width)
        As `backdrop_map` gives it.
    stain : float
        As there.

    Returns
    -------
    ndarray of float32, shape (height, width, 3)
        RGB, 0 to 255. Only where there is backdrop does it mean anything.
    """
    weight = as_plane(backdrop > 0.6)
    return _smooth(as_plane(pixels), weight, stain * max(pixels.shape[:2]))


def _layer(current: Pixels, clean: NDArray[np.float32], opacity: Plane) -> Patch | None:
    """Put the smooth backdrop and the photo's own grain together, strip by strip."""
    layer = np.zeros((*current.shape[:2], 4), np.uint8)
    most = 2.5 * noise_level(light_of(_upper_middle(current)))
    for rows in row_strips(len(current), _STRIP):
        alpha_here = rows_enlarged(opacity, current.shape, rows)
        if alpha_here.any():
            grain = _grain(current, rows, most)[..., None]
            colours = as_pixels(rows_enlarged(clean, current.shape, rows) + grain)
            part = np.dstack([colours, np.rint(255 * alpha_here).astype(np.uint8)])
            part[(colours == current[rows]).all(-1)] = 0
            layer[rows] = part
    return merged([(layer, (0, 0))], BlendMode.NORMAL)


def _upper_middle(pixels: Pixels) -> Pixels:
    """Cut out where studio photos show their backdrop, enough to tell the noise."""
    middle = pixels.shape[1] // 2
    return pixels[:_NOISE_SIDE, max(0, middle - _NOISE_SIDE) : middle + _NOISE_SIDE]


def _plain(lab: NDArray[np.float32], rough: float) -> NDArray[np.bool_]:
    """Find the pixels near one smooth surface of colour, fitted from the border inwards.

    What varies more than `rough` from pixel to pixel, in L*, is texture and no grain.
    """
    terms, flat = _terms(lab.shape), lab.reshape(-1, 3)
    edge = _edge(lab.shape).ravel()
    away = np.linalg.norm(flat - np.median(flat[edge], axis=0), axis=1)
    # First a plane through the border, then a curved surface through all that is near it.
    for number in (3, 3, 6, 6, 6):
        near = max(3 * float(np.median(away[edge])), 4.0)
        chosen = edge & (away < near) if number == 3 else away < min(near, _NEAR)
        surface = np.linalg.lstsq(terms[chosen, :number], flat[chosen], rcond=None)[0]
        away = np.linalg.norm(flat - terms[:, :number] @ surface, axis=1)
    plain = (away.reshape(lab.shape[:2]) < _NEAR) & (_roughness(lab) < rough)
    return np.asarray(cv2.medianBlur(plain.astype(np.uint8), 3) > 0)


def _edge(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Draw the border, but not the lower one: people stand on it."""
    band = max(2, round(0.03 * max(shape[:2])))
    edge = np.ones(shape[:2], np.bool_)
    edge[band:, band:-band] = False
    return edge


def _roughness(lab: NDArray[np.float32]) -> Plane:
    lightness = np.ascontiguousarray(lab[..., 0])
    return blur(np.abs(lightness - blur(lightness, 1.5)), 2.0)


def _terms(shape: tuple[int, ...]) -> NDArray[np.float64]:
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], -1).reshape(-1, 6)


def _reaching_border(plain: NDArray[np.bool_]) -> NDArray[np.bool_]:
    _, parts = cv2.connectedComponents(plain.astype(np.uint8))
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    counts = np.bincount(border, minlength=2)
    counts[0] = 0
    return np.isin(parts, np.flatnonzero(counts >= 0.1 * border.size))


def _without_holes(found: NDArray[np.bool_], largest: float) -> NDArray[np.bool_]:
    """Take in enclosed spots up to a diameter."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats((~found).astype(np.uint8))
    extent = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    small = extent <= largest + _RIM
    small[0] = False
    return np.asarray(found | small[parts])


def _smooth(colours: NDArray[np.float32], weight: Plane, stain: float) -> NDArray[np.float32]:
    """Blur the backdrop alone, as what it differs by from a surface, stains not counted."""
    terms = _terms(colours.shape)
    inside = weight.ravel() > 0
    surface = np.linalg.lstsq(terms[inside], colours.reshape(-1, 3)[inside], rcond=None)[0]
    base = as_plane((terms @ surface).reshape(colours.shape))
    rest = colours - base
    first = _blurred(rest, weight, stain)
    odd = np.abs(rest - first).max(-1)
    limit = max(2.0, 3 * float(np.median(odd[weight > 0])))
    cleaned = as_plane(weight * (odd < limit))
    return as_plane(base + _blurred(rest, cleaned, stain))


def _blurred(colours: NDArray[np.float32], weight: Plane, stain: float) -> NDArray[np.float32]:
    planes = [masked_blur(np.ascontiguousarray(p), weight, sigma=stain) for p in cv2.split(colours)]
    return as_plane(cv2.merge(planes))


def _grain(pixels: Pixels, rows: slice, most: float) -> Plane:
    """Give the finest variation of the light in some rows, where it is no more than noise."""
    top = max(0, rows.start - _GRAIN_RIM)
    light = light_of(pixels[top : rows.stop + _GRAIN_RIM])
    grain = (light - blur(light, 1.5))[rows.start - top :][: rows.stop - rows.start]
    return as_plane(np.where(np.abs(grain) <= most, grain, 0))
