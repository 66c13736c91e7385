"""Gives a photo the colours and the tone of another, and leaves its structure alone.

Optimal transport between the colours of two thumbnails, baked into a smooth table of 33 x 33 x 33
colours; what the table changes is then smoothed along the photo's own edges.
"""

import itertools
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.face import find_faces, skin_map
from retouch_nb.imaging.light import Colours, Pixels, light_of
from retouch_nb.imaging.note import Note
from retouch_nb.imaging.reduce import reduced
from retouch_nb.imaging.smooth import Plane, as_plane, blur, to_lab
from retouch_nb.imaging.strips import row_strips, rows_enlarged

Samples: TypeAlias = NDArray[np.float64]
"""Colours in Lab, shape (count, 3)."""
Table: TypeAlias = NDArray[np.float32]
"""What becomes of a colour, shape (33, 33, 33, 3): RGB in, RGB out, 0 to 1."""

_NODES = 33
_THUMBNAIL = 128
_ANALYSIS = 1200
_FACES = 480
_STRIP = 64
_ROTATIONS = 12
_QUANTILES = np.linspace(0, 1, 129)
# Beyond this, colours that hardly differ would be torn apart, and noise with them.
_MOST_SPREAD = 2.5
# Skin may turn by as much as a warm lamp does, and no further.
_SKIN_CHANGE = 14.0
_SKIN_SHARE = 0.55
_SKIN_WHITE = 244.0
# Light that varies by less than this many levels in a window does not steer the change.
_FLAT = 6.0


