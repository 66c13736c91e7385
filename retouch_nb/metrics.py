"""How far two pictures are apart, in figures that others use too: PSNR, SSIM, colour difference, drift.

Each figure is the mean of a map, so the same map answers for the whole picture, inside a mask and outside it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.errors import PictureError
from retouch_nb.photo import Pixels

Where: TypeAlias = NDArray[np.bool_]
Plane: TypeAlias = NDArray[np.float32]

WINDOW: Final = 11
SIGMA: Final = 1.5
"""Side and width of the Gaussian window, in pixels, as Wang et al. chose them."""

_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS > 0.04045, ((_LEVELS + 0.055) / 1.055) ** 2.4, _LEVELS / 12.92).astype(
    np.float32
)
_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / [[0.95047], [1.0], [1.08883]]  # sRGB to XYZ, white at D65: IEC 61966-2-1
_ROOTS_TO_LAB = np.array([[0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]], np.float64)

_CHUNK: Final = 1 << 16
_ROWS: Final = 64
"""Pixels and rows that are measured at once: their arrays stay in the cache."""

_TINY: Final = 1e-30
"""Keeps a division by nothing from failing where its result plays no part."""


def psnr(a: Pixels, b: Pixels, where: Where | None = None) -> float:
    """Give the peak signal-to-noise ratio over all colour channels, in decibels.

    Parameters
    ----------
    a, b : ndarray of uint8, shape (height, width, 3) or (height, width, 4)
        RGB; alpha plays no part.
    where : ndarray of bool, shape (height, width), optional
        The pixels that count; all when left out.

    Returns
    -------
    float
        Infinite for equal pictures, NaN where no pixel counts.

    Raises
    ------
    PictureError
        The shapes do not fit.

    Examples
    --------
    >>> grey = np.full((16, 16, 3), 100, np.uint8)
    >>> round(psnr(grey, grey + 10), 2), psnr(grey, grey)
    (28.13, inf)
    """
    return _decibels(_mean(_squares(*_pair(a, b)), _checked(a, where)))


def ssim(a: Pixels, b: Pixels, where: Where | None = None) -> float:
    """Give the structural similarity, 1 for equal pictures: the mean over pixels and colour channels.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity",
    IEEE TIP 13(4), 2004, with their Gaussian window. Windows that reach over the border do not count, unless no
    others are left. Equals scikit-image's with ``gaussian_weights=True, use_sample_covariance=False``.

    Parameters
    ----------
    a, b : ndarray of uint8, shape (height, width, 3) or (height, width, 4)
    where : ndarray of bool, shape (height, width), optional
        The pixels that count; the windows around them see their neighbours too.

    Returns
    -------
    float
        At most 1; NaN where no pixel counts.

    Raises
    ------
    PictureError
        The shapes do not fit.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(48, dtype=np.uint8)[None, :, None] * 5, 48, axis=0).repeat(3, axis=2)
    >>> ssim(ramp, ramp), ssim(ramp, ramp[:, ::-1]) < 0.5
    (1.0, True)
    """
    return _mean(_similarity(*_pair(a, b)), _whole_windows(_checked(a, where), a.shape[:2]))


def delta_e(a: Pixels, b: Pixels, where: Where | None = None) -> float:
    """Give the mean colour difference CIEDE2000: about 1 is just noticeable, 2 to 3 by many taken as the same.

    Sharma, Wu and Dalal, "The CIEDE2000 color-difference formula", Color Research and Application 30(1), 2005;
    pixels are taken as sRGB under D65.

    Parameters
    ----------
    a, b : ndarray of uint8, shape (height, width, 3) or (height, width, 4)
    where : ndarray of bool, shape (height, width), optional
        The pixels that count.

    Returns
    -------
    float
        0 for equal pictures; NaN where no pixel counts.

    Raises
    ------
    PictureError
        The shapes do not fit.

    Examples
    --------
    >>> red, darker = np.full((2, 4, 4, 3), (200, 30, 30), np.uint8)
    >>> darker[..., 0] = 180
    >>> round(delta_e(red, darker), 1)
    4.1
    """
    return _mean(_colour_difference(*_pair(a, b)), _checked(a, where))


@dataclass(frozen=True)
class Region:
    """The figures of one part of the picture.

    Attributes
    ----------
    psnr : float
        Decibels; infinite where nothing changed.
    ssim : float
        At most 1.
    delta_e : float
        Mean CIEDE2000.
    drift : float
        Mean absolute difference of a colour channel, in levels of 0 to 255.
    """

    psnr: float
    ssim: float
    delta_e: float
    drift: float


@dataclass(frozen=True)
class Metrics:
    """How far a result is from its photo.

    Attributes
    ----------
    whole : Region
    inside, outside : Region or None
        Where the photo was to be changed and where it was not; None without a mask, or where no pixel is.
    resized : bool
        The result has another size than the photo and was brought to that size first.
    """

    whole: Region
    inside: Region | None = None
    outside: Region | None = None
    resized: bool = False


def measure(before: Pixels, after: Pixels, mask: Where | None = None) -> Metrics:
    """Compare a result with its photo, as a whole and on both sides of a mask.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (height, width, 3) or (height, width, 4)
        A result of another size is averaged down, or enlarged, to the size of the photo.
    mask : ndarray of bool, shape of `before`, optional
        True where the photo was to be changed.

    Returns
    -------
    Metrics

    Raises
    ------
    PictureError
        The mask has another size than the photo.

    Examples
    --------
    >>> before = np.full((32, 32, 3), 100, np.uint8)
    >>> after, mask = before.copy(), np.zeros((32, 32), bool)
    >>> after[:8], mask[:8] = 120, True
    >>> found = measure(before, after, mask)
    >>> found.inside.drift, found.outside.drift, found.outside.psnr
    (20.0, 0.0, inf)
    """
    mask = _checked(before, mask)
    resized = before.shape[:2] != after.shape[:2]
    one, two = _pair(before, _fitted(after, before.shape[:2]) if resized else after)
    maps = _Maps(
        _squares(one, two), _similarity(one, two), _colour_difference(one, two), _levels(one, two)
    )
    return Metrics(
        _region(maps, None),
        None if mask is None or not mask.any() else _region(maps, mask),
        None if mask is None or mask.all() else _region(maps, ~mask),
        resized,
    )


@dataclass(frozen=True, eq=False)
class _Maps:
    squares: Plane
    similarity: Plane
    colour: Plane
    levels: Plane


def _region(maps: _Maps, where: Where | None) -> Region:
    return Region(
        psnr=_decibels(_mean(maps.squares, where)),
        ssim=_mean(maps.similarity, _whole_windows(where, maps.similarity.shape)),
        delta_e=_mean(maps.colour, where),
        drift=_mean(maps.levels, where),
    )


def _pair(a: Pixels, b: Pixels) -> tuple[Pixels, Pixels]:
    """Give the colour channels of two pictures of one size."""
    for one in (a, b):
        if one.dtype != np.uint8 or one.ndim != 3 or one.shape[2] not in {3, 4} or not one.size:
            raise PictureError(
                f"An array of {one.dtype}, shape {one.shape}, is no picture that can be compared.",
                advice="Pass uint8 of shape (height, width, 3), as Photo.to_numpy() gives it.",
            )
    if a.shape[:2] != b.shape[:2]:
        raise PictureError(
            f"Pictures of {_size(a)} and {_size(b)} pixels cannot be compared pixel by pixel.",
            advice="measure(before, after) brings a result to the size of its photo.",
        )
    return np.ascontiguousarray(a[..., :3]), np.ascontiguousarray(b[..., :3])


def _checked(picture: Pixels, where: Where | None) -> Where | None:
    if where is not None and where.shape != picture.shape[:2]:
        raise PictureError(
            f"The mask has shape {where.shape}, the picture is {_size(picture)} pixels.",
            advice="Mask.open(..., photo.size) makes one that fits.",
        )
    return None if where is None else where.astype(bool, copy=False)


def _size(picture: Pixels) -> str:
    return f"{picture.shape[1]} x {picture.shape[0]}"


def _fitted(picture: Pixels, shape: tuple[int, ...]) -> Pixels:
    smaller = shape[0] <= picture.shape[0] and shape[1] <= picture.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (shape[1], shape[0]), interpolation=way), np.uint8)


def _mean(plane: Plane, where: Where | None) -> float:
    if where is None:
        return cv2.mean(plane)[0]
    return cv2.mean(plane, where.view(np.uint8))[0] if where.any() else math.nan


def _decibels(square: float) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(255.0**2 / np.float64(square)))


def _levels(a: Pixels, b: Pixels) -> Plane:
    return _over_channels(cv2.absdiff(a, b).astype(np.float32))


def _squares(a: Pixels, b: Pixels) -> Plane:
    return _over_channels(np.square(cv2.absdiff(a, b), dtype=np.float32))


def _over_channels(values: NDArray[np.float32]) -> Plane:
    return np.asarray(cv2.transform(values, np.ones((1, 3))) / np.float32(3), np.float32)


def _whole_windows(where: Where | None, shape: tuple[int, ...]) -> Where | None:
    """Leave out pixels whose window reaches over the border, where others remain."""
    edge = WINDOW // 2
    inner = np.zeros(shape, bool)
    inner[edge : shape[0] - edge, edge : shape[1] - edge] = True
    kept = inner if where is None else inner & where
    return kept if kept.any() else where


def _similarity(a: Pixels, b: Pixels) -> Plane:
    """Give SSIM for every pixel, strip by strip, for what fits into the cache is quick; equal strips cost nothing."""
    found = np.ones(a.shape[:2], np.float32)
    edge = WINDOW // 2
    for top in range(0, len(a), _ROWS):
        above = min(top, edge)
        seen = slice(top - above, top + _ROWS + edge)
        one, two = a[seen], b[seen]
        if (one != two).any():
            rows = found[top : top + _ROWS]
            rows[:] = _over_channels(_similarity_of(one, two))[above : above + len(rows)]
    return found


def _similarity_of(a: Pixels, b: Pixels) -> NDArray[np.float32]:
    one, two = a.astype(np.float32), b.astype(np.float32)
    mean_one, mean_two = _blurred(one), _blurred(two)
    both = mean_one * mean_two
    spread = _blurred(one * one + two * two)
    powers = mean_one * mean_one + mean_two * mean_two
    shared = _blurred(one * two) - both
    low, high = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
    alike = (2 * both + low) * (2 * shared + high)
    return np.asarray(alike / ((powers + low) * (spread - powers + high)), np.float32)


def _blurred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def _colour_difference(a: Pixels, b: Pixels) -> Plane:
    """Give CIEDE2000 for every pixel; equal pixels, in a retouched photo most of them, cost nothing."""
    found = np.zeros(a.shape[:2], np.float32)
    differ = (a != b).any(axis=2)
    one, two = a[differ], b[differ]
    values = np.empty(len(one), np.float32)
    for start in range(0, len(one), _CHUNK):
        part = slice(start, start + _CHUNK)
        values[part] = ciede2000(_lab(one[part]), _lab(two[part]))
    found[differ] = values
    return found


def _lab(colours: Pixels) -> NDArray[np.float32]:
    """Convert to CIE L*a*b*; OpenCV's own conversion interpolates and is off by a few hundredths."""
    xyz = cv2.transform(cv2.LUT(colours[:, None], _LINEAR), _XYZ)
    roots = np.where(xyz > (6 / 29) ** 3, cv2.pow(xyz, 1 / 3), xyz * (841 / 108) + 4 / 29)
    return np.asarray(cv2.transform(roots, _ROOTS_TO_LAB)[:, 0], np.float32)


