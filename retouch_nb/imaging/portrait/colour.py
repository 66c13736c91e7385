"""Color Correction: exposure, white balance where several ways of telling it agree, and a tone curve."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging.face import find_faces, skin_map
from retouch_nb.imaging.portrait.made import Outcome, Pixels, Settings
from retouch_nb.imaging.portrait.scene import Scene
from retouch_nb.imaging.reduce import reduced
from retouch_nb.imaging.smooth import as_plane, to_lab

Linear: TypeAlias = NDArray[np.float32]
"""Light of red, green and blue, 0 to 1, shape (height, width, 3)."""

_LONGEST = 400
_GREY = 0.16
"""Where the logarithmic mean of a photo's light belongs."""
_SKIN_LIGHTS = 0.6
"""Light, of 1, up to which the lightest tenth of a face may rise."""
_MOST_STOPS = 2.0
_AGREED = np.deg2rad(6.0)
_USUAL = np.deg2rad(7.0)
"""Photos in good light look tinted by so much, for things have colours; only what is more is a cast."""


def color_correction(scene: Scene, current: Pixels, settings: Settings) -> Outcome:
    """Correct exposure, white balance and tone as the chosen mode says; gives a new picture.

    Examples
    --------
    >>> dark = np.full((40, 40, 3), 40, np.uint8)
    >>> int(color_correction(Scene(dark), dark, {}).result[0, 0, 0]) > 80
    True
    """
    mode, enabled = _chosen(settings)
    if not enabled:
        return Outcome(notes=("Enable Basic is off: nothing was changed",))
    small = reduced(current, _LONGEST)
    stops = exposure(small)
    curve = _exposed(2.0**stops)
    notes: tuple[str, ...] = () if stops else ("the exposure was left as it is",)
    gains = np.ones(3)
    if mode != "Exposure only":
        gains = white_balance(small)
        notes += () if np.ptp(gains) else (_NO_BALANCE,)
    table = np.stack([_table(curve, gain) for gain in gains], -1)
    if mode == "Full":
        table = _toned(table, _looked_up(small, table))
    result = _looked_up(current, table)
    if np.array_equal(result, current):
        return Outcome(notes=notes)
    return Outcome(result, notes=notes)


_NO_BALANCE = "no cast could be told for certain: the white balance was left as it is"


def exposure(pixels: Pixels, /) -> float:
    """Tell by how many stops a photo should be brighter.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo; a small one will do.

    Returns
    -------
    float
        -2 to 2; 0 below a quarter of a stop. Three quarters of what is missing to a logarithmic
        mean of 16 %, so that night stays darker than day; less where lights or a face would burn out.

    Examples
    --------
    >>> exposure(np.full((9, 9, 3), 112, np.uint8))
    0.0
    >>> exposure(np.full((9, 9, 3), 50, np.uint8)) > 1
    True
    """
    light = _linear(pixels) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    missing = 0.75 * float(np.log2(_GREY) - np.mean(np.log2(light + 0.002)))
    # The brightest hundredth may rise into the shoulder of the curve, not over it.
    room = float(np.log2(1.4 / max(float(np.percentile(light, 98)), 1e-3)))
    skin = skin_map(pixels, find_faces(pixels)) > 0.7 if missing > 0 else np.zeros_like(light, bool)
    if skin.any():
        # A face before a dark wall is as light as it is meant to be, when its lights are.
        room = min(room, float(np.log2(_SKIN_LIGHTS / np.percentile(light[skin], 90))))
    stops = float(np.clip(min(missing, max(room, 0.0)), -_MOST_STOPS, _MOST_STOPS))
    return stops if abs(stops) >= 0.25 else 0.0


def white_balance(pixels: Pixels, /) -> NDArray[np.float64]:
    """Tell what red, green and blue light should be multiplied by.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo; a small one will do.

    Returns
    -------
    ndarray of float64, shape (3,)
        All 1 where the estimates are more than 6 degrees apart or less than 7 from neutral, where
        greys would become fewer, or skin would turn into what no skin is.

    Notes
    -----
    White patch, shades of grey and grey edge (J. van de Weijer, T. Gevers and A. Gijsenij,
    "Edge-Based Color Constancy", 2007). By itself none of them is right often enough.

    Examples
    --------
    >>> white_balance(np.full((32, 32, 3), 128, np.uint8)).tolist()
    [1.0, 1.0, 1.0]
    """
    guesses = _illuminants(pixels)
    middle = guesses.mean(0) / np.linalg.norm(guesses.mean(0))
    apart = np.arccos(np.clip(guesses @ guesses.T, -1, 1)).max()
    neutral = np.arccos(np.clip(middle.sum() / np.sqrt(3), -1, 1))
    if apart > _AGREED or neutral <= _USUAL:
        return np.ones(3)
    gains = (1 / middle) ** (1 - _USUAL / neutral)
    gains = gains / (gains @ (0.2126, 0.7152, 0.0722))
    fits = _greyer(pixels, gains) and _suits_skin(pixels, gains)
    return gains if fits else np.ones(3)