def match(
    pixels: Pixels,
    style: Pixels,
    /,
    *,
    strength: float = 0.7,
    progress: Progress = ignore_progress,
    note: Note | None = None,
) -> Pixels:
    """Give a photo the colours and the tone of another.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.
    style : ndarray of uint8, shape (any, any, 3)
        RGB photo whose look is wanted; its content does not matter.
    strength : float
        0 (nothing happens) to 1 (the colours are distributed as in `style`).
    progress : callable
        Called with the fraction done.
    note : callable, optional
        Told every step, see `retouch_nb.imaging.note`.

    Returns
    -------
    ndarray of uint8, same shape as `pixels`
        Skin of a face is turned less than the rest where the style would make it odd, and not
        driven into white.

    Raises
    ------
    ValueError
        When `strength` is outside 0 to 1.

    Notes
    -----
    Colour and tone, not brushwork. Linear transport as the start (F. Pitie and A. Kokaram, "The
    Linear Monge-Kantorovitch Linear Colour Mapping", 2007), then one-dimensional transport along
    rotated axes (F. Pitie, A. Kokaram and R. Dahyot, 2007); the rotations are always the same.

    Examples
    --------
    >>> grey = np.full((40, 40, 3), 120, np.uint8)
    >>> warm = np.full((40, 40, 3), (150, 120, 90), np.uint8)
    >>> match(grey, warm, strength=1.0)[0, 0].tolist()
    [150, 120, 90]
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength {strength} is outside 0 to 1")
    if strength == 0 or not pixels.size:
        return pixels.copy()
    small = reduced(pixels, _ANALYSIS)
    painted = through(learned(_thumbnail(pixels), _thumbnail(style)), small)
    progress(0.4)
    change = as_plane(painted) - small
    share = _share(small, painted, strength, lambda part: progress(0.4 + 0.15 * part))
    change *= strength * share[..., None]
    progress(0.6)
    if note:
        _tell(note, (pixels, style, painted), share, strength)
    result = _along_edges(pixels, small, change, progress)
    if note:
        words = "The change, known on a small copy, follows the photo's own edges: within every small window it is a straight line of the light."
        note("Applied at full size", words, result)
    return result


def _tell(
    note: Note, pictures: tuple[Pixels, Pixels, Pixels], share: Plane, strength: float
) -> None:
    photo, style, painted = pictures
    note(
        "The photo, small",
        "Its colours alone are looked at, as a cloud of points in Lab.",
        _thumbnail(photo),
    )
    note(
        "The style, small",
        "Its cloud is the wanted one; what it shows does not matter.",
        _thumbnail(style),
    )
    moved = (
        "First the cloud's mean and spread are matched, then its shape along twelve rotated axes. What becomes of each "
        f"colour is learned as a smooth table of {_NODES} x {_NODES} x {_NODES}."
    )
    note("All colours moved", moved, painted)
    words = f"{strength:.0%} where it is white; less on skin that would turn odd, or white."
    note("How far each place goes", words, share)


def learned(photo: Pixels, style: Pixels, /) -> Table:
    """Learn which colour of a thumbnail becomes which, so that its colours are those of `style`.

    Parameters
    ----------
    photo, style : ndarray of uint8, shape (height, width, 3)
        Small RGB pictures: the time grows with their pixels.

    Returns
    -------
    ndarray of float32, shape (33, 33, 33, 3)
        Indexed by red, green and blue; RGB, 0 to 1.
    """
    source, target = (to_lab(picture).reshape(-1, 3).astype(float) for picture in (photo, style))
    moved = _transported(_linear(source, target), target)
    shift = _spread_out(photo.reshape(-1, 3) / 255 * (_NODES - 1), moved - source)
    steps = np.linspace(0, 1, _NODES, dtype=np.float32)
    nodes = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 1, 3)
    lab = cv2.cvtColor(nodes, cv2.COLOR_RGB2Lab) + as_plane(shift).reshape(-1, 1, 3)
    lab[..., 0] = np.clip(lab[..., 0], 0, 100)
    colours = np.clip(cv2.cvtColor(as_plane(lab), cv2.COLOR_Lab2RGB), 0, 1)
    return as_plane(colours).reshape(_NODES, _NODES, _NODES, 3)


def through(table: Table, pixels: Pixels, /) -> Pixels:
    """Look every pixel up in a table of colours, in between by straight lines."""
    red_fastest = table.transpose(2, 1, 0, 3).ravel()
    look = ImageFilter.Color3DLUT(_NODES, red_fastest)
    return np.asarray(Image.fromarray(pixels).filter(look), np.uint8)


def _thumbnail(pixels: Pixels) -> Pixels:
    shape = pixels.shape[:2]
    return reduced(pixels, _THUMBNAIL * max(shape) / float(np.sqrt(shape[0] * shape[1])))


def _linear(source: Samples, target: Samples) -> Samples:
    """Give the samples the mean and the covariance of the target, moving them least."""
    spread = [np.cov(samples.T, bias=True) + np.eye(3) for samples in (source, target)]
    root = _power(spread[0], 0.5)
    back = _power(spread[0], -0.5)
    matrix = back @ _power(root @ spread[1] @ root, 0.5) @ back
    stretch, axes = np.linalg.eigh(matrix)
    matrix = (axes * np.clip(stretch, 1 / _MOST_SPREAD, _MOST_SPREAD)) @ axes.T
    return np.asarray((source - source.mean(0)) @ matrix + target.mean(0))


def _power(matrix: Samples, exponent: float) -> Samples:
    values, axes = np.linalg.eigh(matrix)
    return np.asarray((axes * np.maximum(values, 1e-9) ** exponent) @ axes.T)


def _transported(samples: Samples, target: Samples) -> Samples:
    """Match the distributions along the axes of one rotation after the other."""
    turns = np.random.default_rng(0).normal(size=(_ROTATIONS, 3, 3))
    for turn in turns:
        axes, _ = np.linalg.qr(turn)
        along, wanted = samples @ axes, target @ axes
        moved = [_matched(along[:, axis], wanted[:, axis]) for axis in range(3)]
        samples = np.stack(moved, -1) @ axes.T
    return samples


def _matched(values: Samples, wanted: Samples) -> Samples:
    before, after = np.quantile(values, _QUANTILES), np.quantile(wanted, _QUANTILES)
    # A photo of one colour has one quantile: all of it goes to the middle of the style.
    if before[-1] - before[0] < 1e-6:
        return np.full_like(values, after.mean())
    return np.interp(values, before, after)


def _spread_out(places: Samples, shifts: Samples) -> Samples:
    """Average scattered shifts into every node of the table: the nearest count most, if any.

    Places are in nodes. Returns shape (33, 33, 33, 3).
    """
    sums = _scattered(places, np.column_stack([shifts, np.ones(len(shifts))]))
    # A colour seen a thousand times must not drown its neighbours seen ten times.
    sums /= np.sqrt(sums[..., 3:] + 1e-9)
    total = np.zeros_like(sums)
    for sigma, weight in ((1.0, 1.0), (2.5, 1e-2), (9.0, 1e-5)):
        total += weight * _blurred(sums, sigma)
    return np.asarray(total[..., :3] / total[..., 3:])


def _scattered(places: Samples, values: Samples) -> Samples:
    low = np.clip(places.astype(int), 0, _NODES - 2)
    part = places - low
    sums = np.zeros((values.shape[1], _NODES**3))
    for corner in itertools.product((0, 1), repeat=3):
        share = np.prod(np.where(corner, part, 1 - part), axis=1)
        index = (low + corner) @ (_NODES**2, _NODES, 1)
        for channel, column in enumerate(values.T):
            sums[channel] += np.bincount(index, share * column, _NODES**3)
    return sums.T.reshape(_NODES, _NODES, _NODES, -1)


def _blurred(grid: Samples, sigma: float) -> Samples:
    steps = np.arange(_NODES)
    kernel = np.exp(-(((steps[:, None] - steps) / sigma) ** 2) / 2)
    blurred = np.einsum("ai,bj,ck,ijkn->abcn", kernel, kernel, kernel, grid, optimize=True)
    return np.asarray(blurred)


def _share(pixels: Pixels, painted: Pixels, strength: float, progress: Progress) -> Plane:
    """Tell what share of the change every pixel takes: less on skin that would turn odd."""
    seen, result = (reduced(picture, _FACES) for picture in (pixels, painted))
    faces = find_faces(seen, progress=progress)
    skin = skin_map(seen, faces)
    if not (sure := skin > 0.5).any():
        return np.ones(pixels.shape[:2], np.float32)
    share = _bearable(seen[sure], result[sure], strength)
    # Wide, so that a face is not cut out of its surroundings.
    soft = np.maximum(skin, blur(skin, 0.25 * faces[0].eye_distance))
    return as_plane(cv2.resize(1 - (1 - share) * soft, pixels.shape[1::-1]))


def _bearable(before: Pixels, after: Pixels, strength: float) -> float:
    """Tell what share of the change a face can bear in colour and below white."""
    change = to_lab(after[None]).mean((0, 1)) - to_lab(before[None]).mean((0, 1))
    turned = strength * float(np.linalg.norm(change * (0.4, 1, 1)))
    bearable = max(_SKIN_SHARE, _SKIN_CHANGE / max(turned, 1e-3))
    bright = [float(np.percentile(colours.max(-1), 95)) for colours in (before, after)]
    rise = strength * (bright[1] - bright[0])
    if rise > 0:
        bearable = min(bearable, max(0.0, _SKIN_WHITE - bright[0]) / rise)
    return min(1.0, bearable)


def _along_edges(pixels: Pixels, small: Pixels, change: Colours, progress: Progress) -> Pixels:
    """Add a change known on a reduced copy: in every small window a straight line of the light.

    So it has the photo's own edges and no steps (K. He and J. Sun, "Fast Guided Filter", 2015).
    """
    light = light_of(small)
    lines = [_lines(light, np.ascontiguousarray(plane)) for plane in cv2.split(change)]
    slope, offset = (as_plane(cv2.merge(planes)) for planes in zip(*lines, strict=True))
    result = np.empty_like(pixels)
    for rows in row_strips(len(pixels), _STRIP):
        lines_here = (rows_enlarged(plane, pixels.shape, rows) for plane in (slope, offset))
        wanted = _changed(as_plane(pixels[rows]), *lines_here)
        np.copyto(result[rows], wanted, casting="unsafe")
        progress(0.6 + 0.4 * rows.stop / len(pixels))
    return result


def _changed(colours: Colours, slope: Colours, offset: Colours) -> Colours:
    """Add slope * light + offset to colours; whole numbers from 0 to 255."""
    light = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)
    wanted = colours + offset + slope * light[..., None]
    return as_plane(np.clip(np.rint(wanted, out=wanted), 0, 255, out=wanted))


def _lines(light: Plane, change: Plane) -> tuple[Plane, Plane]:
    """Fit change = slope * light + offset in the window around every pixel."""
    window = (2 * round(max(2.0, 0.004 * max(light.shape))) + 1,) * 2

    def mean(plane: Plane) -> Plane:
        return as_plane(cv2.blur(plane, window))

    light_mean, change_mean = mean(light), mean(change)
    variance = mean(light * light) - light_mean**2
    slope = (mean(light * change) - light_mean * change_mean) / (variance + _FLAT**2)
    return mean(slope), mean(change_mean - slope * light_mean)
