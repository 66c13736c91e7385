"""Retouch one object in a photo: calm its surfaces, sharpen its lines, treat it by its material.

Guided filters with windows that follow the object's size split lightness into base, medium and
fine. A band with little energy is blemish and fades; one with much is form and stays. All bands
are straight-line functions of the lightness, so a treatment is a slope and an offset a place, found
on a reduced copy; only lines are sharpened at full size.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from retouch_nb.imaging import Progress, ignore_progress
from retouch_nb.imaging.materials import Treatment, treatment_of
from retouch_nb.imaging.note import Note, magnified, marked
from retouch_nb.imaging.smooth import Plane, as_plane, from_lab, shading_free
from retouch_nb.imaging.strips import row_strips

Pixels: TypeAlias = NDArray[np.uint8]
Region: TypeAlias = NDArray[np.bool_]
Lab: TypeAlias = NDArray[np.float32]
"""L*, a*/(L*+16), b*/(L*+16): light and, apart from it, colour; see `smooth.shading_free`."""
Lines: TypeAlias = NDArray[np.float32]
"""Shape (2, height, width): slope and offset of a straight-line function at every place."""
Scalar = TypeVar("Scalar", bound=np.generic)

_ROWS = 48
"""Of a strip: what is worked on at once then fits into a core's cache."""
_FAINT = 5.0
"""Deviation in L* of the variation that a full treatment halves."""


def retouch(
    pixels: Pixels,
    subject: Region,
    /,
    *,
    retain: Region | None = None,
    kind: int = 1,
    retouch_strength: float = 37,
    line_strength: float = 60,
    progress: Progress = ignore_progress,
    note: Note | None = None,
) -> Pixels:
    """Retouch an object: cleaner surfaces, crisper lines, tones that suit its material.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width, 3)
        RGB photo.
    subject : ndarray of bool, shape (height, width)
        The object; nothing outside it changes, and its rim fades into the photo inwards.
    retain : ndarray of bool, shape (height, width), optional
        Parts of the object that must not change.
    kind : int
        1 normal, 2 advanced, 3 transparent, 4 metal, 5 jewellery, 6 bags.
    retouch_strength : float
        0 to 100: how much faint variation of the surface goes; for kind 1 only.
    line_strength : float
        0 to 100: how much edges and contours are sharpened; for kind 1 only.
    progress : callable
        Called with the fraction done.
    note : callable, optional
        Told every step, see `retouch_nb.imaging.note`.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
        A new picture.

    Raises
    ------
    ValueError
        For a kind that does not exist.

    Notes
    -----
    It cleans and clarifies what is there. The kinds are choices of tone and texture, not models of
    a material: no reflection, facet or seam is redrawn.

    Examples
    --------
    >>> photo = np.full((32, 32, 3), 90, np.uint8)
    >>> nothing = np.zeros((32, 32), bool)
    >>> np.array_equal(retouch(photo, nothing), photo)
    True
    """
    treatment = treatment_of(kind, retouch_strength, line_strength)
    result = pixels.copy()
    allowed = subject if retain is None else subject & ~retain
    if allowed.any():
        reach = _Reach.of(subject)
        area = _area(allowed, int(2 * reach.big))
        more = -result[area].shape[0] % reach.factor
        lab, moments = _measured(_padded(pixels[area], more), _padded(subject[area], more), reach)
        progress(0.4)
        work = _Work(treatment, reach, lab, _maps(moments, treatment, reach))
        progress(0.5)
        if note:
            _tell_measures(note, marked(pixels, allowed)[area], work, treatment)
        depth = as_plane(cv2.distanceTransform(allowed[area].astype(np.uint8), cv2.DIST_L2, 3))

        def paint(rows: slice) -> None:
            target = result[area][rows]
            _mix(target, work.done(rows)[: target.shape[0]], depth[rows] / reach.rim)

        _in_strips(paint, lab.shape[0], reach.factor, lambda part: progress(0.5 + part / 2))
        if note:
            before, after = pixels[area], result[area]
            note(
                "Put together again", "At full size, fading in from the rim of the subject.", after
            )
            note("What changed", "Eight times enlarged around grey.", magnified(before, after))
    progress(1.0)
    return result


