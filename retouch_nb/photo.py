"""A photo as every operation wants it: encoded, upright, checked, and known by the hash of its bytes.

The idea: a file that is already fit is kept byte for byte; only one that is not (turned by EXIF, palette,
CMYK, 16 bits, an unusual format) is encoded anew, and ``notes`` says so.
"""

import hashlib
import io
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, JpegImagePlugin, UnidentifiedImageError

from retouch_nb.errors import PictureError

Pixels: TypeAlias = npt.NDArray[np.uint8]

FORMATS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "BMP": "bmp", "TIFF": "tiff"}
"""Formats that are kept as they are, by Pillow's name, with their file name ending."""

MOST_PIXELS = 250_000_000
"""No photo above this is opened: the largest any of the services takes."""

LONGEST_NAME = 100

_PROGRAMS = {"EPS", "WMF"}
"""What Pillow has drawn by other programs, in languages of their own."""

_FIT_MODES = {"RGB", "RGBA", "L", "LA"}
_pillow_limit = threading.Lock()


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
                return _encoded(_fit(source), _name_of(source))
            case _:
                return _encoded(_from_array(source), "photo")

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

    def thumbnail(self, longest: int = 1280) -> Image.Image:
        """Decode a copy whose longer side is at most `longest` pixels; cheap for large JPEGs."""
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
        return _encode(
            image if wanted in {"PNG", "WEBP", "TIFF"} else image.convert("RGB"),
            wanted,
            self.icc_profile,
        )

    def _repr_jpeg_(self) -> bytes | None:
        small = self.thumbnail()
        return None if small.mode == "RGBA" else _encode(small, "JPEG", self.icc_profile)

    def _repr_png_(self) -> bytes | None:
        small = self.thumbnail()
        return _encode(small, "PNG", self.icc_profile) if small.mode == "RGBA" else None


@dataclass(frozen=True)
class Link:
    """A picture given by its address: a service that can fetch it does so itself.

    Its size cannot be checked before the request; the address must be public.

    Examples
    --------
    >>> Link("https://example.org/cat.jpg").name
    'cat'
    >>> Link("ftp://example.org/cat.jpg")
    Traceback (most recent call last):
    ...
    retouch_nb.errors.PictureError: 'ftp://example.org/cat.jpg' is not an address a service can fetch. ...
    """

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise PictureError(
                f"{self.url!r} is not an address a service can fetch.",
                advice="Give an http or https address, or download the picture and pass its path.",
            )
        if parts.username or parts.password:
            raise PictureError(
                "The picture's address carries a user name or password.",
                advice="Nothing was sent. Download the picture and pass its path.",
            )

    @property
    def name(self) -> str:
        """Last part of the path without its ending."""
        return called(Path(urlsplit(self.url).path).stem)

    @property
    def digest(self) -> str:
        """SHA-256 of the address: all that is known of the picture."""
        return hashlib.sha256(self.url.encode()).hexdigest()


def called(stem: str) -> str:
    r"""Make a name of a file's: to be shown on a terminal, written into a header and sent as UTF-8.

    Examples
    --------
    >>> called("Käthe 1"), called("a\x1b[2J\r\nX-Admin: 1"), called("\udcff")
    ('Käthe 1', 'a[2JX-Admin: 1', 'photo')
    """
    return "".join(c for c in stem if c.isprintable())[:LONGEST_NAME].strip() or "photo"


def is_link(source: object) -> bool:
    """Tell whether a source is a web address, or written as one."""
    return isinstance(source, Link) or (
        isinstance(source, str) and source.startswith(("http://", "https://", "ftp://"))
    )


def open_photo(source: "PhotoLike | Link") -> Photo | Link:
    """Open a photo, or keep its address when it is one."""
    if isinstance(source, Link):
        return source
    return Link(source) if isinstance(source, str) and is_link(source) else Photo.open(source)