def ciede2000(one: NDArray[Any], two: NDArray[Any]) -> NDArray[Any]:
    """Give the colour difference of colours in CIE L*a*b*, shape (..., 3), element by element.

    The steps and names are those of Sharma, Wu and Dalal; hues are points on the unit circle, not angles, so that
    sums and products stand for sines and cosines. The result has the floats of the colours; those of 32 bits are off by
    less than 0.001, but for opposite hues, where the formula itself jumps.

    Examples
    --------
    >>> blue, other = np.array([[50, 2.6772, -79.7751], [50, 0, -82.7485]])
    >>> round(float(ciede2000(blue, other)), 4)  # the first pair of their table
    2.0425
    """
    lightness_1, a_1, b_1 = np.moveaxis(np.asarray(one), -1, 0)
    lightness_2, a_2, b_2 = np.moveaxis(np.asarray(two), -1, 0)
    stretch = 1.5 - 0.5 * _seventh((_length(a_1, b_1) + _length(a_2, b_2)) / 2)
    a_1, a_2 = stretch * a_1, stretch * a_2
    chroma_1, chroma_2 = _length(a_1, b_1), _length(a_2, b_2)
    hue = _mean_hue(a_1, b_1, chroma_1, a_2, b_2, chroma_2)
    lightness, chroma = (lightness_1 + lightness_2) / 2, (chroma_1 + chroma_2) / 2
    off = (lightness - 50) ** 2
    by_lightness = (lightness_2 - lightness_1) / (1 + 0.015 * off / np.sqrt(20 + off))
    by_chroma = (chroma_2 - chroma_1) / (1 + 0.045 * chroma)
    by_hue = _turn(a_1, b_1, a_2, b_2, chroma_1 * chroma_2) / (1 + 0.015 * chroma * _weight(*hue))
    rotation = -2 * _seventh(chroma) * np.sin(_bend(*hue))
    total = by_lightness**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    return np.asarray(np.sqrt(np.maximum(total, 0)))