def _tell_measures(note: Note, shown: Pixels, work: "_Work", treatment: Treatment) -> None:
    amounts = ", ".join(
        f"{name} {amount:.2g}" for name, amount in vars(treatment).items() if amount
    )
    reach, keep = work.reach, work.maps.lines[0][0]
    note("The subject", f"Its material asks for these amounts, 0 to 1: {amounts}.", shown)
    bands = (
        f"Light is split into fine ({reach.small:.0f} pixels), medium ({reach.big:.0f} pixels) and form, by filters that "
        "stop at edges; windows follow the size of the subject."
    )
    note("Light, apart from colour", bands, work.lab[..., 0] / 100)
    kept = "Bright: variation is form and stays or is strengthened. Dark: it is faint, counts as blemish, and fades."
    note("What stays of the variation", kept, keep / 1.5)


class _Reach(NamedTuple):
    """How far things reach, in pixels, for an object of a size."""

    small: float
    big: float
    line: int
    rim: float
    factor: int
    """Of the reduced copy."""

    @classmethod
    def of(cls, subject: Region) -> "_Reach":
        size = float(np.sqrt(np.count_nonzero(subject)))
        small = max(2.0, 0.007 * size)
        return cls(
            small=small,
            big=max(4.0, 0.03 * size),
            line=max(1, round(0.0013 * size)),
            rim=max(3.0, 0.008 * size),
            factor=max(1, min(8, int(small / 3))),
        )


class _Maps(NamedTuple):
    """A treatment of one object: lines for its three planes, and what its tones refer to."""

    lines: tuple[Lines, Lines, Lines]
    around: Plane
    """Lightness of the surroundings."""
    middle: float
    """Lightness about which contrast turns, 0 to 1."""


def _area(allowed: Region, margin: int) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(allowed.any(axis)) for axis in (1, 0))
    return (
        slice(max(0, rows[0] - margin), rows[-1] + 1 + margin),
        slice(max(0, columns[0] - margin), columns[-1] + 1 + margin),
    )


def _padded(picture: NDArray[Scalar], rows: int) -> NDArray[Scalar]:
    """Repeat the last row, until the height is a whole number of reduced rows."""
    return np.concatenate([picture, np.repeat(picture[-1:], rows, axis=0)]) if rows else picture