def write_whole(target: Path, data: bytes) -> Path:
    """Write a file beside its place and move it there, so that no half of it is ever seen."""
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(data)
    partial.replace(target)
    return target


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Open encoded bytes with Pillow under our own limit on pixels; errors become `PictureError`."""
    try:
        with _raised_limit():
            image = Image.open(io.BytesIO(data))
            if image.format in _PROGRAMS:
                raise PictureError(_not_a_picture(data), advice=_readable())
            _check_pixels(image.size)
        with image, _raised_limit_for(image):
            yield image
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(_not_a_picture(data), advice=_readable()) from error
    except Exception as error:  # on hostile bytes the decoders raise nearly everything there is
        raise PictureError(
            f"The picture is broken: {error}.",
            advice="Nothing was sent. Save it anew and try again.",
        ) from error


@contextmanager
def _raised_limit() -> Iterator[None]:
    """Lift Pillow's limit where ours applies; it is process-wide, so under a lock, and put back."""
    with _pillow_limit:
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


@contextmanager
def _raised_limit_for(image: Image.Image) -> Iterator[None]:
    """Hold the raised limit while decoding only where a decoder checks again: very large pictures."""
    if image.width * image.height < 80_000_000:
        yield
        return
    with _raised_limit():
        yield


def _check_pixels(size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise PictureError(
            f"The picture has {width} x {height} = {width * height / 1e6:,.0f} megapixels; "
            f"at most {MOST_PIXELS // 1_000_000} are accepted.",
            advice="Nothing was sent. Make it smaller first.",
        )


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
        reasons = _unfit(image)
        if not reasons:
            icc = image.info.get("icc_profile")
            size, kind = image.size, _kind(image)
            _check_whole(data)
            return Photo(data, kind, size, name, icc)
        tables = _tables(image)
        upright = _fit(image)
    return _encoded(upright, name, tables=tables, notes=tuple(reasons))


def _kind(image: Image.Image) -> str:
    """Name the format, taking a phone's multi-picture JPEG for the JPEG that it begins with."""
    return "JPEG" if image.format == "MPO" else str(image.format)


def _unfit(image: Image.Image) -> list[str]:
    """Say why a picture cannot be sent as it is; an empty list means it can."""
    reasons = []
    if _orientation(image) not in {0, 1}:
        reasons.append("Turned upright as its EXIF orientation says.")
    if image.mode not in _FIT_MODES or (image.mode != "RGBA" and "transparency" in image.info):
        reasons.append(f"Converted from {image.mode} to 8-bit RGB.")
    if _kind(image) not in FORMATS:
        reasons.append(f"Converted from {image.format} to PNG.")
    elif image.format != "MPO" and getattr(image, "is_animated", False):  # n_frames reads them all
        reasons.append("Only the first of several pictures in the file is used.")
    return reasons


def _orientation(image: Image.Image) -> int:
    """Read how EXIF says the camera was held; asking a PNG that has no EXIF would decode it all."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _check_whole(data: bytes) -> None:
    """Fail on a truncated file, as cheaply as its format allows."""
    with opened(data) as image:
        if image.format == "PNG":
            image.verify()
            return
        image.draft(image.mode, (1, 1))
        image.load()


def _fit(image: Image.Image) -> Image.Image:
    """Turn upright and convert to 8-bit RGB, RGBA or grey."""
    _check_pixels(image.size)
    upright = ImageOps.exif_transpose(image)
    icc = upright.info.get("icc_profile")
    if upright.mode in _FIT_MODES and "transparency" not in upright.info:
        return upright
    if upright.mode == "CMYK":
        return _from_cmyk(upright, icc)
    if upright.mode.startswith("I") or upright.mode == "F":
        return _from_deep(upright)
    transparent = "transparency" in upright.info or upright.mode in {"PA", "RGBa", "La"}
    return upright.convert("RGBA" if transparent else "L" if upright.mode == "1" else "RGB")


def _from_cmyk(image: Image.Image, icc: bytes | None) -> Image.Image:
    from PIL import ImageCms  # 40 ms to load, and rarely needed

    if icc:
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(io.BytesIO(icc)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except ImageCms.PyCMSError:
            converted = None
        if converted is not None:
            converted.info.pop("icc_profile", None)
            return converted
    plain = image.convert("RGB")
    plain.info.pop("icc_profile", None)
    return plain


def _from_deep(image: Image.Image) -> Image.Image:
    """Bring 16-bit or float grey to 8 bits; 32-bit integers are taken for 16-bit samples."""
    values = np.asarray(image, dtype=np.float64)
    if image.mode == "F" and values.max(initial=0.0) <= 1.0:
        values = values * 65535
    return Image.fromarray(np.clip(values / 257 + 0.5, 0, 255).astype(np.uint8))


def _from_array(source: Any) -> Image.Image:
    array = np.asarray(source)
    if array.dtype == object or array.ndim not in {2, 3} or 0 in array.shape:
        raise PictureError(
            f"A {type(source).__name__} of shape {array.shape} is not a picture.",
            advice="Pass a path, bytes, a Pillow image, or an array (height, width[, 3 or 4]).",
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 3 and array.shape[2] not in {3, 4}:
        raise PictureError(
            f"An array of shape {array.shape} is not a picture.",
            advice="The last axis must have 3 (RGB) or 4 (RGBA) channels.",
        )
    return Image.fromarray(np.ascontiguousarray(_eight_bits(array)))


def _eight_bits(array: npt.NDArray[Any]) -> Pixels:
    if array.dtype == np.uint8:
        return np.asarray(array, dtype=np.uint8)
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return np.asarray((array.astype(np.uint32) + 128) // 257, dtype=np.uint8)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or array.min() < -1e-6 or array.max() > 1 + 1e-6:
            raise PictureError(
                "Float pixels must be finite and lie between 0 and 1.",
                advice="Divide by the largest value, or convert to uint8 first.",
            )
        return np.asarray(np.clip(array, 0, 1) * 255 + 0.5, dtype=np.uint8)
    raise PictureError(
        f"Pixels of type {array.dtype} are ambiguous.",
        advice="Use uint8 (0-255), uint16 (0-65535), bool, or floats from 0 to 1.",
    )


def _tables(image: Image.Image) -> dict[str, Any] | None:
    """Keep a JPEG's own quantisation, so that encoding it again after a turn costs next to nothing."""
    if _kind(image) != "JPEG" or image.mode not in {"RGB", "L"}:
        return None
    sampling = JpegImagePlugin.get_sampling(image)
    return {"qtables": image.quantization, "subsampling": max(sampling, 0)}  # type: ignore[attr-defined]


def _encoded(
    image: Image.Image,
    name: str,
    *,
    tables: dict[str, Any] | None = None,
    notes: tuple[str, ...] = (),
) -> Photo:
    icc = image.info.get("icc_profile")
    kind = "JPEG" if tables else "PNG"
    return Photo(_encode(image, kind, icc, **(tables or {})), kind, image.size, name, icc, notes)


def _encode(image: Image.Image, kind: str, icc: bytes | None, **options: Any) -> bytes:
    """Encode with settings that keep quality first and speed second."""
    usual: dict[str, dict[str, Any]] = {
        "PNG": {"compress_level": 1},  # level 6 takes 4-9 times longer for a few per cent
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"quality": 95},
    }
    buffer = io.BytesIO()
    chosen = options or usual.get(kind, {})
    image.save(buffer, kind, icc_profile=icc, **chosen)
    return buffer.getvalue()


def _name_of(image: Image.Image) -> str:
    return called(Path(str(getattr(image, "filename", ""))).stem)


def _not_a_picture(data: bytes) -> str:
    if not data:
        return "The picture is empty (0 bytes)."
    if data.lstrip()[:1] in {b"<", b"{"}:
        return "This is text (HTML or JSON), not a picture."
    return "This is not a picture in a known format."


def _readable() -> str:
    return (
        "Nothing was sent. JPEG, PNG, WebP, BMP and TIFF are read; develop camera raw files "
        "to one of them first."
    )
