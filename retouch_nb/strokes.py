"""A mask as a short readable list of marks, which draws the same mask on every machine and at every size.

The list is the truth: print it, keep it in git, replay it in a notebook that runs without a browser.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from PIL import Image, ImageDraw

from retouch_nb.errors import PictureError
from retouch_nb.mask import Mask

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True)
class Brush:
    """A round brush pulled through points.

    Attributes
    ----------
    points : sequence of (x, y)
        In pixels of the photo the strokes were made on.
    width : float
        Diameter of the brush in the same pixels.
    erase : bool
        Paint black instead of white.
    """

    points: Sequence[Point]
    width: float = 20
    erase: bool = False

    def _draw(self, draw: ImageDraw.ImageDraw, scale: float) -> None:
        """Lay a disc on every point and a quadrilateral between neighbours: no gaps at sharp turns."""
        ink = 0 if self.erase else 255
        points = [(x * scale, y * scale) for x, y in self.points]
        radius = self.width * scale / 2
        for x, y in points:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
        for start, end in itertools.pairwise(points):
            if start != end:
                draw.polygon(_band(start, end, radius), fill=ink)


@dataclass(frozen=True)
class Box:
    """A filled axis-aligned rectangle: left, top, width and height in pixels."""

    x: float
    y: float
    width: float
    height: float
    erase: bool = False

    def _draw(self, draw: ImageDraw.ImageDraw, scale: float) -> None:
        left, top = round(self.x * scale), round(self.y * scale)
        right, bottom = round((self.x + self.width) * scale), round((self.y + self.height) * scale)
        if right > left and bottom > top:
            draw.rectangle((left, top, right - 1, bottom - 1), fill=0 if self.erase else 255)


@dataclass(frozen=True)
class Lasso:
    """A filled outline through points, closed by itself."""

    points: Sequence[Point]
    erase: bool = False

    def _draw(self, draw: ImageDraw.ImageDraw, scale: float) -> None:
        corners = [(x * scale, y * scale) for x, y in self.points]
        if len(corners) > 2:
            draw.polygon(corners, fill=0 if self.erase else 255)


Mark: TypeAlias = Brush | Box | Lasso


@dataclass(frozen=True)
class Strokes:
    """Marks in the order in which they were made, on a photo of a given size.

    Attributes
    ----------
    size : tuple of int
        Width and height of the photo the marks were made on.
    marks : tuple of Brush, Box or Lasso

    Examples
    --------
    >>> strokes = Strokes((60, 40), [Box(10, 10, 20, 20), Brush([(20, 20)], width=6, erase=True)])
    >>> strokes.mask()
    <Mask 60 x 40, 15.1 % white>
    >>> strokes.mask((120, 80)).size
    (120, 80)
    """

    size: tuple[int, int]
    marks: Sequence[Mark] = field(default=())

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise PictureError(f"Strokes need a photo of at least 1 x 1 pixel, not {self.size}.")
        if not all(isinstance(mark, Brush | Box | Lasso) for mark in self.marks):
            raise PictureError("Strokes hold Brush, Box and Lasso marks only.")
        if not np.isfinite([number for mark in self.marks for number in _numbers(mark)]).all():
            raise PictureError("A mark has a coordinate that is not a finite number.")

    def mask(self, size: tuple[int, int] | None = None) -> Mask:
        """Draw the marks on a photo of this width and height; their own when left out.

        Raises
        ------
        PictureError
            The size has another shape than the photo the marks were made on.
        """
        width, height = size or self.size
        scale = width / self.size[0]
        if abs(self.size[1] * scale - height) > 1:
            raise PictureError(
                f"The strokes were made on a photo of {self.size[0]} x {self.size[1]} pixels; "
                f"{width} x {height} has another shape.",
                advice="Nothing was sent. Replay them on the same photo, at any size.",
            )
        canvas = Image.new("L", (width, height))
        draw = ImageDraw.Draw(canvas)
        for mark in self.marks:
            mark._draw(draw, scale)
        return Mask.open(np.asarray(canvas) > 0)

    def __mask__(self, size: tuple[int, int]) -> Mask:
        return self.mask(size)


def _band(start: Point, end: Point, radius: float) -> list[Point]:
    """Corners of the straight piece of a round brush between two points."""
    (x0, y0), (x1, y1) = start, end
    length = float(np.hypot(x1 - x0, y1 - y0))
    dx, dy = (y1 - y0) / length * radius, (x0 - x1) / length * radius
    return [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)]


def _numbers(mark: Mark) -> list[float]:
    match mark:
        case Box():
            return [mark.x, mark.y, mark.width, mark.height]
        case Brush():
            return [mark.width, *(number for point in mark.points for number in point)]
        case Lasso():
            return [number for point in mark.points for number in point]
