"""One layer of a layered result: an encoded picture, where it lies on the photo, and how it blends.

The idea: pixels stay encoded until they are asked for, and are then asked for strip by strip; what a
user changes (opacity, visibility, mode) is a field, so a changed layer shares its picture with the old.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, NamedTuple, Self, TypeAlias

import numpy as np
from PIL import Image

from retouch_nb.blend import BlendMode, Sheet
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Pixels

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the photo; right and bottom are one past the last."""

Kind: TypeAlias = Literal["pixel", "patch", "mask", "flow"]


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

    def pieces(self, png: Png, canvas: tuple[int, int], rows: int) -> Iterator["Piece | None"]:
        """Give what lies on each strip of the photo, `rows` rows high, from top to bottom."""
        if png.size == canvas and not self.left and not self.top:
            yield from (Piece(strip, (0, 0)) for strip in png.strips(rows))
            return
        whole = np.asarray(png.to_pil())
        for top in range(0, canvas[1], rows):
            first = max(0, top - self.top)
            part = whole[first : max(0, top + min(rows, canvas[1] - top) - self.top)]
            yield Piece(part, (self.left, self.top + first - top)) if len(part) else None


class Affine(NamedTuple):
    """Placement of a patch by the matrix that maps the photo's pixels to the patch's.

    ``u = a x + b y + c`` and ``v = d x + e y + f``: what Pillow's affine transform takes, so nothing is
    inverted. As there, coordinates are those of pixel edges: the centre of the first pixel is (½, ½).
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
        left, right = np.clip((math.floor(x.min()), math.ceil(x.max())), 0, canvas[0])
        top, bottom = np.clip((math.floor(y.min()), math.ceil(y.max())), 0, canvas[1])
        return int(left), int(top), int(right), int(bottom)

    def pieces(self, png: Png, canvas: tuple[int, int], rows: int) -> Iterator["Piece | None"]:
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


class Piece(NamedTuple):
    """What of a layer lies on one strip of the photo: pixels and their left and top there."""

    pixels: Pixels
    offset: tuple[int, int]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Layer:
    """One layer of a `LayerStack`; immutable, in the vocabulary of psd-tools.

    Attributes
    ----------
    name : str
        Unique in its stack: the plug-in's name, with a number from the second on.
    png : Png
        The encoded picture, as it was delivered.
    canvas : tuple of int
        Width and height of the photo it lies on.
    plugin : str
        The plug-in that made it; empty when the file name does not tell.
    kind : {"pixel", "patch", "mask", "flow"}
        Colours over the photo; a cut-out placed by a matrix; a selection; a displacement of unknown
        encoding. The last two are kept and shown, and never composited.
    visible : bool
        Whether it takes part in the composite.
    opacity : float
        0 to 1, applied after the blend.
    blend_mode : BlendMode or None
        None when the file names a mode that is not known.
    placement : At, Affine or None
        None when it is not known where the picture belongs.
    """

    name: str
    png: Png
    canvas: tuple[int, int]
    plugin: str = ""
    kind: Kind = "pixel"
    visible: bool = True
    opacity: float = 1.0
    blend_mode: BlendMode | None = BlendMode.NORMAL
    placement: Placement | None = At()

    def __post_init__(self) -> None:
        if not 0 <= self.opacity <= 1:
            raise ParameterError(f"Opacity {self.opacity} is outside 0 to 1.")

    def __repr__(self) -> str:
        mode = self.blend_mode or "unknown mode"
        shown = self.kind if self.kind in {"mask", "flow"} else f"{mode}, {self.opacity:.0%}"
        return f"<Layer {self.name!r}: {shown}{'' if self.visible else ', hidden'}>"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of its own picture: the photo's, but for patches, grids and cut-outs."""
        return self.png.size

    @property
    def offset(self) -> tuple[int, int]:
        """Left and top of its picture on the photo."""
        if isinstance(self.placement, At):
            return self.placement.left, self.placement.top
        return self.bbox[:2]

    @cached_property
    def bbox(self) -> Box:
        """The box on the photo (left, top, right, bottom) that holds all that is not transparent.

        For a patch it is the box around the placed patch. All zero when there is nothing.
        """
        match self.placement:
            case At(left, top):
                ink = self.png.ink.box
                inner = At(left + ink[0], top + ink[1])
                return inner.box((ink[2] - ink[0], ink[3] - ink[1]), self.canvas)
            case Affine():
                return self.placement.box(self.size, self.canvas)
        return 0, 0, 0, 0

    @cached_property
    def coverage(self) -> float:
        """Part of the photo that it touches at all (alpha above 0), 0 to 1; a mask's mean level."""
        if self.kind == "mask":
            return float(self.to_mask().mean()) / 255
        if isinstance(self.placement, Affine):
            pieces = self.placement.pieces(self.png, self.canvas, self.canvas[1])
            inked = sum(np.count_nonzero(piece.pixels[..., 3]) for piece in pieces if piece)
            return float(inked / math.prod(self.canvas))
        return min(1.0, self.png.ink.share * math.prod(self.size) / math.prod(self.canvas))

    @property
    def is_composited(self) -> bool:
        """Whether it changes the composite: visible, a picture, with a known place and mode."""
        placed = self.kind in {"pixel", "patch"} and self.placement is not None
        return placed and self.visible and self.blend_mode is not None

    def to_pil(self) -> Image.Image:
        """Decode its own picture, mode RGBA, as it was delivered."""
        return self.png.to_pil()

    def to_numpy(self) -> Pixels:
        """Decode its own picture: ``uint8`` (height, width, 4), RGB and straight alpha."""
        return np.asarray(self.to_pil())

    def to_mask(self) -> Pixels:
        """Read its picture as a selection: its alpha, or its lightness when it is opaque everywhere.

        Returns
        -------
        ndarray of uint8, (height, width)
            255 is selected.
        """
        image = self.to_pil()
        alpha = image.getchannel("A")
        opaque = alpha.getextrema() == (255, 255)
        return np.asarray(image.convert("RGB").convert("L") if opaque else alpha)

    def sheets(self, rows: int) -> Iterator[Sheet | None]:
        """Give the layer as the compositor wants it, for each strip of the photo from the top.

        Parameters
        ----------
        rows : int
            Height of a strip.

        Yields
        ------
        Sheet or None
            With the offset from the strip's own corner; None where the layer has nothing.
        """
        if self.placement is None or self.blend_mode is None:
            raise PictureError(f"It is not known how {self.name!r} lies on the photo.")
        for piece in self.placement.pieces(self.png, self.canvas, rows):
            yield piece and Sheet(piece.pixels, self.blend_mode, self.opacity, piece.offset)

    def cut_out(self) -> Piece | None:
        """Decode what lies on the photo, cut to `bbox`; None when there is nothing."""
        left, top, right, bottom = self.bbox
        if self.placement is None or right <= left or bottom <= top:
            return None
        (piece,) = self.placement.pieces(self.png, self.canvas, self.canvas[1])
        if piece is None:
            return None
        x, y = left - piece.offset[0], top - piece.offset[1]
        return Piece(piece.pixels[y : y + bottom - top, x : x + right - left], (left, top))

    def reduced(self, factor: int) -> Self:
        """Make the same layer for a photo `factor` times smaller, by averages of whole blocks."""
        width, height = (-(-side // factor) for side in self.canvas)
        if self.kind in {"mask", "flow"} or self.placement is None:
            fits = self.size == self.canvas
            small = np.asarray(self.to_pil().reduce(factor)) if fits else self.to_numpy()
            return replace(self, png=Png.of(small), canvas=(width, height))
        rows = factor * max(1, self.png.rows_at_once // factor)
        pieces = self.placement.pieces(self.png, self.canvas, rows)
        tops = range(0, self.canvas[1], rows)
        strips = [
            _reduced(piece, (self.canvas[0], min(rows, self.canvas[1] - top)), factor)
            for top, piece in zip(tops, pieces, strict=True)
        ]
        whole = Png.of(np.concatenate(strips))
        return replace(self, png=whole, canvas=(width, height), placement=At(), kind="pixel")


def _reduced(piece: Piece | None, size: tuple[int, int], factor: int) -> Pixels:
    strip = Image.new("RGBA", size)
    if piece:
        strip.paste(Image.fromarray(piece.pixels), piece.offset)
    return np.asarray(strip.reduce(factor))
