"""Between bytes and arrays: limits judged by the header before anything is decoded, and encoding as the input was.

Pictures are turned upright by their EXIF orientation first; sizes, masks and results are all of the upright picture.
"""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from retouch_nb.engine.failures import Cause, Failure, Misfit
from retouch_nb.engine.store import Product

Pixels: TypeAlias = NDArray[np.uint8]
Marks: TypeAlias = NDArray[np.bool_]
Size: TypeAlias = tuple[int, int]

ORIENTATION = 0x0112

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each EXIF orientation."""


@dataclass(frozen=True)
class Bounds:
    """What a service decodes.

    Attributes
    ----------
    formats : tuple of str
        By Pillow's names.
    most_side : int
        The largest width or height.
    most_pixels : int or None
        The largest area; None leaves it to Pillow, whose limit is smaller than some services' own.
    """

    formats: tuple[str, ...]
    most_side: int
    most_pixels: int | None = None


PICWISH = Bounds(("JPEG", "PNG", "BMP", "DIB", "WEBP", "TIFF"), 4096)


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes
    ----------
    pixels : ndarray
        ``uint8``, (height, width, 3), RGB.
    alpha : ndarray or None
        ``uint8``, (height, width), where the input had transparency.
    profile : bytes or None
        The ICC profile the pixels are meant in; None is sRGB.
    lossy : bool
        Whether the input was a JPEG, and the result is to be one.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    profile: bytes | None = None
    lossy: bool = False

    @property
    def size(self) -> Size:
        """Width and height."""
        height, width = self.pixels.shape[:2]
        return width, height


def size_of(data: bytes, /, *, bounds: Bounds = PICWISH) -> Size:
    """Read the upright width and height from the header; `Failure` for what may not be decoded."""
    with _reading(data, bounds) as image:
        return _upright_size(image)


def decode(data: bytes, /, *, bounds: Bounds = PICWISH) -> Picture:
    """Decode a photo; `Failure` with `Cause.BROKEN` or `Cause.TOO_LARGE` otherwise."""
    with _reading(data, bounds) as image:
        lossy, profile = image.format in ("JPEG", "MPO"), image.info.get("icc_profile")
        image = _upright(image)
        rgb, profile = _rgb(image, profile)
        return Picture(np.array(rgb), _alpha(image), profile, lossy)


def decode_mask(data: bytes, /, *, name: str, size: Size | None, bounds: Bounds = PICWISH) -> Marks:
    """Decode a mask: white, from the middle grey on, is true; transparent is black.

    Raises
    ------
    Misfit
        It is not of the size given.
    Failure
        It cannot be decoded.
    """
    with _reading(data, bounds) as image:
        if size and (found := _upright_size(image)) != size:
            sizes = f"{found[0]} x {found[1]} pixels, the picture {size[0]} x {size[1]}"
            raise Misfit(f"{name} has {sizes}; they must be equal.")
        image = _upright(image)
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return np.asarray(image.convert("L")) >= 128


def encode(picture: Picture, /, **facts: object) -> Product:
    """Encode a picture: a JPEG stays one, all else becomes a PNG without loss; the ICC profile is kept."""
    image = Image.fromarray(picture.pixels)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    file = io.BytesIO()
    if picture.lossy:
        image.save(file, "JPEG", quality=95, subsampling=0, icc_profile=picture.profile)
        return Product(file.getvalue(), "image/jpeg", ".jpg", facts)
    image.save(file, "PNG", compress_level=1, icc_profile=picture.profile)
    return Product(file.getvalue(), "image/png", ".png", facts)


def in_profile(picture: Picture, profile: bytes | None, /) -> Pixels:
    """Give the pixels a picture has in another colour profile (None is sRGB), so that both can be compared."""
    if picture.profile == profile:
        return picture.pixels
    try:
        source, target = map(_profile, (picture.profile, profile))
        converted = ImageCms.profileToProfile(Image.fromarray(picture.pixels), source, target)
    except (ImageCms.PyCMSError, OSError):
        return picture.pixels  # a profile that cannot be read says nothing
    return np.asarray(converted)


def _profile(profile: bytes | None) -> ImageCms.ImageCmsProfile:
    if profile is None:
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsProfile(io.BytesIO(profile))


@contextlib.contextmanager
def _reading(data: bytes, bounds: Bounds) -> Iterator[Image.Image]:
    Image.init()  # without it Pillow knows only half of the formats
    try:
        with _opened(data, bounds) as image:
            if max(image.size) > bounds.most_side:
                raise _too_large(bounds)
            if bounds.most_pixels and image.width * image.height > bounds.most_pixels:
                most = bounds.most_pixels / 1e6
                raise Failure(Cause.TOO_LARGE, f"The picture has more than {most:g} megapixels")
            yield image
    except Failure:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(bounds) from error
    except Exception as error:
        # On hostile bytes Pillow's decoders raise nearly everything there is.
        raise Failure(Cause.BROKEN, "Invalid image") from error


def _opened(data: bytes, bounds: Bounds) -> Image.Image:
    if bounds.most_pixels is None:
        return Image.open(io.BytesIO(data), formats=bounds.formats)
    # Pillow's own limit is lower, holds for the whole process, and is checked by Image.open alone.
    for name in bounds.formats:
        factory, accept = Image.OPEN[name]
        if accept and accept(data[:16]):
            return factory(io.BytesIO(data), "")
    raise Failure(Cause.BROKEN, f"The picture is neither {' nor '.join(bounds.formats)}")


def _too_large(bounds: Bounds) -> Failure:
    return Failure(Cause.TOO_LARGE, f"A side has more than {bounds.most_side} pixels")


def _orientation(image: Image.Image) -> int:
    # Pillow turns a TIFF itself; a PNG's EXIF may stand behind its pixels, and asking for it would decode them.
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:
        # A picture with broken EXIF is still a picture.
        return 1


def _upright_size(image: Image.Image) -> Size:
    width, height = image.size
    return (height, width) if _orientation(image) in (5, 6, 7, 8) else (width, height)


def _upright(image: Image.Image) -> Image.Image:
    """Turn it, and bring grey of 16 bits down to 8."""
    turn = UPRIGHT.get(_orientation(image))
    image = image if turn is None else image.transpose(turn)
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise Failure(Cause.BROKEN, "Pictures of 32 bits a channel are not supported")
    return image


def _alpha(image: Image.Image) -> Pixels | None:
    return np.array(image.convert("RGBA"))[..., 3] if image.has_transparency_data else None


def _rgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Convert to RGB; a profile for RGB is kept, one for grey or CMYK is applied, which gives sRGB."""
    if not profile or profile[16:20] == b"RGB ":
        return image.convert("RGB"), profile or None
    opaque = image.convert("L") if image.mode in ("LA", "La") else image
    try:
        source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(opaque, source, srgb, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        converted = None
    return converted or image.convert("RGB"), None