def _chosen(settings: Settings) -> tuple[str, bool]:
    tree: Mapping[str, Any] = settings.get("User Params", {})
    mode = tree.get("AI", {}).get("Color Correction Mode", "Exposure only")
    return str(mode), bool(tree.get("Basic", {}).get("Enable Basic", True))


def _linear(levels: Pixels | NDArray[np.float64]) -> Linear:
    """Undo the curve of sRGB (IEC 61966-2-1)."""
    share = as_plane(levels) / 255
    return as_plane(np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4))


def _levels(light: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Apply it: light to levels, 0 to 255."""
    light = np.clip(light, 0, 1)
    curved = 1.055 * light ** (1 / 2.4) - 0.055
    return np.asarray(255.0 * np.where(light <= 0.0031308, 12.92 * light, curved))


def _exposed(factor: float) -> Callable[[Linear], Linear]:
    """Multiply light, and bend what would go over white, so that white stays white."""

    def curve(light: Linear) -> Linear:
        if factor <= 1:
            return light * np.float32(factor)
        return as_plane(factor * light / (1 + (factor - 1) * light**1.5))

    return curve


def _table(curve: Callable[[Linear], Linear], gain: float) -> NDArray[np.float64]:
    light = as_plane(np.minimum(_linear(np.arange(256.0)) * gain, 1))
    return _levels(curve(light))


def _toned(table: NDArray[np.float64], seen: Pixels) -> NDArray[np.float64]:
    """Spread a flat photo to black and white, and steepen the middle a little where it is soft."""
    light = cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY)
    low, high = np.percentile(light, (0.5, 99.5))
    low, high = min(float(low), 24.0), max(float(high), 225.0)
    share = np.clip((table - low) / (high - low), 0, 1)
    soft = np.clip((58 - float(light.std())) / 30, 0, 1)
    steeper = share * share * (3 - 2 * share)
    return np.asarray(255 * (share + 0.35 * soft * (steeper - share)))


def _looked_up(pixels: Pixels, table: NDArray[np.float64]) -> Pixels:
    levels = np.rint(np.clip(table, 0, 255)).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(pixels, np.ascontiguousarray(levels)), np.uint8)


def _illuminants(pixels: Pixels) -> NDArray[np.float64]:
    """Guess the colour of the light in three ways, shape (3, 3), each of length 1."""
    light = _linear(pixels).astype(np.float64)
    unclipped = (pixels.max(-1) < 250) & (pixels.max(-1) > 8)
    colours = light[unclipped] if unclipped.any() else light.reshape(-1, 3)
    soft = cv2.GaussianBlur(light, (0, 0), 1.5)
    edges = [np.abs(cv2.Sobel(soft, cv2.CV_64F, *way)) for way in ((1, 0), (0, 1))]
    steps = np.hypot(*edges)[unclipped] if unclipped.any() else np.ones((1, 3))
    guesses = np.array(
        [
            np.percentile(colours, 98, axis=0),
            np.mean(colours**6, axis=0) ** (1 / 6),
            np.mean(steps**5, axis=0) ** (1 / 5),
        ]
    )
    # A photo without edges says nothing by them: then they agree with the rest.
    guesses[2] = np.where(guesses[2].max() > 1e-6, guesses[2], guesses[1])
    guesses += 1e-9
    return np.asarray(guesses / np.linalg.norm(guesses, axis=1, keepdims=True))


def _balanced(colours: Pixels, gains: NDArray[np.float64]) -> NDArray[np.float32]:
    """Multiply the light of some colours, shape (count, 3); gives Lab."""
    levels = np.rint(_levels(_linear(colours) * gains)).astype(np.uint8)
    return to_lab(levels[None]).reshape(-1, 3)


def _greyer(pixels: Pixels, gains: NDArray[np.float64]) -> bool:
    """Tell whether the photo has more greys after than before: what was grey is not to be tinted."""
    colours = pixels.reshape(-1, 3)
    lab = [_balanced(colours, factors) for factors in (np.ones(3), gains)]
    before, after = ((np.hypot(one[:, 1], one[:, 2]) < 5).mean() for one in lab)
    return bool(after > before)


def _suits_skin(pixels: Pixels, gains: NDArray[np.float64]) -> bool:
    """Tell whether skin, if there is any, keeps the hue of skin: between red and yellow."""
    skin = skin_map(pixels, find_faces(pixels)) > 0.7
    if not skin.any():
        return True
    _, a, b = np.median(_balanced(pixels[skin], gains), axis=0)
    return bool(a > 0 and 15 < np.rad2deg(np.arctan2(b, a)) < 80)
