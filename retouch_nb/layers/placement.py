"""Where a layer's picture lies on the photo: at an offset, or by a matrix as patches do.

The idea: either way the photo is walked from top to bottom in strips, and the placement says what
of the picture lies on each.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from PIL import Image

from retouch_nb.errors import ParameterError
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Pixels

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the photo; right and bottom are one past the last."""


class Piece(NamedTuple):
    """What of a layer lies on one strip of the photo: pixels and their left and top there."""

    pixels: Pixels
    offset: tuple[int, int]


@dataclass(frozen=True)
class At:
    """Placement by the position of the picture's left top corner."""

    left: int = 0
    top: int = 0

    def box(self, size: tuple[int, int], canvas: tuple[int, int]) -> Box:
        """Where a picture of this size lies on the photo, cut at its edges."""
        left, top = min(max(self.left, 0), canvas[0]), min(max(self.top, 0), canvas[1])
        right, bottom = self.left + size[0], self.top + size[1]
        return left, top, max(left, min(right, canvas[0])), max(top, min(bottom, canvas[1]))

    def pieces(self, png: Png, canvas: tuple[int, int], rows: int) -> Iterator[Piece | None]:
        """Give what lies on each strip of the photo, `rows` rows high, from top to bottom."""
        if png.size == canvas and not self.left and not self.top:
            yield from (Piece(strip, (0, 0)) for strip in png.strips(rows))
            return
        shown = np.asarray(png.to_pil())[:, max(0, -self.left) : max(0, canvas[0] - self.left)]
        for top in range(0, canvas[1], rows):
            first = max(0, top - self.top)
            part = shown[first : max(0, min(top + rows, canvas[1]) - self.top)]
            offset = max(0, self.left), self.top + first - top
            yield Piece(part, offset) if part.size else None


class Affine(NamedTuple):
    """Placement of a patch by the matrix that maps the photo's pixels to the patch's.

    ``u = a x + b y + c`` and ``v = d x + e y + f``: what Pillow's affine transform takes, so
    nothing is inverted. As there, coordinates count from pixel edges: the first pixel's centre is
    (½, ½).
    """

    a: float
    b: float
    c: float
    d: float
    e: float
    f: float

    @classmethod
    def of(cls, rows: object) -> Self:
        """Check a 2 x 3 matrix as a service sends it: finite numbers that can be inverted.

        Raises
        ------
        ParameterError
            It is not that.

        Examples
        --------
        >>> Affine.of([[0.5, 0, -10], [0, 0.5, -20]])
        Affine(a=0.5, b=0.0, c=-10.0, d=0.0, e=0.5, f=-20.0)
        """
        try:
            matrix = np.array(rows, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ParameterError("A placement matrix is not made of numbers.") from error
        if matrix.shape != (2, 3) or not np.isfinite(matrix).all():
            raise ParameterError("A placement matrix is not 2 x 3 finite numbers.")
        if not 1e-9 < abs(np.linalg.det(matrix[:, :2])) < 1e9 or np.abs(matrix).max() > 1e9:
            raise ParameterError("A placement matrix cannot be inverted.")
        return cls(*matrix.ravel().tolist())

    def box(self, size: tuple[int, int], canvas: tuple[int, int]) -> Box:
        """Where a patch of this size lies on the photo, cut at its edges."""
        corners = np.array([(u, v) for u in (0, size[0]) for v in (0, size[1])], dtype=np.float64)
        inverse = np.linalg.inv(np.array([[self.a, self.b], [self.d, self.e]]))
        x, y = inverse @ (corners - (self.c, self.f)).T
        x, y = np.clip(x, 0, canvas[0]), np.clip(y, 0, canvas[1])
        return math.floor(x.min()), math.floor(y.min()), math.ceil(x.max()), math.ceil(y.max())

    def pieces(self, png: Png, canvas: tuple[int, int], rows: int) -> Iterator[Piece | None]:
        """Give what lies on each strip of the photo, `rows` rows high, sampled bicubically."""
        patch = png.to_pil()
        left, first, right, last = self.box(png.size, canvas)
        for strip in range(0, canvas[1], rows):
            top, bottom = max(first, strip), min(last, strip + rows)
            if right <= left or bottom <= top:
                yield None
            else:
                part = self._sampled(patch, (left, top, right, bottom))
                yield Piece(np.asarray(part), (left, top - strip))

    def _sampled(self, patch: Image.Image, box: Box) -> Image.Image:
        left, top, right, bottom = box
        moved = self._replace(
            c=self.c + self.a * left + self.b * top, f=self.f + self.d * left + self.e * top
        )
        size, bicubic = (right - left, bottom - top), Image.Resampling.BICUBIC
        return patch.transform(size, Image.Transform.AFFINE, tuple(moved), bicubic)


Placement: TypeAlias = At | Affine
