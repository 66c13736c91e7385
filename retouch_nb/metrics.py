"""How far two pictures are apart, in figures that others use too: PSNR, SSIM, colour difference, drift.

Each figure is the mean of a map, so the same map answers for the whole picture, inside a mask and outside it.
"""

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
_LINEAR = np.where(_LEVELS > 0.04045, ((_LEVELS + 0.055) / 1.055) ** 2.4, _LEVELS / 12.92)
_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
) / [[0.95047], [1.0], [1.08883]]  # sRGB to XYZ, white at D65: IEC 61966-2-1

_CHUNK = (
    1 << 18
)  # pixels of which the colour difference is taken at once: its arrays stay in the cache


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
    chosen = plane if where is None else plane[where]
    return float(chosen.mean(dtype=np.float64)) if chosen.size else float("nan")


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
    channels = [_similarity_of(a[..., c], b[..., c]) for c in range(3)]
    return np.asarray(sum(channels) / np.float32(3), np.float32)


def _similarity_of(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Plane:
    one, two = a.astype(np.float32), b.astype(np.float32)
    mean_one, mean_two = _blurred(one), _blurred(two)
    both = mean_one * mean_two
    spread = _blurred(one * one) + _blurred(two * two)
    powers = mean_one * mean_one + mean_two * mean_two
    shared = _blurred(one * two) - both
    low, high = np.float32((0.01 * 255) ** 2), np.float32((0.03 * 255) ** 2)
    alike = (2 * both + low) * (2 * shared + high)
    return np.asarray(alike / ((powers + low) * (spread - powers + high)), np.float32)


def _blurred(plane: Plane) -> Plane:
    blurred = cv2.GaussianBlur(plane, (WINDOW, WINDOW), SIGMA, borderType=cv2.BORDER_REFLECT)
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


def _lab(colours: Pixels) -> NDArray[np.float64]:
    """Convert to CIE L*a*b* exactly; OpenCV's own conversion interpolates and is off by a few hundredths."""
    x, y, z = np.moveaxis(np.cbrt(_LINEAR[colours] @ _XYZ.T), -1, 0)
    x, y, z = (np.where(root > 6 / 29, root, root**3 * (841 / 108) + 4 / 29) for root in (x, y, z))
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.float64]:
    """Give the colour difference of colours in CIE L*a*b*, shape (..., 3), element by element.

    The steps and names are those of Sharma, Wu and Dalal; angles are in radians.

    Examples
    --------
    >>> blue, other = np.array([[50, 2.6772, -79.7751], [50, 0, -82.7485]])
    >>> round(float(ciede2000(blue, other)), 4)  # the first pair of their table
    2.0425
    """
    lightness_1, a_1, b_1 = np.moveaxis(np.asarray(one, np.float64), -1, 0)
    lightness_2, a_2, b_2 = np.moveaxis(np.asarray(two, np.float64), -1, 0)
    grey = 0.5 * (1 - _seventh((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2))
    chroma_1, chroma_2 = np.hypot((1 + grey) * a_1, b_1), np.hypot((1 + grey) * a_2, b_2)
    hue_1, hue_2 = _hue(b_1, (1 + grey) * a_1), _hue(b_2, (1 + grey) * a_2)
    grey_pair = chroma_1 * chroma_2 == 0
    turn = np.where(grey_pair, 0.0, (hue_2 - hue_1 + np.pi) % (2 * np.pi) - np.pi)
    hue = np.where(grey_pair, hue_1 + hue_2, _mean_hue(hue_1, hue_2))
    lightness, chroma = (lightness_1 + lightness_2) / 2, (chroma_1 + chroma_2) / 2
    off = (lightness - 50) ** 2
    by_lightness = (lightness_2 - lightness_1) / (1 + 0.015 * off / np.sqrt(20 + off))
    by_chroma = (chroma_2 - chroma_1) / (1 + 0.045 * chroma)
    by_hue = (
        2 * np.sqrt(chroma_1 * chroma_2) * np.sin(turn / 2) / (1 + 0.015 * chroma * _weight(hue))
    )
    bend = np.radians(60) * np.exp(-(((np.degrees(hue) - 275) / 25) ** 2))
    rotation = -2 * _seventh(chroma) * np.sin(bend)
    total = by_lightness**2 + by_chroma**2 + by_hue**2 + rotation * by_chroma * by_hue
    return np.asarray(np.sqrt(np.maximum(total, 0)), np.float64)


def _seventh(chroma: NDArray[np.float64]) -> NDArray[np.float64]:
    power = chroma**7
    return np.asarray(np.sqrt(power / (power + 25.0**7)))


def _hue(b: NDArray[np.float64], a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.arctan2(b, a) % (2 * np.pi))


def _mean_hue(one: NDArray[np.float64], two: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the hue half-way on the shorter arc."""
    half = (one + two) / 2
    across = np.where(half < np.pi, half + np.pi, half - np.pi)
    return np.asarray(np.where(np.abs(one - two) > np.pi, across, half))


def _weight(hue: NDArray[np.float64]) -> NDArray[np.float64]:
    waves = ((-0.17, 1, -30.0), (0.24, 2, 0.0), (0.32, 3, 6.0), (-0.20, 4, -63.0))
    return np.asarray(1 + sum(size * np.cos(n * hue + np.radians(by)) for size, n, by in waves))
