"""The value itself: encoded bytes with a size, a name and an identity, opened from wherever a picture is."""

import hashlib
import os
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from PIL import Image

from retouch_nb.errors import PictureError
from retouch_nb.files import write_whole
from retouch_nb.photo.codec import (
    FORMATS,
    Pixels,
    check_whole,
    encode,
    fitted,
    from_array,
    kind_of,
    opened,
    tables_of,
    unfit,
)
from retouch_nb.photo.link import Link, called, is_link

SHOWN = 1280
"""Pixels of the longer side of what a page shows."""


@runtime_checkable
class HasPhoto(Protocol):
    """Anything that can stand for a photo, such as the result of an earlier operation."""

    def __photo__(self) -> "Photo": ...


PhotoLike: TypeAlias = (
    "Photo | HasPhoto | str | os.PathLike[str] | bytes | Image.Image | npt.ArrayLike"
)


@dataclass(frozen=True, eq=False, repr=False)
class Photo:
    """One encoded picture, upright, in a format every service can read.

    Make one with `Photo.open`.

    Attributes
    ----------
    data : bytes
        The encoded picture.
    format : str
        ``"JPEG"``, ``"PNG"``, ``"WEBP"``, ``"BMP"`` or ``"TIFF"``.
    size : tuple of int
        Width and height in pixels.
    name : str
        Name without folder and ending; ``"photo"`` when there is none.
    icc_profile : bytes or None
        The embedded colour profile.
    notes : tuple of str
        What opening had to change, each a sentence.

    Examples
    --------
    >>> grey = Photo.open(np.full((40, 60), 120, np.uint8))
    >>> grey.size, grey.format, grey.to_numpy().shape
    ((60, 40), 'PNG', (40, 60, 3))
    """

    data: bytes
    format: str
    size: tuple[int, int]
    name: str = "photo"
    icc_profile: bytes | None = None
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def open(cls, source: PhotoLike) -> "Photo":
        """Open a photo from wherever it is and make it fit for every service.

        Parameters
        ----------
        source : path, bytes, PIL.Image.Image, array, Photo or an earlier result
            Arrays are (height, width), (height, width, 3) or (height, width, 4): ``uint8`` 0-255,
            ``uint16`` 0-65535, ``bool``, or floats 0-1.

        Returns
        -------
        Photo
            Upright (EXIF orientation applied), 8 bits a channel, RGB, RGBA or grey.

        Raises
        ------
        PictureError
            Not a picture, broken, empty, or above 250 megapixels.

        Examples
        --------
        >>> photo = Photo.open(np.zeros((40, 60, 3), np.uint8))
        >>> photo
        <Photo 60 x 40 PNG, 0.1 kB>
        >>> photo.size
        (60, 40)
        """
        match source:
            case Photo():
                return source
            case HasPhoto():
                return source.__photo__()
            case str() | os.PathLike():
                return _from_path(Path(source).expanduser(), str(source))
            case bytes() | bytearray() | memoryview():
                return _from_bytes(bytes(source), "photo")
            case Image.Image():
                return _encoded(fitted(source), _name_of(source))
            case _:
                return _encoded(from_array(source), "photo")

    def __photo__(self) -> "Photo":
        return self

    def __repr__(self) -> str:
        width, height = self.size
        return f"<Photo {width} x {height} {self.format}, {len(self.data) / 1000:,.1f} kB>"

    @property
    def media_type(self) -> str:
        """The MIME type of `data`."""
        return f"image/{self.format.lower()}"

    @property
    def file_name(self) -> str:
        """Name with the ending that fits the content."""
        return re.sub(r'["\\/]', "_", f"{self.name}.{FORMATS[self.format]}")

    @property
    def long_side(self) -> int:
        """The larger of width and height, in pixels."""
        return max(self.size)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `data` as hexadecimal text: the photo's identity."""
        return hashlib.sha256(self.data).hexdigest()

    def to_pil(self) -> Image.Image:
        """Decode to a Pillow image in mode RGB, or RGBA where there is transparency."""
        with opened(self.data) as image:
            transparent = image.mode in {"RGBA", "LA"}
            return image.convert("RGBA" if transparent else "RGB")

    def to_numpy(self) -> Pixels:
        """Decode to ``uint8`` of shape (height, width, 3) in RGB order, or (height, width, 4)."""
        return np.array(self.to_pil())

    def thumbnail(self, longest: int = SHOWN) -> Image.Image:
        """Decode a copy whose longer side is at most `longest` pixels; cheap for large JPEGs."""
        if self.format != "JPEG" and longest <= SHOWN:
            small = reduced(self)[0].copy()
        else:
            with opened(self.data) as image:
                image.draft("RGB", (longest, longest))
                small = image.convert("RGBA" if image.mode in {"RGBA", "LA"} else "RGB")
        small.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
        return small

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the photo; byte for byte when the ending fits the format, else encoded anew.

        Examples
        --------
        >>> import tempfile
        >>> photo = Photo.open(np.zeros((4, 4, 3), np.uint8))
        >>> photo.save(Path(tempfile.mkdtemp()) / "black.png").name
        'black.png'
        """
        target = Path(path).expanduser()
        return write_whole(target, self.as_format(target))

    def as_format(self, target: Path) -> bytes:
        """Give what a file of this name holds: `data` itself when the ending fits the format, else encoded anew.

        Raises
        ------
        PictureError
            The ending is no picture format.
        """
        wanted = Image.registered_extensions().get(target.suffix.lower())
        if wanted is None:
            raise PictureError(
                f"{target.suffix or 'a name without ending'!r} is not a picture format.",
                advice="Use .png, .jpg, .webp, .tiff or .bmp; nothing was written.",
            )
        if wanted == self.format:
            return self.data
        image = self.to_pil()
        return encode(
            image if wanted in {"PNG", "WEBP", "TIFF"} else image.convert("RGB"),
            wanted,
            self.icc_profile,
        )

    def _repr_jpeg_(self) -> bytes | None:
        small = self.thumbnail()
        return None if small.mode == "RGBA" else encode(small, "JPEG", self.icc_profile)

    def _repr_png_(self) -> bytes | None:
        small = self.thumbnail()
        return encode(small, "PNG", self.icc_profile) if small.mode == "RGBA" else None


@lru_cache(maxsize=2)
def reduced(photo: Photo) -> tuple[Image.Image, int]:
    """Decode, and average squares of 8, 4, 2 or 1 pixels a side, as long as that leaves half as much again as `SHOWN`.

    What is no JPEG cannot be decoded small, so whatever looks at a result and its photo as a whole shares the last two.

    Returns
    -------
    Image
        Of mode RGB or RGBA; not to be changed.
    int
        The side of the squares.

    Examples
    --------
    >>> image, step = reduced(Photo.open(np.zeros((30, 4001, 3), np.uint8)))
    >>> image.size, step
    ((2001, 15), 2)
    """
    step = next(step for step in (8, 4, 2, 1) if photo.long_side >= 1.5 * step * SHOWN or step == 1)
    with opened(photo.data) as image:
        small = image.reduce(step) if step > 1 else image
        return small.convert("RGBA" if image.mode in {"RGBA", "LA"} else "RGB"), step


def open_photo(source: "PhotoLike | Link") -> Photo | Link:
    """Open a photo, or keep its address when it is one."""
    if isinstance(source, Link):
        return source
    return Link(source) if isinstance(source, str) and is_link(source) else Photo.open(source)


def _from_path(path: Path, given: str) -> Photo:
    if is_link(given):
        raise PictureError(
            f"{given!r} is a web address.",
            advice="Pass it to the operation itself, or download it.",
        )
    try:
        return _from_bytes(path.read_bytes(), called(path.stem))
    except OSError as error:
        raise PictureError(
            f"Cannot read {given!r}: {error.strerror or error}.",
            advice="Nothing was sent. Check the path; it is relative to the notebook's folder.",
        ) from error


def _from_bytes(data: bytes, name: str) -> Photo:
    with opened(data) as image:
        reasons = unfit(image)
        if not reasons:
            icc = image.info.get("icc_profile")
            size, kind = image.size, kind_of(image)
            check_whole(data)
            return Photo(data, kind, size, name, icc)
        tables = tables_of(image)
        upright = fitted(image)
    return _encoded(upright, name, tables=tables, notes=tuple(reasons))


def _encoded(
    image: Image.Image,
    name: str,
    *,
    tables: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
) -> Photo:
    icc = image.info.get("icc_profile")
    kind = "JPEG" if tables else "PNG"
    return Photo(encode(image, kind, icc, **(tables or {})), kind, image.size, name, icc, notes)


def _name_of(image: Image.Image) -> str:
    return called(Path(str(getattr(image, "filename", ""))).stem)
