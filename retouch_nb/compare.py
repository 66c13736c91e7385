"""Two or more pictures and how they differ, in one figure that needs no kernel.

The figure is complete as static HTML: the slider of a result, every picture, and what differs. Where scripts run, it
becomes one stage with every way of looking, which takes its pictures from that HTML and adds none.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from retouch_nb.edit import Edit
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.figure import (
    FIGURE_STYLE,
    FRAME,
    LONGEST,
    Preview,
    alone,
    displayed,
    page,
    same_shape,
    script,
    stacked,
    style_sheet,
)
from retouch_nb.mask import Mask, MaskLike
from retouch_nb.photo import Photo, PhotoLike, Pixels

if TYPE_CHECKING:
    from retouch_nb.imaging.difference import Difference, Metric

_STYLE = style_sheet("compare.css")
_SCRIPT = script("compare.js")

METRICS: Final = {"delta_e": "ΔE", "absolute": "levels"}
"""What distances are counted in."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Pictures that cover each other; the first one is what the others are compared with.

    Make one with `compare`.

    Attributes
    ----------
    pictures : tuple of Photo
        As they were given.
    names : tuple of str
        What they are called in the figure.
    differences : tuple of Difference
        Of each picture but the first from the first.
    mask : Mask or None
        Whose outline is drawn where the differences are shown.
    metric : str
        ``"delta_e"`` or ``"absolute"``.
    longest : int
        Longer side of the embedded previews in pixels.

    Examples
    --------
    >>> grey = np.full((40, 60, 3), 100, np.uint8)
    >>> found = compare(grey, grey + np.uint8(8), metric="absolute")
    >>> found.differences[0].largest
    8.0
    >>> found.facts
    ('... by 8 levels on average, 8 levels at most; all of the pixels visibly.',)
    """

    pictures: tuple[Photo, ...]
    names: tuple[str, ...]
    differences: "tuple[Difference, ...]"
    mask: Mask | None = None
    metric: "Metric" = "delta_e"
    longest: int = LONGEST

    def __repr__(self) -> str:
        return "\n".join([f"Comparison of {', '.join(self.names)}", *map("  ".__add__, self.facts)])

    @property
    def facts(self) -> tuple[str, ...]:
        """What differs, one sentence a picture, and which pictures were enlarged to be compared."""
        pairs = zip(self.names[1:], self.differences, strict=True)
        said = [_said(name, self.names[0], found, self.metric) for name, found in pairs]
        return (*said, *self._fitted())

    def save_html(self, path: str | os.PathLike[str]) -> Path:
        """Write one self-contained page, which works with no kernel and no network; give its path."""
        target = Path(path).expanduser()
        target.write_text(page(" · ".join(self.names), self._repr_html_()), "utf-8")
        return target

    def _fitted(self) -> tuple[str, ...]:
        size = _largest(self.pictures).size
        return tuple(
            f"{name} is {photo.size[0]} x {photo.size[1]} and was enlarged to {size[0]} x {size[1]}."
            for name, photo in zip(self.names, self.pictures, strict=True)
            if photo.size != size
        )

    def _repr_html_(self) -> str:
        previews = self._previews()
        maps = [self._maps(*pair) for pair in zip(self.names[1:], self.differences, strict=True)]
        others = "".join(map(alone, previews[2:]))
        setup = {
            "names": self.names,
            "width": previews[0].shown[0],
            "pixels": _largest(self.pictures).size[0],
        }
        return (
            f'<figure class="retouch-figure retouch-compare" style="margin:4px;max-width:{FRAME[0]}px">'
            f"<style>{FIGURE_STYLE} {_STYLE}</style>"
            f'<div class="retouch-compare-static">{stacked(previews[0], previews[1])}'
            f"{_row(others)}{''.join(maps)}</div>{self._caption()}"
            f"{_started(setup)}</figure>"
        )

    def _previews(self) -> list[Preview]:
        """Make all previews as large on the page as the largest: they cover each other."""
        shown = displayed(_largest(self.pictures).size)
        return [
            replace(Preview.of(photo, name, self.longest), shown=shown)
            for name, photo in zip(self.names, self.pictures, strict=True)
        ]

    def _maps(self, name: str, found: "Difference") -> str:
        """Show the difference and the heat map of one picture, and what their brightness means."""
        views = [
            (found.absolute, f"{name}: difference{f' × {found.gain}' if found.gain > 1 else ''}"),
            (found.heat, f"{name}: heat map"),
        ]
        shown = "".join(alone(self._drawn(pixels, label)) for pixels, label in views)
        return _row(shown) + _legend(found.top, METRICS[self.metric])

    def _drawn(self, pixels: Pixels, label: str) -> Preview:
        from retouch_nb.imaging.difference import outlined  # loads OpenCV

        marked = pixels if self.mask is None else outlined(pixels, self.mask.pixels)
        return replace(Preview.of(Photo.open(marked), label, self.longest), alt=label)

    def _caption(self) -> str:
        facts = "".join(f'<div style="opacity:0.75">{escape(fact)}</div>' for fact in self.facts)
        return (
            '<figcaption style="margin:0;padding:8px 0 0;font-size:13px;line-height:1.6;text-align:left">'
            f"<b>{escape(' · '.join(self.names))}</b>{facts}</figcaption>"
        )


def compare(
    first: PhotoLike,
    second: "PhotoLike | None" = None,
    *others: PhotoLike,
    mask: "MaskLike | None" = None,
    names: Sequence[str] | None = None,
    metric: "Metric" = "delta_e",
    longest: int = LONGEST,
) -> Comparison:
    """Compare pictures: by a slider, side by side, blinking, by difference and by heat map.

    Parameters
    ----------
    first, second, *others : path, bytes, PIL.Image.Image, array, Photo or Edit
        `first` is what the others are compared with. An `Edit` alone stands for its photos before and after.
    mask : Mask, Strokes, painter, path or array, optional, keyword-only
        Its outline is drawn on difference and heat map; the mask of an edit among the pictures when left out.
    names : sequence of str, optional, keyword-only
        One a picture; the photos' own when left out.
    metric : {"delta_e", "absolute"}, keyword-only
        Distances as CIE 1976's ΔE (2.3 is just visible), or as the largest difference of a channel, 0 to 255.
    longest : int, keyword-only
        Longer side of the embedded previews in pixels: more shows more when zoomed in, and makes the notebook larger.

    Returns
    -------
    Comparison
        Shows itself in a notebook; ``.save_html(path)`` writes a page, ``.differences`` has the numbers.

    Raises
    ------
    PictureError
        The pictures do not have one shape. An enlargement of the same shape is fitted, which the figure says.
    ParameterError
        There is nothing to compare, or not one name a picture.

    Examples
    --------
    >>> grey = np.full((40, 60, 3), 100, np.uint8)
    >>> spot = grey.copy()
    >>> spot[:20] = 108
    >>> compare(grey, spot, names=["before", "after"], metric="absolute")
    Comparison of before, after
      after differs from before by 4 levels on average, 8 levels at most; 50 % of the pixels visibly.
    """
    given = [picture for picture in (first, second, *others) if picture is not None]
    photos = tuple(_opened(given))
    if len(photos) < 2:
        raise ParameterError(
            "There is one picture, and nothing to compare it with.",
            advice="Pass two or more, or an edit whose photo before is known.",
        )
    _check_metric(metric)
    size = _check_shapes(photos)
    called = _names(given, photos, names)
    found = _differences(photos, size, metric, longest)
    return Comparison(photos, called, found, _mask(mask, given, photos), metric, longest)


def _opened(given: Sequence[PhotoLike]) -> list[Photo]:
    match given:
        case [Edit(before=Photo() as before, after=after)]:
            return [before, after]
        case _:
            return [Photo.open(picture) for picture in given]


def _check_metric(metric: str) -> None:
    if metric not in METRICS:
        raise ParameterError(f"metric {metric!r} is not known.", advice="Use delta_e or absolute.")


def _check_shapes(photos: Sequence[Photo]) -> tuple[int, int]:
    """Give the size at which all are compared: the largest."""
    largest = _largest(photos)
    for number, photo in enumerate(photos, 1):
        if not same_shape(photo, largest):
            (width, height), (most, highest) = photo.size, largest.size
            raise PictureError(
                f"Picture {number} is {width} x {height} and does not cover {most} x {highest}.",
                advice="Crop them to the same shape; other sizes of one shape are fitted.",
            )
    return largest.size


def _largest(photos: Sequence[Photo]) -> Photo:
    return max(photos, key=lambda photo: photo.size)


def _names(
    given: Sequence[Any], photos: Sequence[Photo], names: Sequence[str] | None
) -> tuple[str, ...]:
    if names is not None:
        if len(names) != len(photos):
            raise ParameterError(
                f"There are {len(names)} names for {len(photos)} pictures.",
                advice="Give one name a picture, or none.",
            )
        return tuple(map(str, names))
    if len(given) == 1:
        return "before", "after"
    own = [photo.name for photo in photos]
    return tuple(own) if len(set(own)) == len(own) else tuple(_numbered(own))


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{name} {number}" for number, name in enumerate(names, 1)]


def _mask(mask: "MaskLike | None", given: Sequence[Any], photos: Sequence[Photo]) -> Mask | None:
    if mask is not None:
        return Mask.open(mask, photos[0].size)
    return next((e.mask for e in given if isinstance(e, Edit) and e.mask is not None), None)


def _differences(
    photos: Sequence[Photo], size: tuple[int, int], metric: "Metric", longest: int
) -> "tuple[Difference, ...]":
    from retouch_nb.imaging.difference import difference  # loads OpenCV

    first = _flat(photos[0], size)
    return tuple(
        difference(first, _flat(photo, size), metric=metric, longest=longest)
        for photo in photos[1:]
    )


def _flat(photo: Photo, size: tuple[int, int]) -> Pixels:
    """Give RGB at a size; what is transparent is compared as if it lay on white."""
    image = photo.to_pil()
    if image.mode == "RGBA":
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image).convert("RGB")
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image)


def _said(name: str, first: str, found: "Difference", metric: str) -> str:
    if not found.largest:
        return f"{name} equals {first}, pixel for pixel."
    mean, most = (_counted(value, metric) for value in (found.mean, found.largest))
    share = _percent(found.visible)
    return (
        f"{name} differs from {first} by {mean} on average, {most} at most; "
        f"{share} of the pixels visibly."
    )


def _percent(share: float) -> str:
    """Write a share; all and none are said only where they are meant.

    Examples
    --------
    >>> [_percent(share) for share in (0.0, 0.00002, 0.0123, 0.5, 0.9999, 1.0)]
    ['none', 'less than 0.01 %', '1.2 %', '50 %', 'more than 99 %', 'all']
    """
    if share in (0, 1):
        return "all" if share else "none"
    percent = 100 * share
    if percent < 0.01:
        return "less than 0.01 %"
    return "more than 99 %" if percent > 99 else f"{percent:.2g} %"


def _counted(value: float, metric: str) -> str:
    number = f"{value:.2g}" if value < 100 else f"{value:.0f}"
    return f"ΔE {number}" if metric == "delta_e" else f"{number} levels"


def _row(cards: str) -> str:
    return (
        f'<div style="display:flex;gap:8px;align-items:flex-start;margin:8px 0 0">{cards}</div>'
        if cards
        else ""
    )


def _legend(top: int, unit: str) -> str:
    """Draw the scale of a heat map as a picture with its ends in words: both survive where styles do not."""
    from retouch_nb.imaging.difference import in_colours  # loads OpenCV

    ramp = in_colours(np.tile(np.linspace(0, 1, 256, dtype=np.float32), (8, 1)))
    bar = replace(Preview.of(Photo.open(ramp), "", 256), alt=f"0 to {top} {unit}", shown=(256, 12))
    return (
        '<div class="retouch-legend" style="display:flex;gap:8px;align-items:center;margin:4px 0 0;font-size:12px">'
        f'<span>{unit}</span><span>0</span><div style="flex:1;max-width:256px">'
        f"{bar.img('width:100%;height:12px')}</div><span>{top} and more</span></div>"
    )


def _started(setup: dict[str, Any]) -> str:
    """Call the script for the figure it stands in; a name of a picture cannot end the element."""
    given = json.dumps(setup, ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>(() => {{\n{_SCRIPT}\nstart(document.currentScript.parentNode, {given});\n}})()</script>"