def _length(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.sqrt(a * a + b * b))


def _seventh(chroma: NDArray[Any]) -> NDArray[Any]:
    square = chroma * chroma
    power = square * square * square * chroma
    return np.asarray(np.sqrt(power / (power + 25.0**7)))


def _turn(
    a_1: NDArray[Any], b_1: NDArray[Any], a_2: NDArray[Any], b_2: NDArray[Any], size: NDArray[Any]
) -> NDArray[Any]:
    """Give ``2 sqrt(C1 C2) sin(turn / 2)`` by the half-angle formula that is exact for this turn, small or large."""
    across, along = a_1 * b_2 - b_1 * a_2, a_1 * a_2 + b_1 * b_2
    small = across * np.sqrt(2 / np.maximum(size + along, _TINY))
    large = np.copysign(np.sqrt(2 * np.maximum(size - along, 0)), across)
    return np.asarray(np.where(along < 0, large, small))


def _mean_hue(
    a_1: NDArray[Any],
    b_1: NDArray[Any],
    chroma_1: NDArray[Any],
    a_2: NDArray[Any],
    b_2: NDArray[Any],
    chroma_2: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give cosine and sine of the hue half-way on the shorter arc; grey has no say."""
    scale_1, scale_2 = 1 / np.maximum(chroma_1, _TINY), 1 / np.maximum(chroma_2, _TINY)
    x, y = a_1 * scale_1 + a_2 * scale_2, b_1 * scale_1 + b_2 * scale_2
    scale = 1 / np.maximum(_length(x, y), _TINY)
    return x * scale, y * scale


def _weight(cos: NDArray[Any], sin: NDArray[Any]) -> NDArray[Any]:
    """Give ``T``: waves of one to four times the hue, by the formulas for multiples of an angle."""
    cos_2, sin_2 = 1 - 2 * sin * sin, 2 * sin * cos
    cos_3, sin_3 = cos_2 * cos - sin_2 * sin, sin_2 * cos + cos_2 * sin
    cos_4, sin_4 = 1 - 2 * sin_2 * sin_2, 2 * sin_2 * cos_2
    waves = (
        (-0.17, cos, sin, 30),
        (0.24, cos_2, sin_2, 0),
        (0.32, cos_3, sin_3, -6),
        (-0.20, cos_4, sin_4, 63),
    )
    return np.asarray(
        1
        + sum(
            size * math.cos(math.radians(by)) * c + size * math.sin(math.radians(by)) * s
            for size, c, s, by in waves
        )
    )


def _bend(cos: NDArray[Any], sin: NDArray[Any]) -> NDArray[Any]:
    """Give the angle by which blue, about 275 degrees, is turned."""
    degrees = np.arctan2(sin, cos) * (180 / math.pi)
    off = (np.where(degrees < 0, degrees + 360, degrees) - 275) / 25
    return np.asarray(math.radians(60) * np.exp(-off * off))
