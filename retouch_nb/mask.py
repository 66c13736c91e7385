"""A mask: white repaints, black keeps. The only polarity in the package.

Kept as a boolean array of the photo's own size, so that nothing is ever half inside.
"""

import hashlib
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageOps

from retouch_nb import rle
from retouch_nb.errors import PictureError
from retouch_nb.files import write_whole
from retouch_nb.photo import Photo, PhotoLike, Pixels, opened


class Rectangle(NamedTuple):
    """An axis-aligned area in pixels of the photo, measured from its top left corner.

    Examples
    --------
    >>> area = Rectangle(120, 40, 60, 200)
    >>> area.x + area.width, area.y + area.height
    (180, 240)
    """

    x: int
    y: int
    width: int
    height: int


@runtime_checkable
class HasMask(Protocol):
    """Anything that can draw a mask for a photo of a given size: strokes, a painter."""

    def __mask__(self, size: tuple[int, int]) -> "Mask": ...


@runtime_checkable
class SeesPhoto(Protocol):
    """What can also look at the photo, where that is at hand: strokes that select by colour."""

    def __mask_on__(self, photo: Photo) -> "Mask": ...


MaskLike: TypeAlias = "Mask | HasMask | PhotoLike"


@dataclass(frozen=True, eq=False, repr=False)
class Mask:
    """Which pixels of a photo an operation may change.

    Make one with `Mask.open` or `Mask.from_rectangles`.

    Attributes
    ----------
    pixels : ndarray of bool, shape (height, width)
        True where the photo is to be changed. Read-only.
    drawn : str
        Code of the strokes it was drawn by; empty for any other mask.
    straight : bool
        Nothing but boxes was painted: a service may be told their `rectangles` instead.

    Examples
    --------
    >>> mask = Mask.from_rectangles([Rectangle(0, 0, 10, 10)], (20, 10))
    >>> mask, mask.inverted().to_numpy()[0, [0, -1]].tolist()
    (<Mask 20 x 10, 50.0 % white>, [False, True])
    """

    pixels: npt.NDArray[np.bool_]
    drawn: str = ""
    straight: bool = False

    @classmethod
    def open(
        cls,
        source: MaskLike,
        size: tuple[int, int] | None = None,
        *,
        photo: Photo | None = None,
    ) -> "Mask":
        """Open a mask from wherever it is.

        Parameters
        ----------
        source : path, bytes, PIL.Image.Image, array, Photo, Strokes, a painter, COCO's mapping or Mask
            Pictures are read as grey and cut at half; transparent counts as black.
            Boolean arrays are taken as they are; other arrays as `Photo.open` reads them.
        size : tuple of int, optional
            Width and height of the photo, which the mask must share. Strokes and painters need it.
        photo : Photo, keyword-only, optional
            The photo itself; strokes that select by colour need it.

        Returns
        -------
        Mask

        Raises
        ------
        PictureError
            Not a picture, or of another size than the photo.

        Examples
        --------
        >>> import numpy as np
        >>> white = np.zeros((30, 40), bool); white[10:20, 10:20] = True
        >>> Mask.open(white)
        <Mask 40 x 30, 8.3 % white>
        """
        mask = _open(source, size, photo)
        if size is not None and mask.size != size:
            raise PictureError(
                f"The mask is {mask.size[0]} x {mask.size[1]} pixels and the photo "
                f"{size[0]} x {size[1]}.",
                advice="Nothing was sent. They must be equal; resize the mask or draw it on the photo.",
            )
        return mask

    @classmethod
    def from_rectangles(cls, rectangles: Iterable[Rectangle], size: tuple[int, int]) -> "Mask":
        """Paint rectangles white on a black mask of the given width and height.

        Examples
        --------
        >>> Mask.from_rectangles([Rectangle(0, 0, 10, 10)], (20, 10)).coverage
        0.5
        """
        pixels = np.zeros((size[1], size[0]), bool)
        for x, y, width, height in rectangles:
            pixels[y : y + height, x : x + width] = True
        return cls(_frozen(pixels))

    @classmethod
    def from_polygons(cls, polygons: Iterable[Sequence[Any]], size: tuple[int, int]) -> "Mask":
        """Fill polygons on a black mask: each a list of (x, y), or of x, y, x, y, ... as in COCO.

        Examples
        --------
        >>> Mask.from_polygons([[(0, 0), (9, 0), (9, 4), (0, 4)]], (20, 10)).coverage
        0.25
        """
        canvas = Image.new("1", size)
        draw = ImageDraw.Draw(canvas)
        for polygon in polygons:
            corners = np.asarray(polygon, np.float64).reshape(-1, 2)
            if len(corners) < 3 or not np.isfinite(corners).all():
                raise PictureError("A polygon has at least three corners, each two finite numbers.")
            draw.polygon([(x, y) for x, y in corners.tolist()], fill=1)
        return cls(_frozen(np.array(canvas)))

    @classmethod
    def from_alpha(cls, picture: PhotoLike) -> "Mask":
        """Take the opaque part of a picture as white; `inverted` where transparent marks the area.

        Raises
        ------
        PictureError
            The picture has no transparency.
        """
        pixels = Photo.open(picture).to_numpy()
        if pixels.shape[2] != 4:
            raise PictureError(
                "The picture has no alpha channel.",
                advice="Nothing was sent. Mask.open(picture) reads black and white instead.",
            )
        return cls(_frozen(pixels[:, :, 3] >= 128))

    @classmethod
    def from_rle(cls, given: Mapping[str, Any]) -> "Mask":
        """Read COCO's ``{"size": [height, width], "counts": ...}``, compressed or not.

        Examples
        --------
        >>> Mask.from_rle({"size": [2, 2], "counts": "13"}).pixels.tolist()
        [[False, True], [True, True]]
        """
        return cls(_frozen(rle.read(given)))

    def __mask__(self, size: tuple[int, int]) -> "Mask":
        return self

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Mask {width} x {height}, {100 * self.coverage:.1f} % white>"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.pixels.shape
        return width, height

    @cached_property
    def coverage(self) -> float:
        """Fraction of the photo that is white, 0 to 1."""
        return float(self.pixels.mean())

    @cached_property
    def png(self) -> bytes:
        """The mask as an 8-bit grey PNG without transparency, which every service reads."""
        buffer = io.BytesIO()
        self.to_pil().save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of size and pixels as hexadecimal text: the mask's identity."""
        packed = np.packbits(self.pixels).tobytes()
        return hashlib.sha256(repr(self.size).encode() + packed).hexdigest()

    def inverted(self) -> "Mask":
        """Swap white and black."""
        return Mask(_frozen(~self.pixels))

    def rectangles(self, most: int = 50) -> tuple[Rectangle, ...] | None:
        """Give rectangles that cover exactly the white pixels; None when that takes more than `most`.

        Examples
        --------
        >>> Mask.from_rectangles([Rectangle(1, 2, 30, 4), Rectangle(3, 20, 5, 5)], (40, 30)).rectangles()
        (Rectangle(x=1, y=2, width=30, height=4), Rectangle(x=3, y=20, width=5, height=5))
        """
        edges = np.flatnonzero((self.pixels[1:] != self.pixels[:-1]).any(axis=1)) + 1
        if len(edges) > 2 * most:
            return None
        tops = [0, *edges.tolist(), self.size[1]]
        growing: dict[tuple[int, int], int] = {}
        done: list[Rectangle] = []
        for top in tops:
            spans = set(_spans(self.pixels[top])) if top < self.size[1] else set()
            for span in [span for span in growing if span not in spans]:
                left, right = span
                done.append(Rectangle(left, begun := growing.pop(span), right - left, top - begun))
            growing |= {span: top for span in spans if span not in growing}
            if len(done) + len(growing) > most:
                return None
        return tuple(sorted(done, key=lambda r: (r.y, r.x)))

    def to_polygons(self, *, tolerance: float = 0.0) -> list[list[tuple[int, int]]]:
        """Give the outer outline of every separate area as corners (x, y); holes are not kept.

        Parameters
        ----------
        tolerance : float, keyword-only
            How far, in pixels, an outline may be straightened.

        Examples
        --------
        >>> Mask.from_rectangles([Rectangle(1, 2, 5, 3)], (20, 10)).to_polygons()
        [[(1, 2), (1, 4), (5, 4), (5, 2)]]
        """
        from retouch_nb.imaging import shape  # loads OpenCV

        lines = shape.outlines(self.pixels, tolerance=tolerance)
        return [[(int(x), int(y)) for x, y in line] for line in lines]

    def to_rle(self) -> dict[str, Any]:
        """Give COCO's mapping, with counts as pycocotools compresses them.

        Examples
        --------
        >>> Mask.from_rectangles([Rectangle(1, 0, 1, 2)], (2, 2)).to_rle()
        {'size': [2, 2], 'counts': '22'}
        """
        return {"size": [self.size[1], self.size[0]], "counts": rle.encode(self.pixels)}

    def cut_out(self, photo: PhotoLike) -> Photo:
        """Give the photo with the mask as its alpha channel: white is opaque, black transparent.

        Raises
        ------
        PictureError
            The photo has another size.
        """
        opened_photo = Photo.open(photo)
        mask = Mask.open(self, opened_photo.size)
        alpha = mask.pixels.astype(np.uint8) * np.uint8(255)
        pixels: Pixels = np.dstack([opened_photo.to_numpy()[:, :, :3], alpha])
        return Photo.open(pixels)

    def to_pil(self) -> Image.Image:
        """Give the mask as a Pillow image in mode L: 255 changes, 0 keeps."""
        return Image.fromarray(self.pixels.astype(np.uint8) * 255)

    def to_numpy(self) -> npt.NDArray[np.bool_]:
        """Give a boolean array of shape (height, width), true where white; a copy."""
        return self.pixels.copy()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the mask as a PNG."""
        write_whole(Path(path).expanduser(), self.png)

    def _repr_png_(self) -> bytes:
        return self.png


def _open(source: Any, size: tuple[int, int] | None, photo: Photo | None) -> Mask:
    match source:
        case Mask():
            return source
        case SeesPhoto() if photo is not None:
            return replace(source.__mask_on__(photo), drawn=_code(source))
        case HasMask():
            if size is None:
                raise PictureError("Strokes need the photo's size to become a mask.")
            return replace(source.__mask__(size), drawn=_code(source))
        case Mapping():
            return Mask.from_rle(source)
        case str() | os.PathLike():
            return _from_photo(Photo.open(source))
        case bytes():
            with opened(source) as image:
                return _from_grey(ImageOps.exif_transpose(image))
        case Image.Image():
            return _from_grey(source)
        case np.ndarray() if source.dtype == bool and source.ndim == 2:
            return Mask(_frozen(source.copy()))
        case _:
            return _from_photo(Photo.open(source))


def _code(source: Any) -> str:
    """Give the code of strokes, or of the strokes of a painter."""
    return str(getattr(source, "strokes", source))


def _from_photo(photo: Photo) -> Mask:
    with opened(photo.data) as image:
        return _from_grey(image)


def _from_grey(image: Image.Image) -> Mask:
    """Cut at half; what is transparent keeps, whatever colour hides below it."""
    if "transparency" in image.info or image.mode in {"RGBA", "LA", "PA"}:
        flat = Image.new("RGBA", image.size, "black")
        flat.alpha_composite(image.convert("RGBA"))
        image = flat
    return Mask(_frozen(np.asarray(image.convert("L")) >= 128))


def _frozen(pixels: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    if 0 in pixels.shape:
        raise PictureError("The mask is empty (0 pixels).")
    pixels.setflags(write=False)
    return pixels


def _spans(row: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Give the white pieces of a row, each by its first pixel and the one after its last."""
    edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def read_rectangles(given: Any) -> tuple[Rectangle, ...]:
    """Read rectangles from JSON text, or from a list of mappings, of fours or of `Rectangle`.

    Examples
    --------
    >>> read_rectangles('[{"x": 1, "y": 2, "width": 30, "height": 40}]')
    (Rectangle(x=1, y=2, width=30, height=40),)
    >>> read_rectangles("1,2,30,40 50,60,7,8")
    (Rectangle(x=1, y=2, width=30, height=40), Rectangle(x=50, y=60, width=7, height=8))
    """
    if isinstance(given, str):
        given = _split(given)
    if isinstance(given, (Rectangle, Mapping)) or _is_four(given):
        given = [given]
    if not isinstance(given, Iterable):
        raise ValueError("expected a list of rectangles (x, y, width, height)")
    return tuple(_rectangle(item) for item in given)


def _split(text: str) -> Any:
    if text.lstrip().startswith(("[", "{")):
        return json.loads(text)
    return [part.split(",") for part in re.sub(r"\s*,\s*", ",", text.replace(";", " ")).split()]


def _is_four(given: Any) -> bool:
    return (
        isinstance(given, Sequence) and len(given) == 4 and all(isinstance(n, int) for n in given)
    )


def _rectangle(item: Any) -> Rectangle:
    values = [item[key] for key in Rectangle._fields] if isinstance(item, Mapping) else list(item)
    if len(values) != 4:
        raise ValueError(f"a rectangle has four numbers (x, y, width, height), not {values!r}")
    numbers = [int(value) for value in values]
    if any(float(value) != number for value, number in zip(values, numbers, strict=True)):
        raise ValueError(f"rectangles are in whole pixels, not {values!r}")
    return Rectangle(*numbers)
