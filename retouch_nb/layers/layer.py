"""One layer of a layered result: an encoded picture, its place on the photo, and how it blends.

The idea: pixels stay encoded until they are asked for, and are then asked for strip by strip; what
a user changes is a field, so a changed layer shares its picture with the one before.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Self, TypeAlias

import numpy as np
from PIL import Image

from retouch_nb.blend import BlendMode, Sheet
from retouch_nb.errors import ParameterError, PictureError
from retouch_nb.layers.placement import Affine, At, Box, Piece, Placement
from retouch_nb.layers.pngrows import Png
from retouch_nb.photo import Pixels

Kind: TypeAlias = Literal["pixel", "patch", "mask", "flow"]

_LEFT_TOP = At()


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
        Colours over the photo; a cut-out placed by a matrix; a selection; a displacement of
        unknown encoding. The last two are kept and shown, and never composited.
    visible : bool
        Whether it takes part in the composite.
    opacity : float
        0 to 1, applied after the blend.
    blend_mode : BlendMode or None
        None when the file names a mode that is not known.
    placement : At, Affine or None
        None when it is not known where the picture belongs.

    Examples
    --------
    >>> from retouch_nb.layers import Png
    >>> white = Png.of(np.full((2, 2, 4), 255, np.uint8))
    >>> layer = Layer(name="Dodge Burn", png=white, canvas=(4, 4), blend_mode=BlendMode.SOFT_LIGHT)
    >>> layer, layer.coverage
    (<Layer 'Dodge Burn': Soft Light, 100%>, 0.25)
    """

    name: str
    png: Png
    canvas: tuple[int, int]
    plugin: str = ""
    kind: Kind = "pixel"
    visible: bool = True
    opacity: float = 1.0
    blend_mode: BlendMode | None = BlendMode.NORMAL
    placement: Placement | None = _LEFT_TOP

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
        """Part of the photo it touches at all (alpha above 0), 0 to 1; a mask's mean level."""
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
        """Read its picture as a selection: its alpha, or its lightness if it is opaque everywhere.

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
        """Decode what is not transparent on the photo, in its box; None when there is nothing."""
        if self.placement is None:
            return None
        rows = self.png.rows_at_once
        tops = range(0, self.canvas[1], rows)
        pieces = self.placement.pieces(self.png, self.canvas, rows)
        inked = [_inked(piece, top) for top, piece in zip(tops, pieces, strict=True) if piece]
        parts = [part for part in inked if part]
        if not parts:
            return None
        left, top = (min(part.offset[axis] for part in parts) for axis in (0, 1))
        right = max(part.offset[0] + part.pixels.shape[1] for part in parts)
        bottom = max(part.offset[1] + part.pixels.shape[0] for part in parts)
        whole = np.zeros((bottom - top, right - left, 4), np.uint8)
        for pixels, (x, y) in parts:
            whole[y - top : y - top + len(pixels), x - left : x - left + pixels.shape[1]] = pixels
        return Piece(whole, (left, top))

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
        return replace(self, png=whole, canvas=(width, height), placement=_LEFT_TOP)


def _inked(piece: Piece, strip_top: int) -> Piece | None:
    """Cut a piece to what is not transparent, and count its offset from the photo's corner."""
    alpha = piece.pixels[..., 3] > 0
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not rows.size:
        return None
    first, left = int(rows[0]), int(columns[0])
    pixels = piece.pixels[first : rows[-1] + 1, left : columns[-1] + 1]
    return Piece(pixels, (piece.offset[0] + left, strip_top + piece.offset[1] + first))


def _reduced(piece: Piece | None, size: tuple[int, int], factor: int) -> Pixels:
    strip = Image.new("RGBA", size)
    if piece:
        strip.paste(Image.fromarray(piece.pixels), piece.offset)
    return np.asarray(strip.reduce(factor))