def _in_strips(
    work: Callable[[slice], None], height: int, factor: int, progress: Progress = ignore_progress
) -> None:
    """Work on strips of whole reduced rows, two at a time."""
    strips = list(row_strips(height, _ROWS // factor * factor))
    with ThreadPoolExecutor(2) as pool:
        try:
            for done, _ in enumerate(pool.map(work, strips), start=1):
                progress(done / len(strips))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _measured(pixels: Pixels, subject: Region, reach: _Reach) -> tuple[Lab, Lab]:
    """Turn a picture into Lab and, reduced, the subject's share of a cell and six sums over it.

    The sums are those of the planes and of their squares, taken at full size, or fine grain would
    have no energy. Only the subject counts: the background has no say in what becomes of it.
    """
    factor = reach.factor
    lab = np.empty(pixels.shape, np.float32)
    size = (pixels.shape[0] // factor, max(1, pixels.shape[1] // factor))
    moments = np.empty((7, *size), np.float32)

    def work(rows: slice) -> None:
        lab[rows] = shading_free(pixels[rows])
        share = as_plane(subject[rows])[..., None]
        weighted = lab[rows] * share
        few = slice(rows.start // factor, rows.stop // factor)
        target = (size[1], few.stop - few.start)
        for index, planes in ((0, share), (1, weighted), (4, weighted * lab[rows])):
            small = cv2.resize(planes, target, interpolation=cv2.INTER_AREA)
            moments[index : index + planes.shape[2], few] = np.moveaxis(np.atleast_3d(small), -1, 0)

    _in_strips(work, pixels.shape[0], factor)
    return lab, moments


def _maps(moments: Lab, treatment: Treatment, reach: _Reach) -> _Maps:
    share = moments[0]
    inside = share > min(0.5, float(share.max()) / 2)
    light = moments[1, inside] / share[inside]
    wide = _averaging(share, reach.big / reach.factor)
    red, yellow = (_fitted(moments, plane, wide, eps=0.004) for plane in (1, 2))
    return _Maps(
        lines=(
            _light(moments, inside, treatment, reach),
            _evened(red, treatment.even),
            _evened(yellow, treatment.even),
        ),
        around=_averaging(share, 0.6 * reach.big / reach.factor)(moments[1]),
        middle=float(np.clip(np.median(light) / 100, 0.35, 0.65)),
    )


def _light(moments: Lab, inside: Region, treatment: Treatment, reach: _Reach) -> Lines:
    """Put the bands of lightness together again, each as far as it is to be kept."""
    close, between, wide, widest = (
        _averaging(moments[0], radius / reach.factor)
        for radius in (reach.small, 0.5 * reach.big, reach.big, 2 * reach.big)
    )
    near = _fitted(moments, 0, close, eps=9.0)
    base = _fitted(moments, 0, wide, eps=36.0)
    broad = _fitted(moments, 0, widest, eps=400.0)
    fine, medium = _unchanged(near) - near, near - base
    deviation = _deviation(fine, moments, close)
    keep_fine = _kept(deviation, near[0], treatment.calm)
    if treatment.grain:
        evener = np.clip((np.median(deviation[inside]) + 0.1) / (deviation + 0.1), 0.6, 1.8)
        keep_fine *= evener ** (treatment.grain * (1 - near[0]))
    ripple = _deviation(medium, moments, between)
    keep_medium = _kept(ripple, base[0], treatment.smooth)
    form = base + treatment.clarity * base[0] * (base - broad)
    return as_plane(form + keep_medium * medium + keep_fine * fine)


def _averaging(share: Plane, radius: float) -> Callable[[Plane], Plane]:
    """Make the average over windows of what has already been multiplied by the share."""
    window = (2 * max(1, round(radius)) + 1,) * 2
    total = cv2.blur(share, window) + 1e-4
    return lambda plane: as_plane(cv2.blur(plane, window) / total)


def _fitted(moments: Lab, plane: int, mean: Callable[[Plane], Plane], *, eps: float) -> Lines:
    """Fit the lines of the guided filter (see `smooth.guided_filter`) from moments."""
    middle = mean(moments[1 + plane])
    variance = np.maximum(mean(moments[4 + plane]) - middle**2, 0)
    slope = variance / (variance + eps)
    offset = middle - slope * middle
    return np.stack([mean(moments[0] * slope), mean(moments[0] * offset)])


def _unchanged(like: Lines) -> Lines:
    return np.stack([np.ones_like(like[0]), np.zeros_like(like[1])])


def _deviation(band: Lines, moments: Lab, mean: Callable[[Plane], Plane]) -> Plane:
    """Find the strength of a band of lightness from moments, in L*."""
    slope, offset = band
    square = slope**2 * moments[4] + 2 * slope * offset * moments[1] + offset**2 * moments[0]
    # The running sums of a box filter may end a little below zero.
    return as_plane(np.sqrt(np.maximum(mean(square), 0)))


def _evened(colour: Lines, amount: float) -> Lines:
    """Go a part of the way to smooth colour, and hardly any near an edge, where it would run."""
    same = _unchanged(colour)
    return as_plane(same + amount * (1 - colour[0]) * (colour - same))


def _kept(deviation: Plane, slope: Plane, amount: float) -> Plane:
    """Tell how much of a band stays: little where it is faint, nearly all where it is form.

    Near an edge, which the slope of the guided filter tells, what looks like a faint band is what
    the filter took from the edge; faded, it would leave a halo.
    """
    faint = (1 - slope) * (_FAINT * amount) ** 2
    return as_plane(deviation**4 / (deviation**4 + faint**2 + np.float32(1e-6)))


class _Work(NamedTuple):
    """All that strips of the result are made of."""

    treatment: Treatment
    reach: _Reach
    lab: Lab
    maps: _Maps

    def done(self, rows: slice) -> Pixels:
        """Treat some rows, as RGB."""
        light = self._toned(self._lined(rows), rows)
        red, yellow = self._on_lines(1, rows), self._on_lines(2, rows)
        gain = _gain(light, red**2 + yellow**2, self.treatment)
        light = _lifted(light, 0.25 * self.treatment.highlights)
        gain *= 100 * light + 16
        return from_lab(as_plane(cv2.merge([100 * light, red * gain, yellow * gain])))

    def _on_lines(self, plane: int, rows: slice) -> Plane:
        slope, offset = (self._enlarged(small, rows) for small in self.maps.lines[plane])
        return as_plane(slope * self.lab[rows, :, plane] + offset)

    def _enlarged(self, small: Plane, rows: slice) -> Plane:
        """Bring rows of a map to full size; a row more on either side makes the strips join."""
        factor = self.reach.factor
        if factor == 1:
            return small[rows]
        first, last = rows.start // factor - 1, rows.stop // factor + 1
        few = small[np.clip(np.arange(first, last), 0, small.shape[0] - 1)]
        size = (self.lab.shape[1], (last - first) * factor)
        return as_plane(cv2.resize(few, size, interpolation=cv2.INTER_LINEAR)[factor:-factor])

    def _lined(self, rows: slice) -> Plane:
        """Lightness with its bands in place and its lines sharpened."""
        factor, reach = self.reach.factor, self.reach.line
        margin = -(-4 * reach // factor) * factor
        top = max(0, rows.start - margin)
        light = self._on_lines(0, slice(top, min(rows.stop + margin, self.lab.shape[0])))
        if self.treatment.line:
            light = _sharpened(light, self.treatment.line, reach)
        return light[rows.start - top : rows.stop - top]

    def _toned(self, light: Plane, rows: slice) -> Plane:
        """Lightness from 0 to 1 on its tone curve."""
        x = as_plane(np.clip(light / 100, 0, 1))
        steeper = 1.6 * self.treatment.contrast * (x - self.maps.middle)
        x += x * (1 - x) * (steeper - 0.35 * self.treatment.deepen * (1 - x))
        if self.treatment.sparkle:
            above = np.maximum(x - self._enlarged(self.maps.around, rows) / 100, 0)
            x += 1.5 * self.treatment.sparkle * above * np.clip(2.5 * x - 1.1, 0, 1) * (1 - x)
        return x


def _sharpened(light: Plane, amount: float, reach: int) -> Plane:
    """Add what a small blur takes away where there is an edge, within the range around a place."""
    detail = light - cv2.blur(cv2.blur(light, (2 * reach - 1,) * 2), (3, 3))
    window = np.ones((2 * reach + 1,) * 2, np.uint8)
    low, high = cv2.erode(light, window), cv2.dilate(light, window)
    span = as_plane(high - low)
    # A step of one pixel has a third of its span in the detail; sharpened, it would show stairs.
    soft = np.maximum(1 - 2 * np.abs(detail) / (span + 1), 0)
    edge = span**4 / (span**4 + 16**4)
    room = 0.12 * amount * span
    sharper = light + 2.2 * amount * soft * edge * detail
    return as_plane(np.clip(sharper, low - room, high + room))


def _gain(light: Plane, chroma: Plane, treatment: Treatment) -> Plane:
    """Find the factor on colour, from light and the square of the chroma."""
    gain = np.ones_like(light)
    if treatment.vivid:
        gain += treatment.vivid * np.exp(-chroma) * (1 - light**4)
    if treatment.neutral:
        gain *= 1 - treatment.neutral * np.exp(-8 * chroma)
    if treatment.highlights:
        gain *= 1 - 0.8 * treatment.highlights * _brightness(light)
    return gain


def _lifted(light: Plane, amount: float) -> Plane:
    return light + amount * _brightness(light) * (1 - light) if amount else light


def _brightness(light: Plane) -> Plane:
    """Rise smoothly from 0 at a lightness of 0.6 to 1 at 0.95."""
    x = as_plane(np.clip((light - 0.6) / 0.35, 0, 1))
    return x * x * (3 - 2 * x)


def _mix(pixels: Pixels, done: Pixels, depth: Plane) -> None:
    """Lay what is done over the pixels, in place, fading in from the rim of the object."""
    x = np.clip(depth, 0, 1)
    weight = x * x * (3 - 2 * x)
    pixels[:] = np.rint(pixels + weight[..., None] * (as_plane(done) - pixels))
